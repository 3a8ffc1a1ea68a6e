"""Who wrote revision files, in which commit, on which git branch: of a few files, or of all in one pass."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from branchmig.git.history import BRANCHES, additions, branches, commit_of, current_branch, holders, short_ref
from branchmig.git.paths import pathspecs
from branchmig.git.repository import Repository, split
from branchmig.model import Origin

FEW = 6
"""Files that are asked for one by one: git stops at the commit that added each. More are found in one walk."""


def authorships(
    repository: Repository,
    paths: Sequence[str],
    sides: Sequence[str],
    folders: Sequence[str],
    targets: Sequence[str] = (),
) -> dict[str, Origin]:
    """Return, for each path from the top, the commit that added it, and the branch that this commit was made on.

    `sides` are refs to look in: for a merge preview both of its sides. `folders` hold the paths. A file that no side
    has is not committed yet: it has the checked-out branch, if any, and nothing else.
    """
    commits = [commit_of(repository, side) for side in sides if repository.commit(side) is not None]
    committed = _present(repository, commits, paths) if commits else set()
    is_few = len(committed) <= FEW
    walks = [[path] for path in sorted(committed)] if is_few else [pathspecs(folders)]
    added: dict[str, Origin] = {}
    for places in walks:
        for path, origin in additions(repository, commits, places, is_one_file=is_few):
            if path in committed:
                added.setdefault(path, origin)
    found = dict.fromkeys(origin.commit for origin in added.values() if origin.commit)
    names = _branch_names(repository, list(found), targets)
    named = {path: replace(origin, branch=names.get(origin.commit or "")) for path, origin in added.items()}
    uncommitted = Origin(current_branch(repository))
    return {path: named.get(path, uncommitted) for path in paths}


def blame(repository: Repository, path: str, side: str | None) -> list[tuple[str, str, str]]:
    """Return commit, author and date of each line of a file at a commit, or with None as it is in the work tree.

    Empty where git knows nothing of the file. What is not committed yet has no commit: "".
    """
    from datetime import UTC, datetime, timedelta

    words = ["blame", "--no-textconv", "--line-porcelain", *([side] if side else []), "--", path]
    done = repository.attempt(*words)
    if done.returncode:
        return []
    lines: list[tuple[str, str, str]] = []
    commit, author, date, seconds = "", "", "", 0
    for line in done.stdout.decode("utf-8", "replace").split("\n"):
        name, _, value = line.partition(" ")
        if line.startswith("\t"):
            lines.append(("", "", "") if not commit.strip("0") else (commit, author, date))
        elif name == "author":
            author = value
        elif name == "author-time":
            seconds = int(value)
        elif name == "author-tz":
            # As `%as` of git log gives it: the day in the author's zone, +HHMM or -HHMM.
            offset = timedelta(hours=int(value[1:3]), minutes=int(value[3:5])) * (-1 if value[0] == "-" else 1)
            date = (datetime.fromtimestamp(seconds, UTC) + offset).date().isoformat()
        elif len(name) in (40, 64) and not name.strip("0123456789abcdef"):
            commit = name
    return lines


def _present(repository: Repository, commits: Sequence[str], paths: Sequence[str]) -> set[str]:
    wanted = set(paths)
    folders = sorted({os.path.dirname(path) for path in paths})
    found: set[str] = set()
    for commit in commits if paths else ():
        places = [f"{folder}/" if folder else "." for folder in folders] if len(paths) > FEW else sorted(wanted)
        listing = repository.run("ls-tree", "-r", "--name-only", "-z", "--full-tree", commit, "--", *places)
        found |= wanted.intersection(split(listing))
    return found


def _branch_names(repository: Repository, commits: Sequence[str], targets: Sequence[str]) -> dict[str, str]:
    """Return the branch to name each commit after, as history.holders does."""
    if len(commits) <= FEW:
        named = {commit: next(iter(refs), "") for commit, refs in holders(repository, commits, targets).items()}
        return {commit: short_ref(ref) for commit, ref in named.items() if ref.startswith(BRANCHES)}
    tips = branches(repository)
    # Every commit that a branch leads to, with its parents.
    listing = repository.run("rev-list", "--parents", "--branches", "--remotes").decode().splitlines()
    parents = {name: parents for name, *parents in (line.split(" ") for line in listing)}
    landed: dict[str, str] = {}
    for ref in targets:
        if ref in tips:
            _claim(tips[ref], ref, parents, landed, first_only=False)
    own = f"refs/heads/{current_branch(repository)}"
    by_first_parent, by_any = dict(landed), dict(landed)
    for ref in sorted(tips, key=lambda name: (name == own, name)):
        _claim(tips[ref], ref, parents, by_first_parent, first_only=True)
        _claim(tips[ref], ref, parents, by_any, first_only=False)
    found = {commit: by_first_parent.get(commit) or by_any.get(commit) for commit in commits}
    return {commit: short_ref(ref) for commit, ref in found.items() if ref is not None}


def _claim(
    tip: str, ref: str, parents: Mapping[str, Sequence[str]], claimed: dict[str, str], *, first_only: bool
) -> None:
    """Note all commits that a ref leads to and no earlier ref did."""
    waiting = [tip]
    while waiting:
        commit = waiting.pop()
        if commit in claimed:
            continue
        claimed[commit] = ref
        below = parents.get(commit, ())
        waiting += below[:1] if first_only else below
