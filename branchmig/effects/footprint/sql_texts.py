"""PURE. SQLAlchemy's types to the SQL that they stand for, as far as it can be known."""

from __future__ import annotations

from branchmig.effects.dialects import literal
from branchmig.effects.footprint.values import Arguments, Built, Member, Ref, plain_text, texts

# Classes whose name is not that of their SQL type.
_NAMES = {
    "autostring": "varchar", "biginteger": "bigint", "bool": "boolean", "datetime": "datetime", "integer": "integer",
    "largebinary": "blob", "smallinteger": "smallint", "string": "varchar", "unicode": "varchar", "double": "double",
    "unicodetext": "text", "double_precision": "double", "matchtype": "double",
}  # fmt: skip
_KNOWN = frozenset(
    {
        "array", "bigint", "binary", "bit", "blob", "boolean", "bytea", "char", "cidr", "citext", "clob", "date",
        "datetime", "decimal", "double", "enum", "float", "hstore", "inet", "int", "integer", "interval", "json",
        "jsonb", "longblob", "longtext", "macaddr", "mediumblob", "mediumint", "mediumtext", "money", "nchar",
        "numeric", "nvarchar", "real", "set", "smallint", "text", "time", "timestamp", "tinyblob", "tinyint",
        "tinytext", "tsvector", "uuid", "varbinary", "varchar", "year",
    }
)  # fmt: skip


def type_sql(value: object) -> str:
    """Return a column's type as SQL spells it; empty where it cannot be known."""
    if isinstance(value, Ref):
        name = value.name.lower()
        name = _NAMES.get(name, name)
        return name if name in _KNOWN and value.name[:1].isupper() else ""
    if not isinstance(value, Built):
        return ""
    if isinstance(value.function, Member):
        # sa.JSON().with_variant(JSONB(), 'postgresql') is one or the other.
        return "" if value.name == "with_variant" else type_sql(value.base)
    written = value.name.lower()
    name = _NAMES.get(written, written)
    if name not in _KNOWN:
        return ""
    return _with_arguments(name, value.arguments)


def _with_arguments(name: str, given: Arguments) -> str:
    positional, keywords = given.positional, given.keywords
    if name == "enum" or name == "set":
        return _enum(name, given)
    if name == "array":
        inner = type_sql(given.first("item_type"))
        return f"{inner}[]" if inner else ""
    if name in ("timestamp", "datetime", "time") and keywords.get("timezone", positional[:1] == (True,)) is True:
        return f"{'time' if name == 'time' else 'timestamp'} with time zone"
    keys = {"numeric": ("precision", "scale"), "decimal": ("precision", "scale"), "float": ("precision",)}
    wanted = keys.get(name, ("length", "display_width", "fsp"))
    numbers = [item for item in positional if isinstance(item, int) and not isinstance(item, bool)]
    numbers += [
        number for key in wanted if isinstance(number := keywords.get(key), int) and not isinstance(number, bool)
    ]
    is_hidden = given.is_open or any(not isinstance(item, int | type(None)) for item in positional)
    if is_hidden and name != "interval":
        return ""
    listed = f"({', '.join(map(str, numbers))})" if numbers and name not in ("integer", "boolean", "text") else ""
    return f"{name}{listed}{' unsigned' if keywords.get('unsigned') is True else ''}"


def _enum(name: str, given: Arguments) -> str:
    values = texts(given.positional) if given.positional else None
    label = plain_text(given.keywords.get("name")) or ""
    if given.keywords.get("native_enum") is False:
        length = max(map(len, values), default=1) if values else None
        return f"varchar({length})" if length else ""
    listed = ", ".join(map(literal, values or ()))
    return f"{label} {name}({listed})".strip() if listed or label else ""
