"""alembic.ini and pyproject.toml, read as alembic reads them; imports neither alembic nor a revision.

The commands that only look at the graph need a handful of keys and no SQLAlchemy; alembic's own Config object,
which env.py sees, is made by the database room from the same files.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchmig.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SEPARATORS = {"space": " ", "newline": "\n", "os": os.pathsep, ":": ":", ";": ";"}


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """The ini and the toml file that are in use; either may be missing on disk."""

    ini: Path
    toml: Path
    section: str = "alembic"


@dataclass(frozen=True, slots=True)
class Invocation:
    """What was typed before the command: which files, `-x` arguments for env.py, how loud, how errors end."""

    files: ConfigFiles
    x: tuple[str, ...] = ()
    is_quiet: bool = False
    raises: bool = False
    given: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """What the graph commands need to know of a project's settings. Paths are absolute."""

    files: ConfigFiles
    root: Path
    script_location: Path
    version_locations: tuple[Path, ...]
    is_recursive: bool
    is_sourceless: bool
    revision_environment: bool


def locate_files(given: Sequence[str], section: str, environment: Mapping[str, str]) -> ConfigFiles:
    """Return the files that `-c` (once or twice) or ALEMBIC_CONFIG name, else alembic.ini and pyproject.toml.

    Raises ConfigurationError for two files of one kind, or a named file that does not exist.
    """
    names = {"ini": "alembic.ini", "toml": "pyproject.toml"}
    default = environment.get("ALEMBIC_CONFIG")
    if default:
        names[_kind(default)] = default
    seen: set[str] = set()
    for name in given:
        kind = _kind(name)
        if kind in seen:
            raise ConfigurationError(
                f"two {kind} files are given: {names[kind]} and {name}", "give -c at most once for each kind"
            )
        seen.add(kind)
        names[kind] = name
        if not Path(name).is_file():
            raise ConfigurationError(f"config file {name} does not exist", "check -c, or start one: branchmig init DIR")
    if default and not given and not Path(default).is_file():
        raise ConfigurationError(f"ALEMBIC_CONFIG names {default}, which does not exist", "correct or unset it")
    return ConfigFiles(Path(names["ini"]), Path(names["toml"]), section)


def read_config(files: ConfigFiles) -> Config:
    """Read what the graph commands need. Puts prepend_sys_path on sys.path, as alembic does.

    Raises ConfigurationError naming the file and the key for what is missing or cannot be read.
    """
    reader = _Reader(files)
    script_location = reader.text("script_location")
    if script_location is None:
        raise _nothing_configured(files)
    sys.path[:0] = reader.paths("prepend_sys_path", r", *|(?: +)|\:")
    folder = _existing_folder(script_location, reader.origin("script_location"))
    locations = reader.paths("version_locations", r", *|(?: +)")
    return Config(
        files=files,
        root=reader.root,
        script_location=folder,
        version_locations=tuple(as_path(one) for one in locations) or (folder / "versions",),
        is_recursive=reader.flag("recursive_version_locations"),
        is_sourceless=reader.flag("sourceless"),
        revision_environment=reader.flag("revision_environment"),
    )


def as_path(location: str) -> Path:
    """Return the absolute path of a folder name or a `package:folder` resource.

    Raises ConfigurationError for a package that cannot be imported.
    """
    package, colon, resource = location.partition(":")
    if not colon or os.path.isabs(location):
        return Path(os.path.abspath(location))
    import importlib.resources

    try:
        return Path(os.path.abspath(str(importlib.resources.files(package).joinpath(*resource.split(":")))))
    except (ImportError, TypeError) as error:
        raise ConfigurationError(
            f"package {package!r} of location {location!r} cannot be imported: {error}",
            "install the project, or set prepend_sys_path",
        ) from error


def _kind(name: str) -> str:
    return "toml" if os.path.basename(name) == "pyproject.toml" else "ini"


def _existing_folder(location: str, origin: str) -> Path:
    folder = as_path(location)
    if not folder.exists():
        raise ConfigurationError(
            f"{origin}: script_location {location!r} does not exist", f"start one: branchmig init {location}"
        )
    return folder


