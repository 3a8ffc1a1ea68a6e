"""PURE. The text of a squash: the scripts of several revisions, one after the other, as the script of one.

Operations stay the code that they were, comments included. Names of the modules that would collide get the id of their
revision as an ending; what several scripts have alike, imports above all, is there once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from branchmig.errors import RevisionFileError
from branchmig.model import Revision
from branchmig.revisions.bindings import Function, is_nothing
from branchmig.revisions.escaping import in_python
from branchmig.revisions.module_names import local_names, within
from branchmig.revisions.squash_names import Shared
from branchmig.revisions.squash_parts import Script, SquashedScript, read_parts

_INDENT = "    "


def squash_text(scripts: Sequence[Script], after: Revision, message: str, created: str = "") -> bytes:
    """Return the text of the file that does what some scripts do, in their order, as the revision `after`.

    Its downgrade() undoes them in reverse; where one of them cannot be undone it raises, naming that, before anything
    is undone. Raises RevisionFileError, with the revision, for a script that cannot be kept as code.
    """
    parts, shared = read_parts(scripts, after)
    stuck = [f"{script.revision.id} {script.obstacle}" for script in scripts if script.obstacle]
    why = f"{after.id} cannot be undone: {'; '.join(stuck)}" if stuck else ""
    lines = [
        *_docstring(scripts, after, message, created),
        *([f"from __future__ import {', '.join(sorted(shared.future))}"] if shared.future else []),
        *shared.imports,
        "",
        *_header(after),
        *_modules(parts),
        *_functions(parts, shared, _marks(scripts), why),
    ]
    text = "\n".join(lines) + "\n"
    _check(text, parts, [name for name in shared.entries if not (stuck and name.startswith("downgrade"))])
    if b"\r\n" in scripts[-1].source:
        text = text.replace("\n", "\r\n")
    return text.encode("utf-8")


def _docstring(scripts: Sequence[Script], after: Revision, message: str, created: str) -> Iterator[str]:
    yield f'"""{in_python(message)}'
    yield ""
    yield f"Revision ID: {in_python(after.id)}"
    yield f"Revises: {in_python(', '.join(after.parents))}".rstrip()
    if created:
        yield f"Create Date: {in_python(created)}"
    yield ""
    yield f"Does what {len(scripts)} revisions did, in this order:"
    for script in scripts:
        marks = " (moves rows)" if script.moves_rows else ""
        yield f"  {in_python(script.revision.id)}  {in_python(script.revision.title)}".rstrip() + marks
    yield '"""'
    yield ""


def _header(after: Revision) -> Iterator[str]:
    yield f"revision = {_quoted(after.id)}"
    yield f"down_revision = {_ids(after.parents)}"
    yield f"branch_labels = {_ids(after.labels)}"
    yield f"depends_on = {_ids(after.depends_on)}"
    if after.replaces:
        yield "replaces = ("
        yield from (f"{_INDENT}{_quoted(replace)}," for replace in after.replaces)
        yield ")"


def _ids(ids: Sequence[str]) -> str:
    if not ids:
        return "None"
    return _quoted(ids[0]) if len(ids) == 1 else f"({', '.join(map(_quoted, ids))})"


def _quoted(text: str) -> str:
    return repr(text) if '"' in text or "\\" in text or not text.isprintable() else f'"{text}"'


def _marks(scripts: Sequence[Script]) -> Mapping[str, str]:
    """Return the comment that stands above what each revision does."""
    marks = {}
    for script in scripts:
        title = " ".join(f"{script.revision.id}: {script.revision.title}".split()).rstrip(":")
        if script.moves_rows:
            title += " (data migration)"
        if script.sql_reason:
            title += f" (as SQL: {script.sql_reason})"
        marks[script.revision.id] = "# " + title.encode("utf-8", "backslashreplace").decode()
    return marks


def _modules(parts: Sequence[SquashedScript]) -> Iterator[str]:
    """Yield what the modules have beside their two functions, each under the name of its revision."""
    after_block = False
    for part in parts:
        for number, chunk in enumerate(part.chunks):
            if number == 0 or chunk.is_block or after_block:
                yield from ("", "") if chunk.is_block or after_block else ("",)
            if number == 0:
                yield f"# of {part.id}"
            yield from chunk.lines
            after_block = chunk.is_block


