from __future__ import annotations

import os
from typing import TYPE_CHECKING

from branchmig.git.repository import Repository

if TYPE_CHECKING:
    from tests.repositories import Checkout


def test_what_only_looks_writes_no_index(parted: Checkout) -> None:
    """`git status` writes the times of files that it has compared into the index, and takes its lock for that."""
    repository = Repository.discover(parted.top)
    assert repository is not None
    os.utime(parted.versions / "ccc3.py", (1, 1))
    before = (parted.top / ".git" / "index").read_bytes()
    assert repository.run("status", "--porcelain") == b""
    assert (parted.top / ".git" / "index").read_bytes() == before
