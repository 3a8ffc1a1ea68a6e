from alembic import context

raise LookupError('no setting APP_DB')
