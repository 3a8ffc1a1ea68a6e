"""step odd"""

from alembic import op
import sqlalchemy as sa

revision = 'a;b'
down_revision = 'bbb2'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('t_odd', sa.Column("id", sa.Integer(), primary_key=True))


def downgrade():
    op.drop_table('t_odd')
