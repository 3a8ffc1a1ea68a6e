"""Several upgrades of one database begin in the same moment: one does the work, the others have nothing to do."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.conftest import MARIADB, POSTGRES, answering_engine, fresh_database
from tests.faults.processes import Starter, failed, faults, record, rounds, synthetic

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import ProjectFolder

DATABASES = ["sqlite", "postgres", "mariadb"]
MODES = {"default": "", "per migration": ", transaction_per_migration=True"}

# env.py hands in a connection that is in a transaction already, which has read something.
IN_TRANSACTION = """\
from alembic import context
from sqlalchemy import create_engine, pool, text

engine = create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool{engine})
with engine.begin() as connection:
    connection.execute(text("SELECT count(*) FROM information_schema.tables"))
    context.configure(connection=connection)
    context.run_migrations()
"""
REPEATABLE_READ = ', isolation_level="REPEATABLE READ"'


@dataclass
class Tally:
    """What came out of some rounds."""

    processes: int = 0
    failed: int = 0
    wrong: int = 0
    first: str = ""


def play(
    starter: Starter,
    folder: Path,
    database: str,
    number: int,
    *,
    times: int = 8,
    start: str = "empty",
    mode: str = "default",
    program: str = "branchmig",
    env: str = "",
    autocommit: bool = False,
) -> Tally:
    """Start `times` upgrades at once on a fresh database, `number` times."""
    tally = Tally()
    for round_ in range(number):
        with ExitStack() as stack:
            place = folder / f"{database}{round_}"
            url = f"sqlite:///{place}/app.db"
            if database != "sqlite":
                server = POSTGRES if database == "postgres" else MARIADB
                url = stack.enter_context(fresh_database(answering_engine(server), server))
            project = synthetic(place, url, env_options=MODES[mode])
            if env:
                project.write_env(env)
            if autocommit:
                _commit_in_the_middle(project)
            if start == "half-way":
                assert not failed(starter.run(project, "upgrade", "r05", program="alembic"))
            ended = starter.run(project, "upgrade", "head", times=times, program=program)
            wrong = faults(project)
            tally.processes += len(ended)
            tally.failed += len(failed(ended))
            tally.wrong += bool(wrong)
            tally.first = (
                tally.first or next((f"{item.code}: {item.output}" for item in failed(ended)), "") or str(wrong or "")
            )
    return tally


def _commit_in_the_middle(project: ProjectFolder) -> None:
    path = project.versions / "r10.py"
    block = "    with op.get_context().autocommit_block():\n        op.create_index('i10', 'audit', ['revision'])\n"
    path.write_text(path.read_text().replace("\n\n\ndef downgrade", f"\n{block}\n\ndef downgrade"))


@pytest.mark.heavy
@pytest.mark.parametrize("database", DATABASES)
def test_of_four_upgrades_at_once_none_fails(starter: Starter, tmp_path: Path, database: str) -> None:
    tally = play(starter, tmp_path, database, 1, times=4, start="half-way")
    assert (tally.failed, tally.wrong) == (0, 0), tally.first


def test_an_env_py_that_began_its_transaction_before_the_wait_starts_over(starter: Starter, tmp_path: Path) -> None:
    tally = play(starter, tmp_path, "postgres", 1, times=4, env=IN_TRANSACTION.replace("{engine}", REPEATABLE_READ))
    assert (tally.failed, tally.wrong) == (0, 0), tally.first


def test_without_the_lock_upgrades_at_once_fail(starter: Starter, tmp_path: Path) -> None:
    tally = play(starter, tmp_path, "postgres", 2, times=4, program="alembic")
    assert tally.failed > 0


@pytest.mark.soak
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("start", ["empty", "half-way"])
@pytest.mark.parametrize("database", DATABASES)
def test_of_eight_upgrades_at_once_none_fails(
    starter: Starter, tmp_path: Path, database: str, start: str, mode: str
) -> None:
    tally = play(starter, tmp_path, database, rounds(20), start=start, mode=mode)
    record("starts", arm="branchmig", database=database, start=start, mode=mode, **vars(tally))
    assert (tally.failed, tally.wrong) == (0, 0), tally.first


@pytest.mark.soak
@pytest.mark.parametrize("database", DATABASES)
def test_control_of_eight_upgrades_without_a_lock_most_fail(starter: Starter, tmp_path: Path, database: str) -> None:
    tally = play(starter, tmp_path, database, max(3, rounds(20) // 4), start="half-way", program="alembic")
    record("starts", arm="alembic", database=database, start="half-way", mode="default", **vars(tally))
    # On a busy machine they begin further apart, and fewer of them meet.
    assert tally.failed >= tally.processes / 4


@pytest.mark.soak
@pytest.mark.parametrize("start", ["empty", "half-way"])
@pytest.mark.parametrize(
    ("database", "variant"),
    [
        ("postgres", "REPEATABLE READ"),
        ("postgres", "autocommit_block"),
        ("postgres", "in a transaction"),
        ("postgres", "in a transaction, REPEATABLE READ"),
        ("mariadb", "in a transaction, REPEATABLE READ"),
    ],
)
def test_of_eight_upgrades_of_an_unusual_env_py_none_fails(
    starter: Starter, tmp_path: Path, database: str, variant: str, start: str
) -> None:
    engine = REPEATABLE_READ if "REPEATABLE" in variant else ""
    env = ""
    if "transaction" in variant:
        env = IN_TRANSACTION.replace("{engine}", engine)
    elif engine:
        env = IN_TRANSACTION.replace("{engine}", engine).replace("engine.begin()", "engine.connect()")
        env = env.replace('    connection.execute(text("SELECT count(*) FROM information_schema.tables"))\n', "")
        env = env.replace(
            "    context.run_migrations()\n",
            "    with context.begin_transaction():\n        context.run_migrations()\n",
        )
    tally = play(
        starter, tmp_path, database, rounds(20), start=start, env=env, autocommit=variant == "autocommit_block"
    )
    record("starts", arm="branchmig", database=database, start=start, mode=variant, **vars(tally))
    assert (tally.failed, tally.wrong) == (0, 0), tally.first
