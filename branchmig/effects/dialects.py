"""PURE. The kinds of database servers, and how a statement for each quotes names and values."""

from __future__ import annotations

from typing import Any

KINDS = {"sqlite": "sqlite", "postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql"}


def dialect_kind(name: str | None) -> str:
    """Return the kind of server that a dialect's name stands for: MariaDB is of MySQL's kind."""
    return KINDS.get(name or "", name or "")


def server_name(dialect: Any) -> str:
    """Return what people call the server of SQLAlchemy's dialect: mariadb where MySQL's dialect has found that."""
    return "mariadb" if getattr(dialect, "is_mariadb", False) else str(dialect.name)


def quoted(name: str, kind: str) -> str:
    """Return a name as an identifier on a kind of server."""
    mark = "`" if kind == "mysql" else '"'
    return mark + name.replace(mark, mark * 2) + mark


def literal(value: object, kind: str = "") -> str:
    """Return a value as a literal on a kind of server, or in standard SQL; bytes only for MariaDB and MySQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    text = str(value).replace("'", "''")
    if kind == "mysql":
        text = text.replace("\\", "\\\\").replace("\0", "\\0")
    return f"'{text}'"
