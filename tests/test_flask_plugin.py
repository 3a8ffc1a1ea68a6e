from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

flask = pytest.importorskip("flask")
pytest.importorskip("flask_migrate")
flask_sqlalchemy = pytest.importorskip("flask_sqlalchemy")

# Flask-Migrate's env.py calls get_engine() of Flask-SQLAlchemy, which is deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.*get_engine:DeprecationWarning")

PROJECT_ENV = """\
from alembic import context
from flask import current_app

db = current_app.extensions["migrate"].db
print("x:", context.get_x_argument(), "callback:", context.config.attributes.get("callback"))
with db.engine.connect() as connection:
    context.configure(
        connection=connection, target_metadata=db.metadata, **current_app.extensions["migrate"].configure_args
    )
    with context.begin_transaction():
        context.run_migrations()
"""


@pytest.fixture
def run(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `flask branchmig …` or `flask db …` on an application with one model."""
    from flask_migrate import Migrate

    from branchmig.flask_plugin import group

    monkeypatch.chdir(tmp_path)
    app = flask.Flask("shop", root_path=str(tmp_path))
    app.config["SQLALCHEMY_DATABASE_URI"] = sqlite_url
    db = flask_sqlalchemy.SQLAlchemy(app)
    type("User", (db.Model,), {"id": db.Column(db.Integer, primary_key=True)})
    migrate = Migrate(app, db, directory="db_scripts")

    @migrate.configure
    def configure(config: object) -> object:
        config.attributes["callback"] = "called"  # type: ignore[attr-defined]
        return config

    app.cli.add_command(group)
    return lambda *words: app.test_cli_runner().invoke(args=list(words))


def test_flask_finds_the_group_through_its_entry_point() -> None:
    import tomllib
    from pathlib import Path

    text = (Path(__file__).parent.parent / "pyproject.toml").read_text()
    plugins = tomllib.loads(text)["project"]["entry-points"]["flask.commands"]
    assert plugins == {"branchmig": "branchmig.flask_plugin:group"}


def test_a_flask_migrate_project_from_init_to_downgrade(run: Callable[..., Result], tmp_path: Path) -> None:
    for words in (
        "branchmig init",
        "branchmig revision --autogenerate --rev-id aaa1 -m first",
        "branchmig upgrade head",
        "branchmig check",
        "branchmig downgrade base",
        "db upgrade",
        "branchmig current --check-heads",
    ):
        result = run(*words.split())
        assert result.exit_code == 0, (words, result.output)
    script = (tmp_path / "db_scripts" / "versions" / "aaa1_first.py").read_text()
    assert "op.create_table('user'" in script


def test_no_changes_write_no_file_as_flask_migrates_env_py_has_it(run: Callable[..., Result], tmp_path: Path) -> None:
    """Its env.py looks for `autogenerate` in config.cmd_opts, and then empties the directives."""
    for words in ("branchmig init", "branchmig revision --autogenerate --rev-id aaa1", "branchmig upgrade head"):
        assert run(*words.split()).exit_code == 0
    assert run("branchmig", "revision", "--auto").exit_code == 0
    assert [path.name for path in (tmp_path / "db_scripts" / "versions").glob("*.py")] == ["aaa1_.py"]


def test_x_arguments_the_directory_and_configure_callbacks_reach_env_py(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    assert run("branchmig", "init").exit_code == 0
    (tmp_path / "db_scripts" / "env.py").write_text(PROJECT_ENV)
    (tmp_path / "db_scripts").rename(tmp_path / "elsewhere")
    result = run("branchmig", "-x", "a=1", "-x", "b=2", "-d", "elsewhere", "current")
    assert (result.exit_code, result.output) == (0, "x: ['a=1', 'b=2'] callback: called\n")


def test_errors_and_exit_codes_are_branchmigs_own(run: Callable[..., Result]) -> None:
    assert run("branchmig", "init").exit_code == 0
    result = run("branchmig", "show", "nope", "--format", "json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["error"]["code"] == "unknown-revision"
    assert result.stderr.startswith("error: no revision or branch label 'nope'\n")
    assert run("branchmig", "upgrade").exit_code == 2


def test_an_application_without_flask_migrate_is_told(tmp_path: Path) -> None:
    from branchmig.flask_plugin import group

    app = flask.Flask("bare", root_path=str(tmp_path))
    app.cli.add_command(group)
    result = app.test_cli_runner().invoke(args=["branchmig", "heads"])
    assert (result.exit_code, result.output) == (
        3,
        textwrap.dedent(
            """\
            error: the application 'bare' does not use Flask-Migrate
            hint:  call Migrate(app, db) first
            """
        ),
    )
