"""Which git branches hold landed work: their revisions are in other people's databases, and must stay as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from branchmig.git.history import branches, current_branch, is_object_id, short_ref
from branchmig.git.repository import Repository

Protected = Sequence[str] | None
"""What the setting `protected` of the target says: patterns, or None for the names below."""

# Names by which teams call branches that are released from, and that nobody rewrites. Any other branch is somebody's
# work, which may be amended, rebased and pushed by force.
LANDING_NAMES = re.compile(
    r"(main|master|trunk|develop|development|dev|prod|production|staging|stable|maint|release|releases|support)"
    r"([/_-].+)?|v?[0-9]+(\.([0-9]+|x))*([-.]?(x|stable|maint|lts))?",
    re.IGNORECASE,
)


def is_landing_name(name: str, protected: Protected) -> bool:
    """Return whether a branch of that name holds landed work: by the setting, or as teams call such branches."""
    if protected is None:
        return LANDING_NAMES.fullmatch(name) is not None
    return any(fnmatchcase(name, pattern) for pattern in protected)


def name_of(repository: Repository, place: str) -> str:
    """Return the ref that a place is: of HEAD the branch that is checked out; `place` itself where there is none."""
    branch = current_branch(repository) if place == "HEAD" else None
    return f"refs/heads/{branch}" if branch else place


def is_landing_branch(repository: Repository, name: str, place: str, target: str | None, protected: Protected) -> bool:
    """Return whether a place is a branch that holds landed work: the target, by name or commit, or one by its name."""
    short = without_remote(repository, name)
    if is_landing_name(short, protected):
        return True
    if target is None:
        return False
    return short == without_remote(repository, target) or repository.commit(place) == repository.commit(target)


def landed_twin(repository: Repository, name: str) -> str | None:
    """Return the remote branch of the name that a branch has."""
    twins = [ref for ref in branches(repository) if ref.startswith("refs/remotes/")]
    return next((ref for ref in twins if ref.split("/", 3)[3] == name), None)


def without_remote(repository: Repository, name: str) -> str:
    """Return a branch's name as its remote knows it; an id as it is."""
    if is_object_id(name):
        return name
    if name.startswith("refs/remotes/") or (
        not name.startswith("refs/") and repository.commit(f"refs/remotes/{name}") is not None
    ):
        return short_ref(name).partition("/")[2]
    return short_ref(name)
