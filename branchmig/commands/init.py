"""`branchmig init`."""

from __future__ import annotations

import click

from branchmig import terminal
from branchmig.commands.shared.options import dry_run_option, pass_invocation
from branchmig.project.config import Invocation


@click.command("init")
@click.argument("directory")
@click.option("-t", "--template", default="generic", show_default=True, help="Template; see list_templates.")
@click.option("--package", is_flag=True, help="Write empty __init__.py files too.")
@dry_run_option
@pass_invocation
def command(invocation: Invocation, directory: str, template: str, package: bool, dry_run: bool = False) -> None:
    """Start a new migration environment.

    Writes DIRECTORY with env.py, script.py.mako and versions/, and the config file beside it.
    """
    from branchmig.database.starter import new_files, start_project

    if dry_run:
        terminal.answer(f"Would {line}" for line in new_files(invocation, directory, template, package))
        return
    start_project(invocation, directory, template, package)
