"""New projects, from alembic's own templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import alembic.command

from branchmig.database import failures
from branchmig.database.environment import alembic_config

if TYPE_CHECKING:
    from branchmig.config import Invocation


def start_project(invocation: Invocation, directory: str, template: str, package: bool) -> None:
    """Write a migration environment and its config file. Raises EnvironmentFailed if something is in the way."""
    options = {"directory": directory, "template": template, "package": package}
    with failures.translated("init"):
        alembic.command.init(alembic_config(invocation, "init", options), directory, template, package)


def list_templates(invocation: Invocation) -> None:
    """Write the templates with their synopses to standard output."""
    alembic.command.list_templates(alembic_config(invocation, "list_templates", {}))
