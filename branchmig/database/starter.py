"""New projects, from alembic's own templates with branchmig's settings explained at the end of the config file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import alembic.command

from branchmig.database import failures
from branchmig.database.environment import alembic_config

if TYPE_CHECKING:
    from alembic.config import Config

    from branchmig.config import Invocation


def start_project(invocation: Invocation, directory: str, template: str, package: bool) -> None:
    """Write a migration environment and its config file. Raises EnvironmentFailed if something is in the way.

    A config file that was there stays as it is, but for pyproject.toml, which gets the tables that it lacks.
    """
    options = {"directory": directory, "template": template, "package": package}
    config = alembic_config(invocation, "init", options)
    before = {path: _text(path) for path in _config_files(config)}
    with failures.translated("init"):
        alembic.command.init(config, directory, template, package)
    _explain_settings(before)


def list_templates(invocation: Invocation) -> None:
    """Write the templates with their synopses to standard output."""
    alembic.command.list_templates(alembic_config(invocation, "list_templates", {}))


def _explain_settings(before: dict[Path, str]) -> None:
    """Append branchmig's settings to the file that now holds alembic's: the toml where there is one."""
    written = [path for path, text in before.items() if _text(path) != text]
    for path in sorted(written, key=lambda path: path.suffix != ".toml")[:1]:
        kind = "toml" if path.suffix == ".toml" else "ini"
        if f"[{'tool.' if kind == 'toml' else ''}branchmig]" in before[path]:
            return
        block = resources.files("branchmig").joinpath("templates", f"settings.{kind}").read_text(encoding="utf-8")
        with path.open("a", encoding="utf-8") as stream:
            stream.write(block)


def _config_files(config: Config) -> list[Path]:
    return [Path(name) for name in (config.config_file_name, config.toml_file_name) if name]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
