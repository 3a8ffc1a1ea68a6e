"""What is asked, what a no means, and that --dry-run and --plan change nothing, wherever something would change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import pytest

from branchmig.cli import command_table
from tests.repositories import Checkout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Checkout:
    """aaa1 -> bbb2, aaa1 applied, with a journal; branch other has aaa1 alone."""
    checkout = Checkout(tmp_path / "repo")
    with (checkout.root / "alembic.ini").open("a") as ini:
        ini.write("\n[branchmig]\njournal = true\n")
    checkout.table("aaa1")
    checkout.commit("one")
    checkout.git("branch", "other")
    checkout.table("bbb2", "aaa1")
    checkout.commit("two")
    assert checkout.branchmig("-q", "upgrade", "aaa1").exit_code == 0
    return checkout


def standing(project: Checkout) -> object:
    """Return what a command could change: files, branch, hooks, rows, tables and the journal."""
    return (
        project.git("status", "--short", "--branch"),
        project.git("for-each-ref"),
        sorted((project.top / ".git" / "hooks").glob("*")),
        (project.root / "alembic.ini").read_bytes(),
        project.rows(),
        project.tables(),
        project.branchmig("audit", "--format", "json").stdout,
    )


def answering(monkeypatch: pytest.MonkeyPatch, answer: bool) -> list[str]:
    """Put somebody at a terminal who gives one answer; return the questions."""
    asked: list[str] = []
    monkeypatch.setattr("branchmig.terminal.can_ask", lambda: True)
    monkeypatch.setattr("branchmig.terminal.confirmed", lambda question: bool(asked.append(question)) or answer)
    return asked


@pytest.mark.parametrize("command", ["sync", "adopt", "switch other"])
def test_a_no_cancels_with_1_and_is_no_error(project: Checkout, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    assert project.branchmig("-q", "upgrade", "bbb2").exit_code == 0 or command == "sync"
    if command == "sync":
        assert project.branchmig("-q", "downgrade", "aaa1").exit_code == 0
    (project.root / "alembic.ini").write_text((project.root / "alembic.ini").read_text().replace("journal = true", ""))
    asked, before = answering(monkeypatch, answer=False), standing(project)
    result = project.branchmig(*command.split())
    assert (result.exit_code, result.stderr.splitlines()[-1], len(asked)) == (
        1,
        "Cancelled; nothing was changed.",
        1,
    )
    assert "error" not in result.stderr
    assert standing(project) == before


def test_a_no_is_a_document_where_json_is_asked_for(project: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, answer=False)
    result = project.branchmig("sync", "--format", "json")
    error = {"code": "no", "message": "Cancelled; nothing was changed.", "hint": None}
    assert (result.exit_code, json.loads(result.stdout)) == (1, {"version": 1, "error": error})


@pytest.mark.parametrize("option", ["--dry-run", "--plan"])
def test_nothing_changes_in_a_dry_run(project: Checkout, option: str) -> None:
    lines = [
        "upgrade heads",
        "upgrade --missing",
        "downgrade base",
        "stamp bbb2",
        "stamp --purge bbb2",
        "sync",
        "switch other",
        "switch --create third",
        "adopt",
        "hooks install",
        "hooks uninstall",
        "pins prune --all",
        "states drop --all",
        "repair --accept-edits",
        "merge heads",
        "fix",
        "rebase",
    ]
    before = standing(project)
    for line in lines:
        result = project.branchmig(*line.split(), option)
        assert result.exit_code == 0, (line, result)
    assert standing(project) == before
    assert project.branchmig("stamp", "bbb2", option).stdout.splitlines() == [
        "1 step, from aaa1 to bbb2:",
        "  stamp aaa1 -> bbb2",
    ]


def test_yes_has_its_short_form_and_dry_run_its_other_name_wherever_they_are() -> None:
    names = [
        tuple(param.opts)
        for command in command_table().values()
        for each in (command, *(command.commands.values() if isinstance(command, click.Group) else ()))
        for param in each.params
    ]
    assert [found for found in names if "--yes" in found and "-y" not in found] == []
    assert [found for found in names if ("--dry-run" in found) != ("--plan" in found)] == []
