"""Which commit wrote which revision file: read from git's history, and kept as an index that grows with it.

To compare the trees of 10,000 commits with those of their parents takes git seconds. So what the refs lead to is
walked once, and the outcome is kept in the common git directory, where all work trees share it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from branchmig.git.cache import MOST_ENTRIES, store, stored
from branchmig.git.history import PRIVATE_REFS
from branchmig.git.paths import pathspecs
from branchmig.git.repository import Repository, words_of

FORMAT = 1
"""Number in the file's name: another walk writes another file."""

# -c: what a merge commit itself wrote, a merge revision above all. --full-history: also what a branch wrote and took
# back before it was merged. --root, --no-follow and the rest: whatever the user's settings say.
_LOG = (
    *("log", "--ignore-missing", "--full-history", "-c", "--root", "--no-follow", "--no-show-signature"),
    *("--raw", "--no-abbrev", "--no-renames", "--encoding=UTF-8", "-z", "--format=%x01%H %ct %an"),
)
_ALL_REFS = (f"--exclude={PRIVATE_REFS}*", "--all")
_EVERYWHERE = (*_ALL_REFS, "--reflog")


class Write(NamedTuple):
    """A file that a commit wrote, or holds: when, in seconds since 1970, who, at which path from the top.

    `branch` is what a pin remembers: the branch that the file was made on.
    """

    time: int
    commit: str
    author: str
    path: str
    blob: str
    branch: str | None = None


class WrittenFiles:
    """What commits wrote below the revision folders. `failures` are git's words where it could not read on."""

    def __init__(self, repository: Repository, folders: Sequence[str]) -> None:
        self.failures: list[str] = []
        self._repository = repository
        self._pathspecs = pathspecs(folders)
        name = hashlib.blake2b(json.dumps(sorted(folders)).encode(), digest_size=8).hexdigest()
        self._file = repository.common_dir / "branchmig" / f"written-{name}-{FORMAT}.json"
        # All that `walked` leads to was read, but for what `deferred` leads to.
        self._walked: list[str] = []
        self._tips: list[str] = []
        self._deferred: list[str] = []
        self._writes: list[Write] = []
        # Where a shallow history ends, it goes on as soon as more is fetched, below commits that were walked.
        if not repository.is_shallow:
            self._load()

    def recent(self) -> list[Write]:
        """Return what the commits that any ref leads to wrote, newest first.

        Where this is the first time, the history of HEAD is left for `earlier`: what the checkout lacks is mostly
        on another branch.
        """
        tips = self._tips = self._lines("rev-list", "--no-walk=unsorted", *_ALL_REFS)
        if not self._walked:
            head = self._repository.commit("HEAD")
            self._deferred = [head] if head else []
        if not set(tips) <= {*self._walked, *self._deferred}:
            known = [f"^{name}" for name in (*self._walked, *self._deferred)]
            # They were committed on top of what was walked before: of two at the same second they are newer.
            self._writes = _by_time([*self._log([], [*tips, *known]), *self._writes])
            self._keep(tips)
        return self._writes

    def earlier(self) -> list[Write]:
        """Return the same with the whole history of HEAD; nothing where `recent` had it already."""
        if not self._deferred:
            return []
        self._writes = _by_time([*self._writes, *self._log([], self._deferred)])
        self._deferred = []
        self._keep(self._walked)
        return self._writes

    def in_reflogs(self) -> list[Write]:
        """Return what commits wrote that only reflogs lead to, those of all work trees; asked after `recent`."""
        if not self._has_commits():
            return []
        return self._log(["--reflog"], [f"^{tip}" for tip in self._tips])

    def elsewhere(self, blobs: Collection[str]) -> list[Write]:
        """Return what commits of refs or reflogs wrote of some blobs, at any path whatsoever, newest first."""
        if not self._has_commits():
            return []
        return self._log([*_EVERYWHERE, *(f"--find-object={blob}" for blob in blobs)], [], ())

    def _has_commits(self) -> bool:
        # Where there are none, git log fails: it would look at HEAD.
        return bool(self._tips or self._lines("rev-list", "--no-walk=unsorted", *_EVERYWHERE))

    def _log(self, words: Sequence[str], revisions: Iterable[str], places: Sequence[str] | None = None) -> list[Write]:
        places = self._pathspecs if places is None else places
        found, failure = log_writes(self._repository, words, revisions, places)
        self.failures += [failure] if failure else []
        return found

    def _lines(self, *words: str) -> list[str]:
        done = self._repository.attempt(*words)
        if done.returncode:
            self.failures.append(words_of(done.stderr))
        return list(dict.fromkeys(done.stdout.decode().split()))

    def _load(self) -> None:
        state = stored(self._file)
        if not state or len(state["writes"]) > MOST_ENTRIES:
            return
        # What a commit led to that is gone, and so what was left out, is unknown.
        if any(self._repository.commit(item) is None for item in state["deferred"]):
            return
        self._walked, self._deferred = state["walked"], state["deferred"]
        self._writes = [Write(*facts) for facts in state["writes"]]

    def _keep(self, walked: list[str]) -> None:
        self._walked = walked
        if not self.failures and not self._repository.is_shallow:
            writes = [write[:-1] for write in self._writes]
            store(self._file, {"walked": self._walked, "deferred": self._deferred, "writes": writes})


def log_writes(
    repository: Repository, words: Sequence[str], revisions: Iterable[str], pathspecs: Sequence[str]
) -> tuple[list[Write], str | None]:
    """Return what some commits wrote, newest first, and git's words if it could not read them all.

    `words` are further ones for git log; `revisions` are commits, or with `^` those whose history is left out.
    """
    given = "".join(f"{revision}\n" for revision in revisions).encode()
    done = repository.attempt(*_LOG, *words, "--stdin", "--", *pathspecs, given=given)
    return list(_writes(done.stdout)), words_of(done.stderr) if done.returncode else None


def _by_time(writes: Sequence[Write]) -> list[Write]:
    return sorted(dict.fromkeys(writes), key=lambda write: -write.time)


def _writes(listing: bytes) -> Iterator[Write]:
    """Read what git log prints: a line for each commit, then facts and path of each file, all ended by NUL.

    A merge has as many colons before its facts as it has parents, and for each a mode and an id.
    """
    fields = iter(listing.decode("utf-8", "surrogateescape").split("\0"))
    commit, time, author = "", "", ""
    for field in fields:
        facts = field.lstrip("\n")
        if facts.startswith("\x01"):
            commit, time, author = facts[1:].split(" ", 2)
        elif facts.startswith(":"):
            words = facts.lstrip(":").split(" ")
            parents = len(facts) - len(facts.lstrip(":"))
            path = next(fields)
            if words[parents].startswith("100") and path.endswith((".py", ".pyc")):
                yield Write(int(time), commit, author, path, words[2 * parents + 1])
