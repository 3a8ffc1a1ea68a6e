from __future__ import annotations

import inspect
import io
from typing import TYPE_CHECKING, Any

import alembic.command
import pytest
import sqlalchemy as sa
from alembic.config import Config

import branchmig
from branchmig import command
from branchmig.errors import AnswerIsNo, BranchmigError, ConfigurationError, MigrationFailed, MultipleHeads
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

FUNCTIONS = sorted(
    name
    for name, function in vars(alembic.command).items()
    if inspect.isfunction(function) and function.__module__ == "alembic.command" and not name.startswith("_")
)


@pytest.fixture
def project(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    project.table("aaa1", message="first")
    project.table("bbb2", "aaa1")
    return project


@pytest.fixture
def config(project: ProjectFolder) -> Config:
    return Config(str(project.root / "alembic.ini"), stdout=io.StringIO(), output_buffer=io.StringIO())


def printed(config: Config) -> str:
    text = str(config.stdout.getvalue())  # type: ignore[attr-defined]
    config.stdout.seek(0)
    config.stdout.truncate()
    return text


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_takes_what_alembics_takes(name: str) -> None:
    theirs = inspect.signature(getattr(alembic.command, name))
    ours = inspect.signature(getattr(command, name))
    assert [(one.name, one.kind, one.default) for one in ours.parameters.values()] == [
        (one.name, one.kind, one.default) for one in theirs.parameters.values()
    ]


def test_the_module_is_a_public_name() -> None:
    assert branchmig.command is command
    assert "command" in branchmig.__all__


def test_upgrade_and_downgrade_move_the_database_and_say_nothing(
    project: ProjectFolder, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.upgrade(config, "heads") is None
    assert (project.rows(), project.tables()) == (["bbb2"], ["t_aaa1", "t_bbb2"])
    command.downgrade(config, "-1")
    command.stamp(config, ["bbb2"])
    command.stamp(config, "base", purge=True)
    command.ensure_version(config)
    assert project.rows() == []
    assert (printed(config), capsys.readouterr()) == ("", ("", ""))


def test_answers_go_to_the_configs_stdout_as_alembics_do(project: ProjectFolder, config: Config) -> None:
    command.upgrade(config, "aaa1")
    calls: list[tuple[str, dict[str, Any]]] = [
        ("heads", {}),
        ("heads", {"verbose": True, "resolve_dependencies": True}),
        ("branches", {"verbose": True}),
        ("history", {}),
        ("history", {"rev_range": "aaa1:", "verbose": True, "indicate_current": True}),
        ("current", {"verbose": True}),
        ("show", {"rev": "heads"}),
    ]
    for name, arguments in calls:
        getattr(command, name)(config, **arguments)
        ours = printed(config)
        getattr(alembic.command, name)(config, **arguments)
        assert ours == printed(config), name


def test_sql_goes_to_the_output_buffer(project: ProjectFolder, config: Config) -> None:
    command.upgrade(config, "aaa1:bbb2", sql=True)
    ours = config.output_buffer.getvalue()  # type: ignore[union-attr]
    theirs = Config(config.config_file_name, output_buffer=io.StringIO())
    alembic.command.upgrade(theirs, "aaa1:bbb2", sql=True)
    assert ours == theirs.output_buffer.getvalue()  # type: ignore[union-attr]
    assert "CREATE TABLE t_bbb2" in ours


def test_a_config_may_be_made_in_memory(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # Neither is named: what they say does not count.
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = nowhere\n[branchmig]\nnot_a_key = 1\n")
    (tmp_path / "pyproject.toml").write_text("[tool.branchmig]\nnot_a_key = 1\n")
    config = Config(config_args={"where": str(project.migrations)}, attributes={"colour": "blue"})
    config.set_main_option("script_location", "%(where)s")
    config.set_main_option("sqlalchemy.url", project.url)
    env = (project.migrations / "env.py").read_text()
    project.write_env(env + "\nassert config.attributes['colour'] == 'blue'\n")
    command.upgrade(config, "head")
    assert project.rows() == ["bbb2"]


def test_a_config_of_a_toml_file_works(project: ProjectFolder, sqlite_url: str) -> None:
    toml = project.root / "pyproject.toml"
    toml.write_text('[tool.alembic]\nscript_location = "%(here)s/%(name)s"\n')
    (project.root / "alembic.ini").unlink()
    project.write_env((project.migrations / "env.py").read_text().replace(OPTION, repr(sqlite_url)))
    command.upgrade(Config(toml_file=toml, config_args={"name": "migrations"}), "head")
    assert project.rows() == ["bbb2"]


OPTION = 'config.get_main_option("sqlalchemy.url")'


def test_revision_and_merge_return_their_scripts(project: ProjectFolder, config: Config) -> None:
    script = command.revision(config, "third", rev_id="ccc3", depends_on="aaa1")
    assert not isinstance(script, list)
    assert (script.revision, script.down_revision, script.dependencies) == ("ccc3", "bbb2", "aaa1")
    command.revision(config, "fork", rev_id="ddd4", head="aaa1", splice=True, branch_label="fork")
    merged = command.merge(config, ["ccc3", "ddd4"], message="joined", rev_id="eee5")
    assert merged is not None
    assert (merged.revision, merged.down_revision) == ("eee5", ("ccc3", "ddd4"))
    assert command.merge(config, "heads") is None
    assert sorted(path.name for path in project.versions.glob("*.py")) == [
        "aaa1.py",
        "bbb2.py",
        "ccc3_third.py",
        "ddd4_fork.py",
        "eee5_joined.py",
    ]


def test_a_programs_own_directives_are_called(project: ProjectFolder, config: Config) -> None:
    project.write_env(
        (project.migrations / "env.py").read_text().replace("=None", "=__import__('sqlalchemy').MetaData()")
    )
    project.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    command.stamp(config, "heads")

    def nothing(context: object, revision: object, directives: list[Any]) -> None:
        directives[:] = []

    def twice(context: object, revision: object, directives: list[Any]) -> None:
        from alembic.operations.ops import DowngradeOps, MigrationScript, UpgradeOps

        directives[0].rev_id = "ccc3"
        directives.append(MigrationScript("ddd4", UpgradeOps([]), DowngradeOps([]), message="more", head="ccc3"))

    assert command.revision(config, autogenerate=True, process_revision_directives=nothing) == []
    written = command.revision(config, autogenerate=True, process_revision_directives=twice)
    assert isinstance(written, list)
    assert [(one.revision, one.down_revision) for one in written] == [("ccc3", "bbb2"), ("ddd4", "ccc3")]


def test_what_goes_wrong_is_a_branchmig_error_and_not_the_end_of_the_program(
    project: ProjectFolder, config: Config
) -> None:
    with pytest.raises(AnswerIsNo, match="Database is not on all head revisions"):
        command.current(config, check_heads=True)
    with pytest.raises(BranchmigError, match="no revision or branch label 'nope'"):
        command.upgrade(config, "nope")
    project.table("ccc3", "aaa1")
    with pytest.raises(MultipleHeads):
        command.upgrade(config, "head")
    project.revision("ddd4", "ccc3", upgrade="op.execute('SELECT * FROM nowhere')")
    with pytest.raises(MigrationFailed) as caught:
        command.upgrade(config, "heads")
    assert isinstance(caught.value.__cause__, sa.exc.OperationalError)
    with pytest.raises(ConfigurationError, match="No 'script_location' key found in the Config object"):
        command.heads(Config())


def test_quiet_is_quiet(project: ProjectFolder) -> None:
    from argparse import Namespace

    config = Config(str(project.root / "alembic.ini"), stdout=io.StringIO(), cmd_opts=Namespace(quiet=True, x=["a=b"]))
    project.write_env((project.migrations / "env.py").read_text() + "\nassert context.get_x_argument() == ['a=b']\n")
    command.upgrade(config, "head")
    assert vars(config.cmd_opts) == {"quiet": True, "x": ["a=b"]}


def test_init_writes_where_the_config_says(tmp_path: Path) -> None:
    config = Config(str(tmp_path / "db.ini"))
    command.init(config, str(tmp_path / "scripts"), package=True)
    assert {"db.ini", "scripts"} <= {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / "scripts" / "__init__.py").exists()


def test_edit_opens_the_file_in_the_editor(
    project: ProjectFolder, config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    editor = tmp_path / "editor"
    editor.write_text(f'#!/bin/sh\necho "$1" >> {log}\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.setenv("VISUAL", "no-such-editor")
    command.edit(config, "heads")
    command.upgrade(config, "aaa1")
    command.edit(config, "current")
    assert [line.rpartition("/")[2] for line in log.read_text().splitlines()] == ["bbb2.py", "aaa1.py"]
