"""PURE. New ids for the revisions of one branch, the next numbers where ids are numbers, and the graph with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import NamedTuple

from branchmig.dag import RevisionDag, reached
from branchmig.errors import RevisionFileError, RevisionGraphError
from branchmig.model import Problem, Revision
from branchmig.planning.rebase import plan_rebase, rebased

_NUMBERED = re.compile(r"(.*?)([0-9]+)(_[^0-9].*)?", re.DOTALL)
_ALEMBICS = re.compile(r"[0-9a-f]{12}")


class _Number(NamedTuple):
    """An id that counts: `rev_`, `0007`, `_add_users`. `prefix` says which ids it counts with."""

    prefix: str
    digits: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Renumbered:
    """One revision as its file states it, and with its new id, parents and depends_on; both with the old path."""

    before: Revision
    after: Revision


@dataclass(frozen=True, slots=True)
class Renumbering:
    """This branch's revisions with their new ids, in upgrade order, and the head that they stand on afterwards.

    `onto` is empty where the other side's head is not in this checkout: the revisions then keep their parents.
    `moved` are the old ids of those that have other revisions below them afterwards.
    """

    onto: str
    revisions: tuple[Renumbered, ...]
    moved: frozenset[str]

    @property
    def changed(self) -> tuple[Renumbered, ...]:
        """Return the revisions whose file changes."""
        return tuple(change for change in self.revisions if change.before != change.after)

    @property
    def becomes(self) -> Mapping[str, str]:
        """Return the new id of each old id."""
        return {change.before.id: change.after.id for change in self.revisions}


def plan_renumbering(
    landed: Collection[Revision], own: Collection[Revision], there: RevisionDag, name: str, draw: Callable[[], str]
) -> Renumbering:
    """Return new ids for what is this branch's own, and put it on top of the head of `there`, called `name`.

    `landed` is what the checkout has beside it; an id may be in both. A reference in an own file to such an id means
    the own revision, unless that is above or is the file's own. `draw` makes a random id. Raises RevisionGraphError,
    and what plan_rebase raises.
    """
    own = sorted(own, key=lambda revision: (*_natural(revision.id), revision.path or ""))
    _refuse_twice(own)
    taken = {revision.id for revision in landed}.union(there.labels, *(revision.labels for revision in (*landed, *own)))
    taken.update(revision.id for revision in there)
    marks = dict(zip((revision.id for revision in own), _marks(taken), strict=False))
    landed_ids = {revision.id for revision in landed}
    meant = {revision.id: _references(revision, own, landed_ids, marks) for revision in own}
    here = _graph([*landed, *(replace(meant[revision.id], id=marks[revision.id]) for revision in own)], marks)
    onto, moved, after = "", frozenset[str](), here
    if all(head in here for head in there.heads()):
        plan = plan_rebase(here, there, name)
        moving = [move.revision.id for move in plan.moves]
        onto, moved = plan.onto, here.descendants(moving).union(moving)
        after = RevisionDag(rebased(here, plan))
    files = {marks[revision.id]: revision for revision in own}
    order = [mark for mark in after.order() if mark in files]
    ids = dict(zip(order, new_ids([files[mark].id for mark in order], taken, draw), strict=True))
    revisions = tuple(Renumbered(files[mark], _with_ids(after[mark], ids)) for mark in order)
    _graph([*landed, *(change.after for change in revisions)], {})
    return Renumbering(onto, revisions, frozenset(files[mark].id for mark in moved if mark in files))


def new_ids(own: Sequence[str], taken: Collection[str], draw: Callable[[], str]) -> Iterator[str]:
    """Yield a new id for each own one, in upgrade order, none of them among `taken`.

    A number becomes the next one after the greatest taken of its kind, in its own width; where nobody else counts with
    its prefix, it stays. Every other id becomes a random one.
    """
    known = [number for name in (*taken, *own) if (number := _number(name)) is not None]
    last: dict[str, int] = {}
    for number in map(_number, taken):
        if number is not None:
            last[number.prefix] = max(int(number.digits), last.get(number.prefix, 0))
    used = set(taken)
    for name in own:
        found = _number(name)
        if found is None or not _counts(name, found, known):
            new = next(drawn for drawn in iter(draw, None) if drawn not in used)
        elif found.prefix not in last:
            new = name
        else:
            last[found.prefix] += 1
            new = f"{found.prefix}{last[found.prefix]:0{len(found.digits)}}{found.suffix}"
        used.add(new)
        yield new


def _number(revision_id: str) -> _Number | None:
    found = _NUMBERED.fullmatch(revision_id)
    return None if found is None else _Number(found[1], found[2], found[3] or "")


def _counts(revision_id: str, number: _Number, known: Sequence[_Number]) -> bool:
    """Return whether an id is a number of a series: alembic's random ids may end with digits, or hold nothing else."""
    series = [each for each in known if (each.prefix, each.suffix[:1]) == (number.prefix, number.suffix[:1])]
    if _ALEMBICS.fullmatch(revision_id):
        return number.prefix == "" and sum(len(each.digits) == len(number.digits) for each in series) > 1
    return number.prefix == "" or len(series) > 1


