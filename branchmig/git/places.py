"""The revision files of a place: the index, a commit, or the merge of two, without a checkout.

Nothing here writes into the repository: a merge preview and the objects that it needs go to a folder of their own.
"""

from __future__ import annotations

import hashlib
import os
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from branchmig.errors import GitError
from branchmig.git.merge_words import MergeConflict
from branchmig.git.paths import pathspecs
from branchmig.git.repository import Repository, joined, split, words_of

MERGE_TREE_SINCE = (2, 38)
"""`git merge-tree --write-tree`, git 2.38."""

NOBODY = {f"GIT_{who}_{what}": "branchmig" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
"""The variables that make a commit nobody's."""

_EMPTY_BLOBS = frozenset(algorithm(b"blob 0\0").hexdigest() for algorithm in (hashlib.sha1, hashlib.sha256))


class Scratch:
    """A folder for objects that must not get into the repository; it goes when the last who holds it goes."""

    def __init__(self) -> None:
        import shutil
        import tempfile

        self.name = tempfile.mkdtemp(prefix="branchmig-")
        # tempfile.TemporaryDirectory warns when it is not closed by hand.
        weakref.finalize(self, shutil.rmtree, self.name, ignore_errors=True)


@dataclass(frozen=True)
class Snapshot:
    """The files below some folders at one place: blob ids by path from the repository's top.

    `links` are symbolic links, with the blobs that hold where they lead; `unmerged` are paths that a merge or
    rebase has left in conflict. `prefix` makes an object name of a path. `more` is the environment in which git
    finds the objects. `conflicts` are those of a merge that is previewed, anywhere in the repository.
    """

    prefix: str
    blobs: Mapping[str, str]
    links: Mapping[str, str] = field(default_factory=dict)
    unmerged: tuple[str, ...] = ()
    more: Mapping[str, str] = field(default_factory=dict)
    scratch: Scratch | None = None
    conflicts: tuple[MergeConflict, ...] = ()


def index_snapshot(repository: Repository, folders: Sequence[str]) -> Snapshot:
    """Return what is staged; in a commit hook, what is about to be committed."""
    blobs: dict[str, str] = {}
    links: dict[str, str] = {}
    unmerged: set[str] = set()
    for line in split(repository.run("ls-files", "-s", "-z", "--", *pathspecs(folders))):
        facts, _, path = line.partition("\t")
        mode, blob, stage = facts.split(" ")
        if stage != "0":
            unmerged.add(path)
        elif mode == "120000":
            links[path] = blob
        elif mode != "160000":
            blobs[path] = blob
    if not _EMPTY_BLOBS.isdisjoint(blobs.values()):
        # What `git add --intent-to-add` has announced the index lists as empty, and a commit leaves out.
        words = ("--name-only", "--no-renames", "--diff-filter=A", "-z", "--", *pathspecs(folders))
        for path in split(repository.run("diff-files", *words)):
            blobs.pop(path, None)
    # Not ":PATH": a path that begins with "2:" would then name a stage.
    return Snapshot(":0:", blobs, links, tuple(sorted(unmerged)))


def tree_snapshot(
    repository: Repository, tree: str, folders: Sequence[str], more: Mapping[str, str] | None = None
) -> Snapshot:
    """Return what a commit or a tree holds."""
    blobs: dict[str, str] = {}
    links: dict[str, str] = {}
    output = repository.run("ls-tree", "-r", "-z", "--full-tree", tree, "--", *pathspecs(folders), more=more)
    for line in split(output):
        facts, _, path = line.partition("\t")
        mode, kind, blob = facts.split(" ")
        if mode == "120000":
            links[path] = blob
        elif kind == "blob":
            blobs[path] = blob
    return Snapshot(f"{tree}:", blobs, links, (), more or {})


@dataclass(frozen=True)
class Merged:
    """The tree that a merge of two commits would leave, and the environment in which git finds it.

    `conflicts` are those that git reports, anywhere in the repository.
    """

    repository: Repository
    tree: str
    more: Mapping[str, str]
    scratch: Scratch
    conflicts: tuple[MergeConflict, ...] = ()


def merged(repository: Repository, ours: Commitish, theirs: str, names: Mapping[str, str] | None = None) -> Merged:
    """Return what the merge of two commits would hold; files in conflict hold conflict markers.

    `names` are what to call commits in git's words for a conflict. Raises GitError where git cannot merge them: a
    shallow clone, unrelated histories, a git before 2.38.
    """
    from branchmig.git.merge_words import read_merge

    scratch = ours.scratch or Scratch()
    more = {**ours.more, **object_directory(repository, scratch.name)}
    done = repository.attempt("merge-tree", "--write-tree", "-z", ours.commit, theirs, more=more)
    if done.returncode not in (0, 1):
        raise cannot_merge(repository, done.stderr)
    found = read_merge(done.stdout, names or {})
    return Merged(repository, found.tree, more, scratch, found.conflicts)


def merge_snapshot(merge: Merged, folders: Sequence[str]) -> Snapshot:
    """Return the files below some folders in the tree of a merge."""
    found = tree_snapshot(merge.repository, merge.tree, folders, merge.more)
    return replace(found, scratch=merge.scratch, conflicts=merge.conflicts)


def changed_blobs(
    repository: Repository, question: Sequence[str], folders: Sequence[str], more: Mapping[str, str] | None = None
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the blobs, by path, that differ between two places: those of the first, those of the second.

    `question` is what git is asked: ("diff-tree", "-r", A, B), ("diff-index", "--cached", A) for the index,
    ("diff-index", A) for the work tree, whose blobs read 000…0.
    """
    name, *words = question
    answer = split(repository.run(name, "-z", "--no-renames", *words, "--", *pathspecs(folders), more=more))
    return _changes(answer)


def changed_between(
    repository: Repository,
    name: str,
    others: Sequence[str],
    folders: Sequence[str],
    more: Mapping[str, str],
    *words: str,
) -> list[tuple[dict[str, str], dict[str, str]]]:
    """Return the same for a commit or tree and each of some trees, from one git process; `words` are options of it."""
    if not others:
        return []
    tree = repository.run("rev-parse", "--verify", f"{name}^{{tree}}").decode().strip()
    given = "".join(f"{tree} {other}\n" for other in others).encode()
    words = ("--stdin", "-r", "-z", "--no-renames", *words, "--", *pathspecs(folders))
    answer = repository.run("diff-tree", *words, given=given, more=more).decode("utf-8", "surrogateescape")
    # Each pair begins with its two ids and a newline; facts begin with a colon, and a path follows facts.
    pairs: list[list[str]] = []
    fields = iter(answer.split("\0"))
    for field_ in fields:
        *starts, facts = field_.split("\n")
        pairs += [[] for _ in starts]
        if facts:
            pairs[-1] += [facts, next(fields)]
    return [_changes(pair) for pair in pairs]


def _changes(answer: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    fields = iter(answer)
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for facts in fields:
        path = next(fields)
        old_mode, new_mode, old, new, _ = facts.lstrip(":").split(" ")
        if old_mode.startswith("100"):
            before[path] = old
        if new_mode.startswith("100"):
            after[path] = new
    return before, after


@dataclass(frozen=True)
class Commitish:
    """A commit to merge: one of the repository's, or one made for the moment in a scratch folder."""

    commit: str
    more: Mapping[str, str] = field(default_factory=dict)
    scratch: Scratch | None = None


def staged_commit(repository: Repository) -> Commitish:
    """Return the staged files as a commit on HEAD that exists only in a scratch folder."""
    scratch, more = copied_index(repository)
    return _commit_of_index(repository, scratch, more)


def worktree_commit(repository: Repository, folders: Sequence[str], present: Iterable[str]) -> Commitish:
    """Return the index with the revision files as they lie in the work tree, as a commit in a scratch folder.

    `present` are the revision files that exist, from the top; what the index has below `folders` and is not
    among them counts as deleted.
    """
    scratch, more = copied_index(repository)
    staged = split(repository.run("ls-files", "-z", "--", *pathspecs(folders), more=more))
    names = sorted({*present, *(path for path in staged if path.endswith(".py"))})
    objects = object_directory(repository, scratch.name)
    # In a sparse checkout a file that is not there is not deleted.
    update = ["update-index", "--add", "--remove", "--ignore-skip-worktree-entries", "-z", "--stdin"]
    repository.run(*update, given=joined(names), more={**more, **objects})
    return _commit_of_index(repository, scratch, more)


def copied_index(repository: Repository) -> tuple[Scratch, dict[str, str]]:
    """Copy the index into a scratch folder: git write-tree writes what it has found out back into its index."""
    scratch = Scratch()
    index = Path(scratch.name) / "index"
    current = repository.environment.get("GIT_INDEX_FILE") or str(repository.path("index"))
    if os.path.exists(current):
        import shutil

        shutil.copyfile(current, index)
    return scratch, {"GIT_INDEX_FILE": str(index)}


def _commit_of_index(repository: Repository, scratch: Scratch, more: Mapping[str, str]) -> Commitish:
    more = {**more, **object_directory(repository, scratch.name)}
    written = repository.attempt("write-tree", more=more)
    if written.returncode:
        raise GitError(
            "the index has files in conflict, so it cannot be merged with anything yet",
            "resolve them and 'git add' them, or look at --at HEAD",
        )
    head = repository.commit("HEAD")
    if head is None:
        raise GitError("this branch has no commit yet, so there is nothing to merge with", "make the first commit")
    parents = [head, repository.commit("MERGE_HEAD")]
    options = [word for parent in parents if parent for word in ("-p", parent)]
    tree = written.stdout.decode().strip()
    made = repository.run("commit-tree", tree, *options, given=b"preview\n", more={**NOBODY, **more})
    return Commitish(made.decode().strip(), more, scratch)


def object_directory(repository: Repository, scratch: str) -> dict[str, str]:
    """Return the variables that make git write objects into `scratch` and still read the repository's."""
    usual = repository.environment.get("GIT_OBJECT_DIRECTORY") or str(repository.common_dir / "objects")
    others = repository.environment.get("GIT_ALTERNATE_OBJECT_DIRECTORIES")
    folder = Path(scratch) / "objects"
    folder.mkdir(exist_ok=True)
    return {
        "GIT_OBJECT_DIRECTORY": str(folder),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.pathsep.join([_quoted(usual), *([others] if others else [])]),
    }


def _quoted(path: str) -> str:
    """Quote a path for GIT_ALTERNATE_OBJECT_DIRECTORIES, where `:` and a leading quote have a meaning."""
    if os.pathsep not in path and not path.startswith('"'):
        return path
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def cannot_merge(repository: Repository, stderr: bytes) -> GitError:
    """Return the error for a merge that git would not preview: its version, a shallow clone, unrelated histories."""
    numbers = tuple(int(part) for part in repository.version.split(".")[:2] if part.isdigit())
    if numbers < MERGE_TREE_SINCE:
        return GitError(f"git {repository.version} cannot preview a merge", "install git 2.38 or newer")
    if repository.is_shallow:
        return GitError(
            "this clone is shallow: the commit at which the two branches part is not in it",
            "git fetch --unshallow (GitHub Actions: fetch-depth: 0; GitLab: GIT_DEPTH: 0)",
        )
    return GitError(f"git cannot merge the two: {words_of(stderr)}", "are the two branches of one history?")
