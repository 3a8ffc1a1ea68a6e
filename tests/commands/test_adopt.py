from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from branchmig.project.settings_edit import TITLES, with_settings, without_settings
from tests.repositories import Checkout
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

BOTH = {"journal": True, "sqlite_transactional_ddl": False}
TEMPLATE = "\n[branchmig]\n# explained\njournal = true\n# pins = true\nsqlite_transactional_ddl = true\n"


@pytest.fixture
def project(tmp_path: Path) -> Checkout:
    checkout = Checkout(tmp_path / "repo")
    checkout.table("aaa1")
    checkout.commit()
    return checkout


def test_a_project_is_set_up_and_the_second_time_there_is_nothing_to_do(project: Checkout) -> None:
    ini = project.root / "alembic.ini"
    before = ini.read_text()
    adopted = project.branchmig("adopt", "--yes")
    assert adopted.exit_code == 0, adopted
    assert adopted.lines[:2] == ["--- a/alembic.ini", "+++ b/alembic.ini"]
    assert "+journal = true" in adopted.lines
    assert adopted.lines[-1] == (
        "git hooks to install: pre-commit, pre-merge-commit, pre-push, post-checkout, post-merge, post-rewrite"
    )
    assert "Wrote alembic.ini.\n" in adopted.stderr
    names = "pre-commit, pre-merge-commit, pre-push, post-checkout, post-merge, post-rewrite"
    assert adopted.stderr == (
        "branchmig adopt takes these steps, and asks before each one:\n"
        "  1. write branchmig's settings into alembic.ini; alembic does not read them\n"
        "  2. add a filter to migrations/env.py, so that autogenerate in plain alembic ignores branchmig's tables\n"
        f"  3. install the git hooks {names}\n"
        "Plain alembic continues to work; to go back, see 'branchmig help hooks uninstall'.\n"
        "Wrote alembic.ini.\n"
        "Wrote migrations/env.py.\n"
        f"Installed {names}.\n"
        "env.py runs on scratch databases: verify and --prove work here.\n"
        "Next:\n"
        "  git diff                # review alembic.ini, then commit it\n"
        "  branchmig status        # git, the graph and the database on one screen\n"
        "  branchmig guard         # the check for CI: one head, no landed revision changed\n"
        "  branchmig switch BRANCH # in place of git switch: the database follows\n"
    )
    after = ini.read_text()
    assert after.startswith(before)
    assert "\njournal = true\n" in after
    assert "\nsqlite_transactional_ddl = false\n" in after
    again = project.branchmig("adopt", "--yes")
    assert (again.exit_code, again.stdout, again.stderr) == (0, "", "Nothing to do: the project is set up.\n")
    assert project.branchmig("upgrade", "heads").exit_code == 0
    assert "branchmig_journal" in project.tables()


def test_without_a_terminal_and_yes_it_is_only_shown(project: Checkout) -> None:
    before = (project.root / "alembic.ini").read_bytes()
    shown = project.branchmig("adopt")
    assert (shown.exit_code, shown.stderr.partition("uninstall'.\n")[2]) == (
        1,
        "error: nothing was changed: there is no terminal to ask for a yes\nhint:  --yes agrees to what is shown\n",
    )
    assert "+journal = true" in shown.lines
    assert (project.root / "alembic.ini").read_bytes() == before
    assert list((project.top / ".git" / "hooks").glob("*")) == []


def test_what_is_not_wanted_is_left_out(project: Checkout) -> None:
    chosen = project.branchmig("adopt", "--yes", "--no-hooks", "--no-journal", "--sqlite-transactional-ddl")
    assert chosen.exit_code == 0
    settings = (project.root / "alembic.ini").read_text().partition("[branchmig]")[2]
    assert "\njournal = false\n" in settings
    assert "\nsqlite_transactional_ddl = true\n" in settings
    assert list((project.top / ".git" / "hooks").glob("*")) == []
    switched = project.branchmig("adopt", "--yes", "--no-hooks")
    assert switched.lines[-7:][1:] != []
    assert "\njournal = true\n" in (project.root / "alembic.ini").read_text()
    assert project.branchmig("adopt", "--yes", "--no-hooks").stderr == "Nothing to do: the project is set up.\n"


