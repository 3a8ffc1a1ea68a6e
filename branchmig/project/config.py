"""alembic.ini and pyproject.toml, read as alembic reads them; imports neither alembic nor a revision.

One parser reads them from their texts, wherever these come from: the disk, or any place in git. The commands that only
look at the graph need a handful of keys and no SQLAlchemy; alembic's own Config object, which env.py sees, is made by
branchmig.database from the same files. A program that calls branchmig passes such an object: then its values count, and
no file is read again.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchmig.errors import ConfigurationError, LocationsMoved
from branchmig.project.config_texts import content_of, loaded_ini, parsed_ini, parsed_toml, toml_table
from branchmig.project.locations import as_path, is_in_package
from branchmig.project.settings import Settings, read_settings

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig

_SEPARATORS = {"space": " ", "newline": "\n", "os": os.pathsep, ":": ":", ";": ";"}
# What sqlalchemy.util.asbool takes, which alembic reads revision_environment with.
WORDS_FOR_TRUE = frozenset({"true", "yes", "on", "y", "t", "1"})


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """The ini and the toml file that are in use; either may be missing on disk.

    `named` holds those that somebody asked for by name, with where: they must be there when they are read.
    `loaded` is alembic's Config object where a program passes one; the ini path then only serves messages.
    """

    ini: Path
    toml: Path
    section: str = "alembic"
    named: tuple[tuple[str, str], ...] = ()
    loaded: AlembicConfig | None = None


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of the two config files at some place; None for a missing file."""

    ini: bytes | None = None
    toml: bytes | None = None


@dataclass(frozen=True, slots=True)
class Invocation:
    """The options before the command: config files, `-x` arguments for env.py, verbosity, tracebacks.

    `is_typed` is False where a program calls instead: env.py then finds in `config.cmd_opts` what the program put
    there, and nothing is said of what was done. `keeps_log` is False where alembic's log stays off the console.
    """

    files: ConfigFiles
    x: tuple[str, ...] = ()
    is_quiet: bool = False
    raises: bool = False
    given: tuple[str, ...] = ()
    is_typed: bool = True
    keeps_log: bool = True

    @property
    def has_notes(self) -> bool:
        """Whether notes on standard error say what was done: not with --quiet, nor where a program calls."""
        return self.is_typed and not self.is_quiet


@dataclass(frozen=True, slots=True)
class Config:
    """What the graph commands need to know of a project's settings, at the place that `texts` come from.

    Paths are absolute; those of another place are where they would be if it were checked out. `stated` are the keys of
    branchmig's own settings that have a value there.
    """

    files: ConfigFiles
    root: Path
    script_location: Path
    version_locations: tuple[Path, ...]
    is_recursive: bool
    is_sourceless: bool
    revision_environment: bool
    settings: Settings
    import_path: tuple[str, ...] = ()
    """prepend_sys_path: folders that env.py imports from, and that no command which only reads imports from."""
    names_package: bool = False
    """Whether a location is a package's: where that is depends on more than the settings."""
    stated: frozenset[str] = frozenset()
    texts: Texts = field(default=Texts(), repr=False, compare=False)


