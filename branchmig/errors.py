"""The errors branchmig raises on purpose; knows no git, no file and no database.

Each says what is wrong (`message`), what to type (`hint`), and carries its facts as attributes.
They are raised where the fact is known and become an exit code in `cli.py` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchmig.model import Problem


class BranchmigError(Exception):
    """Something that a user can correct. `code` names its kind in JSON, `exit_code` is what the program ends with."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)
        """Lines that belong between message and hint: a list of problems, what was and was not applied."""

    def lines(self, what: str) -> list[str]:
        """Return what a git hook prints of the error: what was not done, why, and the hint."""
        return [f"branchmig: {what}: {self.message}", *([f"hint: {self.hint}"] if self.hint else [])]


class ConfigurationError(BranchmigError):
    """The settings, or a place they point to, cannot be used."""

    code = "configuration"


class NoProject(ConfigurationError):
    """A place in git does not have the settings of this project: it is a branch of something else."""


class RevisionGraphError(BranchmigError):
    """A set of revisions is no lawful graph; `problems` holds every reason at once."""

    code = "broken-graph"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        rest = [f"also: {problem.message}" for problem in self.problems[1:]]
        super().__init__(first.message, first.hint or None, rest)


class UnknownRevision(BranchmigError):
    """No revision, label or prefix answers to `identifier`."""

    code = "unknown-revision"

    def __init__(self, message: str, hint: str | None, identifier: str) -> None:
        super().__init__(message, hint)
        self.identifier = identifier


class OrphanRevision(UnknownRevision):
    """The database has applied a revision that this checkout lacks."""

    code = "orphan-revision"


class AheadOfCheckout(OrphanRevision):
    """The same, where the journal shows that all of the checkout is applied below it."""


class NotAhead(UnknownRevision):
    """The database has revisions that this checkout lacks, and is not, or not known to be, ahead of it."""

    code = OrphanRevision.code


class AmbiguousRevision(BranchmigError):
    """`identifier` could mean each of `candidates`."""

    code = "ambiguous-revision"

    def __init__(self, message: str, hint: str | None, identifier: str, candidates: Sequence[str]) -> None:
        super().__init__(message, hint)
        self.identifier = identifier
        self.candidates = tuple(candidates)


class MultipleHeads(BranchmigError):
    """One head was asked for and there are several: `heads`."""

    code = "multiple-heads"

    def __init__(self, message: str, hint: str | None, heads: Sequence[str]) -> None:
        super().__init__(message, hint)
        self.heads = tuple(heads)


class InvalidTarget(BranchmigError):
    """The target is known, but cannot be reached in this direction from what is applied."""

    code = "invalid-target"


class SameIdTwice(BranchmigError):
    """Two branches have each given one id to a revision of their own."""

    code = "id-collision"


class VersionTableError(BranchmigError):
    """The rows of the version table are none that a sound database could hold."""

    code = "version-table"

    def __init__(self, message: str, hint: str | None, rows: Sequence[str | None]) -> None:
        super().__init__(message, hint)
        self.rows = tuple(rows)


class SkippedRevisions(BranchmigError):
    """Revisions below an applied one were never applied: `revisions`, in upgrade order."""

    code = "skipped-revision"

    def __init__(self, message: str, hint: str, details: Sequence[str], revisions: Sequence[str]) -> None:
        super().__init__(message, hint, details)
        self.revisions = tuple(revisions)


class AppliedAlready(BranchmigError):
    """Revisions that are to be run have run, though the version rows do not show it: `revisions`, sorted."""

    code = "already-applied"

    def __init__(self, message: str, hint: str, details: Sequence[str], revisions: Sequence[str]) -> None:
        super().__init__(message, hint, details)
        self.revisions = tuple(revisions)


class JournalFailed(BranchmigError):
    """The journal cannot be written: it, and no script, is to blame."""

    code = "journal"


class OwnTablesChanged(BranchmigError):
    """A script would drop or change a table in which branchmig keeps its journal."""

    code = "own-tables"


class UnfinishedRevision(BranchmigError):
    """A run was interrupted in the middle of `revision`, on a database that keeps what it had done."""

    code = "unfinished-revision"

    def __init__(self, message: str, hint: str, revision: str) -> None:
        super().__init__(message, hint)
        self.revision = revision


