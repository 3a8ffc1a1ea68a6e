"""PURE. Where a revision lies that the checkout lacks, and how that is told: a message and what to type."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

_BRANCH, _REMOTE, _TAG, _STASH, _PIN = "refs/heads/", "refs/remotes/", "refs/tags/", "refs/stash", "refs/branchmig/"


@dataclass(frozen=True, slots=True)
class Location:
    """Where git has a revision's file.

    `branch` is the git branch that it was made on, short, or None if no branch leads there any more. `commit` is the
    newest that wrote the file; the pin's own where a pin alone holds it; empty where no commit does. `path` is from
    the top of the repository; empty for a left-over blob of which no name is known. `found_in` says where it was
    found, best first: full refs (pins among them), `HEAD` (detached), `reflog`, `index`, `unreachable`. `was_on` is
    the branch that a pin remembers.
    """

    branch: str | None
    commit: str
    author: str
    path: str
    blob: str
    found_in: tuple[str, ...]
    was_on: str | None = None


def told_of(found: Location | None, shown_path: str, *, is_shallow: bool = False) -> tuple[str, str]:
    """Return what to say of an orphan after a colon, and the hint. `shown_path` is its file as it is told."""
    if found is None:
        return _lost(is_shallow)
    place = found.found_in[0]
    commit = f"commit {found.commit[:10]} by {found.author}, {shown_path}"
    if place.startswith((_BRANCH, _REMOTE)):
        return f"it is on {found.branch}, {commit}", f"to undo it: {_switch(place)}, and there branchmig downgrade"
    if place.startswith(_TAG):
        name = place.removeprefix(_TAG)
        switch = f"git switch --detach {shlex.quote(place if name.startswith('-') else name)}"
        return f"it is on tag {name}, {commit}", f"to undo it: {switch}, and there branchmig downgrade"
    if place.startswith(_STASH):
        return f"it is in a stash, {commit}", _bring_back(found.commit[:10], shown_path)
    if place.startswith(_PIN):
        made = ", ".join(part for part in (f"made on {found.was_on}" if found.was_on else "", shown_path) if part)
        author = f" by {found.author}" if found.author else ""
        return f"it is in no branch any more; a pin keeps it{author}, {made}", _bring_back(place, shown_path)
    if place == "index":
        return f"it is staged and not committed, {shown_path}", _restore("", shown_path)
    return _unnamed(found, place, shown_path, commit)


def _unnamed(found: Location, place: str, shown_path: str, commit: str) -> tuple[str, str]:
    if not found.commit:
        blob = found.blob[:10]
        return (
            f"it is in no commit; nothing keeps its blob {blob}, but it is not collected yet",
            f"to bring it back: git cat-file blob {blob} >{shlex.quote(shown_path or 'FILE.py')}",
        )
    rescue = f"to undo it: git switch --create rescued {found.commit[:10]}, and there branchmig downgrade"
    if place == "reflog":
        return f"it is in no branch any more; a reflog keeps {commit}", rescue
    if place == "unreachable":
        return f"it is in no branch any more; nothing keeps {commit}, but it is not collected yet", rescue
    return f"it is on {place}, {commit}", rescue


def _lost(is_shallow: bool) -> tuple[str, str]:
    clone = "this shallow clone" if is_shallow else "this clone"
    fetch = "git fetch --unshallow" if is_shallow else "git fetch --all"
    return (
        f"it is lost: no branch, stash, pin, reflog or left-over object of {clone} has it",
        f"a remote or another clone may have it: {fetch}; else record another one: branchmig stamp --purge REVISION",
    )


def _switch(ref: str) -> str:
    if ref.startswith(_REMOTE):
        return f"git switch --detach {shlex.quote(ref.removeprefix(_REMOTE))}"
    name = ref.removeprefix(_BRANCH)
    # git takes no `--` there, and no branch by its full name unless it is to be detached.
    return f"git switch {shlex.quote(name)}" if name[0] != "-" else f"git switch --detach {shlex.quote(ref)}"


def _bring_back(source: str, path: str) -> str:
    return _restore(f"--source={source} ", path)


def _restore(source: str, path: str) -> str:
    return f"to undo it: git restore {source}-- {shlex.quote(path)}, then branchmig downgrade"
