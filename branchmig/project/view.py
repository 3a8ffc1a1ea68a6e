"""The revisions at one place: the work tree, the index, a commit, or a merge preview."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.errors import RevisionGraphError
from branchmig.model import Problem, Revision
from branchmig.project.worktree import read_file
from branchmig.revisions.revision_file import read_docstring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from branchmig.git.merge_words import MergeConflict
    from branchmig.git.places import Snapshot
    from branchmig.git.repository import Repository
    from branchmig.project.layout import Layout

WORKTREE = "worktree"
INDEX = "index"


@dataclass(frozen=True)
class View:
    """The revisions at one place, or at one place as if another were merged into it.

    `problems` are files that cannot be read, which leave the graph unknown; `markers` are conflict markers in
    files whose header can be read all the same. `blobs` are the ids of the files' contents, by path, where git
    was asked.
    """

    at: str
    merged_with: str | None
    revisions: tuple[Revision, ...]
    problems: tuple[Problem, ...]
    markers: tuple[Problem, ...]
    blobs: Mapping[str, str]
    read: Callable[[Sequence[str]], Mapping[str, bytes]] = field(repr=False)
    """Paths to their contents."""
    source: Callable[[Revision], str] = field(repr=False)
    """A revision to where its script is: `worktree`, or `git:COMMIT:PATH`."""
    difference: Callable[[str], Sequence[str]] = field(repr=False)
    """A commit to the words in which git is asked what differs between it and this place."""
    more: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The environment in which git finds the objects of this place."""
    scratch: object = field(default=None, repr=False)
    """Keeps the folder of a preview's objects for as long as this view."""
    tree: str = ""
    """What git calls the tree of this place; empty for the work tree and the index."""
    layout: Layout | None = None
    """The layout of this place; None for the work tree, which has that of the project's own settings."""
    conflicts: Sequence[MergeConflict] = ()
    """What git could not merge, of the project's files, where this place is a merge."""
    changes: dict[str, tuple[Mapping[str, str], Mapping[str, str]]] = field(default_factory=dict, repr=False)
    """What Project.changes_since found, by commit."""

    @cached_property
    def dag(self) -> RevisionDag:
        """The graph. Raises RevisionGraphError with every problem of every file."""
        return _checked(self.revisions, self.problems)

    @cached_property
    def readable_dag(self) -> RevisionDag:
        """The graph of the files that can be read, for answers that do not need the others.

        Raises RevisionGraphError with every problem of every file where these alone are no lawful graph.
        """
        if not self.problems:
            return self.dag
        try:
            return RevisionDag(self.revisions)
        except RevisionGraphError as error:
            raise RevisionGraphError([*self.problems, *error.problems]) from None

    def docstring_of(self, revision: Revision) -> str:
        """Return the whole docstring of a revision."""
        assert revision.path is not None
        return read_docstring(self.read([revision.path])[revision.path])


def with_left_out(
    view: View, repository: Repository, snapshot: Snapshot, folders: Sequence[str], is_recursive: bool
) -> View:
    """Return the work tree with the files of `snapshot`, which a sparse checkout leaves out of it."""
    from branchmig.git.reading import read_snapshot

    top = f"{repository.top}/"
    files = read_snapshot(repository, snapshot, folders, is_recursive=is_recursive) if snapshot.blobs else []
    if not files:
        return view
    blobs = {f"{top}{file.path}": file.blob for file in files}
    problems = (file.content for file in files if isinstance(file.content, Problem))

    def read(paths: Sequence[str]) -> Mapping[str, bytes]:
        content = dict(repository.blobs([blobs[path] for path in paths if path in blobs]))
        return {path: content[blobs[path]] if path in blobs else read_file(path) for path in paths}

    return replace(
        view,
        revisions=(*view.revisions, *(file.content for file in files if isinstance(file.content, Revision))),
        problems=sorted_problems([*view.problems, *problems]),
        blobs=blobs,
        read=read,
        source=lambda revision: (
            f"git:index:{(revision.path or '')[len(top) :]}" if revision.path in blobs else WORKTREE
        ),
    )


def sorted_problems(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return problems in the order in which every machine shows them."""
    return tuple(sorted(problems, key=lambda problem: (problem.paths, problem.message)))


def in_worktree(_: Revision) -> str:
    """Return where the script of each revision of the work tree is."""
    return WORKTREE


def worktree_difference(base: str) -> Sequence[str]:
    """Return the arguments of git for the differences between a commit and the work tree."""
    return ("diff-index", base)


def _checked(revisions: Sequence[Revision], broken: Sequence[Problem]) -> RevisionDag:
    """Build the graph. Files that cannot be read are reported before what their absence seems to break."""
    try:
        dag = RevisionDag(revisions)
    except RevisionGraphError as error:
        raise RevisionGraphError([*broken, *_beside(broken, revisions, error.problems)]) from None
    if broken:
        raise RevisionGraphError(broken)
    return dag


def _beside(broken: Sequence[Problem], revisions: Sequence[Revision], found: Sequence[Problem]) -> Sequence[Problem]:
    """Return what is wrong with the readable files, without what only the unreadable ones seem to lack.

    The file of a parent that seems to be missing may be one of those that cannot be read.
    """
    if not broken:
        return found
    known = {id_ for problem in broken for id_ in problem.revisions}
    known.difference_update(revision.id for revision in revisions)
    try:
        RevisionDag([*revisions, *(Revision(id_) for id_ in known)])
        found = ()
    except RevisionGraphError as error:
        found = error.problems
    if all(problem.revisions for problem in broken):
        return found
    return [
        replace(
            problem,
            message=problem.message.replace("does not exist", "is in no file that can be read"),
            hint="correct the files that cannot be read first, since one of them may be that revision",
        )
        if problem.code in ("missing-parent", "missing-dependency")
        else problem
        for problem in found
    ]
