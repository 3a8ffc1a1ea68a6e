"""The changes that a merge of each git branch makes in the target: many merges previewed in one git process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from branchmig.errors import GitError
from branchmig.git.cache import HeaderCache
from branchmig.git.history import branches, has_ancestor, pull_refs, short_ref
from branchmig.git.merge_words import MergedTree, read_merges
from branchmig.git.partial_clone import fetch_missing, missing_objects
from branchmig.git.places import Snapshot, cannot_merge, changed_between, object_directory
from branchmig.git.reading import FoundFile, fill_cache, read_snapshot
from branchmig.git.repository import Repository
from branchmig.model import Landing, Problem, Revision
from branchmig.revisions.fingerprint import fingerprint
from branchmig.revisions.integrity import changed_revisions

_USAGE = 129
"""How git ends that does not know an option: one before 2.38."""


@dataclass(frozen=True, slots=True)
class Project:
    """What of a repository is one project's, from the top: its folders of revisions, its settings, its own files."""

    folders: tuple[str, ...]
    is_recursive: bool
    settings: tuple[str, ...] = ()
    home: str = ""

    def revisions_in(self, files: Mapping[str, str]) -> dict[str, str]:
        """Return those of some files, by path, that are revisions or settings."""
        starts = tuple(f"{folder}/" if folder else "" for folder in self.folders)
        return {path: blob for path, blob in files.items() if path.startswith(starts) or path in self.settings}

    def has(self, path: str) -> bool:
        """Return whether a path is a file of the project."""
        below = (*self.folders, *([self.home] if self.home else []))
        return path in self.settings or any(not folder or path.startswith(f"{folder}/") for folder in below)


def landings(repository: Repository, target: str, branches: Mapping[str, str], project: Project) -> list[Landing]:
    """Return what the merge of each branch into the commit `target` would add and remove, in the branches' order.

    `branches` are names with their commits. Branches whose files of the project are the target's, and merges that end
    in the same tree, are read once. A branch that git cannot merge has the reason. Raises GitError in a shallow clone.
    """
    if repository.is_shallow:
        raise cannot_merge(repository, b"")
    unchanged = _with_same_files(repository, target, branches, project)
    commits = list(dict.fromkeys(commit for commit in branches.values() if commit not in unchanged))
    names = {commit: name for name, commit in reversed(list(branches.items()))} | {target: "the target"}
    with tempfile.TemporaryDirectory(prefix="branchmig-") as scratch:
        more = object_directory(repository, scratch)
        pairs = merges_of(repository, [(target, commit) for commit in commits], more, names)
        merges = {commit: merge for (_, commit), merge in pairs.items()}
        trees = list(dict.fromkeys(merge.tree for merge in merges.values() if isinstance(merge, MergedTree)))
        found = _differences(repository, target, trees, project, more)
    return [_landing(name, merges.get(commit), found, project) for name, commit in branches.items()]


def _landing(name: str, merge: MergedTree | GitError | None, found: Mapping[str, Landing], project: Project) -> Landing:
    if merge is None:
        return Landing(name, {})
    if isinstance(merge, GitError):
        return Landing(name, {}, reason=merge.message)
    landing = found[merge.tree]
    unreadable = set(landing.unreadable)
    own = [conflict for conflict in merge.conflicts if any(map(project.has, conflict.paths))]
    words = (conflict.words for conflict in own if not unreadable.intersection(conflict.paths))
    elsewhere = tuple(conflict.words for conflict in merge.conflicts if conflict not in own)
    return replace(landing, branch=name, merge_conflicts=tuple(words), elsewhere=elsewhere)


def open_branches(repository: Repository, target: str, settled_at: str) -> dict[str, str]:
    """Return each local and remote branch but the target, whose commit is given, with its commit, by short name.

    A local branch and the remote branch of its name come once if one of the two has the other's commits: as that one.
    """
    own_name = short_ref(target)
    skipped = {target, f"refs/heads/{own_name}"}
    # The other end of the target, here or on the remote, while it is at the same commit.
    twins = {f"refs/heads/{own_name.partition('/')[2]}", f"refs/remotes/origin/{own_name}"}
    found: dict[str, str] = {}
    local = {}
    for ref, commit in branches(repository).items():
        name = short_ref(ref)
        if ref in skipped or (ref in twins and commit == settled_at):
            continue
        twin = name.partition("/")[2]
        if ref.startswith("refs/heads/"):
            local[name] = commit
        elif twin in local:
            if commit == local[twin] or has_ancestor(repository, local[twin], commit):
                continue
            if has_ancestor(repository, commit, local[twin]):
                found.pop(twin, None)
        found[name] = commit
    return found


def open_pulls(repository: Repository) -> dict[str, str]:
    """Return each pull request that was fetched, with its commit, by the shortest name that git takes; oldest first."""
    pulls = pull_refs(repository).items()
    return {ref.removeprefix("refs/remotes/").removeprefix("refs/"): commit for ref, commit in pulls}


def _with_same_files(repository: Repository, target: str, branches: Mapping[str, str], project: Project) -> set[str]:
    """Return the commits whose files of the project are the very trees and blobs that the target has."""
    commits = list(dict.fromkeys([target, *branches.values()]))
    paths = [*project.folders, *([project.home] if project.home else []), *project.settings]
    found = iter(repository.ids_of([f"{commit}:{path}" for commit in commits for path in paths]))
    ids = {commit: tuple(next(found) for _ in paths) for commit in commits}
    return {commit for commit, own in ids.items() if own == ids[target] and any(own)}


