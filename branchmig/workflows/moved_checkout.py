"""What the move of a checkout means for the databases, by git and by notes: nothing is run, no database is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchmig.errors import GitError, RevisionGraphError
from branchmig.revisions.fingerprint import upgrade_fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from branchmig.dag import RevisionDag
    from branchmig.project.project import Project, View

MOST_NAMES = 3
"""Revisions that a line names; it counts the others."""

_WAY = "; to update the database: branchmig sync"


def lines_after_move(project: Project, before: str) -> list[str]:
    """Return a line that says what the databases lack or have too much, now that HEAD is no longer at `before`.

    The note of where branchmig left each database decides, where there is one: then a database that is right gets no
    line. Else the line says which revisions came and went. Nothing is said of a graph that is not sound.
    """
    from branchmig.git.rows import noted_rows

    try:
        here, there = project.view("HEAD"), project.view(before)
        dag, old = here.dag, there.dag
        changed = _changed(there, here)
        noted = noted_rows(project.tracked)
    except (RevisionGraphError, GitError):
        return []
    if not noted:
        came = [one for one in dag.order() if one not in old]
        went = [one for one in old.order() if one not in dag]
        parts = [*_part("adds", came), *_part("lacks", went), *_part("changes", changed)]
        return [f"branchmig: this checkout {_joined(parts)}{_WAY}"] if parts else []
    return sorted({line for rows in noted.values() for line in _line_for(rows, dag, old, changed)})


def _line_for(rows: Sequence[str], dag: RevisionDag, old: RevisionDag, changed: Sequence[str]) -> list[str]:
    applied = _below(dag, rows) | _below(old, rows)
    strange = sorted(one for one in rows if one not in dag and one not in old)
    extra = [*(one for one in old.order() if one in applied and one not in dag), *strange]
    # What is below a revision that neither checkout has is not known, so nothing is said to be missing.
    lacking = [] if strange else [one for one in dag.order() if one not in applied]
    parts = [*_part("lacks", lacking), *_part("has another version of", [one for one in changed if one in applied])]
    parts += [f"{part}, which this checkout does not have" for part in _part("has", extra)]
    return [f"branchmig: the database {_joined(parts)}; to update it: branchmig sync"] if parts else []


def _below(dag: RevisionDag, rows: Iterable[str]) -> set[str]:
    known = [row for row in rows if row in dag]
    return {*known, *dag.ancestors(known)} if known else set()


def _changed(there: View, here: View) -> list[str]:
    """Return the revisions that are in both places and whose upgrade does something else."""
    paths = {one.id: one.path for one in there.revisions if one.path}
    pairs = {
        one.id: (paths[one.id], one.path)
        for one in here.revisions
        if one.path and one.id in paths and there.blobs.get(paths[one.id]) != here.blobs.get(one.path)
    }
    before = there.read([old for old, _ in pairs.values()])
    after = here.read([new for _, new in pairs.values()])
    return sorted(
        one for one, (old, new) in pairs.items() if upgrade_fingerprint(before[old]) != upgrade_fingerprint(after[new])
    )


def _part(verb: str, ids: Sequence[str]) -> list[str]:
    if not ids:
        return []
    more = f" and {len(ids) - MOST_NAMES} more" if len(ids) > MOST_NAMES else ""
    return [f"{verb} {', '.join(ids[:MOST_NAMES])}{more}"]


def _joined(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
