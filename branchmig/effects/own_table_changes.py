"""PURE. branchmig's own tables in users' revisions and env.py: which script would drop or change one, and the filter.

Plain alembic's autogenerate finds tables that no model has, and proposes `op.drop_table('branchmig_journal')`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from branchmig.revisions.bindings import parsed

JOURNAL = "branchmig_journal"
STATEMENTS = "branchmig_statements"
KEPT = "branchmig_kept"
"""The list of what downgrades have set aside; the rows are in tables called `branchmig_kept_1`, and so on."""

OWN_TABLES = frozenset({JOURNAL, STATEMENTS, KEPT})

OURS = "/* branchmig */"
"""At the end of a statement with which branchmig itself changes a table of its own."""

FILTER_LINE = 'include_name=lambda name, type_, _: not (type_ == "table" and (name or "").startswith("branchmig_"))'
"""What an env.py gives to context.configure(), so that plain alembic's autogenerate leaves branchmig's tables alone."""

_FILTER = b'''def include_name(name, type_, parent_names):
    """Keep autogenerate from proposing to drop the tables of branchmig's journal."""
    return not (type_ == "table" and (name or "").startswith("branchmig_"))


'''
_NAME = rf"(?<![\w$])({'|'.join(sorted(OWN_TABLES))})(?![\w$])"
_ONLY_NAME = rf"(?:[\w$\"`\[\]]+\.)*[\"`\[]?({'|'.join(sorted(OWN_TABLES))})[\"`\]]?"
_CHANGES = rf"\b(?:DROP|TRUNCATE|ALTER|RENAME|CREATE\s+OR\s+REPLACE)\b[^;]*?{_NAME}|\bRENAME\b[^;]*\bTO\s+{_NAME}"
_ROWS = rf"\b(?:DELETE\s+FROM|UPDATE|(?:INSERT|REPLACE)\s+INTO)\s+(?:[\w$\"`\[\]]+\.)*[\"`\[]?{_NAME}"
_READERS = frozenset({"get_columns", "has_table", "select", "table", "text_columns"})


def is_own_table(name: str | None) -> bool:
    """Return whether a table is one of branchmig's."""
    return name in OWN_TABLES or (name or "").startswith(f"{KEPT}_")


@dataclass(frozen=True, slots=True)
class OwnTableChange:
    """A table of branchmig's that a script would drop or change, and the line where it says so."""

    table: str
    line: int


def own_tables_changed(
    source: bytes, direction: Literal["upgrade", "downgrade"] | None = None
) -> tuple[OwnTableChange, ...]:
    """Return what a script's upgrade() or downgrade() does to branchmig's own tables, by whatever spelling.

    What the other function of the two says does not count; what the rest of the file says does. Without a direction
    everything does.
    """
    if b"branchmig" not in source.lower():
        return ()
    module = parsed(source)
    if module is None:
        return ()
    other = {"upgrade": "downgrade", "downgrade": "upgrade"}.get(direction or "")
    body = [node for node in module.body if not (isinstance(node, ast.FunctionDef) and node.name == other)]
    found = {change for node in body for change in _in(node)}
    return tuple(sorted(found, key=lambda change: (change.line, change.table)))


def own_table_in(statement: str) -> str | None:
    """Return the table of branchmig's that a statement would drop or change; None for branchmig's own statements."""
    if "branchmig_" not in statement.lower() or statement.endswith(OURS):
        return None
    found = re.search(_CHANGES, statement, re.IGNORECASE | re.DOTALL)
    return found and next(name.lower() for name in found.groups() if name)


def with_filter(source: bytes) -> bytes | None:
    """Return the text of an env.py with a filter that hides branchmig's tables; None where it must be done by hand.

    That is where env.py has a filter of its own, or gives its arguments in a way that cannot be read.
    """
    module = parsed(source)
    if module is None:
        return None
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call) and _called(node) == "configure"]
    keywords = [keyword for call in calls for keyword in call.keywords]
    has_own = any(keyword.arg in (None, "include_name", "include_object") for keyword in keywords)
    first = next((node for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)), None)
    online = [call for call in calls if any(keyword.arg == "connection" for keyword in call.keywords)]
    if has_own or first is None or not online or b"include_name" in source:
        return None
    lines = source.splitlines(keepends=True)
    for call in sorted(online, key=lambda call: -call.lineno):
        keyword = min(call.keywords, key=lambda each: (each.lineno, each.col_offset))
        line = lines[keyword.lineno - 1]
        indent = line[: keyword.col_offset]
        new = b"include_name=include_name, " if indent.strip() else b"include_name=include_name,\n" + indent
        lines[keyword.lineno - 1] = indent + new + line[keyword.col_offset :]
    at = min([first.lineno, *(node.lineno for node in first.decorator_list)]) - 1
    lines[at:at] = [_FILTER]
    return b"".join(lines)


def hides_own_tables(source: bytes) -> bool:
    """Return whether an env.py says something of branchmig's tables already."""
    return b"branchmig_" in source


def _called(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def _in(node: ast.AST, parents: tuple[ast.AST, ...] = ()) -> Iterator[OwnTableChange]:
    words = _text(node)
    if words is not None:
        table = _changed(words, parents)
        if table is not None:
            yield OwnTableChange(table, node.lineno)  # type: ignore[attr-defined]  # every text has a line
        return
    for child in ast.iter_child_nodes(node):
        yield from _in(child, (*parents, node))


def _text(node: ast.AST) -> str | None:
    """Return a text that is written down, also in parts: `"a" + "b"`, and f-strings, whose values become spaces."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [_text(node.left), _text(node.right)]
    elif isinstance(node, ast.JoinedStr):
        parts = [_text(value) or _text(getattr(value, "value", value)) or " " for value in node.values]
    else:
        return None
    return None if None in parts else "".join(part or "" for part in parts)


def _changed(value: str, parents: tuple[ast.AST, ...]) -> str | None:
    parent = parents[-1] if parents else None
    if isinstance(parent, ast.Expr):
        return None  # a docstring
    sql = own_table_in(value)
    if sql is not None:
        return sql
    if written := re.search(_ROWS, value, re.IGNORECASE):
        return written[1].lower()
    name = re.fullmatch(_ONLY_NAME, value.strip(), re.IGNORECASE)
    if name is None or isinstance(parent, ast.Compare):
        return None
    called = next((_called(node) for node in reversed(parents) if isinstance(node, ast.Call)), "")
    return None if called in _READERS else name[1].lower()
