from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branchmig.database.trial.store import Made, Store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("first", ["lock", "note", "digests"])
def test_the_store_of_a_project_that_is_gone_is_found_whatever_it_wrote_first(tmp_path: Path, first: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    store = Store(tmp_path / "states" / "1-a", str(project))
    if first == "lock":
        with store.building("base"):
            pass
    elif first == "note":
        store.note(Made("branchmig_fresh_1", "server", "fresh", 1))
    else:
        store.keep_digests({"a": "b"})
    other = Store(tmp_path / "states" / "1-b")
    assert other.abandoned() == []
    project.rmdir()
    assert [(each.folder, each.place) for each in other.abandoned()] == [(store.folder, str(project))]
