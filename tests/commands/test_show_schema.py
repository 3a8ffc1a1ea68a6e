"""`branchmig show --schema` on real projects: from scripts that do not run, and from cached states."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.repositories import Checkout
    from tests.support import ProjectFolder, Result

EFFECTS = "From the effects of {}: branchmig read the scripts and ran none."


def lines(result: Result) -> list[str]:
    assert (result.exit_code, result.stderr) == (0, "")
    return result.lines


def document(result: Result) -> Any:
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def test_the_tables_at_a_revision_come_from_the_scripts(forked: ProjectFolder) -> None:
    assert lines(forked.branchmig("show", "--schema", "bbb2")) == [
        "t_aaa1",
        "  id  integer  primary key",
        "t_bbb2",
        "  id  integer  primary key",
        "",
        EFFECTS.format("2 revisions"),
    ]
    column = {"change": None, "before": None, "name": "id", "nullable": False, "primary_key": True, "type": "integer"}
    table = {"change": None, "columns": [column], "complete": True, "foreign_keys": [], "name": "t_aaa1"}
    assert document(forked.branchmig("show", "--schema", "aaa1", "--format", "json")) == {
        "version": 1,
        "at": "worktree",
        "revisions": ["aaa1"],
        "from": None,
        "basis": "effects",
        "states": [],
        "no_state": None,
        "complete": True,
        "unread": [],
        "tables": [table],
    }


def test_two_revisions_are_compared(forked: ProjectFolder) -> None:
    assert lines(forked.branchmig("show", "--schema", "ccc3", "--from", "aaa1")) == [
        "+ t_bbb2",
        "    + id  integer  primary key",
        "+ t_ccc3",
        "    + id  integer  primary key",
        "",
        EFFECTS.format("3 revisions"),
    ]
    assert lines(forked.branchmig("show", "--schema", "aaa1", "--from", "aaa1"))[0] == "No table differs."


def test_a_git_ref_is_compared_with_the_checkout(parted: Checkout) -> None:
    parted.revision("ccc3", "aaa1", upgrade="op.create_table('t', sa.Column('id', sa.Integer()))")
    found = lines(parted.branchmig("show", "--schema", "--from", "main"))
    assert found[:2] == ["+ t", "    + id  integer"]
    parted.commit("fill it")
    back = lines(parted.branchmig("show", "--schema", "--at", "main", "--from", "feature"))
    assert back[0] == "- t"
    shown = document(parted.branchmig("show", "--schema", "--from", "main", "--format", "json"))
    assert (shown["at"], shown["revisions"], shown["from"]) == (
        "worktree",
        ["ccc3"],
        {"at": "main", "revisions": ["bbb2"]},
    )


def test_what_cannot_be_read_is_named(forked: ProjectFolder) -> None:
    forked.revision("ddd4", "ccc3", upgrade="op.execute(open('x.sql').read())")
    found = forked.branchmig("show", "--schema", "ddd4")
    assert lines(found)[-3:] == [
        EFFECTS.format("4 revisions"),
        "Not complete: 1 revision could not be read:",
        "  ddd4, line 18: op.execute: the statement is computed",
    ]
    shown = document(forked.branchmig("show", "--schema", "ddd4", "--format", "json"))
    assert (shown["complete"], shown["unread"]) == (
        False,
        [{"revision": "ddd4", "line": 18, "what": "op.execute: the statement is computed"}],
    )


def test_a_cached_state_is_read_back(forked: ProjectFolder) -> None:
    """A script that cannot be read runs once, for `fresh`; the state knows what it did."""
    computed = "''.join(chr(letter) for letter in {})".format(
        [*map(ord, "CREATE TABLE x (y INT REFERENCES t_aaa1 (id))")]
    )
    forked.revision("ddd4", "ccc3", upgrade=f"op.execute({computed})")
    before = lines(forked.branchmig("show", "--schema", "ddd4"))
    assert "x" not in before
    assert forked.branchmig("fresh").exit_code == 0
    after = lines(forked.branchmig("show", "--schema", "heads"))
    assert after[-4:-2] == ["x", "  y  integer  → t_aaa1.id"]
    assert after[:6] == [
        line for name in ("aaa1", "bbb2", "ccc3") for line in (f"t_{name}", "  id  integer  primary key")
    ]
    assert after[-1].startswith("From cached state ")
    # A state is of the scripts as they were.
    forked.revision("ddd4", "ccc3", upgrade="op.execute('CREATE TABLE z (y INT)')")
    assert lines(forked.branchmig("show", "--schema", "heads"))[-4:] == [
        "z",
        "  y  int",
        "",
        EFFECTS.format("4 revisions"),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("show",), 2, "error: Missing argument 'REV'."),
        (("show", "aaa1", "--from", "bbb2"), 2, "error: --from goes with a schema"),
        (("show", "aaa1", "--format", "mermaid"), 2, "error: --format mermaid goes with a schema"),
        (("show", "--schema", "--from", "nowhere"), 3, "error: no revision or branch label 'nowhere'"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    forked: ProjectFolder, arguments: tuple[str, ...], code: int, said: str
) -> None:
    found = forked.branchmig(*arguments)
    assert (found.exit_code, found.stdout) == (code, "")
    assert found.stderr.startswith(said)
