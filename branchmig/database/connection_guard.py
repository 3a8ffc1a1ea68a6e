"""Watches every connection while scripts run on a scratch database: to any other database, no statement goes.

Many env.py take their URL from the environment or from the application, whatever the config says. So it is not the
URL that is looked at: each connection is asked itself, before anything is done with it, which database it is in.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, Pool, event

from branchmig.database.connecting import make_careless
from branchmig.errors import EnvironmentFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL

_KNOWN = "branchmig_scratch"
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
# After these words a dotted name begins with a database; elsewhere with a table.
_QUALIFIED = (
    r"\b(INTO|FROM|JOIN|INSERT|REPLACE|IGNORE|UPDATE|TABLE|TRUNCATE|TO|CALL|VIEW|EXISTS|REFERENCES|INDEX\s+\S+\s+ON)"
    r"\s+[`\"]?({})[`\"]?\s*\."
)


class ConnectionGuard:
    """What must hold of every connection: it is in the database `url`, on a server whose other ones are `others`."""

    def __init__(self, url: URL, kind: str, others: tuple[str, ...] = ()) -> None:
        self._name, self._kind = str(url.database), kind
        self.refusal: EnvironmentFailed | None = None
        self._leaves = re.compile(_BEGINNING + _LEAVES_DATABASE[kind], re.IGNORECASE | re.DOTALL)
        names = "|".join(re.escape(name) for name in others)
        self._elsewhere = re.compile(_QUALIFIED.format(names), re.IGNORECASE) if names else None

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

    def _opened(self, dbapi_connection: Any, record: Any) -> None:
        # Class-wide listeners come before env.py's own ones, which may already write ("PRAGMA journal_mode").
        self._check(dbapi_connection)
        record.info[_KNOWN] = self._name
        if self._kind == "sqlite":
            make_careless(dbapi_connection)
        else:
            dbapi_connection.rollback()  # the question has begun a transaction

    def _asked(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        # A pool may bring along what was connected before the guard came.
        if connection.info.get(_KNOWN) != self._name:
            self._check(connection.connection.dbapi_connection)
            connection.info[_KNOWN] = self._name
        if self._leaves.search(statement) or (self._elsewhere and self._elsewhere.search(statement)):
            self._refuse(
                "a statement reaches beyond the scratch database, and was not run: "
                f"{' '.join(statement.split())[:200]}",
                "what is not of one database cannot be tried out; guard it in the script, or leave this proof out",
            )

    def _check(self, dbapi_connection: Any) -> None:
        found = self._place(dbapi_connection)
        if found != self._name:
            self._refuse(
                "env.py connects to another database than the scratch database that it was given: "
                f"{found or 'one of another kind'}; no statement was sent to it",
                'env.py must connect to config.get_main_option("sqlalchemy.url") when it is run by branchmig: '
                "e.g. set that option from the environment only where it is empty",
            )

    def _place(self, dbapi_connection: Any) -> str | None:
        """Ask a connection where it is; None where it does not understand the question."""
        cursor = dbapi_connection.cursor()
        try:
            cursor.execute(_QUESTIONS[self._kind])
            # A connection may be set up to give its rows as dictionaries.
            rows = [tuple(row.values()) if isinstance(row, dict) else tuple(row) for row in cursor.fetchall()]
        except Exception:  # every driver has errors of its own
            return None
        finally:
            cursor.close()
        if self._kind == "sqlite":
            files = {os.path.realpath(row[2]) for row in rows if row[2]}
            own = os.path.realpath(self._name)
            return self._name if files == {own} else next(iter(sorted(files - {own})), "a database in memory")
        return str(rows[0][0])

    def _refuse(self, message: str, hint: str) -> None:
        self.refusal = self.refusal or EnvironmentFailed(message, hint)
        raise self.refusal
