"""`branchmig merge`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.options import (
    REVISION,
    branch_label_option,
    message_option,
    pass_invocation,
    rev_id_option,
    splice_option,
)
from branchmig.merge import merge_message, plan_merge
from branchmig.project import Project

if TYPE_CHECKING:
    from alembic.script import Script

    from branchmig.config import Invocation


@click.command("merge")
@click.argument("revisions", nargs=-1, type=REVISION)
@message_option
@branch_label_option
@rev_id_option
@splice_option
@pass_invocation
def command(
    invocation: Invocation,
    revisions: tuple[str, ...],
    message: str | None,
    branch_label: str | None,
    rev_id: str | None,
    splice: bool,
) -> Script | None:
    """Join heads with a merge revision.

    REVISIONS are the heads to join, or 'heads'; without them, all heads.
    """
    project = Project.open(invocation.files)
    plan = plan_merge(project.dag, revisions, splice=splice)
    if len(plan.parents) < 2:
        if invocation.is_told:
            terminal.note(f"Nothing to merge: the only head is {plan.parents[0]}." if plan.parents else "No heads.")
        return None
    from branchmig.database.environment import Environment
    from branchmig.database.writer import write_merge

    options = {
        "revisions": list(revisions),
        "message": message,
        "branch_label": branch_label,
        "rev_id": rev_id,
        "splice": splice,
    }
    environment = Environment(project, invocation, "merge", options)
    script = write_merge(
        environment,
        plan.parents,
        merge_message(plan) if message is None else message,
        branch_label,
        rev_id,
        splice,
    )
    if script is not None and invocation.is_told:
        terminal.note(
            f"Wrote {terminal.shown_path(script.path)} ({script.revision}, parents {', '.join(plan.parents)})."
        )
    return script