def test_a_project_outside_git_gets_no_hooks(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    adopted = project.branchmig("adopt", "--yes")
    assert (adopted.exit_code, adopted.stderr.splitlines()[0]) == (
        0,
        "The project is in no git repository: no hooks.",
    )


def test_settings_in_pyproject_toml_stay_there(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path / "project", "sqlite://")
    toml = project.root / "pyproject.toml"
    toml.write_text('[tool.alembic]\nscript_location = "%(here)s/migrations"\n\n[tool.branchmig]\npolicy = "linear"\n')
    (project.root / "alembic.ini").unlink()
    assert project.branchmig("adopt", "--yes").exit_code == 0
    assert toml.read_text().endswith('\n[tool.branchmig]\njournal = true\npolicy = "linear"\n')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[alembic]\nx = 1", f"[alembic]\nx = 1\n{TEMPLATE.replace('ddl = true', 'ddl = false')}"),
        (
            "[branchmig]\npolicy = linear\n[loggers]\n",
            "[branchmig]\nsqlite_transactional_ddl = false\njournal = true\npolicy = linear\n[loggers]\n",
        ),
        (
            "[branchmig]\r\n# journal = false\r\njournal: no\r\n",
            "[branchmig]\r\nsqlite_transactional_ddl = false\r\n# journal = false\r\njournal = true\r\n",
        ),
        (
            "[branchmig] # ours\n# journal = true\n",
            "[branchmig] # ours\nsqlite_transactional_ddl = false\njournal = true\n",
        ),
        ("[branchmig]", "[branchmig]\nsqlite_transactional_ddl = false\njournal = true\n"),
    ],
)
def test_settings_are_changed_by_lines_and_all_else_stays(before: str, after: str) -> None:
    assert with_settings(before, TITLES["ini"], BOTH, TEMPLATE, "alembic.ini") == after
    assert with_settings(after, TITLES["ini"], BOTH, TEMPLATE, "alembic.ini") == after


def test_it_says_whether_env_py_can_be_run_on_scratch_databases(project: Checkout) -> None:
    settings_of_its_own = 'config.set_main_option("sqlalchemy.url", "sqlite:////no/such/folder/app.db")\n'
    env = (project.migrations / "env.py").read_text()
    project.write_env(env.replace("config = context.config\n", f"config = context.config\n{settings_of_its_own}"))
    assert "verify and --prove work here" in project.branchmig("adopt", "--yes", "--no-hooks").stderr
    assert project.branchmig("verify").exit_code == 0
    project.git("checkout", "--", "alembic.ini")
    project.write_env("import no_such_module\n")
    adopted = project.branchmig("adopt", "--yes", "--no-hooks")
    assert adopted.exit_code == 0
    assert "verify and --prove do not work here: " in adopted.stderr


def test_a_no_after_a_yes_says_what_was_written(project: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([True, False])
    monkeypatch.setattr("branchmig.terminal.can_ask", lambda: True)
    monkeypatch.setattr("branchmig.terminal.confirmed", lambda _: next(answers))
    adopted = project.branchmig("adopt")
    assert (adopted.exit_code, adopted.stderr.splitlines()[-1]) == (
        1,
        "Cancelled; done so far: write branchmig's settings into alembic.ini.",
    )


def test_what_is_applied_becomes_the_baseline_of_the_journal(project: Checkout) -> None:
    project.table("bbb2", "aaa1")
    assert project.branchmig("upgrade", "heads").exit_code == 0
    adopted = project.branchmig("adopt", "--yes", "--no-hooks")
    assert "Recorded 2 applied revisions as the journal's baseline.\n" in adopted.stderr
    assert json.loads(project.branchmig("status", "--format", "json").stdout)["database"]["unknown"] == []
    project.revision("bbb2", "aaa1", upgrade="op.execute('SELECT 1')")
    assert json.loads(project.branchmig("status", "--format", "json").stdout)["database"]["edited"] == ["bbb2"]


def test_a_database_that_is_not_asked_gets_no_baseline(project: Checkout) -> None:
    assert project.branchmig("upgrade", "heads").exit_code == 0
    adopted = project.branchmig("adopt", "--yes", "--no-hooks", "--no-db")
    assert "The database was not asked (--no-db): the journal will have no baseline." in adopted.stderr
    assert json.loads(project.branchmig("status", "--format", "json").stdout)["database"]["unknown"] == ["aaa1"]


def test_only_settings_that_the_database_can_use_are_written() -> None:
    locks = "# how long\n# ddl_lock_timeout = 1\n# ddl_lock_budget = 60\n"
    template = f"\n[branchmig]\n# a\njournal = true\n\n{locks}\n# b\nx = 1\n"
    left = "\n[branchmig]\n# a\njournal = true\n\n# b\nx = 1\n"
    assert without_settings(template, {"ddl_lock_timeout", "ddl_lock_budget"}) == left
    assert without_settings(template, {"x"}) == template.removesuffix("\n\n# b\nx = 1\n") + "\n"
    assert without_settings(template, {"ddl_lock_budget"}) == template.replace("# ddl_lock_budget = 60\n", "")


def test_a_postgresql_project_gets_no_settings_of_sqlite(tmp_path: Path, postgres_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", postgres_url)
    assert project.branchmig("adopt", "--yes", "--no-hooks").exit_code == 0
    written = (project.root / "alembic.ini").read_text().partition("[branchmig]")[2]
    assert ("sqlite_transactional_ddl" in written, "ddl_lock_timeout" in written) == (False, True)
