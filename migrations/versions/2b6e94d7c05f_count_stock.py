"""count stock

Revision ID: 2b6e94d7c05f
Revises: d38a5c60f17e
Create Date: 2026-02-18 10:39:45.230675

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision: str = '2b6e94d7c05f'
down_revision: Union[str, Sequence[str], None] = 'd38a5c60f17e'
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    """Upgrade schema."""
    op.add_column("products", sa.Column("stock", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    """Downgrade schema."""
    with op.batch_alter_table("products") as products:
        products.drop_column("stock")
