"""Refs, and the origin of a revision: commit, author, git branch."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from branchmig.dag import reached
from branchmig.errors import GitError
from branchmig.git.repository import Repository
from branchmig.model import Origin
from branchmig.revisions.escaping import in_shell

if TYPE_CHECKING:
    import git


_OBJECT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA1_DIGITS = 40
_ON_BRANCH = "ref: refs/heads/"
BRANCHES = ("refs/heads/", "refs/remotes/")
DEPTHS = "GitHub Actions: fetch-depth: 0; GitLab: GIT_DEPTH: 0"
PULLS = ("refs/pull/*/head", "refs/merge-requests/*/head", "refs/remotes/*/pr/*")

PRIVATE_REFS = "refs/branchmig/"
"""Refs that are branchmig's own: never reported as branches."""


def commit_of(repository: Repository, ref: str) -> str:
    """Return the commit that a ref stands for. Raises GitError saying what is there instead."""
    commit = repository.commit(ref)
    if commit is not None:
        _refuse_two_refs(repository, ref)
        return commit
    if ref == "HEAD":
        raise GitError("this branch has no commit yet", "make the first commit")
    shallow = " (this clone is shallow: git fetch --unshallow)" if repository.is_shallow else ""
    remote, _, branch = short_ref(ref).partition("/")
    if branch and remote in repository.remotes:
        raise GitError(
            f"this clone does not have {branch} of the remote {remote}", fetch_command(repository, remote, branch)
        )
    raise GitError(f"git knows no ref or commit {ref!r}{shallow}", "git fetch, or see 'git branch --all'")


def fetch_command(repository: Repository, remote: str, branch: str) -> str:
    """Return what to type to get a branch of a remote; in a shallow clone, with all of its history."""
    whole, where = ("--unshallow ", f" ({DEPTHS})") if repository.is_shallow else ("", "")
    words = in_shell(f"{branch}:refs/remotes/{remote}/{branch}")
    return f"git fetch {whole}{in_shell(remote)} {words}{where}"


def _refuse_two_refs(repository: Repository, ref: str) -> None:
    """Raise GitError for a name that is both a branch and a tag, at two commits: git would take the tag."""
    if ref == "HEAD" or ref.startswith("refs/") or is_object_id(ref):
        return
    names = (f"refs/heads/{ref}", f"refs/tags/{ref}")
    there = {name for _, _, name in listed_refs(repository, *names)}
    if len({repository.commit(name) for name in names if name in there}) > 1:
        raise GitError(f"{ref!r} is both a branch and a tag, at two commits", f"write {names[0]}, or {names[1]}")


def is_object_id(name: str) -> bool:
    """Return whether a name is an id in full, and not that of a ref, which may move."""
    return _OBJECT_ID.fullmatch(name) is not None


def short_ref(ref: str) -> str:
    """Return a ref as people write it: `main`, `origin/main`."""
    prefix = next((known for known in (*BRANCHES, "refs/tags/") if ref.startswith(known)), "")
    return ref[len(prefix) :]


def plain_name(repository: Repository, ref: str) -> str:
    """Return a ref as people type it; a branch in full where a tag has its name, which git would take."""
    short = short_ref(ref)
    return ref if short != ref and repository.commit(f"refs/tags/{short}") is not None else short


def branch_name(repository: Repository, branch: str) -> str:
    """Return a branch without its remote: `feature` of `origin/feature`."""
    if repository.commit(f"refs/heads/{branch}") is not None or repository.commit(f"refs/remotes/{branch}") is None:
        return branch
    return branch.partition("/")[2]


def current_branch(repository: Repository) -> str | None:
    """Return the checked-out branch; None where HEAD is detached."""
    try:
        head = os.fsdecode((repository.git_dir / "HEAD").read_bytes()).strip()
    except OSError:
        head = ""
    if _OBJECT_ID.fullmatch(head):
        return None
    # Refs in the format reftable leave a placeholder in the file.
    if not head.startswith(_ON_BRANCH) or head == f"{_ON_BRANCH}.invalid":
        head = "ref: " + os.fsdecode(repository.attempt("symbolic-ref", "--quiet", "HEAD").stdout).rstrip("\n")
    return short_ref(head.removeprefix("ref: ")) or None


def merge_base(repository: Repository, name: str, other: str) -> str | None:
    """Return a best common ancestor of two commits, or None."""
    found = repository.attempt("merge-base", "--end-of-options", name, other)
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
    return {ref: commit for commit, symref, ref in listed_refs(repository, "refs/heads", "refs/remotes") if not symref}


def tags_beyond(repository: Repository, commit: str) -> list[str]:
    """Return the tags that a commit does not have below it, by short name."""
    return [short_ref(ref) for _, _, ref in listed_refs(repository, f"--no-merged={commit}", "refs/tags/")]


