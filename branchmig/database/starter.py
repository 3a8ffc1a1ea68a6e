"""New projects, from alembic's own templates with branchmig's settings explained at the end of the config file."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

import alembic.command
from alembic.config import Config

from branchmig import terminal
from branchmig.database.run import failures
from branchmig.database.run.environment import alembic_config
from branchmig.effects.own_table_changes import with_filter
from branchmig.errors import EnvironmentFailed
from branchmig.project.config import Invocation


def start_project(invocation: Invocation, directory: str, template: str, package: bool) -> None:
    """Write a migration environment and its config file. Raises EnvironmentFailed if something is in the way.

    A config file that was there stays as it is, but for pyproject.toml, which gets the tables that it lacks.
    """
    options = {"directory": directory, "template": template, "package": package}
    config = alembic_config(invocation, "init", options)
    _refuse(config, directory, template)
    before = {path: _content(path) for path in _config_files(config)}
    with failures.translated("init"):
        alembic.command.init(config, directory, template, package)
    _explain_settings(before)
    env = Path(directory, "env.py")
    # Plain alembic's autogenerate must not propose to drop the journal.
    if env.is_file() and (filtered := with_filter(env.read_bytes())) is not None:
        env.write_bytes(filtered)


def new_files(invocation: Invocation, directory: str, template: str, package: bool) -> list[str]:
    """Return what start_project would write, in words. Raises EnvironmentFailed if something is in the way."""
    config = alembic_config(invocation, "init", {})
    _refuse(config, directory, template)
    (ini, *toml), folder = _config_files(config), Path(directory)
    names = sorted(path.name for path in Path(config.get_template_directory(), template).iterdir() if path.is_file())
    configs = {"alembic.ini.mako": ini, "pyproject.toml.mako": toml[0] if toml else ini}
    written = [folder / name for name in names if name not in configs]
    written += [path for place in (folder, folder / "versions") for path in [place / "__init__.py"] if package]
    lines = [f"write {path}" for path in written] + [f"create {folder / 'versions'}{os.sep}"]
    for path in (configs[name] for name in names if name in configs):
        kept = "leave" if path.suffix != ".toml" else "add to"
        lines.append(f"{kept if path.is_file() else 'write'} {terminal.shown_path(str(path))}")
    return lines


def list_templates(invocation: Invocation) -> list[str]:
    """Return the templates with their synopses, as lines of text, sorted by name."""
    folder = Path(alembic_config(invocation, "list_templates", {}).get_template_directory())
    readmes = {name: (folder / name / "README").read_text(encoding="utf-8") for name in _templates(folder)}
    return [f"{name} - {readme.splitlines()[0].rstrip()}" for name, readme in readmes.items()]


def _refuse(config: Config, directory: str, template: str) -> None:
    if os.path.isdir(directory) and os.listdir(directory):
        raise EnvironmentFailed(f"Directory {directory} already exists and is not empty", "name another one")
    known = _templates(Path(config.get_template_directory()))
    if template not in known:
        raise EnvironmentFailed(f"No such template {template!r}", f"there are: {', '.join(known)}")


def _templates(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("*/README"))


def _explain_settings(before: dict[Path, bytes]) -> None:
    """Append branchmig's settings to the file that now holds alembic's: the toml where there is one."""
    written = [path for path, content in before.items() if _content(path) != content]
    for path in sorted(written, key=lambda path: path.suffix != ".toml")[:1]:
        kind, title = ("toml", b"[tool.branchmig]") if path.suffix == ".toml" else ("ini", b"[branchmig]")
        if title not in before[path]:
            block = resources.files("branchmig").joinpath("templates", f"settings.{kind}").read_bytes()
            with path.open("ab") as stream:
                stream.write(block)


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _config_files(config: Config) -> list[Path]:
    return [Path(name) for name in (config.config_file_name, config.toml_file_name) if name]
