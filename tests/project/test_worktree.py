from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from branchmig.model import Revision
from branchmig.project import worktree
from branchmig.project.worktree import read_files

if TYPE_CHECKING:
    from pathlib import Path

LONG_AGO = 1_700_000_000


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The paths of the files that were read, with a cache of one's own that three files are worth."""
    paths: list[str] = []
    real = worktree.read_file

    def noted(path: str) -> bytes:
        paths.append(path)
        return real(path)

    monkeypatch.setattr(worktree, "read_file", noted)
    monkeypatch.setattr(worktree, "WORTH_REMEMBERING", 3)
    monkeypatch.setattr(worktree, "SETTLED_AFTER", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return paths


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    found = []
    for name in ("a1", "b2", "c3"):
        path = tmp_path / f"{name}_x.py"
        write(path, name)
        found.append(str(path))
    return found


def write(path: Path, revision: str, message: str = "one") -> None:
    path.write_text(f'"""{message}"""\nrevision = {revision!r}\ndown_revision = None\n')
    os.utime(path, (LONG_AGO, LONG_AGO))


def test_files_are_read_once_and_remembered(files: list[str], read: list[str]) -> None:
    first = read_files(files)
    assert first[0] == [
        Revision(name, message="one", path=path) for name, path in zip(("a1", "b2", "c3"), files, strict=True)
    ]
    assert sorted(read) == files
    read.clear()
    assert read_files(files) == first
    assert read == []


def test_a_file_with_other_content_of_the_same_size_and_time_is_read_again(
    files: list[str], read: list[str], tmp_path: Path
) -> None:
    read_files(files)
    read.clear()
    write(tmp_path / "b2_x.py", "b9")
    assert [revision.id for revision in read_files(files)[0]] == ["a1", "b9", "c3"]
    assert read == [files[1]]


def test_a_file_in_the_place_of_another_is_read(files: list[str], read: list[str], tmp_path: Path) -> None:
    read_files(files)
    write(tmp_path / "new", "n0")
    os.replace(tmp_path / "new", files[0])
    assert [revision.id for revision in read_files(files)[0]] == ["n0", "b2", "c3"]


def test_a_file_that_was_just_written_is_read_each_time(
    files: list[str], read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worktree, "SETTLED_AFTER", 3600 * 10**9 + time.time_ns() - LONG_AGO * 10**9)
    read_files(files)
    read.clear()
    read_files(files)
    assert sorted(read) == files


def test_an_id_that_a_files_name_gives_is_not_remembered_for_its_content(
    files: list[str], read: list[str], tmp_path: Path
) -> None:
    legacy = tmp_path / "abcd12.py"
    legacy.write_text('"""old"""\ndown_revision = None\n')
    assert [revision.id for revision in read_files([*files, str(legacy)])[0]] == ["a1", "b2", "c3", "abcd12"]
    legacy.rename(tmp_path / "abcd34.py")
    assert [revision.id for revision in read_files([*files, str(tmp_path / "abcd34.py")])[0]] == [
        "a1",
        "b2",
        "c3",
        "abcd34",
    ]


@pytest.mark.parametrize("damage", [b"", b"garbage", b"0" * 32 + b"\n{}"])
def test_a_damaged_cache_is_thrown_away(files: list[str], read: list[str], tmp_path: Path, damage: bytes) -> None:
    first = read_files(files)
    (cache,) = (tmp_path / "cache" / "branchmig").iterdir()
    cache.write_bytes(damage)
    assert read_files(files) == first
    read.clear()
    assert read_files(files) == first
    assert read == []


def test_a_cache_that_cannot_be_written_is_done_without(files: list[str], read: list[str], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert read_files(files) == read_files(files)


def test_a_small_project_keeps_nothing(files: list[str], read: list[str], tmp_path: Path) -> None:
    read_files(files[:2])
    assert not (tmp_path / "cache").exists()


def test_conflict_markers_are_seen_each_time(files: list[str], read: list[str], tmp_path: Path) -> None:
    path = tmp_path / "b2_x.py"
    path.write_text(path.read_text() + "def upgrade():\n<<<<<<< HEAD\n=======\n>>>>>>> x\n    pass\n")
    os.utime(path, (LONG_AGO, LONG_AGO))
    for _ in range(2):
        assert [problem.message for problem in read_files(files)[2]] == [f"unresolved merge in {path}:5"]
