"""PURE. What people type for a revision ("head", "ae1", "users@head", "ae1+2", "-1") to the ids it means.

The grammar is alembic's (alembic.script.revision.RevisionMap, `_relative_destination`), over every character
that an id may hold; where alembic fails with "Can't locate revision", the error here says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from branchmig.errors import AmbiguousRevision, InvalidTarget, MultipleHeads, UnknownRevision
from branchmig.model import Revision

PARTIAL_MINIMUM = 4
"""Characters. Ids and labels shorter than this are only found when written in full, as in alembic."""

KEYWORDS = ("base", "current", "head", "heads")

_RELATIVE = re.compile(r"(?P<symbol>.*?)(?P<offset>[+-]\d+)?", re.DOTALL)


class _Graph(Protocol):
    """What identifiers ask of a graph of revisions; `branchmig.dag.RevisionDag` is one."""

    def __contains__(self, revision_id: object) -> bool: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Revision]: ...
    def __getitem__(self, revision_id: str) -> Revision: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def unknown_labels(self) -> tuple[str, ...]: ...
    def including(self, ids: Iterable[str]) -> frozenset[str]: ...
    def bases(self) -> tuple[str, ...]: ...
    def children(self, revision_id: str, *, dependencies: bool = False) -> tuple[str, ...]: ...
    def heads(self, *, dependencies: bool = False) -> tuple[str, ...]: ...
    def lineage(self, revision_id: str) -> frozenset[str]: ...
    def maximal(self, ids: Iterable[str]) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Identifier:
    """`label@symbol+offset`, each part optional; `text` is what was typed."""

    text: str
    label: str | None
    symbol: str | None
    offset: int | None

    @property
    def is_relative_to_database(self) -> bool:
        """Whether it counts from what is applied: `+1`, `-1`, `label@-1`."""
        return self.symbol is None and self.offset is not None


def parse(dag: _Graph, text: str) -> Identifier:
    """Split what was typed. An existing id or label wins over an offset: a label may be called `release-2`.

    Raises UnknownRevision for text that can name nothing: empty, `label@`.
    """
    label, at, rest = text.rpartition("@") if text.count("@") == 1 else ("", "", text)
    if (at and not label) or not rest or "@" in rest:
        raise UnknownRevision(
            f"{text!r} is no revision identifier",
            "name a revision, a prefix of one, a branch label, 'head', 'heads' or 'base'",
            text,
        )
    if rest in dag or rest in dag.labels:
        return Identifier(text, label or None, rest, None)
    match = _RELATIVE.fullmatch(rest)
    assert match is not None
    offset = match["offset"]
    return Identifier(text, label or None, match["symbol"] or None, int(offset) if offset else None)


def resolve(dag: _Graph, text: str, applied: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the ids that `text` names; `base` names none. See RevisionDag.resolve."""
    identifier = parse(dag, text)
    if identifier.offset is None:
        return resolve_symbol(dag, identifier, applied)
    if identifier.symbol is None:
        starts = applied_on(dag, identifier, applied)
        if identifier.offset < 0:
            tops = starts or resolve_symbol(dag, replace(identifier, symbol="heads"), applied)
            return tuple(sorted({end for revision_id in tops for end in walk_down(dag, revision_id, identifier)}))
        return (walk_up(dag, single_start(dag, identifier, starts), identifier),)
    start = start_of_walk(dag, identifier, applied)
    if identifier.offset >= 0:
        return (walk_up(dag, start, identifier),)
    if start is None:
        raise too_far(identifier, 0)
    return walk_down(dag, start, identifier)


