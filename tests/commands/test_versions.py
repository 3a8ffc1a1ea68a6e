"""Which version of a script undoes a revision, and two revisions that have one id."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.commands.test_retired import project as chain
from tests.commands.test_retired import rows, upgraded, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repositories import Checkout


def feature(tmp_path: Path, url: str, *settings: str) -> Checkout:
    """feat1, feat2, feat3 on feature, which is checked out and applied; each made a table with three rows."""
    repo = chain(tmp_path, url, *settings)
    repo.git("switch", "--quiet", "--create", "feature")
    for below, item in (("r5", "feat1"), ("feat1", "feat2"), ("feat2", "feat3")):
        write(repo, item, below)
        repo.commit(item)
    return repo


def replaced(repo: Checkout, revision: str, before: str, after: str) -> None:
    path = repo.versions / f"{revision}.py"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))


WIPES = 'op.execute("DELETE FROM t_r1")\n    op.drop_table('


@pytest.mark.heavy
@pytest.mark.parametrize("revision", ["feat1", "feat2", "feat3"])
@pytest.mark.parametrize("journal", ["true", "false"])
def test_a_downgrade_that_was_corrected_is_the_one_that_runs(
    tmp_path: Path, sqlite_url: str, revision: str, journal: str
) -> None:
    repo = feature(tmp_path, sqlite_url, f"journal = {journal}")
    replaced(repo, revision, "op.drop_table(", WIPES)
    repo.commit("a downgrade that takes too much")
    before = upgraded(repo)
    replaced(repo, revision, WIPES, "op.drop_table(")
    repo.commit("correct it")
    repo.git("switch", "--quiet", "main")
    assert repo.branchmig("sync", "--yes").exit_code == 0
    assert (rows(repo), repo.rows()) == (
        {name: number for name, number in before.items() if not name.startswith("t_feat")},
        ["r5"],
    )


@pytest.mark.heavy
def test_a_broken_downgrade_that_was_corrected_can_be_used(tmp_path: Path, database_url: str) -> None:
    repo = feature(tmp_path, database_url)
    replaced(repo, "feat1", "op.drop_table(", "raise ValueError('no way')\n    op.drop_table(")
    repo.commit("broken")
    upgraded(repo)
    repo.git("switch", "--quiet", "main")
    assert repo.branchmig("sync", "--yes").exit_code == 3
    repo.git("switch", "--quiet", "feature")
    replaced(repo, "feat1", "raise ValueError('no way')\n    ", "")
    repo.commit("corrected")
    repo.git("switch", "--quiet", "main")
    assert repo.branchmig("sync", "--yes").exit_code == 0
    assert (sorted(rows(repo)), repo.rows()) == ([f"t_r{number}" for number in range(1, 6)], ["r5"])


def test_a_correction_is_used_when_an_older_state_of_the_branch_is_checked_out(tmp_path: Path, sqlite_url: str) -> None:
    repo = feature(tmp_path, sqlite_url)
    replaced(repo, "feat2", "op.drop_table(", WIPES)
    repo.commit("a downgrade that takes too much")
    before = upgraded(repo)
    replaced(repo, "feat2", WIPES, "op.drop_table(")
    repo.commit("correct it")
    repo.git("switch", "--quiet", "--detach", "HEAD~1")
    assert repo.branchmig("switch", "--yes", "main").exit_code == 0
    assert (rows(repo)["t_r1"], repo.rows()) == (before["t_r1"], ["r5"])


def test_a_version_that_does_something_else_is_shown_and_not_used(tmp_path: Path, sqlite_url: str) -> None:
    repo = feature(tmp_path, sqlite_url)
    upgraded(repo)
    replaced(repo, "feat2", "t_feat2", "t_other")
    repo.commit("other effects")
    newest = repo.git("rev-parse", "--short=10", "HEAD")
    repo.git("switch", "--quiet", "main")
    shown = repo.branchmig("sync", "--plan")
    assert f"note: the newest version of 'feat2' (feature, commit {newest}) does something else" in shown.stdout
    assert repo.branchmig("sync", "--yes").exit_code == 0
    assert (sorted(rows(repo)), repo.rows()) == ([f"t_r{number}" for number in range(1, 6)], ["r5"])


@pytest.fixture
def colliding(tmp_path: Path, database_url: str) -> Checkout:
    """0006 on main and 0006 on feature, two files that do different things; feature's is applied."""
    repo = chain(tmp_path, database_url, "journal = true")
    repo.git("branch", "feature")
    write(repo, "0006", "r5", "main", name="0006_main.py")
    repo.commit("on main")
    repo.git("switch", "--quiet", "feature")
    write(repo, "0006", "r5", "feature", name="0006_feat.py")
    repo.commit("on feature")
    upgraded(repo)
    return repo