class RevisionFileError(BranchmigError):
    """A revision file cannot be written, or cannot be executed, as it stands."""

    code = "revision-file"


class MigrationFailed(BranchmigError):
    """A revision's own code raised; `revision` names it."""

    code = "migration-failed"

    def __init__(self, message: str, hint: str | None, details: Sequence[str], revision: str) -> None:
        super().__init__(message, hint, details)
        self.revision = revision


class NotCommitted(BranchmigError):
    """What a run has done is not in the database, though every step went through."""

    code = "not-committed"


class CannotFollow(BranchmigError):
    """A database cannot be brought to the checkout: something applied cannot be undone."""

    code = "cannot-follow"


class LockTimeout(BranchmigError):
    """Another run holds the lock of this database, for longer than `lock_timeout`; `holder` says who."""

    code = "lock-timeout"

    def __init__(self, message: str, hint: str | None, holder: str) -> None:
        super().__init__(message, hint)
        self.holder = holder


class LockLost(BranchmigError):
    """The lock of this run is gone while the run is not over: another run may have begun."""

    code = "lock-lost"


class Interrupted(BranchmigError):
    """A run was ended by Ctrl-C or by a signal."""

    code = "interrupted"
    exit_code = 130


class EnvironmentFailed(BranchmigError):
    """env.py, the template or the database refused before any revision ran."""

    code = "environment"


class LocationsMoved(EnvironmentFailed):
    """env.py has set other version_locations than the settings have: `locations`, as paths."""

    def __init__(self, locations: Sequence[str]) -> None:
        super().__init__(
            f"env.py sets other version_locations each time it runs: {', '.join(locations)}",
            "let env.py set the same folders each time, or write them into the settings",
        )
        self.locations = tuple(locations)


class FleetStopped(BranchmigError):
    """A run over many databases could not begin, or was not to: nothing was written by it."""

    code = "fleet"


class BeforeFailed(BranchmigError):
    """The command that the user has called before a run has failed: the run did not begin."""

    code = "before-failed"


class PlanMoved(BranchmigError):
    """A plan that was reviewed is not what would run now."""

    code = "plan-moved"


class TargetRefused(BranchmigError):
    """env.py is not where a target of a fleet is: nothing was run there."""

    code = "target-refused"


class TimedOut(BranchmigError):
    """A target of a fleet took longer than it may."""

    code = "timed-out"


class GitError(BranchmigError):
    """Git, or the repository, cannot say what was asked."""

    code = "git"


class CollidingRevisions(BranchmigError):
    """The revisions below a merge revision cannot be applied in every order; `objects` says over what, sorted."""

    code = "conflicting-revisions"
    exit_code = 1

    def __init__(self, message: str, hint: str | None, details: Sequence[str], objects: Sequence[str]) -> None:
        super().__init__(message, hint, details)
        self.objects = tuple(objects)


class AnswerIsNo(BranchmigError):
    """The question of a command (`current --check-heads`, `check`) was answered with no."""

    code = "no"
    exit_code = 1


class Cancelled(AnswerIsNo):
    """A person answered a question with no: `so_far` is what had happened by then. It is not an error to be shown."""

    def __init__(self, so_far: str) -> None:
        super().__init__(f"Cancelled; {so_far}.")


class DatabaseBehind(AnswerIsNo):
    """The database has not applied every head."""


class ModelsDiffer(AnswerIsNo):
    """The models differ from the database: `diffs` as alembic has them, `revision_context` what would be written."""

    def __init__(self, message: str, hint: str, diffs: Sequence[object], revision_context: object) -> None:
        super().__init__(message, hint)
        self.diffs = list(diffs)
        self.revision_context = revision_context


class UsageError(BranchmigError):
    """The command line cannot be understood."""

    code = "usage"
    exit_code = 2


class PagerFailed(BranchmigError):
    """The program that shows a long answer page by page cannot be run."""

    code = "pager"


class OutputFailed(BranchmigError):
    """The file that an answer is to be written to cannot be."""

    code = "output"
