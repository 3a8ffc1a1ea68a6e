"""PURE. Where a revision is that the checkout lacks, as a message and what to type."""

from __future__ import annotations

import re
import shlex

from branchmig.model import Location
from branchmig.planning.journal_state import Entry

_BRANCH, _REMOTE, _TAG, _STASH, _PIN = "refs/heads/", "refs/remotes/", "refs/tags/", "refs/stash", "refs/branchmig/"


def origin_text(found: Location) -> str:
    """Return in a few words where a revision is, for the line of a plan: `feature/x, commit 1a2b3c4d5e by Ada`."""
    by = f" by {found.author}" if found.author else ""
    if found.found_in and found.found_in[0].startswith(_PIN):
        return f"kept by a pin{f', made on {found.was_on}' if found.was_on else ''}{by}"
    commit = f"commit {found.commit[:10]}" if found.commit else "not committed"
    return f"{f'{found.branch}, ' if found.branch else ''}{commit}{by}"


def location_text(found: Location | None, shown_path: str, *, is_shallow: bool = False) -> tuple[str, str]:
    """Return what to say of an orphan after a colon, and the hint. `shown_path` is its file as messages show it."""
    if found is None:
        return _lost(is_shallow)
    place = found.found_in[0]
    if place.startswith((_BRANCH, _REMOTE, _TAG)):
        name = f"tag {place.removeprefix(_TAG)}" if place.startswith(_TAG) else found.branch
        return (
            f"it is on {name}, {_commit(found, shown_path)}",
            f"to undo it: branchmig sync; to go where it is: {_switch(place)}",
        )
    return _kept_otherwise(found, place, shown_path), "to undo it with the script that git has: branchmig sync"


def recorded_text(entry: Entry) -> tuple[str, str] | None:
    """Return what the journal says of where a revision came from, and the hint; None if it has no commit of it."""
    commit = entry.git_commit or ""
    # The value comes from a database, and goes to a shell.
    if entry.direction != "upgrade" or entry.in_commit is False or not re.fullmatch(r"[0-9a-f]{7,64}", commit):
        return None
    branch = f" of git branch {entry.git_branch}" if entry.git_branch else ""
    who = f" by {entry.who}" if entry.who else ""
    return (
        f"the journal says that it was applied{who} from commit {commit[:10]}{branch}",
        f"deploy that commit, or in a clone of the repository: git switch --detach {commit[:10]}, and there "
        "branchmig status",
    )


def _commit(found: Location, shown_path: str) -> str:
    return f"commit {found.commit[:10]} by {found.author}, {shown_path}"


def _kept_otherwise(found: Location, place: str, shown_path: str) -> str:
    commit = _commit(found, shown_path)
    if place.startswith(_STASH):
        return f"it is in a stash, {commit}"
    if place.startswith(_PIN):
        author = f" by {found.author}" if found.author else ""
        made = f", made on {found.was_on}" if found.was_on else ""
        return f"it is no longer in any branch; a pin keeps it{author}{made}, {shown_path}"
    if place == "index":
        return f"it is staged and not committed, {shown_path}"
    if place == "reflog":
        return f"it is no longer in any branch; a reflog keeps {commit}"
    if place != "unreachable":
        return f"it is on {place}, {commit}"
    thing = commit if found.commit else f"its blob {found.blob[:10]}"
    nowhere = "no longer in any branch" if found.commit else "in no commit"
    return f"it is {nowhere}; nothing keeps {thing}, but it is not collected yet"


def _lost(is_shallow: bool) -> tuple[str, str]:
    clone = "this shallow clone" if is_shallow else "this clone"
    fetch = "git fetch --unshallow" if is_shallow else "git fetch --all"
    return (
        f"it is lost: no branch, stash, pin, reflog or left-over object of {clone} has it",
        f"a remote or another clone may have it: {fetch}; else record another one: branchmig stamp --purge REVISION",
    )


def _switch(ref: str) -> str:
    """Return how to switch to a branch or tag: git takes no `--` there, and only a local branch attached."""
    name = ref.split("/", 2)[2]
    detach = "" if ref.startswith(_BRANCH) and name[0] != "-" else "--detach "
    return f"git switch {detach}{shlex.quote(ref if name[0] == '-' else name)}"
