"""`git switch`, with a check beforehand whether git would refuse, so that no database changes for a failed switch."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from branchmig.errors import GitError
from branchmig.git.history import as_pattern, commit_of, listed_refs
from branchmig.git.repository import Repository, words_of

_UNDER_WAY = {
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
}
"""What git does not leave half done for a switch, by the file of it. A rebase may have a cherry-pick's, too."""

FOLLOWED = "BRANCHMIG_FOLLOWED"
"""Set while we run git ourselves: the hooks then leave the database to us."""


def destination(repository: Repository, name: str) -> str:
    """Return the commit that `git switch NAME` would check out: a branch, `-`, or the one remote's branch of that name.

    Raises GitError if there is none.
    """
    if name == "-":
        return commit_of(repository, "@{-1}")
    local = repository.commit(f"refs/heads/{name}")
    if local is not None:
        return local
    listing = listed_refs(repository, f"refs/remotes/*/{as_pattern(name)}")
    if len(listing) == 1:
        return listing[0][0]
    # git breaks the tie by this setting, as `git switch` itself does.
    preferred = repository.setting("checkout.defaultRemote")
    tracked = repository.commit(f"refs/remotes/{preferred}/{name}") if listing and preferred else None
    if tracked is not None:
        return tracked
    if listing:
        raise GitError(f"more than one remote has a branch {name!r}", f"git switch --track REMOTE/{name}")
    raise GitError(f"git knows no branch {name!r}", "'git branch --all' lists them; a commit takes --detach")


def previous_branch(repository: Repository) -> str | None:
    """Return the branch that `git switch -` goes to; None where that is a commit on no branch."""
    found = repository.attempt("rev-parse", "--symbolic-full-name", "@{-1}")
    ref = os.fsdecode(found.stdout).strip()
    return ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None


def made_from(repository: Repository, branch: str) -> str | None:
    """Return the name that a branch was made from, as its reflog has it; None where that is unknown, or HEAD."""
    listed = repository.attempt("log", "--walk-reflogs", "--format=%gs", f"refs/heads/{branch}", "--").stdout
    name = os.fsdecode(listed).strip().rpartition("\n")[2].removeprefix("branch: Created from ")
    return None if name in ("", "HEAD") else name.removeprefix("refs/heads/")


def refuse_busy(repository: Repository, branch: str | None) -> None:
    """Raise GitError if git would not leave what is checked out, or not enter a branch; None is a commit on no branch.

    git says so only after it was asked to switch, when a database would have been moved.
    """
    for name, what in _UNDER_WAY.items():
        if (repository.git_dir / name).exists():
            raise GitError(f"git would refuse to switch: {what} is in progress", "complete it, or end it: git status")
    has_others = repository.git_dir != repository.common_dir or (repository.common_dir / "worktrees").is_dir()
    folder = branches_elsewhere(repository).get(branch) if branch is not None and has_others else None
    if folder is not None:
        raise GitError(
            f"git would refuse to switch: {branch} is checked out in {folder}", "work there, or switch that work tree"
        )


def refuse_to_make(repository: Repository, branch: str) -> None:
    """Raise GitError if git would not make a branch."""
    above = [branch[:index] for index, letter in enumerate(branch) if letter == "/"]
    for name in (branch, *above):
        if repository.commit(f"refs/heads/{name}") is not None:
            raise GitError(f"git would refuse to switch: there is a branch {name} already", f"git switch {name}")
    if listed_refs(repository, f"refs/heads/{as_pattern(branch)}/"):
        raise GitError(f"git would refuse to switch: there are branches below {branch}/", "give another name")
    if repository.attempt("check-ref-format", f"refs/heads/{branch}").returncode or branch.startswith("-"):
        raise GitError(f"git would refuse to switch: {branch!r} is no name for a branch", "give another name")


def refuse_impossible(repository: Repository, commit: str) -> None:
    """Raise GitError if git could not check a commit out because of uncommitted changes in the work tree."""
    # Without it, files whose time alone has changed would count as changed.
    repository.attempt("update-index", "-q", "--refresh", as_user=True)
    tried = repository.attempt("read-tree", "-n", "-m", "-u", "HEAD", commit, as_user=True)
    if tried.returncode:
        reason = words_of(tried.stderr).removeprefix("error: ")
        raise GitError(f"git would refuse to switch: {reason}", "commit or stash your changes")


def switch(repository: Repository, words: Sequence[str]) -> str:
    """Run `git switch` and return what it says. Raises GitError with its reason if it refuses.

    A post-checkout hook that fails makes git fail after it has switched.
    """
    head = repository.git_dir / "HEAD"
    before = head.read_bytes()
    done = repository.attempt("switch", *words, more={FOLLOWED: "1"}, as_user=True)
    said = os.fsdecode(done.stderr + done.stdout).rstrip("\n")
    if done.returncode and head.read_bytes() == before:
        raise GitError(f"git did not switch: {' '.join(said.split()).removeprefix('fatal: ')}", "see 'git status'")
    return said


def is_rebase_beginning(repository: Repository) -> bool:
    """Return whether HEAD was just detached by something else than a checkout, as a rebase does at its start.

    `git rebase --apply` runs post-checkout before any of its own files exist (git 2.39): only the reflog shows it.
    """
    if repository.attempt("symbolic-ref", "--quiet", "HEAD").returncode == 0:
        return False
    entry = repository.attempt("log", "--walk-reflogs", "-1", "--format=%gs", "HEAD")
    return not entry.stdout.startswith(b"checkout: moving from ")


def branches_elsewhere(repository: Repository) -> dict[str, str]:
    """Return the branches that other work trees of this repository have checked out, with the work trees' folders."""
    found: dict[str, str] = {}
    folder = ""
    for line in os.fsdecode(repository.run("worktree", "list", "--porcelain", "-z")).split("\0"):
        word, _, value = line.partition(" ")
        if word == "worktree":
            folder = value
        elif word == "branch" and os.path.realpath(folder) != str(repository.top):
            found[value.removeprefix("refs/heads/")] = folder
    return found


def old_names(repository: Repository) -> dict[str, str]:
    """Return the names that branches had before `git branch -m`, with those that they have now."""
    found: dict[str, str] = {}
    names = {ref for _, _, ref in listed_refs(repository, "refs/heads")}
    folder = repository.common_dir / "logs"
    for name in names:
        try:
            log = (folder / name).read_text("utf-8", "surrogateescape")
        except OSError:
            continue
        for old in _RENAMED.findall(log):
            if f"refs/heads/{old}" not in names:
                found[old] = name.removeprefix("refs/heads/")
    return found


_RENAMED = re.compile(r"\tBranch: renamed refs/heads/(\S+) to ")
