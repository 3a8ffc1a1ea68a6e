"""`branchmig drift` on one planted difference of every kind, and on what looks like it and is none.

tests/drift_kinds has for each server the kinds: what a revision makes, what changes nothing, what is planted, and which
differences branchmig must find: `+` added, `-` missing, `~` changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.commands.test_drift import drift, project
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repositories import Checkout

SIGNS = {"+": "added", "-": "missing", "~": "changed"}
Statements = tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    name: str
    made: Statements
    alike: Statements
    planted: Statements
    found: dict[str, str]


def kinds_of(server: str) -> list[Kind]:
    text = (ROOT / "tests" / "drift_kinds" / f"{server}.sql").read_text()
    return [_kind(section) for section in re.split(r"^== ", text, flags=re.MULTILINE)[1:]]


def _kind(section: str) -> Kind:
    name, _, rest = section.partition("\n")
    first, *others = re.split(r"^-- (alike|plant|found)\n", rest, flags=re.MULTILINE)
    parts = dict(zip(others[::2], others[1::2], strict=True))
    found = {line[2:]: SIGNS[line[0]] for line in parts.get("found", "").split("\n") if line}
    return Kind(name, _statements(first), _statements(parts["alike"]), _statements(parts.get("plant", "")), found)


def _statements(text: str) -> Statements:
    return tuple(each.strip() for each in text.split(";\n") if each.strip())


def with_revisions(tmp_path: Path, url: str, kinds: list[Kind]) -> Checkout:
    """Return a project with a revision for each kind, its number the revision's id; all applied."""
    checkout = project(tmp_path, url)
    parents: tuple[str, ...] = ()
    for number, kind in enumerate(kinds):
        name = f"k{number:03d}"
        checkout.revision(name, *parents, upgrade="\n".join(f"op.execute({statement!r})" for statement in kind.made))
        parents = (name,)
    assert checkout.branchmig("upgrade", "heads").exit_code == 0
    return checkout


@pytest.mark.parametrize("server", ["sqlite", "postgres", "mariadb"])
def test_every_kind_of_difference_is_found_and_its_like_is_none(
    tmp_path: Path, server: str, request: pytest.FixtureRequest
) -> None:
    url = "sqlite" if server == "sqlite" else request.getfixturevalue(f"{server}_url")
    kinds = kinds_of("postgresql" if server == "postgres" else server)
    checkout = with_revisions(tmp_path, url, kinds)
    checkout.execute(*(statement for kind in kinds for statement in kind.alike))
    assert drift(checkout) == (0, {})
    checkout.execute(*(statement for kind in kinds for statement in kind.planted))
    expected = {
        label: (sign, None if sign == "added" else f"k{number:03d}")
        for number, kind in enumerate(kinds)
        for label, sign in kind.found.items()
    }
    assert drift(checkout) == (1, expected)
