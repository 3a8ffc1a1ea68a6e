from __future__ import annotations

from contextlib import chdir
from typing import TYPE_CHECKING, Any

import pytest

from branchmig.database.run.environment import Environment
from branchmig.database.run.run_listener import RunAgain, RunListener
from branchmig.database.run.runner import run_plans
from branchmig.errors import MigrationFailed
from branchmig.model import Plan, Step
from branchmig.planning.plan import plan_upgrade
from branchmig.project.config import ConfigFiles, Invocation
from branchmig.project.project import Project
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

    from alembic.runtime.migration import MigrationContext


class Told(RunListener):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.again = 0

    def configuring(self, options: dict[str, Any]) -> None:
        self.lines.append("configuring")

    def configured(self, context: MigrationContext) -> None:
        self.lines.append("configured")
        if self.again:
            self.again -= 1
            raise RunAgain

    def planned(self, context: MigrationContext, plan: Plan) -> None:
        self.lines.append(f"planned {len(plan.steps)}")

    def step_begins(self, context: MigrationContext, step: Step) -> None:
        self.lines.append(f"begins {step.revision.id if step.revision else None}")

    def step_ends(self, context: MigrationContext, step: Step) -> None:
        self.lines.append(f"ends {step.revision.id if step.revision else None}")

    def failed(self, context: MigrationContext, step: Step, error: BaseException) -> bool:
        self.lines.append(f"failed: {error}")
        return False

    def ended(self) -> None:
        self.lines.append("ended")


class Listened(Environment):
    """An environment with one listener."""

    told: Told

    def writing_listeners(self) -> list[RunListener]:
        return [self.told]


@pytest.fixture
def folder(tmp_path: Path, database_url: str) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", database_url)


def opened(folder: ProjectFolder, told: Told) -> Listened:
    with chdir(folder.root):
        invocation = Invocation(ConfigFiles(folder.root / "alembic.ini", folder.root / "pyproject.toml"))
        environment = Listened(Project.open(invocation.files), invocation, "upgrade", {"revision": "heads"})
    environment.told = told
    return environment


def silent(*_: object) -> None:
    """Say nothing."""


def test_listeners_hear_of_a_run_in_its_order(folder: ProjectFolder) -> None:
    folder.table("aaa1")
    folder.table("bbb2", "aaa1")
    told = Told()
    environment = opened(folder, told)
    run_plans(environment, lambda rows: plan_upgrade(environment.project.dag, "heads", rows), silent)
    assert told.lines == [
        *("configuring", "configured", "planned 2"),
        *("begins aaa1", "ends aaa1", "begins bbb2", "ends bbb2", "ended"),
    ]


def test_env_py_is_run_again_when_a_listener_says_that_what_it_read_is_out_of_date(folder: ProjectFolder) -> None:
    folder.table("aaa1")
    told = Told()
    told.again = 2
    environment = opened(folder, told)
    plans = run_plans(environment, lambda rows: plan_upgrade(environment.project.dag, "heads", rows), silent)
    assert told.lines == ["configuring", "configured"] * 3 + ["planned 1", "begins aaa1", "ends aaa1", "ended"]
    assert ([len(plan.steps) for plan in plans], folder.rows()) == ([1], ["aaa1"])


def test_a_listener_hears_of_a_failure_and_of_the_end(folder: ProjectFolder) -> None:
    folder.revision("aaa1", upgrade="raise RuntimeError('boom')")
    told = Told()
    environment = opened(folder, told)
    with pytest.raises(MigrationFailed):
        run_plans(environment, lambda rows: plan_upgrade(environment.project.dag, "heads", rows), silent)
    assert told.lines == ["configuring", "configured", "planned 1", "begins aaa1", "failed: boom", "ended"]


def test_a_step_that_leaves_the_version_rows_runs_with_env_py_s_arguments_and_callbacks(
    folder: ProjectFolder,
) -> None:
    env = (folder.migrations / "env.py").read_text()
    env = env.replace("target_metadata=None", "target_metadata=None, on_version_apply=seen")
    env = env.replace("context.run_migrations()", "context.run_migrations(colour='blue')")
    seen = "def seen(ctx, step, heads, run_args):\n"
    seen += "    config.attributes['seen'].append((step.up_revision_id, heads, run_args))\n"
    folder.write_env(env.replace("config = context.config\n", f"config = context.config\n\n\n{seen}"))
    for revision, *parents in (("aaa1",), ("bbb2", "aaa1"), ("ccc3", "bbb2")):
        path = folder.table(revision, *parents)
        path.write_text(path.read_text().replace("upgrade():", "upgrade(colour):"))
    told = Told()
    environment = opened(folder, told)
    calls = environment.config.attributes.setdefault("seen", [])
    dag = environment.project.dag
    run_plans(environment, lambda rows: plan_upgrade(dag, "aaa1", rows), silent)
    folder.execute("UPDATE alembic_version SET version_num = 'ccc3'")
    missing = Plan(("ccc3",), (Step("upgrade", dag["bbb2"], ("ccc3",), ("ccc3",)),))
    run_plans(environment, lambda rows: missing, silent)
    arguments = {"colour": "blue"}
    assert calls == [("aaa1", {"aaa1"}, arguments), ("bbb2", {"ccc3"}, arguments)]
    assert (folder.rows(), folder.tables()) == (["ccc3"], ["t_aaa1", "t_bbb2"])
