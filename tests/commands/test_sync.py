from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.repositories import Checkout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

GIFTS = """\
from helpers import NAME
from pathlib import Path
op.create_table('t_' + NAME, sa.Column('id', sa.Integer()))
for statement in (Path(__file__).parent / 'seed.sql').read_text().split(';'):
    op.execute(statement)
"""
NO_GIFTS = """\
from helpers import NAME
op.drop_table('t_' + NAME)
"""


@pytest.fixture
def checkout(tmp_path: Path, database_url: str) -> Checkout:
    """base1; feat1 on feature, applied: a script with a helper module and a file beside it; main1 on main."""
    repo = Checkout(tmp_path / "repo")
    repo.url = database_url
    ini = repo.root / "alembic.ini"
    text = "\n".join(line for line in ini.read_text().splitlines() if not line.startswith("sqlalchemy.url"))
    ini.write_text(f"{text}\nprepend_sys_path = migrations\nsqlalchemy.url = {database_url.replace('%', '%%')}\n")
    (repo.top / ".gitignore").write_text("__pycache__\n*.db*\n")
    (repo.migrations / "helpers.py").write_text("NAME = 'main'\n")
    repo.table("base1")
    repo.commit("base")
    repo.git("switch", "--quiet", "--create", "feature")
    (repo.migrations / "helpers.py").write_text("NAME = 'gifts'\n")
    (repo.versions / "seed.sql").write_text("INSERT INTO t_gifts VALUES (1); INSERT INTO t_gifts VALUES (2)")
    repo.revision("feat1", "base1", upgrade=GIFTS, downgrade=NO_GIFTS, message="add gifts")
    repo.commit("feature")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    repo.git("switch", "--quiet", "main")
    repo.table("main1", "base1")
    repo.commit("main")
    return repo


def database_name(repo: Checkout) -> str:
    """The database as branchmig names it."""
    from sqlalchemy import make_url

    return make_url(repo.url).render_as_string(hide_password=True)


def state(repo: Checkout) -> tuple[Sequence[str | None] | None, list[str]]:
    return repo.rows(), repo.tables()


@pytest.mark.heavy
def test_a_sync_undoes_the_other_branch_with_its_own_files_and_applies_this_one(checkout: Checkout) -> None:
    commit = checkout.git("rev-parse", "--short=10", "feature")
    name = database_name(checkout)
    shown = (
        f"{name}: 2 steps, from feat1 to main1\n"
        f"  downgrade feat1 -> base1  add gifts  (feature, commit {commit} by Ada Author)\n"
        "  upgrade base1 -> main1  step main1\n"
    )
    result = checkout.branchmig("sync", "--yes")
    unclear = "  cannot tell all that undoing feat1 destroys: line 28: op.drop_table: the table name is computed\n"
    assert (result.exit_code, result.stdout) == (0, shown + unclear)
    # On a busy machine a line of progress comes before it.
    assert result.stderr.splitlines()[-1] == "Reverted 1 revision, applied 1; the database is at main1."
    assert state(checkout) == (["main1"], ["t_base1", "t_main1"])
    checkout.git("switch", "--quiet", "feature")
    assert checkout.branchmig("sync", "--yes").exit_code == 0
    assert state(checkout) == (["feat1"], ["t_base1", "t_gifts"])
    assert checkout.branchmig("sync").stdout == f"{name} is where the checkout is: feat1.\n"


def test_nothing_is_run_without_a_yes(checkout: Checkout) -> None:
    result = checkout.branchmig("sync")
    assert (result.exit_code, result.stderr) == (
        1,
        "error: nothing was changed: there is no terminal to ask for a yes\n"
        "hint:  to run the steps without being asked: --yes\n",
    )
    assert state(checkout) == (["feat1"], ["t_base1", "t_gifts"])


