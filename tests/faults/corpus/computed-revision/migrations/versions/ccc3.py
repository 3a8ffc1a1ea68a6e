"""step ccc3"""

from alembic import op
import sqlalchemy as sa

revision = getattr(sa, 'no_such_name', 'ccc3')
down_revision = 'bbb2'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('t_ccc3', sa.Column("id", sa.Integer(), primary_key=True))


def downgrade():
    op.drop_table('t_ccc3')