def _functions(
    parts: Sequence[SquashedScript], shared: Shared, marks: Mapping[str, str], why_irreversible: str
) -> Iterator[str]:
    """Yield upgrade() and downgrade(), or those of each database with what calls them."""
    for function in shared.dispatchers:
        if function.name == "upgrade" or not why_irreversible:
            yield from ("", "", *ast.unparse(function).split("\n"))
    for name in shared.entries:
        is_upgrade = name.startswith("upgrade")
        if is_upgrade or not why_irreversible:
            yield from ("", "", *_entry(parts if is_upgrade else parts[::-1], name, marks))
    if why_irreversible:
        given = next((ast.unparse(function.args) for function in shared.dispatchers), "")
        given = given or _signature(parts, "downgrade").text
        yield from ("", "", f"def downgrade({given}) -> None:")
        yield f"{_INDENT}raise NotImplementedError({why_irreversible!r})"


def _entry(parts: Sequence[SquashedScript], name: str, marks: Mapping[str, str]) -> Iterator[str]:
    """Yield a function of all scripts, after the functions of the bodies that cannot stand in it."""
    working = [part for part in parts if part.body(name)]
    signature = _signature(working, name)
    inline = _inlined(working, name) if not signature.call else frozenset()
    for part in working:
        if part.id not in inline:
            yield f"def {part.function_name(name)}({signature.text}) -> None:"
            yield from part.body(name)
            yield from ("", "")
    yield f"def {name}({signature.text}) -> None:"
    if not working:
        yield f"{_INDENT}pass"
    for number, part in enumerate(working):
        if number:
            yield ""
        yield f"{_INDENT}{marks[part.id]}"
        if part.id in inline:
            yield from part.body(name)
        else:
            yield f"{_INDENT}{part.function_name(name)}({signature.call})"


@dataclass(frozen=True, slots=True)
class _Signature:
    text: str = ""
    call: str = ""


def _signature(parts: Sequence[SquashedScript], name: str) -> _Signature:
    """Return the parameters that all the functions have. Raises RevisionFileError where they have different ones."""
    found = {}
    for part in parts:
        function = part.functions.get(name)
        if function is not None:
            given = function.args
            call = [argument.arg for argument in (*given.posonlyargs, *given.args)]
            call += [f"{argument.arg}={argument.arg}" for argument in given.kwonlyargs]
            call += [f"*{given.vararg.arg}"] if given.vararg else []
            call += [f"**{given.kwarg.arg}"] if given.kwarg else []
            found[ast.unparse(given)] = (part.id, ", ".join(call))
    if len(found) > 1:
        ids = ", ".join(text for text, _ in found.values())
        raise RevisionFileError(
            f"the {name}() of {ids} take different arguments: {' and '.join(f'({text})' for text in found)}",
            "squash the ranges that take the same ones",
        )
    return next((_Signature(text, call) for text, (_, call) in found.items()), _Signature())


def _inlined(parts: Sequence[SquashedScript], name: str) -> frozenset[str]:
    """Return the parts whose bodies can stand one after the other in one function: no local of one means more there."""
    local: dict[str, set[str]] = {}
    outer: dict[str, set[str]] = {}
    for part in parts:
        function = part.functions.get(name)
        if function is None:
            local[part.id], outer[part.id] = set(), {"op", "sa"}
            continue
        if not part.is_plainly_indented(name) or _ends_early(function):
            continue
        local[part.id] = local_names(function)
        names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        outer[part.id] = names - local[part.id]
    used = set().union(*outer.values()) if outer else set()
    return frozenset(text for text, names in local.items() if names.isdisjoint(used))


def _ends_early(function: Function) -> bool:
    early = (ast.Return, ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal)
    return any(isinstance(node, early) for node in within(function))


def _check(text: str, parts: Sequence[SquashedScript], names: Sequence[str]) -> None:
    """Raise RevisionFileError unless the text holds each body as it was, in its order."""
    functions = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    for name in names:
        order = parts if name.startswith("upgrade") else parts[::-1]
        found: list[str] = []
        for node in functions[name].body:
            called = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
            own = functions.get(called.id) if isinstance(called, ast.Name) else None
            is_own = own is not None and own.name in {part.function_name(name) for part in parts}
            body = own.body if own is not None and is_own else [node]
            found += [ast.dump(statement) for statement in body if not is_nothing(statement)]
        bodies = [part.functions[name].body for part in order if name in part.functions]
        wanted = [ast.dump(node) for body in bodies for node in body if not is_nothing(node)]
        if wanted != found and not any(part.is_sql for part in parts):
            raise RevisionFileError(
                f"the {name}() of the range cannot be put into one file: the text would mean something else",
                "squash a shorter range",
            )
