from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from branchmig.git.pins import pinned_revisions, pins
from branchmig.git.repository import Repository
from tests.repositories import Checkout
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repo(tmp_path: Path) -> Checkout:
    """base1 on main; on feature, checked out, feat1 with a file beside it that it reads."""
    repo = Checkout(tmp_path / "repo")
    (repo.top / ".gitignore").write_text("__pycache__\n*.db*\n")
    repo.table("base1")
    repo.commit("base")
    repo.git("switch", "--quiet", "--create", "feature")
    (repo.versions / "seed.sql").write_text("INSERT INTO t_base1 VALUES (7)")
    repo.revision(
        "feat1",
        "base1",
        upgrade="from pathlib import Path\nop.execute((Path(__file__).parent / 'seed.sql').read_text())",
        downgrade="from pathlib import Path\nassert (Path(__file__).parent / 'seed.sql').exists()\n"
        "op.execute('DELETE FROM t_base1')",
    )
    return repo


def pinned(repo: Checkout) -> list[tuple[str, dict[str, tuple[str, str]]]]:
    """Each pin's database, and its revisions with path and blob."""
    repository = Repository.discover(repo.top)
    assert repository is not None
    return [(pin.database, pinned_revisions(pin)) for pin in pins(repository)]


def blob(repo: Checkout, path: str) -> str:
    return repo.git("hash-object", path)


FEAT1 = "migrations/versions/feat1.py"


def test_what_this_branch_has_applied_is_pinned_and_let_go_when_it_is_undone(repo: Checkout) -> None:
    assert repo.branchmig("upgrade", "base1").exit_code == 0
    assert pinned(repo) == []
    assert repo.branchmig("upgrade", "head").exit_code == 0
    assert pinned(repo) == [(repo.url, {"feat1": (FEAT1, blob(repo, FEAT1))})]
    assert repo.branchmig("downgrade", "-1").exit_code == 0
    assert pinned(repo) == []


