"""PURE. Expressions to their values, as far as their names are known; nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from branchmig.revisions.header_folding import (
    BUILTINS,
    COMPARISONS,
    FUNCTIONS,
    LONGEST,
    OPERATIONS,
    PURE_METHODS,
    UNKNOWN,
    CannotFold,
    ClassNames,
    EnumMember,
    EnumText,
    InstalledName,
    ModuleValue,
    bounded,
    count_of,
    has_unknown,
    has_wide_field,
    is_same,
    method_value,
    path_attribute,
    path_value,
    plain,
    size_of,
    truth,
)

DEEPEST = 40
"""Expressions within each other, and modules that import each other."""

NOT_COMPARED = (ClassNames, EnumMember, ModuleValue, PurePosixPath)
# Running it would fail, or do what is not known here.
_REFUSALS = (CannotFold, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_CONVERSIONS: dict[int, Callable[[Any], str]] = {ord("s"): str, ord("r"): repr, ord("a"): ascii}


@dataclass(slots=True)
class Folding:
    """What names are bound to, and what expressions make of them."""

    names: dict[str, Any] = field(default_factory=dict)
    depth: int = 0

    def bind(self, target: ast.expr, value: Any) -> None:
        """Bind what a target of an assignment names."""
        raise NotImplementedError

    def installed(self, imported: InstalledName) -> Any:
        """Return the constant, or the module, that is imported from an installed package."""
        raise NotImplementedError

    def attribute_of_module(self, module: str, name: str) -> Any:
        """Return what a module has under a name."""
        raise NotImplementedError

    def value(self, node: ast.expr) -> Any:
        """Return the value of an expression, or UNKNOWN."""
        self.depth += 1
        try:
            return self._fold(node) if self.depth <= DEEPEST else UNKNOWN
        except _REFUSALS:
            return UNKNOWN
        finally:
            self.depth -= 1

    def _known(self, node: ast.expr) -> Any:
        found = self.value(node)
        if found is UNKNOWN:
            raise CannotFold
        return found

    def _whole(self, node: ast.expr) -> Any:
        found = self.value(node)
        if has_unknown(found):
            raise CannotFold
        return found

    def _fold(self, node: ast.expr) -> Any:  # noqa: C901 - a table of expressions
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                found = self.names.get(name, UNKNOWN)
                return self.installed(found) if isinstance(found, InstalledName) else found
            case ast.Tuple(elts=items):
                return tuple(self._items(items))
            case ast.List(elts=items):
                return self._items(items)
            case ast.Set(elts=items):
                return frozenset(self._whole_items(items))
            case ast.Dict(keys=keys, values=values):
                return self._dict(keys, values)
            case ast.NamedExpr(target=target, value=value):
                found = self.value(value)
                self.bind(target, found)
                return found
            case ast.BinOp(left=left, op=op, right=right):
                return self.operation(op, self._known(left), self._known(right))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not truth(self._known(operand))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._known(operand)
            case ast.JoinedStr(values=parts):
                return self._text(parts)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._either(test, body, orelse)
            case ast.BoolOp(op=op, values=parts):
                return self._first(parts, wanted=isinstance(op, ast.Or))
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compare(left, ops, others)
            case ast.Subscript(value=value, slice=index):
                return self._known(value)[self._index(index)]
            case ast.Attribute(value=value, attr=name):
                return self._attribute(self._known(value), name)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                found = self._comprehension(node)
                return frozenset(found) if isinstance(node, ast.SetComp) else found
            case ast.Call():
                return self._call(node)
        return UNKNOWN

    def _items(self, nodes: Iterable[ast.expr]) -> list[Any]:
        found: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                found += self._known(node.value)
            else:
                found.append(self.value(node))
        return found

    def _dict(self, keys: Iterable[ast.expr | None], values: Iterable[ast.expr]) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key, value in zip(keys, values, strict=True):
            if key is not None:
                found[self._known(key)] = self.value(value)
                continue
            more = self._known(value)
            if not isinstance(more, dict):
                raise CannotFold
            found |= more
        return found

    def _whole_items(self, nodes: Iterable[ast.expr]) -> list[Any]:
        found = self._items(nodes)
        if has_unknown(found):
            raise CannotFold
        return found

    def operation(self, op: ast.operator, left: Any, right: Any) -> Any:
        """Return what an operator makes of two values, or UNKNOWN."""
        if left is UNKNOWN or right is UNKNOWN:
            return UNKNOWN
        try:
            if isinstance(op, ast.Mod) and isinstance(left, str):
                return self._formatted(left, right)
            size, times = max(size_of(left), size_of(right)), max(count_of(left), count_of(right))
            if isinstance(op, ast.Mult) and size * times > LONGEST:
                return UNKNOWN
            return bounded(OPERATIONS[type(op)](left, right))
        except _REFUSALS:
            return UNKNOWN

    def _formatted(self, left: str, right: Any) -> Any:
        values = right if isinstance(right, tuple) else tuple(right.values()) if isinstance(right, dict) else (right,)
        if not all(isinstance(value, str | int | float) for value in map(plain, values)) or has_wide_field(left):
            return UNKNOWN
        return bounded(left % right)

    def _text(self, parts: Iterable[ast.expr]) -> str:
        found = ""
        for part in parts:
            if isinstance(part, ast.FormattedValue):
                value = plain(self._known(part.value))
                if part.conversion in _CONVERSIONS:
                    value = _CONVERSIONS[part.conversion](value)
                form = self._known(part.format_spec) if part.format_spec is not None else ""
                if re.search(r"\d{4}", form):
                    raise CannotFold
                found += format(value, form)
            else:
                found += self._known(part)
        return str(bounded(found))

    def _either(self, test: ast.expr, body: ast.expr, orelse: ast.expr) -> Any:
        found = self.value(test)
        if found is not UNKNOWN:
            return self.value(body if truth(found) else orelse)
        kept = dict(self.names)
        item, other = self.value(body), self.value(orelse)
        self.names = kept  # which of the two binds its names cannot be known
        return item if is_same(item, other) else UNKNOWN

    def _first(self, parts: Sequence[ast.expr], *, wanted: bool) -> Any:
        found: Any = UNKNOWN
        for part in parts:
            found = self._known(part)
            if truth(found) is wanted:
                break
        return found

    def _compare(self, left: ast.expr, ops: Sequence[ast.cmpop], others: Sequence[ast.expr]) -> bool:
        item = self._whole(left)
        for op, node in zip(ops, others, strict=True):
            other = self._whole(node)
            comparison = COMPARISONS.get(type(op))
            if comparison is None or any(isinstance(value, NOT_COMPARED) for value in (item, other)):
                raise CannotFold
            if not comparison(item, other):
                return False
            item = other
        return True

    def _index(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Slice):
            ends = (node.lower, node.upper, node.step)
            return slice(*(None if end is None else self._known(end) for end in ends))
        return self._known(node)

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> list[Any]:
        (loop,) = node.generators
        values = self._whole(loop.iter)
        if loop.is_async or isinstance(values, frozenset) or not isinstance(values, tuple | list | str | dict):
            raise CannotFold
        kept = dict(self.names)
        found = []
        try:
            for value in values:
                self.bind(loop.target, value)
                if all(truth(self._known(test)) for test in loop.ifs):
                    found.append(self._known(node.elt))
        finally:
            self.names = kept
        return found

    def _attribute(self, owner: Any, name: str) -> Any:
        if isinstance(owner, ModuleValue):
            return self.attribute_of_module(owner.name, name)
        if isinstance(owner, ClassNames):
            return owner.values[name]
        if isinstance(owner, EnumMember):
            return {"name": owner.name, "value": owner.value}[name]
        if isinstance(owner, EnumText) and name == "value":
            return str(owner)
        if isinstance(owner, PurePosixPath):
            return path_attribute(owner, name)
        return UNKNOWN

    def _call(self, node: ast.Call) -> Any:
        if any(keyword.arg is None for keyword in node.keywords):
            return UNKNOWN
        arguments = self._whole_items(node.args)
        named = {str(keyword.arg): self._whole(keyword.value) for keyword in node.keywords}
        function = node.func
        if isinstance(function, ast.Name) and function.id in BUILTINS and function.id not in self.names:
            return bounded(BUILTINS[function.id](*map(plain, arguments), **named))
        if isinstance(function, ast.Attribute):
            owner = self.value(function.value)
            if isinstance(owner, PurePosixPath):
                return path_value(owner, function.attr, arguments)
            if isinstance(owner, str | bytes | tuple | list | dict) and function.attr in PURE_METHODS:
                return method_value(owner, function.attr, arguments, named)
        found = self.value(function)
        if isinstance(found, ModuleValue) and found.name in FUNCTIONS and not named:
            return FUNCTIONS[found.name](*arguments)
        return UNKNOWN
