"""Checks the config keys that shape a new revision file before the first byte is written."""

from __future__ import annotations

import codecs
import importlib.util
import os
import shutil
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from branchmig.errors import ConfigurationError
from branchmig.project.config_facts import origin_of

if TYPE_CHECKING:
    from branchmig.database.run.environment import Environment

_TOKENS = {
    "rev": "ae10",
    "slug": "add_users",
    "epoch": 1,
    "year": 2026,
    "month": 1,
    "day": 2,
    "hour": 3,
    "minute": 4,
    "second": 5,
}


def refuse_bad_keys(environment: Environment) -> None:
    """Raise ConfigurationError, naming file and key, for what would break the writing of a revision file."""
    scripts = environment.scripts
    _refuse_timezone(environment, scripts.timezone)
    _refuse_encoding(environment, scripts.output_encoding)
    _refuse_template(environment, scripts.file_template)
    for hook in scripts.hooks:
        _refuse_hook(environment, hook)


def _refuse_timezone(environment: Environment, name: str | None) -> None:
    if not name:
        return
    for spelling in (name, name.upper()):
        try:
            ZoneInfo(spelling)
        except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
            continue
        return
    raise ConfigurationError(
        f"{_origin(environment, 'timezone')}: Can't locate timezone: {name}",
        "write a name such as Europe/Berlin or UTC; where the system has none: pip install tzdata",
    )


def _refuse_encoding(environment: Environment, name: str) -> None:
    try:
        codecs.lookup(name)
    except LookupError as error:
        raise ConfigurationError(
            f"{_origin(environment, 'output_encoding')}: output_encoding = {name!r} is no encoding that Python knows",
            "write output_encoding = utf-8",
        ) from error


def _refuse_template(environment: Environment, template: str) -> None:
    try:
        template % _TOKENS
    except (KeyError, TypeError, ValueError) as error:
        reason = f"has no token {error}" if isinstance(error, KeyError) else f"cannot be filled in: {error}"
        raise ConfigurationError(
            f"{_origin(environment, 'file_template')}: file_template = {template!r} {reason}",
            f"its tokens are: {', '.join(f'%({token})s' for token in _TOKENS)}",
        ) from error


def _refuse_hook(environment: Environment, hook: Mapping[str, str]) -> None:
    name = hook["_hook_name"]
    has_ini = environment.config.file_config.has_section("post_write_hooks")
    files = environment.project.config.files
    place = f"{files.ini}: [post_write_hooks]" if has_ini else f"{files.toml}: [[tool.alembic.post_write_hooks]]"
    if "type" not in hook:
        raise ConfigurationError(
            f"{place}: hook {name!r} has no type",
            f"write {_key(has_ini, name, 'type')} = console_scripts, exec or module",
        )
    wanted = {"console_scripts": "entrypoint", "exec": "executable", "module": "module"}.get(hook["type"])
    if wanted is None:
        return  # a type that env.py may have registered: alembic knows
    if wanted not in hook:
        raise ConfigurationError(f"{place}: hook {name!r} has no {wanted}", f"write {_key(has_ini, name, wanted)} = …")
    folder = hook.get("cwd")
    if folder and not os.path.isdir(folder):
        raise ConfigurationError(
            f"{place}: cwd {folder!r} of hook {name!r} is no folder", f"correct {_key(has_ini, name, 'cwd')}"
        )
    if not _is_there(hook["type"], hook[wanted], folder):
        raise ConfigurationError(
            f"{place}: {wanted} {hook[wanted]!r} of hook {name!r} cannot be found", "install it, or correct the name"
        )


def _key(has_ini: bool, hook: str, key: str) -> str:
    return f"{hook}.{key}" if has_ini else key


def _is_there(kind: str, name: str, folder: str | None) -> bool:
    if kind == "exec":
        # A name with a folder in it is looked for from the folder that the hook runs in.
        return shutil.which(os.path.join(folder or "", name) if os.path.dirname(name) else name) is not None
    if kind == "module":
        try:
            return importlib.util.find_spec(name) is not None
        except (ImportError, ValueError):
            return False
    return any(entry.name == name for entry in entry_points(group="console_scripts"))


def _origin(environment: Environment, key: str) -> str:
    return origin_of(environment.project.config.files, key)
