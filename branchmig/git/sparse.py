"""Files that the index has and a sparse checkout leaves out of the work tree: they are part of the checkout."""

from __future__ import annotations

import os
from collections.abc import Sequence

from branchmig.git.paths import pathspecs
from branchmig.git.places import Snapshot
from branchmig.git.repository import Repository, split


def left_out(repository: Repository, folders: Sequence[str]) -> Snapshot:
    """Return the files below some folders that the index marks as skip-worktree and that are not there."""
    words = ("ls-files", "-s", "-t", "-z", "--", *pathspecs(folders))
    blobs: dict[str, str] = {}
    for line in split(repository.run(*words)):
        facts, _, path = line.partition("\t")
        tag, mode, blob, _ = facts.split(" ")
        # "S" is skip-worktree. A file that was written in spite of the bit is read where it is.
        if tag == "S" and mode.startswith("100") and not os.path.lexists(repository.top / path):
            blobs[path] = blob
    return Snapshot(":0:", blobs)
