"""heads, branches, history, show, current: their JSON documents, whole, and what they refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support import ProjectFolder, Result

AAA1: dict[str, Any] = {
    "revision": "aaa1",
    "down_revision": [],
    "depends_on": [],
    "branch_labels": [],
    "message": "first",
    "path": "migrations/versions/aaa1.py",
}
BBB2: dict[str, Any] = {
    "revision": "bbb2",
    "down_revision": ["aaa1"],
    "depends_on": [],
    "branch_labels": ["side"],
    "message": "step bbb2",
    "path": "migrations/versions/bbb2.py",
}
CCC3: dict[str, Any] = {
    "revision": "ccc3",
    "down_revision": ["aaa1"],
    "depends_on": ["bbb2"],
    "branch_labels": [],
    "message": "step ccc3",
    "path": "migrations/versions/ccc3.py",
}
HERE: dict[str, Any] = {"version": 1, "at": "worktree", "merged_with": None}


def document(result: Result) -> Any:
    """The one JSON document of a run that said nothing else."""
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def refused(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (3, "")
    return result.stderr


def test_heads(forked: ProjectFolder) -> None:
    assert document(forked.branchmig("heads", "--format", "json")) == {**HERE, "heads": [BBB2, CCC3]}
    alone = forked.branchmig("heads", "--resolve-dependencies", "--format", "json")
    assert document(alone) == {**HERE, "heads": [CCC3]}


def test_branches(forked: ProjectFolder) -> None:
    expected = {**HERE, "branches": [{**AAA1, "children": ["bbb2", "ccc3"]}]}
    assert document(forked.branchmig("branches", "--format", "json")) == expected


def test_history(forked: ProjectFolder) -> None:
    shown = [{**item, "current": False} for item in (CCC3, BBB2, AAA1)]
    assert document(forked.branchmig("history", "--format", "json")) == {**HERE, "history": shown}
    forked.alembic("upgrade", "bbb2")
    shown[1]["current"] = True
    marked = forked.branchmig("history", "--indicate-current", "--format", "json")
    assert document(marked) == {**HERE, "history": shown}
    part = forked.branchmig("history", "-r", ":bbb2", "--format", "json")
    assert [item["revision"] for item in document(part)["history"]] == ["bbb2", "aaa1"]


def test_show(forked: ProjectFolder) -> None:
    shown = document(forked.branchmig("show", "side", "--format", "json"))
    assert shown["revisions"] == [BBB2]
    assert shown["version"] == 1
    assert document(forked.branchmig("show", "base", "--format", "json"))["revisions"] == []


def test_current(forked: ProjectFolder) -> None:
    forked.alembic("upgrade", "heads")
    database = {"url": forked.url, "heads": ["ccc3"], "revisions": [CCC3]}
    shown = forked.branchmig("current", "--format", "json")
    assert document(shown) == {"version": 1, "databases": [database]}


def test_current_hides_the_password_and_creates_nothing(forked: ProjectFolder) -> None:
    shown = document(forked.branchmig("current", "--format", "json"))
    assert shown["databases"] == [{"url": forked.url, "heads": [], "revisions": []}]
    assert forked.rows() is None


def test_current_check_heads_as_json_is_an_error_document_and_1(forked: ProjectFolder) -> None:
    result = forked.branchmig("current", "--check-heads", "--format", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "version": 1,
        "error": {
            "code": "no",
            "message": "Database is not on all head revisions: it is at base, the heads are ccc3",
            "hint": "branchmig upgrade heads",
        },
    }


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (
            "history -r x",
            "History range requires [start]:[end], [start]:, or :[end]",
            "e.g. -r base:head",
        ),
        (
            "history -r bbb2:aaa1",
            "Requested range bbb2:aaa1 does not refer to ancestor/descendant revisions along the same branch",
            "give the older revision first",
        ),
        ("show bbb3", "no revision or branch label 'bbb3'", "did you mean 'bbb2'?"),
        (
            "show head",
            "'head' means one head, and there are 2: bbb2 (step bbb2), ccc3 (step ccc3)",
            "'side@head' for one branch, 'heads' for all of them, or join them: branchmig merge",
        ),
        (
            "show label@",
            "'label@' is no revision identifier",
            "name a revision, a prefix of one, a branch label, 'head', 'heads' or 'base'",
        ),
        ("edit base", "No revision files indicated by symbol 'base'", "'branchmig history' lists them"),
        ("edit current", "No revision files indicated by symbol 'current'", "'branchmig history' lists them"),
    ],
)
def test_what_cannot_be_shown_is_told(forked: ProjectFolder, words: str, error: str, hint: str) -> None:
    assert refused(forked.branchmig(*words.split())) == f"error: {error}\nhint:  {hint}\n"


def test_an_editor_that_fails_is_told(forked: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "no-such-editor-anywhere")
    said = refused(forked.branchmig("edit", "bbb2"))
    assert said.startswith("error: the editor failed: no-such-editor-anywhere: ")
    assert said.endswith("hint:  set $EDITOR to the one you use\n")
