"""PURE. The value of an expression of a revision file, as far as it is known without running it.

A value is a plain Python value (str, int, tuple, dict, None, …) or one of the shapes below.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from branchmig.effects.footprint.model import COMPUTED_SCHEMA
from branchmig.effects.footprint.record import TableName


class Unknown:
    """A value that is known only when the file runs."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Ref:
    """Something imported or built in, by its dotted path: `sqlalchemy.Column`, `alembic.op`."""

    path: str

    @property
    def name(self) -> str:
        """The last word of the path."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Member:
    """An attribute of some value: `users.c`, `connection.execute`."""

    base: object
    name: str


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a call is given; `is_open` where a `*` or `**` hides some of it."""

    positional: tuple[object, ...] = ()
    keywords: Mapping[str, object] = field(default_factory=dict)
    is_open: bool = False

    def first(self, keyword: str = "") -> object:
        """Return the first argument, also where it is given by keyword; UNKNOWN if there is none."""
        return self.positional[0] if self.positional else self.keywords.get(keyword, UNKNOWN)

    def all(self) -> tuple[object, ...]:
        """Return every argument."""
        return (*self.positional, *self.keywords.values())

    def second(self) -> object:
        """Return the second positional argument; None if there is none."""
        return self.positional[1] if len(self.positional) > 1 else None


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """The result of a call whose inside is not looked at: `sa.Column('id', sa.Integer())`.

    Like the object it stands for, it equals itself alone, and may be the key of a dict.
    """

    function: object
    arguments: Arguments
    line: int

    @property
    def name(self) -> str:
        """The last word of what is called."""
        return self.function.name if isinstance(self.function, Ref | Member) else ""

    @property
    def base(self) -> object:
        """What the method is called on; UNKNOWN for a plain call."""
        return self.function.base if isinstance(self.function, Member) else UNKNOWN


@dataclass(frozen=True, slots=True)
class Mix:
    """An expression that is not computed here, with what it is made of: `users.c.name == 'x'`.

    `symbol` is the operator, as Python writes it, where there is one.
    """

    parts: tuple[object, ...]
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class BatchBlock:
    """What `with op.batch_alter_table(…) as` gives; `table` is None where its name is computed."""

    table: TableName | None


@dataclass(frozen=True, slots=True)
class LocalClass:
    """A class of the file; `table` is what its `__tablename__` says, `constants` its plain values."""

    name: str
    table: TableName | None
    constants: Mapping[str, object] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class LocalFunction:
    """A function of the file, and the names that it sees around it."""

    node: ast.FunctionDef | ast.Lambda
    scope: Scope


@dataclass(slots=True)
class Scope:
    """Names and what they stand for, inside the names of the place around."""

    around: Scope | None = None
    names: dict[str, object] = field(default_factory=dict)

    def find(self, name: str) -> object:
        """Return the value of a name; NOT_BOUND for an unbound name."""
        place: Scope | None = self
        while place is not None:
            if name in place.names:
                return place.names[name]
            place = place.around
        return NOT_BOUND


NOT_BOUND: Final = Unknown()


def is_known(value: object) -> bool:
    """Return whether a value is a plain one, all through."""
    if isinstance(value, tuple):
        return all(is_known(item) for item in value)
    if isinstance(value, dict):
        return all(is_known(item) for item in value.values())
    return value is None or isinstance(value, str | int | float | bytes)


def is_class(value: object) -> bool:
    """Return whether a name is written as classes are: making an object of one is taken to be no act by itself."""
    return isinstance(value, Ref) and value.name.lstrip("_")[:1].isupper()


def plain_text(value: object) -> str | None:
    """Return the string that a value is; `quoted_name('x', …)` and `op.f('x')` are `x`. None if it is none."""
    if isinstance(value, Built) and value.name in {"quoted_name", "f", "conv"}:
        value = value.arguments.first("name")
    return value if isinstance(value, str) else None


