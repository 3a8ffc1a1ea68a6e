"""The effect of a moved checkout on the databases, by git and by notes: runs nothing, asks no database.

It notes which revisions it has named as gone, to name each once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from branchmig.dag import RevisionDag
from branchmig.errors import GitError, RevisionGraphError
from branchmig.git.said import unsaid
from branchmig.project.project import Project, View
from branchmig.revisions.fingerprint import upgrade_fingerprint

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
        came = [revision_id for revision_id in dag.order() if revision_id not in old]
        went = [revision_id for revision_id in old.order() if revision_id not in dag]
        parts = [*_part("adds", came), *_part("lacks", went), *_part("changes", changed)]
        # Nobody has noted that a database has what went: it may never have had it, so it is said once.
        if went and not came and not changed and not unsaid(project.tracked, [f"gone:{name}" for name in went]):
            return []
        way = _WAY if came or changed else "; to revert it in a database that has it: branchmig sync"
        return [f"branchmig: this checkout {_joined(parts)}{way}"] if parts else []
    return sorted({line for rows in noted.values() for line in _line_for(rows, dag, old, changed)})


def _line_for(rows: Sequence[str], dag: RevisionDag, old: RevisionDag, changed: Sequence[str]) -> list[str]:
    applied = _below(dag, rows) | _below(old, rows)
    strange = sorted(revision_id for revision_id in rows if revision_id not in dag and revision_id not in old)
    extra = [
        *(revision_id for revision_id in old.order() if revision_id in applied and revision_id not in dag),
        *strange,
    ]
    # What is below a revision that neither checkout has is not known, so nothing is said to be missing.
    lacking = [] if strange else [revision_id for revision_id in dag.order() if revision_id not in applied]
    parts = [*_part("lacks", lacking), *_part("has another version of", [name for name in changed if name in applied])]
    parts += [f"{part}, which this checkout does not have" for part in _part("has", extra)]
    return [f"branchmig: the database {_joined(parts)}; to update it: branchmig sync"] if parts else []


def _below(dag: RevisionDag, rows: Iterable[str]) -> set[str]:
    known = [row for row in rows if row in dag]
    return {*known, *dag.ancestors(known)} if known else set()


def _changed(there: View, here: View) -> list[str]:
    """Return the revisions that are in both places and whose upgrade does something else."""
    paths = {revision.id: revision.path for revision in there.revisions if revision.path}
    pairs = {
        revision.id: (paths[revision.id], revision.path)
        for revision in here.revisions
        if revision.path
        and revision.id in paths
        and there.blobs.get(paths[revision.id]) != here.blobs.get(revision.path)
    }
    before = there.read([old for old, _ in pairs.values()])
    after = here.read([new for _, new in pairs.values()])
    return sorted(
        pair
        for pair, (old, new) in pairs.items()
        if upgrade_fingerprint(before[old]) != upgrade_fingerprint(after[new])
    )


def _part(verb: str, ids: Sequence[str]) -> list[str]:
    if not ids:
        return []
    more = f" and {len(ids) - MOST_NAMES} more" if len(ids) > MOST_NAMES else ""
    return [f"{verb} {', '.join(ids[:MOST_NAMES])}{more}"]


def _joined(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
