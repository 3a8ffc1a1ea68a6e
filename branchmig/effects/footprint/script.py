"""PURE. The source of a revision file to its footprint: `upgrade()` is followed statement by statement, never run.

Loops over literal lists are followed item by item, other loops once with their variables unknown; of a condition
that cannot be known, both branches are taken to happen.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from branchmig.effects.footprint.calls import Calls
from branchmig.effects.footprint.expressions import Evaluator
from branchmig.effects.footprint.model import Footprint, Opaque
from branchmig.effects.footprint.record import Record, TableName
from branchmig.effects.footprint.values import (
    NOT_BOUND,
    UNKNOWN,
    Arguments,
    Built,
    LocalClass,
    LocalFunction,
    Ref,
    Scope,
    is_known,
    plain_text,
    schema_of,
    table_of,
)
from branchmig.revisions.bindings import UNPARSABLE, parse_quietly

MOST_STATEMENTS = 20_000
"""Statements that are followed in one file, each round of a loop and each call of a function counted."""
DEEPEST = 30
"""Functions of the file that call each other."""


def read_footprint(source: bytes, function: str = "upgrade", dialect: str | None = None) -> Footprint:
    """Return what the `upgrade()` of a revision file touches, or another of its functions.

    With a `dialect`, `op.get_bind().dialect.name` is that, and branches for other databases are passed over. Never
    raises: what it cannot read is named.
    """
    return _read(source, function, _Script(dialect, Record()))


def read_changes(source: bytes, function: str = "upgrade", dialect: str | None = None) -> Footprint:
    """Return the changes of a function of a revision file, and what could not be read; what SQL touches is left out."""
    return _read(source, function, _Script(dialect, Record(parses_sql=False)))


def _read(source: bytes, function: str, script: _Script) -> Footprint:
    try:
        return script.read(parse_quietly(source), function)
    except UNPARSABLE as error:
        line = (error.lineno or 1) if isinstance(error, SyntaxError) else 1
        what = "the file does not compile" if isinstance(error, SyntaxError) else "the file is nested too deeply"
        return Footprint(opaque=(Opaque(line, what),), unread=(Opaque(line, what),))


class _TooLong(Exception):
    """The file takes more steps than anyone would write by hand."""


class _Script:
    """Follows one file."""

    def __init__(self, dialect: str | None, record: Record) -> None:
        self.record = record
        self.module = Scope()
        self.calls = Calls(self.record, self._enter, lambda: self.evaluator.depth_in_values > 0)
        self.evaluator = Evaluator(self.calls.call, dialect)
        self._entered: list[ast.AST] = []
        self._returned: list[object] = []
        self._left = MOST_STATEMENTS

    def read(self, tree: ast.Module, name: str) -> Footprint:
        try:
            # What stands outside of functions is taken to make values only.
            self.evaluator.depth_in_values += 1
            self._block(tree.body, self.module)
            self.evaluator.depth_in_values -= 1
            function = self.module.names.get(name, NOT_BOUND)
            if isinstance(function, LocalFunction):
                self._enter(function, Arguments())
            else:
                self.record.line = 1
                self.record.cannot_read(f"there is no {name}() that could be followed")
        except _TooLong:
            self.record.cannot_read("the file is too long to be followed from here on")
        return self.record.footprint

    def _block(self, statements: Sequence[ast.stmt], scope: Scope) -> str | None:
        """Follow statements in order; return how they end early: `return`, `break`, `continue`, or None."""
        for statement in statements:
            self._left -= 1
            if self._left < 0:
                raise _TooLong
            follow = _STATEMENTS.get(type(statement))
            if follow is None:
                continue
            self.record.line = statement.lineno
            ending = follow(self, statement, scope)
            if ending is not None:
                return ending
        return None

    def _enter(self, function: LocalFunction, arguments: Arguments) -> object:
        """Follow a function of the file with some arguments; return what it returns."""
        node = function.node
        name = node.name if isinstance(node, ast.FunctionDef) else "a lambda"
        if node in self._entered or len(self._entered) >= DEEPEST:
            self.record.cannot_read(f"{name}() calls itself")
            return UNKNOWN
        scope = Scope(function.scope)
        self._bind_parameters(node.args, arguments, scope, function.scope)
        self._entered.append(node)
        before, self._returned = self._returned, []
        try:
            if isinstance(node, ast.Lambda):
                return self.evaluator.value(node.body, scope)
            self._block(node.body, scope)
            return self._returned[0] if len(self._returned) == 1 else UNKNOWN if self._returned else None
        finally:
            self._entered.pop()
            self._returned = before

    def _bind_parameters(self, parameters: ast.arguments, given: Arguments, scope: Scope, outside: Scope) -> None:
        names = [argument.arg for argument in (*parameters.posonlyargs, *parameters.args)]
        defaults: list[ast.expr | None] = [*([None] * (len(names) - len(parameters.defaults))), *parameters.defaults]
        only = [argument.arg for argument in parameters.kwonlyargs]
        pairs = [*zip(names, defaults, strict=True), *zip(only, parameters.kw_defaults, strict=True)]
        for name, default in pairs:
            is_hidden = default is None or given.is_open
            scope.names[name] = UNKNOWN if is_hidden else self.evaluator.value(default, outside)
        scope.names.update(zip(names, given.positional, strict=False))
        known = {name for name, _ in pairs}
        scope.names.update({name: value for name, value in given.keywords.items() if name in known})
        if parameters.vararg:
            scope.names[parameters.vararg.arg] = UNKNOWN if given.is_open else given.positional[len(names) :]
        if parameters.kwarg:
            rest = {name: value for name, value in given.keywords.items() if name not in known}
            scope.names[parameters.kwarg.arg] = UNKNOWN if given.is_open else rest

    # --- statements: each returns how it ends the block that it stands in

    def _assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self.evaluator.value(node.value, scope)
        for target in node.targets:
            self.evaluator.bind(target, value, scope)

    def _annotated(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self.evaluator.bind(node.target, self.evaluator.value(node.value, scope), scope)

    def _augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        if isinstance(node.target, ast.Name):
            whole = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
            scope.names[node.target.id] = self.evaluator.value(ast.copy_location(whole, node), scope)
        else:
            self.evaluator.value(node.value, scope)
            self.evaluator.bind(node.target, UNKNOWN, scope)

    def _expression(self, node: ast.Expr, scope: Scope) -> None:
        call = node.value
        # `columns.append(…)`: lists are tuples here, and the name gets a new one.
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
                held = scope.find(name)
                if isinstance(held, tuple | dict):
                    scope.names[name] = self._mutated(held, method, call, scope)
                    return
        self.evaluator.value(call, scope)

    def _mutated(self, held: object, name: str, call: ast.Call, scope: Scope) -> object:
        given = [self.evaluator.value(node, scope) for node in call.args]
        if isinstance(held, tuple) and len(given) == 1 and name in {"append", "add"}:
            return (*held, given[0])
        if isinstance(held, tuple) and len(given) == 1 and name == "extend" and isinstance(given[0], tuple):
            return held + given[0]
        return UNKNOWN

    def _return(self, node: ast.Return, scope: Scope) -> str:
        self._returned.append(self.evaluator.value(node.value, scope))
        return "return"

    def _if(self, node: ast.If, scope: Scope) -> str | None:
        test = self.evaluator.value(node.test, scope)
        if is_known(test):
            return self._block(node.body if test else node.orelse, scope)
        return self._either(scope, [node.body, node.orelse])

    def _either(self, scope: Scope, branches: Sequence[Sequence[ast.stmt]]) -> str | None:
        """Follow branches of which one will happen; what they leave in the names differently is unknown after."""
        ends = []
        for branch in branches:
            inner = Scope(scope.around, dict(scope.names))
            ends.append((self._block(branch, inner), inner.names))
        going_on = [names for ending, names in ends if ending is None]
        if not going_on:
            return ends[0][0]
        for name in dict.fromkeys(name for names in going_on for name in names):
            values = [names.get(name, UNKNOWN) for names in going_on]
            scope.names[name] = values[0] if all(_is_same(values[0], value) for value in values) else UNKNOWN
        return None

    def _for(self, node: ast.For, scope: Scope) -> str | None:
        rounds = self.evaluator.rounds(self.evaluator.value(node.iter, scope))
        if rounds is None:
            self.evaluator.bind(node.target, UNKNOWN, scope)
            self._loop_once([*node.body, *node.orelse], scope)
            return None
        for round in rounds:
            self.evaluator.bind(node.target, round, scope)
            ending = self._block(node.body, scope)
            if ending in {"break", "return"}:
                return None if ending == "break" else ending
        return self._block(node.orelse, scope)

    def _test(self, node: ast.Assert, scope: Scope) -> None:
        self.evaluator.value(node.test, scope)

    def _while(self, node: ast.While, scope: Scope) -> None:
        _forget_bound(node.body, scope)
        self.evaluator.value(node.test, scope)
        self._loop_once([*node.body, *node.orelse], scope)

    def _loop_once(self, body: Sequence[ast.stmt], scope: Scope) -> None:
        """Follow a loop's body for any round of it: what is bound in there is unknown before and after."""
        _forget_bound(body, scope)
        self._block(body, scope)
        _forget_bound(body, scope)

    def _with(self, node: ast.With, scope: Scope) -> str | None:
        opened = 0
        for item in node.items:
            value = self.evaluator.value(item.context_expr, scope)
            opened += isinstance(value, Built) and value.name == "autocommit_block"
            if item.optional_vars is not None:
                self.evaluator.bind(item.optional_vars, value, scope)
        self.record.autocommit += opened
        try:
            return self._block(node.body, scope)
        finally:
            self.record.autocommit -= opened

    def _try(self, node: ast.Try, scope: Scope) -> str | None:
        ending = self._either(scope, [[*node.body, *node.orelse], *(handler.body for handler in node.handlers)])
        return self._block(node.finalbody, scope) or ending

    def _match(self, node: ast.Match, scope: Scope) -> str | None:
        self.evaluator.value(node.subject, scope)
        return self._either(scope, [*(case.body for case in node.cases), []])

    def _import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            root = alias.name.partition(".")[0]
            scope.names[alias.asname or root] = Ref(alias.name if alias.asname else root)

    def _import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name != "*":
                scope.names[alias.asname or alias.name] = Ref(f"{module}.{alias.name}")

    def _function(self, node: ast.FunctionDef, scope: Scope) -> None:
        scope.names[node.name] = LocalFunction(node, scope)

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        inner = Scope(scope)
        self.evaluator.depth_in_values += 1
        self._block(node.body, inner)
        self.evaluator.depth_in_values -= 1
        constants = {name: value for name, value in inner.names.items() if is_known(value)}
        scope.names[node.name] = LocalClass(node.name, _table_of_class(inner), constants)