def commit_times(repository: Repository, commits: Iterable[str]) -> dict[str, int]:
    """Return the second of the epoch at which each of some commits was made."""
    given = "".join(f"{commit}\n" for commit in dict.fromkeys(commits)).encode()
    listing = repository.run("log", "--no-walk=unsorted", "--stdin", "--format=%H %ct", given=given).decode()
    return {commit: int(second) for commit, second in map(str.split, listing.splitlines())}


def pull_refs(repository: Repository) -> dict[str, str]:
    """Return the tips of pull requests that were fetched, by full name, in the order of their numbers."""
    found = {ref: commit for commit, symref, ref in listed_refs(repository, *PULLS) if not symref}

    def number(ref: str) -> tuple[str, int, str]:
        digits = [part for part in ref.split("/") if part.isdecimal()]
        return ref.partition(digits[-1])[0] if digits else ref, int(digits[-1]) if digits else 0, ref

    return {ref: found[ref] for ref in sorted(found, key=number)}


def ref_names(repository: Repository) -> list[str]:
    """Return the full name of every branch, local and remote, and tag; of symbolic ones, too."""
    return [ref for _, _, ref in listed_refs(repository, *BRANCHES, "refs/tags/")]


def branches_beyond(repository: Repository, commit: str) -> frozenset[str]:
    """Return, by short name, the local and remote branches that have a commit which the given one does not lead to."""
    return frozenset(short_ref(ref) for _, _, ref in listed_refs(repository, f"--no-merged={commit}", *BRANCHES))


def is_stashed(repository: Repository, commit: str) -> bool:
    """Return whether a commit is part of a stash: what was staged, or the untracked files."""
    found = repository.attempt("log", "--walk-reflogs", "--format=%P", "refs/stash", "--")
    return commit in found.stdout.decode().split()


def tags_with(repository: Repository, commit: str) -> list[str]:
    """Return, by short name, the tags whose history has a commit, sorted."""
    found = repository.attempt("for-each-ref", "--format=%(refname)", f"--contains={commit}", "refs/tags/")
    return sorted(short_ref(os.fsdecode(name)) for name in found.stdout.split(b"\n") if name)


def as_pattern(name: str) -> str:
    """Return a name as a pattern of refs that matches nothing else."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def listed_refs(repository: Repository, *words: str) -> list[tuple[str, str, str]]:
    """Return object, symbolic target and full name of some refs. Names hold no newline, but any other separator."""
    listing = repository.run("for-each-ref", "--format=%(objectname) %(symref) %(refname)", *words)
    lines = [os.fsdecode(line).split(" ", 2) for line in listing.split(b"\n") if line]
    return [(commit, symref, ref) for commit, symref, ref in lines]


def origins(
    repository: Repository, paths: Sequence[str], sides: Sequence[str], targets: Sequence[str] = ()
) -> dict[str, Origin]:
    """Return, for each path from the top, the commit that added it and the branch that this commit is on.

    `sides` are refs to look in, in order: for a merge preview both of its sides. A file that no side has in its
    history is not committed yet. `targets` are as in `holders`.
    """
    import git

    # The work tree may hold no .git, with --git-dir. A folder may be called $HOME.
    repo = git.Repo(repository.common_dir, expand_vars=False)
    try:
        return {path: _origin(repo, repository, path, sides, targets) for path in paths}
    finally:
        repo.close()


def _origin(repo: git.Repo, repository: Repository, path: str, sides: Sequence[str], targets: Sequence[str]) -> Origin:
    for side in sides:
        found = additions(repository, [side], [path], is_one_file=True) if repository.commit(side) else []
        origin = next((origin for added, origin in found if added == path), None)
        if origin is not None and origin.commit is not None:
            # GitPython looks objects up by SHA-1 alone.
            is_sha1 = len(origin.commit) == _SHA1_DIGITS
            author = str(repo.commit(origin.commit).author.name) if is_sha1 else origin.author
            return Origin(branch_with(repository, origin.commit, side, targets), origin.commit, author)
    return Origin(current_branch(repository))


def additions(
    repository: Repository, sides: Sequence[str], places: Sequence[str], *, is_one_file: bool
) -> list[tuple[str, Origin]]:
    """Return each file that some commits added at or below `places`, with the commit that did, newest first.

    The branch is left open. With `is_one_file` the walk stops at the newest commit.
    """
    # -c: what a merge commit itself adds, as a merge revision made while merging, is in no other commit.
    words = ("log", "-c", "--name-only", "--no-renames", "--no-show-signature", "--diff-filter=A", "-z", _MARKED)
    for limit in (("-1",), ()) if is_one_file else ((),):
        listing = repository.run(*words, *limit, "--end-of-options", *sides, "--", *places)
        found = list(_added_files(listing))
        # A merge commit that changed the file counts for -1 and lists nothing: then all of the history is read.
        if found or not listing:
            return found
    return []


_MARKED = "--format=%x01%x00%H%x00%an%x00%as%x00"


def _added_files(listing: bytes) -> Iterator[tuple[str, Origin]]:
    """Read what git log lists. A path never is the one character that begins a commit."""
    fields = iter(os.fsdecode(listing).split("\0"))
    origin = Origin()
    for field in fields:
        if field == "\x01":
            origin = Origin(None, next(fields), next(fields), next(fields))
        elif field:
            yield field.removeprefix("\n"), origin


def branch_with(repository: Repository, commit: str, side: str, targets: Sequence[str] = ()) -> str | None:
    """Return the branch that a commit was made on: the first of `holders`.

    In a merge, or on a server before a push is taken, a side is known by its id alone: then None.
    """
    ref = next(iter(holders(repository, [commit], targets)[commit]), "")
    if ref.startswith(BRANCHES):
        return short_ref(ref)
    return None if _OBJECT_ID.fullmatch(side) else short_ref(side)


def holders(
    repository: Repository, commits: Collection[str], targets: Sequence[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Return the refs that lead to each commit, by full name, the branch to name it after first.

    What `targets` lead to has landed, and belongs to them alone (see targets.target_refs). Of the rest, that is the
    branch that has the commit on its first-parent line, not by a merge; and a branch that is not checked out comes
    first, as a branch names its work better than what it was merged into. Other refs (tags, the stash) are named
    where no branch leads there, `HEAD` where only a detached one does. Pins are no such refs. Commits that nothing
    leads to, or that are not there, have none.
    """
    children = _children(repository, commits)
    named: dict[str, list[str]] = {}
    for commit, ref in _named_commits(repository):
        named.setdefault(commit, []).append(ref)
    own = f"refs/heads/{current_branch(repository)}"
    return {commit: _holders_of(commit, children, named, own, targets) for commit in commits}


