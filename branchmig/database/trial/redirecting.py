"""Gives env.py a scratch database whatever URL it composes: every connection that it opens goes there instead.

The configured database is not connected to at all. What can be redirected is one database of the scratch server's
kind; a second database, and another kind, is refused. The connection guard checks where each connection really is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import URL, Dialect, Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import Pool, QueuePool

from branchmig.effects.dialects import dialect_kind
from branchmig.errors import BranchmigError, EnvironmentFailed

_ADDRESS = ("host", "hostaddr", "server", "port", "unix_socket", "service", "dbname", "database", "db", "dsn")
# What belongs to the server that the project names: it may not suit the scratch server.
_OF_THE_SERVER = frozenset(
    {*_ADDRESS, "user", "username", "password", "passwd", "passfile", "read_default_file", "read_default_group"}
    | {"target_session_attrs", "sslmode", "ssl", "sslrootcert", "sslcert", "sslkey", "sslcrl", "ssl_ca", "ssl_cert"}
    | {"ssl_key", "ssl_verify_cert", "ssl_verify_identity", "gssencmode", "channel_binding", "direct_tls"}
)

_Address = tuple[Any, ...]


class Redirection:
    """Opens what env.py opens in the scratch database `url`; `refuse` raises, and keeps, the reason not to."""

    def __init__(self, url: URL, kind: str, refuse: Callable[[BranchmigError], None]) -> None:
        self._url, self._kind, self._refuse = url, kind, refuse
        self._origin: _Address | None = None
        self._records: list[Any] = []
        self._own_schemas: dict[Dialect, str] = {}

    @contextmanager
    def redirecting(self) -> Iterator[None]:
        """Redirect every connection that is opened within the block, of engines that are there already, too."""
        event.listen(Engine, "do_connect", self._connect)
        event.listen(Pool, "checkout", self._checked_out)
        try:
            yield
        finally:
            event.remove(Pool, "checkout", self._checked_out)
            event.remove(Engine, "do_connect", self._connect)
            # An engine of the application outlives the run: its pool must not keep connections to a scratch database.
            for record in self._records:
                with suppress(Exception):  # every driver has errors of its own
                    record.invalidate()
            for dialect, schema in self._own_schemas.items():
                dialect.default_schema_name = schema

    def _checked_out(self, driver: Any, record: Any, fairy: Any) -> None:
        """Have a pool replace a connection that it opened before: an engine of the application keeps the live one."""
        if isinstance(fairy._pool, QueuePool) and all(record is not own for own in self._records):
            raise DisconnectionError("it leads to another database")

    def _connect(self, dialect: Dialect, record: Any, given: Sequence[Any], named: Mapping[str, Any]) -> Any:
        if dialect_kind(dialect.name) != self._kind:
            self._refuse(
                EnvironmentFailed(
                    f"env.py connects to {dialect.name}, and the scratch databases are {self._kind}; "
                    "nothing was opened",
                    f"name a server of that kind, where databases can be made: scratch_url = {dialect.name}://user@host/",
                )
            )
        own_given, own_named = dialect.create_connect_args(self._url)
        address = _address(given, named)
        if self._origin not in (None, address):
            self._refuse(
                EnvironmentFailed(
                    "env.py and its scripts connect to more than one database, and there is one scratch database for "
                    "them: the second one was not opened",
                    "several databases cannot be tried out together; choose one by -x, if env.py reads that",
                )
            )
        self._origin = address
        kept = {name: value for name, value in named.items() if name not in _OF_THE_SERVER}
        self._records.append(record)
        if self._kind == "mysql":
            # An engine asks for the name of its database once, and looks for tables there ever after.
            self._own_schemas.setdefault(dialect, named.get("database") or named.get("db") or "")
            dialect.default_schema_name = self._url.database
        return dialect.connect(*own_given, **{**own_named, **kept})


def _address(given: Sequence[Any], named: Mapping[str, Any]) -> _Address:
    """Return what distinguishes databases among the arguments of a driver's connect()."""
    files = tuple(os.path.realpath(item) if isinstance(item, str) else item for item in given)
    return (*files, *(str(named[name]) for name in _ADDRESS if named.get(name)))
