"""The texts of alembic.ini and pyproject.toml to what they say; errors name the file and quote none of its lines."""

from __future__ import annotations

import configparser
import io
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchmig.errors import ConfigurationError
from branchmig.revisions.escaping import in_shell

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig


def content_of(path: Path) -> bytes | None:
    """Return what a config file holds; None if there is none."""
    try:
        return path.read_bytes() if path.exists() and (path.is_file() or path.name) else None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}", "check its permissions") from error


def parsed_ini(path: Path, text: bytes | None) -> configparser.ConfigParser:
    """Return what an ini file says; `path` is what `%(here)s` and messages go by."""
    parser = configparser.ConfigParser({"here": Path(os.path.abspath(path.parent)).as_posix()})
    if text is None:
        return parser
    with _ini_errors(path, text):
        parser.read_string(_decoded(text), str(path))
    return parser


def _decoded(text: bytes) -> str:
    """Return a text as alembic reads it, in the locale's encoding; as UTF-8 where that is not what it is in."""
    for encoding in ("locale", "utf-8"):
        with io.TextIOWrapper(io.BytesIO(text), encoding=encoding) as stream:
            try:
                return stream.read()
            except UnicodeDecodeError:
                if encoding == "utf-8":
                    raise
    raise AssertionError


def loaded_ini(config: AlembicConfig, path: Path) -> configparser.ConfigParser:
    """Return the parser of a Config object that a program passes."""
    with _ini_errors(path):  # alembic parses its file when the first value is asked for
        return config.file_config


@contextmanager
def _ini_errors(path: Path, text: bytes = b"") -> Iterator[None]:
    try:
        yield
    except OSError as error:  # alembic reads the file itself where a program passes its Config
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}", "check its permissions") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not {error.encoding} text: {error.reason}", "save it as UTF-8") from error
    except configparser.Error as error:
        _refuse_conflict(path, text)
        # The library's message quotes the line, and a line may hold a password.
        line = getattr(error, "lineno", None)
        reason = type(error).__name__ if line is None else f"line {line}: {type(error).__name__}"
        if isinstance(error, configparser.DuplicateSectionError):
            raise ConfigurationError(
                f"{path} cannot be parsed: line {line}: section [{error.section}] is there twice", "make one of the two"
            ) from error
        raise ConfigurationError(
            f"{path} cannot be parsed: {reason}", "see 'branchmig init' for a sound one"
        ) from error


def _refuse_conflict(path: Path, text: bytes) -> None:
    """Raise ConfigurationError for a file that a merge has left in conflict: that is why it cannot be parsed."""
    marker = re.search(rb"(?m)^<{7} ", text)
    if marker:
        line = text.count(b"\n", 0, marker.start()) + 1
        raise ConfigurationError(
            f"{path} cannot be parsed: a git merge left a conflict in line {line}",
            f"resolve it, then: git add {in_shell(os.fspath(path))}",
        ) from None


def parsed_toml(path: Path, text: bytes | None) -> dict[str, Any]:
    """Return the [tool] table of pyproject.toml; empty if there is no such file."""
    if text is None:
        return {}
    import tomllib

    try:
        data = tomllib.loads(text.decode())
    except ValueError as error:
        _refuse_conflict(path, text)
        raise ConfigurationError(f"{path} cannot be read: {error}", "correct the file") from error
    return toml_table(data, "tool", path)


def toml_table(parent: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    """Return a table of a table; empty if there is none of the name."""
    table = parent.get(name, {})
    if not isinstance(table, dict):
        title = name if name == "tool" else f"tool.{name}"
        raise ConfigurationError(f"{path}: [{title}] must be a table", f"write [{title}] and its keys below it")
    return table
