"""revision and merge: the files that are written, and what is refused before the first byte of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support import ProjectFolder


def names(project: ProjectFolder) -> list[str]:
    return sorted(path.name for path in project.versions.glob("*.py"))


def header(project: ProjectFolder, name: str) -> list[str]:
    text = (project.versions / name).read_text()
    fields = ("revision = ", "down_revision = ", "branch_labels = ", "depends_on = ", '"""')
    return [line for line in text.splitlines() if line.startswith(fields) and line != '"""']


def test_a_revision_is_written_and_named_on_standard_error(forked: ProjectFolder) -> None:
    words = ("revision", "-m", "add users", "--rev-id", "ddd4", "--head", "bbb2", "--branch-label", "fresh")
    result = forked.branchmig(*words, "--depends-on", "ccc3")
    assert (result.exit_code, result.stderr) == (
        0,
        "Wrote migrations/versions/ddd4_add_users.py (ddd4, after bbb2).\n",
    )
    assert header(forked, "ddd4_add_users.py") == [
        '"""add users',
        "revision = 'ddd4'",
        "down_revision = 'bbb2'",
        "branch_labels = ('fresh',)",
        "depends_on = 'ccc3'",
    ]


def test_a_merge_without_arguments_joins_all_heads_and_says_so(forked: ProjectFolder) -> None:
    result = forked.branchmig("merge", "--rev-id", "ddd4")
    assert (result.exit_code, result.stderr) == (
        0,
        "Wrote migrations/versions/ddd4_merge_bbb2_and_ccc3.py (ddd4, parents bbb2, ccc3).\n",
    )
    assert header(forked, "ddd4_merge_bbb2_and_ccc3.py") == [
        '"""merge bbb2 and ccc3',
        "revision = 'ddd4'",
        "down_revision = ('bbb2', 'ccc3')",
        "branch_labels = None",
        "depends_on = None",
    ]
    again = forked.branchmig("merge")
    assert (again.exit_code, again.stdout, again.stderr) == (0, "", "Nothing to merge: the only head is ddd4.\n")


def test_a_merge_takes_the_order_a_message_and_a_label(forked: ProjectFolder) -> None:
    words = ("merge", "ccc3", "bbb2", "--rev-id", "ddd4", "-m", "joined", "--branch-label", "both")
    assert forked.branchmig(*words).exit_code == 0
    assert header(forked, "ddd4_joined.py")[:4] == [
        '"""joined',
        "revision = 'ddd4'",
        "down_revision = ('ccc3', 'bbb2')",
        "branch_labels = ('both',)",
    ]


def test_a_merge_of_what_is_no_head_is_made_with_splice(forked: ProjectFolder) -> None:
    forked.table("ddd4", "ccc3")
    assert forked.branchmig("merge", "bbb2", "ccc3", "--splice", "--rev-id", "eee5").exit_code == 0
    assert header(forked, "eee5_merge_bbb2_and_ccc3.py")[2] == "down_revision = ('bbb2', 'ccc3')"


def test_a_merge_of_an_empty_project_does_nothing(forked: ProjectFolder) -> None:
    for path in forked.versions.glob("*.py"):
        path.unlink()
    result = forked.branchmig("merge")
    assert (result.exit_code, result.stdout, names(forked)) == (0, "", [])


BAD_ID = "choose another --rev-id, or leave it out"
UNKNOWN = "'branchmig history' lists the revisions, 'branchmig heads' the heads"


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        ("revision --rev-id aaa1 --head bbb2", "revision 'aaa1' exists already: {versions}/aaa1.py", BAD_ID),
        ("merge --rev-id aaa1", "revision 'aaa1' exists already: {versions}/aaa1.py", BAD_ID),
        ("merge --rev-id side", "revision id 'side' is a branch label of 'bbb2'", BAD_ID),
        (
            "revision --rev-id new-1 --head bbb2",
            "revision id 'new-1' holds '-', which neither alembic's grammar nor its version row can carry",
            BAD_ID,
        ),
        ("revision --rev-id head --head bbb2", "revision id 'head' is a reserved word", BAD_ID),
        (
            "merge --rev-id " + "a" * 33,
            f"revision id {'a' * 33!r} has 33 characters; the version table holds 32",
            BAD_ID,
        ),
        (
            "revision --rev-id new --head aaa1",
            "Revision aaa1 is not a head revision",
            "build on a head, or start a branch there with --splice",
        ),
        (
            "revision --rev-id new",
            "'head' means one head, and there are 2: bbb2 (step bbb2), ccc3 (step ccc3)",
            "'side@head' for one branch, 'heads' for all of them, or join them: branchmig merge",
        ),
        ("revision --rev-id new --head nope", "no revision or branch label 'nope'", UNKNOWN),
        ("revision --rev-id new --head bbb2 --depends-on nope", "no revision or branch label 'nope'", UNKNOWN),
        (
            "revision --rev-id new --head bbb2 --branch-label side",
            "branch label 'side' is taken by revision 'bbb2': {versions}/bbb2.py",
            "choose another --branch-label",
        ),
        (
            "merge --rev-id new --branch-label aaa1",
            "branch label 'aaa1' is taken by revision 'aaa1': {versions}/aaa1.py",
            "choose another --branch-label",
        ),
        (
            "revision --rev-id new --head bbb2 --version-path elsewhere",
            "elsewhere is not one of the version_locations",
            "they are: {versions}",
        ),
        (
            "revision --sql --autogenerate",
            "Using --sql with --autogenerate does not make any sense",
            "leave one of them out",
        ),
        (
            "revision --sql",
            "Using --sql with the revision command when revision_environment is not configured does not make any sense",
            "set revision_environment = true, or leave --sql out",
        ),
        ("merge bbb2 bbb2", "revision 'bbb2' is given twice", "name each revision once"),
        (
            "merge aaa1 bbb2",
            "revision 'aaa1' is an ancestor of another that would be merged",
            "leave 'aaa1' out",
        ),
        ("merge nope bbb2", "no revision or branch label 'nope'", UNKNOWN),
    ],
)
def test_what_would_break_the_graph_is_refused_and_nothing_written(
    forked: ProjectFolder, words: str, error: str, hint: str
) -> None:
    result = forked.branchmig(*words.split())
    expected = f"error: {error}\nhint:  {hint}\n".replace("{versions}", str(forked.versions))
    assert (result.exit_code, result.stdout, result.stderr) == (3, "", expected)
    assert names(forked) == ["aaa1.py", "bbb2.py", "ccc3.py"]


def test_a_merge_of_what_is_no_head_is_refused(forked: ProjectFolder) -> None:
    forked.table("ddd4", "ccc3")
    result = forked.branchmig("merge", "bbb2", "ccc3")
    assert (result.exit_code, result.stderr) == (
        3,
        "error: Revision ccc3 is not a head revision\nhint:  merge a head, or allow a new branch with --splice\n",
    )


def test_a_first_revision_of_several_locations_must_say_where(forked: ProjectFolder) -> None:
    ini = forked.root / "alembic.ini"
    ini.write_text(ini.read_text() + "version_locations = %(here)s/migrations/versions:%(here)s/more\n")
    more = forked.root / "more"
    result = forked.branchmig("revision", "--head", "base", "--rev-id", "new")
    assert (result.exit_code, result.stderr) == (
        3,
        "error: there are several version_locations, and no parent that says which\n"
        f"hint:  --version-path, one of: {forked.versions}, {more}\n",
    )
    assert forked.branchmig("revision", "--head", "base", "--rev-id", "new", "--version-path", "more").exit_code == 0
    assert [path.name for path in more.glob("*.py")] == ["new_.py"]
