"""Any text as the id of a revision: the version table holds exactly that, or it is refused before any statement."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.faults.projects import clear
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

ODD = ["é", "\u0301", "ß", "İ", "\u200b", "\u202e", "\ufeff", "🐘", "😀"]
LETTERS = st.one_of(st.characters(), st.sampled_from([*"'\"`\\%;:@+-/. \0\n_aA", *ODD]))
IDS = st.text(LETTERS, min_size=1, max_size=40)
NASTY = (
    *("z' OR '1'='1", "a'--", "\\' OR 1=1;", "a%sb", "%(x)s", "a:b", "é", "e\u0301", "🐘", "x" * 33, " a", "a "),
    *("..", 'a"b'),
)

counter = itertools.count()


def revisions(project: ProjectFolder, *ids: str) -> None:
    """Write revisions side by side, each with a table of its own."""
    for number, revision_id in enumerate(ids):
        table = f"op.create_table('t_{number}', sa.Column('id', sa.Integer(), primary_key=True))"
        path = project.revision(
            "placeholder", upgrade=table, downgrade=f"op.drop_table('t_{number}')", name=f"r{number}.py"
        )
        text = path.read_text().replace("'placeholder'", ascii(revision_id)).replace("placeholder", "odd")
        path.write_text(text)


def hold(folder: Path, url: str, *ids: str) -> None:
    """Upgrade, and down again, to some ids; either all is as it should be or nothing was done."""
    project = ProjectFolder(folder / f"p{next(counter)}", url)
    revisions(project, *ids)
    up = project.branchmig("upgrade", "heads")
    assert "Traceback" not in up.stderr, (ids, up)
    rows = project.rows() or []
    if up.exit_code == 0:
        assert rows == sorted(ids, key=str), up
        assert project.branchmig("current").exit_code == 0
        down = project.branchmig("downgrade", "base")
        assert (down.exit_code, project.rows(), project.tables()) == (0, [], []), down
        return
    assert up.exit_code == 3, (ids, up)
    assert (rows, project.tables()) == ([], []), (ids, up)
    assert sum(line.startswith("error: ") for line in up.stderr.splitlines()) == 1, up
    assert "failed" not in up.stderr, (ids, up)


@pytest.mark.heavy
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(IDS, min_size=1, max_size=2, unique=True))
@example(["aaa1", "AAA1"])
@example(["é", "e"])
@example(["🐘", "😀"])
@example(["ß", "ss"])
def test_the_version_table_holds_an_id_exactly_or_the_id_is_refused(
    database_url: str, tmp_path: Path, ids: list[str]
) -> None:
    hold(tmp_path, database_url, *ids)
    clear(database_url)


@pytest.mark.parametrize("revision_id", NASTY)
def test_an_id_that_looks_like_sql_or_a_path_is_carried_or_refused(
    database_url: str, tmp_path: Path, revision_id: str
) -> None:
    hold(tmp_path, database_url, revision_id)


@pytest.mark.soak
@settings(max_examples=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(IDS, min_size=1, max_size=3, unique=True))
def test_the_version_table_holds_any_id_exactly_or_the_id_is_refused(
    database_url: str, tmp_path: Path, ids: list[str]
) -> None:
    hold(tmp_path, database_url, *ids)
    clear(database_url)


def test_ids_that_a_collation_takes_for_one_are_refused_before_the_first_step(mariadb_url: str, tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    project.execute("ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    revisions(project, "aaa1", "AAA1")
    up = project.branchmig("upgrade", "heads")
    assert (up.exit_code, up.stderr) == (
        3,
        "error: revision ids 'AAA1' and 'aaa1' are one and the same to the version table (utf8mb4_general_ci)\n"
        "hint:  give one of the two files another id, or the column version_num a binary collation\n",
    )
    assert project.tables() == []


def test_an_id_whose_letters_the_database_lacks_is_refused_before_a_step(mariadb_url: str, tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "project", mariadb_url)
    project.execute("ALTER DATABASE CHARACTER SET latin1")
    revisions(project, "né中")
    up = project.branchmig("upgrade", "heads")
    assert (up.exit_code, up.stderr) == (
        3,
        "error: revision id 'né中' holds a letter that this database cannot store\n"
        "hint:  give it an id of plain letters and digits, or the database a Unicode character set\n",
    )
    assert project.tables() == []


def test_a_version_table_that_was_made_wider_holds_longer_ids(postgres_url: str, tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url)
    project.execute("CREATE TABLE alembic_version (version_num VARCHAR(64) NOT NULL PRIMARY KEY)")
    revisions(project, "x" * 64)
    assert project.branchmig("upgrade", "heads").exit_code == 0
    assert project.rows() == ["x" * 64]


def test_a_new_revision_whose_id_would_lead_out_of_the_folder_is_refused(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    for number, bad in enumerate(("../../evil", "/tmp/evil", ".hidden", "..")):
        result = project.branchmig("revision", "-m", "x", "--rev-id", bad)
        assert (result.exit_code, result.stderr) == (
            3,
            f"error: revision id {bad!r} cannot be part of a file's name\n"
            "hint:  choose another --rev-id, or leave it out\n",
        ), number
    assert list(project.versions.iterdir()) == []
