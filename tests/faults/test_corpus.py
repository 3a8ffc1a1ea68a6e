"""Every broken project of the corpus under every command: what is refused, in which words, and that nothing changed."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.faults.projects import (
    BESIDE,
    COMMANDS,
    PASSWORD,
    SHOWN,
    WITH_JSON,
    Case,
    Run,
    build,
    clear,
    every_case,
    run,
    state,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import ProjectFolder

CASES = every_case()
ON_SQLITE = [case for case in CASES if "sqlite" in case.databases]
ON_SERVERS = [(case, database) for case in CASES for database in case.databases if database != "sqlite"]
SAMPLED_ON_SERVERS = [(case, on) for case, on in ON_SERVERS if not case.name.startswith("id-") or "long" in case.name]
"""Ids have a property test of their own on each server."""
SAMPLE = 3
"""Commands of each case that `make test` runs, never the same for two cases; `make soak` runs them all."""


def sample(case: Case) -> list[str]:
    """Some of a case's commands: one of each way to end, and others by the case's name."""
    ways = {repr(outcome): commands for commands, outcome in case.outcomes}
    turn = zlib.crc32(case.name.encode())
    firsts = [commands[turn % len(commands)] for commands in ways.values()]
    return list(dict.fromkeys([*firsts[:SAMPLE], case.commands[turn % len(case.commands)]]))


def check(case: Case, command: str, project: ProjectFolder) -> bool:
    """Run a command, as text and as JSON where it is offered, and hold it to the case; return whether it may write."""
    before = state(project)
    seen = run(project, command)
    outcome = seen.outcome(project.root, project.url)
    expected = case.expected(command)
    assert expected.matches(outcome), f"{case.name}: {command}: {outcome}"
    hold_to_the_law(seen)
    if command in SHOWN and expected.exit == 0:
        assert seen.result.stdout == case.answers[command], (case.name, command)
    if outcome.exit == 0 or case.may_change:
        return True
    assert state(project) == before, (case.name, command)
    if command in WITH_JSON:
        told = run(project, command, "--format", "json")
        document = json.loads(told.result.stdout)
        assert (told.result.exit_code, document["version"]) == (outcome.exit, 1)
        assert outcome.exit == 1 or document.get("error", {}).get("code") == outcome.code
        hold_to_the_law(told)
        assert state(project) == before, (case.name, command)
    return False


def hold_to_the_law(seen: Run) -> None:
    """No traceback, no password; what cannot proceed ends with 3, one error, its details, and one hint, the last."""
    lines = seen.result.stderr.splitlines()
    for text in (seen.result.stdout, seen.result.stderr):
        assert "Traceback" not in text
        assert PASSWORD not in text
        assert PASSWORD[:8] not in text
    kinds = [line.split(" ")[0] or "details" for line in lines]
    if seen.result.exit_code == 3 and "error:" not in kinds:
        assert any(
            word in seen.result.stdout for word in ("not checked", "unchecked")
        )  # an answer that says what it could not look at
    elif seen.result.exit_code == 3:
        from_error = kinds[kinds.index("error:") :]
        assert from_error == ["error:", *["details"] * (len(from_error) - 2), "hint:"], lines
        assert seen.code is not None
    else:
        assert seen.result.exit_code in (0, 1)


def check_all(case: Case, commands: list[str], folder: Path, url: str | None) -> None:
    project: ProjectFolder | None = None
    for number, command in enumerate(commands):
        if project is None:
            if url is not None:
                clear(url)
            project = build(case, folder / str(number), url or f"sqlite:///{folder}/{number}.db")
        if check(case, command, project):
            project = None


@pytest.mark.parametrize("case", ON_SQLITE, ids=lambda case: case.name)
def test_a_broken_project_is_told_of_in_one_line(case: Case, tmp_path: Path) -> None:
    check_all(case, sample(case), tmp_path, None)


@pytest.mark.heavy
@pytest.mark.parametrize(("case", "database"), SAMPLED_ON_SERVERS, ids=lambda value: getattr(value, "name", value))
def test_a_broken_project_is_told_of_in_one_line_on_a_server(
    case: Case, database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    check_all(case, sample(case), tmp_path, request.getfixturevalue(f"{database}_url"))


@pytest.mark.parametrize("case", ON_SQLITE, ids=lambda case: case.name)
def test_a_newer_command_ends_without_a_traceback_and_changes_nothing(case: Case, tmp_path: Path) -> None:
    hold_all_to_the_law(case, [BESIDE[zlib.crc32(case.name.encode()) % len(BESIDE)]], tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("case", ON_SQLITE, ids=lambda case: case.name)
def test_no_newer_command_ends_with_a_traceback_or_changes_a_thing(case: Case, tmp_path: Path) -> None:
    hold_all_to_the_law(case, list(BESIDE), tmp_path)


def hold_all_to_the_law(case: Case, commands: list[str], tmp_path: Path) -> None:
    project = build(case, tmp_path / "project", f"sqlite:///{tmp_path}/app.db")
    before = state(project)
    for command in commands:
        seen = run(project, command)
        hold_to_the_law(seen)
        assert state(project) == before, command


@pytest.mark.soak
@pytest.mark.parametrize("case", ON_SQLITE, ids=lambda case: case.name)
def test_a_broken_project_is_told_of_by_every_command(case: Case, tmp_path: Path) -> None:
    check_all(case, list(case.commands), tmp_path, None)


@pytest.mark.soak
@pytest.mark.parametrize(("case", "database"), ON_SERVERS, ids=lambda value: getattr(value, "name", value))
def test_a_broken_project_is_told_of_by_every_command_on_a_server(
    case: Case, database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    check_all(case, list(case.commands), tmp_path, request.getfixturevalue(f"{database}_url"))


def test_every_case_states_how_each_of_its_commands_ends_and_what_alembic_does() -> None:
    for case in CASES:
        stated = [command for commands, _ in case.outcomes for command in commands]
        assert sorted(stated) == sorted(case.commands), case.name
        assert set(stated) <= set(COMMANDS)
        assert case.about, case.name
        assert case.alembic, case.name


def test_a_defect_has_one_code_and_one_message_whatever_command_meets_it() -> None:
    """What stops one command stops another in the same words; what a command line itself got wrong is left out.

    So is an answer that says what it could not check: it has no code.
    """
    own = {"invalid-target", "unknown-revision", "multiple-heads", "migration-failed", "environment"}
    for case in CASES:
        met = {(o.code, o.error) for _, o in case.outcomes if o.exit == 3 and o.code not in {*own, None}}
        if len({code for code, _ in met}) > 1 or len(met) > 1:
            assert case.name in SEVERAL_DEFECTS, (case.name, met)


SEVERAL_DEFECTS: frozenset[str] = frozenset()


def test_raiseerr_gives_the_traceback(tmp_path: Path) -> None:
    from branchmig.errors import RevisionGraphError

    case = next(case for case in CASES if case.name == "missing-parent")
    project = build(case, tmp_path / "project", f"sqlite:///{tmp_path}/app.db")
    with pytest.raises(RevisionGraphError, match="down_revision 'nope9' of revision 'ccc3' does not exist"):
        project.branchmig("--raiseerr", "heads")
