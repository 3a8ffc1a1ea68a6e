"""PURE. From what is applied and a target to a Plan: ordered steps and the version rows after each.

The order of every plan is `RevisionDag.order()` restricted to what must run, or its reverse: so it does not
depend on file names, and a downgrade undoes an upgrade step by step. The rows after a step are the maximal
applied revisions, which is what alembic's HeadMaintainer leaves wherever it works.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from branchmig import identifiers
from branchmig.dag import RevisionDag
from branchmig.errors import InvalidTarget, OrphanRevision, UnknownRevision, VersionTableError
from branchmig.identifiers import Identifier
from branchmig.model import Plan, Revision, Step


def plan_upgrade(dag: RevisionDag, target: str, applied: Sequence[str | None] = ()) -> Plan:
    """Return the steps that bring a database whose version table holds `applied` up to `target`.

    A target that is applied already gives a plan without steps. Raises UnknownRevision, AmbiguousRevision,
    MultipleHeads, InvalidTarget, or VersionTableError for rows that no sound database holds.
    """
    rows = check_applied(dag, applied)
    targets = _upgrade_targets(dag, target, rows)
    if set(targets) <= set(rows):
        return Plan(rows)
    return Plan(rows, upgrade_steps(dag, rows, dag.including(targets) - dag.including(rows)))


def plan_downgrade(dag: RevisionDag, target: str, applied: Sequence[str | None] = ()) -> Plan:
    """Return the steps that bring a database down to `target`, which stays applied.

    What depends on a revision that goes, goes with it. `label@base` undoes that branch's own revisions and
    leaves the trunk and other branches; `-1` on a merge revision undoes the merge and leaves its parents.
    Raises as plan_upgrade does, and InvalidTarget where the target is not applied.
    """
    rows = check_applied(dag, applied)
    first_to_go, kept = _downgrade_roots(dag, target, rows)
    active = dag.including(rows)
    if not kept <= active:
        raise InvalidTarget(
            f"{target!r} is not applied: the database is at {', '.join(rows) or 'base'}",
            f"'branchmig upgrade {target}' applies it; 'branchmig stamp {target}' only records it",
        )
    leaving = dag.descendants(first_to_go).union(first_to_go) & active
    return Plan(rows, downgrade_steps(dag, rows, leaving, active))


def plan_addition(dag: RevisionDag, wanted: Iterable[str], applied: Sequence[str | None] = ()) -> Plan:
    """Return the steps that apply some revisions, ids in full, with all below them."""
    rows = check_applied(dag, applied)
    targets = frozenset(wanted)
    return Plan(rows, upgrade_steps(dag, rows, dag.including(targets) - dag.including(rows)))


def plan_removal(dag: RevisionDag, unwanted: Iterable[str], applied: Sequence[str | None] = ()) -> Plan:
    """Return the steps that revert some revisions, ids in full, with all that depends on them."""
    rows = check_applied(dag, applied)
    active = dag.including(rows)
    gone = frozenset(unwanted)
    return Plan(rows, downgrade_steps(dag, rows, dag.descendants(gone).union(gone) & active, active))


def plan_missing(dag: RevisionDag, applied_ids: Collection[str], rows: Sequence[str | None]) -> Plan:
    """Return the steps that run the revisions below the version rows that were never applied, in upgrade order.

    `applied_ids` are what has really run. The rows stay as they are: what is missing is below them.
    """
    at = check_applied(dag, rows)
    missing = dag.including(at).difference(applied_ids)
    return Plan(at, upgrade_steps(dag, at, missing, covered=missing))


def plan_stamp(dag: RevisionDag, targets: Sequence[str], applied: Sequence[str | None] = ()) -> Plan:
    """Return the steps that make the version table say `targets`, running no script.

    Rows related to a target (above or below it) give way to it, others stay; `base` removes all rows,
    `label@base` those of that branch. Raises as plan_upgrade does.
    """
    rows = check_applied(dag, applied)
    new: list[str] = []
    leaving: set[str] = set()
    for target in targets:
        found = _stamp_target(dag, target)
        new += found
        label = identifiers.parse(dag, target).label
        named = found or (() if label is None else (identifiers.branch_owner(dag, label),))
        leaving |= set(rows) & dag.ancestors(named).union(dag.descendants(named), named) if named else set(rows)
    new = list(dict.fromkeys(new))
    if overlap := _overlap(dag, new):
        raise InvalidTarget(
            f"revision {overlap[0]!r} is asked for beside its descendant {overlap[1]!r}",
            f"{overlap[1]!r} includes it: leave {overlap[0]!r} out",
        )
    return Plan(rows, _stamp_steps(dag, rows, leaving, new))


def from_place(plan: Plan, source: Callable[[Revision], str]) -> Plan:
    """Return the plan with each step's `source` named by `source`: for scripts that lie in a git place.

    A step that names a place already, as an old script of a squash does, keeps it.
    """
    steps = tuple(
        replace(step, source=source(step.revision)) if step.revision and step.source == "worktree" else step
        for step in plan.steps
    )
    return replace(plan, steps=steps)


def check_applied(dag: RevisionDag, applied: Sequence[str | None]) -> tuple[str, ...]:
    """Return the rows of a version table, sorted, if a sound database could hold them.

    Raises UnknownRevision for a revision that this graph lacks, and VersionTableError for NULL, a row that is
    there twice, an abbreviated id, and an ancestor beside its descendant: alembic runs on with each of these
    and leaves wrong rows behind.
    """
    rows: list[str] = []
    for row in applied:
        if row is None:
            known = " ".join(sorted({str(row) for row in applied if row is not None})) or "REVISION"
            raise VersionTableError(
                "the version table holds NULL", f"to set it right: branchmig stamp --purge {known}", applied
            )
        if not isinstance(row, str):  # the column may be of any type, whatever alembic makes
            raise VersionTableError(
                f"the version table holds {row!r}, which is no text",
                "make its column version_num a VARCHAR(32), as alembic does",
                applied,
            )
        if row not in dag:
            raise _unknown_row(dag, row, applied)
        rows.append(row)
    if twice := sorted({row for row in rows if rows.count(row) > 1}) if len(set(rows)) < len(rows) else []:
        raise VersionTableError(
            f"the version table holds {twice[0]!r} {rows.count(twice[0])} times",
            f"to set it right: branchmig stamp --purge {' '.join(sorted(set(rows)))}",
            applied,
        )
    if overlap := _overlap(dag, rows):
        raise VersionTableError(
            f"revision {overlap[0]!r} is in the version table beside its descendant {overlap[1]!r}",
            f"{overlap[1]!r} includes it: branchmig stamp --purge {' '.join(dag.maximal(rows))}",
            applied,
        )
    return tuple(sorted(rows))


def _unknown_row(dag: RevisionDag, row: str, applied: Sequence[str | None]) -> Exception:
    if row != row.rstrip(" ") and row.rstrip(" ") in dag:
        return VersionTableError(
            f"the version table holds {row.rstrip(' ')!r} with {len(row) - len(row.rstrip(' '))} spaces after it",
            "its column version_num is a CHAR: make it a VARCHAR(32), and take the spaces away",
            applied,
        )
    longer = [revision.id for revision in dag if row and revision.id.startswith(row)]
    if len(longer) == 1:
        others = [other for other in applied if other not in (row, None)]
        return VersionTableError(
            f"the version table holds {row!r}, an abbreviation of {longer[0]!r}",
            f"to set it right: branchmig stamp --purge {' '.join([longer[0], *map(str, others)])}",
            applied,
        )
    if not len(dag):
        return UnknownRevision(
            f"the database is at {row!r}, and this project has no revisions at all",
            "is it the right checkout, and the right version_locations?",
            row,
        )
    return OrphanRevision(
        f"the database is at {row!r}, a revision that this checkout does not have",
        "switch to the git branch that holds it, or record another one: branchmig stamp --purge REVISION",
        row,
    )


def _overlap(dag: RevisionDag, ids: Sequence[str]) -> tuple[str, str] | None:
    """Return the first of `ids` that is an ancestor of another of them, and that other one."""
    tips = dag.maximal(ids)
    lower = sorted(set(ids) - set(tips))
    return (lower[0], next(tip for tip in tips if lower[0] in dag.ancestors([tip]))) if lower else None


def _upgrade_targets(dag: RevisionDag, target: str, rows: Sequence[str]) -> tuple[str, ...]:
    identifier = _parsed(dag, target)
    if identifier.offset == 0 and identifier.symbol is None:
        raise _goes_nowhere(target)
    if identifier.is_relative_to_database and (identifier.offset or 0) < 0:
        raise InvalidTarget(
            f"relative revision {target!r} goes down, not up", f"branchmig downgrade {target}, or upgrade +1"
        )
    return identifiers.resolve(dag, target, rows)


def _downgrade_roots(dag: RevisionDag, target: str, rows: tuple[str, ...]) -> tuple[frozenset[str], set[str]]:
    """Return the lowest revisions to undo, and those that must be applied when it is done."""
    identifier = _parsed(dag, target)
    if identifier.is_relative_to_database:
        return frozenset([_undone_from_rows(dag, identifier, rows)]), set()
    if identifier.symbol == "base" and identifier.offset is None:
        if identifier.label is None:
            return frozenset(dag.bases()), set()
        return frozenset([_branch_root(dag, identifiers.branch_owner(dag, identifier.label))]), set()
    kept = set(dag.maximal(identifiers.resolve(dag, target, rows)))
    if len(kept) > 1 and identifier.offset is None:
        identifiers.single(dag, identifier, rows)
    if not kept:
        return frozenset(_bases_under(dag, identifier, rows)), set()
    above = frozenset(child for name in kept for child in dag.children(name))
    if identifier.label is not None and len(above) > 1:
        above &= dag.lineage(identifiers.branch_owner(dag, identifier.label))
    return above, kept


def _branch_root(dag: RevisionDag, owner: str) -> str:
    """Return the lowest revision that belongs to the branch alone: above the next fork or merge below."""
    root = owner
    while len(parents := dag[root].parents) == 1:
        if dag.is_branch_point(parents[0]) or dag.is_merge_point(parents[0]):
            break
        root = parents[0]
    return root


def _bases_under(dag: RevisionDag, identifier: Identifier, rows: Sequence[str]) -> tuple[str, ...]:
    """Return the bases that `REV-N` goes below: all of them, or with a label only the one it arrives at."""
    if identifier.label is None or identifier.offset is None:
        return dag.bases()
    start = identifiers.start_of_walk(dag, identifier, rows)
    return () if start is None else identifiers.walk_down(dag, start, replace(identifier, offset=identifier.offset + 1))


def _undone_from_rows(dag: RevisionDag, identifier: Identifier, rows: tuple[str, ...]) -> str:
    """Return the lowest revision that `-N` undoes: the one N - 1 steps below the row it counts from."""
    offset = identifier.offset or 0
    if offset == 0:
        raise _goes_nowhere(identifier.text)
    if offset > 0:
        raise InvalidTarget(
            f"relative revision {identifier.text!r} goes up, not down",
            f"branchmig upgrade {identifier.text}, or downgrade -1",
        )
    start = identifiers.single_start(dag, identifier, _tips_to_undo(dag, identifier, rows))
    for taken in range(-offset - 1):
        parents = () if start is None else dag[start].parents
        if len(parents) > 1:
            raise identifiers.crosses_merge(dag, identifier, parents)
        if not parents:
            raise identifiers.too_far(identifier, taken + (start is not None))
        start = parents[0]
    if start is None:
        raise identifiers.too_far(identifier, 0)
    return start


def _tips_to_undo(dag: RevisionDag, identifier: Identifier, rows: tuple[str, ...]) -> tuple[str, ...]:
    """Return the rows of the branch; where other branches' rows stand for its tips, those tips.

    A shared trunk that carries another branch is no tip: undoing it would undo that branch.
    """
    if identifier.label is None:
        return rows
    line = dag.lineage(identifiers.branch_owner(dag, identifier.label))
    active = dag.including(rows)
    tips = [name for name in line & active if active.isdisjoint(dag.children(name))]
    return tuple(row for row in rows if row in line) or dag.maximal(tips)


def _parsed(dag: RevisionDag, target: str) -> Identifier:
    identifier = identifiers.parse(dag, target)
    if identifier.symbol == "current" and "current" not in dag.labels:
        raise InvalidTarget(
            f"{target!r} counts from what is applied, which a target cannot name so",
            "upgrade and downgrade take relative steps: '+1', '-1'",
        )
    return identifier


def _goes_nowhere(target: str) -> InvalidTarget:
    return InvalidTarget(f"relative revision {target!r} goes nowhere", "branchmig upgrade +1, or downgrade -1")


def upgrade_steps(
    dag: RevisionDag, rows: tuple[str, ...], missing: Collection[str], covered: Collection[str] = ()
) -> tuple[Step, ...]:
    """Return the steps that apply what is missing; what is `covered` by an applied revision leaves the rows."""
    steps: list[Step] = []
    heads = rows
    for revision_id in dag.order():
        if revision_id in missing:
            rows_above = tuple(sorted({revision_id, *heads}.difference(dag.below(revision_id))))
            after = heads if revision_id in covered else rows_above
            steps.append(Step("upgrade", dag[revision_id], heads, after))
            heads = after
    return tuple(steps)


def downgrade_steps(
    dag: RevisionDag, rows: tuple[str, ...], leaving: Collection[str], active: Collection[str]
) -> tuple[Step, ...]:
    """Return the steps that revert what leaves; `active` is all that is applied."""
    steps: list[Step] = []
    heads = rows
    remaining = set(active)
    for revision_id in reversed(dag.order()):
        if revision_id in leaving:
            remaining.discard(revision_id)
            after = tuple(sorted(_uncovered(dag, revision_id, heads, remaining)))
            steps.append(Step("downgrade", dag[revision_id], heads, after))
            heads = after
    return tuple(steps)


def _uncovered(dag: RevisionDag, gone: str, heads: Sequence[str], remaining: set[str]) -> set[str]:
    """Return the rows without `gone`: where it was one, what it covered and nothing else covers takes its place."""
    rest = {head for head in heads if head != gone}
    if gone not in heads:
        return rest
    below = dag.below(gone)
    if remaining.issuperset(below):
        # Nothing is missing here: only what hangs directly below can come to light.
        return rest.union(name for name in below if remaining.isdisjoint(dag.children(name, dependencies=True)))
    found = [revision_id for revision_id in dag.ancestors([gone]) if revision_id in remaining]
    return rest | (set(dag.maximal(found)) - dag.ancestors(rest))


def _stamp_target(dag: RevisionDag, target: str) -> tuple[str, ...]:
    identifier = _parsed(dag, target)
    if identifier.is_relative_to_database:
        raise InvalidTarget(
            f"{target!r} cannot be stamped: it counts from what is applied", "name a revision, 'heads' or 'base'"
        )
    found = dag.maximal(identifiers.resolve(dag, target))
    if not found and identifier.offset is not None:
        raise InvalidTarget(f"{target!r} is the base", "to remove every row: branchmig stamp base")
    return found


def _stamp_steps(
    dag: RevisionDag, rows: tuple[str, ...], leaving: Collection[str], new: Sequence[str]
) -> tuple[Step, ...]:
    """Move rows: the first new revision takes the place of those that leave, the others are added."""
    steps: list[Step] = []
    heads = rows
    going = set(leaving) - set(new)
    for revision_id in new:
        if revision_id not in heads:
            after = tuple(sorted([revision_id, *(head for head in heads if head not in going)]))
            steps.append(Step("stamp", dag[revision_id], heads, after))
            heads, going = after, set()
    for head in sorted(going):
        after = tuple(row for row in heads if row != head)
        steps.append(Step("stamp", None, heads, after))
        heads = after
    return tuple(steps)
