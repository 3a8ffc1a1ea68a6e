"""`branchmig init`."""

from __future__ import annotations

import click

from branchmig.commands.shared.options import pass_invocation
from branchmig.project.config import Invocation


@click.command("init")
@click.argument("directory")
@click.option("-t", "--template", default="generic", show_default=True, help="Template; see list_templates.")
@click.option("--package", is_flag=True, help="Write empty __init__.py files too.")
@pass_invocation
def command(invocation: Invocation, directory: str, template: str, package: bool) -> None:
    """Start a new migration environment.

    Writes DIRECTORY with env.py, script.py.mako and versions/, and the config file beside it.
    """
    from branchmig.database.starter import start_project

    start_project(invocation, directory, template, package)
