from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def forked(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    """aaa1 -> bbb2 (side) ; aaa1 -> ccc3, which depends on side."""
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.table("aaa1", message="first\n\nwith a body")
    project.table("bbb2", "aaa1", labels=("side",))
    project.table("ccc3", "aaa1", depends_on=("side",))
    return project
