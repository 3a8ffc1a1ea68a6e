"""Applies edits to files: all or none, also when killed in the middle."""

from __future__ import annotations

import base64
import difflib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from branchmig.errors import RevisionFileError
from branchmig.model import FileEdit


def diff_lines(edits: Sequence[FileEdit], shown_path: Callable[[str], str]) -> Iterator[str]:
    """Return the edits as a unified diff."""
    for edit in edits:
        name = shown_path(edit.path)
        sides = (("a", edit.before), ("b", edit.after))
        before, after = ((content or b"").decode("utf-8", "replace").splitlines() for _, content in sides)
        old, new = ("/dev/null" if content is None else f"{side}/{name}" for side, content in sides)
        yield from difflib.unified_diff(before, after, old, new, lineterm="")


def apply_edits(edits: Sequence[FileEdit], journal: Path) -> None:
    """Write every edit or none. What the files held before is in `journal` until all are written.

    Raises RevisionFileError, before the first write, if a file no longer holds what the edit was made from.
    """
    _refuse_changed(edits)
    if not edits:
        return
    modes = {edit.path: _mode(Path(edit.like or edit.path)) for edit in edits}
    entries = [
        {"path": edit.path, "before": _packed(edit.before), "after": _packed(edit.after), "mode": modes[edit.path]}
        for edit in edits
    ]
    journal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(journal, json.dumps(entries).encode())
    try:
        # What goes is deleted last: at every moment each revision is in a file.
        for edit in sorted(edits, key=lambda edit: edit.after is None):
            _put(Path(edit.path), edit.after, modes[edit.path])
    except OSError:
        recover(journal)
        raise
    journal.unlink()


def replace_file(edit: FileEdit) -> None:
    """Write one edit. Raises RevisionFileError if the file no longer holds what the edit was made from."""
    _refuse_changed([edit])
    _put(Path(edit.path), edit.after)


def _refuse_changed(edits: Sequence[FileEdit]) -> None:
    for edit in edits:
        if _content(Path(edit.path)) != edit.before:
            raise RevisionFileError(f"{edit.path} was changed meanwhile", "run the command again")


def recover(journal: Path) -> list[str]:
    """Put back what a killed apply_edits had begun to change; return the files. Without a journal do nothing.

    Raises RevisionFileError for a file that holds neither of the two versions: somebody has edited it since.
    """
    if not journal.exists():
        return []
    entries = [
        (Path(entry["path"]), _unpacked(entry["before"]), _unpacked(entry["after"]), entry.get("mode"))
        for entry in json.loads(journal.read_bytes())
    ]
    for path, before, after, _ in entries:
        if _content(path) not in (before, after):
            raise RevisionFileError(
                f"{path} was half rewritten by a command that was killed, and changed since",
                f"look at it, then delete {journal}",
            )
    changed = [(path, before, mode) for path, before, after, mode in entries if _content(path) == after != before]
    for path, before, mode in sorted(changed, key=lambda change: change[1] is None):
        _put(path, before, mode)
    journal.unlink()
    return [str(path) for path, _, _ in changed]


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _mode(path: Path) -> int | None:
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else None


def _put(path: Path, content: bytes | None, mode: int | None = None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
        return
    is_new = not path.exists()
    if is_new:
        path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, content)
    if is_new and mode is not None:
        os.chmod(path, mode)


def _write(path: Path, content: bytes) -> None:
    """Replace a file's content in one step, keeping its mode."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            shutil.copymode(path, name)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise


def _packed(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _unpacked(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
