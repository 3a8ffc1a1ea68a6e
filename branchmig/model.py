"""The frozen values that flow between modules; knows nothing of their sources or uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NewType

RevisionId = NewType("RevisionId", str)
"""The full identifier of a revision, as its file states it and the version table stores it."""

SourcePath = NewType("SourcePath", str)
"""Where a revision file is: a path with forward slashes, as the place that was read names it."""

Direction = Literal["upgrade", "downgrade", "stamp"]


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision as its file states it: nothing resolved, nothing normalised.

    `parents` are alembic's down_revision; `depends_on` may name revisions or branch labels; `labels` are
    those that this very file carries; `message` is the first paragraph of the docstring. `unknown_labels` says where
    the file computes labels that cannot be known without running it. `replaces` are the ids that a squash stands for.
    """

    id: str
    parents: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    message: str = ""
    path: str | None = None
    unknown_labels: str = ""
    replaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a set of revisions: a stable `code`, what is wrong, what to type, whom it concerns."""

    code: str
    message: str
    hint: str = ""
    revisions: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A rule that could not be checked: its `code`, and why, with what to type to have it checked."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A file that is to hold other bytes: what it holds now, and what it holds afterwards; None where it is no file.

    A new file gets the mode of the file `like`.
    """

    path: str
    before: bytes | None
    after: bytes | None
    like: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a plan.

    `revision` is None only where a stamp removes rows. `heads_before` and `heads_after` are the rows of the
    version table before and after it, sorted. `source` says where the script is: `worktree`, or
    `git:COMMIT:PATH`.
    """

    direction: Direction
    revision: Revision | None
    heads_before: tuple[str, ...]
    heads_after: tuple[str, ...]
    source: str = "worktree"


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they run, from the rows `applied` to the rows `heads_after`.

    `database` names the version table that it was made for, where it was made for one.
    """

    applied: tuple[str, ...]
    steps: tuple[Step, ...] = ()
    database: str = field(default="", compare=False)

    @property
    def heads_after(self) -> tuple[str, ...]:
        """The rows of the version table when every step is done, sorted."""
        return self.steps[-1].heads_after if self.steps else self.applied
