"""Reads refs from git's files, where that is certain to be what git would say: a process for each would take longer.

Any name, and any repository, that could be more than one plain ref is left to git.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_ID = re.compile(rb"[0-9a-f]{40}|[0-9a-f]{64}")
_PLAIN = re.compile(r"MERGE_HEAD|refs/(heads|remotes|tags)/[^~^:@?*\[\\\s\0]+")
# `rev-parse v1-14-g2414721` is commit 2414721, whatever comes before.
_DESCRIBED = re.compile(r"-g[0-9a-f]+\Z")
# Where git looks for a name, after the name itself: gitrevisions(7).
_RULES = ("refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")


def id_in_file(git_dir: Path, common_dir: Path, ref: str) -> str | None:
    """Return the id that the file of HEAD or of a branch holds; None where only git can tell."""
    if ref == "HEAD":
        content = _content(git_dir / ref)
        if content is None or not content.startswith(b"ref: refs/heads/"):
            return _as_id(content)
        ref = os.fsdecode(content.removeprefix(b"ref: ").rstrip(b"\n"))
    if not ref.startswith(("refs/heads/", "refs/remotes/")) or not _is_plain(ref):
        return None
    return _as_id(_content(common_dir / ref))


def is_surely_missing(git_dir: Path, common_dir: Path, ref: str) -> bool:
    """Return whether no file of git could give a name a meaning."""
    # In the format reftable, refs/heads is a file.
    if not _is_plain(ref) or not (common_dir / "refs" / "heads").is_dir():
        return False
    names = [ref, *(rule.format(ref) for rule in _RULES)]
    if any(os.path.lexists(folder / name) for name in names for folder in {git_dir, common_dir}):
        return False
    # Read last: git writes it before it deletes the files of the refs in it.
    packed = _content(common_dir / "packed-refs")
    if packed is None:
        return not os.path.lexists(common_dir / "packed-refs")
    return not any(b" %s\n" % os.fsencode(name) in packed for name in names)


def _is_plain(ref: str) -> bool:
    return _PLAIN.fullmatch(ref) is not None and ".." not in ref and _DESCRIBED.search(ref) is None


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _as_id(content: bytes | None) -> str | None:
    line = (content or b"").rstrip(b"\n")
    return line.decode() if _ID.fullmatch(line) else None