def _forget_bound(statements: Sequence[ast.stmt], scope: Scope) -> None:
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                scope.names[node.id] = UNKNOWN


def _is_same(item: object, other: object) -> bool:
    return item is other or (is_known(item) and is_known(other) and type(item) is type(other) and item == other)


def _table_of_class(body: Scope) -> TableName | None:
    """Return the table of a model, which its `__tablename__` or `__table__` says."""
    if "__table__" in body.names:
        return table_of(body.names["__table__"])
    name = plain_text(body.names.get("__tablename__"))
    options = body.names.get("__table_args__")
    options = options[-1] if isinstance(options, tuple) and options else options
    schema = options.get("schema") if isinstance(options, dict) else None
    return None if name is None else TableName(name, schema_of(schema))


# Each takes the kind of statement that it is the value of.
_STATEMENTS: dict[type[ast.stmt], Callable[..., str | None]] = {
    ast.AnnAssign: _Script._annotated,
    ast.Assert: _Script._test,
    ast.Assign: _Script._assign,
    ast.AugAssign: _Script._augmented,
    ast.Break: lambda *_: "break",
    ast.ClassDef: _Script._class,
    ast.Continue: lambda *_: "continue",
    ast.Expr: _Script._expression,
    ast.For: _Script._for,
    ast.FunctionDef: _Script._function,
    ast.If: _Script._if,
    ast.Import: _Script._import,
    ast.ImportFrom: _Script._import_from,
    ast.Match: _Script._match,
    ast.Raise: lambda *_: "return",
    ast.Return: _Script._return,
    ast.Try: _Script._try,
    ast.While: _Script._while,
    ast.With: _Script._with,
}
