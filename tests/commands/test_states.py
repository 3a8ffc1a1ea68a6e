"""What each command says of a database that a git switch, a merge, an amend or a rebase has left behind.

The states are those in which other tools fail without a word on git: A the database is on another branch, B two
branches were merged and have two heads, D an applied script was amended, E an applied revision was rebased.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.repositories import Checkout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repo(tmp_path: Path, database_url: str) -> Checkout:
    """base1 on main; base1 - feat1 on feature, checked out, applied with a journal."""
    repo = Checkout(tmp_path / "repo")
    repo.url = database_url
    (repo.top / ".gitignore").write_text("__pycache__\n*.db*\n")
    ini = repo.root / "alembic.ini"
    lines = [line for line in ini.read_text().splitlines() if not line.startswith("sqlalchemy.url")]
    url = database_url.replace("%", "%%")
    ini.write_text("\n".join([*lines, f"sqlalchemy.url = {url}", "[branchmig]", "journal = true", ""]))
    repo.table("base1")
    repo.commit("base")
    repo.git("switch", "--quiet", "--create", "feature")
    repo.table("feat1", "base1")
    repo.commit("feature")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    return repo


def tables(repo: Checkout) -> list[str]:
    """The project's own tables."""
    return [name for name in repo.tables() if not name.startswith("branchmig_")]


def on_main(repo: Checkout) -> None:
    """State A: main, with main1, is checked out."""
    repo.git("switch", "--quiet", "main")
    repo.table("main1", "base1")
    repo.commit("main")


ASK_THE_DATABASE = [
    ("current",),
    ("current", "-v"),
    ("upgrade", "head"),
    ("upgrade", "+1"),
    ("downgrade", "-1"),
    ("downgrade", "base1"),
    ("downgrade", "base"),
    ("check",),
    ("stamp", "head"),
    ("stamp", "base1"),
    ("show", "current"),
    ("history", "-r", "current:"),
    ("history", "-i"),
    ("revision", "--autogenerate", "-m", "x"),
]


@pytest.mark.heavy
def test_a_every_command_that_asks_the_database_names_branch_commit_author_and_file(repo: Checkout) -> None:
    on_main(repo)
    commit = repo.git("rev-parse", "--short=10", "feature")
    told = f"it is on feature, commit {commit} by Ada Author, migrations/versions/feat1.py"
    for arguments in ASK_THE_DATABASE:
        result = repo.branchmig(*arguments)
        assert (arguments, result.exit_code, told in result.stderr) == (arguments, 3, True), result.stderr
    assert (repo.rows(), tables(repo)) == (["feat1"], ["t_base1", "t_feat1"])


def test_a_what_is_typed_is_found_on_its_branch_too(repo: Checkout) -> None:
    on_main(repo)
    commit = repo.git("rev-parse", "--short=10", "feature")
    for arguments in (("show", "feat1"), ("upgrade", "feat1"), ("downgrade", "feat1"), ("upgrade", "feat1", "--sql")):
        assert repo.branchmig(*arguments).stderr == (
            f"error: no revision or branch label 'feat1' in this checkout: it is on feature, commit {commit} by "
            "Ada Author, migrations/versions/feat1.py\nhint:  to look at it: branchmig show feat1 --at feature\n"
        )


def test_a_what_asks_no_database_works(repo: Checkout) -> None:
    on_main(repo)
    for arguments in (("heads",), ("history",), ("upgrade", "head", "--sql"), ("merge", "heads"), ("branches",)):
        assert (arguments, repo.branchmig(*arguments).exit_code) == (arguments, 0)


@pytest.mark.heavy
def test_a_sync_is_the_way_out_and_back(repo: Checkout) -> None:
    on_main(repo)
    assert repo.branchmig("sync", "--yes").exit_code == 0
    assert (repo.rows(), tables(repo)) == (["main1"], ["t_base1", "t_main1"])
    assert repo.branchmig("status").stdout.splitlines()[-1] == "All is well."
    repo.git("switch", "--quiet", "feature")
    assert repo.branchmig("sync", "--yes").exit_code == 0
    assert (repo.rows(), tables(repo)) == (["feat1"], ["t_base1", "t_feat1"])


def test_b_two_heads_after_a_merge_are_named_and_both_can_be_applied(repo: Checkout) -> None:
    on_main(repo)
    repo.git("merge", "--quiet", "--no-edit", "feature")
    for arguments in (("upgrade", "head"), ("revision", "-m", "x")):
        result = repo.branchmig(*arguments)
        assert (arguments, result.exit_code) == (arguments, 3)
        assert "feat1" in result.stderr
        assert "main1" in result.stderr
    assert repo.branchmig("sync", "--yes").exit_code == 0
    assert (repo.rows(), tables(repo)) == (["feat1", "main1"], ["t_base1", "t_feat1", "t_main1"])


