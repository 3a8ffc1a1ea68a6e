"""PURE. Change which parents the text of a revision file names, by exact span: everything else stays, byte for byte."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from branchmig.errors import RevisionFileError
from branchmig.model import Problem, Revision
from branchmig.revisions.bindings import assigned, elements_of
from branchmig.revisions.escaping import in_python
from branchmig.revisions.revision_file import read_revision

_LINE_END = re.compile(r"\r\n|\r|\n")
_REVISION_ID = re.compile(r"(?<=[\r\n])([ \t]*Revision ID:[ \t]*)([^\r\n]*?)(?=[ \t]*[\r\n])")
_REVISES = re.compile(r"(?<=[\r\n])([ \t]*Revises:)[ \t]*[^\r\n]*")
_NEXT_COMMA = re.compile(r"[ \t]*,[ \t]?")


def with_parents(source: bytes, path: str, parents: Sequence[str]) -> bytes:
    """Return a revision file's text with other parents: its down_revision and the `Revises:` line of its docstring.

    Comments, quotes, line endings and encoding stay; a parent that stays keeps its place. Raises RevisionFileError
    where down_revision is not written as literals.
    """
    before = _stated(source, path)
    after = replace(before, parents=tuple(parents))
    text, encode = decoded(source)
    tree, lines = ast.parse(text), _line_starts(text)
    value = _value_of(tree, "down_revision")
    if value is None:
        raise RevisionFileError(f"{path}: down_revision is not written as a literal", "change it by hand")
    edits = _value_edits(text, lines, value, before.parents, after.parents)
    changed = encode(_replaced(text, edits + _docstring_edits(text, lines, tree, before, after)))
    if read_revision(changed, path) != after:
        raise RevisionFileError(f"{path}: the down_revision cannot be changed in place", "change it by hand")
    return changed


@dataclass(frozen=True, slots=True)
class Renamed:
    """A revision file's text with other ids, and the lines of it that still name an id that was given up."""

    content: bytes
    mentions: tuple[int, ...]


def with_ids(source: bytes, path: str, after: Revision, given_up: Collection[str]) -> Renamed:
    """Return a revision file's text with the id, the parents and the depends_on of `after`.

    The docstring's `Revision ID:` and `Revises:` lines follow. What else names an id of `given_up`, a comment or a log
    message, stays and is listed. `after.path` names the file that the text is for. Raises RevisionFileError where a
    value that must change is not written as literals.
    """
    before = _stated(source, path)
    text, encode = decoded(source)
    edits = []
    tree = ast.parse(text)
    lines = _line_starts(text)
    for name, old, new in (
        ("revision", (before.id,), (after.id,)),
        ("down_revision", before.parents, after.parents),
        ("depends_on", before.depends_on, after.depends_on),
    ):
        value = _value_of(tree, name)
        if old == new or (name == "revision" and value is None):  # before alembic 0.2 the file's name had the id
            continue
        if value is None or not all(isinstance(element, ast.Constant) for element in elements_of(value)):
            raise RevisionFileError(
                f"{path}: {name} is computed: branchmig cannot rewrite it",
                f"write {name} as a literal first, or give the revision another id by hand",
            )
        edits += _id_edits(text, lines, value, old, new)
    edits += _docstring_edits(text, lines, tree, before, after)
    found = tuple(_naming(text, edits, given_up))
    changed = encode(_replaced(text, edits))
    if not _says(read_revision(changed, after.path or path), after):
        raise RevisionFileError(f"{path}: the ids in it cannot be changed in place", "change them by hand")
    return Renamed(changed, found)


def _says(found: Revision | Problem, wanted: Revision) -> bool:
    if not isinstance(found, Revision):
        return False
    ids, others = (
        (revision.id, sorted(revision.parents), sorted(revision.depends_on), revision.labels, revision.path)
        for revision in (found, wanted)
    )
    return ids == others


def _id_edits(
    text: str, lines: Sequence[int], value: ast.expr, old: Sequence[str], new: Sequence[str]
) -> list[tuple[int, int, str]]:
    """Return the changes to a literal whose ids become others: each at its own place, where none comes or goes."""
    if len(old) != len(new):
        return _value_edits(text, lines, value, tuple(old), tuple(new))
    becomes = dict(zip(old, new, strict=True))
    edits = []
    for element in elements_of(value):
        if isinstance(element, ast.Constant) and isinstance(element.value, str):
            new_name = becomes.get(element.value, element.value)
            start, end = _span(text, lines, element)
            if new_name != element.value:
                edits.append((start, end, _quoted_like(text[start:end], new_name)))
    return edits


