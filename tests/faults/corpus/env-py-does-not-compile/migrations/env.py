from alembic import context
def run(:
    pass
