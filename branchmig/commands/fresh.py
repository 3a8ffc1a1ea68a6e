"""`branchmig fresh`."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.shared.options import PLACE, dry_run_option, format_option, pass_invocation
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.text import counted

if TYPE_CHECKING:
    from branchmig.workflows.fresh import Fresh, FreshDatabases


@click.command("fresh")
@click.option(
    "--at",
    default="worktree",
    show_default=True,
    metavar="PLACE",
    type=PLACE,
    help="Whose revisions to apply: worktree, index, or any git ref or commit; without a kept state, their code runs.",
)
@click.option("--name", metavar="NAME", help="Name of the new database; a random one by default.")
@click.option("--show-password", is_flag=True, help="Print the URL with its password.")
@dry_run_option
@format_option
@pass_invocation
def command(
    invocation: Invocation, at: str, name: str | None, show_password: bool, dry_run: bool, format_: str
) -> None:
    """Create a new database at a place's heads, from a cached state.

    Prints its URL. Creates it on the server of scratch_url, or as a SQLite file. branchmig caches the database that a
    set of revisions builds as a state, copies the nearest state, and runs only the missing steps. It does not connect
    to the configured database. 'branchmig states' lists and drops databases and states.
    """
    from branchmig.workflows.fresh import FreshDatabases

    project = Project.open(invocation.files)
    databases = FreshDatabases(project, invocation, at)

    def announce() -> None:
        if invocation.has_notes:
            scripts = "the work tree" if at == "worktree" else at
            terminal.note(f"Running env.py of the work tree and the scripts of {scripts}, on scratch databases.")

    with closing(databases.server):
        if dry_run:
            _foretell(databases, name, format_)
            return
        made = databases.make(name, announce)
        url = made.address.text(shows_password=show_password)
        if format_ == "json":
            terminal.document(
                {
                    "version": 1,
                    "url": url,
                    "database": made.name,
                    "heads": list(made.heads),
                    "from_state": made.from_state,
                    "steps_run": made.steps_run,
                }
            )
        else:
            terminal.answer([url])
        if invocation.has_notes:
            terminal.note(*_made_lines(made))
            if databases.other_kind is not None:
                kind = databases.server.address.kind
                terminal.note(f"It is {kind}, and the project is for {databases.other_kind}: see scratch_url.")
        if made.state is not None and project.config.settings.spares:
            from branchmig.workflows.fresh import make_spare_behind

            make_spare_behind(databases, made.state)


def _foretell(databases: FreshDatabases, name: str | None, format_: str) -> None:
    """Say what would be made, and from what; nothing is run."""
    heads, state = databases.foreseen(name)
    key = None if state is None else state.key
    if format_ == "json":
        terminal.document({"version": 1, "database": name, "heads": list(heads), "from_state": key})
        return
    how = "run the missing revisions: no state has all of them" if key is None else f"copy state {key[:10]}"
    terminal.answer([f"Would make {name or 'a database'} at {', '.join(heads) or 'base'}: {how}."])


def _made_lines(made: Fresh) -> list[str]:
    if made.from_state is None:
        said = f"ran {counted(made.steps_run, 'step')}"
    elif made.steps_run:
        said = f"ran {counted(made.steps_run, 'step')} on a copy of state {made.from_state[:10]}"
    else:
        said = f"copied state {made.from_state[:10]}"
    lines = [f"Made {made.name}: {said}."]
    if made.reasons:
        lines += ["It is no copy of a state, and none is kept:", *(f"  {reason}" for reason in made.reasons)]
    return lines
