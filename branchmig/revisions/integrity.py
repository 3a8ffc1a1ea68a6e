"""PURE. Defects of a set of revisions, before any graph algorithm runs; knows no file and no git.

Cycles are the one defect left to `dag.py`, which owns the graph library that finds their paths.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from branchmig.model import Problem, Revision

ALEMBICS_LENGTH = 32
"""Characters. alembic creates the column as `version_num VARCHAR(32)`; a project may have made it wider."""

RESERVED_IDS = frozenset({"head", "heads", "base", "current"})

# `@ + - :` are alembic's grammar; a quote or a backslash would end, or change, the SQL literal that alembic builds
# for the version row without escaping (alembic.runtime.migration.HeadMaintainer, `literal_column("'%s'")`).
_FORBIDDEN = re.compile(r"""[@+\-:'\\]""")


def id_defect(revision_id: object) -> str | None:
    """Return why `revision_id` cannot be the id of a revision on any database, or None if it can on some."""
    if not isinstance(revision_id, str):
        return "is not a string"
    if not revision_id:
        return "is empty"
    if revision_id in RESERVED_IDS:
        return "is a reserved word"
    found = _FORBIDDEN.search(revision_id)
    if found:
        return f"holds {found.group()!r}, which neither alembic's grammar nor its version row can carry"
    if not revision_id.isprintable():
        return "holds a character that cannot be printed"
    if revision_id != revision_id.strip():
        return "begins or ends with a space, which databases compare as if it were not there"
    return None


def new_id_defect(revision_id: str, others: Iterable[str]) -> str | None:
    """Return why `revision_id` cannot be given to a new revision, among `others` of its project, or None if it can.

    Its file is named after it, and most version tables are as wide as alembic makes them.
    """
    defect = id_defect(revision_id)
    if defect:
        return defect
    if "/" in revision_id or revision_id.startswith("."):
        return "cannot be part of a file's name"
    if len(revision_id) > ALEMBICS_LENGTH and not any(len(other) > ALEMBICS_LENGTH for other in others):
        return f"has {len(revision_id)} characters; the version table holds {ALEMBICS_LENGTH}"
    return None


def problems_of(
    revisions: Sequence[Revision], by_id: Mapping[str, Revision], labels: Mapping[str, str]
) -> list[Problem]:
    """Return every problem but cycles, in a fixed order: ids, duplicates, labels, parents, dependencies.

    `by_id` and `labels` (label to the id that carries it) are what the graph was built with; where an id or a
    label occurs twice, either of the two will do.
    """
    problems = [_bad_id(revision, defect) for revision in revisions if (defect := id_defect(revision.id))]
    if len(by_id) != len(revisions):
        problems += _duplicates(revisions)
    problems += _label_clashes(revisions, by_id)
    unknown = ", ".join(revision.unknown_labels for revision in revisions if revision.unknown_labels)
    for revision in revisions:
        problems += _missing(revision, by_id, labels, unknown)
    return problems


def place(revision: Revision) -> str:
    """Return the file that a revision comes from, or its id where there is no file."""
    return revision.path or f"revision {revision.id}"


def paths_of(revisions: Iterable[Revision]) -> tuple[str, ...]:
    """Return the files of some revisions, sorted."""
    return tuple(sorted(revision.path for revision in revisions if revision.path))


@dataclass(frozen=True, slots=True)
class ChangedRevision:
    """A settled revision and what became of it here: another version of it, or None where it is gone."""

    before: Revision
    after: Revision | None


def changed_revisions(
    settled: Sequence[Revision], here: Sequence[Revision], is_same: Callable[[Revision, Revision], bool]
) -> list[ChangedRevision]:
    """Return what of the settled revisions was rewritten or is gone, sorted by id.

    `is_same` says whether two files of one revision do the same. A file whose id alone was changed counts as
    rewritten, not as gone.
    """
    by_id = {revision.id: revision for revision in here}
    by_path = {revision.path: revision for revision in here if revision.path}
    changes = []
    for before in sorted(settled, key=lambda revision: revision.id):
        after = by_id.get(before.id)
        if after is None:
            changes.append(ChangedRevision(before, by_path.get(before.path) if before.path else None))
        elif not is_same(before, after):
            changes.append(ChangedRevision(before, after))
    return changes


def _bad_id(revision: Revision, defect: str) -> Problem:
    return Problem(
        "invalid-revision-id",
        f"{place(revision)}: revision id {revision.id!r} {defect}",
        "give it an id of letters, digits, '_' and '.', here and wherever a down_revision names it",
        (revision.id,),
        paths_of([revision]),
    )


def _duplicates(revisions: Sequence[Revision]) -> list[Problem]:
    by_id: dict[str, list[Revision]] = {}
    for revision in revisions:
        by_id.setdefault(revision.id, []).append(revision)
    return [
        Problem(
            "duplicate-revision",
            f"revision {twice!r} is defined {len(several)} times: {', '.join(sorted(map(place, several)))}",
            "delete the copy, or give one of them an id of its own",
            (twice,),
            paths_of(several),
        )
        for twice, several in sorted(by_id.items())
        if len(several) > 1
    ]


def _label_clashes(revisions: Sequence[Revision], by_id: Mapping[str, Revision]) -> list[Problem]:
    problems = []
    owners: dict[str, Revision] = {}
    for revision in revisions:
        for label in revision.labels:
            other = owners.setdefault(label, revision)
            if label in by_id:
                problems.append(_clash(label, revision, by_id[label], f"already the id of {place(by_id[label])}"))
            elif other is not revision and other.id != revision.id:
                problems.append(_clash(label, revision, other, f"already used by {place(other)}"))
        if len(set(revision.labels)) != len(revision.labels):
            twice = next(label for label in revision.labels if revision.labels.count(label) > 1)
            problems.append(_clash(twice, revision, revision, "given twice", "name it once"))
    return problems


def _clash(
    label: str, revision: Revision, other: Revision, why: str, hint: str = "give one of the two another label"
) -> Problem:
    return Problem(
        "label-clash",
        f"{place(revision)}: branch label {label!r} is {why}",
        hint,
        tuple(sorted({revision.id, other.id})),
        paths_of({revision, other}),
    )


def _way_to_parent(parent: str, by_id: Mapping[str, Revision]) -> str:
    if not parent:
        return "write down_revision = None if it is the first revision"
    squash = next((revision.id for revision in by_id.values() if parent in revision.replaces), None)
    if squash is not None:
        return f"revision {squash!r} replaces it: branchmig rebase; or write {squash!r} in the place of {parent!r}"
    return "restore the file of that revision, or correct the down_revision"


def _missing(
    revision: Revision, by_id: Mapping[str, Revision], labels: Mapping[str, str], unknown: str
) -> list[Problem]:
    problems = [
        Problem(
            "missing-parent",
            f"{place(revision)}: down_revision {parent!r} of revision {revision.id!r} does not exist",
            _way_to_parent(parent, by_id),
            (revision.id,),
            paths_of([revision]),
        )
        for parent in revision.parents
        if parent not in by_id
    ]
    return problems + [
        Problem(
            "missing-dependency",
            f"{place(revision)}: depends_on {needed!r} of revision {revision.id!r} is no revision and no branch label"
            + (f" that is known; those computed at {unknown} are not" if unknown else ""),
            f"write the branch_labels at {unknown} as strings"
            if unknown
            else "restore the file of that revision, or correct the depends_on",
            (revision.id,),
            paths_of([revision]),
        )
        for needed in revision.depends_on
        if needed not in by_id and needed not in labels
    ]
