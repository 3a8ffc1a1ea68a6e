from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from branchmig.errors import RevisionFileError
from branchmig.model import FileEdit
from branchmig.project import file_edits
from branchmig.project.file_edits import apply_edits, diff_lines, recover


@pytest.fixture
def edits(tmp_path: Path) -> list[FileEdit]:
    found = []
    for name in ("one.py", "two.py", "three.py"):
        (tmp_path / name).write_bytes(b"before\r\n")
        found.append(FileEdit(str(tmp_path / name), b"before\r\n", b"after\r\n"))
    return found


def contents(edits: list[FileEdit]) -> list[bytes]:
    found = []
    for edit in edits:
        with open(edit.path, "rb") as stream:
            found.append(stream.read())
    return found


def test_edits_are_written_with_the_mode_that_files_had(edits: list[FileEdit], tmp_path: Path) -> None:
    os.chmod(edits[0].path, 0o751)
    apply_edits(edits, tmp_path / "journal")
    assert contents(edits) == [b"after\r\n"] * 3
    assert stat.S_IMODE(os.stat(edits[0].path).st_mode) == 0o751
    assert sorted(os.listdir(tmp_path)) == ["one.py", "three.py", "two.py"]


def test_a_file_that_changed_meanwhile_stops_all(edits: list[FileEdit], tmp_path: Path) -> None:
    (tmp_path / "three.py").write_bytes(b"mine")
    with pytest.raises(RevisionFileError) as caught:
        apply_edits(edits, tmp_path / "journal")
    assert caught.value.message == f"{tmp_path}/three.py was changed meanwhile"
    assert contents(edits) == [b"before\r\n", b"before\r\n", b"mine"]


@pytest.mark.parametrize("killed_at", [1, 2, 3, 4])
def test_killed_in_the_middle_all_is_put_back(
    edits: list[FileEdit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    journal, written = tmp_path / "journal", []
    write = file_edits._write

    def killed(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) > killed_at:
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(file_edits, "_write", killed)
    if killed_at < 4:
        with pytest.raises(KeyboardInterrupt):
            apply_edits(edits, journal)
    monkeypatch.undo()
    assert journal.exists() == (killed_at < 4)
    back = recover(journal)
    assert back == [edit.path for edit in edits[: killed_at - 1]] if killed_at < 4 else back == []
    assert contents(edits) == [b"before\r\n"] * 3
    assert not journal.exists()


def test_a_disk_that_is_full_leaves_all_as_it_was(
    edits: list[FileEdit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def full(source: str, target: Path) -> None:
        if target.name == "two.py" and Path(source).read_bytes() == b"after\r\n":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        apply_edits(edits, tmp_path / "journal")
    assert contents(edits) == [b"before\r\n"] * 3
    assert sorted(os.listdir(tmp_path)) == ["one.py", "three.py", "two.py"]


def test_recovery_leaves_a_file_alone_that_somebody_has_edited_since(
    edits: list[FileEdit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "journal"
    monkeypatch.setattr(os, "unlink", lambda _: None)
    monkeypatch.setattr(file_edits.Path, "unlink", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        apply_edits(edits, journal)
    monkeypatch.undo()
    (tmp_path / "two.py").write_bytes(b"mine")
    with pytest.raises(RevisionFileError) as caught:
        recover(journal)
    assert caught.value.hint == f"look at it, then delete {journal}"
    assert contents(edits) == [b"after\r\n", b"mine", b"after\r\n"]


def test_a_diff_names_files_as_git_does(edits: list[FileEdit]) -> None:
    lines = list(diff_lines(edits[:1], lambda path: "versions/one.py"))
    assert lines == ["--- a/versions/one.py", "+++ b/versions/one.py", "@@ -1 +1 @@", "-before", "+after"]


@pytest.mark.parametrize("killed_at", [1, 2, 3])
def test_renames_that_overlap_are_put_back_when_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    """2.py becomes 3.py, and 3.py becomes 4.py."""
    two, three, four = (tmp_path / f"{number}.py" for number in (2, 3, 4))
    two.write_bytes(b"two")
    three.write_bytes(b"three")
    two.chmod(0o640)
    edits = [
        FileEdit(str(three), b"three", b"two!", str(two)),
        FileEdit(str(four), None, b"three!", str(three)),
        FileEdit(str(two), b"two", None),
    ]
    done, put = [], file_edits._put

    def killed(path: Path, content: bytes | None, mode: int | None = None) -> None:
        if len(done) == killed_at:
            raise KeyboardInterrupt
        done.append(path)
        put(path, content, mode)

    monkeypatch.setattr(file_edits, "_put", killed)
    if killed_at < 3:
        with pytest.raises(KeyboardInterrupt):
            apply_edits(edits, tmp_path / "journal")
        monkeypatch.undo()
        recover(tmp_path / "journal")
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"2.py": b"two", "3.py": b"three"}
        assert stat.S_IMODE(two.stat().st_mode) == 0o640
    else:
        apply_edits(edits, tmp_path / "journal")
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"3.py": b"two!", "4.py": b"three!"}
