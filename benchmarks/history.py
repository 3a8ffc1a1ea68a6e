"""Makes large synthetic histories, the same every time, and the Alembic projects that hold them."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

Shape = Literal["linear", "branchy"]

INI = """[alembic]
script_location = %(here)s/migrations
path_separator = os
sqlalchemy.url = sqlite:///%(here)s/app.db
"""

ENV = """from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
"""

# As alembic's own template (1.20) writes it.
SCRIPT = '''"""step {number}

Revision ID: {revision}
Revises: {revises}
Create Date: 2026-01-01 00:00:00.000000

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision: str = {revision!r}
down_revision: Union[str, Sequence[str], None] = {parents!r}
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    """Upgrade schema."""
    op.create_table('t{number}', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('name', sa.String(50)))


def downgrade() -> None:
    """Downgrade schema."""
    op.drop_table('t{number}')
'''


def parents_by_id(shape: Shape, revisions: int) -> dict[str, tuple[str, ...]]:
    """Return each revision with its parents, oldest first.

    linear: one line. branchy: about a third of the revisions fork off and are merged again, as a team with
    parallel feature branches leaves it.
    """
    numbers = _line(revisions) if shape == "linear" else _braid(revisions)
    ids = [hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()[:12] for number in range(revisions)]
    return {ids[number]: tuple(ids[parent] for parent in parents) for number, parents in enumerate(numbers)}


def write_project(folder: Path, shape: Shape, revisions: int) -> None:
    """Write a project on SQLite; the database does not exist yet."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text(INI)
    (folder / "migrations" / "env.py").write_text(ENV)
    (folder / "migrations" / "script.py.mako").touch()
    for number, (revision, parents) in enumerate(parents_by_id(shape, revisions).items()):
        text = SCRIPT.format(
            number=number, revision=revision, revises=", ".join(parents), parents=_as_alembic_writes(parents)
        )
        (versions / f"{revision}_step_{number}.py").write_text(text)


def _line(revisions: int) -> list[tuple[int, ...]]:
    return [(number - 1,) if number else () for number in range(revisions)]


def _braid(revisions: int) -> list[tuple[int, ...]]:
    chance = random.Random(7)
    parents: list[tuple[int, ...]] = [()]
    tips = [0]
    for number in range(1, revisions - 1):
        roll = chance.random()
        if len(tips) > 1 and (roll < 0.3 or len(tips) > 6):
            parents.append((tips.pop(), tips.pop()))
        elif roll < 0.6:
            parents.append((tips.pop(),))
        else:
            parents.append(parents[tips[-1]][:1] or (tips[-1],))
        tips.append(number)
    return [*parents, tuple(tips)]


def _as_alembic_writes(parents: tuple[str, ...]) -> str | tuple[str, ...] | None:
    return None if not parents else parents[0] if len(parents) == 1 else parents
