"""PURE. The values of a module's names, as far as they follow from its text: folded by ast, never run.

What cannot be known is UNKNOWN, and so is all that depends on it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from branchmig.revisions.bindings import bound_by, bound_within, walrus_names
from branchmig.revisions.header_enums import ENUMS, MAKES_MEMBERS, automatic_values, has_members, members
from branchmig.revisions.header_expressions import DEEPEST, Folding
from branchmig.revisions.header_folding import (
    BUILTINS,
    PURE_METHODS,
    PYTHON,
    PYTHON_MODULES,
    UNKNOWN,
    CannotFold,
    ClassNames,
    InstalledName,
    ModuleValue,
    has_unknown,
    is_same,
    truth,
    within,
)
from branchmig.revisions.import_order import HEADER

Module = tuple[str, ast.Module]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a file's text alone does not say: where the file is, and the modules that it imports.

    `module` gives path and tree of a module of the project by its dotted name; None where it has none of that name.
    `installed` does so for packages that are installed beside branchmig.
    """

    path: str | None = None
    module: Callable[[str], Module | None] = lambda _: None
    installed: Callable[[str], Module | None] = lambda _: None


_MUTABLE = (list, dict, frozenset, ClassNames)  # a set is folded to a frozenset
_NEVER_LOOKED_INTO = frozenset({"alembic", "sqlalchemy"})
_CHANGES_ANYTHING = frozenset({"delattr", "eval", "exec", "globals", "locals", "setattr", "vars"})
_CHANGING_METHODS = frozenset(
    {"add", "append", "clear", "difference_update", "discard", "extend", "insert", "intersection_update", "pop"}
    | {"popitem", "remove", "reverse", "setdefault", "sort", "symmetric_difference_update", "update"}
)


def module_values(tree: ast.Module, surroundings: Surroundings | None = None) -> dict[str, Any]:
    """Return what each name of a module is bound to once it has run."""
    surroundings = surroundings or Surroundings()
    return _Run(surroundings=surroundings, path=surroundings.path).module(tree)


