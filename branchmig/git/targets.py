"""Finds the git branch that work lands in, or says why there is none."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from branchmig.errors import GitError
from branchmig.git.history import as_pattern, commit_of, fetch_command, listed_refs, short_ref
from branchmig.git.repository import Repository

USUAL_NAMES = ("main", "master", "trunk", "develop")

BASE_VARIABLES = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
"""What GitHub Actions and GitLab CI name the branch in that a pull or merge request lands in."""

_HEADS, _REMOTES = "refs/heads/", "refs/remotes/"


@dataclass(frozen=True, slots=True)
class Target:
    """The ref that work lands in. Where `ref` is None, `reason` says why, and `hint` what to type.

    Both are empty where the repository has no commit yet: nothing can have landed. `commit` is what git said that the
    ref stands for; empty where it was not asked.
    """

    ref: str | None
    reason: str = ""
    hint: str = ""
    commit: str = ""


class _Listed(NamedTuple):
    """What git lists of a ref: the ref that it stands for, and the commit."""

    stands_for: str
    commit: str


def required_target(repository: Repository, given: str | None, setting: str | None, option: str) -> str:
    """Return the target. Raises GitError where there is none; `option` is the one that would name it."""
    found = find_target(repository, given, setting, option)
    if found.ref is None:
        raise GitError(found.reason or "this repository has no commit yet", found.hint or "make the first commit")
    return found.ref


def find_target(
    repository: Repository, given: str | None, setting: str | None = None, option: str = "--target"
) -> Target:
    """Return the target: what was given, the setting, what CI names, a remote's HEAD, a usual name, the only branch.

    A remote called `upstream` comes before others: a fork's work lands there. What CI names and the clone does not
    have is not replaced by another branch. Raises GitError for a given name or a setting that names nothing.
    """
    if given or setting:
        ref = given or setting or ""
        try:
            commit_of(repository, ref)
        except GitError:
            is_base = short_ref(ref).partition("/")[2] == os.environ.get("GITHUB_BASE_REF")
            if not is_base or not _is_merge_of_pull(repository):
                raise
            return Target("HEAD^1")
        return Target(ref)
    variable = next((name for name in BASE_VARIABLES if os.environ.get(name)), None)
    if variable is not None:
        return _named_by_ci(repository, variable, os.environ[variable])
    if repository.is_bare:
        # A server's HEAD is its default branch, and what is pushed does not move it.
        branch = os.fsdecode(repository.attempt("symbolic-ref", "--quiet", "HEAD").stdout).rstrip("\n")
        if branch and repository.commit(branch) is not None:
            return Target(branch)
    known = _known(repository, USUAL_NAMES)
    heads = {ref.removesuffix("/HEAD"): listed.stands_for for ref, listed in known.items() if ref.endswith("/HEAD")}
    if heads:
        return _as_target(_of_remote_heads(repository, heads, known), known)
    default, remotes = dict(repository.settings).get("init.defaultbranch", ""), repository.remotes
    if default and default not in USUAL_NAMES:
        known |= _known(repository, [default])
    refs = _in_order(known, [*([default] if default else []), *USUAL_NAMES])
    found = next(refs, None) or _only_branch(repository)
    return _as_target(found, known) if found else _none(repository, remotes, option)


def target_branch(repository: Repository, setting: str | None) -> str | None:
    """Return the ref that work lands in, as find_target finds it; None if there is none.

    Raises GitError for a setting that names nothing.
    """
    return find_target(repository, setting).ref


def target_refs(repository: Repository, setting: str | None) -> tuple[str, ...]:
    """Return the full names of the target and of its other ends: the local branch and the remotes' of that name.

    Empty where no target can be found.
    """
    try:
        ref = find_target(repository, None, setting).ref
    except GitError:
        return ()
    if ref is None:
        return ()
    ref = full_name(repository, ref)
    name = ref.removeprefix(_HEADS) if ref.startswith(_HEADS) else ref.removeprefix(_REMOTES).partition("/")[2]
    return tuple(dict.fromkeys([ref, *_in_order(_known(repository, [name]), [name])]))


def full_name(repository: Repository, ref: str) -> str:
    """Return a ref by its full name, `refs/heads/main`; as it is where it names no ref."""
    if ref.startswith((_HEADS, _REMOTES)):
        return ref
    found = repository.attempt("rev-parse", "--symbolic-full-name", "--verify", "--quiet", "--end-of-options", ref)
    return os.fsdecode(found.stdout).rstrip("\n").rpartition("\n")[2] or ref


def _named_by_ci(repository: Repository, variable: str, name: str) -> Target:
    found = next(_in_order(_known(repository, [name]), [name]), None)
    if found is not None:
        return Target(found)
    if variable == "GITHUB_BASE_REF" and _is_merge_of_pull(repository):
        return Target("HEAD^1")
    fetch = _fetch(repository, repository.remotes, name)
    return Target(None, f"{variable} names {name!r}, and this clone does not have that branch", fetch)


def _is_merge_of_pull(repository: Repository) -> bool:
    """Return whether HEAD is the merge that GitHub makes for a pull request, whose first parent is the target."""
    ref = os.environ.get("GITHUB_REF", "")
    if not re.fullmatch(r"refs/pull/\d+/merge", ref) or repository.commit("HEAD^2") is None:
        return False
    return repository.commit("HEAD") == os.environ.get("GITHUB_SHA")


def _as_target(ref: str, known: Mapping[str, _Listed]) -> Target:
    return Target(ref, commit=next((listed.commit for listed in known.values() if listed.stands_for == ref), ""))


def _known(repository: Repository, names: Sequence[str]) -> dict[str, _Listed]:
    """Return the refs of some branches, local and remote, and the remotes' HEADs with what they stand for."""
    folders = (f"{_REMOTES}**/", _HEADS)
    patterns = [f"{_REMOTES}**/HEAD", *(folder + as_pattern(name) for folder in folders for name in names)]
    return {ref: _Listed(symref or ref, commit) for commit, symref, ref in listed_refs(repository, *patterns)}


