"""Applies edits to files: all or none, also when killed in the middle."""

from __future__ import annotations

import base64
import difflib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig.errors import RevisionFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from branchmig.model import FileEdit


def diff_lines(edits: Sequence[FileEdit], shown_path: Callable[[str], str]) -> Iterator[str]:
    """Return the edits as a unified diff."""
    for edit in edits:
        name = shown_path(edit.path)
        before, after = (_text_lines(content) for content in (edit.before, edit.after))
        yield from difflib.unified_diff(before, after, f"a/{name}", f"b/{name}", lineterm="")


def apply_edits(edits: Sequence[FileEdit], journal: Path) -> None:
    """Write every edit or none. What the files held before lies in `journal` until all are written.

    Raises RevisionFileError, before the first write, if a file no longer holds what the edit was made from.
    """
    for edit in edits:
        if Path(edit.path).read_bytes() != edit.before:
            raise RevisionFileError(f"{edit.path} was changed meanwhile", "run the command again")
    if not edits:
        return
    entries = [{"path": edit.path, "before": _packed(edit.before), "after": _packed(edit.after)} for edit in edits]
    journal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(journal, json.dumps(entries).encode())
    try:
        for edit in edits:
            _write(Path(edit.path), edit.after)
    except OSError:
        recover(journal)
        raise
    journal.unlink()


def replace_file(edit: FileEdit) -> None:
    """Write one edit. Raises RevisionFileError if the file no longer holds what the edit was made from."""
    if Path(edit.path).read_bytes() != edit.before:
        raise RevisionFileError(f"{edit.path} was changed meanwhile", "run the command again")
    _write(Path(edit.path), edit.after)


def recover(journal: Path) -> list[str]:
    """Put back what a killed apply_edits had begun to change; return the files. Without a journal do nothing.

    Raises RevisionFileError for a file that holds neither of the two versions: somebody has edited it since.
    """
    if not journal.exists():
        return []
    entries = [
        (Path(entry["path"]), _unpacked(entry["before"]), _unpacked(entry["after"]))
        for entry in json.loads(journal.read_bytes())
    ]
    for path, before, after in entries:
        if not path.exists() or path.read_bytes() not in (before, after):
            raise RevisionFileError(
                f"{path} was half rewritten by a command that was killed, and changed since",
                f"look at it, then delete {journal}",
            )
    changed = [(path, before) for path, before, after in entries if path.read_bytes() == after]
    for path, before in changed:
        _write(path, before)
    journal.unlink()
    return [str(path) for path, _ in changed]


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


def _text_lines(content: bytes) -> list[str]:
    return content.decode("utf-8", "replace").splitlines()


def _packed(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _unpacked(text: str) -> bytes:
    return base64.b64decode(text)
