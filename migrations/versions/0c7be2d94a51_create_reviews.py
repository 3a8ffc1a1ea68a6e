"""create reviews

Revision ID: 0c7be2d94a51
Revises: b74c19e6a035
Create Date: 2026-02-04 13:55:09.752446

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision: str = '0c7be2d94a51'
down_revision: Union[str, Sequence[str], None] = 'b74c19e6a035'
branch_labels: Union[str, Sequence[str], None] = 'reviews'
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    """Upgrade schema."""
    op.create_table(
        "reviews",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("stars", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_reviews_product_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_reviews_user_id"),
    )


def downgrade() -> None:
    """Downgrade schema."""
    op.drop_table("reviews")
