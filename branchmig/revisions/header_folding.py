"""PURE. What the folding of header values knows of Python: kinds of values, operators, functions and methods."""

from __future__ import annotations

import ast
import builtins
import operator
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

LONGEST = 10_000
"""Letters or items of a value. What would be longer is unknown."""


class _Unknown:
    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Any = _Unknown()


@dataclass(frozen=True, slots=True)
class ModuleValue:
    """A module: of the project, or of Python."""

    name: str


@dataclass(frozen=True, slots=True)
class InstalledName:
    """What is imported from a package that is not of the project; its file is read when the value is needed."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class ClassNames:
    """A class that holds nothing but constants; of an enumeration each constant is a `EnumMember`."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EnumMember:
    """A member of an enumeration."""

    name: str
    value: Any


class EnumText(str):
    """A member of an enumeration of texts, which is one itself."""

    __slots__ = ()


class CannotFold(Exception):
    """The value cannot be known."""


def is_same(item: Any, other: Any) -> bool:
    """Return whether two values are known and equal."""
    return item is not UNKNOWN and type(item) is type(other) and bool(item == other)


def size_of(value: Any) -> int:
    """Return the length of a text or a sequence."""
    return len(value) if isinstance(value, str | bytes | tuple | list) else 1


def count_of(value: Any) -> int:
    """Return how often a factor repeats what it is multiplied with."""
    return abs(value) if isinstance(value, int) else 1


def bounded(value: Any) -> Any:
    """Return a value; UNKNOWN if it is too long."""
    is_long = isinstance(value, int) and abs(value) > 10 ** LONGEST.bit_length()
    return UNKNOWN if is_long or size_of(value) > LONGEST else value


_WIDE = re.compile(r"%[^a-zA-Z%]*(?:\d{4}|\*)|\{[^}]*(?:\d{4}|\{)")


def has_wide_field(form: str) -> bool:
    """Return whether a format may pad its value to more than a reasonable width."""
    return _WIDE.search(form) is not None


def has_unknown(value: Any) -> bool:
    """Return whether a value, or something within it, is unknown."""
    if isinstance(value, tuple | list | frozenset):
        return any(map(has_unknown, value))
    if isinstance(value, dict):
        return any(map(has_unknown, value.values()))
    return value is UNKNOWN


def is_plain(value: Any) -> bool:
    """Return whether a value is known, and of a kind that a header can hold."""
    if isinstance(value, tuple | list | frozenset):
        return all(map(is_plain, value))
    return value is None or value is ... or isinstance(value, str | bytes | int | float | complex | dict)


def truth(value: Any) -> bool:
    """Return whether a value counts as true. Raises CannotFold for what only stands for something of Python's."""
    if value is UNKNOWN or isinstance(value, ModuleValue | ClassNames | EnumMember):
        raise CannotFold
    return bool(value)


def within(value: Any) -> Iterator[Any]:
    """Yield a value and all that it holds."""
    yield value
    if isinstance(value, dict):
        held: Iterable[Any] = value.values()
    elif isinstance(value, ClassNames):
        held = value.values.values()
    else:
        held = value if isinstance(value, tuple | list | frozenset) else ()
    for inner in held:
        yield from within(inner)


def plain(value: Any) -> Any:
    """Return what a value is as a text, a number or a collection."""
    if isinstance(value, PurePosixPath):
        return str(value)
    if isinstance(value, ModuleValue | ClassNames | EnumMember | EnumText):
        raise CannotFold
    return value


def method_value(owner: Any, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """Call a method of PURE_METHODS."""
    is_padding = name in ("ljust", "rjust", "center", "zfill", "expandtabs")
    if is_padding and any(count_of(argument) > 999 for argument in arguments):
        return UNKNOWN
    if name == "format":
        values = list(map(plain, [*arguments, *named.values()]))
        if has_wide_field(owner) or not all(isinstance(value, str | int | float) for value in values):
            return UNKNOWN
    found = getattr(owner, name)(*arguments, **named)
    return bounded(list(found) if name in ("keys", "values", "items") else found)


def path_value(path: PurePosixPath, name: str, arguments: Sequence[Any]) -> Any:
    """Call a method of a path."""
    if name in ("resolve", "absolute"):
        return PurePosixPath(_absolute(path))
    return getattr(path, name)(*arguments) if name in _PATH_METHODS else UNKNOWN


def path_attribute(path: PurePosixPath, name: str) -> Any:
    """Return an attribute of a path."""
    found = getattr(path, name) if name in _PATH_ATTRIBUTES else UNKNOWN
    return list(found) if name == "parents" else found


def _absolute(path: PurePosixPath | str) -> str:
    if not str(path).startswith("/"):
        raise CannotFold  # it depends on the current folder
    return posixpath.normpath(path)


_PATH_METHODS = frozenset({"as_posix", "__str__", "__fspath__", "joinpath", "with_name", "with_stem", "with_suffix"})
_PATH_ATTRIBUTES = frozenset({"name", "stem", "suffix", "parent", "parts", "parents"})
OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.BitOr: operator.or_,
    ast.Div: lambda item, other: item / other if PurePosixPath in (type(item), type(other)) else _refuse(),
    ast.FloorDiv: operator.floordiv,
    ast.Mod: lambda item, other: item % other if isinstance(item, int) else _refuse(),
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: lambda item, other: item is other if item is None or other is None else _refuse(),
    ast.IsNot: lambda item, other: item is not other if item is None or other is None else _refuse(),
    ast.In: lambda item, other: item in other,
    ast.NotIn: lambda item, other: item not in other,
}


def _refuse() -> Any:
    raise CannotFold


_NAMES = "abs all any bool chr dict frozenset hex int len list max min ord repr round sorted str sum tuple"
BUILTINS: dict[str, Callable[..., Any]] = {name: getattr(builtins, name) for name in _NAMES.split()} | {
    "enumerate": lambda values, start=0: list(enumerate(values, start)),
    "reversed": lambda values: list(reversed(values)),
    "set": frozenset,
    "zip": lambda *values, strict=False: list(zip(*values, strict=strict)),
}
PURE_METHODS = frozenset(
    {"capitalize", "casefold", "center", "count", "endswith", "expandtabs", "find", "format", "get", "index"}
    | {"isalnum", "isalpha", "isdigit", "islower", "isupper", "items", "join", "keys", "ljust", "lower", "lstrip"}
    | {"partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit"}
    | {"rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper", "values", "zfill"}
)
PYTHON_MODULES = frozenset({"os", "pathlib", "posixpath", "typing"})
PYTHON: dict[tuple[str, str], Any] = {("typing", "TYPE_CHECKING"): False, ("os", "sep"): "/"}
_ON_PATHS: dict[str, Callable[..., Any]] = {
    "abspath": _absolute, "basename": posixpath.basename, "dirname": posixpath.dirname, "join": posixpath.join,
    "realpath": _absolute, "normpath": posixpath.normpath, "split": posixpath.split, "splitext": posixpath.splitext,
}  # fmt: skip
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{f"{module}.{name}": value for module in ("os.path", "posixpath") for name, value in _ON_PATHS.items()},
    **dict.fromkeys(("pathlib.Path", "pathlib.PosixPath", "pathlib.PurePath"), PurePosixPath),
    "os.fspath": str,
}