def merges_of(
    repository: Repository, pairs: Sequence[tuple[str, str]], more: Mapping[str, str], names: Mapping[str, str]
) -> dict[tuple[str, str], MergedTree | GitError]:
    """Return the merge of each two commits, or why git cannot merge them: git ends at the first such two.

    `names` are what to call the commits, `more` is the environment in which the trees are written.
    """
    found: dict[tuple[str, str], MergedTree | GitError] = {}
    waiting = list(pairs)
    # An orphan branch (gh-pages) has nothing in common with the target, and is merged all the same.
    words = ["--write-tree", "--stdin", "-z", "--allow-unrelated-histories"]
    while waiting:
        given = "".join(f"{ours} {theirs}\n" for ours, theirs in waiting).encode()
        done = repository.attempt("merge-tree", *words, given=given, more=more)
        merges = dict(zip(waiting, read_merges(done.stdout, names), strict=False))
        found |= merges
        waiting = waiting[len(merges) :]
        if not waiting:
            break
        error = cannot_merge(repository, done.stderr)
        if not found and done.returncode == _USAGE:
            raise error
        found[waiting.pop(0)] = error
    return found


def _differences(
    repository: Repository, target: str, trees: Sequence[str], project: Project, more: Mapping[str, str]
) -> dict[str, Landing]:
    """Return for each tree what it adds to the target's revisions, takes away and changes, and unreadable files."""
    everything = dict(zip(trees, changed_between(repository, target, trees, [""], more), strict=True))
    changes = {tree: (project.revisions_in(old), project.revisions_in(new)) for tree, (old, new) in everything.items()}
    cache = HeaderCache(repository.common_dir)
    scripts = [
        blob for sides in changes.values() for side in sides for path, blob in side.items() if path[-3:] == ".py"
    ]
    lacking = _lacking(repository, scripts, more, cache) if repository.is_partial else {}
    fill_cache(repository, [blob for blob in scripts if blob not in lacking], more, cache)

    def files(blobs: Mapping[str, str]) -> list[FoundFile]:
        snapshot = Snapshot("", blobs, more=more)
        return read_snapshot(repository, snapshot, project.folders, is_recursive=project.is_recursive, cache=cache)

    found = {}
    for tree, (before, after) in changes.items():
        reason = next((lacking[blob] for side in (before, after) for blob in side.values() if blob in lacking), None)
        if reason is not None:
            found[tree] = Landing("", {}, reason=reason)
            continue
        has_other_settings = any(before.get(path) != after.get(path) for path in project.settings)
        landing = _landing_of(repository, files(before), files(after), more, has_other_settings)
        found[tree] = replace(landing, files={**dict.fromkeys(everything[tree][0], ""), **everything[tree][1]})
    cache.save(())
    return found


def defects(problems: Iterable[Problem]) -> tuple[str, ...]:
    """Return the defects of files that have no merge conflict."""
    return tuple(problem.message for problem in problems if problem.code == "unreadable-revision")


def _lacking(
    repository: Repository, blobs: Sequence[str], more: Mapping[str, str], cache: HeaderCache
) -> dict[str, str]:
    """Return the blobs that a partial clone lacks and whose remote does not give them, each with the reason."""
    unknown = [blob for blob in dict.fromkeys(blobs) if blob not in cache]
    try:
        fetch_missing(repository, unknown, more)
    except GitError as error:
        return dict.fromkeys(missing_objects(repository, unknown, more), error.message)
    return {}


def _landing_of(
    repository: Repository,
    before: Sequence[FoundFile],
    after: Sequence[FoundFile],
    more: Mapping[str, str],
    has_other_settings: bool,
) -> Landing:
    there, here = (
        {file.content.id: file.content for file in files if isinstance(file.content, Revision)}
        for files in (before, after)
    )
    broken = {file.path for file in after if not isinstance(file.content, Revision) or file.marker_line}
    old, new = ({f"{repository.top}/{file.path}": file.blob for file in files} for files in (before, after))

    def is_same(revision: Revision, other: Revision) -> bool:
        blobs = old[revision.path or ""], new[other.path or ""]
        texts = dict(repository.blobs(blobs, more))
        return blobs[0] == blobs[1] or fingerprint(texts[blobs[0]]) == fingerprint(texts[blobs[1]])

    # A file that cannot be read is reported as such, not as a revision that is gone.
    ends = tuple(f"/{path}" for path in broken)
    lost = [revision for revision in there.values() if not (revision.path or "").endswith(ends)]
    changed = changed_revisions(lost, list(here.values()), is_same)
    return Landing(
        "",
        here,
        frozenset(there),
        tuple(sorted(broken)),
        tuple(change.before.id for change in changed if change.after is None),
        tuple(change.before.id for change in changed if change.after is not None),
        defects=defects([file.content for file in after if isinstance(file.content, Problem)]),
        has_other_settings=has_other_settings,
        blobs={file.content.id: file.blob for file in after if isinstance(file.content, Revision)},
    )
