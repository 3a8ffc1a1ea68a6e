"""The sources of a fleet's targets: a file, a query, a callable, or the schemas of a database."""

from __future__ import annotations

import csv
import io
import json
import os
import tomllib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from branchmig.errors import ConfigurationError
from branchmig.fleet.targets import Address, Target, chosen, followed, read_targets, targets_of_schemas, within
from branchmig.fleet.tasks import Source
from branchmig.project.config import Invocation
from branchmig.project.import_path import open_to_project
from branchmig.project.project import Project


def targets_of(source: Source, project: Project, invocation: Invocation) -> tuple[Target, ...]:
    """Return the targets that a source names, group by group, with `only` and `groups` applied.

    Raises ConfigurationError for a source that cannot be read or says something else; FleetStopped and
    EnvironmentFailed for a database that does not answer.
    """
    return chosen(_every(source, project, invocation), source.only, source.groups)


def resolved(target: Target) -> Address:
    """Return a target with its references followed, as this process finds them. Raises ConfigurationError."""
    try:
        return followed(target, os.environ, lambda path: Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"target {target.name!r}: {error.filename} cannot be read: {error.strerror}", "see its url_file"
        ) from error


def control_url(variable: str | None, environment: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Return the URL of the control database and the variable it is in. Raises ConfigurationError if there is none."""
    if variable is None:
        raise ConfigurationError(
            "it is not said where the control database is", "--control-url-env VAR: the variable with its URL"
        )
    if not environment.get(variable):
        raise ConfigurationError(f"--control-url-env: the variable {variable} is not set", f"export {variable}=…")
    return environment[variable], variable


def _every(source: Source, project: Project, invocation: Invocation) -> tuple[Target, ...]:
    if source.file is not None:
        folder = os.path.dirname(os.path.abspath(source.file))
        return tuple(within(target, folder, os.path.join) for target in read_targets(_rows(source.file), source.file))
    if source.query is not None:
        from branchmig.database.fleet_control import rows_of_query

        url, variable = control_url(source.control_url_env)
        return read_targets(rows_of_query(url, variable, source.query), "--targets-query")
    if source.callable is not None:
        open_to_project(project.config.import_path)
        return read_targets(_called(source.callable), source.callable)
    assert source.schemas is not None
    from branchmig.database.fleet_control import schemas_like

    control = None if source.control_url_env is None else control_url(source.control_url_env)
    schemas = schemas_like(project, invocation, source.schemas, control)
    if not schemas:
        raise ConfigurationError(f"no schema is LIKE {source.schemas!r}", "% stands for any letters, _ for one")
    return targets_of_schemas(schemas, source.x_name)


def _rows(name: str) -> list[Any]:
    """Return the rows of a file, by its ending."""
    path = Path(name)
    kind = path.suffix.lower()
    if kind not in (".toml", ".json", ".csv"):
        raise ConfigurationError(f"--targets {name} ends in neither .toml, .json nor .csv", "name it after its form")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"it is not {error.encoding} text"
        raise ConfigurationError(f"--targets {name} cannot be read: {reason}", "correct the file's name") from error
    if kind == ".csv":
        reader = csv.DictReader(io.StringIO(text))
        return [{key: value for key, value in row.items() if key is not None and value} for row in reader]
    try:
        data = tomllib.loads(text) if kind == ".toml" else json.loads(text)
    except ValueError as error:
        # The library's message may quote the text, which may hold a password: only the place is repeated.
        place = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else _line(str(error))
        raise ConfigurationError(f"--targets {name} cannot be parsed: {place}", "correct the file") from None
    rows = data.get("targets") if isinstance(data, dict) else data
    if not isinstance(rows, list):
        raise ConfigurationError(f"--targets {name} has no list of targets", 'e.g. [[targets]] and below it name = "a"')
    return rows


def _line(message: str) -> str:
    return message[message.rfind("(at ") + 4 : -1] if "(at " in message else "it is no TOML"


def _called(name: str) -> list[Any]:
    module, colon, function = name.partition(":")
    if not (module and colon and function):
        raise ConfigurationError(f"--targets-callable {name!r} is no package.module:function", "e.g. app.tenants:all")
    try:
        found = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"--targets-callable {name} is not there: {error}", "is the project on prepend_sys_path, or installed?"
        ) from error
    try:
        return [dict(row) if hasattr(row, "keys") else row for row in found()]
    except Exception as error:  # users' code may raise anything
        raise ConfigurationError(
            f"--targets-callable {name} raised {type(error).__name__}: {error}", "--raiseerr shows the whole traceback"
        ) from error