@pytest.mark.heavy
def test_a_plan_says_what_it_destroys_and_how_many_rows_that_holds(tmp_path: Path, database_url: str) -> None:
    repo = Checkout(tmp_path / "repo")
    repo.url = database_url
    ini = repo.root / "alembic.ini"
    lines = [line for line in ini.read_text().splitlines() if not line.startswith("sqlalchemy.url")]
    ini.write_text("\n".join([*lines, f"sqlalchemy.url = {database_url}", ""]))
    repo.table("base1")
    repo.commit("base")
    repo.table("feat1", "base1")
    repo.revision(
        "feat2",
        "feat1",
        upgrade="op.add_column('t_base1', sa.Column('nick', sa.String(20)))",
        downgrade="op.drop_column('t_base1', 'nick')",
    )
    assert repo.branchmig("upgrade", "head").exit_code == 0
    repo.execute(
        "INSERT INTO t_base1 (id, nick) VALUES (1, 'ada'), (2, NULL), (3, 'bob')", "INSERT INTO t_feat1 VALUES (7)"
    )
    repo.git("stash", "--quiet", "--include-untracked")
    result = repo.branchmig("sync", "--plan", "--format", "json")
    (database,) = json.loads(result.stdout)["databases"]
    assert [(step["direction"], step["revision"], step["heads_after"]) for step in database["steps"]] == [
        ("downgrade", "feat2", ["feat1"]),
        ("downgrade", "feat1", ["base1"]),
    ]
    assert all(step["source"].startswith("git:") for step in database["steps"])
    assert database["destroys"] == [
        {"schema": None, "table": "t_base1", "column": "nick", "rows": 2, "revision": "feat2"},
        {"schema": None, "table": "t_feat1", "column": None, "rows": 1, "revision": "feat1"},
    ]
    assert (
        "  destroys column t_base1.nick (2 values), table t_feat1 (1 row)\n" in repo.branchmig("sync", "--plan").stdout
    )
    assert (repo.branchmig("sync", "--yes").exit_code, repo.rows(), repo.tables()) == (0, ["base1"], ["t_base1"])


@pytest.fixture
def repo(tmp_path: Path) -> Checkout:
    """base1 on main, which is checked out; feature has feat1."""
    repo = Checkout(tmp_path / "repo")
    (repo.top / ".gitignore").write_text("__pycache__\n*.db*\n")
    repo.table("base1")
    repo.commit("base")
    repo.git("branch", "feature")
    return repo


def applied_on_feature(repo: Checkout, **bodies: str) -> None:
    """Apply feat1, with these bodies, on feature, and go back to main."""
    repo.git("switch", "--quiet", "feature")
    repo.revision("feat1", "base1", **bodies)
    repo.commit("feature")
    assert repo.branchmig("upgrade", "head").exit_code == 0
    repo.git("switch", "--quiet", "main")


CREATE = "op.create_table('t_feat1', sa.Column('id', sa.Integer()))"


@pytest.mark.parametrize(
    ("downgrade", "reason"),
    [
        ("pass", "has an empty downgrade()"),
        ("raise NotImplementedError", "has a downgrade() that raises NotImplementedError"),
        ("pass  # branchmig: irreversible", "says that it cannot be undone (# branchmig: irreversible)"),
    ],
)
def test_what_cannot_be_undone_is_seen_before_anything_runs(repo: Checkout, downgrade: str, reason: str) -> None:
    applied_on_feature(repo, upgrade=CREATE, downgrade=downgrade)
    commit = repo.git("rev-parse", "--short=10", "feature")
    result = repo.branchmig("sync", "--yes")
    hint = (
        "to continue and leave its changes in the database: --allow-empty"
        if downgrade == "pass"
        else "write one on its branch, or start with a fresh database"
    )
    assert (result.exit_code, result.stderr) == (
        3,
        f"error: revision 'feat1' must be undone, and {reason}: {commit}:migrations/versions/feat1.py\nhint:  {hint}\n",
    )
    assert state(repo) == (["feat1"], ["t_base1", "t_feat1"])


def test_an_empty_downgrade_can_be_gone_past(repo: Checkout) -> None:
    applied_on_feature(repo, upgrade=CREATE, downgrade="pass")
    assert repo.branchmig("sync", "--yes", "--allow-empty").exit_code == 0
    assert state(repo) == (["base1"], ["t_base1", "t_feat1"])


def test_a_revision_that_nobody_has_any_more_stops_the_sync(repo: Checkout) -> None:
    applied_on_feature(repo, upgrade=CREATE, downgrade="op.drop_table('t_feat1')")
    repo.git("branch", "--quiet", "-D", "feature")
    repo.git("for-each-ref", "--format=delete %(refname)", "refs/branchmig")
    for ref in repo.git("for-each-ref", "--format=%(refname)", "refs/branchmig").splitlines():
        repo.git("update-ref", "-d", ref)
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")
    result = repo.branchmig("sync", "--yes")
    assert (result.exit_code, result.stderr) == (
        3,
        f"error: revision 'feat1' is applied to {database_name(repo)}, and neither the checkout nor git has its "
        "script: it cannot be undone\n"
        "hint:  restore its file (git fetch; a colleague's clone), or revert its changes by hand and record that: "
        "branchmig stamp --purge REVISION\n",
    )
    assert state(repo) == (["feat1"], ["t_base1", "t_feat1"])


