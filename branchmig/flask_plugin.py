"""`flask branchmig …`: every command on a Flask-Migrate project, inside the application's context.

Flask finds the group through the entry point `flask.commands`; nothing else imports Flask or this module. What
Flask-Migrate knows of the project (its directory, `configure` callbacks) comes from `app.extensions["migrate"]`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from flask import current_app
from flask.cli import with_appcontext

from branchmig.cli import LazyGroup, exit_code_of
from branchmig.commands.shared.abbreviations import expand_abbreviations
from branchmig.errors import ConfigurationError
from branchmig.project.config import ConfigFiles, Invocation
from branchmig.terminal import standard_streams

if TYPE_CHECKING:
    from alembic.config import Config


_ARGUMENTS = f"{__name__}.arguments"


class FlaskGroup(LazyGroup):
    """The commands, with branchmig's own errors and exit codes inside Flask's program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what follows `flask branchmig`."""
        words = expand_abbreviations(self, args)
        ctx.meta[_ARGUMENTS] = list(words)
        return super().parse_args(ctx, words)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named, and exit as branchmig does."""
        standard_streams.make_lasting()
        ctx.exit(exit_code_of(lambda: super(FlaskGroup, self).invoke(ctx), ctx.meta[_ARGUMENTS]))


@click.group("branchmig", cls=FlaskGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-d", "--directory", metavar="DIR", help="Migration directory; default Flask-Migrate's.")
@click.option("-x", "--x-arg", "x", multiple=True, metavar="KEY=VALUE", help="Argument for env.py's get_x_argument().")
@click.option("--raiseerr", is_flag=True, help="Show the whole traceback of an error.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but answers and errors.")
@click.pass_context
@with_appcontext
def group(ctx: click.Context, directory: str | None, x: tuple[str, ...], raiseerr: bool, quiet: bool) -> None:
    """Migrate the application's database, as `branchmig` does."""
    extension = _extension()
    folder = directory or extension.directory
    config: Config = extension.migrate.get_config(folder, x_arg=list(x))
    files = ConfigFiles(
        ini=Path(config.config_file_name or ""),
        toml=Path(config.toml_file_name or ""),
        section=config.config_ini_section,
        loaded=config,
    )
    ctx.obj = Invocation(files, x, quiet, raiseerr)
    ctx.default_map = {"init": {"directory": folder, "template": "flask"}}


def _extension() -> Any:
    extension = current_app.extensions.get("migrate")
    if extension is None:
        raise ConfigurationError(
            f"the application {current_app.name!r} does not use Flask-Migrate", "call Migrate(app, db) first"
        )
    return extension
