"""Planted changes with known answers: hazards by code; on servers, that rows and running code are judged as they do."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from branchmig.effects.footprint import read_changes
from branchmig.effects.hazards import hazards_of
from tests.planted.playing import Case, Server, breaks, cases, fails, rows_say

CASES = cases()
KINDS = ("postgresql", "mysql", "sqlite")


def of(kind: str) -> dict[str, Case]:
    """Return the cases of a kind of database by their names, each of which there is once."""
    found = [case for case in CASES if kind in case.answers]
    assert len({case.name for case in found}) == len(found)
    return {case.name: case for case in found}


@pytest.mark.parametrize("kind", KINDS)
def test_hazards_are_named_and_nothing_else_is(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("branchmig.effects.hazards.read_changes", cache(read_changes))  # the bases are read once
    found = {}
    for name, case in of(kind).items():
        read = hazards_of({"bbb2": case.script()}, kind, case.below)
        found[name] = " ".join([*(hazard.code for hazard in read.found), *(["unread"] if read.unread else [])])
    assert found == {name: case.answers[kind][0] for name, case in of(kind).items()}


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Server:
    """A database of its own on each kind of server."""
    kind = str(request.param)
    names = {"postgresql": "postgres_url", "mysql": "mariadb_url"}
    url = request.getfixturevalue(names[kind]) if kind in names else f"sqlite:///{tmp_path / 'app.db'}"
    return Server(kind, url, tmp_path)


@pytest.mark.soak
def test_rows_and_code_are_judged_as_the_server_does(server: Server) -> None:
    """The rows are in the way where the change fails on them; what breaks is found by running it."""
    wanted, found, wrong = {}, {}, []
    for name, case in of(server.kind).items():
        said = rows_say(server, case)
        error = fails(server, case)
        if bool(error) != bool(said) and "?" not in said:
            wrong.append(f"{name}: {said or 'nothing'} is said, and it {error or 'runs'}")
        wanted[name] = case.answers[server.kind][1:]
        found[name] = (said, breaks(server, case))
    assert (found, wrong) == (wanted, [])
