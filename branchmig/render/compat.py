"""Whether code works on a schema, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from branchmig.render.text import counted

if TYPE_CHECKING:
    from branchmig.workflows.compat import Break, Compatibility


def compat_document(found: Compatibility) -> dict[str, Any]:
    """Return the JSON document."""
    return {
        "version": 1,
        "with": found.with_,
        "commit": found.commit,
        "ok": found.is_ok,
        "breaks": [
            {
                "table": each.table,
                "column": each.column,
                "statement": each.statement,
                "error": each.error,
                "revision": each.revision,
            }
            for each in found.breaks
        ],
        "unchecked": [
            {"table": each.table, "statement": each.statement, "reason": each.reason} for each in found.unchecked
        ],
    }


def code_name(name: str, commit: str) -> str:
    """Return how to call the code of a commit, which `name` stands for or is."""
    return commit[:10] if name == commit else f"{name} ({commit[:10]})"


def compat_lines(found: Compatibility) -> list[str]:
    """Return the lines for people."""
    there = code_name(found.with_, found.commit)
    code, schema = ("this checkout", there) if found.is_reverse else (there, "this checkout")
    about = f"the code of {code} on the schema of {schema}"
    lines = [f"ok: {about}: {counted(found.tables, 'table')} tried" if found.is_ok else f"breaks: {about}"]
    lines += [_line(each) for each in found.breaks]
    lines += [f"  unchecked: {each.statement} {each.table}: {each.reason}" for each in found.unchecked]
    return lines


def _line(each: Break) -> str:
    of = f" (revision {each.revision})" if each.revision else ""
    if each.table is None:
        return f"  {each.statement}: {each.error}"
    name = f"{each.table}.{each.column}" if each.column else each.table
    return f"  {each.statement.split(' ')[0]} {name}: {each.error}{of}"
