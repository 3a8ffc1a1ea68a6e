"""The revisions at one place: the work tree, the index, a commit, or a merge preview."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.errors import RevisionGraphError
from branchmig.model import Problem, Revision
from branchmig.project.worktree import read_file
from branchmig.revisions.revision_file import read_docstring

if TYPE_CHECKING:
    from branchmig.git.merge_words import MergeConflict
    from branchmig.git.places import Snapshot
    from branchmig.git.repository import Repository
    from branchmig.project.layout import Layout

WORKTREE = "worktree"
INDEX = "index"
INDEX_PREFIX = ":0:"
"""What begins the name of a file of the index, for git; see places.index_snapshot."""


@dataclass(frozen=True)
class View:
    """The revisions at one place, or at one place as if another were merged into it.

    `problems` are files that cannot be read, which leave the graph unknown; `markers` are conflict markers in
    files whose header can be read all the same. `layout` is None for the work tree, which has that of the project's
    own settings. `blobs` are the ids of the contents of the files that git has, by path; the others are read from the
    file system. `snapshot` is what git lists there, in `repository`. `conflicts` are those of the project's files,
    where this place is a merge.
    """

    at: str
    merged_with: str | None
    revisions: tuple[Revision, ...] = ()
    problems: tuple[Problem, ...] = ()
    markers: tuple[Problem, ...] = ()
    layout: Layout | None = None
    repository: Repository | None = None
    snapshot: Snapshot | None = None
    blobs: Mapping[str, str] = field(default_factory=dict)
    conflicts: Sequence[MergeConflict] = ()

    @cached_property
    def changes(self) -> dict[str, tuple[Mapping[str, str], Mapping[str, str]]]:
        """What workflows.changed_files found, by commit: several rules ask for it."""
        return {}

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids of the revisions."""
        return frozenset(revision.id for revision in self.revisions)

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

    @property
    def tree(self) -> str:
        """What git calls the tree of this place; empty for the work tree and the index."""
        prefix = INDEX_PREFIX if self.snapshot is None else self.snapshot.prefix
        return "" if prefix == INDEX_PREFIX else prefix.removesuffix(":")

    @property
    def more(self) -> Mapping[str, str]:
        """The environment in which git finds the objects of this place."""
        return {} if self.snapshot is None else self.snapshot.more

    def read(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """Return the contents of files by path. Raises OSError, GitError."""
        wanted = {path: self.blobs[path] for path in paths if path in self.blobs}
        content: Mapping[str, bytes] = {}
        if wanted and self.repository is not None:
            content = dict(self.repository.blobs(list(dict.fromkeys(wanted.values())), self.more))
        return {path: content[wanted[path]] if path in wanted else read_file(path) for path in paths}

    def script(self, revision: Revision) -> bytes:
        """Return the script of a revision of this place, which has a file."""
        assert revision.path is not None
        return self.read([revision.path])[revision.path]

    def scripts(self, revisions: Iterable[Revision]) -> dict[str, bytes]:
        """Return the scripts of revisions of this place by id, without those that have no file."""
        paths = {revision.id: revision.path for revision in revisions if revision.path}
        texts = self.read(list(paths.values())) if paths else {}
        return {revision_id: texts[path] for revision_id, path in paths.items()}

    def source(self, revision: Revision) -> str:
        """Return where a revision's script is: `worktree`, or `git:COMMIT:PATH`."""
        path = revision.path or ""
        if self.repository is None or path not in self.blobs:
            return WORKTREE
        return f"git:{self.tree or INDEX}:{path[len(str(self.repository.top)) + 1 :]}"

    def docstring_of(self, revision: Revision) -> str:
        """Return the whole docstring of a revision."""
        return read_docstring(self.script(revision))


def sorted_problems(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return problems in the order in which every machine shows them."""
    return tuple(sorted(problems, key=lambda problem: (problem.paths, problem.message)))


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
