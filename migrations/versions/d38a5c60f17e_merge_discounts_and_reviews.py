"""merge discounts and reviews

Revision ID: d38a5c60f17e
Revises: e6127b4fc9d8, 91f46d08be3a
Create Date: 2026-02-11 14:02:29.581937

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision: str = 'd38a5c60f17e'
down_revision: Union[str, Sequence[str], None] = ('e6127b4fc9d8', '91f46d08be3a')
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    """Upgrade schema."""
    pass


def downgrade() -> None:
    """Downgrade schema."""
    pass
