from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from branchmig.errors import BranchmigError, ConfigurationError
from branchmig.fleet.sources import targets_of
from branchmig.fleet.targets import Target
from branchmig.fleet.tasks import Source
from branchmig.project.config import Invocation, locate_files
from branchmig.project.project import Project
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

TOML = '[[targets]]\nname = "a"\nurl_file = "a.url"\n[[targets]]\nname = "b"\nx = { schema = "b" }\n'
JSON = '{"targets": [{"name": "a", "url_file": "a.url"}, {"name": "b", "x": ["schema=b"]}]}'
CSV = "name,url_file,x.schema\na,a.url,\nb,,b\n"


@pytest.fixture
def folder(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.table("aaa1")
    monkeypatch.chdir(project.root)
    monkeypatch.syspath_prepend(str(project.root))
    return project.root


def read(**source: str) -> tuple[Target, ...]:
    invocation = Invocation(locate_files((), "alembic", {}))
    return targets_of(Source(**source), Project.open(invocation.files), invocation)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "text"), [("t.toml", TOML), ("t.json", JSON), ("t.csv", CSV)])
def test_a_file_in_each_form_names_the_same_targets(folder: Path, name: str, text: str) -> None:
    (folder / "fleets").mkdir()
    (folder / "fleets" / name).write_text(text)
    # A file's paths are seen from where it lies.
    assert read(file=f"fleets/{name}") == (
        Target("a", url_file=str(folder / "fleets" / "a.url")),
        Target("b", x=("schema=b",)),
    )


@pytest.mark.parametrize(
    ("name", "text", "message", "hint"),
    [
        ("t.yaml", "", "--targets t.yaml ends in neither .toml, .json nor .csv", "name it after its form"),
        ("t.toml", None, "--targets t.toml cannot be read: No such file or directory", "correct the file's name"),
        (
            "t.json",
            '{"url": "postgresql://a:secret@b"',
            "--targets t.json cannot be parsed: line 1",
            "correct the file",
        ),
        ("t.toml", "a = 1\nb = secret\n", "--targets t.toml cannot be parsed: line 2, column 5", "correct the file"),
        (
            "t.json",
            "{}",
            "--targets t.json has no list of targets",
            'e.g. [[targets]] and below it name = "a"',
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_without_its_text(
    folder: Path, name: str, text: str | None, message: str, hint: str
) -> None:
    if text is not None:
        (folder / name).write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        read(file=name)
    assert (refused.value.message, refused.value.hint) == (message, hint)


def test_a_query_on_a_control_database_names_targets(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = sqlite3.connect(tmp_path / "control.db")
    control.executescript("CREATE TABLE tenant (n TEXT, s TEXT); INSERT INTO tenant VALUES ('a', 'x'), ('b', NULL)")
    control.close()
    query = "SELECT n AS name, 'sqlite:///' || n AS url, s AS \"x.schema\" FROM tenant ORDER BY n"
    monkeypatch.setenv("CONTROL", f"sqlite:///{tmp_path / 'control.db'}")
    assert read(query=query, control_url_env="CONTROL") == (
        Target("a", url="sqlite:///a", x=("schema=x",)),
        Target("b", url="sqlite:///b"),
    )
    with pytest.raises(BranchmigError) as refused:
        read(query="SELECT absent", control_url_env="CONTROL")
    assert (refused.value.message, refused.value.hint) == (
        f"control database sqlite:///{tmp_path / 'control.db'}: OperationalError: no such column: absent",
        "it is the URL in $CONTROL",
    )
    with pytest.raises(ConfigurationError, match=r"^--control-url-env: the variable NO is not set$"):
        read(query=query, control_url_env="NO")
    with pytest.raises(ConfigurationError, match=r"^it is not said where the control database is$"):
        read(query=query)


def test_a_callable_names_targets(folder: Path) -> None:
    (folder / "fleet_rows.py").write_text(
        "def some():\n    return [{'name': 'a', 'url': 'u'}]\ndef broken():\n    raise KeyError('x')\n"
    )
    assert read(callable="fleet_rows:some") == (Target("a", url="u"),)
    for name, message in [
        ("fleet_rows", "--targets-callable 'fleet_rows' is no package.module:function"),
        (
            "fleet_rows:none",
            "--targets-callable fleet_rows:none is not there: module 'fleet_rows' has no attribute 'none'",
        ),
        ("fleet_rows:broken", "--targets-callable fleet_rows:broken raised KeyError: 'x'"),
    ]:
        with pytest.raises(ConfigurationError) as refused:
            read(callable=name)
        assert refused.value.message == message


def test_sqlite_has_no_schemas(folder: Path) -> None:
    with pytest.raises(BranchmigError) as refused:
        read(schemas="tenant_%")
    assert (refused.value.message, refused.value.hint) == (
        "--schemas: sqlite has no schemas",
        "list the databases in a file: --targets FILE",
    )
