"""env.py held to one database: its URL is in the config while env.py runs, and no statement goes anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from alembic.config import Config
from sqlalchemy import URL

from branchmig.database.connecting import parsed_url
from branchmig.database.trial.connection_guard import TargetGuard
from branchmig.effects.dialects import KINDS, dialect_kind
from branchmig.errors import ConfigurationError

URL_KEY = "sqlalchemy.url"

_target: ContextVar[URL | None] = ContextVar("target", default=None)


def target_url(text: str) -> URL:
    """Return the URL of a target. Raises ConfigurationError."""
    return parsed_url(text, "the target's url is no database URL", "e.g. postgresql+psycopg://user@host/db")


@contextmanager
def held_to(url: URL | None) -> Iterator[None]:
    """Hold every env.py that runs within the block to the database of a URL; None holds it to nothing."""
    if url is not None and url.get_backend_name() not in KINDS:
        raise ConfigurationError(
            f"a fleet's targets are on SQLite, PostgreSQL, MariaDB or MySQL, not {url.get_backend_name()}",
            "what env.py connects to could not be checked",
        )
    token = _target.set(url)
    try:
        yield
    finally:
        _target.reset(token)


def is_held() -> bool:
    """Return whether env.py is held to the database of a URL."""
    return _target.get() is not None


@contextmanager
def url_of_target(config: Config) -> Iterator[None]:
    """Put the URL that env.py is held to, if there is one, into the config for the block, and watch its connections."""
    url = _target.get()
    if url is None:
        yield
        return
    with url_in_config(config, url), TargetGuard(url, dialect_kind(url.get_backend_name())).watching():
        yield


@contextmanager
def url_in_config(config: Config, url: URL) -> Iterator[None]:
    """Put a URL into the config for the block: a program's Config object is that program's."""
    before = config.file_config.get(config.config_ini_section, URL_KEY, raw=True, fallback=None)
    text = url.render_as_string(hide_password=False)
    config.set_main_option(URL_KEY, text.replace("%", "%%"))
    try:
        yield
    finally:
        if before is None:
            config.remove_main_option(URL_KEY)
        else:
            config.set_main_option(URL_KEY, before)
