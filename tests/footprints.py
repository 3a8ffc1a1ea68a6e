"""Footprints from the body of an upgrade(), written in one string."""

from __future__ import annotations

import textwrap

from branchmig.effects.footprint import Effect, Footprint, read_footprint

HEADER = """\
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = 'aaa1'
down_revision = None

"""
FIRST_LINE = 11
"""Of the body, in the file that footprint_of makes without other code before it."""


def script(body: str, before: str = "") -> bytes:
    """Return the source of a revision whose upgrade() is `body`."""
    upgrade = textwrap.indent(textwrap.dedent(body).strip("\n") or "pass", "    ")
    return f"{HEADER}{textwrap.dedent(before)}\n\ndef upgrade():\n{upgrade}\n".encode()


def footprint_of(body: str, before: str = "") -> Footprint:
    """Return what the upgrade() `body` touches; `before` stands above it in the module."""
    return read_footprint(script(body, before))


def touched(body: str, before: str = "") -> list[str]:
    """Return the touches as words, `create column users.email`; what cannot be read as `? …`."""
    footprint = footprint_of(body, before)
    found = ["".join([f"{touche.action} {touche.object}", *_marks(touche)]) for touche in footprint.touches]
    return [*found, *(f"? {item.what}" for item in footprint.opaque)]


def _marks(touch: Effect) -> list[str]:
    return [f" +{aspect}" for aspect in sorted(touch.aspects)]
