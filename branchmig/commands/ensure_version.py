"""`branchmig ensure_version`."""

from __future__ import annotations

import click

from branchmig.commands.shared.options import pass_invocation, sql_option
from branchmig.project.config import Invocation
from branchmig.project.project import Project


@click.command("ensure_version")
@sql_option
@pass_invocation
def command(invocation: Invocation, sql: bool) -> None:
    """Create the version table if it does not exist."""
    from branchmig.database.run.environment import Environment
    from branchmig.database.run.runner import ensure_version_table

    project = Project.open(invocation.files)
    ensure_version_table(Environment(project, invocation, "ensure_version", {"sql": sql}), as_sql=sql)