def resolve_symbol(dag: _Graph, identifier: Identifier, applied: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the identifier without its offset."""
    symbol, label = identifier.symbol, identifier.label
    if symbol == "heads":
        return dag.heads(dependencies=True) if label is None else on_branch(dag, label, dag.heads())
    if symbol == "head":
        heads = dag.heads() if label is None else on_branch(dag, label, dag.heads())
        if len(heads) > 1:
            raise _several_heads(dag, identifier, heads)
        return heads
    if symbol == "base":
        if label is not None:
            branch_owner(dag, label)
        return ()
    if symbol == "current" and symbol not in dag.labels:
        return tuple(applied)
    assert symbol is not None
    return (named(dag, symbol, label),)


def single(dag: _Graph, identifier: Identifier, applied: Sequence[str]) -> str | None:
    """Return the one id of the identifier without its offset; None for `base`. Raises MultipleHeads."""
    found = resolve_symbol(dag, identifier, applied)
    if len(found) > 1:
        raise _several_heads(dag, identifier, found)
    return found[0] if found else None


def named(dag: _Graph, symbol: str, label: str | None = None) -> str:
    """Return the id of a full id, a branch label, or a prefix of either; with `label`, one on that branch."""
    line = None if label is None else dag.lineage(branch_owner(dag, label))
    found = symbol if symbol in dag else dag.labels.get(symbol)
    if found is None:
        found = _by_prefix(dag, symbol, line)
    if line is not None and found not in line:
        raise UnknownRevision(
            f"revision {found!r} is not on branch {label!r}",
            f"that branch ends at: {', '.join(on_branch(dag, label or '', dag.heads()))}",
            f"{label}@{symbol}",
        )
    return found


def branch_owner(dag: _Graph, label: str) -> str:
    """Return the revision that a branch is named by: it carries the label, or is itself the name."""
    try:
        return named(dag, label)
    except UnknownRevision as error:
        raise _unknown(dag, f"no branch label and no revision {label!r}", label, dag.labels) from error


def on_branch(dag: _Graph, label: str, ids: Iterable[str]) -> tuple[str, ...]:
    """Return those of `ids` that share a lineage with the branch, in their order."""
    line = dag.lineage(branch_owner(dag, label))
    return tuple(revision_id for revision_id in ids if revision_id in line)


def applied_on(dag: _Graph, identifier: Identifier, applied: Sequence[str]) -> tuple[str, ...]:
    """Return the start of a relative step: the rows, or with a label the tips of that branch's applied revisions."""
    if identifier.label is None:
        return tuple(applied)
    if rows := on_branch(dag, identifier.label, applied):
        return rows
    line = dag.lineage(branch_owner(dag, identifier.label))
    return dag.maximal(line & dag.including(applied))


def single_start(dag: _Graph, identifier: Identifier, starts: Sequence[str]) -> str | None:
    """Return the one revision to count from, None for the base. Raises InvalidTarget, listing them, for several."""
    if len(starts) > 1:
        raise InvalidTarget(
            f"{identifier.text!r} is ambiguous: the database is at {_list(dag, starts)}",
            f"name the branch, e.g. '{starts[0]}@{identifier.offset:+d}', or a revision",
        )
    return starts[0] if starts else None


def start_of_walk(dag: _Graph, identifier: Identifier, applied: Sequence[str]) -> str | None:
    """Return the one revision that an offset counts from; None for the base. Raises MultipleHeads.

    Upward a label only chooses among children, as in alembic: the start may lie on a branch that merges into it.
    """
    if (identifier.offset or 0) > 0 and identifier.symbol not in {"head", "heads"}:
        return single(dag, replace(identifier, label=None), applied)
    return single(dag, identifier, applied)


def walk_up(dag: _Graph, start: str | None, identifier: Identifier) -> str:
    """Return the revision `offset` steps above `start` by lineage. Raises InvalidTarget at a fork or past a head."""
    passed = [start, *islice(climb(dag, start, identifier), identifier.offset)]
    if passed[-1] is None or len(passed) <= (identifier.offset or 0):
        raise too_far(identifier, len(passed) - 1)
    return passed[-1]


def climb(dag: _Graph, start: str | None, identifier: Identifier) -> Iterator[str]:
    """Iterate over what comes above `start` by lineage, on the label's branch. Raises InvalidTarget at a fork."""
    line = None if identifier.label is None else dag.lineage(branch_owner(dag, identifier.label))
    at = start
    while onward := dag.bases() if at is None else dag.children(at):
        if line is not None:
            onward = tuple(child for child in onward if child in line)
        if len(onward) > 1:
            raise InvalidTarget(
                f"{identifier.text!r} is ambiguous: above {at or 'base'} come {_list(dag, onward)}",
                f"name one of them, e.g. '{onward[0]}'",
            )
        if not onward:
            return
        at = onward[0]
        yield at


def walk_down(dag: _Graph, start: str, identifier: Identifier) -> tuple[str, ...]:
    """Return the revision `-offset` steps below `start`: one revision, a merge revision's parents, or () for the base.

    Raises InvalidTarget where steps remain below a merge revision, or below the base.
    """
    steps = -(identifier.offset or 0)
    passed = [(start,), *islice(descend(dag, start, identifier), steps)]
    if len(passed) <= steps:
        raise too_far(identifier, len(passed) - 1)
    return passed[-1]


def descend(dag: _Graph, start: str, identifier: Identifier) -> Iterator[tuple[str, ...]]:
    """Iterate over the revisions below `start`, the base, `()`, last. Raises InvalidTarget below a merge revision."""
    at: tuple[str, ...] = (start,)
    while at:
        if len(at) > 1:
            raise crosses_merge(dag, identifier, at)
        at = dag[at[0]].parents
        yield at


def crosses_merge(dag: _Graph, identifier: Identifier, parents: Sequence[str]) -> InvalidTarget:
    """Return the error for a relative step that would have to choose between a merge revision's parents."""
    return InvalidTarget(
        f"{identifier.text!r} crosses a merge revision: below it lie {_list(dag, parents)}",
        "name the revision to go to",
    )


def _by_prefix(dag: _Graph, symbol: str, line: frozenset[str] | None) -> str:
    names = {revision.id: revision.id for revision in dag} | dict(dag.labels)
    matches = {
        name: revision_id
        for name, revision_id in names.items()
        if len(name) >= PARTIAL_MINIMUM and name.startswith(symbol) and (line is None or revision_id in line)
    }
    candidates = sorted(set(matches.values()))
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise _unknown(dag, f"no revision or branch label {symbol!r}", symbol, [*names, *KEYWORDS])
    first, second = sorted(matches)[:2]
    raise AmbiguousRevision(
        f"revision {symbol!r} is ambiguous: {_list(dag, candidates)}",
        f"give more characters, e.g. {first[: shared_length(first, second) + 1]!r}",
        symbol,
        candidates,
    )


def _unknown(dag: _Graph, message: str, name: str, names: Iterable[str]) -> UnknownRevision:
    """Return the error for a name that nothing known has: a label that is computed may be what it names."""
    if not dag.unknown_labels:
        return UnknownRevision(message, _near(dag, name, names), name)
    places = ", ".join(dag.unknown_labels[:3]) + (", ..." if len(dag.unknown_labels) > 3 else "")
    return UnknownRevision(
        f"{message} is known, but the labels computed at {places} are not",
        "name the revision by its id, write those branch_labels as strings, or set trust_headers = import "
        "(in a clone also: git config branchmig.trustHeaders import)",
        name,
    )


def shared_length(name: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    return next((n for n, (a, b) in enumerate(zip(name, other, strict=False)) if a != b), min(len(name), len(other)))


def _near(dag: _Graph, symbol: str, names: Iterable[str]) -> str:
    if symbol.lower() in KEYWORDS:
        return f"did you mean {symbol.lower()!r}?"
    # What was typed may be the start of an id, so it is compared with as much of each.
    starts = {name[: len(symbol)]: name for name in sorted(names, reverse=True)}
    import difflib

    close = difflib.get_close_matches(symbol, starts, n=3, cutoff=0.7)
    if close:
        return f"did you mean {' or '.join(repr(starts[start]) for start in close)}?"
    if not len(dag):
        return "this project has no revisions; is it the right checkout, and the right version_locations?"
    return "'branchmig history' lists the revisions, 'branchmig heads' the heads"


def _several_heads(dag: _Graph, identifier: Identifier, heads: Sequence[str]) -> MultipleHeads:
    labels = [label for label in dag.labels if len(on_branch(dag, label, heads)) == 1]
    ways = [f"'{labels[0]}@head' for one branch"] if labels and identifier.label is None else []
    if identifier.symbol == "head" and identifier.offset is None:
        ways += ["'heads' for all of them", "or join them: branchmig merge"]
    else:
        ways += ["or name one of them" if ways else "name one of them"]
    return MultipleHeads(
        f"{identifier.text!r} means one head, and there are {len(heads)}: {_list(dag, heads)}", ", ".join(ways), heads
    )


def too_far(identifier: Identifier, taken: int) -> InvalidTarget:
    """Return the error for a relative step past a head or past the base, after `taken` steps."""
    wanted = abs(identifier.offset or 0)
    return InvalidTarget(
        f"relative revision {identifier.text!r} didn't produce {wanted} migration{'' if wanted == 1 else 's'}",
        f"only {taken} {'is' if taken == 1 else 'are'} there to count; 'branchmig history' lists them",
    )


def _list(dag: _Graph, ids: Sequence[str]) -> str:
    """Name revisions with their messages, at most eight of them."""
    titles = {name: dag[name].title if name in dag else "" for name in ids[:8]}
    shown = [f"{name} ({title})" if title else name for name, title in titles.items()]
    return ", ".join([*shown, f"and {len(ids) - 8} more"] if len(ids) > 8 else shown)