def test_git_is_asked_once_for_what_does_not_change_during_a_run(
    repo: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\nexec {shutil.which("git")} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    assert [database for database, _ in pinned(repo)] == [repo.url]
    asked = (tmp_path / "asked").read_text()
    counts = {word: asked.count(f" {word} ") for word in ("ls-tree", "diff-index", "ls-files", "hash-object")}
    assert counts == dict.fromkeys(counts, 1)


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_one_database_has_one_pin_by_whatever_name_it_is_reached(
    repo: Checkout, kind: str, request: pytest.FixtureRequest
) -> None:
    (repo.versions / "feat1.py").unlink()
    repo.table("feat1", "base1")
    repo.table("feat2", "feat1")
    for host, target in (("127.0.0.1", "feat1"), ("localhost", "feat2")):
        url = sa.make_url(request.getfixturevalue(f"{kind}_url")).set(host=host).render_as_string(hide_password=False)
        ini = repo.root / "alembic.ini"
        lines = [line for line in ini.read_text().splitlines() if not line.startswith("sqlalchemy.url")]
        ini.write_text("\n".join([*lines, f"sqlalchemy.url = {url.replace('%', '%%')}", ""]))
        assert repo.branchmig("upgrade", target).exit_code == 0
    assert [sorted(revisions) for _, revisions in pinned(repo)] == [["feat1", "feat2"]]
    assert repo.branchmig("downgrade", "base1").exit_code == 0
    assert pinned(repo) == []


def test_a_pin_keeps_the_script_as_it_was_applied(repo: Checkout) -> None:
    assert repo.branchmig("upgrade", "head").exit_code == 0
    applied = blob(repo, FEAT1)
    path = repo.versions / "feat1.py"
    path.write_text(path.read_text().replace("    op.execute((", "    op.execute('SELECT 1')\n    op.execute((", 1))
    repo.table("feat2", "feat1")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    feat2 = "migrations/versions/feat2.py"
    assert pinned(repo) == [(repo.url, {"feat1": (FEAT1, applied), "feat2": (feat2, blob(repo, feat2))})]


def test_what_has_landed_needs_no_pin(repo: Checkout) -> None:
    assert repo.branchmig("upgrade", "head").exit_code == 0
    repo.commit("feature")
    repo.git("branch", "--force", "main", "feature")
    repo.table("feat2", "feat1")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    assert [sorted(revisions) for _, revisions in pinned(repo)] == [["feat2"]]


def test_a_run_that_fails_leaves_a_pin_of_what_it_may_have_applied(repo: Checkout) -> None:
    repo.revision("feat2", "feat1", upgrade="raise RuntimeError('boom')")
    assert repo.branchmig("upgrade", "head").exit_code == 3
    assert [sorted(revisions) for _, revisions in pinned(repo)] == [["feat1", "feat2"]]


def test_a_deleted_and_collected_branch_is_undone_from_its_pin_with_the_files_beside_it(repo: Checkout) -> None:
    assert repo.branchmig("upgrade", "head").exit_code == 0
    repo.commit("feature")
    repo.git("switch", "--quiet", "main")
    repo.git("branch", "--quiet", "-D", "feature")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")
    assert not (repo.versions / "seed.sql").exists()
    result = repo.branchmig("sync", "--yes")
    assert (result.exit_code, repo.rows(), pinned(repo)) == (0, ["base1"], []), result.stderr


def test_an_amended_script_is_undone_as_it_was_applied(repo: Checkout) -> None:
    """feat1 was applied, then amended: another table now. sync undoes the one and makes the other."""
    repo.table("feat2", "base1", name="feat2.py")
    repo.commit("feature")
    (repo.versions / "feat1.py").unlink()
    repo.commit("without")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    path = repo.versions / "feat2.py"
    path.write_text(path.read_text().replace("t_feat2", "t_other"))
    repo.commit("amend", "--amend")
    result = repo.branchmig("sync", "--yes")
    assert (result.exit_code, repo.rows(), repo.tables()) == (0, ["feat2"], ["t_base1", "t_other"]), result.stderr
    assert repo.branchmig("sync").stdout == f"{repo.url} is where the checkout is: feat2.\n"


def test_a_rebased_branch_gets_what_came_in_below_it(repo: Checkout) -> None:
    """main1 lands, feat1 is rebased onto it: the pin knows that feat1 was applied without main1."""
    assert repo.branchmig("upgrade", "head").exit_code == 0
    repo.commit("feature")
    repo.git("switch", "--quiet", "main")
    repo.table("main1", "base1")
    repo.commit("main")
    repo.git("switch", "--quiet", "feature")
    repo.git("rebase", "--quiet", "main")
    path = repo.versions / "feat1.py"
    path.write_text(path.read_text().replace("down_revision = 'base1'", "down_revision = 'main1'"))
    repo.commit("on top")
    assert repo.branchmig("status").stdout.splitlines()[4:6] == [
        "  skipped: main1: below an applied revision, but never run",
        "    -> branchmig sync",
    ]
    assert repo.branchmig("upgrade", "heads").stderr == (
        f"warning: {repo.url}: skipped: main1: below an applied revision, but never run\n"
        "         -> branchmig sync\n"
        "Nothing was run, and main1 never was: the database is at feat1.\n"
    )
    result = repo.branchmig("sync", "--yes")
    assert (result.exit_code, repo.rows(), repo.tables()) == (0, ["feat1"], ["t_base1", "t_main1"]), result.stderr


def test_pins_can_be_switched_off(repo: Checkout) -> None:
    ini = repo.root / "alembic.ini"
    ini.write_text(ini.read_text() + "[branchmig]\npins = false\n")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    assert pinned(repo) == []


def test_a_repository_that_cannot_be_written_to_is_warned_of(repo: Checkout) -> None:
    (repo.top / ".git" / "refs" / "branchmig").write_text("in the way")
    result = repo.branchmig("upgrade", "head")
    assert result.exit_code == 0
    assert result.stderr.startswith(
        "warning: the files of the applied revisions could not be kept from git's gc: git cannot write refs/"
    )


def test_what_was_run_below_an_applied_revision_runs_once(repo: Checkout) -> None:
    """Without a journal the pin says how feat1 was applied; once main1 has run below it, it says that."""
    assert repo.branchmig("upgrade", "head").exit_code == 0
    repo.commit("feature")
    repo.git("switch", "--quiet", "main")
    insert, delete = "op.execute('INSERT INTO t_base1 VALUES (50)')", "op.execute('DELETE FROM t_base1 WHERE id = 50')"
    repo.revision("main1", "base1", upgrade=insert, downgrade=delete)
    repo.commit("main")
    repo.git("switch", "--quiet", "--create", "other", "main~1")
    repo.git("switch", "--quiet", "feature")
    repo.git("rebase", "--quiet", "main")
    path = repo.versions / "feat1.py"
    path.write_text(path.read_text().replace("down_revision = 'base1'", "down_revision = 'main1'"))
    repo.commit("on top")
    assert repo.branchmig("sync", "--yes").stderr == "Applied 1 revision; the database is at feat1.\n"
    assert repo.branchmig("sync", "--yes").stdout == f"{repo.url} is where the checkout is: feat1.\n"
    repo.git("switch", "--quiet", "other")
    assert repo.branchmig("sync", "--yes").stderr == "Reverted 2 revisions; the database is at base1.\n"
    repo.git("switch", "--quiet", "feature")
    assert repo.branchmig("sync", "--yes").stderr == "Applied 2 revisions; the database is at feat1.\n"


def test_a_downgrade_that_was_mended_is_the_one_that_runs(repo: Checkout) -> None:
    path = repo.versions / "feat1.py"
    good = path.read_text()
    path.write_text(good.replace("DELETE FROM t_base1", "DELETE FROM no_such_table"))
    assert repo.branchmig("upgrade", "head").exit_code == 0
    repo.commit("broken")
    path.write_text(good)
    repo.commit("mended")
    assert repo.branchmig("sync").stdout == f"{repo.url} is where the checkout is: feat1.\n"
    repo.git("switch", "--quiet", "main")
    result = repo.branchmig("sync", "--yes")
    assert (result.exit_code, repo.rows()) == (0, ["base1"]), result.stderr


def test_where_there_is_no_repository_nothing_is_said_of_one(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.table("aaa1")
    done = project.branchmig("upgrade", "heads")
    assert (done.exit_code, done.stderr) == (0, "Applied 1 revision; the database is at aaa1.\n")
