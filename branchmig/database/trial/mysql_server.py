"""States on MariaDB and MySQL: statements in a file, run by several connections at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from branchmig.database.documents import write_document
from branchmig.database.trial.address import Address
from branchmig.database.trial.mysql_dump import BEGINNING, dump
from branchmig.database.trial.server import Server, StateGone

_CONNECTIONS = 4
_WORTH_SHARING = 20  # tables. Fewer are made before the connections are open.


class MysqlServer(Server):
    """MariaDB and MySQL, where the state is a file of statements, sent together."""

    ending = ".json"

    def version(self) -> str:
        """Return the server's version and its settings that decide how a table is made."""
        with self._session() as session:
            return " ".join(
                map(str, session.rows("SELECT @@version, @@sql_mode, @@collation_server, @@lower_case_table_names")[0])
            )

    def exists(self, database: Address) -> bool:
        """Return whether the database is there."""
        with self._session() as session:
            return bool(session.rows(f"SHOW DATABASES LIKE '{database.database}'".replace("_", "\\_")))

    def create(self, database: Address) -> None:
        """Make an empty database."""
        with self._session() as session:
            session.run([f"CREATE DATABASE `{database.database}` CHARACTER SET utf8mb4"])

    def copy(self, content: str, database: Address) -> None:
        """Make a database and run the statements of the state in it."""
        try:
            statements = json.loads(self._path(content).read_bytes())
        except FileNotFoundError as error:
            raise StateGone from error
        tables = [statement for statement in statements if statement.startswith("CREATE TABLE ")]
        first = statements.index(tables[0]) if tables else len(statements)
        others = [statement for statement in statements[first:] if not statement.startswith("CREATE TABLE ")]
        name = database.database
        self.create(database)
        with self._session() as session:
            session.run([f"USE `{name}`", *statements[:first]])
            if len(tables) < _WORTH_SHARING:
                session.run(tables)
            else:
                self._run_together(database, tables)
            session.run(others)

    def _run_together(self, database: Address, tables: list[str]) -> None:
        """Make tables on several connections: each waits for its file, and 4 take a fifth of the time of 1."""

        def make(number: int) -> None:
            with self.session_on(database) as session:
                session.run([*BEGINNING, *tables[number::_CONNECTIONS]])

        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            list(pool.map(make, range(_CONNECTIONS)))

    def keep(self, database: Address, content: str) -> None:
        """Write the statements down."""
        with self._session() as session:
            statements = list(dump(session, str(database.database)))
        write_document(self._path(content), statements)

    def drop(self, database: Address) -> None:
        """Drop the database and end the connections to it: one that is in a transaction would be waited for."""
        self.end_connections(database)
        with self._session() as session:
            session.run([f"DROP DATABASE IF EXISTS `{database.database}`"])

    def end_connections(self, database: Address) -> int:
        """End the connections to a database."""
        with self._session() as session:
            own = f"db = '{database.database}' AND id <> CONNECTION_ID()"
            found = session.rows(f"SELECT id FROM information_schema.processlist WHERE {own}")
            for (process,) in found:
                with suppress(
                    Exception
                ):  # it ended by itself meanwhile, and each driver has an error of its own for it
                    session.run([f"KILL {process}"])
            return len(found)

    def leftovers(self, prefix: str) -> list[str]:
        """Return the names of databases that begin so."""
        with self._session() as session:
            return [str(row[0]) for row in session.rows("SHOW DATABASES") if row[0].startswith(prefix)]
