"""Writes into the journal what a person has decided of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from branchmig.database.journal import Journal, ledger_of
from branchmig.errors import UnknownRevision
from branchmig.plan import check_applied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alembic.runtime.migration import MigrationContext

    from branchmig.database.environment import Environment


def accept_scripts(environment: Environment, revisions: Sequence[str]) -> list[str]:
    """Record the present scripts and parents of some revisions as the applied ones; return which it concerned.

    Without `revisions`, ids in full, of all that were edited. Raises UnknownRevision for one that is not applied.
    """
    project = environment.project
    accepted: list[str] = []

    def work(rows: tuple[str, ...], context: MigrationContext) -> list[Any]:
        ledger = ledger_of(context, project, check_applied(project.dag, rows))
        wrong = [one for one in revisions if ledger.states.get(one) in (None, "skipped")]
        if wrong:
            raise UnknownRevision(
                f"revision {wrong[0]!r} is not applied, so there is nothing of it to accept",
                "branchmig current -v shows what the database is at",
                wrong[0],
            )
        chosen = [one for one in revisions if ledger.states[one] != "applied"] if revisions else list(ledger.edited)
        if chosen:
            Journal(project, environment.command).accept(context, ledger, chosen)
        accepted.extend(chosen)
        return []

    listeners = environment.writing_listeners()
    try:
        environment.run(work, listeners)
    finally:
        for listener in listeners:
            listener.ended()
    return list(dict.fromkeys(accepted))
