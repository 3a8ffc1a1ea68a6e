"""Refs, the target branch, and where a revision came from: commit, author, git branch. GitPython's room."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchmig.errors import GitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import git

    from branchmig.git.repository import Repository

_OBJECT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REMOTE_HEAD = "refs/remotes/origin/HEAD"
_TARGETS = ("refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a revision file came from; `commit` is None for one that is not committed yet."""

    branch: str | None
    commit: str | None
    author: str | None

    def __str__(self) -> str:
        if self.commit is None:
            return f"not committed yet, on {self.branch}" if self.branch else "not committed yet"
        where = f"{self.branch}, " if self.branch else ""
        return f"{where}{self.commit[:10]} by {self.author}"


def commit_of(repository: Repository, ref: str) -> str:
    """Return the commit that a ref stands for. Raises GitError saying what is there instead."""
    commit = repository.commit(ref)
    if commit is not None:
        return commit
    if ref == "HEAD":
        raise GitError("this branch has no commit yet", "make the first commit")
    shallow = " (this clone is shallow: git fetch --unshallow)" if repository.is_shallow else ""
    raise GitError(f"git knows no ref or commit {ref!r}{shallow}", "git fetch, or see 'git branch --all'")


def target_branch(repository: Repository, setting: str | None) -> str | None:
    """Return the ref that work lands in: the setting, the remote's HEAD, else main or master; None if none is there.

    Raises GitError for a setting that names nothing.
    """
    if setting:
        commit_of(repository, setting)
        return setting
    there = {ref: symref or ref for _, symref, ref in _refs(repository, _REMOTE_HEAD, *_TARGETS)}
    return next((there[ref] for ref in (_REMOTE_HEAD, *_TARGETS) if ref in there), None)


def short_ref(ref: str) -> str:
    """Return a ref as people write it: `main`, `origin/main`."""
    for prefix in ("refs/heads/", "refs/remotes/", "refs/tags/"):
        if ref.startswith(prefix):
            return ref[len(prefix) :]
    return ref


def current_branch(repository: Repository) -> str | None:
    """Return the checked-out branch; None where HEAD is detached."""
    found = repository.attempt("symbolic-ref", "--quiet", "HEAD")
    return short_ref(os.fsdecode(found.stdout).rstrip("\n")) or None


def merge_base(repository: Repository, one: str, other: str) -> str | None:
    """Return a best common ancestor of two commits, or None."""
    found = repository.attempt("merge-base", "--end-of-options", one, other)
    return found.stdout.decode().strip() or None if found.returncode == 0 else None


def merging_commits(repository: Repository) -> list[str]:
    """Return the commits that a git merge in progress brings in."""
    file = repository.path("MERGE_HEAD")
    return file.read_text().split() if file.exists() else []


def has_ancestor(repository: Repository, commit: str, ancestor: str) -> bool:
    """Return whether all of `ancestor` is in `commit`."""
    words = ("merge-base", "--is-ancestor", "--end-of-options", ancestor, commit)
    return repository.attempt(*words).returncode == 0


def branches(repository: Repository) -> dict[str, str]:
    """Return every local and remote branch with its commit, by full ref name, sorted. Symbolic refs are left out."""
    return {ref: commit for commit, symref, ref in _refs(repository, "refs/heads", "refs/remotes") if not symref}


def _refs(repository: Repository, *words: str) -> list[tuple[str, str, str]]:
    """Return object, symbolic target and full name of some refs. Names hold no newline, but any other separator."""
    listing = repository.run("for-each-ref", "--format=%(objectname) %(symref) %(refname)", *words)
    lines = [os.fsdecode(line).split(" ", 2) for line in listing.split(b"\n") if line]
    return [(commit, symref, ref) for commit, symref, ref in lines]


def origins(repository: Repository, paths: Sequence[str], sides: Sequence[str]) -> dict[str, Origin]:
    """Return, for each path from the top, the commit that added it and the branch that this commit is on.

    `sides` are refs to look in, in order: for a merge preview both of its sides. A file that no side has in its
    history is not committed yet.
    """
    import git

    repo = git.Repo(repository.top)
    try:
        return {path: _origin(repo, repository, path, sides) for path in paths}
    finally:
        repo.close()


def _origin(repo: git.Repo, repository: Repository, path: str, sides: Sequence[str]) -> Origin:
    for side in sides:
        found = repository.attempt(
            "log", "-1", "--no-show-signature", "--diff-filter=A", "--format=%H", "--end-of-options", side, "--", path
        ).stdout.decode()
        if found:
            commit = repo.commit(found.strip())
            return Origin(branch_with(repository, commit.hexsha, side), commit.hexsha, str(commit.author.name))
    return Origin(current_branch(repository), None, None)


def branch_with(repository: Repository, commit: str, side: str) -> str | None:
    """Return the branch that a commit was made on: one that has it on its first-parent line, not by a merge.

    Every branch forked later from the same line has it there too: the target comes first then, else a branch
    that is not checked out, as a branch names its work better than what it landed in.
    """
    listing = _refs(repository, "--contains", commit, "refs/heads", "refs/remotes")
    refs = [ref for _, symref, ref in listing if not symref]
    if not refs:
        # In a merge, or on a server before a push is taken, a side is known by its id alone.
        return None if _OBJECT_ID.fullmatch(side) else short_ref(side)
    made_on = [ref for ref in refs if _is_on_first_parent_line(repository, commit, ref)] or refs
    landed = [name for name in _TARGETS if name in made_on]
    own = f"refs/heads/{current_branch(repository)}"
    return short_ref(next(iter([*landed, *(ref for ref in made_on if ref != own), *made_on])))


def _is_on_first_parent_line(repository: Repository, commit: str, ref: str) -> bool:
    found = repository.attempt("rev-list", "--first-parent", ref, f"^{commit}^@")
    return commit.encode() in found.stdout.split()
