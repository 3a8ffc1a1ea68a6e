"""PURE. Which tables, columns and other objects a revision touches, read from its source and never run.

`script` follows the statements, `expressions` and `folding` know what their expressions stand for, `calls` what a
call does: `operations` (op.…) with `elements` (columns, constraints), `statements` (SQLAlchemy's own), `sql` and
`commands` (raw SQL). All note touches in a `record`. `collide` compares two sides' touches, by the `rules`.
"""

from branchmig.effects.footprint.collide import Collision, Place, collisions, conflicting_pairs, objects_in_conflict
from branchmig.effects.footprint.model import DbObject, Effect, Footprint, Opaque
from branchmig.effects.footprint.rules import LEVELS
from branchmig.effects.footprint.script import read_changes, read_footprint

__all__ = [
    "LEVELS",
    "Collision",
    "DbObject",
    "Effect",
    "Footprint",
    "Opaque",
    "Place",
    "collisions",
    "conflicting_pairs",
    "objects_in_conflict",
    "read_changes",
    "read_footprint",
]