def _natural(revision_id: str) -> tuple[str, int, str]:
    number = _number(revision_id)
    return (revision_id, 0, "") if number is None else (number.prefix, int(number.digits), number.suffix)


def _marks(taken: Collection[str]) -> Iterator[str]:
    """Yield names for the own revisions while ids may stand for two of them; in the order of the old ids."""
    return (mark for number in count() if (mark := f"own.{number:09}") not in taken)


def _refuse_twice(own: Sequence[Revision]) -> None:
    paths: dict[str, str] = {}
    for revision in own:
        if revision.id in paths:
            raise RevisionFileError(
                f"two revisions of this branch have the id {revision.id!r}: {paths[revision.id]} and {revision.path}",
                "give one of the two another id, or delete it if it is a copy",
            )
        paths[revision.id] = revision.path or ""


def _references(
    revision: Revision, own: Sequence[Revision], landed: Collection[str], marks: Mapping[str, str]
) -> Revision:
    """Return a revision whose parents and depends_on name the own revisions by their marks, where it means these."""
    below = {each.id: {*each.parents, *each.depends_on} for each in own}

    def mark_of(name: str, beside: Iterable[str]) -> str:
        if name not in marks:
            return name
        if name in landed and (name == revision.id or name in reached(beside, lambda other: below.get(other, ()))):
            return name
        return marks[name]

    parents = tuple(mark_of(revision_id, set(revision.parents) - {revision_id}) for revision_id in revision.parents)
    return replace(
        revision, parents=parents, depends_on=tuple(mark_of(revision_id, ()) for revision_id in revision.depends_on)
    )


def _graph(revisions: Iterable[Revision], marks: Mapping[str, str]) -> RevisionDag:
    """Build the graph; what is wrong with it is said with the ids that the files have."""
    try:
        return RevisionDag(revisions)
    except RevisionGraphError as error:
        ids = {mark: name for name, mark in marks.items()}
        pattern = re.compile("|".join(map(re.escape, ids)))

        def named(text: str) -> str:
            return pattern.sub(lambda found: ids[found[0]], text)

        def with_ids(problem: Problem) -> Problem:
            revisions = tuple(sorted(ids.get(name, name) for name in problem.revisions))
            return replace(problem, message=named(problem.message), hint=named(problem.hint), revisions=revisions)

        raise RevisionGraphError([with_ids(problem) if ids else problem for problem in error.problems]) from None


def _with_ids(revision: Revision, ids: Mapping[str, str]) -> Revision:
    return replace(
        revision,
        id=ids[revision.id],
        parents=tuple(ids.get(revision_id, revision_id) for revision_id in revision.parents),
        depends_on=tuple(ids.get(revision_id, revision_id) for revision_id in revision.depends_on),
    )
