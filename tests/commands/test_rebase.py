from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import ProjectFolder, git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repositories import Checkout


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> ProjectFolder:
    """aaa1 - mmm2 (main); aaa1 - xxx1 - yyy2 (feature, checked out, main not merged)."""
    return forked(ProjectFolder(tmp_path / "project", database_url))


@pytest.fixture
def on_sqlite(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    return forked(ProjectFolder(tmp_path / "project", sqlite_url))


def forked(project: ProjectFolder) -> ProjectFolder:
    root = project.root
    (root / ".gitignore").write_text("__pycache__\n*.db\n")
    git("init", "-q", "-b", "main", cwd=root)
    project.table("aaa1")
    commit(project, "base")
    git("switch", "-q", "-c", "feature", cwd=root)
    project.table("xxx1", "aaa1")
    project.table("yyy2", "xxx1")
    commit(project, "feature")
    git("switch", "-q", "main", cwd=root)
    project.table("mmm2", "aaa1")
    commit(project, "main")
    git("switch", "-q", "feature", cwd=root)
    return project


def commit(project: ProjectFolder, message: str) -> None:
    git("add", "-A", cwd=project.root)
    git("commit", "-q", "-m", message, cwd=project.root)


def header(project: ProjectFolder, revision: str) -> list[str]:
    text = (project.versions / f"{revision}.py").read_text()
    return [line for line in text.splitlines() if line.startswith(("Revises:", "down_revision"))]


def test_before_a_git_merge_it_says_what_to_bring_in(on_sqlite: ProjectFolder) -> None:
    result = on_sqlite.branchmig("rebase")
    assert (result.exit_code, result.stderr) == (
        3,
        "error: main's head 'mmm2' is not in this checkout\n"
        "hint:  merge it first: git merge main, or git rebase main\n",
    )


@pytest.mark.parametrize("how", ["merged", "in a merge", "rebased", "in a rebase"])
def test_it_works_after_and_in_the_middle_of_a_git_merge_and_rebase(on_sqlite: ProjectFolder, how: str) -> None:
    root = on_sqlite.root
    if how == "merged":
        git("merge", "-q", "--no-edit", "main", cwd=root)
    elif how == "in a merge":
        git("merge", "-q", "--no-commit", "main", cwd=root)
    elif how == "rebased":
        git("rebase", "-q", "main", cwd=root)
    else:
        # ours and theirs are swapped here: HEAD is main's
        (root / "clash.txt").write_text("feature")
        commit(on_sqlite, "clash")
        git("switch", "-q", "main", cwd=root)
        (root / "clash.txt").write_text("main")
        commit(on_sqlite, "clash")
        git("switch", "-q", "feature", cwd=root)
        with pytest.raises(Exception, match="rebase"):
            git("rebase", "-q", "main", cwd=root)
    assert on_sqlite.branchmig("heads").lines == ["mmm2 (head)", "yyy2 (head)"]
    result = on_sqlite.branchmig("rebase")
    assert (result.exit_code, result.stderr) == (
        0,
        "Rebased 2 revisions onto mmm2:\n  migrations/versions/xxx1.py: down_revision mmm2\n",
    )
    assert header(on_sqlite, "xxx1") == ["Revises: mmm2", "down_revision = 'mmm2'"]
    assert header(on_sqlite, "yyy2") == ["Revises: xxx1", "down_revision = 'xxx1'"]
    assert on_sqlite.branchmig("heads").lines == ["yyy2 (head)"]
    again = on_sqlite.branchmig("rebase")
    assert again.stderr == "Nothing to rebase: this branch's revisions are already on top of mmm2.\n"


def test_alembic_runs_what_it_wrote_as_if_written_after_the_other(project: ProjectFolder) -> None:
    git("merge", "-q", "--no-edit", "main", cwd=project.root)
    assert project.branchmig("rebase").exit_code == 0
    assert project.alembic("upgrade", "head").exit_code == 0
    assert (project.rows(), project.tables()) == (["yyy2"], ["t_aaa1", "t_mmm2", "t_xxx1", "t_yyy2"])
    assert project.alembic("downgrade", "-2").exit_code == 0
    assert project.rows() == ["mmm2"]


def test_a_dry_run_shows_the_diff_and_changes_nothing(on_sqlite: ProjectFolder) -> None:
    git("merge", "-q", "--no-edit", "main", cwd=on_sqlite.root)
    before = (on_sqlite.versions / "xxx1.py").read_bytes()
    result = on_sqlite.branchmig("rebase", "--dry-run")
    assert result.exit_code == 0
    assert [line for line in result.lines if line[:1] in "+-"] == [
        "--- a/migrations/versions/xxx1.py",
        "+++ b/migrations/versions/xxx1.py",
        "-Revises: aaa1",
        "+Revises: mmm2",
        "-down_revision = 'aaa1'",
        "+down_revision = 'mmm2'",
    ]
    assert (on_sqlite.versions / "xxx1.py").read_bytes() == before


def test_uncommitted_files_move_and_stay_as_staged_as_they_were(on_sqlite: ProjectFolder) -> None:
    git("merge", "-q", "--no-edit", "main", cwd=on_sqlite.root)
    on_sqlite.table("stg1", "aaa1")
    git("add", "migrations/versions/stg1.py", cwd=on_sqlite.root)
    on_sqlite.table("new1", "aaa1")
    (on_sqlite.root / "other.txt").write_text("mine")
    assert on_sqlite.branchmig("rebase").exit_code == 0
    assert git("status", "--porcelain", cwd=on_sqlite.root).splitlines() == [
        "A  migrations/versions/stg1.py",
        " M migrations/versions/xxx1.py",
        "?? migrations/versions/new1.py",
        "?? other.txt",
    ]
    assert header(on_sqlite, "new1") == ["Revises: mmm2", "down_revision = 'mmm2'"]
    assert "down_revision = 'mmm2'" in git("show", ":migrations/versions/stg1.py", cwd=on_sqlite.root)


def test_what_the_database_has_applied_does_not_move(project: ProjectFolder) -> None:
    assert project.branchmig("upgrade", "heads").exit_code == 0
    git("merge", "-q", "--no-edit", "main", cwd=project.root)
    before = (project.versions / "xxx1.py").read_bytes()
    result = project.branchmig("rebase")
    assert (result.exit_code, result.stderr) == (
        3,
        "error: the database has applied xxx1, yyy2, which would move: the revisions then below them would "
        "never run there\n"
        "hint:  join the lines with 'branchmig merge' instead, or revert them and apply them again: "
        "branchmig rebase --sync\n",
    )
    assert ((project.versions / "xxx1.py").read_bytes(), project.rows()) == (before, ["yyy2"])


@pytest.mark.heavy
def test_sync_takes_down_and_up_only_with_a_yes(project: ProjectFolder) -> None:
    assert project.branchmig("upgrade", "heads").exit_code == 0
    git("merge", "-q", "--no-edit", "main", cwd=project.root)
    asked = project.branchmig("rebase", "--sync")
    assert (asked.exit_code, project.rows()) == (1, ["yyy2"])
    assert asked.stderr == (
        "These revisions will be reverted, rebased onto mmm2, and applied again:\n  yyy2  step yyy2\n"
        "  xxx1  step xxx1\n"
        "  destroys table t_yyy2 (0 rows), table t_xxx1 (0 rows)\n"
        "error: nothing was changed: there is no terminal to ask for a yes\n"
        "hint:  to go on without being asked: --sync --yes\n"
    )
    done = project.branchmig("rebase", "--sync", "--yes")
    assert done.exit_code == 0, done.stderr
    assert done.stderr.endswith("Reverted and applied again; the database is at yyy2.\n")
    assert (project.rows(), project.tables()) == (["yyy2"], ["t_aaa1", "t_mmm2", "t_xxx1", "t_yyy2"])


def test_offline_asks_no_database_and_says_so(on_sqlite: ProjectFolder) -> None:
    git("merge", "-q", "--no-edit", "main", cwd=on_sqlite.root)
    on_sqlite.write_env("raise SystemError('connected')")
    assert on_sqlite.branchmig("rebase").exit_code == 3
    result = on_sqlite.branchmig("rebase", "--offline")
    assert result.exit_code == 0
    assert result.stderr.endswith(
        "warning: no database was asked: a database that has applied them will not run the revisions that are below "
        "them now\n"
    )


def test_a_file_in_conflict_is_named(on_sqlite: ProjectFolder) -> None:
    root = on_sqlite.root
    for branch in ("feature", "main"):
        git("switch", "-q", branch, cwd=root)
        on_sqlite.table("both", "aaa1", message=branch)
        commit(on_sqlite, "both")
    git("switch", "-q", "feature", cwd=root)
    for style in ("merge", "zdiff3"):
        with pytest.raises(Exception, match="merge"):
            git("-c", f"merge.conflictStyle={style}", "-c", "rerere.enabled=true", "merge", "-q", "main", cwd=root)
        result = on_sqlite.branchmig("rebase")
        assert result.exit_code == 3
        assert "migrations/versions/both.py" in result.stderr
        git("merge", "--abort", cwd=root)


def test_onto_takes_another_branch(on_sqlite: ProjectFolder) -> None:
    git("branch", "release", "main", cwd=on_sqlite.root)
    git("merge", "-q", "--no-edit", "release", cwd=on_sqlite.root)
    result = on_sqlite.branchmig("rebase", "--onto", "release")
    assert result.stderr.startswith("Rebased 2 revisions onto mmm2:\n")
    assert on_sqlite.branchmig("rebase", "--onto", "nope").stderr == (
        "error: git knows no ref or commit 'nope'\nhint:  git fetch, or see 'git branch --all'\n"
    )


def test_what_others_hold_does_not_move(parted: Checkout) -> None:
    """A tag, another local branch, a remote's branch of another name; the branch's own remote copies are its own."""
    parted.git("merge", "--quiet", "--no-commit", "main")
    feature = parted.git("rev-parse", "feature")
    for ref in ("refs/remotes/origin/feature", "refs/remotes/fork/feature"):
        parted.git("update-ref", ref, feature)
    assert parted.branchmig("rebase", "--dry-run", "--offline").exit_code == 0
    for ref, name in {
        "refs/tags/v1": "v1",
        "refs/heads/release": "release",
        "refs/remotes/origin/release/2": "origin/release/2",
    }.items():
        parted.git("update-ref", ref, feature)
        refused = parted.branchmig("rebase", "--offline")
        assert (refused.exit_code, f"would move, and {name} has it, too" in refused.stderr) == (3, True)
        assert parted.branchmig("rebase", "--dry-run", "--offline", "--force").exit_code == 0
        parted.git("update-ref", "-d", ref)


@pytest.mark.parametrize("holder", [None, "refs/tags/v1", "refs/heads/release"])
def test_guard_offers_a_rebase_only_where_it_would_not_be_refused(parted: Checkout, holder: str | None) -> None:
    parted.git("merge", "--quiet", "--no-commit", "main")
    if holder:
        parted.git("update-ref", holder, "feature")
    told = parted.branchmig("guard").stdout
    assert "hint: join them: branchmig merge" in told
    assert ("branchmig rebase" in told) == (holder is None)
    assert parted.branchmig("rebase", "--offline").exit_code == (3 if holder else 0)


def test_guard_offers_no_rebase_on_the_target_itself(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "main")
    parted.git("merge", "--quiet", "feature")
    assert "branchmig rebase" not in parted.branchmig("guard").stdout
    assert "branchmig rebase" in parted.branchmig("guard", "--at", "feature", "--merged-with", "main").stdout


@pytest.fixture
def squashed(on_sqlite: ProjectFolder) -> ProjectFolder:
    """Main has squashed aaa1 and mmm2 into mmm2; feature, which stands on aaa1, has merged that."""
    root = on_sqlite.root
    git("switch", "-q", "main", cwd=root)
    assert on_sqlite.branchmig("squash", "base..mmm2").exit_code == 0
    commit(on_sqlite, "squash")
    git("switch", "-q", "feature", cwd=root)
    return on_sqlite


def test_a_revision_whose_parent_was_squashed_goes_on_top_of_the_squash(squashed: ProjectFolder) -> None:
    squashed.branchmig("upgrade", "aaa1")
    git("merge", "-q", "--no-edit", "main", cwd=squashed.root)
    [hint] = [line for line in squashed.branchmig("heads").stderr.splitlines() if line.startswith("hint:")]
    assert hint == "hint:  revision 'mmm2' replaces it: branchmig rebase; or write 'mmm2' in the place of 'aaa1'"
    planned = squashed.branchmig("rebase", "--plan")
    assert "+down_revision = 'mmm2'" in planned.stdout
    assert header(squashed, "xxx1") == ["Revises: aaa1", "down_revision = 'aaa1'"]
    done = squashed.branchmig("rebase")
    assert (done.exit_code, done.stderr) == (
        0,
        "Rebased 2 revisions onto mmm2:\n  migrations/versions/xxx1.py: down_revision mmm2\n",
    )
    assert header(squashed, "xxx1") == ["Revises: mmm2", "down_revision = 'mmm2'"]
    assert squashed.branchmig("rebase").stderr == (
        "Nothing to rebase: this branch's revisions are already on top of mmm2.\n"
    )
    assert squashed.branchmig("upgrade", "heads").exit_code == 0
    assert (squashed.rows(), squashed.tables()) == (["yyy2"], ["t_aaa1", "t_mmm2", "t_xxx1", "t_yyy2"])


def test_what_is_applied_does_not_move_onto_a_squash(squashed: ProjectFolder) -> None:
    squashed.branchmig("upgrade", "heads")
    git("merge", "-q", "--no-edit", "main", cwd=squashed.root)
    for words in ((), ("--sync", "--yes")):
        refused = squashed.branchmig("rebase", *words)
        assert (refused.exit_code, refused.stderr) == (
            3,
            "error: the database has applied xxx1, yyy2, on revisions that a squash has replaced since\n"
            "hint:  revert them where their old parents are, on the commit before the merge: branchmig downgrade\n",
        )
    assert header(squashed, "xxx1") == ["Revises: aaa1", "down_revision = 'aaa1'"]
    assert squashed.rows() == ["yyy2"]


def test_a_missing_parent_that_no_squash_replaces_stays_an_error(on_sqlite: ProjectFolder) -> None:
    on_sqlite.revision("zzz1", "lost")
    refused = on_sqlite.branchmig("rebase")
    assert (refused.exit_code, "down_revision 'lost' of revision 'zzz1' does not exist" in refused.stderr) == (3, True)


COLUMN = "op.add_column('users', sa.Column('vip', sa.Integer))"


def test_scripts_that_fail_in_either_order_are_to_be_edited(parted: Checkout) -> None:
    """Neither merge nor rebase can cure them: no hint leads from the one to the other."""
    parted.revision("ccc4", "ccc3", upgrade=COLUMN)
    parted.commit()
    parted.git("switch", "--quiet", "main")
    parted.revision("bbb3", "bbb2", upgrade=COLUMN)
    parted.commit()
    parted.git("switch", "--quiet", "feature")
    parted.git("merge", "--quiet", "--no-commit", "main")
    way_out = "edit migrations/versions/ccc4.py:18, which main does not have: no order of the two works"
    status = parted.branchmig("status", "--no-db").stdout
    assert f"  -> their scripts collide over column users.vip: {way_out}\n" in status
    assert "once main is merged in" not in status
    assert f"hint: their scripts collide over column users.vip: {way_out}\n" in parted.branchmig("guard").stdout
    merge = parted.branchmig("merge")
    assert (merge.exit_code, merge.stderr.splitlines()[-1]) == (
        1,
        f"hint:  {way_out}; to join them all the same: --force",
    )
    told = parted.branchmig("rebase", "--offline")
    assert told.stderr.startswith(
        f"warning: the scripts collide over column users.vip, and a rebase does not change that: {way_out}\n"
    )


def test_scripts_of_which_one_order_works_can_be_rebased(parted: Checkout) -> None:
    parted.revision("ccc4", "ccc3", upgrade="op.drop_table('users')")
    parted.commit()
    parted.git("switch", "--quiet", "main")
    parted.revision("bbb3", "bbb2", upgrade=COLUMN)
    parted.commit()
    parted.git("switch", "--quiet", "feature")
    parted.git("merge", "--quiet", "--no-commit", "main")
    hint = parted.branchmig("merge").stderr.splitlines()[-1]
    assert hint == (
        "hint:  edit migrations/versions/ccc4.py:18, which main does not have; or put yours on top: branchmig rebase; "
        "to join them all the same: --force"
    )
    assert parted.branchmig("rebase", "--offline").stderr.startswith("Rebased ")
