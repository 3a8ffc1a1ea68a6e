"""upgrade, downgrade, stamp, ensure_version: plans, what is said, and what is refused before anything runs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from branchmig import terminal

if TYPE_CHECKING:
    from tests.support import ProjectFolder

NO_CONNECTION = "raise SystemError('connected')\n"


def step(direction: str, revision: str, parents: list[str], heads_after: list[str]) -> dict[str, Any]:
    return {
        "direction": direction,
        "revision": revision,
        "down_revision": parents,
        "message": "first" if revision == "aaa1" else f"step {revision}",
        "path": f"migrations/versions/{revision}.py",
        "source": "worktree",
        "heads_after": heads_after,
    }


UP = [
    step("upgrade", "aaa1", [], ["aaa1"]),
    step("upgrade", "bbb2", ["aaa1"], ["bbb2"]),
    step("upgrade", "ccc3", ["aaa1"], ["ccc3"]),
]


def test_a_plan_from_a_revision_needs_no_connection(forked: ProjectFolder) -> None:
    forked.write_env(NO_CONNECTION)
    result = forked.branchmig("upgrade", "heads", "--plan", "--from", "base", "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    lost: dict[str, list[object]] = {"losses": [], "unclear": []}
    assert json.loads(result.stdout) == {"version": 1, "from": [], "to": ["ccc3"], "steps": UP, **lost}
    result = forked.branchmig("upgrade", "heads", "--plan", "--from", "bbb2", "--format", "json")
    assert json.loads(result.stdout) == {"version": 1, "from": ["bbb2"], "to": ["ccc3"], "steps": UP[2:], **lost}


def test_a_plan_without_from_asks_the_database_and_runs_nothing(forked: ProjectFolder) -> None:
    forked.alembic("upgrade", "aaa1")
    result = forked.branchmig("upgrade", "heads", "--plan")
    assert (result.exit_code, result.stdout, result.stderr) == (
        0,
        "2 steps, from aaa1 to ccc3:\n  upgrade aaa1 -> bbb2  step bbb2\n  upgrade aaa1 -> ccc3  step ccc3\n",
        "",
    )
    assert (forked.rows(), forked.tables()) == (["aaa1"], ["t_aaa1"])


def test_a_plan_says_once_that_two_revisions_change_the_rows_of_one_table(forked: ProjectFolder) -> None:
    update = 'op.execute("UPDATE t_aaa1 SET id = 1 WHERE id = 2")'
    forked.revision("ddd4", "ccc3", upgrade=update)
    forked.revision("eee5", "ddd4", upgrade=update)
    result = forked.branchmig("upgrade", "eee5", "--plan", "--from", "ccc3")
    assert result.stdout.splitlines()[3:] == ["  destroys rows changed in table t_aaa1"]


def test_a_plan_of_a_downgrade(forked: ProjectFolder) -> None:
    result = forked.branchmig("downgrade", "aaa1", "--plan", "--from", "ccc3")
    expected = "2 steps, from ccc3 to aaa1:\n  downgrade ccc3 -> aaa1  step ccc3\n  downgrade bbb2 -> aaa1  step bbb2\n"
    assert (result.exit_code, result.stdout) == (0, f"{expected}  destroys table t_ccc3, table t_bbb2\n")


def test_a_plan_with_nothing_to_do(forked: ProjectFolder) -> None:
    result = forked.branchmig("upgrade", "aaa1", "--plan", "--from", "aaa1")
    assert (result.exit_code, result.stdout) == (0, "Nothing to do: the database is at aaa1.\n")


def test_a_run_with_format_json_answers_with_what_it_did(forked: ProjectFolder) -> None:
    result = forked.branchmig("upgrade", "heads", "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    answer = json.loads(result.stdout)
    seconds = [entry.pop("seconds") for entry in answer["steps"]]
    assert (len(seconds), answer.pop("seconds") >= 0, len(answer.pop("slowest"))) == (3, True, 3)
    assert answer.pop("slow_statements") == []
    assert answer == {"version": 1, "from": [], "to": ["ccc3"], "steps": UP}
    assert forked.rows() == ["ccc3"]


def test_what_was_done_is_said_on_standard_error(forked: ProjectFolder) -> None:
    said = [
        (words, (result.exit_code, result.stdout, result.stderr))
        for words in (
            "upgrade bbb2",
            "upgrade bbb2",
            "upgrade heads",
            "downgrade -1",
            "downgrade base",
            "stamp bbb2",
            "stamp bbb2",
            "stamp --purge heads",
            "stamp base",
            "ensure_version",
        )
        for result in [forked.branchmig(*words.split())]
    ]
    assert said == [
        ("upgrade bbb2", (0, "", "Applied 2 revisions; the database is at bbb2.\n")),
        ("upgrade bbb2", (0, "", "Nothing to do: the database is at bbb2.\n")),
        ("upgrade heads", (0, "", "Applied 1 revision; the database is at ccc3.\n")),
        ("downgrade -1", (0, "", "Reverted 1 revision; the database is at bbb2.\n")),
        ("downgrade base", (0, "", "Reverted 2 revisions; the database is at base.\n")),
        ("stamp bbb2", (0, "", "Stamped: the version table says bbb2.\n")),
        ("stamp bbb2", (0, "", "Nothing to do: the version table says bbb2.\n")),
        ("stamp --purge heads", (0, "", "Stamped: the version table says ccc3.\n")),
        ("stamp base", (0, "", "Stamped: the version table says base.\n")),
        ("ensure_version", (0, "", "")),
    ]


def test_progress_is_shown_on_standard_error_once_it_takes_long(
    forked: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The clock advances two seconds each time it is looked at.
    ticks = iter(range(0, 1000, 2))
    monkeypatch.setattr(terminal.time, "monotonic", lambda: float(next(ticks)))
    monkeypatch.setattr(terminal, "PROGRESS_AFTER", 1.0)
    result = forked.branchmig("upgrade", "heads")
    assert (result.exit_code, result.stdout) == (0, "")
    lines = [re.sub(r"\(\d+ s\)", "(n s)", line) for line in result.stderr.splitlines()]
    assert lines == [
        "[1/3] upgrade  -> aaa1, first (n s)",
        "[2/3] upgrade aaa1 -> bbb2, step bbb2 (n s)",
        "[3/3] upgrade aaa1 -> ccc3, step ccc3 (n s)",
        "Applied 3 revisions; the database is at ccc3.",
    ]
    assert forked.branchmig("-q", "downgrade", "base").stderr == ""


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (
            "upgrade aaa1:ccc3",
            "Range revision not allowed",
            "name the target alone; a range goes with --sql",
        ),
        ("upgrade bbb9", "no revision or branch label 'bbb9'", "did you mean 'bbb2'?"),
        (
            "upgrade head",
            "'head' means one head, and there are 2: bbb2 (step bbb2), ccc3 (step ccc3)",
            "'side@head' for one branch, 'heads' for all of them, or join them: branchmig merge",
        ),
        (
            "upgrade current",
            "'current' counts from what is applied, which a target cannot name so",
            "upgrade and downgrade take relative steps: '+1', '-1'",
        ),
        ("upgrade -1", "relative revision '-1' goes down, not up", "branchmig downgrade -1, or upgrade +1"),
        ("downgrade +1", "relative revision '+1' goes up, not down", "branchmig upgrade +1, or downgrade -1"),
        (
            "downgrade -1",
            "relative revision '-1' didn't produce 1 migration",
            "only 0 are there to count; 'branchmig history' lists them",
        ),
        (
            "stamp -1",
            "'-1' cannot be stamped: it counts from what is applied",
            "name a revision, 'heads' or 'base'",
        ),
        (
            "stamp aaa1 bbb2",
            "revision 'aaa1' is asked for beside its descendant 'bbb2'",
            "'bbb2' includes it: leave 'aaa1' out",
        ),
    ],
)
def test_what_cannot_be_reached_is_told_and_nothing_is_written(
    forked: ProjectFolder, words: str, error: str, hint: str
) -> None:
    result = forked.branchmig(*words.split())
    assert (result.exit_code, result.stdout, result.stderr) == (3, "", f"error: {error}\nhint:  {hint}\n")
    assert (forked.rows() or [], forked.tables()) == ([], [])


def test_a_target_that_names_nothing_is_refused_before_env_py_runs(forked: ProjectFolder) -> None:
    forked.write_env(NO_CONNECTION)
    assert forked.branchmig("upgrade", "nope").stderr.startswith("error: no revision or branch label 'nope'\n")
    assert forked.branchmig("upgrade", "aaa1").stderr.startswith("error: migrations/env.py:1: SystemError: connected\n")
