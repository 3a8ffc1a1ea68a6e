"""`branchmig ensure_version`."""

from __future__ import annotations

import click

from branchmig import terminal
from branchmig.commands.shared.options import dry_run_option, pass_invocation, sql_option
from branchmig.project.config import Invocation
from branchmig.project.project import Project


@click.command("ensure_version")
@sql_option
@dry_run_option
@pass_invocation
def command(invocation: Invocation, sql: bool, dry_run: bool = False) -> None:
    """Create the version table if it does not exist."""
    from branchmig.database.run.environment import Environment
    from branchmig.database.run.runner import ensure_version_table

    project = Project.open(invocation.files)
    environment = Environment(project, invocation, "ensure_version", {"sql": sql})
    if not dry_run:
        ensure_version_table(environment, as_sql=sql)
        return
    from branchmig.database.surveying import survey

    for name, is_there in survey(environment, lambda found: (str(found.identity), found.exists)):
        said = "has a version table; nothing to do" if is_there else "would create the version table"
        terminal.answer([f"{name}: {said}"])
