"""PURE. Change which parents the text of a revision file names, by exact span: everything else stays, byte for byte."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import TYPE_CHECKING

from branchmig.errors import RevisionFileError
from branchmig.escaping import in_python
from branchmig.model import Revision
from branchmig.revision_file import read_revision

if TYPE_CHECKING:
    from collections.abc import Sequence

_LINE_END = re.compile(r"\r\n|\r|\n")
_REVISES = re.compile(r"(?<=[\r\n])([ \t]*Revises:)[ \t]*[^\r\n]*")
_NEXT_COMMA = re.compile(r"[ \t]*,[ \t]?")


def with_parents(source: bytes, path: str, parents: Sequence[str]) -> bytes:
    """Return a revision file's text with other parents: its down_revision and the `Revises:` line of its docstring.

    Comments, quotes, line endings and encoding stay; a parent that stays keeps its place. Raises RevisionFileError
    where down_revision is not written as literals.
    """
    before = read_revision(source, path)
    if not isinstance(before, Revision):
        raise RevisionFileError(before.message, before.hint)
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    text = source.decode(encoding)
    mark = "\ufeff" if encoding == "utf-8-sig" else ""
    edits = _edits(text, path, before.parents, tuple(parents))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    changed = text.encode("utf-8" if mark else encoding)
    if mark:
        changed = mark.encode() + changed
    after = read_revision(changed, path)
    if after != Revision(before.id, tuple(parents), before.depends_on, before.labels, before.message, path):
        raise RevisionFileError(f"{path}: the down_revision cannot be changed in place", "change it by hand")
    return changed


def with_note(source: bytes, path: str, lines: Sequence[str]) -> bytes:
    """Return a revision file's text with some lines added at the end of its docstring; as it is without one."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    text = source.decode(encoding)
    tree = ast.parse(text)
    if ast.get_docstring(tree, clean=False) is None:
        return source
    start, end = _span(text, _line_starts(text), tree.body[0])
    quotes = text[end - 3 : end]
    if quotes not in ('"""', "'''"):
        return source
    newline = "\r\n" if "\r\n" in text else "\n"
    note = newline.join(in_python(line) for line in ["", *lines, ""])
    body = text[start : end - 3].rstrip()
    changed = f"{text[:start]}{body}{newline}{note}{newline}{quotes}{text[end:]}"
    before, after = read_revision(source, path), read_revision(changed.encode(encoding, "replace"), path)
    return changed.encode(encoding, "replace") if before == after else source


def _edits(text: str, path: str, old: tuple[str, ...], new: tuple[str, ...]) -> list[tuple[int, int, str]]:
    tree = ast.parse(text)
    lines = _line_starts(text)
    value = _down_revision(tree)
    if value is None:
        raise RevisionFileError(f"{path}: down_revision is not written as a literal", "change it by hand")
    edits = _value_edits(text, lines, value, old, new)
    docstring = tree.body[0] if ast.get_docstring(tree, clean=False) is not None else None
    if docstring is not None:
        start, end = _span(text, lines, docstring)
        revises = _REVISES.search(text, start, end)
        if revises is not None:
            edits.append(
                (*revises.span(), f"{revises[1]} {in_python(', '.join(new))}".rstrip() if new else revises[1] + " ")
            )
    return edits


def _value_edits(
    text: str, lines: Sequence[int], value: ast.expr, old: tuple[str, ...], new: tuple[str, ...]
) -> list[tuple[int, int, str]]:
    """Return the changes to the literal: the first parent that goes gives its place to the first that comes."""
    elements = value.elts if isinstance(value, ast.Tuple | ast.List | ast.Set) else [value]
    leaving = [one for one in old if one not in new]
    coming = [one for one in new if one not in old]
    written = {element.value: element for element in elements if isinstance(element, ast.Constant)}
    if not set(leaving) <= set(written) or len(coming) > len(leaving) or (not new and elements == [value]):
        return [(*_span(text, lines, value), _literal(new))]
    edits = []
    for at, gone in enumerate(leaving):
        start, end = _span(text, lines, written[gone])
        if at < len(coming):
            edits.append((start, end, _quoted_like(text[start:end], coming[at])))
        else:
            comma = _NEXT_COMMA.match(text, end)
            edits.append((start, comma.end() if comma else end, ""))
    return edits


def _down_revision(tree: ast.Module) -> ast.expr | None:
    """Return the value that down_revision has in the end."""
    found = None
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == "down_revision" for target in targets):
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            found = node.value or found
    return found


def _line_starts(text: str) -> list[int]:
    """Return where each line begins, as Python counts lines: a form feed ends none."""
    return [0, *(end.end() for end in _LINE_END.finditer(text))]


def _span(text: str, lines: Sequence[int], node: ast.stmt | ast.expr) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return _offset(text, lines, node.lineno, node.col_offset), _offset(
        text, lines, node.end_lineno, node.end_col_offset
    )


def _offset(text: str, lines: Sequence[int], line: int, column: int) -> int:
    """Turn a line and a column in UTF-8 bytes, which is how ast counts, into a place in the text."""
    start, end = lines[line - 1], lines[line] if line < len(lines) else len(text)
    return start + len(text[start:end].encode("utf-8")[:column].decode("utf-8"))


def _quoted_like(literal: str, value: str) -> str:
    quote = '"' if literal.rstrip().endswith('"') else "'"
    return repr(value) if quote in value or "\\" in value else f"{quote}{value}{quote}"


def _literal(parents: Sequence[str]) -> str:
    if not parents:
        return "None"
    return repr(parents[0]) if len(parents) == 1 else repr(tuple(parents))
