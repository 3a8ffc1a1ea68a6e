"""One vocabulary of options: what each command that changes something has, and that a dry run changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.repositories import Checkout, footprint

if TYPE_CHECKING:
    from pathlib import Path

READ_ONLY = frozenset({
    *("branches", "check", "completion", "compat", "conflicts", "current", "forecast", "guard", "heads", "help"),
    *("history", "identify", "list_templates", "show", "status", "verify", "hooks status", "kept list", "states list"),
    *("fleet runs", "fleet show", "fleet status"),
    # These write a file only where -o or --out names one: the answer itself.
    *("fleet plan", "graph"),
})  # fmt: skip
GROUPS = frozenset({"fleet", "hooks", "kept", "pins", "states"})
"""Without a command below them, these list, or show help."""

STARTED_BY_GIT = frozenset({"hooks run"})

ASK = frozenset({
    *("adopt", "audit", "downgrade", "hooks install", "kept drop", "pins prune", "rebase", "repair", "squash"),
    *("states drop", "states prune", "switch", "sync", "upgrade", "fleet audit", "fleet repair"),
})  # fmt: skip

OTHER_SIDE = frozenset({"branches", "compat", "conflicts", "downgrade", "graph", "guard", "heads", "history", "show"})
TARGET = frozenset({"fix", "forecast", "guard", "rebase", "report", "squash", "train"})


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Every command with its options by name, as `help --format json` has them."""
    made = Checkout(tmp_path_factory.mktemp("words"))
    document = json.loads(made.branchmig("help", "--format", "json").stdout)
    return {
        entry["name"]: {name: option for option in entry["options"] for name in option["names"]}
        for entry in document["commands"]
    }


def test_each_command_that_changes_something_has_a_dry_run_under_both_names(
    options: dict[str, dict[str, Any]],
) -> None:
    writing = options.keys() - READ_ONLY - GROUPS - STARTED_BY_GIT
    assert {name for name in writing if not {"--dry-run", "--plan"} <= options[name].keys()} == set()
    assert all(options[name]["--dry-run"] is options[name]["--plan"] for name in writing)
    assert {name for name in READ_ONLY if "--dry-run" in options[name]} == set()


def test_each_command_that_can_ask_takes_a_yes_before(options: dict[str, dict[str, Any]]) -> None:
    assert {name for name, own in options.items() if "--yes" in own} == ASK
    assert all(options[name]["--yes"] is options[name]["-y"] for name in ASK)


def test_one_name_for_the_other_side_and_one_for_the_target(options: dict[str, dict[str, Any]]) -> None:
    assert {name for name, own in options.items() if "--with" in own} == OTHER_SIDE | {"upgrade"}
    assert {name for name, own in options.items() if "--target" in own} == TARGET
    old = {"--merged-with", "--onto", "--into"}
    assert {name for name, own in options.items() if old & own.keys()} == set()


def two_heads(repo: Checkout) -> None:
    """Make main have one revision more than the database, and feature another, which would be a second head."""
    (repo.top / ".gitignore").write_text("__pycache__\n")
    ini = repo.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}[branchmig]\njournal = true\n")
    repo.table("aaa1")
    repo.table("bbb2", "aaa1")
    repo.commit("base")
    repo.git("switch", "--quiet", "--create", "feature")
    repo.table("ccc3", "bbb2")
    repo.commit("feature")
    repo.git("switch", "--quiet", "main")
    repo.table("ddd4", "bbb2")
    repo.commit("main")
    assert repo.branchmig("upgrade", "bbb2").exit_code == 0
    assert repo.branchmig("downgrade", "--keep-rows", "aaa1").exit_code == 0
    repo.git("merge", "--quiet", "feature")
    (repo.root / "targets.json").write_text(json.dumps([{"name": "one", "url": repo.url}]))