def _stated(source: bytes, path: str) -> Revision:
    found = read_revision(source, path)
    if not isinstance(found, Revision):
        raise RevisionFileError(found.message, found.hint)
    return found


def decoded(source: bytes) -> tuple[str, Callable[[str], bytes]]:
    """Return a file's text, and the function that encodes it again."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    return source.decode(encoding), lambda text: text.encode(encoding)


def _replaced(text: str, edits: Sequence[tuple[int, int, str]]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _docstring_edits(
    text: str, lines: Sequence[int], tree: ast.Module, before: Revision, after: Revision
) -> list[tuple[int, int, str]]:
    if ast.get_docstring(tree, clean=False) is None:
        return []
    start, end = _span(text, lines, tree.body[0])
    edits = []
    found = _REVISION_ID.search(text, start, end) if before.id != after.id else None
    if found and found[2] == before.id:
        edits.append((*found.span(2), in_python(after.id)))
    if before.parents != after.parents and (revises := _REVISES.search(text, start, end)):
        named = f"{revises[1]} {in_python(', '.join(after.parents))}".rstrip()
        edits.append((*revises.span(), named if after.parents else revises[1] + " "))
    return edits


def _naming(text: str, edits: Sequence[tuple[int, int, str]], ids: Collection[str]) -> Iterator[int]:
    """Yield the lines, counted from 1, that name one of some ids outside of the edits, each once."""
    if not ids:
        return
    words = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(ids, key=len, reverse=True)))})(?!\w)")
    starts, seen = _line_starts(text), set[int]()
    for found in words.finditer(text):
        if any(start <= found.start() < end for start, end, _ in edits):
            continue
        number = bisect_right(starts, found.start())
        if number not in seen:
            seen.add(number)
            yield number


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


def _value_edits(
    text: str, lines: Sequence[int], value: ast.expr, old: tuple[str, ...], new: tuple[str, ...]
) -> list[tuple[int, int, str]]:
    """Return the changes to the literal: the first parent that goes gives its place to the first that comes."""
    elements = elements_of(value)
    leaving = [name for name in old if name not in new]
    coming = [name for name in new if name not in old]
    written = {element.value: element for element in elements if isinstance(element, ast.Constant)}
    if not set(leaving) <= set(written) or len(coming) > len(leaving) or (not new and elements == [value]):
        return [(*_span(text, lines, value), literal_ids(new))]
    edits = []
    for at, gone in enumerate(leaving):
        start, end = _span(text, lines, written[gone])
        if at < len(coming):
            edits.append((start, end, _quoted_like(text[start:end], coming[at])))
        else:
            comma = _NEXT_COMMA.match(text, end)
            edits.append((start, comma.end() if comma else end, ""))
    return edits


def _value_of(tree: ast.Module, name: str) -> ast.expr | None:
    """Return the value that a variable of the header has in the end."""
    found = None
    for node in tree.body:
        is_named = any(isinstance(target, ast.Name) and target.id == name for target in assigned(node))
        if is_named and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            found = node.value
    return found


def _line_starts(text: str) -> list[int]:
    """Return where each line begins, as Python counts lines: a form feed ends none."""
    return [0, *(end.end() for end in _LINE_END.finditer(text))]


def _span(text: str, lines: Sequence[int], node: ast.stmt | ast.expr) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    end = _offset(text, lines, node.end_lineno, node.end_col_offset)
    return _offset(text, lines, node.lineno, node.col_offset), end


def _offset(text: str, lines: Sequence[int], line: int, column: int) -> int:
    """Turn a line and a column in UTF-8 bytes, which is how ast counts, into a place in the text."""
    start, end = lines[line - 1], lines[line] if line < len(lines) else len(text)
    return start + len(text[start:end].encode("utf-8")[:column].decode("utf-8"))


def _quoted_like(literal: str, value: str) -> str:
    quote = '"' if literal.rstrip().endswith('"') else "'"
    return repr(value) if quote in value or "\\" in value else f"{quote}{value}{quote}"


def literal_ids(ids: Sequence[str]) -> str:
    """Return ids as alembic's templates write them: None, a string, or a tuple of strings."""
    return "None" if not ids else repr(ids[0]) if len(ids) == 1 else repr(tuple(ids))