@dataclass(slots=True)
class _Run(Folding):
    """One module, run as far as its text says what it does."""

    surroundings: Surroundings = field(kw_only=True)
    path: str | None = None
    package: str = ""
    """The package that the module is in; empty for a revision, which alembic loads by itself."""
    under_way: tuple[str, ...] = ()
    modules: dict[str, dict[str, Any]] = field(default_factory=dict)
    functions: dict[str, ast.AST] = field(default_factory=dict)
    bound_at_any_time: tuple[str, ...] = ()
    """What generator expressions bind whenever somebody asks them for a value."""

    def module(self, tree: ast.Module) -> dict[str, Any]:
        self.names = {"__doc__": ast.get_docstring(tree, clean=False)}
        if self.path is not None:
            self.names["__file__"] = self.path
            # Alembic names the module of a revision after its file.
            alembics = re.sub(r"\W", "_", self.path.rpartition("/")[2])
            self.names["__name__"] = self.under_way[-1] if self.under_way else alembics
        lazy = (node for node in ast.walk(tree) if isinstance(node, ast.GeneratorExp))
        self.bound_at_any_time = tuple(name for generator_exp in lazy for name in walrus_names(generator_exp))
        self.block(tree.body)
        return self.names

    # --- statements

    def block(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            # What is not reached, or not understood, leaves them unknown; folding binds the others.
            self.forget(walrus_names(statement.test if isinstance(statement, ast.If) else statement))
            self.statement(statement)
            self.forget_changed(statement)
            self.forget(self.bound_at_any_time)

    def statement(self, node: ast.stmt) -> None:  # noqa: C901 - a table of statements
        match node:
            case ast.Assign(targets=targets, value=value):
                found = self.value(value)
                for target in targets:
                    self.bind(target, found)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.bind(target, self.value(value))
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                before = self.names.get(name, UNKNOWN)
                after = self.operation(op, before, self.value(value))
                self.forget_holding([before])  # a list is extended in place, under each of its names
                self.names[name] = after
            case ast.Expr(value=value):
                self.value(value)
            case ast.Import(names=aliases):
                for alias in aliases:
                    self.names[bound_by(alias)] = ModuleValue(alias.name if alias.asname else bound_by(alias))
            case ast.ImportFrom(names=aliases):
                self.import_from(node, aliases)
            case ast.If(test=test, body=body, orelse=orelse):
                self.choose(self.value(test), body, orelse)
            case ast.ClassDef(name=name):
                self.names[name] = self.class_names(node)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                self.names[name] = UNKNOWN
                self.functions[name] = node
            case _:
                self.forget(_bound_names(node))

    def bind(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, tuple | list):
            self.bind_each(target.elts, value)
        else:
            self.forget(_bound_names(target))

    def bind_each(self, targets: Sequence[ast.expr], values: Sequence[Any]) -> None:
        starred = [number for number, node in enumerate(targets) if isinstance(node, ast.Starred)]
        if not starred and len(targets) == len(values):
            for node, value in zip(targets, values, strict=True):
                self.bind(node, value)
        elif len(starred) == 1 and len(values) >= len(targets) - 1:
            (at,) = starred
            after = len(targets) - at - 1
            middle = targets[at]
            assert isinstance(middle, ast.Starred)
            self.bind_each(targets[:at], values[:at])
            self.bind(middle.value, list(values[at : len(values) - after]))
            self.bind_each(targets[at + 1 :], values[len(values) - after :])
        else:
            self.forget(name for node in targets for name in _bound_names(node))

    def choose(self, test: Any, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt]) -> None:
        try:
            self.block(body if truth(test) else orelse)
            return
        except CannotFold:
            pass
        before = dict(self.names)
        self.block(body)
        entry, self.names = self.names, before
        self.block(orelse)
        for name in entry.keys() | self.names.keys():
            if not is_same(entry.get(name, UNKNOWN), self.names.get(name, UNKNOWN)):
                self.names[name] = UNKNOWN

    def forget(self, names: Iterable[str]) -> None:
        for name in names:
            self.names[name] = UNKNOWN

    # --- what a statement changes beside what it is for

    def forget_changed(self, top: ast.stmt) -> None:
        """Forget what a statement may change in place, or bind beside what it is for."""
        if isinstance(top, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.forget(name for name in _bound_names(top) if name != top.name)
            parts: list[ast.AST] = [*top.decorator_list]
        else:
            parts = [top.test if isinstance(top, ast.If) else top]
        for part in parts:
            for node in ast.walk(part):
                self.forget_changed_by(node)

    def forget_changed_by(self, node: ast.AST) -> None:
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in _CHANGES_ANYTHING:
                self.forget(list(self.names))
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                self.forget_called(self.functions[name])
                self.forget_mutable(node)
            case ast.Call(func=function) if not _is_pure(function):
                self.forget_mutable(node)
            case ast.Lambda():
                self.forget_mutable(node.body)
            case ast.Attribute(attr=name, ctx=ast.Load()) if name in _CHANGING_METHODS:
                self.forget_mutable(node)
            case ast.Attribute(value=value, attr=name, ctx=ast.Store() | ast.Del()):
                owner = self.value(value)
                if isinstance(owner, ModuleValue):
                    (self.names_of(owner.name) or {})[name] = UNKNOWN
                self.forget_mutable(node)
            case ast.Subscript(ctx=ast.Store() | ast.Del()):
                self.forget_mutable(node)

    def forget_called(self, function: ast.AST) -> None:
        """Forget what a function of this module may change when it runs."""
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                self.forget(node.names)
        self.forget_mutable(function)

    def forget_mutable(self, node: ast.AST) -> None:
        """Forget every value that may be, or hold, something that a part of `node` can change."""
        given = [self.names.get(part.id) for part in ast.walk(node) if isinstance(part, ast.Name)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given.append(self.value(node.func.value))
        self.forget_holding(given)

    def forget_holding(self, given: Iterable[Any]) -> None:
        changed = {id(revision) for top in given for revision in within(top) if isinstance(revision, _MUTABLE)}
        for names in (self.names, *self.modules.values()) if changed else ():
            for name, value in names.items():
                if any(id(revision) in changed for revision in within(value)):
                    names[name] = UNKNOWN

    # --- classes

    def class_names(self, node: ast.ClassDef) -> Any:
        inner = replace(self, names=dict(self.names), depth=0, bound_at_any_time=())
        inner.block(node.body)
        names = {name: None for part in node.body for name in _bound_names(part)}
        self.forget(name for name in self.names if name not in names and inner.names[name] is UNKNOWN)
        parents = [self.value(part) for part in node.bases]
        inherited = [revision for revision in parents if isinstance(revision, ClassNames) and not has_members(revision)]
        bases = {
            part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "")
            for part, parent in zip(node.bases, parents, strict=True)
            if parent not in inherited
        }
        if node.decorator_list or node.keywords or bases - ENUMS - {"str", "int", "object"} or len(inherited) > 1:
            return UNKNOWN
        own = {name: value for parent in inherited for name, value in parent.values.items()}
        own |= {name: inner.names.get(name, UNKNOWN) for name in names}
        if not bases & ENUMS:
            return UNKNOWN if any(name.startswith(("__get", "__init_sub")) for name in own) else ClassNames(own)
        if any(name in MAKES_MEMBERS for name in own):
            return UNKNOWN
        if "StrEnum" in bases:
            own |= {name: name.lower() for name in automatic_values(node.body)}
        return ClassNames(members(own, is_text=bool(bases & {"str", "StrEnum"})))

    # --- imports

    def import_from(self, node: ast.ImportFrom, aliases: Sequence[ast.alias]) -> None:
        name = self.absolute(node)
        for alias in aliases:
            if alias.name == "*":
                self.import_all(name)
            else:
                found = UNKNOWN if name is None else self.attribute_in_project(name, alias.name)
                self.names[bound_by(alias)] = found

    def absolute(self, node: ast.ImportFrom) -> str | None:
        if not node.level:
            return node.module
        parts = self.package.split(".") if self.package else []
        if node.level > len(parts):
            return None
        return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])

    def import_all(self, name: str | None) -> None:
        """Bind what a star import brings from a module of the project; of others it is not looked at."""
        found = None if name is None else self.names_of(name)
        if found is None:
            self.forget([text for text in self.names if text not in HEADER and not text.startswith("__")])
            return
        public = found.get("__all__", [text for text in found if not text.startswith("_")])
        self.names |= {item: found.get(item, UNKNOWN) for item in public} if not has_unknown(public) else {}

    def attribute_of_module(self, module: str, name: str) -> Any:
        found = self.attribute_in_project(module, name)
        return self.installed(found) if isinstance(found, InstalledName) else found

    def attribute_in_project(self, module: str, name: str) -> Any:
        """Return what a module has under a name; an InstalledName where the project has no such module."""
        if (module, name) in PYTHON:
            return PYTHON[module, name]
        if module.partition(".")[0] in PYTHON_MODULES:
            return ModuleValue(f"{module}.{name}")
        found = self.names_of(module)
        if found is not None and name in found:
            return found[name]
        inner = f"{module}.{name}"
        if self.surroundings.module(inner) is not None:
            return ModuleValue(inner)
        return InstalledName(module, name) if found is None else UNKNOWN

    def installed(self, imported: InstalledName) -> Any:
        """Return what is imported from an installed package: a constant in capitals, or a module.

        Other names are not looked for: what such packages import would be read by the thousand lines.
        """
        for _ in range(DEEPEST):  # a name may be imported from package to package
            inner = f"{imported.module}.{imported.name}"
            if imported.module.partition(".")[0] in _NEVER_LOOKED_INTO:
                return UNKNOWN
            if not imported.name.isupper():
                return UNKNOWN if self.surroundings.installed(inner) is None else ModuleValue(inner)
            found = (self.installed_names_of(imported.module) or {}).get(imported.name, UNKNOWN)
            if not isinstance(found, InstalledName):
                return found
            imported = found
        return UNKNOWN

    def installed_names_of(self, module: str) -> dict[str, Any] | None:
        """Return the names of a module of an installed package, for which the project's modules do not count."""
        around = Surroundings(self.surroundings.path, installed=self.surroundings.installed)
        return self.run_module(module, self.surroundings.installed, around)

    def names_of(self, module: str) -> dict[str, Any] | None:
        return self.run_module(module, self.surroundings.module, self.surroundings)

    def run_module(
        self, module: str, find: Callable[[str], Module | None], surroundings: Surroundings
    ) -> dict[str, Any] | None:
        if module in self.modules:
            return self.modules[module]
        if module in self.under_way or len(self.under_way) > DEEPEST:
            return None
        found = find(module)
        if found is None:
            return None
        path, tree = found
        package = module if path.endswith("/__init__.py") else module.rpartition(".")[0]
        under_way = (*self.under_way, module)
        inner = _Run(surroundings=surroundings, path=path, package=package, under_way=under_way, modules=self.modules)
        self.modules[module] = inner.module(tree)
        return self.modules[module]


def _is_pure(function: ast.expr) -> bool:
    """Return whether a call changes none of its arguments."""
    if isinstance(function, ast.Name):
        return function.id in BUILTINS
    return isinstance(function, ast.Attribute) and function.attr in PURE_METHODS


def _bound_names(top: ast.AST) -> list[str]:
    return [name for name, _, _ in bound_within(top)]