def test_a_branch_that_was_deleted_is_undone_from_the_reflog(repo: Checkout) -> None:
    applied_on_feature(repo, upgrade=CREATE, downgrade="op.drop_table('t_feat1')")
    repo.git("branch", "--quiet", "-D", "feature")
    assert repo.branchmig("sync", "--yes").exit_code == 0
    assert state(repo) == (["base1"], ["t_base1"])


def test_what_came_in_below_by_a_rebase_is_run_when_it_is_known_never_to_have_run(repo: Checkout) -> None:
    """Three branches: what feature depends on across branches goes with it, and no further."""
    repo.git("switch", "--quiet", "feature")
    repo.table("feat1", "base1", depends_on=("side1",))
    repo.table("side1", "base1")
    repo.commit("feature")
    assert repo.branchmig("upgrade", "heads").exit_code == 0
    repo.git("switch", "--quiet", "main")
    repo.table("side1", "base1")
    repo.commit("side")
    assert repo.branchmig("sync", "--yes").exit_code == 0
    assert state(repo) == (["side1"], ["t_base1", "t_side1"])


def test_a_downgrade_that_fails_leaves_the_database_where_it_says(repo: Checkout) -> None:
    applied_on_feature(repo, upgrade=CREATE, downgrade="op.drop_table('no_such_table')")
    result = repo.branchmig("sync", "--yes")
    assert result.exit_code == 3
    assert result.stderr.splitlines()[:2] == [
        "error: revision 'feat1' (step feat1) failed: OperationalError: no such table: no_such_table",
        "       at migrations/versions/feat1.py:22, in downgrade(): op.drop_table('no_such_table')",
    ]
    assert state(repo) == (["feat1"], ["t_base1", "t_feat1"])


def test_without_git_a_sync_is_an_upgrade(tmp_path: Path, sqlite_url: str) -> None:
    from tests.support import ProjectFolder

    folder = ProjectFolder(tmp_path / "project", sqlite_url)
    folder.table("aaa1")
    assert folder.branchmig("sync", "--yes").stderr == "Applied 1 revision; the database is at aaa1.\n"
    folder.table("bbb2", "aaa1")
    assert folder.branchmig("upgrade", "head").exit_code == 0
    (folder.versions / "bbb2.py").unlink()
    result = folder.branchmig("sync", "--yes")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        3,
        f"error: revision 'bbb2' is applied to {sqlite_url}, and neither the checkout nor git has its script: "
        "it cannot be undone",
    )


def test_a_database_that_has_moved_since_it_was_looked_at_is_left_alone(repo: Checkout) -> None:
    from contextlib import chdir

    from branchmig.errors import EnvironmentFailed
    from branchmig.project.config import ConfigFiles, Invocation
    from branchmig.project.project import Project
    from branchmig.workflows.database_sync import carry_out, foresee

    with chdir(repo.root):
        invocation = Invocation(ConfigFiles(repo.root / "alembic.ini", repo.root / "pyproject.toml"))
        project = Project.open(invocation.files)
        foreseen = foresee(project, invocation)
        assert repo.branchmig("upgrade", "head").exit_code == 0
        with pytest.raises(EnvironmentFailed) as caught:
            carry_out(project, invocation, foreseen, lambda *_: None)
    assert (caught.value.message, caught.value.hint) == (
        f"somebody has migrated {database_name(repo)} since the plan was made: nothing was run",
        "run the command again, and look at the plan again",
    )


def test_a_foreign_key_from_main_s_table_to_the_orphan_s_stops_the_downgrade_and_is_told(
    tmp_path: Path, postgres_url: str
) -> None:
    repo = Checkout(tmp_path / "repo")
    repo.url = postgres_url
    ini = repo.root / "alembic.ini"
    lines = [line for line in ini.read_text().splitlines() if not line.startswith("sqlalchemy.url")]
    ini.write_text("\n".join([*lines, f"sqlalchemy.url = {postgres_url}", ""]))
    repo.table("base1")
    repo.commit("base")
    repo.git("branch", "feature")
    applied_on_feature(
        repo,
        upgrade="op.create_table('t_feat1', sa.Column('id', sa.Integer(), primary_key=True))",
        downgrade="op.drop_table('t_feat1')",
    )
    repo.execute("ALTER TABLE t_base1 ADD FOREIGN KEY (id) REFERENCES t_feat1")
    result = repo.branchmig("sync", "--yes")
    assert (result.exit_code, "cannot drop table t_feat1" in result.stderr) == (3, True), result.stderr
    assert state(repo) == (["feat1"], ["t_base1", "t_feat1"])