def _holders_of(
    commit: str,
    children: Mapping[str, list[tuple[str, bool]]],
    named: Mapping[str, list[str]],
    own: str,
    targets: Sequence[str],
) -> tuple[str, ...]:
    if commit not in children:
        return ()
    above = _refs_above(commit, children, named)
    landed = [ref for ref in targets if ref in above]
    if landed:
        return tuple(landed)
    line = _refs_above(commit, children, named, only_first=True)
    for refs in (line, above):
        if found := [ref for ref in refs if ref.startswith(BRANCHES)]:
            return tuple(sorted(found, key=lambda ref: (ref == own, ref)))
    return tuple(sorted(above, key=lambda ref: (not ref.startswith("refs/tags/"), ref))) or ("HEAD",)


def _refs_above(
    commit: str,
    children: Mapping[str, list[tuple[str, bool]]],
    named: Mapping[str, list[str]],
    *,
    only_first: bool = False,
) -> list[str]:
    """Return the refs that lead to a commit; with `only_first`, by first parents alone."""
    above = reached([commit], lambda name: (child for child, is_first in children[name] if is_first or not only_first))
    return [ref for name in above | {commit} for ref in named.get(name, ())]


def _children(repository: Repository, commits: Collection[str]) -> dict[str, list[tuple[str, bool]]]:
    """Return the children of the commits that any ref leads to, and whether each has it as its first parent.

    Commits below all of `commits` are left out. One process, however many commits and refs there are.
    """
    words = ["rev-list", "--parents", f"--exclude={PRIVATE_REFS}*", "--all"]
    base = os.fsdecode(repository.attempt("merge-base", "--octopus", *commits).stdout).split()
    bounded = repository.attempt(*words, "--not", f"{base[0]}^@") if base else None
    done = bounded if bounded is not None and bounded.returncode == 0 else repository.attempt(*words)
    if done.returncode:
        raise GitError(f"git cannot read its history: {os.fsdecode(done.stderr).strip()}", "see 'git fsck'")
    children: dict[str, list[tuple[str, bool]]] = {}
    for line in done.stdout.decode().splitlines():
        commit, *parents = line.split(" ")
        children.setdefault(commit, [])
        for number, parent in enumerate(parents):
            children.setdefault(parent, []).append((commit, number == 0))
    return children


def _named_commits(repository: Repository) -> Iterator[tuple[str, str]]:
    """Yield the commit of each ref, and the ref: not of symbolic ones, nor of our own."""
    listing = repository.run("for-each-ref", "--format=%(objectname) %(*objectname) %(symref) %(refname)")
    for line in listing.split(b"\n"):
        if line:
            commit, peeled, symref, ref = os.fsdecode(line).split(" ", 3)
            if not symref and not ref.startswith(PRIVATE_REFS):
                yield peeled or commit, ref
