"""Random histories as real projects: both programs run the same journeys on databases of their own.

Compared after each command: the version rows, the tables, and that no revision ran twice or was left out. Every
revision creates a table and, as a data migration, counts itself in a log, so the order is checked as it happened.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from branchmig.dag import RevisionDag
from branchmig.model import Revision
from tests import conftest
from tests.oracle.histories import histories
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UPGRADE = """\
op.create_table({table!r}, sa.Column('id', sa.Integer(), primary_key=True))
op.execute("INSERT INTO journal (revision) VALUES ({revision!r})")
"""
DOWNGRADE = """\
op.drop_table({table!r})
op.execute("DELETE FROM journal WHERE revision = {revision!r}")
"""
JOURNAL = {
    "sqlite": "CREATE TABLE journal (number INTEGER PRIMARY KEY AUTOINCREMENT, revision VARCHAR(32))",
    "postgresql": "CREATE TABLE journal (number SERIAL PRIMARY KEY, revision VARCHAR(32))",
    "mysql": "CREATE TABLE journal (number INTEGER PRIMARY KEY AUTO_INCREMENT, revision VARCHAR(32))",
}
FEW = {"suppress_health_check": list(HealthCheck), "phases": (Phase.explicit, Phase.generate), "deadline": None}


@st.composite
def journeys(draw: st.DrawFn) -> tuple[RevisionDag, list[tuple[str, str]]]:
    """Draw a history without redundant parents, which alembic fails on, and some upgrades and downgrades."""
    dag = _plain(RevisionDag(draw(histories(max_size=9))))
    ids = [revision.id for revision in dag]
    moves = st.one_of(
        st.tuples(st.just("upgrade"), st.sampled_from(["heads", *ids])),
        st.tuples(st.just("downgrade"), st.sampled_from(["base", *ids])),
    )
    return dag, [("upgrade", draw(st.sampled_from(ids))), *draw(st.lists(moves, min_size=2, max_size=4))]


def _plain(dag: RevisionDag) -> RevisionDag:
    """Return the history with each revision standing on the maximal ones of what it stood on."""
    made = []
    for revision in dag:
        below = dag.maximal(dag.below(revision.id))
        parents = tuple(parent for parent in revision.parents if parent in below)
        needed = tuple(other for other in dag.dependencies(revision.id) if other in below and other not in parents)
        made.append(Revision(revision.id, parents, needed, revision.labels, revision.message))
    return RevisionDag(made)


def write(project: ProjectFolder, dag: RevisionDag) -> None:
    names = {revision.id: f"t_{number}" for number, revision in enumerate(dag)}
    # Bytecode too: Python takes it for that of a new file of the same size, written within the same second.
    shutil.rmtree(project.versions)
    project.versions.mkdir()
    for revision in dag:
        values = {"table": names[revision.id], "revision": revision.id}
        project.revision(
            revision.id,
            *revision.parents,
            upgrade=UPGRADE.format(**values),
            downgrade=DOWNGRADE.format(**values),
            depends_on=revision.depends_on,
            labels=revision.labels,
        )


def log(project: ProjectFolder) -> list[str]:
    engine = sa.create_engine(project.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT revision FROM journal ORDER BY number").scalars())


def clear(project: ProjectFolder) -> None:
    project.execute(*[f"DROP TABLE {table}" for table in project.tables()])
    if project.rows() is not None:
        project.execute("DROP TABLE alembic_version")
    project.execute(JOURNAL[sa.make_url(project.url).get_backend_name()])


def compare(ours: ProjectFolder, theirs: ProjectFolder, dag: RevisionDag, moves: list[tuple[str, str]]) -> None:
    for project in (ours, theirs):
        clear(project)
        write(project, dag)
    for command, target in moves:
        mine = ours.branchmig(command, target)
        alembics = theirs.alembic(command, target)
        if alembics.exit_code:
            # A downgrade to what is not applied, which we refuse too; or to what is applied only as a dependency
            # and has nothing above it, where there is nothing to do.
            assert command == "downgrade"
            assert mine.exit_code == 3 or mine.stderr.startswith("Nothing to do: "), (mine.stderr, alembics.stderr)
        else:
            assert mine.exit_code == 0, mine.stderr
        assert (ours.rows() or [], ours.tables()) == (theirs.rows() or [], theirs.tables()), (command, target)
        ran = log(ours)
        assert sorted(ran) == sorted(log(theirs))
        assert len(set(ran)) == len(ran)
        assert all(set(dag.below(item)) <= set(ran[:place]) for place, item in enumerate(ran)), ran


def pair(tmp_path: Path, ours: str, theirs: str) -> tuple[ProjectFolder, ProjectFolder]:
    return ProjectFolder(tmp_path / "ours", ours), ProjectFolder(tmp_path / "theirs", theirs)


@pytest.fixture
def on_sqlite(tmp_path: Path) -> tuple[ProjectFolder, ProjectFolder]:
    return pair(tmp_path, f"sqlite:///{tmp_path / 'ours.db'}", f"sqlite:///{tmp_path / 'theirs.db'}")


@pytest.fixture
def on_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[ProjectFolder, ProjectFolder]]:
    server = {"postgres": conftest.POSTGRES, "mariadb": conftest.MARIADB}[request.param]
    engine = request.getfixturevalue(f"{request.param}_engine")
    with conftest.fresh_database(engine, server) as ours, conftest.fresh_database(engine, server) as theirs:
        yield pair(tmp_path, ours, theirs)


@pytest.mark.soak
@settings(max_examples=25, derandomize=True, **FEW)
@given(journey=journeys())
def test_journeys_end_as_alembics_do_on_sqlite(
    on_sqlite: tuple[ProjectFolder, ProjectFolder], journey: tuple[RevisionDag, list[tuple[str, str]]]
) -> None:
    compare(*on_sqlite, *journey)


@pytest.mark.soak
@pytest.mark.parametrize("on_server", ["postgres", "mariadb"], indirect=True)
@settings(max_examples=6, derandomize=True, **FEW)
@given(journey=journeys())
def test_journeys_end_as_alembics_do_on_a_server(
    on_server: tuple[ProjectFolder, ProjectFolder], journey: tuple[RevisionDag, list[tuple[str, str]]]
) -> None:
    compare(*on_server, *journey)


@pytest.mark.soak
@settings(max_examples=300, **FEW)
@given(journey=journeys())
def test_many_journeys_end_as_alembics_do_on_sqlite(
    on_sqlite: tuple[ProjectFolder, ProjectFolder], journey: tuple[RevisionDag, list[tuple[str, str]]]
) -> None:
    compare(*on_sqlite, *journey)
