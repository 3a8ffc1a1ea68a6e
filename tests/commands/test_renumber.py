"""Two branches with one id: `branchmig rebase --renumber` on real git, beside alembic."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import ProjectFolder, git

if TYPE_CHECKING:
    from pathlib import Path


def commit(project: ProjectFolder, message: str) -> None:
    git("add", "-A", cwd=project.root)
    git("commit", "-q", "-m", message, cwd=project.root)


def table(project: ProjectFolder, name: str, revision: str, parent: str | None, made: str, **more: str) -> None:
    text = (
        f'"""{more.get("message", made)}\n\nRevision ID: {revision}\nRevises: {parent or ""}\n'
        f'Create Date: 2026-01-02 03:04:05\n\n"""\nfrom alembic import op\nimport sqlalchemy as sa\n\n'
        f"revision = {revision!r}\ndown_revision = {more.get('down', repr(parent))}\nbranch_labels = None\n"
        f"depends_on = {more.get('depends_on', 'None')}\n\n\n"
        f"def upgrade():\n    op.create_table({made!r}, sa.Column('id', sa.Integer))\n{more.get('body', '')}\n\n"
        f"def downgrade():\n    op.drop_table({made!r})\n"
    )
    (project.versions / name).write_text(text)


def numbered(folder: Path, url: str) -> ProjectFolder:
    """0001 - 0002 (main); 0001 - 0002 - 0003 (feature, checked out): one id on two branches."""
    project = ProjectFolder(folder / "project", url)
    (project.root / ".gitignore").write_text("__pycache__\n*.db\n")
    git("init", "-q", "-b", "main", cwd=project.root)
    table(project, "0001_base.py", "0001", None, "base")
    commit(project, "base")
    git("switch", "-q", "-c", "feature", cwd=project.root)
    table(project, "0002_mine.py", "0002", "0001", "mine")
    table(project, "0003_more.py", "0003", "0002", "more")
    commit(project, "feature")
    git("switch", "-q", "main", cwd=project.root)
    table(project, "0002_theirs.py", "0002", "0001", "theirs")
    commit(project, "main")
    git("switch", "-q", "feature", cwd=project.root)
    return project


