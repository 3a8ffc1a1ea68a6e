"""New projects, from alembic's own templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import alembic.command
from alembic.config import Config

from branchmig.database import failures
from branchmig.database.environment import command_options

if TYPE_CHECKING:
    from branchmig.config import Invocation


def start_project(invocation: Invocation, directory: str, template: str, package: bool) -> None:
    """Write a migration environment and its config file. Raises EnvironmentFailed if something is in the way."""
    options = {"directory": directory, "template": template, "package": package}
    with failures.translated("init"):
        alembic.command.init(_config(invocation, "init", options), directory, template, package)


def list_templates(invocation: Invocation) -> None:
    """Write the templates with their synopses to standard output."""
    alembic.command.list_templates(_config(invocation, "list_templates", {}))


def _config(invocation: Invocation, command: str, options: dict[str, object]) -> Config:
    return Config(
        file_=str(invocation.files.ini),
        toml_file=str(invocation.files.toml),
        ini_section=invocation.files.section,
        cmd_opts=command_options(invocation, command, options),
    )