def locate_files(given: Sequence[str], section: str, environment: Mapping[str, str]) -> ConfigFiles:
    """Return the files that `-c` (once or twice) or ALEMBIC_CONFIG name, else alembic.ini and pyproject.toml.

    Whether they exist is for read_config to see: `init` writes them. Raises ConfigurationError for two files of
    one kind.
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
    named = [(name, "-c") for name in given] or ([(default, "ALEMBIC_CONFIG")] if default else [])
    return ConfigFiles(Path(names["ini"]), Path(names["toml"]), section, tuple(named))


def read_config(files: ConfigFiles) -> Config:
    """Read what the graph commands need; import nothing, and leave sys.path as it is.

    Raises ConfigurationError naming the file and the key for what is missing or cannot be read.
    """
    _refuse_missing(files.named)
    reader = ConfigReader(files, texts_of(files))
    location = reader.text("script_location")
    if location is None:
        raise _nothing_configured(files)
    config = reader.config(location, as_path)
    archive = next((path for path in config.script_location.parents if path.is_file()), None)
    if archive is not None:
        raise ConfigurationError(
            f"{reader.origin('script_location')}: script_location {location!r} is in the archive {archive}: revision "
            "files are read from a folder",
            "install the package unpacked, or let script_location name a folder",
        )
    if not config.script_location.exists() and not _is_left_out(config.script_location):
        raise ConfigurationError(
            f"{reader.origin('script_location')}: script_location {location!r} does not exist",
            f"start one: branchmig init {location}",
        )
    moved = LOCATIONS_OF_ENV.get()
    return replace(config, version_locations=tuple(Path(name) for name in moved)) if moved else config


def texts_of(files: ConfigFiles) -> Texts:
    """Return the texts of config files as they are on disk."""
    return Texts(content_of(files.ini), content_of(files.toml))


def again_where_env_moved(work: Callable[[], Any]) -> Any:
    """Do the work of a command; if its env.py turns out to set other version_locations, do it again with those.

    Nothing was run or written before that is known. Raises LocationsMoved where env.py sets others each time.
    """
    try:
        return work()
    except LocationsMoved as moved:
        if LOCATIONS_OF_ENV.get():
            raise
        token = LOCATIONS_OF_ENV.set(moved.locations)
        try:
            return work()
        finally:
            LOCATIONS_OF_ENV.reset(token)


def config_of(files: ConfigFiles, texts: Texts, path_of: Callable[[str, Sequence[str]], Path]) -> Config | None:
    """Return what the texts of config files say at a place that is not checked out; None if they name no project.

    `path_of` gives the path of a location there, from the folders that prepend_sys_path names. Raises
    ConfigurationError naming the file and the key for what cannot be read.
    """
    reader = ConfigReader(replace(files, loaded=None), texts)
    location = reader.text("script_location")
    return None if location is None else reader.config(location, path_of)


LOCATIONS_OF_ENV: ContextVar[tuple[str, ...]] = ContextVar("LOCATIONS_OF_ENV", default=())
"""The version_locations that the env.py of this run sets in the place of those of the settings; empty if none."""

_LOCATING = (
    *("script_location", "version_locations", "path_separator", "version_path_separator"),
    "recursive_version_locations",
)


def locating_keys(ini: bytes | None, toml: bytes | None, section: str) -> dict[str, str]:
    """Return the keys of two config files that locate revision files, as they are written there.

    None stands for a file that is not there. What cannot be parsed says nothing.
    """
    import tomllib

    parser = configparser.ConfigParser(interpolation=None)
    table: Any = {}
    try:
        parser.read_string((ini or b"").decode("utf-8", "replace"))
        table = tomllib.loads((toml or b"").decode("utf-8", "replace")).get("tool", {}).get("alembic", {})
    except (configparser.Error, ValueError, AttributeError):
        return {}
    found = {key: str(table[key]) for key in _LOCATING if key in table}
    return found | {key: parser.get(section, key) for key in _LOCATING if parser.has_option(section, key)}


def _is_left_out(folder: Path) -> bool:
    """Return whether a folder is not there because a sparse checkout leaves out all that it holds."""
    from branchmig.git.repository import Repository
    from branchmig.git.sparse import left_out
    from branchmig.project.worktree import may_leave_out

    repository = Repository.discover(folder) if may_leave_out(folder) else None
    if repository is None:
        return False
    return bool(left_out(repository, [os.path.relpath(os.path.realpath(folder), repository.top)]).blobs)


def no_percent_name(place: object, key: str, name: str) -> ConfigurationError:
    """Return the error for a '%' that configparser cannot fill in, without the value: it may hold a password."""
    return ConfigurationError(f"{place}: the value of {key!r} has a '%' that begins no %({name})s", "write it as '%%'")


def _kind(name: str) -> str:
    return "toml" if os.path.basename(name) == "pyproject.toml" else "ini"


def _refuse_missing(named: Sequence[tuple[str, str]]) -> None:
    for name, source in named:
        if not Path(name).is_file():
            raise ConfigurationError(
                f"{source} names {name}, which does not exist",
                "correct the name, or start a project: branchmig init migrations",
            )


def _nothing_configured(files: ConfigFiles) -> ConfigurationError:
    if files.loaded is not None:
        return ConfigurationError(
            f"No 'script_location' key found in {files.ini}", 'config.set_main_option("script_location", "migrations")'
        )
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


class ConfigReader:
    """Look keys up as alembic's Config.get_alembic_option does: the ini section first, then [tool.alembic]."""

    def __init__(self, files: ConfigFiles, texts: Texts) -> None:
        self._files, self._texts = files, texts
        tools = parsed_toml(files.toml, texts.toml)
        self._toml = toml_table(tools, "alembic", files.toml)
        self._own_toml = toml_table(tools, "branchmig", files.toml)
        here = {"here": Path(os.path.abspath(files.toml.parent)).as_posix()}
        if files.loaded is None:
            self._ini = parsed_ini(files.ini, texts.ini)
            self._toml_words: Mapping[str, Any] = here
        else:
            self._ini = loaded_ini(files.loaded, files.ini)
            self._toml_words = {**files.loaded.toml_args, **here}
        is_toml_alone = bool(self._toml) and texts.ini is None
        self.root = Path(os.path.abspath((files.toml if is_toml_alone else files.ini).parent))

    def config(self, script_location: str, path_of: Callable[[str, Sequence[str]], Path]) -> Config:
        """Return all that the files say; `path_of` gives the path of a location, from it and the import path."""
        self.refuse_no_number("truncate_slug_length")
        import_path = tuple(self.paths("prepend_sys_path", r", *|(?: +)|\:"))
        folder = path_of(script_location, import_path)
        locations = self.paths("version_locations", r", *|(?: +)")
        settings, stated = self.settings()
        return Config(
            files=self._files,
            root=self.root,
            script_location=folder,
            version_locations=tuple(path_of(location, import_path) for location in locations) or (folder / "versions",),
            is_recursive=self.flag("recursive_version_locations"),
            is_sourceless=self.flag("sourceless"),
            revision_environment=self.flag("revision_environment", WORDS_FOR_TRUE),
            settings=settings,
            import_path=import_path,
            names_package=any(is_in_package(location) for location in (script_location, *locations)),
            stated=stated,
            texts=self._texts,
        )

    def origin(self, key: str) -> str:
        """Return the name of the file that a key's value comes from."""
        return str(self._files.ini if self._in_ini(key) else self._files.toml)

    def text(self, key: str) -> str | None:
        """Return a key's text; None where no file has it. Raises ConfigurationError for another type."""
        if self._in_ini(key):
            return self._from_ini(key)
        value = self._toml.get(key)
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(f"{self._files.toml}: {key} must be a string, not {value!r}", f'write {key} = "…"')
        return None if value is None else self._filled(key, value)

    def flag(self, key: str, words_for_true: frozenset[str] = frozenset({"true"})) -> bool:
        """Return a boolean. In the ini file it is text, which alembic compares with `true`, case and all."""
        if self._in_ini(key):
            text = self._from_ini(key)
            return text == "true" or text.strip().lower() in words_for_true - {"true"}
        value = self._toml.get(key, False)
        if not isinstance(value, bool):
            raise ConfigurationError(
                f"{self._files.toml}: {key} must be true or false, not {value!r}", f"write {key} = true"
            )
        return value

    def paths(self, key: str, legacy_separator: str) -> list[str]:
        """Return a list of paths; in the ini file, a text that the project's separator divides."""
        text = self._from_ini(key) if self._in_ini(key) else ""
        if text:
            separator = self._separator(key)
            parts = re.split(legacy_separator, text) if separator is None else text.split(separator)
            return [part.strip() for part in parts if part.strip()]
        value = self._toml.get(key) or []
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise ConfigurationError(
                f"{self._files.toml}: {key} must be a list of strings, not {value!r}", f'write {key} = ["…", "…"]'
            )
        return [self._filled(key, part) for part in value]

    def refuse_no_number(self, key: str) -> None:
        """Raise ConfigurationError for a key whose value is no number."""
        value = self._from_ini(key) if self._in_ini(key) else self._toml.get(key, 0)
        try:
            int(value)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{self.origin(key)}: {key} must be a number, not {value!r}", f"write {key} = 40"
            ) from error

    def settings(self) -> tuple[Settings, frozenset[str]]:
        """Return branchmig's own settings and which are stated, from [branchmig] or [tool.branchmig]: never both."""
        section, place = "branchmig", f"{self._files.toml}: [tool.branchmig]"
        values: Mapping[str, object] = self._own_toml
        if self._ini.has_section(section):
            ini_place = f"{self._files.ini}: [{section}]"
            if self._own_toml:
                raise ConfigurationError(f"{ini_place} and {place} both have settings", "keep one of the two")
            # has_option would find what [DEFAULT] gives to every section, too.
            names = [name for name in self._ini.options(section) if name not in self._ini.defaults()]
            values, place = {name: self._from_ini(name, section) for name in names}, ini_place
        return read_settings(values, place), frozenset(key for key, value in values.items() if value != "")

    def _separator(self, key: str) -> str | None:
        names = ("path_separator", *(["version_path_separator"] if key == "version_locations" else []))
        name = next(filter(self._in_ini, names), None)
        word = None if name is None else self._from_ini(name)
        if word is None or word in _SEPARATORS:
            return None if word is None else _SEPARATORS[word]
        raise ConfigurationError(
            f"{self._files.ini}: {name} = {word!r} is no separator", "write 'os', 'space', 'newline', ':' or ';'"
        )

    def _in_ini(self, key: str) -> bool:
        return self._ini.has_option(self._files.section, key)

    def _from_ini(self, key: str, section: str | None = None) -> str:
        try:
            return self._ini.get(section or self._files.section, key)
        except configparser.InterpolationError as error:
            raise no_percent_name(self._files.ini, key, "name") from error

    def _filled(self, key: str, value: str) -> str:
        try:
            return value % self._toml_words
        except (KeyError, TypeError, ValueError) as error:
            raise no_percent_name(self._files.toml, key, "here") from error