@pytest.mark.heavy
def test_d_an_amended_script_is_noticed_and_run_anew_by_a_sync(repo: Checkout) -> None:
    path = repo.versions / "feat1.py"
    path.write_text(path.read_text().replace("t_feat1", "t_other"))
    repo.commit("amend", "--amend")
    path = "migrations/versions/feat1.py"
    warning = f"warning: revision 'feat1' has changed since it was applied: its script was changed: {path}"
    for arguments in (("upgrade", "head"), ("current",)):
        result = repo.branchmig(*arguments)
        assert (arguments, result.exit_code, result.stderr.splitlines()[0]) == (arguments, 0, warning)
    assert "  edited: feat1: changed since it was applied" in repo.branchmig("status").stdout.splitlines()
    assert repo.branchmig("sync", "--yes").exit_code == 0
    assert (repo.rows(), tables(repo)) == (["feat1"], ["t_base1", "t_other"])
    assert repo.branchmig("upgrade", "head").stderr == "Nothing to do: the database is at feat1.\n"


def test_d_a_change_of_formatting_is_not_noticed(repo: Checkout) -> None:
    path = repo.versions / "feat1.py"
    path.write_text(path.read_text().replace("'", '"').replace("def upgrade", "# why\n\n\ndef upgrade"))
    assert repo.branchmig("upgrade", "head").stderr == "Nothing to do: the database is at feat1.\n"


def rebased(repo: Checkout) -> None:
    """State E: feat1 lies on main1 now, which has never run."""
    on_main(repo)
    repo.git("switch", "--quiet", "feature")
    repo.git("rebase", "--quiet", "main")
    path = repo.versions / "feat1.py"
    path.write_text(path.read_text().replace("down_revision = 'base1'", "down_revision = 'main1'"))
    repo.commit("on top")


def test_e_a_rebased_revision_is_never_skipped_silently(repo: Checkout) -> None:
    rebased(repo)
    told = "error: revision 'main1' (migrations/versions/main1.py) was never applied, but a revision above it is"
    for arguments in (("upgrade", "head"), ("current", "--check-heads"), ("downgrade", "base")):
        result = repo.branchmig(*arguments)
        assert (arguments, result.exit_code, result.stderr.splitlines()[0]) == (arguments, 3, told)
    assert "  skipped: main1: below an applied revision, but never run" in repo.branchmig("status").stdout.splitlines()


@pytest.mark.heavy
@pytest.mark.parametrize("way_out", [("sync", "--yes"), ("upgrade", "--missing", "--yes")])
def test_e_what_was_skipped_is_run_below(repo: Checkout, way_out: tuple[str, ...]) -> None:
    rebased(repo)
    result = repo.branchmig(*way_out)
    assert result.exit_code == 0, result.stderr
    assert (repo.rows(), tables(repo)) == (["feat1"], ["t_base1", "t_feat1", "t_main1"])
    assert repo.branchmig("current", "--check-heads").exit_code == 0
    assert repo.branchmig("downgrade", "base").exit_code == 0
    assert (repo.rows(), tables(repo)) == ([], [])


def test_a_stamp_past_what_is_applied_leaves_the_other_branch_s_table_and_says_so(repo: Checkout) -> None:
    on_main(repo)
    assert repo.branchmig("stamp", "--purge", "base1").exit_code == 0
    assert repo.branchmig("upgrade", "head").exit_code == 0
    assert (repo.rows(), tables(repo)) == (["main1"], ["t_base1", "t_feat1", "t_main1"])


def test_e_a_plan_says_that_its_run_would_be_refused(repo: Checkout) -> None:
    rebased(repo)
    told = (
        "warning: a run would be refused: revision 'main1' (migrations/versions/main1.py) was never applied, but a "
        "revision above it is\n"
    )
    result = repo.branchmig("upgrade", "heads", "--plan")
    assert (result.exit_code, result.stderr) == (0, told)
    assert repo.branchmig("upgrade", "heads", "--plan", "--from", "base1").stderr == ""


def test_e_a_fleet_does_not_take_a_target_with_a_skipped_revision_for_right(repo: Checkout) -> None:
    rebased(repo)
    (repo.root / "targets.csv").write_text(f"name,url\none,{repo.url}\n")
    result = repo.branchmig("-q", "fleet", "upgrade", "heads", "--targets", "targets.csv")
    assert result.exit_code == 1
    assert "main1 was never applied, but a revision above it is" in result.stdout
