"""`branchmig revision`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from branchmig import terminal
from branchmig.commands.shared.options import (
    FILE,
    REVISION_TEXT,
    branch_label_option,
    dry_run_option,
    message_option,
    pass_invocation,
    rev_id_option,
    splice_option,
)
from branchmig.project.config import Invocation
from branchmig.project.project import Project

if TYPE_CHECKING:
    from alembic.script import Script


@click.command("revision")
@message_option
@click.option("--autogenerate", is_flag=True, help="Fill it with what the models have and the database lacks.")
@click.option("--sql", is_flag=True, help="Run env.py in offline mode (with revision_environment).")
@click.option(
    "--head",
    metavar="REV",
    type=REVISION_TEXT,
    help="Revision to build upon, or LABEL@head, or base; default the only head.",
)
@splice_option
@branch_label_option
@click.option("--version-path", type=FILE, help="Folder, of those in version_locations, to write into.")
@rev_id_option
@click.option(
    "--depends-on",
    metavar="REV",
    multiple=True,
    type=REVISION_TEXT,
    help="Revision or label that must be applied before; may be repeated.",
)
@dry_run_option
@pass_invocation
def command(
    invocation: Invocation,
    /,
    depends_on: tuple[str, ...],
    dry_run: bool = False,
    process_revision_directives: Callable[..., None] | None = None,
    **options: Any,
) -> list[Script]:
    """Write a new revision file.

    With --dry-run, prints the file instead; post-write hooks do not run.
    """
    from branchmig.database.run.environment import Environment
    from branchmig.database.trusted import writing_as_target
    from branchmig.database.writer import write_revision

    project = Project.open(invocation.files)
    arguments = {**options, "depends_on": list(depends_on) or None}
    # To compare models with a database is to run env.py of this checkout: nothing is left to protect.
    trusting = options["autogenerate"] or options["sql"]
    with nullcontext((project, invocation, None)) if trusting else writing_as_target(project, invocation) as given:
        at, calling, template = given
        environment = Environment(at, calling, "revision", arguments)
        environment.scripts.template = template
        with environment.scripts.as_drafts() if dry_run else nullcontext():
            scripts = write_revision(environment, arguments, process_revision_directives)
            for script in scripts if dry_run else ():
                terminal.answer(Path(script.path).read_text(environment.scripts.output_encoding).splitlines())
    for script in scripts:
        if invocation.has_notes:
            parents = ", ".join(script._versioned_down_revisions) or "base"
            path = terminal.shown_path(environment.scripts.destination(script.path))
            terminal.note(f"{'Would write' if dry_run else 'Wrote'} {path} ({script.revision}, after {parents}).")
    return scripts
