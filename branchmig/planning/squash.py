"""PURE. A range of revisions as one: the members of the range, its parents, and the graph with the squash."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from branchmig.dag import RevisionDag
from branchmig.errors import InvalidTarget
from branchmig.model import Revision


@dataclass(frozen=True, slots=True)
class SquashPlan:
    """One revision in the place of several.

    `order` are those that become one, in upgrade order; `last` of them is the one that all others are below. `after`
    is the revision that they become: at the path, and with the message, of the last.
    """

    order: tuple[Revision, ...]
    after: Revision

    @property
    def last(self) -> Revision:
        """The revision whose place in the graph the squash takes."""
        return self.order[-1]

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the revisions that become one."""
        return frozenset(revision.id for revision in self.order)

    def graph(self, dag: RevisionDag) -> RevisionDag:
        """Return the graph with the one revision replacing the others, also as parent of the last one's children."""
        old, new = self.last.id, self.after.id
        rest = [revision for revision in dag if revision.id not in self.ids]

        def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(new if name == old else name for name in names)

        if old != new:
            rest = [
                replace(revision, parents=renamed(revision.parents), depends_on=renamed(revision.depends_on))
                for revision in rest
            ]
        return RevisionDag([*rest, self.after])


def plan_squash(dag: RevisionDag, base: Sequence[str], last: str) -> SquashPlan | None:
    """Return how the revisions above `base`, up to and with `last`, become one with the id of `last`.

    As in git's BASE..REV, what is below `base` is left out, and `base` itself; without a base, the range begins at the
    very first revision. The one has as parents what the range stood on, all its labels, and `replaces`: the other ids,
    with what they replaced themselves.

        a - b - c - e - f        squash a..e        a - e - f
             \\ d /

    None where the range holds one revision alone. Raises InvalidTarget for a base that is not below `last`, for a
    revision outside of the range that stands on one of it other than `last`, and for labels that cannot be known.
    """
    below = dag.ancestors([last], dependencies=False)
    for name in base:
        if name != last and name not in below:
            way = f"branchmig squash {last}..{name}" if last in dag.ancestors([name]) else "branchmig graph"
            raise InvalidTarget(
                f"{name!r} is not below {last!r}: they are no range", f"give the older one first: {way}"
            )
    inside = (below | {last}) - dag.ancestors(base).union(base)
    return _plan(dag, inside, last, last, base) if len(inside) > 1 else None


def plan_own_squash(dag: RevisionDag, own: Collection[str], new_id: str) -> SquashPlan | None:
    """Return how a branch's own revisions become one with a new id; None where there is one alone, or none.

    Raises InvalidTarget where they have several heads, and as plan_squash does.
    """
    if len(own) < 2:
        return None
    heads = [name for name in own if not any(child in own for child in dag.children(name))]
    if len(heads) > 1:
        raise InvalidTarget(
            f"this branch's own revisions have {len(heads)} heads: {', '.join(sorted(heads))}",
            "join them first: branchmig merge",
        )
    plan = _plan(dag, frozenset(own), heads[0], new_id, ())
    return replace(plan, after=replace(plan.after, replaces=()))


def _plan(dag: RevisionDag, inside: frozenset[str], last: str, new_id: str, base: Sequence[str]) -> SquashPlan:
    _refuse_hanging(dag, inside, last, base)
    order = tuple(dag[revision_id] for revision_id in dag.order() if revision_id in inside)
    for revision in order:
        if revision.unknown_labels:
            raise InvalidTarget(
                f"the branch labels of {revision.id!r} cannot be known: {revision.unknown_labels}",
                "write branch_labels as literals in its file first",
            )
    parents = _parents(dag, order, inside)
    after = replace(
        dag[last],
        id=new_id,
        parents=parents,
        depends_on=_depends_on(dag, order, inside, parents),
        labels=tuple(dict.fromkeys(label for revision in order for label in revision.labels)),
        replaces=tuple(dict.fromkeys(name for each in order for name in (*each.replaces, each.id) if name != last)),
    )
    return SquashPlan(order, after)


def _parents(dag: RevisionDag, order: Sequence[Revision], inside: frozenset[str]) -> tuple[str, ...]:
    """Return what the range stands on; what is below another of that by lineage is left out."""
    found = list(dict.fromkeys(parent for revision in order for parent in revision.parents if parent not in inside))
    covered = dag.ancestors_within(found)
    parents = tuple(name for name in found if name not in covered)
    if wrong := sorted(set(parents) - set(dag.maximal(parents))):
        above = next(revision_id for revision_id in parents if wrong[0] in dag.ancestors([revision_id]))
        raise InvalidTarget(
            f"the range stands on {wrong[0]!r} and on {above!r}, which depends on it: alembic takes no such parents",
            f"give a base above both, or squash a shorter range: branchmig graph -r {wrong[0]}:{order[-1].id}",
        )
    return parents


def _depends_on(
    dag: RevisionDag, order: Sequence[Revision], inside: frozenset[str], parents: Sequence[str]
) -> tuple[str, ...]:
    """Return what the range depends on, as it is written there; what is below something else of that is left out."""
    named: dict[str, str] = {}
    for revision in order:
        for name, needed in zip(revision.depends_on, dag.dependencies(revision.id), strict=True):
            if needed not in inside:
                named.setdefault(needed, name)
    highest = set(dag.maximal([*named, *parents])).difference(parents)
    return tuple(name for needed, name in named.items() if needed in highest)


def _refuse_hanging(dag: RevisionDag, inside: frozenset[str], last: str, base: Sequence[str]) -> None:
    hanging: Mapping[str, tuple[str, ...]] = {
        name: above
        for name in sorted(inside - {last})
        if (above := tuple(sorted(set(dag.children(name, dependencies=True)) - inside)))
    }
    if not hanging:
        return
    lines = (f"{', '.join(above)} {'stands' if len(above) == 1 else 'stand'} on {it}" for it, above in hanging.items())
    raise InvalidTarget(
        f"other revisions have a parent in the middle of the range: {'; '.join(lines)}", _ways(dag, hanging, last, base)
    )


def _ways(dag: RevisionDag, forks: Collection[str], last: str, base: Sequence[str]) -> str:
    """Return the ranges between the forks that can be squashed, as they are typed."""
    line = sorted(forks, key=dag.order().index)
    starts = [base[0] if len(base) == 1 else "base", *line]
    found = []
    for start, end in zip(starts, [*line, last], strict=True):
        try:
            plan = plan_squash(dag, () if start == "base" else (start,), end)
        except InvalidTarget:
            continue
        if plan is not None:
            found.append(f"branchmig squash {start}..{end}")
    return f"squash up to a fork, or from one on: {'; '.join(found)}" if found else "branchmig graph shows them"


def squash_of(revisions: Iterable[Revision], revision_id: str) -> Revision | None:
    """Return the squash that names a revision among those it replaces; None where there is none."""
    return next((revision for revision in revisions if revision_id in revision.replaces), None)


def unfolded(revisions: Mapping[str, Revision], squash: Revision, old: Sequence[Revision]) -> dict[str, Revision]:
    """Return some revisions with the old ones in the place of a squash.

    A squash with an id of its own, as made by hand, stays on top of them: there it stands for them, and is never run.
    """
    rest = {revision_id: revision for revision_id, revision in revisions.items() if revision_id != squash.id}
    found = {revision.id: revision for revision in old}
    if squash.id not in found:
        below = {name for revision in old for name in (*revision.parents, *revision.depends_on)}
        tops = tuple(sorted(found.keys() - below))
        rest[squash.id] = replace(squash, parents=tops, depends_on=(), labels=(), replaces=())
    return rest | found
