"""Pushing one commit to the branch that it continues, or nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass

from branchmig.errors import GitError
from branchmig.git.repository import Repository, words_of


@dataclass(frozen=True, slots=True)
class Destination:
    """A branch of a remote: `remote` is a name or a URL, `branch` the name without refs/heads/."""

    remote: str
    branch: str

    def __str__(self) -> str:
        return f"{self.branch} on {self.remote}"


def destination_of(repository: Repository, branch: str | None) -> Destination:
    """Return where a local branch is pushed to, by git's settings. Raises GitError where they do not say.

    A remote's branch that only has the same name is none: it may be the base repository's, and the work a fork's.
    """
    if branch is None:
        raise GitError("no branch is checked out, so there is none to push to", "git switch BRANCH")
    remote = repository.setting(f"branch.{branch}.remote")
    merge = repository.setting(f"branch.{branch}.merge") or ""
    target = repository.setting(f"branch.{branch}.pushRemote") or repository.setting("remote.pushDefault") or remote
    if not remote or not target or not merge.startswith("refs/heads/") or remote == ".":
        raise GitError(
            f"{branch} has no upstream, so nothing says which branch to push to",
            f"git push --set-upstream REMOTE {branch}",
        )
    return Destination(target, merge.removeprefix("refs/heads/") if target == remote else branch)


def refuse_moved(repository: Repository, there: Destination, commit: str) -> None:
    """Raise GitError unless the remote's branch is at a commit: nothing else may be pushed, and nothing overwritten."""
    found = repository.attempt("ls-remote", "--refs", there.remote, f"refs/heads/{there.branch}", as_user=True)
    if found.returncode:
        raise GitError(f"{there.remote} cannot be asked for {there.branch}: {words_of(found.stderr)}")
    rows = [line.split("\t") for line in os.fsdecode(found.stdout).splitlines()]
    tip = next((oid for oid, ref in rows if ref == f"refs/heads/{there.branch}"), None)
    if tip is None:
        raise GitError(f"{there.remote} has no branch {there.branch}", "push the branch first: git push")
    if tip != commit:
        raise GitError(
            f"{there} is at {tip[:10]}, and this checkout at {commit[:10]}: it has moved, or has commits to be pushed",
            "merge the two first: git pull, git push",
        )


def push_commit(repository: Repository, there: Destination, old: str, new: str, *, runs_hooks: bool) -> None:
    """Push a commit on top of `old` to a branch, if that is still at `old`. Raises GitError with the remote's words."""
    words = (
        *("push", "--quiet", "--no-follow-tags", "--recurse-submodules=no", *(() if runs_hooks else ("--no-verify",))),
        f"--force-with-lease=refs/heads/{there.branch}:{old}",
        *(there.remote, f"{new}:refs/heads/{there.branch}"),
    )
    done = repository.attempt(*words, as_user=True)
    if done.returncode:
        raise GitError(
            f"the push to {there} was refused: {words_of(done.stderr)}",
            "no ref was changed; may this token, or user, push to that branch, and is it still the same?",
        )
