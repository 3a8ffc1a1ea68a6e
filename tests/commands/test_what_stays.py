"""What a sync, a switch and a hook leave alone: it may belong to this checkout, to another clone, or to a release."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.commands.test_retired import project, rows, upgraded, write
from tests.repositories import ROOT, Checkout

if TYPE_CHECKING:
    from pathlib import Path


def two_folders(repo: Checkout) -> None:
    """Add a second folder of revisions, with x1 in it, and commit it."""
    ini = repo.root / "alembic.ini"
    where = "version_locations = %(here)s/migrations/versions:%(here)s/extra/versions"
    ini.write_text(ini.read_text().replace("path_separator = os", f"path_separator = os\n{where}"))
    (repo.root / "extra" / "versions").mkdir(parents=True)
    write(repo, "x1", None)
    (repo.versions / "x1.py").rename(repo.root / "extra" / "versions" / "x1.py")
    repo.commit("extra")


def with_hooks(repo: Checkout) -> None:
    repo.environment["PYTHONPATH"] = str(ROOT)
    repo.git("config", "branchmig.sync", "auto")
    assert repo.branchmig("hooks", "install").exit_code == 0


@pytest.mark.heavy
@pytest.mark.parametrize("way", ["cone", "skip-worktree", "deleted"])
def test_what_the_index_or_head_has_stays(tmp_path: Path, database_url: str, way: str) -> None:
    repo = project(tmp_path, database_url, "sync = auto")
    two_folders(repo)
    repo.git("branch", "other", "HEAD~1")
    before = upgraded(repo)
    with_hooks(repo)
    path = repo.root / "extra" / "versions" / "x1.py"
    if way == "cone":
        repo.git("sparse-checkout", "set", "--cone", "migrations")
    elif way == "skip-worktree":
        repo.git("update-index", "--skip-worktree", "extra/versions/x1.py")
        path.unlink()
    else:
        path.unlink()
    repo.git("switch", "--quiet", "--create", "topic")
    done = repo.branchmig("sync", "--yes")
    assert (done.exit_code, rows(repo), repo.rows()) == (0, before, ["r5", "x1"])
    # A file that a sparse checkout leaves out is read from the index: the graph has it.
    is_sparse = way != "deleted"
    reason = "stays: x1 is not in the work tree, and the checkout has it: extra/versions/x1.py"
    assert (reason in done.stdout) is not is_sparse
    found = json.loads(repo.branchmig("status", "--format", "json").stdout)
    absent = [] if is_sparse else ["x1"]
    assert (found["database"]["not_checked_out"], found["database"]["orphans"]) == (absent, [])


def test_a_second_version_location_that_the_settings_leave_out_stays(tmp_path: Path, sqlite_url: str) -> None:
    repo = project(tmp_path, sqlite_url)
    two_folders(repo)
    before = upgraded(repo)
    ini = repo.root / "alembic.ini"
    ini.write_text(ini.read_text().replace(":%(here)s/extra/versions", ""))
    repo.branchmig("sync", "--yes")
    assert (rows(repo), repo.rows()) == (before, ["r5", "x1"])


def clones(tmp_path: Path, url: str, *settings: str) -> tuple[Checkout, Checkout]:
    """Two clones of one repository, on one database; `bob` is on a branch of the second, which has applied it."""
    first = project(tmp_path, url, *settings)
    first.git("switch", "--quiet", "main")
    second = Checkout.copy(first, tmp_path / "unused")
    first.git("clone", "--quiet", ".", str(tmp_path / "second"))
    second.top = second.root = tmp_path / "second"
    second.migrations = second.top / "migrations"
    second.versions = second.migrations / "versions"
    second.git("switch", "--quiet", "--create", "bob")
    write(second, "bob", "r5")
    second.commit("bob")
    second.git("push", "--quiet", "origin", "bob")
    assert upgraded(second)["t_bob"] == 5
    return first, second


@pytest.mark.heavy
@pytest.mark.parametrize("journal", ["true", "false"])
def test_a_hook_undoes_nothing_that_another_clone_has_applied(tmp_path: Path, database_url: str, journal: str) -> None:
    first, second = clones(tmp_path, database_url, "sync = auto", f"journal = {journal}")
    before = rows(first)
    with_hooks(first)
    first.git("switch", "--quiet", "bob")
    done = first.run("switch", "main")
    assert (rows(first), first.rows()) == (before, ["bob"])
    assert "nothing shows that this clone has applied revision 'bob', which would be undone" in done.stderr
    assert "hint: to see the plan, and undo it if you agree: branchmig sync" in done.stderr
    with_hooks(second)
    assert first.branchmig("sync", "--yes").exit_code == 0
    assert (first.rows(), "t_bob" in rows(first)) == (["r5"], False)


def test_a_hook_undoes_what_this_clone_has_applied_as_the_journal_says(tmp_path: Path, postgres_url: str) -> None:
    first, second = clones(tmp_path, postgres_url, "sync = auto", "journal = true", "pins = false")
    with_hooks(second)
    second.run("switch", "main")
    assert (second.rows(), "t_bob" in rows(first)) == (["r5"], False)


@pytest.mark.heavy
def test_what_a_tag_alone_holds_stays_until_it_is_named(tmp_path: Path, database_url: str) -> None:
    repo = project(tmp_path, database_url)
    repo.git("switch", "--quiet", "--create", "release")
    write(repo, "fix1", "r5")
    repo.commit("fix")
    repo.git("tag", "v1.1")
    before = upgraded(repo)
    repo.git("switch", "--quiet", "main")
    repo.git("branch", "--quiet", "-D", "release")
    done = repo.branchmig("sync", "--yes")
    assert (done.exit_code, rows(repo), repo.rows()) == (0, before, ["fix1"])
    assert "stays: fix1 is part of a release: only tag v1.1 holds it" in done.stdout
    assert "to undo it: branchmig sync --undo fix1" in repo.branchmig("status").stdout
    assert repo.branchmig("sync", "--yes", "--undo", "fix1").exit_code == 0
    assert (repo.rows(), "t_fix1" in rows(repo)) == (["r5"], False)


def test_a_shallow_clone_that_cannot_tell_undoes_nothing(tmp_path: Path, sqlite_url: str) -> None:
    origin = project(tmp_path, sqlite_url)
    origin.git("switch", "--quiet", "--create", "feature", "main~3")
    write(origin, "feat", "r2")
    origin.commit("feature")
    before = upgraded(origin)
    url = f"file://{origin.top}"
    origin.git("clone", "--quiet", "--depth=1", "--no-single-branch", "--branch=main", url, str(tmp_path / "shallow"))
    shallow = Checkout.copy(origin, tmp_path / "unused")
    shallow.top = shallow.root = tmp_path / "shallow"
    done = shallow.branchmig("sync", "--yes")
    assert (done.exit_code, rows(origin), origin.rows()) == (3, before, ["feat"])
    assert "git fetch --unshallow" in done.stderr
