"""Which other refs hold a file of the checked-out branch: what is shared must not be rewritten."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from branchmig.git.history import BRANCHES, current_branch, listed_refs
from branchmig.git.repository import Repository


def refs_holding(
    repository: Repository, paths: Sequence[str], others: Collection[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Return, for each path from the top, the other branches and the tags that have a file there, by full name.

    Not counted: the branch that is checked out or being rebased, and the branches it is pushed to (its upstream, and
    any remote's branch of its name), and files whose blob is one of `others`: other files of the same name. Paths that
    no other ref has are left out.
    """
    refs = _other_refs(repository)
    there = list(repository.ids_of([f"{ref}:{path}" for path in paths for ref in refs]))
    rows = {path: there[at * len(refs) : (at + 1) * len(refs)] for at, path in enumerate(paths)}
    held = {
        path: tuple(ref for ref, blob in zip(refs, row, strict=True) if blob and blob not in others)
        for path, row in rows.items()
    }
    return {path: names for path, names in held.items() if names}


def _other_refs(repository: Repository) -> list[str]:
    own = own_branch(repository)
    words = ("rev-parse", "--symbolic-full-name", "--verify", "--quiet", f"{own}@{{upstream}}")
    upstream = os.fsdecode(repository.attempt(*words).stdout).strip() if own else ""
    return [
        ref
        for _, symref, ref in listed_refs(repository, *BRANCHES, "refs/tags/")
        if not symref
        and ref not in (f"refs/heads/{own}", upstream)
        and not (own and ref.startswith("refs/remotes/") and ref.split("/", 3)[3:] == [own])
    ]


def own_branch(repository: Repository) -> str | None:
    """Return the branch that is checked out, or that a `git rebase` in progress moves; None on a detached HEAD."""
    for name in ("rebase-merge/head-name", "rebase-apply/head-name"):
        file = repository.path(name)
        if file.exists():
            return os.fsdecode(file.read_bytes()).strip().removeprefix("refs/heads/")
    return current_branch(repository)
