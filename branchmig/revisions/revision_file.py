"""Text of a revision file to a Revision; never runs a file, opens one, or imports alembic."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from branchmig.model import Problem, Revision
from branchmig.revisions.bindings import UNPARSABLE, assigned, bound_within, elements_of, parse_quietly
from branchmig.revisions.header_scan import scan_header
from branchmig.revisions.replaced import replaced_ids

if TYPE_CHECKING:
    from branchmig.revisions.header_values import Surroundings
    from branchmig.revisions.project_modules import ProjectModules


def is_revision_file_name(name: str) -> bool:
    """Return whether alembic would load a file of this name, lying in versions/, as a revision."""
    return _REVISION_FILE_NAME.match(name) is not None


def read_revision(source: bytes, path: str, surroundings: Surroundings | None = None) -> Revision | Problem:
    """Read what a revision file states of itself, or say why that cannot be known.

    Computed values are folded where they follow from the text; with `surroundings`, also from where the file is and
    from modules of the project. A body that does not compile hides nothing as long as the part before the first
    function does. What runs only inside functions, and what a star import may bring, is not looked at.
    """
    if is_bytecode(source):
        from branchmig.revisions.bytecode import read_bytecode

        return read_bytecode(source, path)
    scanned = scan_header(source)  # ast.parse costs 30 times as much, and a team has 10,000 of these files
    if scanned is None:
        found = _read_with_ast(source, path, surroundings)
    else:
        revision, parents, depends_on, labels, docstring = scanned
        found = Revision(revision, parents, depends_on, labels, _message(docstring), path)
    replaced = replaced_ids(source)
    return replace(found, replaces=replaced) if replaced and isinstance(found, Revision) else found


def read_placed(source: bytes, path: str, modules: ProjectModules) -> tuple[Revision | Problem, bool]:
    """Read a revision file from its text, and where that does not do, from what is around it.

    Return what it states, and whether that follows from the text alone, or at most from the file's name.
    """
    content = read_revision(source, path)
    if isinstance(content, Revision) and not content.unknown_labels:
        return content, True
    placed = read_revision(source, path, modules.around(path.replace("\\", "/")))
    return placed, placed == content and isinstance(placed, Revision) and not placed.unknown_labels


def read_docstring(source: bytes) -> str:
    """Return the whole stripped docstring of a revision file; empty if there is none or it cannot be read."""
    if is_bytecode(source):
        from branchmig.revisions.bytecode import bytecode_docstring

        return bytecode_docstring(source)
    scanned = scan_header(source)
    if scanned is not None:
        return scanned[-1]
    try:
        return _docstring(_readable_tree(source, ""))
    except _ReadError:
        return ""


def is_bytecode(source: bytes) -> bool:
    """Return whether a file's content is that of a .pyc: a magic number, then flags. Text holds no NUL."""
    return source[2:4] == b"\r\n" and b"\0" in source[4:16]


def conflict_marker_line(source: bytes) -> int | None:
    """Return the line, counted from 1, of the first conflict that git left unresolved in a file."""
    if b"<<<<<<< " not in source:
        return None
    source = _with_plain_newlines(source)
    ours = re.search(rb"^<<<<<<< ", source, re.MULTILINE)
    divide = ours and _DIVIDE.search(source, ours.end())
    theirs = divide and _THEIRS.search(source, divide.end())
    return source.count(b"\n", 0, ours.start()) + 1 if ours and theirs else None


_UNKNOWN: Any = object()
_REVISION_FILE_NAME = re.compile(r"(?!\.\#|__init__)(.*\.py)$")
# Alembic 0.1 wrote no `revision` into its files; the name alone had it.
_LEGACY_FILE_NAME = re.compile(r"([a-f0-9]+)\.py$")
_DIVIDE = re.compile(rb"^=======(?:[ ].*)?$", re.MULTILINE)
_THEIRS = re.compile(rb"^>>>>>>> ", re.MULTILINE)