DRY_RUNS: dict[str, tuple[int, str]] = {
    "adopt --dry-run": (0, ""),
    "audit --archive old.jsonl --dry-run": (0, ""),
    "downgrade base --dry-run": (0, "1 step, from aaa1 to base:"),
    "downgrade --keep-rows base --plan": (0, "1 step, from aaa1 to base:"),
    "drift --write-revision --dry-run": (0, "no drift"),
    "edit heads --dry-run": (0, "migrations/versions/ccc3.py"),
    "ensure_version --dry-run": (0, "has a version table; nothing to do"),
    "fix --dry-run": (0, "+down_revision"),
    "fleet upgrade --targets targets.json ccc3 --dry-run": (0, "one"),
    "fleet upgrade --targets targets.json ccc3 --plan --format jsonl": (0, '"one"'),
    "fleet downgrade --targets targets.json base --dry-run": (0, "one"),
    "fleet stamp --targets targets.json bbb2 --dry-run": (0, "one"),
    "fleet stamp --targets targets.json --purge bbb2 --dry-run": (0, "== one"),
    "fleet run --targets targets.json --dry-run -- upgrade heads": (0, "Would run 'branchmig upgrade heads' for: one"),
    "fleet repair --targets targets.json --dry-run": (0, "== one"),
    "fleet audit --targets targets.json --archive old.jsonl --dry-run": (0, "== one"),
    "fresh --dry-run": (0, "Would make a database at ccc3, ddd4: run the missing revisions"),
    "hooks install --dry-run": (0, "Would install pre-commit"),
    "hooks uninstall --dry-run": (0, "No hooks of branchmig are installed."),
    "init other --dry-run": (0, "Would write other/env.py"),
    "init -t pyproject --package other --dry-run": (0, "Would write other/versions/__init__.py"),
    "kept drop --all --dry-run": (0, ""),
    "merge --dry-run": (0, "merge"),
    "pins prune --all --dry-run": (0, ""),
    "rebase --target feature --dry-run": (0, ""),
    "repair --dry-run": (0, ""),
    "report --dry-run --no-sql -o report.md": (0, "ccc3"),
    "revision -m hello --head ccc3 --rev-id eee5 --dry-run": (0, "revision = 'eee5'"),
    "squash aaa1..bbb2 -m both --dry-run": (0, ""),
    "stamp ddd4 --dry-run": (0, "ddd4"),
    "states drop --all --dry-run": (0, ""),
    "states prune --older-than 0d --dry-run": (0, ""),
    "switch feature --dry-run": (0, ""),
    "sync --dry-run": (0, "ddd4"),
    "train --write --dry-run": (0, ""),
    "upgrade ddd4 --dry-run": (0, "2 steps, from aaa1 to ddd4:"),
}


def content(repo: Checkout) -> dict[str, object]:
    """Return the files, the database among them, and git's own, with what is staged.

    git notes the times of files in its index, and keeps objects that nothing names: neither is content.
    """
    files: dict[str, object] = {**footprint(repo.top)}
    inside = {path: facts for path, facts in files.items() if path != ".git/index" and ".git/objects" not in path}
    return {**inside, "staged": repo.git("ls-files", "--stage")}


def test_a_dry_run_leaves_files_git_and_database_as_they_were(tmp_path: Path, options: dict[str, Any]) -> None:
    repo = Checkout(tmp_path / "repo")
    two_heads(repo)
    named = {name for line in DRY_RUNS for name in (" ".join(line.split()[:2]), line.split()[0])}
    assert options.keys() - READ_ONLY - GROUPS - STARTED_BY_GIT - named == set()
    before, wrong = content(repo), {}
    for line, (code, said) in DRY_RUNS.items():
        done = repo.branchmig(*line.split())
        changed = [name for name, facts in content(repo).items() if before.get(name) != facts]
        if (done.exit_code, said in done.stdout, changed) != (code, True, []):
            wrong[line] = (done, changed)
    assert wrong == {}


def test_what_a_dry_run_of_revision_prints_is_what_a_run_writes(repo: Checkout) -> None:
    repo.revision("aaa1")
    words = ("revision", "-m", "hello", "--rev-id", "bbb2")
    shown = repo.branchmig(*words, "--dry-run").lines
    assert repo.branchmig(*words).exit_code == 0
    written = (repo.versions / "bbb2_hello.py").read_text().splitlines()
    assert [line for line in shown if "Date" not in line] == [line for line in written if "Date" not in line]


@pytest.mark.parametrize("template", ["generic", "pyproject"])
def test_what_a_dry_run_of_init_names_is_what_a_run_writes(tmp_path: Path, template: str) -> None:
    made = Checkout(tmp_path / "repo")
    (made.root / "alembic.ini").unlink()
    words = ("init", "-t", template, "--package", "other")
    said = made.branchmig(*words, "--dry-run").lines
    before = footprint(made.root).keys()
    assert made.branchmig(*words).exit_code == 0
    written = {f"Would write {path}" for path in footprint(made.root).keys() - before}
    assert set(said) == {*written, "Would create other/versions/"}


def test_a_dry_run_of_prune_names_what_a_run_drops(repo: Checkout) -> None:
    repo.table("aaa1")
    assert repo.branchmig("fresh", "--name", "first").exit_code == 0
    said = repo.branchmig("states", "prune", "--older-than", "0d", "--dry-run", "--format", "json")
    done = repo.branchmig("states", "prune", "--older-than", "0d", "--format", "json")
    names = json.loads(said.stdout)["would_drop"]
    assert (len(names), names) == (1, json.loads(done.stdout)["dropped"])


def test_a_dry_run_of_drift_prints_a_revision_that_was_tried(repo: Checkout) -> None:
    repo.table("aaa1")
    assert repo.branchmig("upgrade", "heads").exit_code == 0
    repo.execute("CREATE TABLE extra (id INTEGER PRIMARY KEY)")
    before = content(repo)
    done = repo.branchmig("drift", "--write-revision", "--dry-run")
    assert (done.exit_code, "op.create_table('extra'" in done.stdout, content(repo)) == (1, True, before), done
