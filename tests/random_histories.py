"""Random histories of realistic revisions, each with a model of the schema that a set of them builds."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

TYPES = (
    "Integer()", "String(40)", "Boolean()", "Numeric(10, 2)", "DateTime()",
    "Integer(), server_default='7'",  # as arguments of Column and of alter_column, which restates it
)  # fmt: skip
WIDER = {"String(40)": "String(80)", "Integer()": "BigInteger()", "Numeric(10, 2)": "Numeric(12, 2)"}
Parts = dict[str, tuple[str, bool]]
Schema = dict[str, dict[str, Parts]]
"""Tables, each with `columns` (type, is nullable) and `indexes` and constraints (column, is unique)."""


@dataclass(frozen=True)
class Step:
    """A revision: the lines of its script, and what it does to a model. `is_empty`: it has no effect."""

    id: str
    parents: tuple[str, ...]
    lines: tuple[str, ...]
    act: Callable[[Schema], None]
    is_empty: bool = False


@dataclass(frozen=True)
class History:
    """Revisions, parents first."""

    steps: tuple[Step, ...]

    @cached_property
    def below(self) -> dict[str, frozenset[str]]:
        """The ancestors of each revision, and the revision."""
        found: dict[str, frozenset[str]] = {}
        for step in self.steps:
            found[step.id] = frozenset({step.id}).union(*(found[parent] for parent in step.parents))
        return found

    @cached_property
    def sets(self) -> list[frozenset[str]]:
        """Every set of revisions that a database can have."""
        found = {frozenset[str]()}
        for step in self.steps:
            found |= {applied | {step.id} for applied in found if applied.issuperset(step.parents)}
        return sorted(found, key=sorted)

    def heads(self, applied: frozenset[str]) -> list[str]:
        """Return the revisions of a set that none of its others is above."""
        return sorted(name for name in applied if not any(name in self.below[other] - {other} for other in applied))

    def schema(self, applied: frozenset[str]) -> Schema:
        """Return what a set of revisions builds."""
        schema: Schema = {}
        for step in self.steps:
            if step.id in applied:
                step.act(schema)
        return schema


@dataclass
class _Line:
    """A line of revisions that grows: its head, its schema, the tables that are its own, and what it has dropped."""

    head: tuple[str, ...]
    schema: Schema
    own: set[str]
    dropped: list[tuple[str, str, str]] = field(default_factory=list)


class _Growing:
    def __init__(self, random: Random) -> None:
        self.random, self.steps, self.names = random, list[Step](), 0
        self.targets: set[str] = set()  # of foreign keys: they stay

    def name(self, kind: str) -> str:
        self.names += 1
        return f"{kind}{self.names}"

    def add(
        self, line: _Line, lines: tuple[str, ...], act: Callable[[Schema], None], *, is_empty: bool = False
    ) -> None:
        number = len(self.steps)
        step = Step(f"{self.random.randrange(16**4):04x}{number:02d}", line.head, lines, act, is_empty)
        self.steps.append(step)
        act(line.schema)
        line.head = (step.id,)

    def grow(self, line: _Line) -> None:
        """Add a revision of one to three operations."""
        lines, acts = [], []
        model = deepcopy(line)
        for _ in range(self.random.choice((1, 1, 2, 3))):
            kinds = [create_table, create_table] if not model.schema else KINDS
            done = self.random.choice(kinds)(self, model)
            if done is not None:
                lines.append(done[0])
                acts.append(done[1])
                done[1](model.schema)
        if not lines:
            self.grow(line)
            return
        line.own, line.dropped = model.own, model.dropped

        def act(schema: Schema) -> None:
            for each in acts:
                each(schema)

        self.add(line, tuple("\n".join(lines).split("\n")), act)


Done = tuple[str, "Callable[[Schema], None]"] | None


def create_table(growing: _Growing, line: _Line) -> Done:
    name = growing.name("t")
    column = growing.name("c")
    type_ = growing.random.choice(TYPES)
    line.own.add(name)
    made: dict[str, Parts] = {"columns": {"id": ("Integer()", False), column: (type_, True)}, "indexes": {}}
    text = (
        f"op.create_table('{name}', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('{column}', sa.{type_}))"
    )
    return text, lambda schema: schema.update({name: deepcopy(made)})


def drop_table(growing: _Growing, line: _Line) -> Done:
    name = _own(growing, line)
    if name is None or name in growing.targets or growing.random.random() < 0.5:
        return None
    line.own.discard(name)
    line.dropped = [each for each in line.dropped if each[0] != name]
    return f"op.drop_table('{name}')", lambda schema: schema.pop(name) and None


def rename_table(growing: _Growing, line: _Line) -> Done:
    name = _own(growing, line)
    if name is None or name in growing.targets:
        return None
    new = name[1:] if name.startswith("r") else f"r{name}"  # and back again
    line.own ^= {name, new}
    line.dropped = [each for each in line.dropped if each[0] != name]
    return f"op.rename_table('{name}', '{new}')", lambda schema: schema.update({new: schema.pop(name)})


def add_column(growing: _Growing, line: _Line) -> Done:
    """Add a column, now and then exactly as it was before it was dropped."""
    if line.dropped and growing.random.random() < 0.5:
        name, column, type_ = line.dropped.pop()
    else:
        name, column = growing.random.choice(sorted(line.schema)), growing.name("c")
        type_ = growing.random.choice(TYPES)
    text = f"op.add_column('{name}', sa.Column('{column}', sa.{type_}))"
    return text, lambda schema: _columns(schema, name).update({column: (type_, True)})


def drop_column(growing: _Growing, line: _Line) -> Done:
    found = _own_column(growing, line)
    if found is None:
        return None
    name, column = found
    line.dropped.append((name, column, _columns(line.schema, name)[column][0]))
    return _batch(name, f"batch.drop_column('{column}')"), lambda schema: _columns(schema, name).pop(column) and None


def alter_column(growing: _Growing, line: _Line) -> Done:
    found = _own_column(growing, line)
    if found is None:
        return None
    name, column = found
    type_, is_nullable = _columns(line.schema, name)[column]
    if type_ in WIDER and growing.random.random() < 0.5:
        wider = WIDER[type_]
        text = (
            f"batch.alter_column('{column}', type_=sa.{wider}, existing_type=sa.{type_},"
            f" existing_nullable={is_nullable})"
        )
        return _batch(name, text), lambda schema: _columns(schema, name).update({column: (wider, is_nullable)})
    text = f"batch.alter_column('{column}', nullable={not is_nullable}, existing_type=sa.{type_})"
    return _batch(name, text), lambda schema: _columns(schema, name).update({column: (type_, not is_nullable)})


def rename_column(growing: _Growing, line: _Line) -> Done:
    found = _own_column(growing, line)
    if found is None:
        return None
    name, column = found
    new = column[1:] if column.startswith("r") else f"r{column}"
    type_, is_nullable = _columns(line.schema, name)[column]
    text = (
        f"batch.alter_column('{column}', new_column_name='{new}', existing_type=sa.{type_},"
        f" existing_nullable={is_nullable})"
    )
    return _batch(name, text), lambda schema: _columns(schema, name).update({new: _columns(schema, name).pop(column)})


def create_index(growing: _Growing, line: _Line) -> Done:
    found = _own_column(growing, line)
    if found is None:
        return None
    name, column = found
    is_unique = growing.random.random() < 0.5
    index = growing.name(growing.random.choice(("ix", "uq")) if is_unique else "ix")
    text = f"op.create_index('{index}', '{name}', ['{column}'], unique={is_unique})"
    if index.startswith("uq"):
        text = _batch(name, f"batch.create_unique_constraint('{index}', ['{column}'])")
    return text, lambda schema: _indexes(schema, name).update({index: (column, is_unique)})


def drop_index(growing: _Growing, line: _Line) -> Done:
    found = [(name, index) for name in sorted(line.own) for index in _indexes(line.schema, name) if index[:2] != "fk"]
    if not found:
        return None
    name, index = growing.random.choice(found)
    text = f"op.drop_index('{index}', '{name}')"
    if index.startswith("uq"):
        text = _batch(name, f"batch.drop_constraint('{index}', type_='unique')")
    return text, lambda schema: _indexes(schema, name).pop(index) and None


def add_foreign_key(growing: _Growing, line: _Line) -> Done:
    name, target = _own(growing, line), _own(growing, line)
    if name is None or target is None or name == target:
        return None
    growing.targets |= {name, target}
    key, column = growing.name("fk"), growing.name("c")
    text = (
        f"with op.batch_alter_table('{name}') as batch:\n    batch.add_column(sa.Column('{column}', sa.Integer()))\n"
        f"    batch.create_foreign_key('{key}', '{target}', ['{column}'], ['id'])"
    )

    def act(schema: Schema) -> None:
        _columns(schema, name)[column] = ("Integer()", True)
        _indexes(schema, name)[key] = (column, False)

    return text, act


KINDS = [
    *[add_foreign_key] * 4,
    create_table,
    drop_table,
    rename_table,
    *[add_column] * 4,
    drop_column,
    drop_column,
    alter_column,
    alter_column,
]
KINDS += [rename_column, create_index, create_index, drop_index]


def change_rows(growing: _Growing, line: _Line) -> None:
    """Add a revision that changes rows alone."""
    name = growing.random.choice(sorted(line.schema))
    growing.add(line, (f"op.execute('UPDATE {name} SET id = id + 1 WHERE id < 0')",), lambda _: None)


def _batch(name: str, line: str) -> str:
    return f"with op.batch_alter_table('{name}') as batch:\n    {line}"


def _columns(schema: Schema, name: str) -> Parts:
    return schema[name]["columns"]


def _indexes(schema: Schema, name: str) -> Parts:
    return schema[name]["indexes"]


def _own(growing: _Growing, line: _Line) -> str | None:
    return growing.random.choice(sorted(line.own)) if line.own else None


def _own_column(growing: _Growing, line: _Line) -> tuple[str, str] | None:
    """Return a column, not a key and without an index, of a table that no other line changes."""
    found = [
        (name, column)
        for name in sorted(line.own)
        for column in _columns(line.schema, name)
        if column != "id" and column not in {each for each, _ in _indexes(line.schema, name).values()}
    ]
    return growing.random.choice(found) if found else None


def random_history(random: Random, length: int = 10) -> History:
    """Return about as many revisions: a line that parts once or twice, and merges or stays parted.

    Lines beside each other add columns to the same tables; all else they do to different tables, as people do.
    """
    growing = _Growing(random)
    line = _Line((), {}, set())
    for _ in range(2):
        growing.grow(line)
    while len(growing.steps) < length:
        if random.random() < 0.3:
            line = _forked(growing, line)
        elif random.random() < 0.25 and line.schema:
            change_rows(growing, line)
        else:
            growing.grow(line)
    if random.random() < 0.5:
        _forked(growing, line)
    return History(tuple(growing.steps))


def _forked(growing: _Growing, line: _Line) -> _Line:
    """Let two lines grow by turns, then merge them."""
    left = {name for name in sorted(line.own) if growing.random.random() < 0.5}
    before = deepcopy(line.schema)
    lines = [
        _Line(line.head, deepcopy(before), set(left), [each for each in line.dropped if each[0] in left]),
        _Line(line.head, deepcopy(before), line.own - left, [each for each in line.dropped if each[0] not in left]),
    ]
    # A table that either may rename or drop is no place for a column of the other.
    for each, other in (lines, lines[::-1]):
        each.schema = {name: table for name, table in each.schema.items() if name not in other.own}
    shared = growing.random.choice(sorted(line.own)) if line.own else None
    if shared is not None:
        for each in lines:
            each.own.discard(shared)
            each.dropped = [gone for gone in each.dropped if gone[0] != shared]
            each.schema[shared] = deepcopy(before[shared])
    for _ in range(growing.random.randint(1, 2)):
        for each in lines:
            if growing.random.random() < 0.2 and each.schema:
                change_rows(growing, each)
            else:
                growing.grow(each)
    merged = _Line((lines[0].head[0], lines[1].head[0]), {}, set())
    growing.add(merged, (), lambda _: None, is_empty=True)
    history = History(tuple(growing.steps))
    merged.schema = history.schema(history.below[merged.head[0]])
    merged.own = set(merged.schema)
    return merged


def without_merge(history: History) -> History:
    """Return a history whose last merge has not happened, where nothing follows that merge."""
    last = history.steps[-1]
    return replace(history, steps=history.steps[:-1]) if last.is_empty else history


def random_sets(random: Random, history: History, number: int) -> Iterator[frozenset[str]]:
    """Yield some of the sets of revisions that a database can have."""
    yield from random.sample(history.sets, min(number, len(history.sets)))
