from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.parity.shapes import SHAPES
from tests.support import ProjectFolder, Result

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

JOURNEYS = {
    "merged": [
        "upgrade b2bb",
        "upgrade c3cc",
        "upgrade heads",
        "downgrade m4mm",
        "downgrade b2bb",
        "stamp heads",
        "current",
        "stamp --purge b2bb",
    ],
    "labelled": ["upgrade users", "upgrade shop@head", "current -v", "downgrade users@-1", "upgrade heads"],
    "depends": ["upgrade b1bb", "upgrade heads", "history -i", "downgrade b1bb", "stamp base", "ensure_version"],
}


@pytest.mark.heavy
@pytest.mark.parametrize("shape", sorted(JOURNEYS))
@pytest.mark.parametrize("server", ["postgres", "mariadb"])
def test_both_programs_leave_the_same_on_a_server(
    request: pytest.FixtureRequest, tmp_path: Path, server: str, shape: str
) -> None:
    project = ProjectFolder(tmp_path / "project", request.getfixturevalue(f"{server}_url"))
    SHAPES[shape](project)
    seen = [_travel(project, run, JOURNEYS[shape]) for run in (project.branchmig, project.alembic)]
    assert seen[0] == seen[1]


def _travel(project: ProjectFolder, run: Callable[..., Result], journey: list[str]) -> list[object]:
    seen: list[object] = []
    for words in journey:
        result = run(*words.split())
        seen.append((words, result.exit_code == 0, sorted(result.lines), project.rows() or [], project.tables()))
    project.execute(*(f"DROP TABLE {table}" for table in [*project.tables(), "alembic_version"]))
    return seen
