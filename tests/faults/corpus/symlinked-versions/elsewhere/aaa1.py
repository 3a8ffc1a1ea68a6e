"""step aaa1"""

from alembic import op
import sqlalchemy as sa

revision = 'aaa1'
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('t_aaa1', sa.Column("id", sa.Integer(), primary_key=True))


def downgrade():
    op.drop_table('t_aaa1')
