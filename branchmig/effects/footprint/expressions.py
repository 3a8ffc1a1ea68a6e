"""PURE. Expressions of a revision file to values; what a call on the way touches is noted."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Sequence

from branchmig.effects.footprint import folding
from branchmig.effects.footprint.model import COMPUTED_SCHEMA
from branchmig.effects.footprint.values import (
    NOT_BOUND,
    UNKNOWN,
    Arguments,
    BatchBlock,
    LocalClass,
    LocalFunction,
    Member,
    Mix,
    Ref,
    Scope,
    is_class,
    is_known,
)

Call = Callable[[ast.Call, object, Arguments], object]

MOST_ROUNDS = 200
"""Items of a literal list that a loop is followed over; a longer one is looked at once, for any item."""

_BEFORE_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE|TABLE|JOIN|ONLY|EXISTS|REFERENCES|ON)\s+[\"`]?$", re.IGNORECASE)


class Evaluator:
    """Evaluates expressions; what a call does is for `call` to say."""

    def __init__(self, call: Call, dialect: str | None = None) -> None:
        self._call, self._dialect = call, dialect
        self.depth_in_values = 0
        """How many calls around this place only take values: what is made for them (a column's type) is no act."""

    def value(self, node: ast.expr | None, scope: Scope) -> object:
        """Return the value of an expression."""
        if node is None:
            return None
        if isinstance(node, ast.Constant):
            return node.value
        evaluate = _EVALUATORS.get(type(node))
        if evaluate is None:
            parts = (part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))
            return Mix(tuple(self.value(part, scope) for part in parts))
        return evaluate(self, node, scope)

    def bind(self, target: ast.expr, value: object, scope: Scope) -> None:
        """Give the names of an assignment's target their values."""
        if isinstance(target, ast.Name):
            scope.names[target.id] = value
        elif isinstance(target, ast.Starred):
            self.bind(target.value, UNKNOWN, scope)
        elif isinstance(target, ast.Tuple | ast.List):
            fits = isinstance(value, tuple) and len(value) == len(target.elts)
            for at, node in enumerate(target.elts):
                self.bind(node, value[at] if fits and isinstance(value, tuple) else UNKNOWN, scope)
        elif isinstance(target, ast.Subscript | ast.Attribute):
            self._forget(target.value, scope)

    def rounds(self, iterated: object) -> tuple[object, ...] | None:
        """Return the items of a loop; None if they are unknown."""
        if isinstance(iterated, dict):
            iterated = tuple(iterated)
        return iterated if isinstance(iterated, tuple) and len(iterated) <= MOST_ROUNDS else None

    def _forget(self, node: ast.expr, scope: Scope) -> None:
        while isinstance(node, ast.Subscript | ast.Attribute):
            node = node.value
        if isinstance(node, ast.Name) and not isinstance(scope.find(node.id), Ref):
            scope.names[node.id] = UNKNOWN

    def _name(self, node: ast.Name, scope: Scope) -> object:
        found = scope.find(node.id)
        if found is not NOT_BOUND:
            return found
        # What a star import may have brought is known by its name at least.
        return Ref(f"builtins.{node.id}" if hasattr(builtins, node.id) else node.id)

    def _attribute(self, node: ast.Attribute, scope: Scope) -> object:
        base = self.value(node.value, scope)
        if isinstance(base, LocalClass) and node.attr in base.constants:
            return base.constants[node.attr]
        is_server = isinstance(base, Member | Ref) and base.name in ("dialect", "engine")
        if node.attr == "name" and self._dialect and is_server:
            return self._dialect
        return Ref(f"{base.path}.{node.attr}") if isinstance(base, Ref) else Member(base, node.attr)

    def _subscript(self, node: ast.Subscript, scope: Scope) -> object:
        base, key = self.value(node.value, scope), self.value(node.slice, scope)
        if isinstance(base, Member) and base.name in {"c", "columns"} and isinstance(key, str):
            return Member(base, key)
        found = folding.item(base, key)
        return Mix((base,)) if found is UNKNOWN else found

    def _items(self, node: ast.Tuple | ast.List | ast.Set, scope: Scope) -> object:
        found, hidden = self._values(node.elts, scope)
        return tuple(UNKNOWN if at in hidden else value for at, value in enumerate(found))

    def _values(self, nodes: Sequence[ast.expr], scope: Scope) -> tuple[list[object], set[int]]:
        """Return the values of some expressions, and at which places a `*` hides an unknown number of them."""
        found: list[object] = []
        hidden = set()
        for part in nodes:
            value = self.value(part.value if isinstance(part, ast.Starred) else part, scope)
            if isinstance(part, ast.Starred) and isinstance(value, tuple):
                found += value
            else:
                hidden |= {len(found)} if isinstance(part, ast.Starred) else set()
                found.append(value)
        return found, hidden

    def _dict(self, node: ast.Dict, scope: Scope) -> object:
        found: dict[object, object] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            value = self.value(item, scope)
            if key is None:
                if not isinstance(value, dict):
                    return UNKNOWN
                found.update(value)
                continue
            name = self.value(key, scope)
            try:
                found[name] = value
            except TypeError:  # a key that cannot be hashed
                return UNKNOWN
        return found

    def _binary(self, node: ast.BinOp, scope: Scope) -> object:
        return folding.joined(self.value(node.left, scope), node.op, self.value(node.right, scope))

    def _compare(self, node: ast.Compare, scope: Scope) -> object:
        values = [self.value(part, scope) for part in (node.left, *node.comparators)]
        if len(values) == 2:
            return folding.compared(values[0], node.ops[0], values[1])
        return Mix(tuple(values))

    def _boolean(self, node: ast.BoolOp, scope: Scope) -> object:
        values = tuple(self.value(part, scope) for part in node.values)
        if not is_known(values):
            return Mix(values)
        return all(values) if isinstance(node.op, ast.And) else any(values)

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> object:
        return folding.negated(node.op, self.value(node.operand, scope))

    def _choice(self, node: ast.IfExp, scope: Scope) -> object:
        test = self.value(node.test, scope)
        if is_known(test):
            return self.value(node.body if test else node.orelse, scope)
        item, other = self.value(node.body, scope), self.value(node.orelse, scope)
        return item if is_known(item) and is_known(other) and item == other else Mix((item, other))

    def _formatted(self, node: ast.JoinedStr, scope: Scope) -> object:
        parts: list[str] = []
        is_complete = True
        for part, after in zip(node.values, [*node.values[1:], None], strict=True):
            value: object = part.value if isinstance(part, ast.Constant) else UNKNOWN
            if isinstance(part, ast.FormattedValue):
                value = self.value(part.value, scope)
                is_complete &= part.format_spec is None and part.conversion == -1
                if not isinstance(value, str | int) and _is_schema_in_sql("".join(parts), after):
                    value = COMPUTED_SCHEMA if parts[-1].endswith(('"', "`")) else f'"{COMPUTED_SCHEMA}"'
            is_complete &= isinstance(value, str | int)
            parts.append(str(value))
        return folding.joined("".join(parts), ast.Add(), "") if is_complete else UNKNOWN

    def _walrus(self, node: ast.NamedExpr, scope: Scope) -> object:
        value = self.value(node.value, scope)
        self.bind(node.target, value, scope)
        return value

    def _listed(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scope: Scope) -> object:
        inner = Scope(scope)
        first = node.generators[0]
        rounds = self.rounds(self.value(first.iter, scope))
        if rounds is None or len(node.generators) > 1 or first.ifs:
            for generator in node.generators:
                self.bind(generator.target, UNKNOWN, inner)
            self.value(node.elt, inner)
            return UNKNOWN
        found = []
        for round in rounds:
            self.bind(first.target, round, inner)
            found.append(self.value(node.elt, inner))
        return tuple(found)

    def _called(self, node: ast.Call, scope: Scope) -> object:
        function = self.value(node.func, scope)
        is_value = _takes_values(function)
        self.depth_in_values += is_value
        arguments = self._arguments(node, scope)
        self.depth_in_values -= is_value
        return self._call(node, function, arguments)

    def _arguments(self, node: ast.Call, scope: Scope) -> Arguments:
        found, hidden = self._values(node.args, scope)
        positional = tuple(value for at, value in enumerate(found) if at not in hidden)
        keywords: dict[str, object] = {}
        is_open = bool(hidden)
        for keyword in node.keywords:
            value = self.value(keyword.value, scope)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, dict):
                keywords |= {str(key): item for key, item in value.items()}
            else:
                is_open = True
        return Arguments(positional, keywords, is_open)