def _of_remote_heads(repository: Repository, heads: Mapping[str, str], known: Mapping[str, _Listed]) -> str:
    """Return what the HEAD of the first remote stands for; `upstream` has none until somebody sets it."""
    remote = min(heads, key=_rank)
    ref = heads[remote]
    upstream = f"{_REMOTES}upstream"
    if remote != upstream and ref.startswith(f"{remote}/"):
        there = f"{upstream}{ref.removeprefix(remote)}"
        # The usual names were listed: what is not among them is not there.
        is_listed = ref.removeprefix(f"{remote}/") in USUAL_NAMES
        if there in known if is_listed else repository.commit(there) is not None:
            return there
    return ref


def _in_order(known: Mapping[str, _Listed], names: Iterable[str]) -> Iterator[str]:
    """Yield the refs of each name in turn: of the remotes first, then the local branch."""
    remote = sorted((ref for ref in known if ref.startswith(_REMOTES)), key=_rank)
    for name in dict.fromkeys(names):
        # The remote's own name is taken to hold no slash.
        yield from (ref for ref in remote if ref.removeprefix(_REMOTES).partition("/")[2] == name)
        if _HEADS + name in known:
            yield _HEADS + name


def _rank(ref: str) -> tuple[int, str]:
    remote = ref.removeprefix(_REMOTES).partition("/")[0]
    return ({"upstream": 0, "origin": 1}.get(remote, 2), ref)


def _only_branch(repository: Repository) -> str | None:
    """Return the only branch where no remote is, or none was ever fetched from or pushed to."""
    refs = [ref for _, _, ref in listed_refs(repository, "--count=2", _HEADS, _REMOTES)]
    return refs[0] if len(refs) == 1 and refs[0].startswith(_HEADS) else None


def _none(repository: Repository, remotes: Sequence[str], option: str) -> Target:
    if not remotes and not listed_refs(repository, "--count=1") and repository.commit("HEAD") is None:
        return Target(None)
    name_it = f"name it: {option} REF, or target = REF in [branchmig]"
    if not remotes:
        return Target(None, "no git branch was found that the work lands in", name_it)
    fetch = _fetch(repository, remotes, "BRANCH")
    return Target(None, "this clone has no git branch that the work lands in", f"{fetch}; then {name_it}")


def _fetch(repository: Repository, remotes: Sequence[str], name: str) -> str:
    remote = min(remotes, key=lambda each: _rank(_REMOTES + each), default="origin")
    return fetch_command(repository, remote, name)
