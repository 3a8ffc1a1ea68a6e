"""PURE. The values of a module's names, as far as they follow from its text: folded by ast, never run.

What cannot be known is UNKNOWN, and so is all that depends on it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from branchmig.bindings import bound_within
from branchmig.header_expressions import DEEPEST, Folding
from branchmig.header_folding import (
    BUILTINS,
    PURE_METHODS,
    PYTHON,
    PYTHON_MODULES,
    UNKNOWN,
    ClassNames,
    EnumMember,
    EnumText,
    ModuleValue,
    has_unknown,
    is_same,
)
from branchmig.normal_form import HEADER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Module = tuple[str, ast.Module]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a file's text alone does not say: where the file is, and the modules of the project that it imports.

    `module` gives path and tree of a module by its dotted name; None where the project has none of that name.
    """

    path: str | None = None
    module: Callable[[str], Module | None] = lambda _: None


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

    def module(self, tree: ast.Module) -> dict[str, Any]:
        self.names = {"__doc__": ast.get_docstring(tree, clean=False)}
        if self.path is not None:
            self.names["__file__"] = self.path
        self.block(tree.body)
        return self.names

    # --- statements

    def block(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            self.statement(statement)
            self.forget_changed(statement.test if isinstance(statement, ast.If) else statement)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                found = self.value(value)
                for target in targets:
                    self.bind(target, found)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.bind(target, self.value(value))
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                self.names[name] = self.operation(op, self.names.get(name, UNKNOWN), self.value(value))
            case ast.Import(names=aliases):
                for alias in aliases:
                    self.names[bound_by(alias)] = ModuleValue(alias.name if alias.asname else bound_by(alias))
            case ast.ImportFrom(names=aliases):
                self.import_from(node, aliases)
            case ast.If(test=test, body=body, orelse=orelse):
                self.choose(self.value(test), body, orelse)
            case ast.ClassDef(name=name):
                self.names[name] = self.class_names(node)
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
        starred = [number for number, one in enumerate(targets) if isinstance(one, ast.Starred)]
        if not starred and len(targets) == len(values):
            for one, value in zip(targets, values, strict=True):
                self.bind(one, value)
        elif len(starred) == 1 and len(values) >= len(targets) - 1:
            (at,) = starred
            after = len(targets) - at - 1
            middle = targets[at]
            assert isinstance(middle, ast.Starred)
            self.bind_each(targets[:at], values[:at])
            self.bind(middle.value, list(values[at : len(values) - after]))
            self.bind_each(targets[at + 1 :], values[len(values) - after :])
        else:
            self.forget(name for one in targets for name in _bound_names(one))

    def choose(self, test: Any, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt]) -> None:
        if test is not UNKNOWN:
            self.block(body if test else orelse)
            return
        before = dict(self.names)
        self.block(body)
        one, self.names = self.names, before
        self.block(orelse)
        for name in one.keys() | self.names.keys():
            if not is_same(one.get(name, UNKNOWN), self.names.get(name, UNKNOWN)):
                self.names[name] = UNKNOWN

    def forget(self, names: Iterable[str]) -> None:
        for name in names:
            self.names[name] = UNKNOWN

    def forget_changed(self, top: ast.AST) -> None:
        """Forget what a statement may change in place, or bind beside what it is for."""
        if isinstance(top, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.forget(name for name in _bound_names(top) if name != top.name)
            return
        for node in ast.walk(top):
            match node:
                case ast.NamedExpr(target=ast.Name(id=name)):
                    self.names[name] = UNKNOWN
                case ast.Call(func=function) if not _is_pure(function):
                    self.forget_mutable(node)
                case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()):
                    self.forget_mutable(node)

    def forget_mutable(self, node: ast.AST) -> None:
        """Forget every value that may be, or hold, something that a part of `node` can change."""
        given = [self.names.get(one.id) for one in ast.walk(node) if isinstance(one, ast.Name)]
        changed = [one for one in given if isinstance(one, list | dict)]
        self.forget([name for name, value in self.names.items() if any(_holds(value, one) for one in changed)])

    def class_names(self, node: ast.ClassDef) -> Any:
        bases = {one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in node.bases}
        is_enum = bool(bases & {"Enum", "StrEnum", "IntEnum"})
        if node.decorator_list or node.keywords or bases - {"Enum", "StrEnum", "IntEnum", "str", "int", "object"}:
            return UNKNOWN
        inner = _Run(
            dict(self.names),
            surroundings=self.surroundings,
            path=self.path,
            package=self.package,
            under_way=self.under_way,
        )
        inner.block(node.body)
        own = {name: inner.names.get(name, UNKNOWN) for one in node.body for name in _bound_names(one)}
        if not is_enum:
            return ClassNames(own)
        is_text = bool(bases & {"str", "StrEnum"})
        return ClassNames(
            {
                name: EnumText(value) if is_text and isinstance(value, str) else EnumMember(name, value)
                for name, value in own.items()
            }
        )

    # --- imports

    def import_from(self, node: ast.ImportFrom, aliases: Sequence[ast.alias]) -> None:
        name = self.absolute(node)
        for alias in aliases:
            if alias.name == "*":
                self.import_all(name)
            else:
                self.names[bound_by(alias)] = UNKNOWN if name is None else self.attribute_of_module(name, alias.name)

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
            self.forget([one for one in self.names if one not in HEADER and not one.startswith("__")])
            return
        public = found.get("__all__", [one for one in found if not one.startswith("_")])
        self.names |= {one: found.get(one, UNKNOWN) for one in public} if not has_unknown(public) else {}

    def attribute_of_module(self, module: str, name: str) -> Any:
        if (module, name) in PYTHON:
            return PYTHON[module, name]
        if module.partition(".")[0] in PYTHON_MODULES:
            return ModuleValue(f"{module}.{name}")
        found = self.names_of(module)
        if found is not None and name in found:
            return found[name]
        inner = f"{module}.{name}"
        return ModuleValue(inner) if self.surroundings.module(inner) is not None else UNKNOWN

    def names_of(self, module: str) -> dict[str, Any] | None:
        if module in self.modules:
            return self.modules[module]
        if module in self.under_way or len(self.under_way) > DEEPEST:
            return None
        found = self.surroundings.module(module)
        if found is None:
            return None
        path, tree = found
        is_package = path.endswith("/__init__.py")
        package = module if is_package else module.rpartition(".")[0]
        inner = _Run(
            surroundings=self.surroundings,
            path=path,
            package=package,
            under_way=(*self.under_way, module),
            modules=self.modules,
        )
        self.modules[module] = inner.module(tree)
        return self.modules[module]


def bound_by(alias: ast.alias) -> str:
    """Return the name that an import binds."""
    return alias.asname or alias.name.partition(".")[0]


def _is_pure(function: ast.expr) -> bool:
    """Return whether a call changes none of its arguments."""
    if isinstance(function, ast.Name):
        return function.id in BUILTINS
    return isinstance(function, ast.Attribute) and function.attr in PURE_METHODS


def _holds(value: Any, inner: Any) -> bool:
    """Return whether a value is another one, or has it within."""
    if isinstance(value, tuple | list | dict):
        within = value.values() if isinstance(value, dict) else value
        return value is inner or any(_holds(one, inner) for one in within)
    return False


def _bound_names(top: ast.AST) -> list[str]:
    return [name for name, _, _ in bound_within(top)]
