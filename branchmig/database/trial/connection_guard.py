"""Watches every connection while env.py runs for one database: to any other database, no statement goes.

Many env.py take their URL from the environment or from the application, whatever the config says. So it is not the
URL that is looked at: each connection is asked itself, before anything is done with it, which database it is in.
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, Pool, event

from branchmig.database.connecting import make_careless, shown
from branchmig.database.locks.base import row_values
from branchmig.database.trial.address import read_address
from branchmig.errors import BranchmigError, EnvironmentFailed, TargetRefused

_KNOWN = "branchmig_database"
_LOOKED_AT = "branchmig_address"
_QUESTIONS = {
    "sqlite": "PRAGMA database_list",
    "postgresql": "SELECT current_database()",
    "mysql": "SELECT DATABASE()",
}
# A statement may follow another one, or a comment.
_BEGINNING = r"(?:\A|;)(?:\s|--[^\n]*\n|/\*.*?\*/)*"
_LEAVES_DATABASE = {
    "sqlite": r"ATTACH\b",
    # Roles and databases belong to the whole server.
    "postgresql": r"(CREATE|ALTER|DROP)\s+(DATABASE|ROLE|GROUP|TABLESPACE|USER(?!\s+MAPPING))\b",
    "mysql": r"(USE|(CREATE|ALTER|DROP)\s+(OR\s+REPLACE\s+)?(DATABASE|SCHEMA|ROLE|USER))\b",
}
# What gives new tables of the scratch database their character set stays in it.
_STAYS = {"mysql": r"(?!ALTER\s+(?:DATABASE|SCHEMA)\s+(?:`?%s`?\s+)?(?:DEFAULT|CHARACTER|CHARSET|COLLATE)\b)"}
# After these words a dotted name begins with a database; elsewhere with a table.
_QUALIFIED = (
    r"\b(INTO|FROM|JOIN|INSERT|REPLACE|IGNORE|UPDATE|TABLE|TRUNCATE|TO|CALL|VIEW|EXISTS|REFERENCES|INDEX\s+\S+\s+ON)"
    r"\s+[`\"]?({})[`\"]?\s*\."
)


class ConnectionWatch(ABC):
    """The check of every connection within a block: each is in one database, by its own answer."""

    def __init__(self, kind: str, name: str) -> None:
        self.kind, self._name = kind, name
        self.refusal: BranchmigError | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Refuse all other connections within the block. Raises the refusal though users' code swallowed it."""
        event.listen(Pool, "connect", self._opened)
        event.listen(Engine, "before_cursor_execute", self._asked)
        try:
            yield
        finally:
            event.remove(Engine, "before_cursor_execute", self._asked)
            event.remove(Pool, "connect", self._opened)
        if self.refusal is not None:
            raise self.refusal

    @abstractmethod
    def _elsewhere_error(self, found: str) -> BranchmigError:
        """Return the error for a connection that is in the database `found`."""

    @abstractmethod
    def _settle(self, dbapi_connection: Any) -> None:
        """Leave a new connection as env.py may have it: the question may have begun a transaction."""

    def _look_at(self, connection: Connection, statement: str) -> None:  # noqa: B027  # nothing by default
        """Refuse a statement, or the engine that it goes through."""

    def _opened(self, dbapi_connection: Any, record: Any) -> None:
        # Class-wide listeners come before env.py's own ones, which may already write ("PRAGMA journal_mode").
        self._check(dbapi_connection)
        record.info[_KNOWN] = self._name
        self._settle(dbapi_connection)

    def _asked(self, connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        # A pool may have connections that are older than the guard.
        if connection.info.get(_KNOWN) != self._name:
            self._check(connection.connection.dbapi_connection)
            connection.info[_KNOWN] = self._name
        self._look_at(connection, statement)

    def _check(self, dbapi_connection: Any) -> None:
        found = _place(dbapi_connection, self.kind, self._name)
        if found != self._name:
            self.refuse(self._elsewhere_error(found or "one of another kind"))

    def refuse(self, error: BranchmigError) -> None:
        """Raise an error, and again at the end of the block, since users' code may swallow it."""
        self.refusal = self.refusal or error
        raise self.refusal


class ConnectionGuard(ConnectionWatch):
    """Keeps env.py in the scratch database `url`, on a server whose other databases are `others`."""

    def __init__(self, url: URL, kind: str, others: tuple[str, ...] = ()) -> None:
        super().__init__(kind, str(url.database))
        stays = _STAYS.get(kind, "").replace("%s", re.escape(str(url.database)))
        self._leaves = re.compile(_BEGINNING + stays + _LEAVES_DATABASE[kind], re.IGNORECASE | re.DOTALL)
        names = "|".join(re.escape(name) for name in others)
        self._elsewhere = re.compile(_QUALIFIED.format(names), re.IGNORECASE) if names else None

    def _settle(self, dbapi_connection: Any) -> None:
        if self.kind == "sqlite":
            make_careless(dbapi_connection)
        else:
            dbapi_connection.rollback()  # the question has begun a transaction

    def _look_at(self, connection: Connection, statement: str) -> None:
        if self._leaves.search(statement) or (self._elsewhere and self._elsewhere.search(statement)):
            self.refuse(
                EnvironmentFailed(
                    "a statement reaches beyond the scratch database, and was not run: "
                    f"{' '.join(statement.split())[:200]}",
                    "what is not of one database cannot be tried out; guard it in the script, or leave this proof out",
                )
            )

    def _elsewhere_error(self, found: str) -> BranchmigError:
        return EnvironmentFailed(
            f"env.py connects to another database than the scratch database that it was given: {found}; "
            "no statement was sent to it",
            'env.py must connect to config.get_main_option("sqlalchemy.url") when it is run by branchmig: '
            "e.g. set that option from the environment only where it is empty",
        )


class TargetGuard(ConnectionWatch):
    """Keeps env.py in the database of one target of a fleet, as its URL names it: file, or name on host and port."""

    def __init__(self, url: URL, kind: str) -> None:
        super().__init__(kind, str(url.database))
        address = read_address(url.render_as_string(hide_password=False))
        assert address is not None  # a URL of a kind that is watched
        self._url, self._address = url, address

    def _settle(self, dbapi_connection: Any) -> None:
        if self.kind != "sqlite":
            dbapi_connection.rollback()  # the question has begun a transaction

    def _look_at(self, connection: Connection, statement: str) -> None:
        if connection.info.get(_LOOKED_AT) == self._url:
            return
        # Two servers may have databases of one name. An engine that was made with a function has no host to compare.
        used = connection.engine.url
        address = read_address(used.render_as_string(hide_password=False))
        if used.database and (address is None or not address.is_same_database(self._address)):
            self.refuse(self._elsewhere_error(shown(used)))
        connection.info[_LOOKED_AT] = self._url

    def _elsewhere_error(self, found: str) -> BranchmigError:
        return TargetRefused(
            f"env.py connects to another database than the target's: {found}; no statement was sent to it",
            'env.py must connect to config.get_main_option("sqlalchemy.url"), where the target\'s URL is; '
            "or give targets x arguments that env.py reads",
        )


def _place(dbapi_connection: Any, kind: str, name: str) -> str | None:
    """Ask a connection where it is: `name` if it is there, and None where it does not understand the question."""
    cursor = dbapi_connection.cursor()
    try:
        cursor.execute(_QUESTIONS[kind])
        rows = [row_values(row) for row in cursor.fetchall()]
    except Exception:  # every driver has errors of its own
        return None
    finally:
        cursor.close()
    if kind == "sqlite":
        files = {os.path.realpath(row[2]) for row in rows if row[2]}
        own = os.path.realpath(name)
        return name if files == {own} else next(iter(sorted(files - {own})), "a database in memory")
    return str(rows[0][0])