def _nothing_configured(files: ConfigFiles) -> ConfigurationError:
    present = [str(path) for path in (files.ini, files.toml) if path.is_file()]
    if not present:
        return ConfigurationError(
            f"there is no {files.ini} in {Path.cwd()}",
            "go to the project's folder, give -c FILE, or start a project: branchmig init migrations",
        )
    where = f"[{files.section}]" if files.ini.is_file() else "[tool.alembic]"
    return ConfigurationError(
        f"No 'script_location' key found in {' and '.join(present)}",
        f"add script_location to {where}, or give -c FILE or -n SECTION",
    )


class _Reader:
    """Look keys up as alembic's Config.get_alembic_option does: the ini section first, then [tool.alembic]."""

    def __init__(self, files: ConfigFiles) -> None:
        self._files = files
        self._ini = _read_ini(files.ini)
        self._toml = _read_toml(files.toml)
        has_ini = files.ini.is_file()
        self.root = Path(os.path.abspath((files.ini if has_ini or not self._toml else files.toml).parent))
        self._toml_here = {"here": Path(os.path.abspath(files.toml.parent)).as_posix()}

    def origin(self, key: str) -> str:
        """Return the name of the file that a key's value comes from."""
        return str(self._files.ini if self._in_ini(key) else self._files.toml)

    def text(self, key: str) -> str | None:
        if self._in_ini(key):
            return self._from_ini(key)
        value = self._toml.get(key)
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(f"{self._files.toml}: {key} must be a string, not {value!r}")
        return None if value is None else self._filled(key, value)

    def flag(self, key: str) -> bool:
        if self._in_ini(key):
            return self._from_ini(key) == "true"
        value = self._toml.get(key, False)
        if not isinstance(value, bool):
            raise ConfigurationError(f"{self._files.toml}: {key} must be true or false, not {value!r}")
        return value

    def paths(self, key: str, legacy_separator: str) -> list[str]:
        if self._in_ini(key):
            text = self._from_ini(key)
            separator = self._separator(key)
            parts = re.split(legacy_separator, text) if separator is None else text.split(separator)
            return [part.strip() for part in parts if part.strip()]
        value = self._toml.get(key) or []
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise ConfigurationError(f"{self._files.toml}: {key} must be a list of strings, not {value!r}")
        return [self._filled(key, part) for part in value]

    def _separator(self, key: str) -> str | None:
        for name in ("path_separator", "version_path_separator"):
            if name == "version_path_separator" and key != "version_locations":
                continue
            if self._in_ini(name):
                word = self._from_ini(name)
                if word not in _SEPARATORS:
                    raise ConfigurationError(
                        f"{self._files.ini}: {name} = {word!r} is no separator",
                        "write 'os', 'space', 'newline', ':' or ';'",
                    )
                return _SEPARATORS[word]
        return None

    def _in_ini(self, key: str) -> bool:
        return self._ini.has_option(self._files.section, key)

    def _from_ini(self, key: str) -> str:
        try:
            return self._ini.get(self._files.section, key)
        except configparser.InterpolationError as error:
            # The library's message quotes the value, and a value may hold a password.
            raise ConfigurationError(
                f"{self._files.ini}: the value of {key!r} has a '%' that begins no %(name)s",
                "write it as '%%'",
            ) from error

    def _filled(self, key: str, value: str) -> str:
        try:
            return value % self._toml_here
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{self._files.toml}: the value of {key!r} has a '%' that begins no %(here)s",
                "write it as '%%'",
            ) from error


def _read_ini(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser({"here": Path(os.path.abspath(path.parent)).as_posix()})
    if not path.exists():
        return parser
    try:
        with path.open(encoding="locale") as stream:
            parser.read_file(stream, str(path))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}", "check its permissions") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not {error.encoding} text: {error.reason}", "save it as UTF-8") from error
    except configparser.Error as error:
        line = getattr(error, "lineno", None)
        reason = type(error).__name__ if line is None else f"line {line}: {type(error).__name__}"
        raise ConfigurationError(
            f"{path} cannot be parsed: {reason}", "see 'branchmig init' for a sound one"
        ) from error
    return parser


def _read_toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    import tomllib

    try:
        with path.open("rb") as stream:
            data = tomllib.load(stream)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}", "correct the file") from error
    table = data.get("tool", {}).get("alembic", {})
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path}: [tool.alembic] must be a table")
    return table
