"""The schema at some revisions: from a cached state where there is one, else from what their scripts say they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.effects.entities import ShownTable, Tables, as_they_are, differences, tables_of
from branchmig.effects.footprint import Footprint, Opaque, read_changes
from branchmig.errors import BranchmigError
from branchmig.progress import with_progress
from branchmig.project.config import Invocation
from branchmig.project.project import Project, View
from branchmig.workflows.hazards import dialect_of

if TYPE_CHECKING:
    from branchmig.effects.change import Change
    from branchmig.planning.picture import Picture

NO_SOURCE = "its script is not there to be read"


@dataclass(frozen=True, slots=True)
class Side:
    """Revisions of one place, which hold all revisions below them; `heads` are those that were named."""

    view: View
    ids: frozenset[str]
    heads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Basis:
    """Where a schema is known from: cached states by their keys, or else the effects of scripts that did not run.

    `unread` are the places that could not be read, each with its revision, "" for a file without one: the schema may
    lack what they do.
    `no_state` says why cached states could not be looked at, where that was tried.
    """

    states: tuple[str, ...] = ()
    scripts: int = 0
    unread: tuple[tuple[str, Opaque], ...] = ()
    no_state: str = ""


@dataclass(frozen=True, slots=True)
class ShownSchema:
    """The tables of a schema, or those that two schemas differ in, and where that is known from."""

    tables: tuple[ShownTable, ...]
    basis: Basis
    is_difference: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether all was read."""
        return not self.basis.unread and all(table.is_whole for table in self.tables)


@dataclass(frozen=True, slots=True)
class SchemaStep:
    """What one revision does to the schema, the revisions right below it, and what could not be read of it."""

    id: str
    below: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    unread: tuple[Opaque, ...] = ()


def side_at(view: View, dag: RevisionDag, heads: Sequence[str]) -> Side:
    """Return a side of some revisions and all below them."""
    return Side(view, dag.ancestors(heads).union(heads), tuple(heads))


def schema_at(project: Project, invocation: Invocation, side: Side) -> ShownSchema:
    """Return the schema at some revisions."""
    (tables,), basis = _schemas(project, invocation, [side])
    return ShownSchema(as_they_are(tables), basis)


def schema_between(project: Project, invocation: Invocation, before: Side, after: Side) -> ShownSchema:
    """Return the tables that the schemas at two sides differ in: both from states, or both from effects."""
    (was, now), basis = _schemas(project, invocation, [before, after])
    return ShownSchema(differences(was, now), basis, is_difference=True)


def _schemas(project: Project, invocation: Invocation, sides: Sequence[Side]) -> tuple[list[Tables], Basis]:
    from branchmig.database.trial.kept_schema import tables_of_state

    found = []
    no_state = ""
    try:
        for side in sides:
            kept = tables_of_state(project, invocation, side.view, side.ids) if side.ids else ((), "")
            if kept is None:
                break
            found.append(kept)
    except BranchmigError as error:
        no_state = error.message
    if len(found) == len(sides) and any(key for _, key in found):
        return [tables for tables, _ in found], Basis(tuple(dict.fromkeys(key for _, key in found if key)))
    reader = Reader(dialect_of(invocation, project.config.settings))
    read = [reader.footprints(side) for side in sides]
    left_out = [problem for side in sides for problem in side.view.problems]
    unread = {("", Opaque(0, problem.message)): None for problem in left_out} | {
        (revision_id, place): None
        for footprints in read
        for revision_id, footprint in footprints.items()
        for place in footprint.unread
    }
    number = len({revision_id for footprints in read for revision_id in footprints})
    return [_built(footprints) for footprints in read], Basis((), number, tuple(unread), no_state)


def _built(footprints: dict[str, Footprint]) -> Tables:
    changes: list[Change] = []
    for footprint in footprints.values():
        changes += footprint.changes
    return tables_of(changes)


class Reader:
    """Reads what scripts do, each text once."""

    def __init__(self, dialect: str | None) -> None:
        self._dialect = dialect
        self._known: dict[bytes, Footprint] = {}

    def footprints(self, side: Side) -> dict[str, Footprint]:
        """Return what each revision of a side does, in upgrade order."""
        dag = side.view.readable_dag
        ordered = [dag[revision_id] for revision_id in dag.order() if revision_id in side.ids]
        texts = side.view.scripts(ordered)
        each = with_progress(ordered, len(ordered), "reading what the upgrades do")
        return {revision.id: self.footprint(texts.get(revision.id)) for revision in each}

    def footprint(self, text: bytes | None) -> Footprint:
        """Return what a script does, or that it is not there."""
        if text is None:
            return Footprint(unread=(Opaque(1, NO_SOURCE),))
        if text not in self._known:
            self._known[text] = read_changes(text, dialect=self._dialect)
        return self._known[text]


def steps_of(
    project: Project, invocation: Invocation, view: View, picture: Picture, scripts: Mapping[str, bytes]
) -> tuple[SchemaStep, ...]:
    """Return what each revision of a picture, and each one below, does to the schema, in upgrade order.

    `scripts` are those that are read already, also of orphans.
    """
    dag = picture.dag
    ids = dag.ancestors(picture.shown).union(picture.shown)
    ordered = [dag[revision_id] for revision_id in dag.order() if revision_id in ids]
    here = view.ids
    more = view.scripts(revision for revision in ordered if revision.id in here and revision.id not in scripts)
    known = {**scripts, **more}
    reader = Reader(dialect_of(invocation, project.config.settings))
    found = []
    for revision in with_progress(ordered, len(ordered), "reading the schema's changes"):
        footprint = reader.footprint(known.get(revision.id))
        below = tuple(name for name in dag.below(revision.id) if name in ids)
        found.append(SchemaStep(revision.id, below, footprint.changes, footprint.unread))
    return tuple(found)
