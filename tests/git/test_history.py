from __future__ import annotations

from typing import TYPE_CHECKING

from branchmig.git.history import origins
from branchmig.git.repository import Repository
from branchmig.model import Origin
from tests.repositories import Checkout

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_that_a_merge_itself_added_comes_from_the_merge(tmp_path: Path) -> None:
    """As a merge revision does that is written before the merge is committed."""
    repo = Checkout(tmp_path / "repo")
    repo.table("aaa1")
    repo.commit("base")
    repo.git("switch", "--quiet", "--create", "feature")
    repo.table("bbb2", "aaa1")
    repo.commit("feature")
    repo.git("switch", "--quiet", "main")
    repo.table("ccc3", "aaa1")
    repo.commit("main")
    repo.git("merge", "--quiet", "--no-commit", "feature")
    repo.revision("ddd4", "bbb2", "ccc3")
    merge = repo.commit("merge")
    repository = Repository.discover(repo.top)
    assert repository is not None
    path = "migrations/versions/ddd4.py"
    assert origins(repository, [path], ["HEAD"]) == {path: Origin("main", merge, "Ada Author")}
