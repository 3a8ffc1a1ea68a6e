"""Fingerprints of scripts that earlier runs computed, by the digest of the whole script, in the user's cache folder.

A test suite, or a new container on a machine, brings one database after another to the head with the same scripts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from branchmig.git.cache import store, stored
from branchmig.revisions.fingerprint import FORMAT, fingerprint

WORTH_REMEMBERING = 50
"""Scripts. Below this, computing them all takes less than a tenth of a second, and no file is touched."""


def fingerprints(folder: Path, sources: Iterable[bytes]) -> dict[bytes, str]:
    """Return the fingerprint of each script; `folder` is the project's. Without a cache it is just slower."""
    wanted = list(dict.fromkeys(sources))
    if len(wanted) < WORTH_REMEMBERING:
        return {source: fingerprint(source) for source in wanted}
    file = _file(folder)
    known = stored(file)
    known = known if isinstance(known, dict) else {}
    keys = {source: hashlib.sha256(source).hexdigest() for source in wanted}
    found = {source: _of_this_format(known.get(key)) or fingerprint(source) for source, key in keys.items()}
    if any(key not in known for key in keys.values()):
        # What is not of these scripts is dropped: branches have most of them in common.
        store(file, {keys[source]: digest for source, digest in found.items()})
    return found


def _of_this_format(found: object) -> str | None:
    return found if isinstance(found, str) and found.startswith(FORMAT) else None


def _file(folder: Path) -> Path:
    import platformdirs

    name = hashlib.blake2b(str(folder.resolve()).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    return Path(platformdirs.user_cache_dir("branchmig")) / f"fingerprints-{FORMAT.rstrip(':')}-{name}.json"
