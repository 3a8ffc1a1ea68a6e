"""PURE. The members of enumerations in the text of a module."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from branchmig.revisions.header_folding import ClassNames, EnumMember, EnumText, is_same

Module = tuple[str, ast.Module]


ENUMS = frozenset({"Enum", "StrEnum", "IntEnum"})
MAKES_MEMBERS = frozenset({"__new__", "__init__", "__getattribute__", "_generate_next_value_", "name", "value"})


def has_members(found: ClassNames) -> bool:
    """Return whether the names of a class are members of an enumeration."""
    return any(isinstance(value, EnumMember | EnumText) for value in found.values.values())


def automatic_values(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Yield the names that a class gives `auto()`."""
    for node in body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(func=ast.Name(id="auto") | ast.Attribute(attr="auto"), args=[], keywords=[]),
            ):
                yield name


def members(values: Mapping[str, Any], *, is_text: bool) -> dict[str, Any]:
    """Return the members of an enumeration; a second name of a value stands for the first one."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if is_text and isinstance(value, str):
            found[name] = EnumText(value)
        else:
            same = (item for item in found.values() if isinstance(item, EnumMember) and is_same(item.value, value))
            found[name] = next(same, EnumMember(name, value))
    return found
