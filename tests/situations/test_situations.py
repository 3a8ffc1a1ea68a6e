"""Every command that reads git, in every row of rows.py: the right answer, or "cannot tell" with exit 3."""

from __future__ import annotations

import io
import json
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest

from branchmig import cli
from tests.situations.cases import CASES, Case
from tests.situations.rows import ROWS, Ground, Row, base
from tests.support import Result, git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.repositories import Checkout

REWRITTEN = ["rewritten-revision", "deleted-revision"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, isolated_environment: None) -> Checkout:
    return base(tmp_path_factory.mktemp("situations") / "repo")


@pytest.fixture
def ground(template: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    return Ground(template.instance(tmp_path / "repo"), tmp_path, monkeypatch)


def run(folder: Path, patch: pytest.MonkeyPatch, arguments: list[str], stdin: str) -> Result:
    """Run branchmig in a folder, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with chdir(folder), redirect_stdout(out), redirect_stderr(err), patch.context() as inner:
        inner.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = cli.run(arguments)
    return Result(code, out.getvalue(), err.getvalue())


class Place:
    """A row that was built, and branchmig run in it."""

    def __init__(self, row: Row, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.row, self.folder, self._patch = row, folder, patch

    def run(self, *arguments: str, stdin: str = "") -> Result:
        return run(self.folder, self._patch, [*self.row.options, *arguments], stdin)

    def asked(self, code: int, *arguments: str) -> Any:
        """Run a command that must end so, and return its document."""
        told = self.run(*arguments, "--format", "json")
        assert told.exit_code == code, told
        return json.loads(told.stdout)


def heads(place: Place, cannot_tell: bool) -> None:
    for at in ("worktree", *(["HEAD", "index"] if place.row.name != "no git at all" else [])):
        found = place.asked(0, "heads", "--at", at)["heads"]
        assert tuple(head["revision"] for head in found) == place.row.heads, at


def guard(place: Place, cannot_tell: bool) -> None:
    found = place.asked(3 if cannot_tell else 1, "guard")
    assert found["ok"] is False
    assert [entry["code"] for entry in found["unchecked"]] == (REWRITTEN if cannot_tell else [])
    assert [entry["code"] for entry in found["problems"]] == ([] if cannot_tell else REWRITTEN[:1])
    if not cannot_tell:
        assert found["problems"][0]["revisions"] == ["aaa1"]
    if place.row.into == "HEAD^1":  # as action.yml asks, of a clone that does not have that branch
        assert place.asked(1, "guard", "--target", "origin/main")["problems"] == found["problems"]


def forecast(place: Place, cannot_tell: bool) -> None:
    told = place.run("forecast", "HEAD", "--format", "json")
    if cannot_tell:
        assert told.exit_code == 3, told
        return
    found = json.loads(told.stdout)
    assert (told.exit_code, found["into"].removeprefix("origin/")) == (1, place.row.into.removeprefix("origin/")), told
    assert [branch["heads"] for branch in found["branches"]] == [["ccc3"]]


def conflicts(place: Place, cannot_tell: bool) -> None:
    told = place.run("conflicts", "--format", "json")
    if cannot_tell:
        assert told.exit_code == 3, told
        return
    found = json.loads(told.stdout)
    ended = (told.exit_code, tuple(found["ours"]), found["theirs"])
    assert ended == (int(place.row.collides), place.row.added, []), told


def report(place: Place, cannot_tell: bool) -> None:
    told = place.run("report", "--no-sql", "--check", "--format", "json")
    if cannot_tell:
        assert told.exit_code == 3, told
        return
    found = json.loads(told.stdout)
    assert (told.exit_code, found["ok"]) == (1, False), told
    assert tuple(revision_id["revision"] for revision_id in found["added"]) == place.row.added
    assert [entry["code"] for entry in found["problems"]] == [*place.row.in_merge, REWRITTEN[0]]


def status(place: Place, cannot_tell: bool) -> None:
    found = place.asked(0, "status", "--no-db")
    assert tuple(head["revision"] for head in found["heads"]) == place.row.heads
    git_facts = found["git"] or {"branch": "", "target": ""}
    assert (git_facts["branch"] or "", (git_facts["target"] or "").removeprefix("origin/")) == (
        place.row.branch,
        place.row.into.removeprefix("origin/"),
    )
    assert found["ok"] is False


def pre_push(place: Place, cannot_tell: bool) -> None:
    commit = git("rev-parse", "HEAD", cwd=place.folder).strip()
    line = f"refs/heads/feature {commit} refs/heads/feature {'0' * len(commit)}\n"
    told = place.run("hooks", "run", "pre-push", "origin", "url", stdin=line)
    assert told.exit_code == 1, told
    assert ("could not check" if cannot_tell else "rewritten-revision: revision 'aaa1'") in told.stderr, told


def pre_commit(place: Place, cannot_tell: bool) -> None:
    told = place.run("hooks", "run", "pre-commit")
    assert told.exit_code == (0 if cannot_tell else 1), told
    assert ("not checked: rewritten-revision" if cannot_tell else "rewritten-revision: ") in told.stderr, told


def hooks_status(place: Place, cannot_tell: bool) -> None:
    """No row has hooks of branchmig: each hook is said not to run."""
    found = place.asked(3 if cannot_tell else 1, "hooks", "status")
    assert [hook["runs"] for hook in found.get("hooks", [])] == ([] if cannot_tell else [False] * 6)


def squash(place: Place, cannot_tell: bool) -> None:
    """Without git nothing would keep the old scripts; else the whole history can become one revision."""
    told = place.run("squash", f"base..{place.row.heads[0]}", "--dry-run", "--format", "json")
    if place.row.name == "no git at all":
        assert (told.exit_code, "in no git repository" in told.stderr) == (3, True), told
        return
    found = json.loads(told.stdout)
    assert (told.exit_code, found.get("revision"), found.get("down_revision")) == (0, place.row.heads[0], []), told
    assert "aaa1" in found["replaces"]


def graph(place: Place, cannot_tell: bool) -> None:
    """The graph is that of the work tree; only the names of git need a repository."""
    found = place.asked(0, "graph", "--effects")
    parents = {edge["parent"] for edge in found["edges"]}
    names = [entry["revision"] for entry in found["revisions"]]
    assert tuple(name for name in names if name not in parents) == place.row.heads
    result = place.run("graph", "--refs")
    assert result.exit_code == (3 if place.row.name == "no git at all" else 0), result
    assert [line for line in place.run("graph", "--touching", "t_ccc3").lines if line.startswith("● ccc3")]


def schema(place: Place, cannot_tell: bool) -> None:
    result = place.run("show", "--schema")
    assert (result.exit_code, "t_ccc3" in result.stdout, "t_bbb2" in result.stdout) == (0, True, True), result


def train(place: Place, cannot_tell: bool) -> None:
    """The branch cannot land, for what forecast says of it."""
    result = place.run("train", "HEAD")
    known = "forecast" not in place.row.cannot_tell
    assert result.exit_code == (1 if known else 3), result
    reason = "cannot be read" if place.row.collides else "CONFLICT" if place.row.in_merge else "rewritten: aaa1"
    assert (reason in result.stdout) == known, result


HELD = {
    "tag and branch of one name",
    "stale remote",
    "detached head",
    "bisect in progress",
    "squash merged into another branch",
    "package and folder",
}
"""Rows in which another ref has the branch's revisions, or the package would be imported."""


def renumber(place: Place, cannot_tell: bool) -> None:
    """What the target has keeps its id."""
    result = place.run("rebase", "--renumber", "--dry-run")
    known = "guard" not in place.row.cannot_tell and place.row.name not in HELD
    assert result.exit_code == (0 if known else 3), result
    assert ("-revision = 'ccc3'" in result.stdout, "-revision = 'bbb2'" in result.stdout) == (
        known,
        known and "bbb2" in place.row.added,
    ), result


COMMANDS: dict[str, Callable[[Place, bool], None]] = {
    "heads": heads,
    "guard": guard,
    "forecast": forecast,
    "conflicts": conflicts,
    "report": report,
    "status": status,
    "pre-commit": pre_commit,
    "pre-push": pre_push,
    "hooks status": hooks_status,
    "squash": squash,
    "graph": graph,
    "schema": schema,
    "train": train,
    "renumber": renumber,
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_command_is_right_or_cannot_tell(row: Row, ground: Ground) -> None:
    place = Place(row, row.build(ground), ground.patch)
    wrong = []
    for name, is_right in COMMANDS.items():
        if name in row.skipped:
            continue
        try:
            is_right(place, name in row.cannot_tell)
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
    assert not wrong, "\n\n".join(wrong)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, isolated_environment: None) -> Checkout:
    """Without the rewriting: every rule holds on feature."""
    made = base(tmp_path_factory.mktemp("sound") / "repo")
    made.git("reset", "--quiet", "--hard", "HEAD~1")
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_answer_is_that_of_the_situation(
    case: Case, sound: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground = Ground(sound.instance(tmp_path / "repo"), tmp_path, monkeypatch)
    folder = case.build(ground)
    stdin = with_commits(case.stdin, ground.repo) if case.stdin else ""
    wrong = []
    for words, (code, text) in case.answers.items():
        told = run(folder, monkeypatch, words.split(), stdin)
        if told.exit_code != code or text not in told.stdout + told.stderr:
            wrong.append(f"{words}: {told}")
    assert not wrong, "\n\n".join(wrong)


def with_commits(lines: str, repo: Checkout) -> str:
    """Put the commits of branches in their places, as git does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GIT_DIR", raising=False)
        commits = {name: repo.git("rev-parse", name) for name in ("main", "feature")} | {"NONE": "0" * 40}
    return " ".join(commits.get(word, word) for word in lines.split(" "))
