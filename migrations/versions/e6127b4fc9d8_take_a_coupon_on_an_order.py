"""take a coupon on an order

Revision ID: e6127b4fc9d8
Revises: 5a90d3e1f8c2
Create Date: 2026-02-05 16:48:12.007391

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision: str = 'e6127b4fc9d8'
down_revision: Union[str, Sequence[str], None] = '5a90d3e1f8c2'
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    """Upgrade schema."""
    with op.batch_alter_table("orders") as orders:
        orders.add_column(sa.Column("coupon_id", sa.Integer(), nullable=True))
        orders.create_foreign_key("fk_orders_coupon_id", "coupons", ["coupon_id"], ["id"])


def downgrade() -> None:
    """Downgrade schema."""
    with op.batch_alter_table("orders") as orders:
        orders.drop_constraint("fk_orders_coupon_id", type_="foreignkey")
        orders.drop_column("coupon_id")
