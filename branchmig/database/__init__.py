"""The only owner of sqlalchemy and alembic: env.py is run here, and nothing else touches a database."""
