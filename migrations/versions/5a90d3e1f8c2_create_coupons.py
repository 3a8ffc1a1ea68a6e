"""create coupons

Revision ID: 5a90d3e1f8c2
Revises: b74c19e6a035
Create Date: 2026-02-03 11:26:33.418820

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision: str = '5a90d3e1f8c2'
down_revision: Union[str, Sequence[str], None] = 'b74c19e6a035'
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    """Upgrade schema."""
    op.create_table(
        "coupons",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("percent_off", sa.Integer(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", name="uq_coupons_code"),
    )


def downgrade() -> None:
    """Downgrade schema."""
    op.drop_table("coupons")
