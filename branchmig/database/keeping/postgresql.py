"""States of a PostgreSQL database: databases beside it, exchanged by their names in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from branchmig.database.identity import COPIED_FROM
from branchmig.database.keeping.servers import CannotKeep, Client, KeptServer
from branchmig.database.run.retryable_errors import sqlstate
from branchmig.database.trial.address import Address
from branchmig.database.trial.sessions import Session, SessionHolder, open_session
from branchmig.effects.dialects import literal, quoted
from branchmig.errors import EnvironmentFailed

if TYPE_CHECKING:
    from branchmig.database.keeping.records import Intent

_CLIENTS = """
SELECT pid, coalesce(nullif(application_name, ''), 'a program'), coalesce(usename, '?'),
       coalesce(host(client_addr), 'a socket'), state,
       pg_has_role(current_user, usesysid, 'MEMBER') OR pg_has_role(current_user, 'pg_signal_backend', 'MEMBER')
FROM pg_stat_activity
WHERE datname = {} AND pid <> pg_backend_pid() AND backend_type = 'client backend' ORDER BY backend_start, pid"""

_DATABASE = """
SELECT r.rolname, d.datconnlimit, d.datacl IS NULL, shobj_description(d.oid, 'pg_database')
FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = {}"""

_GRANTS = """
SELECT coalesce(r.rolname, ''), a.privilege_type, a.is_grantable
FROM pg_database d, aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE d.datname = {} ORDER BY 1, 2"""

_SETTINGS = """
SELECT coalesce(r.rolname, ''), split_part(entry, '=', 1), substr(entry, strpos(entry, '=') + 1)
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole,
     unnest(s.setconfig) entry
WHERE d.datname = {} ORDER BY 1, 2"""

_RIGHTS = """
SELECT r.rolsuper OR (r.rolcreatedb AND pg_has_role(current_user, d.datdba, 'MEMBER')), r.rolcreatedb,
       d.datistemplate
FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = {}"""

# The server keeps the value of a list as it was written: quoted again it would be one element.
_LISTS = frozenset({"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"})

_IDENTITY = """
SELECT CAST((SELECT system_identifier FROM pg_control_system()) AS text) || '/' || CAST(oid AS text)
FROM pg_database WHERE datname = {}"""

_quoted, _text = partial(quoted, kind="postgresql"), partial(literal, kind="postgresql")
_NO_RIGHT = "42501"
_FEW_TRIES = 3


class PostgresKept(SessionHolder, KeptServer):
    """A database of a PostgreSQL server. `own` are sessions that env.py has left open in this very process."""

    kind = "postgresql"

    def __init__(self, address: Address, own: frozenset[int]) -> None:
        super().__init__(address)
        self._own, self._name = own, str(address.database)

    def clients(self) -> list[Client]:
        """Return who else is connected to the database."""
        with self._session() as session:
            found = session.rows(_CLIENTS.format(_text(self._name)))
        return [
            Client(pid, f"{program} (process {pid} of the server, user {user}, from {host}, {state or '?'})", bool(may))
            for pid, program, user, host, state, may in found
            if pid not in self._own
        ]

    def end(self, clients: list[Client]) -> None:
        """End connections of other programs."""
        with self._session() as session:
            for client in clients:
                session.rows(f"SELECT pg_terminate_backend({client.number})")

    def refuse_unable(self) -> None:
        """Raise CannotKeep without the right to make databases, or to rename this one."""
        try:
            with self._session() as session:
                found = session.rows(_RIGHTS.format(_text(self._name)))
        except EnvironmentFailed as error:
            raise CannotKeep(error.message) from error
        may, may_create, is_template = found[0] if found else (False, False, False)
        if not may:
            what = "does not own the database" if may_create else "may not create databases"
            raise CannotKeep(f"the role that env.py connects with {what}")
        if is_template:
            raise CannotKeep(f"{self._name} is a template")

    def duplicate(self, source: str | None, name: str) -> None:
        """Make a database from another as its template, with owner, grants, settings and comment."""
        origin = source or self._name

        def work(session: Session) -> None:
            session.run([f"DROP DATABASE IF EXISTS {_quoted(name)}"])
            owner, limit, has_default_grants, comment = session.rows(_DATABASE.format(_text(origin)))[0]
            session.run(
                [f"CREATE DATABASE {_quoted(name)} TEMPLATE {_quoted(origin)} OWNER {_quoted(owner)}{_way(session)}"]
            )
            target = f"DATABASE {_quoted(name)}"
            if limit != -1:
                session.run([f"ALTER {target} CONNECTION LIMIT {limit}"])
            if comment:
                session.run([f"COMMENT ON {target} IS {_text(comment)}"])
            if not has_default_grants:
                session.run([f"REVOKE ALL ON {target} FROM PUBLIC, {_quoted(owner)}"])
                for role, privilege, may_grant in session.rows(_GRANTS.format(_text(origin))):
                    option = " WITH GRANT OPTION" if may_grant and role != owner else ""
                    session.run([f"GRANT {privilege} ON {target} TO {_quoted(role) if role else 'PUBLIC'}{option}"])
            for role, setting, value in session.rows(_SETTINGS.format(_text(origin))):
                where = f"ROLE {_quoted(role)} IN {target}" if role else target
                words = value if setting in _LISTS and value else _text(value)
                session.run([f"ALTER {where} SET {_quoted(setting)} TO {words}"])
            _let_identify(session, origin, name)

        self._alone(origin, work)

    def branch_off(self, source: str | None, name: str, details: tuple[str, ...]) -> None:
        """Make a copy that is another database, and says so."""
        self.duplicate(source, name)
        with self._session() as session, suppress_missing_right():
            session.run([f"ALTER DATABASE {_quoted(name)} RESET {_quoted(COPIED_FROM)}"])

    def exchange(self, intent: Intent) -> None:
        """Rename both databases in one transaction."""
        assert intent.bring is not None
        renamed = [
            "BEGIN",
            f"ALTER DATABASE {_quoted(self._name)} RENAME TO {_quoted(intent.put.name)}",
            f"ALTER DATABASE {_quoted(intent.bring)} RENAME TO {_quoted(self._name)}",
            "COMMIT",
        ]

        def work(session: Session) -> None:
            try:
                session.run(renamed)
            except BaseException:
                session.run(["ROLLBACK"])
                raise

        self._alone(self._name, work)

    def is_exchanged(self, intent: Intent) -> bool | None:
        """Return whether the transaction was committed."""
        return self.exists(intent.put.name)

    def size(self, name: str | None) -> int:
        """Return the size of a database."""
        with self._session() as session:
            return int(session.rows(f"SELECT pg_database_size({_text(name or self._name)})")[0][0])

    def drop(self, name: str) -> None:
        """Drop the database of a state."""
        with self._session() as session:
            session.run([f"DROP DATABASE IF EXISTS {_quoted(name)}"])

    def exists(self, name: str) -> bool:
        """Return whether there is a database of a name."""
        with self._session() as session:
            return bool(session.rows(f"SELECT 1 FROM pg_database WHERE datname = {_text(name)}"))

    def _alone(self, name: str, work: Callable[[Session], None]) -> None:
        """Do what the server refuses while anything is connected; try again where somebody was quicker."""
        with self._session() as session:
            for attempt in range(_FEW_TRIES):
                if self._own:
                    numbers = ", ".join(map(str, sorted(self._own)))
                    session.rows(
                        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN ({numbers}) "
                        f"AND datname = {_text(name)}"
                    )
                try:
                    work(session)
                except Exception as error:  # each driver has errors of its own
                    if sqlstate(error) != "55006":
                        raise
                    clients = self.clients()
                    if attempt + 1 == _FEW_TRIES or clients:
                        named = "; ".join(map(str, clients)) or "a program that came and went"
                        raise EnvironmentFailed(
                            f"another program is connected to {name}: {named}", "end it, then switch again"
                        ) from error
                else:
                    return

    def _opened(self) -> Session:
        """Open a session on another database of the server: the one that is moved must have none."""
        failure: EnvironmentFailed | None = None
        for name in ("postgres", "template1"):
            try:
                return open_session(self.address.named(name))
            except EnvironmentFailed as error:
                failure = failure or error
        assert failure is not None
        raise failure


def _way(session: Session) -> str:
    """Return how to copy: file by file where the server lets the file system share the blocks."""
    found: Any = session.rows("SELECT current_setting('file_copy_method', true)")[0][0]
    return " STRATEGY FILE_COPY" if found == "clone" else ""


def _let_identify(session: Session, origin: str, name: str) -> None:
    """Note in a copy which database it is a copy of: the journal in it was written there.

    A role that may not set parameters of other programs' names goes without: `audit` then names the other database.
    """
    if any(setting == COPIED_FROM for _, setting, _ in session.rows(_SETTINGS.format(_text(name)))):
        return
    with suppress_missing_right():
        ((identity,),) = session.rows(_IDENTITY.format(_text(origin)))
        session.run([f"ALTER DATABASE {_quoted(name)} SET {_quoted(COPIED_FROM)} TO {_text(identity)}"])


@contextmanager
def suppress_missing_right() -> Iterator[None]:
    """Go on where the role lacks a right."""
    try:
        yield
    except Exception as error:  # each driver has errors of its own
        if sqlstate(error) != _NO_RIGHT:
            raise
