"""What git's folder says of the applied scripts follows the state that has them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.commands.test_switch_keep import at_url, ids, keep, standing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.repositories import Checkout


@pytest.fixture
def repo(tmp_path: Path, sqlite_url: str) -> Iterator[Checkout]:
    repo = at_url(tmp_path / "repo", sqlite_url)
    yield repo
    repo.branchmig("states", "drop", "--all", "--yes")


def wider(repo: Checkout, revision: str, parent: str) -> None:
    repo.revision(
        revision,
        parent,
        upgrade=f"op.create_table('t_{revision}', sa.Column('id', sa.Integer()), sa.Column('x', sa.Text()))",
        downgrade=f"op.drop_table('t_{revision}')",
        name=f"{revision}.py",
    )


def test_a_state_is_not_undone_by_what_another_state_has_applied(repo: Checkout) -> None:
    """other begins with feature's feat1, amends it and runs it again; feature's rows stay as they were."""
    keep(repo, "feature")
    repo.execute("INSERT INTO t_feat1 (id) VALUES (7)")
    keep(repo, "--create", "other")
    wider(repo, "feat1", "base1")
    repo.commit("feat1, wider", "--amend")
    assert repo.branchmig("sync", "--yes").exit_code == 0
    keep(repo, "feature")
    assert standing(repo) == ("feature", ["feat1"], [1], [7])
    shown = repo.branchmig("sync", "--plan")
    assert (shown.exit_code, "nothing to do" in shown.stdout or "is where the checkout is" in shown.stdout) == (0, True)
    assert repo.branchmig("status", "--format", "json").exit_code == 0


def test_an_edit_while_the_state_was_kept_is_seen_on_arrival(repo: Checkout) -> None:
    """A run on main lets go of feature's pin; git then loses the applied script, which only the state's note keeps."""
    keep(repo, "feature")
    repo.execute("INSERT INTO t_feat1 (id) VALUES (7)")
    keep(repo, "main")
    repo.table("main2", "base1")
    repo.commit("main2")
    assert repo.branchmig("upgrade", "heads").exit_code == 0
    other = repo.top.parent / "tree"
    repo.git("worktree", "add", "--quiet", str(other), "feature")
    path = other / "migrations/versions/feat1.py"
    path.write_text(
        path.read_text().replace("create_table('t_feat1',", "create_table('t_feat1', sa.Column('x', sa.Text()),")
    )
    subprocess.run(["git", "commit", "-qam", "amended", "--amend"], cwd=other, check=True)
    repo.git("worktree", "remove", "--force", str(other))
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")
    result = repo.branchmig("switch", "--keep", "feature")
    assert (result.exit_code, ids(repo, "t_feat1")) == (0, []), result.stderr
    assert "Kept a copy of the rows of feature as they were: " in result.stderr
