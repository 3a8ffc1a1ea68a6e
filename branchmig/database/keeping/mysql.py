"""States of a MariaDB or MySQL database: databases beside it, into which its tables are moved.

Tables move by RENAME TABLE, with their rows, keys and foreign keys. Triggers, views, routines and events cannot move:
they are dropped and made again from their texts, which the records hold before anything is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from branchmig.database.keeping.servers import CannotKeep, Client, KeptServer
from branchmig.database.trial.address import Address
from branchmig.database.trial.mysql_dump import BEGINNING, defaults, programs, sequence, stored_columns
from branchmig.database.trial.sessions import Session, SessionHolder
from branchmig.effects.dialects import literal, quoted
from branchmig.errors import EnvironmentFailed

if TYPE_CHECKING:
    from branchmig.database.keeping.records import Intent

_WAITS = "SET SESSION lock_wait_timeout = 1, innodb_lock_wait_timeout = 3"
_TIMED_OUT = "1205"
_quoted, _text = partial(quoted, kind="mysql"), partial(literal, kind="mysql")


class MysqlKept(SessionHolder, KeptServer):
    """A database of a MariaDB or MySQL server. `own` are sessions that env.py has left open in this very process."""

    kind = "mysql"

    def __init__(self, address: Address, own: frozenset[int]) -> None:
        super().__init__(address)
        self._own, self._name = own, str(address.database)

    def clients(self) -> list[Client]:
        """Return who is in a transaction on the tables; a connection that only waits is in nobody's way."""
        with self._session() as session:
            for number in self._own:
                if session.rows(f"SELECT 1 FROM information_schema.processlist WHERE id = {number}"):
                    session.run([f"KILL {number}"])
            if self._is_free(session):
                return []
            found = session.rows(
                "SELECT id, user, host, command FROM information_schema.processlist "
                f"WHERE db = {_text(self._name)} AND id <> CONNECTION_ID() ORDER BY id"
            )
        return [
            Client(int(number), f"connection {number} (user {user}, from {host}, {command})")
            for number, user, host, command in found
        ] or [Client(0, "a connection that this user may not see", can_end=False)]

    def end(self, clients: list[Client]) -> None:
        """End connections of other programs."""
        with self._session() as session:
            for client in clients:
                session.run([f"KILL {client.number}"])

    def refuse_unable(self) -> None:
        """Raise CannotKeep without the right to make databases."""
        try:
            with self._session() as session:
                session.run(
                    ["CREATE DATABASE IF NOT EXISTS `branchmig_kept_try`", "DROP DATABASE `branchmig_kept_try`"]
                )
        except EnvironmentFailed as error:
            raise CannotKeep(error.message) from error

    def duplicate(self, source: str | None, name: str) -> None:
        """Make tables like those of a state, or of the database itself, and copy the rows in one transaction."""
        origin = source or self._name
        with self._session() as session:
            kinds = self._tables(session, origin)
            session.run([f"DROP DATABASE IF EXISTS {_quoted(name)}", self._made(session, origin, name)])
            session.run([f"USE {_quoted(origin)}"])
            made: list[str] = []
            for table, kind in kinds.items():
                if kind == "SEQUENCE":
                    made += sequence(session, table)
                else:
                    made.append(session.rows(f"SHOW CREATE TABLE {_quoted(table)}")[0][1])
            copies = [
                f"INSERT INTO {_quoted(name)}.{_quoted(table)} ({names}) SELECT {names} FROM {_quoted(table)}"
                for table, kind in kinds.items()
                if kind != "SEQUENCE" and (names := self._columns(session, table))
            ]
            session.run(BEGINNING)
            if "mariadb" in str(session.rows("SELECT VERSION()")[0][0]).lower():
                session.run(["SET SESSION check_constraint_checks = 0"])
            session.run([f"USE {_quoted(name)}", *made])
            session.run([f"USE {_quoted(origin)}", "START TRANSACTION WITH CONSISTENT SNAPSHOT", *copies, "COMMIT"])

    def branch_off(self, source: str | None, name: str, details: tuple[str, ...]) -> None:
        """Make the tables with their rows, then the views, routines, triggers and events."""
        made = self.details() if source is None else details
        self.duplicate(source, name)
        with self._session() as session:
            session.run([f"USE {_quoted(name)}", *BEGINNING, *made])

    def exists(self, name: str) -> bool:
        """Return whether there is such a schema."""
        with self._session() as session:
            query = f"SELECT 1 FROM information_schema.schemata WHERE schema_name = {_text(name)}"
            return bool(session.rows(query))

    def exchange(self, intent: Intent) -> None:
        """Move the tables out and the others in by one statement, between what cannot be moved."""
        assert intent.bring is not None
        with self._session() as session:
            if not self._is_free(session):
                raise EnvironmentFailed(
                    f"another program is in a transaction on {self._name}", "end it, then switch again"
                )
            self._complete(session, intent)

    def is_exchanged(self, intent: Intent) -> bool | None:
        """Complete the exchange: from the names of the tables it is known which have moved."""
        with self._session() as session:
            self._complete(session, intent)
        return True

    def size(self, name: str | None) -> int:
        """Return how many bytes the tables take."""
        with self._session() as session:
            found = session.rows(
                "SELECT CAST(COALESCE(SUM(data_length + index_length), 0) AS UNSIGNED) "
                f"FROM information_schema.tables WHERE table_schema = {_text(name or self._name)}"
            )
        return int(found[0][0])

    def drop(self, name: str) -> None:
        """Drop the database of a state."""
        with self._session() as session:
            session.run([f"DROP DATABASE IF EXISTS {_quoted(name)}"])

    def details(self) -> tuple[str, ...]:
        """Return the statements that make the views, routines, triggers and events, and the default for new tables."""
        with self._session() as session:
            session.run([f"USE {_quoted(self._name)}"])
            found = [defaults(session, self._name), *programs(session, self._name)]
        return tuple(statement.replace(f"{_quoted(self._name)}.", "") for statement in found)

    def tables(self) -> tuple[str, ...]:
        """Return the names of the tables that move."""
        with self._session() as session:
            return tuple(self._tables(session, self._name))

    def _complete(self, session: Session, intent: Intent) -> None:
        """Bring the exchange to its end from wherever it was interrupted."""
        put, bring = intent.put.name, str(intent.bring)
        if not self.exists(put):
            session.run([self._made(session, self._name, put)])
        here, out, waiting = (self._tables(session, name) for name in (self._name, put, bring))
        # Nothing has moved yet: what somebody has made since belongs to the state, too.
        own = intent.put.tables if out else here
        leaving = [table for table in own if table in here and table not in out]
        moves = [(self._name, put, table) for table in leaving] + [(bring, self._name, table) for table in waiting]
        session.run([f"USE {_quoted(self._name)}", "SET SESSION foreign_key_checks = 0", *self._dropped(session)])
        if moves:
            pairs = (f"{_quoted(a)}.{_quoted(t)} TO {_quoted(b)}.{_quoted(t)}" for a, b, t in moves)
            try:
                session.run([f"RENAME TABLE {', '.join(pairs)}"])
            except Exception:  # each driver has errors of its own
                if not out:
                    session.run([*BEGINNING, *intent.put.details])
                raise
        session.run([*BEGINNING, *intent.details])
        session.run([f"DROP DATABASE IF EXISTS {_quoted(bring)}"])

    def _dropped(self, session: Session) -> Iterator[str]:
        """Yield the statements that drop what cannot be moved."""
        where = f"= {_text(self._name)}"
        for kind, query in (
            ("TRIGGER", f"SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema {where}"),
            ("VIEW", f"SELECT table_name FROM information_schema.views WHERE table_schema {where}"),
            ("EVENT", f"SELECT event_name FROM information_schema.events WHERE event_schema {where}"),
        ):
            yield from (f"DROP {kind} IF EXISTS {_quoted(name)}" for (name,) in session.rows(query))
        routines = (
            f"SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema {where} "
            "AND routine_type IN ('FUNCTION', 'PROCEDURE')"
        )
        yield from (f"DROP {kind} IF EXISTS {_quoted(name)}" for kind, name in session.rows(routines))

    def _is_free(self, session: Session) -> bool:
        """Return whether all tables could be had at once, within a second."""
        tables = [table for table, kind in self._tables(session, self._name).items() if kind != "SEQUENCE"]
        if not tables:
            return True
        try:
            session.run([f"USE {_quoted(self._name)}", _WAITS])
            session.rows(f"LOCK TABLES {', '.join(f'{_quoted(table)} WRITE' for table in tables)}")
        except Exception as error:  # each driver has errors of its own
            if _TIMED_OUT not in str(error):
                raise
            return False
        session.rows("UNLOCK TABLES")
        return True

    def _made(self, session: Session, origin: str, name: str) -> str:
        return f"CREATE DATABASE {_quoted(name)} {defaults(session, origin).removeprefix('ALTER DATABASE ')}"

    def _tables(self, session: Session, name: str) -> dict[str, str]:
        found = session.rows(
            f"SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = {_text(name)} "
            "AND table_type IN ('BASE TABLE', 'SEQUENCE', 'SYSTEM VERSIONED') ORDER BY table_name"
        )
        return dict(found)

    def _columns(self, session: Session, table: str) -> str:
        return ", ".join(_quoted(row[0]) for row in stored_columns(session, table))

    def _opened(self) -> Session:
        session = super()._opened()
        session.run([_WAITS])
        return session
