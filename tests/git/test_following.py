"""What the hooks do about the database when the checkout moves: tell, bring it along, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.repositories import ROOT, Checkout

if TYPE_CHECKING:
    from pathlib import Path


HAS_FEAT1 = "has feat1, which this checkout does not have; to update it: branchmig sync\n"
TELL = f"branchmig: the database lacks main1 and {HAS_FEAT1}"


def project(tmp_path: Path, *settings: str) -> Checkout:
    """base1 - main1 on main; base1 - feat1 on feature, checked out and applied; hooks installed."""
    repo = Checkout(tmp_path / "repo")
    repo.environment["PYTHONPATH"] = str(ROOT)
    (repo.top / ".gitignore").write_text("__pycache__\n*.db*\n")
    ini = repo.root / "alembic.ini"
    ini.write_text("\n".join([ini.read_text(), "[branchmig]", *settings, ""]))
    for key, _, value in (setting.partition(" = ") for setting in settings if setting.startswith("sync")):
        repo.git("config", f"branchmig.{key.replace('_b', 'B')}", value)
    repo.table("base1")
    repo.commit("base")
    repo.git("branch", "feature")
    repo.table("main1", "base1")
    repo.commit("main")
    repo.git("switch", "--quiet", "feature")
    repo.table("feat1", "base1")
    repo.commit("feature")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    assert repo.branchmig("hooks", "install").exit_code == 0
    return repo


def test_by_default_one_line_names_what_is_to_be_done(tmp_path: Path) -> None:
    repo = project(tmp_path)
    assert repo.run("switch", "main").stderr == f"Switched to branch 'main'\n{TELL}"
    assert repo.rows() == ["feat1"]
    assert repo.run("switch", "feature").stderr == "Switched to branch 'feature'\n"
    assert TELL in repo.run("switch", "main").stderr


def test_nothing_is_said_where_the_database_is_right(tmp_path: Path) -> None:
    """On main when the database is main's; after a pull whose revisions it has; after a change of comments."""
    repo = project(tmp_path)
    assert repo.branchmig("sync", "--yes").exit_code == 0
    repo.git("switch", "--quiet", "main")
    assert repo.branchmig("sync", "--yes").exit_code == 0
    assert repo.run("switch", "feature").stderr.endswith(
        "branchmig: the database lacks feat1 and has main1, which this checkout does not have; "
        "to update it: branchmig sync\n"
    )
    assert repo.run("switch", "main").stderr == "Switched to branch 'main'\n"
    repo.git("switch", "--quiet", "--create", "next")
    path = repo.table("next1", "main1")
    repo.commit()
    assert repo.branchmig("upgrade", "head").exit_code == 0
    repo.git("switch", "--quiet", "main")
    assert repo.run("merge", "--ff-only", "--quiet", "next").stderr == ""
    path.write_text(f"# a comment\n{path.read_text()}")
    repo.commit()
    assert repo.run("switch", "next").stderr == "Switched to branch 'next'\n"
    path.write_text(path.read_text().replace("'id'", "'key'"))
    repo.commit()
    assert "branchmig: the database has another version of next1; to update it" in repo.run("switch", "main").stderr


def test_without_a_note_of_the_database_the_revisions_that_came_and_went_are_named(tmp_path: Path) -> None:
    repo = project(tmp_path)
    (repo.top / ".git" / "branchmig" / "rows.json").unlink()
    assert repo.run("switch", "main").stderr.endswith(
        "branchmig: this checkout adds main1 and lacks feat1; to update the database: branchmig sync\n"
    )
    for number in range(5):
        repo.table(f"more{number}", f"more{number - 1}" if number else "main1")
    repo.commit()
    repo.git("branch", "old", "HEAD~1")
    assert (
        "this checkout lacks more0, more1, more2 and 2 more; to revert it in a database that has it: branchmig sync"
        in repo.run("switch", "old").stderr
    )
    repo.git("switch", "--quiet", "main")
    assert repo.run("switch", "old").stderr == "Switched to branch 'old'\n"


def test_nothing_is_told_where_it_is_switched_off(tmp_path: Path) -> None:
    repo = project(tmp_path, "sync = off")
    assert repo.run("switch", "main").stderr == "Switched to branch 'main'\n"


@pytest.fixture
def auto(tmp_path: Path) -> Checkout:
    return project(tmp_path, "sync = auto")


def test_a_plain_switch_brings_the_database_along(auto: Checkout) -> None:
    done = auto.run("switch", "main")
    assert done.stderr == (
        "Switched to branch 'main'\n"
        "branchmig: Reverted 1 revision, applied 1; the database is at main1. Gone: table t_feat1 (0 rows).\n"
    )
    assert (done.returncode, auto.rows(), auto.tables()) == (0, ["main1"], ["t_base1", "t_main1"])
    auto.run("switch", "feature")
    assert (auto.rows(), auto.tables()) == (["feat1"], ["t_base1", "t_feat1"])


def test_a_merge_brings_the_database_along(auto: Checkout) -> None:
    auto.git("switch", "--quiet", "main")
    auto.git("switch", "--quiet", "--create", "next")
    auto.table("next1", "main1")
    auto.commit()
    auto.git("switch", "--quiet", "main")
    auto.git("merge", "--quiet", "--ff-only", "next")
    assert auto.rows() == ["next1"]


