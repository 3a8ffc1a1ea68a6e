from __future__ import annotations

import asyncio
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from branchmig.database.run.side_connection import SideConnection, SideConnections
from branchmig.errors import EnvironmentFailed

if TYPE_CHECKING:
    from collections.abc import Callable

WHO = {
    "postgresql": "SELECT pg_backend_pid()",
    "mysql": "SELECT CONNECTION_ID()",
}


def asking(statement: str) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(text(statement)).scalar()


def who(connection: Connection) -> object:
    return asking(WHO[connection.dialect.name])(connection)


@pytest.fixture(params=["postgres", "mariadb"])
def server_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.mark.parametrize("pool", [NullPool, QueuePool, StaticPool])
def test_it_is_a_second_session_in_the_same_database_whatever_the_pool(server_url: str, pool: type) -> None:
    sizes = {"pool_size": 1, "max_overflow": 0} if pool is QueuePool else {}
    engine = create_engine(server_url, poolclass=pool, **sizes)
    with engine.connect() as connection:
        theirs = who(connection)
        side = SideConnection.open(connection)
        database = asking("SELECT current_database()" if engine.dialect.name == "postgresql" else "SELECT DATABASE()")
        assert side.ask(who) not in (None, theirs)
        assert side.ask(who) == side.ask(who)
        assert side.ask(database) == make_url(server_url).database
        assert who(connection) == theirs
        side.close()
    engine.dispose()


def test_its_errors_are_sqlalchemys_whatever_env_py_makes_of_them(database_url: str) -> None:
    """oslo.db listens to handle_error and raises errors of its own."""
    engine = create_engine(database_url, poolclass=NullPool)

    @event.listens_for(engine, "handle_error", retval=True)
    def wrap(context: object) -> Exception:
        return RuntimeError("an error of env.py's own")

    with engine.connect() as connection:
        with pytest.raises(RuntimeError):
            asking("SELECT nothing FROM nowhere")(connection)
        connection.rollback()
        side = SideConnection.open(connection)
        with pytest.raises(DBAPIError):
            side.ask(asking("SELECT nothing FROM nowhere"))
        side.close()
    engine.dispose()


def test_what_it_writes_is_committed_and_seen_at_once(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as connection:
        side = SideConnection.open(connection)
        side.ask(lambda own: own.execute(text("CREATE TABLE seen (id INTEGER)")))
        side.ask(lambda own: own.execute(text("INSERT INTO seen VALUES (1)")))
        assert connection.execute(text("SELECT id FROM seen")).scalars().all() == [1]
        side.close()


def test_it_connects_the_way_env_py_does(postgres_url: str) -> None:
    engine = create_engine(make_url(postgres_url).set(password="wrong"), poolclass=NullPool)

    @event.listens_for(engine, "do_connect")
    def connect(dialect: object, record: object, arguments: list[object], options: dict[str, object]) -> None:
        options["application_name"] = "by-token"

    with engine.connect() as connection:
        side = SideConnection.open(connection)
        assert side.ask(asking("SHOW application_name")) == "by-token"
        side.close()


def test_a_creator_that_gives_out_one_connection_has_no_second_one(postgres_url: str) -> None:
    template = create_engine(postgres_url, poolclass=NullPool)
    kept = template.raw_connection()
    raw = kept.driver_connection
    engine = create_engine("postgresql+psycopg://", creator=lambda: raw, poolclass=NullPool)
    connection = engine.connect()
    connection.execute(text("CREATE TABLE kept (id INTEGER)"))
    with pytest.raises(EnvironmentFailed) as caught:
        SideConnection.open(connection)
    assert caught.value.message == "env.py's engine gives out one and the same connection: there is no second one"
    assert connection.execute(text("SELECT count(*) FROM kept")).scalar() == 0
    connection.rollback()
    assert connection.execute(text("SELECT to_regclass('kept')")).scalar() is None
    kept.close()


def test_beside_an_async_engine_it_outlives_the_event_loop(postgres_url: str) -> None:
    sides = SideConnections()
    kept: list[SideConnection] = []

    def work(connection: Connection) -> None:
        theirs = who(connection)
        side = sides.beside(connection)
        assert side is sides.beside(connection)
        assert side.ask(who) != theirs
        kept.append(side)

    async def main() -> None:
        engine = create_async_engine(postgres_url, poolclass=NullPool)
        async with engine.connect() as connection:
            await connection.run_sync(work)
        await engine.dispose()

    asyncio.run(main())
    assert kept[0].ask(asking("SELECT 1")) == 1
    sides.close()
    with pytest.raises(EnvironmentFailed, match="is closed"):
        kept[0].ask(asking("SELECT 1"))


def test_any_thread_may_ask(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    answers: list[object] = []
    with engine.connect() as connection:
        side = SideConnection.open(connection)
        threads = [Thread(target=lambda: answers.append(side.ask(asking("SELECT 7")))) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        side.close()
    assert answers == [7] * 5


def test_a_session_that_is_gone_is_an_error_of_the_driver(postgres_url: str) -> None:
    engine = create_engine(postgres_url, poolclass=NullPool)
    with engine.connect() as connection:
        side = SideConnection.open(connection)
        pid = side.ask(who)
        connection.execute(text(f"SELECT pg_terminate_backend({pid}, 5000)"))
        with pytest.raises(DBAPIError):
            side.ask(who)
        side.close()


def test_a_role_without_a_second_connection_is_told_so(postgres_url: str) -> None:
    admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    role = f"limited_{make_url(postgres_url).database}"
    with admin.connect() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1"))
    try:
        with create_engine(make_url(postgres_url).set(username=role), poolclass=NullPool).connect() as connection:
            with pytest.raises(EnvironmentFailed) as caught:
                SideConnection.open(connection)
            assert caught.value.message.startswith("a second connection to the database cannot be opened: ")
            assert "too many connections for role" in caught.value.message
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP ROLE {role}"))
