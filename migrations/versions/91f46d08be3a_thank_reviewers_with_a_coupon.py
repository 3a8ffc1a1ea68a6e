"""thank reviewers with a coupon

Revision ID: 91f46d08be3a
Revises: 0c7be2d94a51
Create Date: 2026-02-09 08:20:57.163208

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision: str = '91f46d08be3a'
down_revision: Union[str, Sequence[str], None] = '0c7be2d94a51'
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = '5a90d3e1f8c2'


def upgrade() -> None:
    """Upgrade schema."""
    with op.batch_alter_table("reviews") as reviews:
        reviews.add_column(sa.Column("coupon_id", sa.Integer(), nullable=True))
        reviews.create_foreign_key("fk_reviews_coupon_id", "coupons", ["coupon_id"], ["id"])


def downgrade() -> None:
    """Downgrade schema."""
    with op.batch_alter_table("reviews") as reviews:
        reviews.drop_constraint("fk_reviews_coupon_id", type_="foreignkey")
        reviews.drop_column("coupon_id")
