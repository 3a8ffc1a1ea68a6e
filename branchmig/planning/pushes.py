"""PURE. The ref changes of a push, from the lines that git gives to pre-push and pre-receive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_HEADS = "refs/heads/"
_REVIEWS = ("refs/for/", "refs/drafts/", "refs/for-review/")
"""Where Gerrit, and servers that follow it, take work for review: `refs/for/BRANCH`, options after a `%`."""


@dataclass(frozen=True, slots=True)
class Push:
    """One branch that is pushed: its new commit, and the one that the server has; None where it has none.

    With `is_review`, the work is to land in `branch`, and a server may read the name's last parts as a topic.
    """

    branch: str
    new: str
    old: str | None = None
    is_review: bool = False

    @property
    def landing_names(self) -> tuple[str, ...]:
        """The branches that this may land in, the likeliest first: of `main/topic` main/topic, then main."""
        if not self.is_review:
            return (self.branch,)
        parts = self.branch.split("/")
        return tuple("/".join(parts[:count]) for count in range(len(parts), 0, -1))


@dataclass(frozen=True, slots=True)
class Deletion:
    """One branch that a push deletes, and the commit that the server has of it."""

    branch: str
    old: str


def parse_deletions(lines: Iterable[str]) -> list[Deletion]:
    """Return the branches that are deleted, from the same lines."""
    found = []
    for old, new, ref in map(_facts, lines):
        if ref.startswith(_HEADS) and set(new) == {"0"} and not set(old) <= {"0"}:
            found.append(Deletion(ref[len(_HEADS) :], old))
    return found


def parse_push(lines: Iterable[str]) -> list[Push]:
    """Return the branches that are pushed; deletions and other refs are left out.

    pre-push lines are `local-ref oid remote-ref oid`, pre-receive lines `old new ref`.
    """
    found = []
    for old, new, ref in map(_facts, lines):
        if not set(new) <= {"0"}:
            found += _of_ref(ref, new, None if set(old) <= {"0"} else old)
    return found


def _facts(line: str) -> tuple[str, str, str]:
    """Return the old commit, the new one and the ref of a line; empty for a line that is neither kind."""
    # The first of four is what was typed, and may hold spaces: HEAD@{1 day ago}.
    words = line.rsplit(" ", 3)
    if len(words) == 4:
        return words[3], words[1], words[2]
    return (words[0], words[1], words[2]) if len(words) == 3 else ("", "", "")


def _of_ref(ref: str, new: str, old: str | None) -> list[Push]:
    if ref.startswith(_HEADS):
        return [Push(ref[len(_HEADS) :], new, old)]
    review = next((prefix for prefix in _REVIEWS if ref.startswith(prefix)), None)
    if review is None:
        return []
    branch = ref[len(review) :].partition("%")[0].removeprefix(_HEADS)
    return [Push(branch, new, None, is_review=True)] if branch else []