@pytest.mark.heavy
@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_a_rebase_brings_the_database_along_at_its_end_and_never_in_its_middle(auto: Checkout, backend: str) -> None:
    for branch, text in (("main", "one"), ("feature", "two")):
        auto.git("switch", "--quiet", branch)
        (auto.top / "notes.txt").write_text(text)
        auto.commit()
    assert auto.rows() == ["feat1"]
    assert auto.run("rebase", backend, "main").returncode == 1
    assert (auto.rows(), auto.tables()) == (["feat1"], ["t_base1", "t_feat1"])
    (auto.top / "notes.txt").write_text("both")
    auto.git("add", ".")
    auto.run("-c", "core.editor=true", "rebase", "--continue")
    assert (auto.rows(), auto.tables()) == (["feat1", "main1"], ["t_base1", "t_feat1", "t_main1"])


def bisected(repo: Checkout) -> list[object]:
    """Bisect main, of four commits with a revision each, and return the rows at each step."""
    repo.git("switch", "--quiet", "main")
    for number in range(2, 6):
        repo.table(f"main{number}", f"main{number - 1}")
        repo.commit()
    assert repo.branchmig("upgrade", "head").exit_code == 0
    seen = []
    repo.git("bisect", "start", "HEAD", "main~4")
    while repo.run("rev-parse", "--verify", "--quiet", "BISECT_HEAD").returncode:
        head = repo.branchmig("heads").lines[0].split(" ")[0]
        seen.append((head, repo.rows()))
        if "is the first bad commit" in repo.run("bisect", "good").stdout:
            break
    return seen


def test_a_bisect_leaves_the_database_alone(auto: Checkout) -> None:
    seen = bisected(auto)
    assert len(seen) > 1
    assert {tuple(rows) for _, rows in seen} == {("main5",)}  # type: ignore[arg-type]


def test_a_bisect_can_be_followed(tmp_path: Path) -> None:
    seen = bisected(project(tmp_path, "sync = auto", "sync_bisect = true"))
    assert len(seen) > 1
    assert all(rows == [head] for head, rows in seen)  # type: ignore[misc]


def test_what_cannot_be_undone_is_told_and_git_goes_on(auto: Checkout) -> None:
    auto.revision("feat2", "feat1", upgrade="op.execute('SELECT 1')", downgrade="pass")
    auto.commit()
    assert auto.branchmig("upgrade", "head").exit_code == 0
    commit = auto.git("rev-parse", "--short=10", "HEAD")
    done = auto.run("switch", "main")
    assert (done.returncode, done.stderr) == (
        0,
        "Switched to branch 'main'\n"
        "branchmig: the database was not updated: revision 'feat2' must be undone, and has an empty downgrade(): "
        f"{commit}:migrations/versions/feat2.py\n"
        "hint: to continue and leave its changes in the database: --allow-empty\n",
    )
    assert auto.rows() == ["feat2"]


def test_two_work_trees_on_one_database_do_not_pull_it_to_and_fro(auto: Checkout, tmp_path: Path) -> None:
    """The second work tree's settings name the first one's database."""
    linked = tmp_path / "linked"
    auto.git("worktree", "add", "--quiet", "-b", "topic", str(linked), "feature~1")
    ini = linked / "alembic.ini"
    ini.write_text(ini.read_text().replace("%(here)s/app.db", auto.url))
    done = auto.run("switch", "--create", "look", "main", cwd=linked)
    assert done.stderr.splitlines()[-2:] == [
        f"branchmig: the database was not updated: revision 'feat1' belongs to feature, which is checked out in "
        f"{auto.top}",
        "hint: give each work tree its own database, or update this one by hand: branchmig sync",
    ]
    assert auto.rows() == ["feat1"]


def test_each_work_tree_has_its_own_database_where_the_settings_say_so(auto: Checkout, tmp_path: Path) -> None:
    ini = auto.root / "alembic.ini"
    ini.write_text(ini.read_text().replace(auto.url, "sqlite:///%(here)s/app.db"))
    auto.commit("the database lies beside the settings")
    linked = tmp_path / "linked"
    auto.git("worktree", "add", "--quiet", "-b", "topic", str(linked), "feature~1")
    (linked / "alembic.ini").write_text(ini.read_text())
    auto.git("switch", "--quiet", "--create", "look", "main", cwd=linked)
    own = Checkout.copy(auto, tmp_path / "unused")
    own.url = f"sqlite:///{linked / 'app.db'}"
    assert (auto.rows(), own.rows()) == (["feat1"], ["main1"])


def test_looking_at_an_old_commit_undoes_nothing(auto: Checkout) -> None:
    assert HAS_FEAT1 in auto.run("switch", "--detach", "main~1").stderr
    assert auto.rows() == ["feat1"]


def test_an_amended_script_is_followed(auto: Checkout) -> None:
    path = auto.versions / "feat1.py"
    path.write_text(path.read_text().replace("t_feat1", "t_other"))
    auto.git("add", ".")
    done = auto.run("commit", "--quiet", "--amend", "--no-edit")
    assert "branchmig: Reverted 1 revision, applied 1; the database is at feat1. Gone: table t_feat1 (0 rows).\n" in (
        done.stderr
    )
    assert auto.tables() == ["t_base1", "t_other"]