@pytest.fixture
def project(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    return numbered(tmp_path, sqlite_url)


def files(project: ProjectFolder) -> list[str]:
    return sorted(path.name for path in project.versions.glob("*.py"))


def test_before_the_merge_ids_change_and_parents_stay(project: ProjectFolder) -> None:
    result = project.branchmig("rebase", "--renumber")
    assert (result.exit_code, result.stderr) == (
        0,
        "Renumbered 2 revisions:\n"
        "  0002 -> 0003  migrations/versions/0002_mine.py -> migrations/versions/0003_mine.py: down_revision 0001\n"
        "  0003 -> 0004  migrations/versions/0003_more.py -> migrations/versions/0004_more.py: down_revision 0003\n"
        "main's head is not in this checkout, so the parents stay: after git merge main, run branchmig rebase\n",
    )
    assert git("status", "--porcelain", cwd=project.root).splitlines() == [
        " R migrations/versions/0002_mine.py -> migrations/versions/0003_mine.py",
        " R migrations/versions/0003_more.py -> migrations/versions/0004_more.py",
    ]
    assert "nothing to renumber" in project.branchmig("rebase", "--renumber").stderr.lower()
    git("commit", "-q", "-a", "-m", "renumber", cwd=project.root)
    git("merge", "-q", "--no-edit", "main", cwd=project.root)
    assert project.branchmig("rebase").exit_code == 0
    assert project.alembic("heads").lines == ["0004 (head)"]
    assert project.alembic("upgrade", "head").exit_code == 0
    assert (project.rows(), project.tables()) == (["0004"], ["base", "mine", "more", "theirs"])


@pytest.mark.parametrize("how", ["merged", "in a merge", "rebased"])
def test_after_and_in_the_middle_of_a_merge_both_files_keep_their_place(project: ProjectFolder, how: str) -> None:
    words = {
        "merged": ("merge", "-q", "--no-edit"),
        "in a merge": ("merge", "-q", "--no-commit"),
        "rebased": ("rebase", "-q"),
    }[how]
    git(*words, "main", cwd=project.root)
    theirs = (project.versions / "0002_theirs.py").read_bytes()
    planned = project.branchmig("rebase", "--renumber", "--dry-run")
    assert planned.exit_code == 0, planned.stderr
    assert "rename from migrations/versions/0002_mine.py" in planned.lines
    assert [line for line in planned.lines if line[:1] in "+-"] == [
        "--- a/migrations/versions/0002_mine.py",
        "+++ b/migrations/versions/0003_mine.py",
        "-Revision ID: 0002",
        "-Revises: 0001",
        "+Revision ID: 0003",
        "+Revises: 0002",
        "-revision = '0002'",
        "-down_revision = '0001'",
        "+revision = '0003'",
        "+down_revision = '0002'",
        "--- a/migrations/versions/0003_more.py",
        "+++ b/migrations/versions/0004_more.py",
        "-Revision ID: 0003",
        "-Revises: 0002",
        "+Revision ID: 0004",
        "+Revises: 0003",
        "-revision = '0003'",
        "-down_revision = '0002'",
        "+revision = '0004'",
        "+down_revision = '0003'",
    ]
    assert files(project) == ["0001_base.py", "0002_mine.py", "0002_theirs.py", "0003_more.py"]
    result = project.branchmig("rebase", "--renumber")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.startswith("Renumbered 2 revisions, onto 0002:\n")
    assert files(project) == ["0001_base.py", "0002_theirs.py", "0003_mine.py", "0004_more.py"]
    assert (project.versions / "0002_theirs.py").read_bytes() == theirs
    assert [line.split(",")[0] for line in project.alembic("history").lines] == [
        "0003 -> 0004 (head)",
        "0002 -> 0003",
        "0001 -> 0002",
        "<base> -> 0001",
    ]
    assert project.branchmig("heads").lines == project.alembic("heads").lines == ["0004 (head)"]
    assert "Nothing to renumber" in project.branchmig("rebase", "--renumber").stderr


def test_a_conflict_of_two_files_of_one_name_is_explained_and_the_hint_works(project: ProjectFolder) -> None:
    root = project.root
    for branch, made in (("main", "theirs"), ("feature", "mine")):
        git("switch", "-q", branch, cwd=root)
        git("mv", f"migrations/versions/0002_{made}.py", "migrations/versions/0002_add.py", cwd=root)
        commit(project, "one name")
    ahead = project.branchmig("rebase", "--renumber", "--dry-run")
    assert ahead.exit_code == 0, ahead.stderr
    with pytest.raises(Exception, match="merge"):
        git("merge", "-q", "main", cwd=root)
    refused = project.branchmig("rebase", "--renumber")
    assert refused.exit_code == 3
    assert refused.stderr.startswith(
        "error: migrations/versions/0002_add.py is in conflict: main and this branch have each added a revision under "
        "this file name\nhint:  keep both, then renumber: git show :2:./migrations/versions/0002_add.py > "
    )
    for command in refused.stderr.partition("renumber: ")[2].strip().split("; ")[:3]:
        subprocess.run(command, shell=True, cwd=root, check=True)
    done = project.branchmig("rebase", "--renumber")
    assert done.exit_code == 0, done.stderr
    assert files(project) == ["0001_base.py", "0002_add.py", "0003_add_own.py", "0004_more.py"]
    assert project.alembic("heads").lines == ["0004 (head)"]
    assert "create_table('theirs'" in (project.versions / "0002_add.py").read_text()


def test_in_a_rebase_with_more_to_come_it_waits_for_the_end(project: ProjectFolder) -> None:
    root = project.root
    for branch, made in (("main", "theirs"), ("feature", "mine")):
        git("switch", "-q", branch, cwd=root)
        git("mv", f"migrations/versions/0002_{made}.py", "migrations/versions/0002_add.py", cwd=root)
        git("commit", "-q", "--amend", "-a", "-m", "one name", cwd=root)
    table(project, "0004_last.py", "0004", "0003", "last")
    commit(project, "last")
    with pytest.raises(Exception, match="rebase"):
        git("rebase", "-q", "main", cwd=root)
    refused = project.branchmig("rebase", "--renumber")
    assert "git show :3:./migrations/versions/0002_add.py" in refused.stderr
    commands = refused.stderr.partition("renumber: ")[2].strip().split("; ")
    for command in commands[:3]:
        subprocess.run(command, shell=True, cwd=root, check=True)
    waiting = project.branchmig("rebase", "--renumber")
    assert (waiting.exit_code, waiting.stderr) == (
        3,
        "error: the git rebase in progress has not added yet 0004\n"
        "hint:  finish it first: git rebase --continue; then: branchmig rebase --renumber\n",
    )
    assert commands[3:] == ["git rebase --continue", "branchmig rebase --renumber"]
    subprocess.run(commands[3], shell=True, cwd=root, check=True, env={**os.environ, "GIT_EDITOR": "true"})
    assert project.branchmig("rebase", "--renumber").exit_code == 0
    assert project.alembic("heads").lines == ["0005 (head)"]
    assert project.alembic("upgrade", "head").exit_code == 0


@pytest.mark.heavy
def test_what_a_database_has_applied_follows_only_with_sync(database_url: str, tmp_path: Path) -> None:
    project = numbered(tmp_path, database_url)
    with open(project.root / "alembic.ini", "a") as ini:
        ini.write("\n[branchmig]\njournal = true\n")
    assert project.branchmig("upgrade", "head").exit_code == 0
    refused = project.branchmig("rebase", "--renumber")
    assert (refused.exit_code, refused.stderr) == (
        3,
        "error: the database has applied 0002, 0003, which would get other ids\n"
        "hint:  let the database follow, which sets its version rows: branchmig rebase --renumber --sync\n",
    )
    assert files(project) == ["0001_base.py", "0002_mine.py", "0003_more.py"]
    done = project.branchmig("rebase", "--renumber", "--sync")
    assert done.exit_code == 0, done.stderr
    assert done.stderr.startswith("Set the version rows of the database; it is at 0004.\n")
    assert (project.rows(), set(project.tables()) >= {"base", "mine", "more"}) == (["0004"], True)
    status = json.loads(project.branchmig("status", "--format", "json").stdout)["database"]
    assert (status["heads"], status["edited"], status["skipped"], status["orphans"]) == (["0004"], [], [], [])
    audit = [
        (entry["revision"], entry["direction"])
        for entry in json.loads(project.branchmig("audit", "--format", "json").stdout)["entries"]
    ]
    assert sorted(audit[:4]) == [("0002", "unstamp"), ("0003", "stamp"), ("0003", "unstamp"), ("0004", "stamp")]
    commit(project, "renumber")
    git("merge", "-q", "--no-edit", "main", cwd=project.root)
    # now other revisions are below: down and up again
    asked = project.branchmig("rebase", "--sync", "--yes")
    assert asked.exit_code == 0, asked.stderr
    assert project.rows() == ["0004"]
    assert project.alembic("current").lines == ["0004 (head)"]


def test_with_sync_after_the_merge_the_database_goes_down_and_up(project: ProjectFolder) -> None:
    assert project.branchmig("upgrade", "head").exit_code == 0
    git("merge", "-q", "--no-edit", "main", cwd=project.root)
    assert project.branchmig("rebase", "--renumber").exit_code == 3
    asked = project.branchmig("rebase", "--renumber", "--sync")
    assert (asked.exit_code, project.rows(), "0002_mine.py" in files(project)) == (1, ["0003"], True)
    done = project.branchmig("rebase", "--renumber", "--sync", "--yes")
    assert done.exit_code == 0, done.stderr
    assert (project.rows(), project.tables()) == (["0004"], ["base", "mine", "more", "theirs"])
    assert project.alembic("current").lines == ["0004 (head)"]


def test_names_follow_the_template_and_what_cannot_be_rewritten_is_refused(project: ProjectFolder) -> None:
    """One repository: a dated template, a depends_on, a hand-made name, text that stays, a computed header, a tag."""
    root = project.root
    ini = root / "alembic.ini"
    ini.write_text(
        ini.read_text().replace(
            "[alembic]",
            "[alembic]\nfile_template = %%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d%%(minute).2d-%%(rev)s_%%(slug)s",
        )
    )
    git("mv", "migrations/versions/0002_mine.py", "migrations/versions/2026_01_02_0304-0002_mine.py", cwd=root)
    body = "    # 0003 made it, not 00031\n    print('0002 is below')\n"
    table(project, "my_0005_last.py", "0005", "0003", "last", depends_on="('0002',)", body=body)
    commit(project, "more")
    git("merge", "-q", "--no-edit", "main", cwd=root)
    before = files(project)

    table(project, "0006_odd.py", "0006", "0003", "odd", down="'00' + '03'")
    refused = project.branchmig("rebase", "--renumber")
    assert (refused.exit_code, files(project)) == (3, sorted([*before, "0006_odd.py"]))
    assert "error: migrations/versions/0006_odd.py: down_revision is computed" in refused.stderr
    (project.versions / "0006_odd.py").unlink()

    git("tag", "v1", cwd=root)
    assert "v1 has it, too" in project.branchmig("rebase", "--renumber").stderr
    git("tag", "-d", "v1", cwd=root)
    (project.versions / "0004_more.py").mkdir()
    assert "0004_more.py exists already" in project.branchmig("rebase", "--renumber").stderr
    (project.versions / "0004_more.py").rmdir()

    done = project.branchmig("rebase", "--renumber")
    assert done.exit_code == 0, done.stderr
    assert files(project) == [
        "0001_base.py",
        "0002_theirs.py",
        "0004_more.py",
        "2026_01_02_0304-0003_mine.py",
        "my_0005_last.py",
    ]
    text = (project.versions / "my_0005_last.py").read_text()
    assert "depends_on = ('0003',)" in text
    assert body in text
    assert "my_0005_last.py still names an old id in its text, line 19, 20" in done.stderr
    assert project.alembic("heads").lines == ["0005 (head)"]
    assert project.alembic("upgrade", "head").exit_code == 0


def test_staged_files_stay_staged_under_their_new_names(project: ProjectFolder) -> None:
    git("reset", "-q", "--soft", "main", cwd=project.root)
    git("restore", "--source=main", "--staged", "--worktree", "migrations/versions/0002_theirs.py", cwd=project.root)
    assert project.branchmig("rebase", "--renumber").exit_code == 0
    assert git("status", "--porcelain", cwd=project.root).splitlines() == [
        "A  migrations/versions/0003_mine.py",
        "A  migrations/versions/0004_more.py",
    ]


def test_guard_and_status_name_it_only_where_it_would_work(project: ProjectFolder) -> None:
    hint = "on the branch that lands second: branchmig rebase --renumber"
    git("merge", "-q", "--no-edit", "main", cwd=project.root)
    assert hint in project.branchmig("guard").stdout
    assert hint in project.branchmig("status", "--no-db").stdout
    assert hint in project.branchmig("rebase").stderr
    git("tag", "v1", cwd=project.root)
    refused = project.branchmig("guard")
    assert (refused.exit_code, "--renumber" in refused.stdout) == (1, False)


def test_landed_revisions_and_rows_of_unknown_origin_stay(project: ProjectFolder) -> None:
    root = project.root
    git("switch", "-q", "main", cwd=root)
    landed = project.branchmig("rebase", "--renumber", "--onto", "feature")
    assert (landed.exit_code, "revision '0002' has landed: main has" in landed.stderr) == (3, True), landed.stderr
    assert project.alembic("upgrade", "head").exit_code == 0
    git("switch", "-q", "feature", cwd=root)
    unclear = project.branchmig("rebase", "--renumber", "--sync", "--yes")
    assert (unclear.exit_code, "nothing records whether that was" in unclear.stderr) == (3, True), unclear.stderr
    assert (project.rows(), "0002_mine.py" in files(project)) == (["0002"], True)