def schema_of(value: object) -> str | None:
    """Return the schema that an argument names: None for none, COMPUTED_SCHEMA where it cannot be known."""
    if value is None:
        return None
    found = plain_text(value)
    return COMPUTED_SCHEMA if found is None else found


def declared_columns(value: object) -> tuple[str, ...] | None:
    """Return the columns that `sa.table('t', sa.column('a'), …)` or `sa.Table(…)` declares, if all are known."""
    if not isinstance(value, Built) or table_of(value) is None or value.name == "alias":
        return None
    parts = [item for item in value.arguments.positional[1:] if isinstance(item, Built) and is_column(item)]
    names = [plain_text(built.arguments.first("name" if built.name == "Column" else "text")) for built in parts]
    known = tuple(name for name in names if name is not None)
    is_whole = len(known) == len(names) and known and not value.arguments.is_open
    return known if is_whole and not value.arguments.keywords.keys() & {"autoload_with", "autoload"} else None


def is_column(value: Built) -> bool:
    """Return whether a value is `sa.Column(…)` or `sa.column(…)`."""
    return value.name in {"Column", "column"}


def texts(value: object) -> tuple[str, ...] | None:
    """Return the strings of a tuple of them; a single string is one. None where one cannot be known."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, tuple):
        return None
    found = tuple(plain_text(item) for item in value)
    known = tuple(item for item in found if item is not None)
    return known if len(known) == len(found) else None


def table_of(value: object) -> TableName | None:
    """Return the table that `sa.table('t')`, `sa.Table('t', …)`, a model, or something of it stands for."""
    if isinstance(value, LocalClass):
        return value.table
    if isinstance(value, Member) and value.name in {"__table__", "c", "columns"}:
        return table_of(value.base)
    if isinstance(value, Built):
        if value.name in {"table", "Table", "TableClause"}:
            name = plain_text(value.arguments.first("name"))
            return None if name is None else TableName(name, schema_of(value.arguments.keywords.get("schema")))
        if value.name == "alias":
            return table_of(value.base)
    return None


def _parts(value: object) -> tuple[object, ...]:
    """Return the values that a value is made of."""
    if isinstance(value, Member):
        return (value.base,)
    if isinstance(value, Built):
        return (value.function, *value.arguments.all())
    if isinstance(value, dict):
        return tuple(part for item in value.items() for part in item)
    return value.parts if isinstance(value, Mix) else value if isinstance(value, tuple) else ()


def columns_in(value: object) -> Iterator[tuple[TableName, str]]:
    """Yield every column that is named somewhere in a value: `users.c.name`, `users.c['name']`, `User.name`."""
    table = table_of(value.base) if isinstance(value, Member) else None
    if isinstance(value, Member) and table and value.name not in {"c", "columns", "__table__", *_STATEMENTS}:
        yield table, value.name
    else:
        for part in _parts(value):
            yield from columns_in(part)


def tables_in(value: object) -> Iterator[TableName]:
    """Yield every table that is named somewhere in a value; the keys of a row name none."""
    table = table_of(value)
    if table is not None:
        yield table
    else:
        for part in value.values() if isinstance(value, dict) else _parts(value):
            yield from tables_in(part)


def words_in(value: object) -> tuple[str, ...]:
    """Return the words that could be columns in an SQL fragment: `lower(email)`, `sa.text('age > 0')`.

    Keywords and functions are among them; nothing is lost by that, since only a column that the other side
    changes is ever compared with them.
    """
    if isinstance(value, str):
        return tuple(dict.fromkeys(_WORD.findall(_LITERAL.sub("", value))))
    parts = (value.base, *value.arguments.all()) if isinstance(value, Built) else ()
    parts = _parts(value) if isinstance(value, Mix | tuple) else parts
    return tuple(word for part in parts for word in words_in(part))


_STATEMENTS = frozenset({"insert", "update", "delete", "select", "alias", "create", "drop", "query"})
_LITERAL = re.compile(r"'[^']*'")
_WORD = re.compile(r"[^\W\d]\w*")
