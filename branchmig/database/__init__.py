"""The only owner of sqlalchemy and alembic: runs env.py; no other package touches a database."""