_Ids = tuple[str, ...]
_EXAMPLES = {
    "revision": "revision = '1975ea83b712'",
    "down_revision": "down_revision = '1975ea83b712', or None, or a tuple of such strings",
    "depends_on": "depends_on = '1975ea83b712', or None, or a tuple of such strings",
    "branch_labels": "branch_labels = 'users', or None, or a tuple of such strings",
}
_FUNCTION_LINE = re.compile(rb"^(?:def|class|async[ \t]+def)[ \t]|^@", re.MULTILINE)
_FIELD_LINE = re.compile(rb"^(?:(?:down_)?revision|branch_labels|depends_on)[ \t]*[:=]", re.MULTILINE)
_CODING_LINE = re.compile(rb"^(?:[ \t\f]*(?:#.*)?\n)??[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


class _ReadError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class _Binding(NamedTuple):
    """What last gives a name its value at module level; `value` is None where that is no assignment.

    `folded` is the value itself; _UNKNOWN if it is known only when the file runs.
    """

    name: str
    value: ast.expr | None
    path: str
    line: int
    folded: Any = _UNKNOWN


def _read_with_ast(source: bytes, path: str, surroundings: Surroundings | None) -> Revision | Problem:
    try:
        return _revision_of(_readable_tree(source, path), path, surroundings)
    except _ReadError as refused:
        return refused.problem


def _readable_tree(source: bytes, path: str) -> ast.Module:
    try:
        return parse_quietly(source)
    except UNPARSABLE as error:
        _refuse_undecodable(source, path)
        for tree in _header_parts(source):
            if "down_revision" in _bindings(tree, path):
                return tree
        raise _ReadError(_uncompilable(source, path, error)) from error


def _refuse_undecodable(source: bytes, path: str) -> None:
    if b"\0" in source:
        what = "UTF-16" if source[:2] in (b"\xff\xfe", b"\xfe\xff") else "not text: it holds NUL bytes"
        raise _ReadError(_unreadable(path, f"{path}: {what}", "save the file as UTF-8"))
    declared = _CODING_LINE.match(_with_plain_newlines(source))
    encoding = declared[1].decode() if declared else "UTF-8"
    try:
        source.decode(encoding)
    except UnicodeDecodeError as error:
        line = _with_plain_newlines(source[: error.start]).count(b"\n") + 1
        message = f"{path}:{line}: not {encoding}: byte 0x{source[error.start]:02x} cannot be decoded"
        hint = "save the file as UTF-8, or name its encoding in the first line: # -*- coding: latin-1 -*-"
        if declared:
            hint = f"save the file as {encoding}, or correct the encoding that its coding line names"
        raise _ReadError(_unreadable(path, message, hint)) from error
    except (LookupError, ValueError):
        return  # an encoding that Python does not know: its own SyntaxError says so


def _header_parts(source: bytes) -> Iterator[ast.Module]:
    source = _with_plain_newlines(source)
    # Several, since a line of the docstring may begin with "class "; few, since each is parsed from the top.
    for function_line in islice(_FUNCTION_LINE.finditer(source), 16):
        if _FIELD_LINE.search(source, function_line.start()):
            continue  # what follows may say otherwise than this part does
        try:
            tree = parse_quietly(source[: function_line.start()])
        except UNPARSABLE:
            continue
        yield tree


def _with_plain_newlines(source: bytes) -> bytes:
    return source.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in source else source


_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def _uncompilable(source: bytes, path: str, error: BaseException) -> Problem:
    conflict = conflict_marker_line(source)
    if conflict is not None:
        message = f"unresolved merge in {path}:{conflict}"
        hint = f"edit the file until no <<<<<<<, ======= and >>>>>>> is left, then: git add {path}"
        return Problem("conflict-markers", message, hint, paths=(path,))
    if source.startswith(_LFS_POINTER):
        hint = f"get it: git lfs pull; and keep revisions out of LFS, so that git can show them: git lfs untrack {path}"
        return _unreadable(path, f"{path} is a Git LFS pointer: its content is not in this repository", hint)
    if isinstance(error, SyntaxError):
        place = f"{path}:{error.lineno}" if error.lineno else path
        return _unreadable(path, f"{place}: {error.msg}", "correct the file: Python cannot compile it")
    return _unreadable(path, f"{path}: nested too deeply for Python to compile it", "simplify the file")


def _unreadable(path: str, message: str, hint: str) -> Problem:
    return Problem("unreadable-revision", message, hint, paths=(path,))


def _revision_of(tree: ast.Module, path: str, surroundings: Surroundings | None) -> Revision:
    bindings = _bindings(tree, path)
    changing = _changing_later(tree, bindings)
    if changing or any(_is_computed(binding.value) for binding in bindings.values()):
        from branchmig.revisions.header_folding import is_plain
        from branchmig.revisions.header_values import module_values

        values = module_values(tree, surroundings)
        known = {name: values[name] for name in bindings if name in values and is_plain(values[name])}
        bindings = {
            name: binding._replace(folded=known.get(name, _UNKNOWN), value=None if name in changing else binding.value)
            for name, binding in bindings.items()
            if name in values  # what stands below `if TYPE_CHECKING` is not bound
        }
    revision = _own_id(bindings.get("revision"), path)
    try:
        if "down_revision" not in bindings:
            message = f"{path}: revision {revision!r} has no down_revision"
            hint = "add down_revision = None if it is the first revision, else the id of its parent"
            raise _ReadError(_unreadable(path, message, hint))
        parents = _ids_of(bindings["down_revision"])
        depends_on = _ids_of(bindings.get("depends_on"))
        labels, unknown_labels = _labels_of(bindings.get("branch_labels"))
    except _ReadError as refused:
        raise _ReadError(replace(refused.problem, revisions=(revision,))) from refused
    return Revision(revision, parents, depends_on, labels, _message(_docstring(tree)), path, unknown_labels)


def _changing_later(tree: ast.Module, bindings: Mapping[str, _Binding]) -> set[str]:
    """Return the fields whose list or set is named again, as in `branch_labels.append("users")`."""
    mutable = {name for name, binding in bindings.items() if isinstance(binding.value, ast.List | ast.Set)}
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
    return mutable.intersection(node.id for node in nodes) if mutable else set()


def _is_computed(value: ast.expr | None) -> bool:
    return not all(isinstance(item, ast.Constant) for item in elements_of(value))


def _labels_of(binding: _Binding | None) -> tuple[_Ids, str]:
    """Return the labels, and where they are computed if they cannot be known: the graph can do without them."""
    try:
        return _ids_of(binding), ""
    except _ReadError as refused:
        if binding is None or refused.problem.code != "unreadable-revision":
            raise
        return (), f"{binding.path}:{binding.line}"


def _own_id(binding: _Binding | None, path: str) -> str:
    if binding is not None:
        return _string(binding, binding.value, binding.folded)
    name = path.rpartition("/")[2]
    legacy = _LEGACY_FILE_NAME.match(name)
    if legacy:
        return legacy[1]
    message = (
        f"{path}: Could not determine revision id from filename {name}. "
        "Be sure the 'revision' variable is declared inside the script"
    )
    hint = f"add {_EXAMPLES['revision']} if it is a revision, else move it out of the folder"
    raise _ReadError(_unreadable(path, message, hint))


def _ids_of(binding: _Binding | None) -> _Ids:
    if binding is None or (isinstance(binding.value, ast.Constant) and binding.value.value is None):
        return ()
    if isinstance(binding.value, ast.Set) and not _is_computed(binding.value):
        # A set has no order of its own; two machines must read the same.
        return tuple(sorted({_string(binding, item) for item in binding.value.elts}))
    if isinstance(binding.value, ast.Tuple | ast.List) and not _is_computed(binding.value):
        return tuple(_string(binding, item) for item in binding.value.elts)
    if isinstance(binding.folded, str) or binding.folded is _UNKNOWN:
        return (_string(binding, binding.value, binding.folded),)
    if binding.folded is None:
        return ()
    items = sorted(binding.folded, key=str) if isinstance(binding.folded, frozenset) else binding.folded
    if isinstance(items, tuple | list):
        return tuple(_string(binding, None, item) for item in items)
    return (_string(binding, binding.value, items),)


def _string(binding: _Binding, node: ast.expr | None, folded: Any = _UNKNOWN) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(folded, str):
        return str(folded)
    name, _, path, line, _ = binding
    hint = f"write {_EXAMPLES[name]}"
    shown = _shown(node, folded)
    if shown is None:
        message = f"{path}:{line}: {name} is computed: its value cannot be known without running the file"
        raise _ReadError(_unreadable(path, message, hint))
    line = node.lineno if node else line
    message = f"{path}:{line}: {name} holds {shown}, which is not a string"
    raise _ReadError(Problem("invalid-revision-id", message, hint, paths=(path,)))


def _shown(node: ast.expr | None, folded: Any) -> str | None:
    """Return a value that is no string, as it is written in Python; None if it cannot be known."""
    try:
        if folded is not _UNKNOWN:
            return _shortened(folded)
        is_literal = node is not None and not isinstance(node, ast.Call)  # literal_eval takes `set()`
        return _shortened(ast.literal_eval(node)) if is_literal else None  # type: ignore[arg-type]  # it is not None
    except (ValueError, TypeError):
        return None


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _docstring(tree: ast.Module) -> str:
    return (ast.get_docstring(tree, clean=False) or "").strip()


def _message(docstring: str) -> str:
    return docstring.partition("\n\n")[0]


def _bindings(tree: ast.Module, path: str) -> dict[str, _Binding]:
    return {
        name: _Binding(name, value, path, line)
        for statement in tree.body
        for name, value, line in _bound_by(statement)
        if name in _EXAMPLES
    }


def _bound_by(statement: ast.stmt) -> Iterator[tuple[str, ast.expr | None, int]]:
    """Yield name, value and line of all that a statement binds at module level, in the order of binding."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        yield from bound_within(statement)
        return
    value = statement.value
    if value is None:
        return  # "revision: str" alone binds nothing
    yield from bound_within(value)
    for target in assigned(statement):
        if isinstance(target, ast.Name):
            yield target.id, value, target.lineno
        else:
            yield from bound_within(target)
