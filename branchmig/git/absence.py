"""What git shows of revisions that the work tree lacks: the index, HEAD and its history, other branches, tags."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from branchmig.git.cache import HeaderCache
from branchmig.git.history import commit_of, current_branch, has_ancestor, holders, merge_base, short_ref
from branchmig.git.orphans import writes_of
from branchmig.git.places import index_snapshot, tree_snapshot
from branchmig.git.reading import ids_of_blobs
from branchmig.git.repository import Repository, split
from branchmig.git.targets import target_branch
from branchmig.git.write_index import Write
from branchmig.model import Location, Presence, Removal

MOST_TIPS = 50
"""Earlier states of a branch, by its reflog, that are looked at."""


@dataclass(frozen=True)
class Checkout:
    """What a database follows: a commit, the branch that it is on, and the index where it is checked out."""

    repository: Repository
    folders: tuple[str, ...]
    is_recursive: bool
    commit: str
    branch: str | None
    has_index: bool

    @classmethod
    def head(cls, repository: Repository, folders: Sequence[str], *, is_recursive: bool) -> Checkout:
        """Return the current checkout. Raises GitError where there is no commit yet."""
        commit = commit_of(repository, "HEAD")
        return cls(repository, tuple(folders), is_recursive, commit, current_branch(repository), has_index=True)

    def at(self, commit: str, branch: str | None) -> Checkout:
        """Return the current checkout after a switch."""
        return replace(self, commit=commit, branch=branch, has_index=False)

    def presences(
        self, located: Mapping[str, Location | None], kept_down: Collection[str], setting: str | None
    ) -> dict[str, Presence]:
        """Return what git shows of some revisions that the work tree lacks.

        `located` says where each was found, if it was; `kept_down` are those on top of which something was applied
        that the checkout still has. `setting` names the target branch. Raises GitError.
        """
        here = self._here(located)
        open_ids = [name for name in located if name not in here]
        writes, failures = writes_of(self.repository, self.folders, open_ids, is_recursive=self.is_recursive)
        landed = {
            name: there
            for name in open_ids
            if (there := [write.path for write in writes.get(name, ()) if write.commit in self._history])
        }
        removals = self._removals(landed)
        found = {name: Presence(here=path) for name, path in here.items()}
        found |= {name: Presence(removal=removal) for name, removal in removals.items()}
        rest = {revision_id: located[revision_id] for revision_id in open_ids if revision_id not in landed}
        commits = {name: _commits(writes.get(name, ()), at) for name, at in rest.items()}
        refs = holders(self.repository, {c for some in commits.values() for c in some}) if rest else {}
        is_settled = self._is_target(setting) if rest else False
        for name, at in rest.items():
            named = [ref for commit in commits[name] for ref in refs.get(commit, ())]
            found_in = tuple(dict.fromkeys([*named, *(at.found_in if at is not None else ())]))
            found[name] = Presence(found_in=found_in, doubt=self._doubt(commits[name], failures))
            if found[name].doubt or not (name in kept_down or is_settled):
                continue
            paths = {write.path for write in writes.get(name, ())}
            if left := self._left_behind(sorted(paths | {at.path} if at is not None and at.path else paths), at):
                found[name] = Presence(removal=left)
        return found

    def added_by(self, commit: str) -> frozenset[str]:
        """Return the ids of the revisions in a commit that its first parent lacks."""
        ids = [self._ids(tree_snapshot(self.repository, name, self.folders).blobs) for name in (commit, f"{commit}^")]
        return frozenset(ids[0].values()) - frozenset(ids[1].values())

    def _here(self, located: Mapping[str, Location | None]) -> dict[str, str]:
        """Return, for each of the revisions that the index or HEAD has, at which path."""
        found: dict[str, str] = {}
        everywhere = {at.path.rpartition("/")[0] for at in located.values() if at is not None and at.path}
        folders = list(dict.fromkeys([*self.folders, *sorted(everywhere)]))
        places = [tree_snapshot(self.repository, self.commit, folders).blobs] if folders else []
        if folders and self.has_index:
            places.append(index_snapshot(self.repository, folders).blobs)
        for blobs in places:
            wanted = {blob: path for path, blob in blobs.items() if path.endswith((".py", ".pyc"))}
            for blob, revision_id in self._ids({path: blob for blob, path in wanted.items()}).items():
                if revision_id in located:
                    found[revision_id] = wanted[blob]
        return found

    def _ids(self, blobs: Mapping[str, str]) -> dict[str, str]:
        """Return the revision id of each blob, for blobs by path."""
        paths = {blob: path for path, blob in blobs.items() if path.endswith(".py")}
        return ids_of_blobs(self.repository, paths, self._cache)

    @cached_property
    def _cache(self) -> HeaderCache:
        return HeaderCache(self.repository.common_dir)

    @cached_property
    def _history(self) -> frozenset[str]:
        return frozenset(self.repository.run("rev-list", "--end-of-options", self.commit).decode().split())

    def _doubt(self, commits: Sequence[str], failures: Sequence[str]) -> str:
        if failures:
            return f"git could not read all of its history: {failures[0]}"
        if not self.repository.is_shallow or not commits:
            return ""
        if any(merge_base(self.repository, self.commit, commit) for commit in commits):
            return ""
        return "this clone is shallow, and has too little of its history (git fetch --unshallow)"

    def _is_target(self, setting: str | None) -> bool:
        """Return whether what this branch once had counts as landed: it is where work lands, or nothing else is."""
        target = target_branch(self.repository, setting)
        return target is None or self.branch is None or short_ref(target).removeprefix("origin/") == self.branch

    def _left_behind(self, paths: Sequence[str], at: Location | None) -> Removal | None:
        """Return the removal where this branch itself once had a file at one of some paths, and was rewritten since.

        A branch that only went back to an earlier commit was not rewritten.
        """
        if self.branch is None:
            return None
        if at is not None and not at.commit and at.was_on == self.branch:
            return Removal(self.branch, path=at.path)
        names = [(tip, path) for tip in self._earlier_tips for path in paths]
        there = self.repository.ids_of([f"{tip}:{path}" for tip, path in names]) if names else []
        tips = [(tip, path) for (tip, path), blob in zip(names, there, strict=True) if blob]
        if not tips or any(has_ancestor(self.repository, tip, self.commit) for tip, _ in tips):
            return None
        return Removal(self.branch, tips[0][0], "", at.author if at is not None else "", tips[0][1])

    @cached_property
    def _earlier_tips(self) -> tuple[str, ...]:
        """The commits at which this branch was, newest first, that its history does not have any more."""
        words = ("log", "--walk-reflogs", "--format=%H", f"--max-count={10 * MOST_TIPS}", f"refs/heads/{self.branch}")
        tips = dict.fromkeys(self.repository.attempt(*words, "--").stdout.decode().split())
        return tuple(tip for tip in tips if tip not in self._history)[:MOST_TIPS]

    def _removals(self, landed: Mapping[str, Sequence[str]]) -> dict[str, Removal]:
        """Return which commit of the history removed each revision's file, and the last commit that had it.

        `landed` are the paths at which each revision was, newest first.
        """
        branch = self.branch or ""
        found = {name: Removal(branch, path=paths[0]) for name, paths in landed.items()}
        for line in (["--first-parent"], ["--full-history", "-m"]):
            missing = {path: name for name, paths in landed.items() if not found[name].commit for path in paths}
            for removal in self._deletions(line, list(missing)) if missing else ():
                revision_id = missing.get(removal.path)
                if revision_id is not None and not found[revision_id].commit:
                    found[revision_id] = replace(removal, branch=branch)
        return found

    def _deletions(self, line: Sequence[str], paths: Sequence[str]) -> Iterable[Removal]:
        words = ("log", "-z", "--no-renames", "--diff-filter=D", "--name-only", "--no-show-signature")
        done = self.repository.attempt(
            *words, *line, "--format=%x01%H %P%x02%an", "--end-of-options", self.commit, "--", *paths
        )
        commit, parent, author = "", "", ""
        for field in split(done.stdout):
            text = field.lstrip("\n")
            if text.startswith("\x01"):
                facts, _, author = text[1:].partition("\x02")
                commit, *parents = facts.split(" ")
                parent = parents[0] if parents else ""
            elif text:
                yield Removal("", parent, commit, author, text)


def _commits(writes: Iterable[Write], at: Location | None) -> tuple[str, ...]:
    own = [at.commit] if at is not None and at.commit else []
    return tuple(dict.fromkeys([*(write.commit for write in writes), *own]))