def _is_schema_in_sql(before: str, after: ast.expr | None) -> bool:
    """Return whether what stands between two parts of an f-string is the schema of a table in SQL."""
    text = after.value if isinstance(after, ast.Constant) else ""
    return bool(_BEFORE_TABLE.search(before)) and isinstance(text, str) and text.lstrip('"`')[:1] == "."


def _takes_values(function: object) -> bool:
    if isinstance(function, Member):
        return isinstance(function.base, BatchBlock)
    return isinstance(function, Ref) and (function.path.startswith(("alembic.", "sqlalchemy.")) or is_class(function))


# Each takes the kind of node that it is the key of.
_EVALUATORS: dict[type[ast.AST], Callable[..., object]] = {
    ast.Attribute: Evaluator._attribute,
    ast.BinOp: Evaluator._binary,
    ast.BoolOp: Evaluator._boolean,
    ast.Call: Evaluator._called,
    ast.Compare: Evaluator._compare,
    ast.Dict: Evaluator._dict,
    ast.GeneratorExp: Evaluator._listed,
    ast.IfExp: Evaluator._choice,
    ast.JoinedStr: Evaluator._formatted,
    ast.Lambda: lambda _, node, scope: LocalFunction(node, scope),
    ast.List: Evaluator._items,
    ast.ListComp: Evaluator._listed,
    ast.Name: Evaluator._name,
    ast.NamedExpr: Evaluator._walrus,
    ast.Set: Evaluator._items,
    ast.SetComp: Evaluator._listed,
    ast.Subscript: Evaluator._subscript,
    ast.Tuple: Evaluator._items,
    ast.UnaryOp: Evaluator._unary,
}
