"""Classifies an error of a visit to a target: how the visit ended, and whether a further attempt may succeed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from branchmig.database.run.retryable_errors import is_of_connecting, is_transient
from branchmig.errors import (
    BranchmigError,
    Interrupted,
    LockLost,
    LockTimeout,
    MigrationFailed,
    NotAhead,
    OrphanRevision,
    TargetRefused,
    TimedOut,
)
from branchmig.fleet.reports import Failure, Outcome
from branchmig.terminal.known_secrets import without_secrets

if TYPE_CHECKING:
    from branchmig.fleet.target_environment import Visit
    from branchmig.fleet.tasks import Task


def outcome_of_visit(error: BaseException, visit: Visit) -> Outcome:
    """Return how a visit ended that an error has ended."""
    if isinstance(error, OrphanRevision | NotAhead):
        return "orphan"
    if isinstance(error, TargetRefused):
        return "refused"
    if isinstance(error, TimedOut):
        return "timed out"
    if isinstance(error, Interrupted):
        return "interrupted"
    return "unreachable" if not visit.identities and is_of_connecting(error) else "failed"


def broken_off(error: BaseException, task: Task, began: float) -> BaseException:
    """Return what a coordinator's signal has come to: the time was over, or somebody pressed Ctrl-C twice."""
    if not isinstance(error, Interrupted | KeyboardInterrupt):
        return error
    found = error if isinstance(error, Interrupted) else Interrupted("interrupted before anything was run", None, [])
    if task.timeout is None or time.perf_counter() - began < task.timeout:
        return found
    return TimedOut(
        f"it took longer than {task.timeout:g} s: {found.message}",
        f"{found.hint}; --timeout SECONDS gives it longer" if found.hint else "--timeout SECONDS gives it longer",
        found.details,
    )


def may_go_better(error: BaseException, visit: Visit) -> bool:
    """Return whether to try again: never what a script did, unless the database has undone all of it."""
    if isinstance(error, LockTimeout | LockLost):
        return True  # no step was begun without the lock
    if isinstance(error, MigrationFailed) and not visit.is_transactional:
        return False
    return is_transient(error)


def failure_of(error: BaseException, secrets: Sequence[str]) -> Failure:
    """Return an error as it travels to the coordinator, without secrets."""
    if not isinstance(error, BranchmigError):
        return Failure("environment", without_secrets(f"env.py ended the program: exit code {error}", secrets))
    return Failure(
        error.code,
        without_secrets(error.message, secrets),
        None if error.hint is None else without_secrets(error.hint, secrets),
        tuple(without_secrets(line, secrets) for line in error.details),
    )
