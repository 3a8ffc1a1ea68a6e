"""Headers of revision files by blob id, kept in the common git directory: all work trees share them.

A blob's id is a hash of its content, so an entry is never stale. The file is replaced as a whole, so several
processes may fill it at once; it begins with a digest of the rest, so a damaged one is thrown away.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from branchmig.model import Revision

FORMAT = 2
"""Number in the file's name: another reader of headers writes another file."""

MOST_ENTRIES = 200_000
"""Beyond this, what the last run did not need is dropped."""

# id, parents, depends_on, labels, message, replaces
_Header = tuple[str, list[str], list[str], list[str], str, list[str]]


class HeaderCache:
    """What earlier runs read. Reading and writing never fail: without a cache everything is just slower."""

    def __init__(self, folder: Path, name: str = "headers") -> None:
        self._file = folder / "branchmig" / f"{name}-{FORMAT}.json"
        self._known: Mapping[str, _Header] = stored(self._file) or {}
        self._new: dict[str, _Header] = {}

    def revision(self, blob: str, path: str) -> Revision | None:
        """Return the header of a blob as the revision that is at `path`, if it is known."""
        header = self._known.get(blob) or self._new.get(blob)
        if header is None:
            return None
        revision_id, parents, depends_on, labels, message, replaces = header
        ids = tuple(parents), tuple(depends_on), tuple(labels)
        return Revision(revision_id, *ids, message, path, replaces=tuple(replaces))

    def revision_id(self, blob: str) -> str | None:
        """Return the id that a blob states, if it is known."""
        header = self._known.get(blob) or self._new.get(blob)
        return None if header is None else header[0]

    def __contains__(self, blob: str) -> bool:
        return blob in self._known or blob in self._new

    def remember(self, blob: str, revision: Revision) -> None:
        """Keep a header for the next run. Only for what the content alone decides, whatever the file is called."""
        self._new[blob] = (
            revision.id,
            list(revision.parents),
            list(revision.depends_on),
            list(revision.labels),
            revision.message,
            list(revision.replaces),
        )

    def save(self, needed: Iterable[str]) -> None:
        """Write what is new, with what another process may have written meanwhile."""
        if not self._new:
            return
        entries = {**(stored(self._file) or {}), **self._new}
        if len(entries) > MOST_ENTRIES:
            entries = {blob: entries[blob] for blob in {*needed, *self._new} if blob in entries}
        store(self._file, entries)


def stored(file: Path) -> Any:
    """Return what `store` has written to a file; None if there is nothing, or nothing whole."""
    try:
        digest, _, body = file.read_bytes().partition(b"\n")
        return json.loads(body) if digest.decode() == _digest(body) else None
    except (OSError, ValueError):
        return None


def store(file: Path, content: Any) -> None:
    """Replace a file as a whole with a value as JSON, if it can be written."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    try:
        import tempfile

        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(_digest(body).encode() + b"\n" + body)
            os.replace(name, file)
        except OSError:
            os.unlink(name)
    except OSError:
        # A repository that may not be written to (a CI's checkout, another user's) is read without a cache.
        return


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()