@pytest.mark.heavy
def test_one_id_on_two_branches_is_seen_by_all_that_compare_them(colliding: Checkout) -> None:
    both = "migrations/versions/0006_feat.py on this checkout, and migrations/versions/0006_main.py on main"
    found = colliding.branchmig("conflicts")
    assert (found.exit_code, both in found.stdout) == (1, True), found
    document = json.loads(colliding.branchmig("conflicts", "--format", "json").stdout)
    assert [(conflict["level"], conflict["object"]) for conflict in document["conflicts"]] == [
        ("conflict", "revision 0006")
    ]
    rebased = colliding.branchmig("rebase", "--offline")
    assert (rebased.exit_code, both in rebased.stderr) == (3, True), rebased
    verified = colliding.branchmig("verify")
    assert (verified.exit_code, both in verified.stdout) == (1, True), verified
    report = json.loads(colliding.branchmig("report", "--no-sql", "--format", "json").stdout)
    assert "id-collision" in json.dumps(report)


@pytest.mark.heavy
def test_one_id_on_two_branches_is_undone_and_run_as_two_revisions(colliding: Checkout) -> None:
    colliding.git("switch", "--quiet", "main")
    status = colliding.branchmig("status").stdout
    files = "this checkout's is migrations/versions/0006_main.py; the one that is applied is on feature, commit "
    assert "id-collision: two revisions have the id '0006': " + files in status
    assert "--accept-edits" not in status
    shown = colliding.branchmig("sync", "--plan").stdout
    assert files in shown
    assert colliding.branchmig("sync", "--yes").exit_code == 0
    assert (rows(colliding)["t_main"], "t_feature" in rows(colliding), colliding.rows()) == (3, False, ["0006"])
    assert colliding.branchmig("switch", "--yes", "feature").exit_code == 0
    assert (rows(colliding)["t_feature"], "t_main" in rows(colliding), colliding.rows()) == (3, False, ["0006"])


def test_one_id_on_two_branches_is_not_told_apart_where_nothing_records_it(tmp_path: Path, database_url: str) -> None:
    """Another clone has applied it, or the database is on another machine, and there is no journal."""
    repo = chain(tmp_path, database_url, "pins = false")
    repo.git("branch", "feature")
    write(repo, "0006", "r5", "main", name="0006_main.py")
    repo.commit("on main")
    upgraded(repo)
    repo.git("switch", "--quiet", "feature")
    write(repo, "0006", "r5", "feature", name="0006_feat.py")
    commit = repo.git("rev-parse", "--short=10", "main")
    repo.commit("on feature")
    shutil.rmtree(repo.top / ".git" / "branchmig")
    words = (
        "two revisions have the id '0006': migrations/versions/0006_feat.py, and that of main, commit "
        f"{commit} by Ada Author, migrations/versions/0006_main.py; nothing records which of the two "
    )
    done = repo.branchmig("sync")
    assert (done.exit_code, f"note: {words}" in done.stdout, "nothing to do" in done.stdout) == (0, True, True), done
    status = json.loads(repo.branchmig("status", "--format", "json").stdout)
    assert (status["ok"], [problem["code"] for problem in status["database"]["problems"]]) == (False, ["unclear-id"])


def test_one_revision_that_was_taken_over_to_another_branch_is_no_collision(tmp_path: Path, sqlite_url: str) -> None:
    repo = chain(tmp_path, sqlite_url, "journal = true")
    repo.git("branch", "release", "HEAD~1")
    write(repo, "fix", "r5")
    repo.commit("fix")
    upgraded(repo)
    repo.git("switch", "--quiet", "release")
    write(repo, "fix", "r4")
    repo.commit("the same fix")
    assert "two revisions" not in repo.branchmig("conflicts", "--merged-with", "main").stdout
    assert "id-collision" not in repo.branchmig("status").stdout
