"""The frozen values that flow between modules; knows nothing of their sources or uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

ShownPath = Callable[[str], str]
"""Returns a path as answers show it: from the current folder."""

Piece = tuple[str, str]
"""A text to show, and the style that it is painted in, in rich's words; "" is plain."""

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

    @property
    def title(self) -> str:
        """The first line of the message, as the file has it."""
        return self.message.partition("\n")[0]


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

    `revision` is None only where a stamp removes rows. `heads_before` and `heads_after` are the rows of the version
    table before and after it, sorted. `source` says where the script is: `worktree`, or `git:COMMIT:PATH`.
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


@dataclass(frozen=True, slots=True)
class Origin:
    """Which commit added a revision's file, on which git branch; `commit` is None for a file not committed yet.

    `date` is the author's day, `YYYY-MM-DD`.
    """

    branch: str | None = None
    commit: str | None = None
    author: str | None = None
    date: str | None = None

    def __str__(self) -> str:
        if self.commit is None:
            return f"not committed yet, on {self.branch}" if self.branch else "not committed yet"
        where = f"{self.branch}, " if self.branch else ""
        return f"{where}{self.commit[:10]} by {self.author}"


@dataclass(frozen=True, slots=True)
class Location:
    """Where git has a revision's file.

    `branch` is the git branch that it was made on, short, or None if no branch leads there any more. `commit` is the
    newest that wrote the file; the pin's own where a pin alone holds it; empty where no commit does. `path` is from
    the top of the repository; empty for a left-over blob of which no name is known. `found_in` says where it was
    found, best first: full refs (pins among them), `HEAD` (detached), `reflog`, `index`, `unreachable`. `was_on` is
    the branch that a pin remembers.
    """

    branch: str | None
    commit: str
    author: str
    path: str
    blob: str
    found_in: tuple[str, ...]
    was_on: str | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """How a revision left the history of HEAD: `last_commit` had it, `commit` removed it; empty where git cannot say.

    `branch` is the one whose history that is, `path` where the file was, from the top of the repository.
    """

    branch: str = ""
    last_commit: str = ""
    commit: str = ""
    author: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Presence:
    """What git shows of a revision.

    `here` is its path in the index or HEAD. `removal` is set where HEAD's history has it, or where an earlier state of
    the same branch had it and the branch was rewritten since. `found_in` are the refs that hold it by their full names,
    or `reflog`, `unreachable`. `doubt` is why git cannot say more.
    """

    here: str = ""
    removal: Removal | None = None
    found_in: tuple[str, ...] = ()
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Landing:
    """What landing a git branch in the target adds to and takes from the revisions of the target.

    `deleted` and `rewritten` are revisions of the target that it loses or changes; `merge_conflicts` are git's words
    for what it cannot merge of the project, `elsewhere` those for other files, and `reason` says why it cannot merge
    the branch at all. `defects` say what is wrong with unreadable files that no merge has left in conflict. `blobs` are
    the contents that git has of added revisions, by revision: a merge may have them in another folder than the branch.
    `files` are all files of the repository that change, with what they then hold: nothing for one that goes.
    """

    branch: str
    added: Mapping[str, Revision]
    removed: frozenset[str] = frozenset()
    unreadable: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    merge_conflicts: tuple[str, ...] = ()
    reason: str = ""
    defects: tuple[str, ...] = ()
    has_other_settings: bool = False
    blobs: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    elsewhere: tuple[str, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """Whether the target's graph stays as it is."""
        return not (self.added or self.removed or self.unreadable or self.merge_conflicts or self.reason)
