"""PURE. A revision's header from its compiled .pyc, for projects shipped without sources; never runs the file.

The code object is unmarshalled, and the constants that its instructions store into module names are looked at: what
the compiler made of `revision = "ae10"`. What is computed, or stored under a condition, is not known.
"""

from __future__ import annotations

import dis
import marshal
from importlib.util import MAGIC_NUMBER
from types import CodeType
from typing import Any

from branchmig.model import Problem, Revision

_HEADER_LENGTH = 16  # magic number, flags, and twice four bytes on the source (PEP 552)
_COMPUTED = object()
_NO_OPERATION = frozenset({"RESUME", "NOP", "CACHE", "EXTENDED_ARG", "NOT_TAKEN", "PRECALL", "PUSH_NULL"})
_EXAMPLES = {"revision": "'1975ea83b712'", "down_revision": "None", "depends_on": "None", "branch_labels": "None"}


def read_bytecode(content: bytes, path: str) -> Revision | Problem:
    """Read what a compiled revision file states of itself, or say why that cannot be known."""
    code = _code(content)
    if code is None:
        return _unreadable(
            path, "was compiled by another version of Python, or is damaged", "compile it again with this one"
        )
    names = _stored_constants(code)
    if "revision" not in names or "down_revision" not in names:
        lacking = "revision" if "revision" not in names else "down_revision"
        return _unreadable(path, f"has no {lacking}", "move it out of the folder if it is no revision")
    found: dict[str, tuple[str, ...]] = {}
    for name in _EXAMPLES:
        ids = _ids(names.get(name))
        if ids is None or (name == "revision" and len(ids) != 1):
            hint = f"write {name} = {_EXAMPLES[name]} in its source, and compile it again"
            return _unreadable(path, f"computes {name}: its value cannot be known without running the file", hint)
        found[name] = ids
    message = _docstring(names).partition("\n\n")[0]
    return Revision(
        found["revision"][0], found["down_revision"], found["depends_on"], found["branch_labels"], message, path
    )


def bytecode_docstring(content: bytes) -> str:
    """Return the whole stripped docstring of a compiled revision file; empty if there is none, as after -OO."""
    code = _code(content)
    return "" if code is None else _docstring(_stored_constants(code))


def _code(content: bytes) -> CodeType | None:
    if content[:4] != MAGIC_NUMBER:
        return None
    try:
        code = marshal.loads(content[_HEADER_LENGTH:])
    except (EOFError, ValueError, TypeError):
        return None
    return code if isinstance(code, CodeType) else None


def _stored_constants(code: CodeType) -> dict[str, Any]:
    """Return what each module name was last given: a constant, or _COMPUTED."""
    names: dict[str, Any] = {}
    stack: list[Any] = []
    conditional_until = 0
    for instruction in dis.get_instructions(code):
        name = instruction.opname
        if name in ("STORE_NAME", "STORE_GLOBAL"):
            value = stack.pop() if stack else _COMPUTED
            names[instruction.argval] = _COMPUTED if instruction.offset < conditional_until else value
        elif name in ("COPY", "DUP_TOP") and stack:
            stack.append(stack[-1])
        elif name.startswith("LOAD_CONST"):
            stack.append(instruction.argval)
        elif name in ("BUILD_LIST", "BUILD_SET", "BUILD_TUPLE"):
            count = instruction.arg or 0
            stack[len(stack) - count :] = [tuple(stack[len(stack) - count :])] if count <= len(stack) else []
        elif name in ("LIST_EXTEND", "SET_UPDATE") and len(stack) > 1:
            stack[-2:] = [(*stack[-2], *stack[-1])]
        elif name not in _NO_OPERATION:
            stack.clear()
        if "JUMP" in name:
            conditional_until = max(conditional_until, instruction.argval)
    return names


def _ids(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return ()
    ids = (value,) if isinstance(value, str) else value
    if not isinstance(ids, tuple) or not all(isinstance(revision, str) for revision in ids):
        return None
    return ids


def _docstring(names: dict[str, Any]) -> str:
    text = names.get("__doc__")
    return text.strip() if isinstance(text, str) else ""


def _unreadable(path: str, what: str, hint: str) -> Problem:
    return Problem("unreadable-revision", f"{path} {what}", hint, (), (path,))
