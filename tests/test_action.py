"""The report steps of action.yml, run in bash as a runner does, with GitHub's API on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import yaml

from tests import forks
from tests.conftest import ROOT
from tests.github_api import BOT, Api, running_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.repositories import Checkout

STEPS = {
    step["id"]: step for step in yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"] if "id" in step
}


@dataclass
class Runner:
    """A job of a workflow that a pull request into main has started; what is installed is this checkout."""

    folder: Path
    checkout: Checkout
    api: Api

    def step(self, name: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run the script of a step as a runner does."""
        environment = {
            "GITHUB_API_URL": self.api.url,
            "GITHUB_BASE_REF": "",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "RUNNER_TEMP": str(self.folder / "a folder"),
        }
        defaults = {"BRANCHMIG_AT": "HEAD", "BRANCHMIG_SQL": "false"}  # alembic takes half of the time
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]],
            cwd=self.checkout.root,
            env={**os.environ, **environment, **dict.fromkeys(STEPS[name]["env"], ""), **defaults, **inputs},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def summary(self) -> str:
        file = self.folder / "summary.md"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def runner(parted: Checkout, tmp_path: Path) -> Iterator[Runner]:
    folder = tmp_path / "runner"
    programs = folder / "a folder" / "branchmig" / "bin"
    programs.mkdir(parents=True)
    (programs / "branchmig").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {forks.python()} -P -m branchmig "$@"\n')
    (programs / "python").write_text('#!/bin/sh\necho "$@" > "$RUNNER_TEMP/pip"\n')
    for name in ("branchmig", "python"):
        (programs / name).chmod(0o755)
    (folder / "event.json").write_text(json.dumps({"pull_request": {"number": 7}}))
    with running_api() as api:
        yield Runner(folder, parted, api)


def test_the_report_is_the_step_s_summary_and_one_comment(runner: Runner) -> None:
    reported = runner.step("report")
    assert (reported.returncode, reported.stdout) == (0, "")
    assert runner.summary.startswith("<!-- branchmig report -->\n## Migrations: 1 revision, 1 rule broken\n")
    assert runner.summary == runner.checkout.branchmig("report", "--at", "HEAD", "--no-sql").stdout
    commented = runner.step("comment", GITHUB_TOKEN="t")
    assert (commented.returncode, commented.stdout) == (0, "")
    assert commented.stderr == "Wrote https://github.example/acme/shop/pull/7#issuecomment-1\n"
    assert runner.api.bodies == [runner.summary]


def test_the_next_push_updates_the_comment(runner: Runner) -> None:
    runner.api.add("<!-- branchmig report -->\nof the push before", BOT)
    runner.checkout.revision("ddd4", "ccc3")
    runner.checkout.commit()
    runner.step("report")
    assert runner.step("comment", GITHUB_TOKEN="t").returncode == 0
    assert len(runner.api.bodies) == 1
    assert "## Migrations: 2 revisions, 1 rule broken" in runner.api.bodies[0]


def test_a_fork_s_token_costs_the_comment_and_not_the_job(runner: Runner) -> None:
    runner.api.is_read_only = True
    runner.step("report")
    commented = runner.step("comment", GITHUB_TOKEN="t")
    assert commented.returncode == 0
    assert commented.stderr == (
        "warning: no comment was written: GitHub says 403: Resource not accessible by integration; the job needs "
        "'permissions: pull-requests: write', which a fork's pull request never has\n"
    )


def test_a_report_that_cannot_be_written_costs_nothing_else(runner: Runner) -> None:
    reported = runner.step("report", BRANCHMIG_INTO="no/such")
    assert reported.returncode == 0
    assert reported.stdout == (
        "::warning title=branchmig report::no report could be written; the lines above say why\n"
    )
    assert reported.stderr.startswith("error: git knows no ref or commit 'no/such'\n")
    commented = runner.step("comment", GITHUB_TOKEN="t")
    assert (commented.returncode, runner.summary, runner.api.requests) == (0, "", [])


def test_an_older_report_is_not_posted_again(runner: Runner) -> None:
    runner.step("report")
    runner.step("report", BRANCHMIG_INTO="no/such")
    runner.step("comment", GITHUB_TOKEN="t")
    assert runner.api.requests == []


def test_the_branch_that_the_pull_request_goes_into_is_asked_for(runner: Runner) -> None:
    runner.checkout.git("update-ref", "refs/remotes/origin/release", "main")
    runner.step("report", GITHUB_BASE_REF="release")
    assert "Merged into `origin/release` now, " in runner.summary


def test_a_hazard_that_the_settings_call_an_error_fails_the_job_where_that_is_asked_for(runner: Runner) -> None:
    checkout = runner.checkout
    checkout.git("merge", "--quiet", "--no-edit", "main")
    checkout.revision("ccc3", "bbb2", upgrade="op.drop_table('users')")
    with (checkout.root / "alembic.ini").open("a") as file:
        file.write("\n[branchmig]\nhazards = destroys=error\n")
    checkout.commit("drop it")
    assert runner.step("guard", BRANCHMIG_TARGET="main").returncode == 0
    done = runner.step("guard", BRANCHMIG_TARGET="main", BRANCHMIG_HAZARDS="true")
    assert done.returncode == 1
    assert "::error file=migrations/versions/ccc3.py,line=18,title=branchmig drops-table::" in done.stdout


def test_no_input_is_run_as_shell(runner: Runner) -> None:
    evil = "$(touch x); `touch y`"
    names = ("BRANCHMIG_AT", "BRANCHMIG_INTO", "BRANCHMIG_FILE", "BRANCHMIG_REQUIREMENTS", "GITHUB_BASE_REF")
    assert runner.step("report", BRANCHMIG_SQL="true", **dict.fromkeys(names, evil)).returncode == 0
    assert not (runner.checkout.root / "x").exists()
    assert not (runner.checkout.root / "y").exists()


def test_of_a_stranger_s_pull_request_no_code_is_run_beside_a_token_that_may_write(runner: Runner) -> None:
    runner.checkout.write_env("open('was_run', 'w')")
    runner.step(
        "report",
        GITHUB_EVENT_NAME="pull_request_target",
        BRANCHMIG_SQL="true",
        BRANCHMIG_REQUIREMENTS="requirements.txt",
    )
    assert "The SQL is not here: it was not asked for" in runner.summary
    assert not (runner.checkout.root / "was_run").exists()
    assert not (runner.folder / "a folder" / "pip").exists()


def test_what_env_py_needs_is_installed_first(runner: Runner) -> None:
    runner.step("report", BRANCHMIG_SQL="true", BRANCHMIG_REQUIREMENTS="my requirements.txt")
    assert "```sql\n-- nothing to run\n```" in runner.summary
    told = (runner.folder / "a folder" / "pip").read_text()
    assert told == "-m pip install --quiet --disable-pip-version-check --requirement my requirements.txt\n"


def test_the_token_reaches_no_step_that_runs_the_project_s_code() -> None:
    assert STEPS["report"]["env"]["GITHUB_TOKEN"] == ""
    assert [name for name, step in STEPS.items() if "inputs.token" in str(step)] == ["comment"]


def test_each_step_goes_on_after_the_guard_has_failed() -> None:
    assert {name: "!cancelled()" in STEPS[name]["if"] for name in ("report", "comment")} == {
        "report": True,
        "comment": True,
    }


STEAL = """
import os, pathlib
temp = pathlib.Path(os.environ["RUNNER_TEMP"])
stolen = "#!/bin/sh\\necho \\"$GITHUB_TOKEN\\" > {stolen}\\n"
for name in ("branchmig/bin/branchmig", "branchmig-token/bin/python"):
    (temp / name).write_text(stolen.replace("{stolen}", str(temp / "stolen")))
for name in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
    if name in os.environ:
        (temp / "reached").write_text(name)
for path in temp.glob("file_commands/*"):
    path.write_text("BASH_ENV=/evil")
"""


def test_a_hostile_checkout_gets_no_token_and_hands_nothing_to_the_step_that_has_one(runner: Runner) -> None:
    """Its env.py runs for the SQL, and changes whatever it can write."""
    temp = runner.folder / "a folder"
    copy = temp / "branchmig-token" / "bin"
    copy.mkdir(parents=True)
    (copy / "python").write_text("#!/bin/sh\nshift 4; exec true\n")
    (copy / "python").chmod(0o755)
    commands = temp / "file_commands"
    commands.mkdir()
    handed = {}
    for name in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT"):
        handed[name] = str(commands / name)
        (commands / name).touch()
    recorded = digest_of(runner.folder, temp)
    assert runner.step("comment", GITHUB_TOKEN="t", BRANCHMIG_DIGEST=recorded).returncode == 0
    env = (runner.checkout.migrations / "env.py").read_text()
    runner.checkout.write_env(STEAL + env)
    tokens = dict.fromkeys(("ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"), "t")
    runner.step("report", BRANCHMIG_SQL="true", **handed, **tokens)
    assert "exec" not in (temp / "branchmig" / "bin" / "branchmig").read_text()  # it did run
    assert not (temp / "reached").exists()
    assert (commands / "GITHUB_ENV").read_text() == (commands / "GITHUB_PATH").read_text() == ""
    commented = runner.step("comment", GITHUB_TOKEN="t", BRANCHMIG_DIGEST=recorded)
    assert commented.returncode == 1
    assert "code of the checkout has changed branchmig" in commented.stdout
    assert not (temp / "stolen").exists()
    assert runner.api.requests == []


def digest_of(folder: Path, temp: Path) -> str:
    """Return the digest of the copy of branchmig, as the step that installs it records it."""
    whole = STEPS["install"]["run"]
    subprocess.run(
        ["bash", "-ec", whole[whole.index('cd "$RUNNER_TEMP/branchmig-token"') :]],
        env={**os.environ, "GITHUB_OUTPUT": str(folder / "output"), "RUNNER_TEMP": str(temp)},
        check=True,
    )
    return (folder / "output").read_text().strip().removeprefix("digest=")


def test_a_link_in_the_copy_that_runs_with_the_token_is_a_change(runner: Runner) -> None:
    """The interpreter of a virtual environment is a link, and so may be a .pth file that is put beside the others."""
    temp = runner.folder / "a folder"
    copy = temp / "branchmig-token" / "bin"
    copy.mkdir(parents=True)
    (copy / "python").symlink_to("/bin/true")
    recorded = digest_of(runner.folder, temp)
    (runner.folder / "evil").write_text(f"#!/bin/sh\ntouch '{temp}/stolen'\n")
    (runner.folder / "evil").chmod(0o755)
    (temp / "branchmig-report.md").write_text("report")
    assert runner.step("comment", GITHUB_TOKEN="t", BRANCHMIG_DIGEST=recorded).returncode == 0
    (copy / "evil.pth").symlink_to(runner.folder / "evil")
    assert runner.step("comment", GITHUB_TOKEN="t", BRANCHMIG_DIGEST=recorded).returncode == 1
    (copy / "evil.pth").unlink()
    (copy / "python").unlink()
    (copy / "python").symlink_to(runner.folder / "evil")
    assert runner.step("comment", GITHUB_TOKEN="t", BRANCHMIG_DIGEST=recorded).returncode == 1
    assert not (temp / "stolen").exists()


def test_a_job_s_pythonpath_brings_no_module_of_the_checkout_into_a_step_that_reads(runner: Runner) -> None:
    programs = runner.folder / "a folder" / "branchmig" / "bin"
    (programs / "branchmig").write_text(f'#!/bin/sh\nexec {sys.executable} -P -c "import click, networkx" "$@"\n')
    for name in ("click", "networkx"):
        (runner.checkout.root / f"{name}.py").write_text("open('was_run', 'w')\n")
    for step in ("guard", "report"):
        runner.step(step, PYTHONPATH=str(runner.checkout.root))
        assert not (runner.checkout.root / "was_run").exists(), step


def test_no_step_imports_a_module_of_the_current_folder() -> None:
    """The steps run in the checkout: `python -m pip` there would run its folder pip/."""
    for name, step in STEPS.items():
        for line in step["run"].splitlines():
            if "python" in line and " -m " in line:
                assert 'python" -I ' in line or "python -I " in line or "PYTHONSAFEPATH=1 " in line, (name, line)


def test_the_new_revisions_are_verified(runner: Runner) -> None:
    runner.checkout.table("ddd4", "ccc3")
    good = runner.step("verify", BRANCHMIG_INTO="main")
    assert (good.returncode, "ok    ddd4" in good.stdout) == (0, True), good.stderr
    runner.checkout.revision("eee5", "ddd4", upgrade="op.drop_table('t_ddd4')")
    assert runner.step("verify", BRANCHMIG_INTO="main").returncode == 1
    assert runner.step("verify", BRANCHMIG_INTO="main", GITHUB_EVENT_NAME="pull_request_target").stdout == ""
    untold = runner.step("verify", BRANCHMIG_INTO="no-such-ref")
    assert (untold.returncode, "::warning title=branchmig verify::" in untold.stdout) == (0, True)


MODELS = """
import sqlalchemy as sa
metadata = sa.MetaData()
sa.Table("users", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("nick", sa.String(9)))
"""


def with_models(runner: Runner) -> Checkout:
    """Have main and the branch of the pull request map a table that a landed revision makes."""
    checkout = runner.checkout
    checkout.git("switch", "--quiet", "main")
    (checkout.root / "models.py").write_text(MODELS)
    env = (checkout.migrations / "env.py").read_text()
    paths = "import sys, pathlib\nsys.path.insert(0, str(pathlib.Path(__file__).parents[1]))\nimport models\n"
    checkout.write_env(paths + env.replace("target_metadata=None", "target_metadata=models.metadata"))
    nick = "sa.Column('nick', sa.String(9))"
    checkout.revision(
        "ddd4", "bbb2", upgrade=f"op.create_table('users', sa.Column('id', sa.Integer, primary_key=True), {nick})"
    )
    checkout.commit("models")
    checkout.git("switch", "--quiet", "-C", "feature")
    return checkout


def test_the_target_s_models_are_tried_on_the_new_schema(runner: Runner) -> None:
    checkout = with_models(runner)
    checkout.revision("eee5", "ddd4", upgrade="op.drop_column('users', 'nick')")
    broken = runner.step("compat", BRANCHMIG_INTO="main", BRANCHMIG_REQUIREMENTS="my file.txt")
    assert (runner.folder / "a folder" / "pip").read_text().endswith("--requirement my file.txt\n")
    assert (broken.returncode, "SELECT users.nick: " in broken.stdout) == (1, True), broken
    assert runner.step("compat", BRANCHMIG_INTO="main", GITHUB_EVENT_NAME="pull_request_target").stdout == ""
    untold = runner.step("compat", BRANCHMIG_INTO="no-such-ref")
    assert (untold.returncode, "::warning title=branchmig compat::" in untold.stdout) == (0, True)


@pytest.mark.soak
def test_models_that_go_on_working_fail_no_job(runner: Runner) -> None:
    checkout = with_models(runner)
    checkout.revision("eee5", "ddd4", upgrade="op.add_column('users', sa.Column('size', sa.Integer))")
    good = runner.step("compat", BRANCHMIG_INTO="main")
    assert (good.returncode, good.stdout.startswith("ok: the code of main")) == (0, True), good.stderr


def test_drift_fails_the_job_and_is_no_question_of_a_pull_request(runner: Runner) -> None:
    checkout = runner.checkout
    checkout.table("ddd4", "ccc3")
    assert checkout.branchmig("upgrade", "heads").exit_code == 0
    assert runner.step("drift", GITHUB_EVENT_NAME="schedule").returncode == 0
    checkout.execute("ALTER TABLE t_ddd4 ADD COLUMN hand INTEGER")
    found = runner.step("drift", GITHUB_EVENT_NAME="schedule", BRANCHMIG_REQUIREMENTS="my file.txt")
    assert (found.returncode, "t_ddd4.hand" in found.stdout) == (1, True), found
    assert (runner.folder / "a folder" / "pip").read_text().endswith("--requirement my file.txt\n")
    for event in ("pull_request", "pull_request_target"):
        told = runner.step("drift", GITHUB_EVENT_NAME=event)
        assert (told.returncode, told.stdout.startswith("::warning title=branchmig drift::")) == (0, True)


def pull_request(runner: Runner, repository: str) -> dict[str, str]:
    """Serve the branches, and have the job run for feature of a repository; return the variables of that."""
    repo, server = runner.checkout, runner.folder / "server.git"
    repo.git("init", "--quiet", "--bare", str(server))
    repo.git("remote", "add", "origin", str(server))
    repo.git("push", "--quiet", "origin", "main", "feature")
    head = {"ref": "feature", "sha": repo.git("rev-parse", "feature"), "repo": {"full_name": repository}}
    base = {"ref": "main", "repo": {"full_name": "acme/shop"}}
    event = {"pull_request": {"number": 7, "head": head, "base": base}}
    (runner.folder / "event.json").write_text(json.dumps(event))
    repo.git("switch", "--quiet", "--detach", "main")
    repo.git("merge", "--quiet", "--no-edit", "feature")  # as GitHub checks a pull request out
    return {"CI": "true", "GITHUB_BASE_REF": "main"}


def test_fix_pushes_one_commit_to_the_pull_request_s_branch(runner: Runner) -> None:
    variables = pull_request(runner, "acme/shop")
    old = runner.checkout.git("rev-parse", "feature")
    fixed = runner.step("fix", **variables)
    assert (fixed.returncode, "Merged origin/main, and joined the heads " in fixed.stderr) == (0, True), fixed
    runner.checkout.git("fetch", "--quiet", "origin")
    assert runner.checkout.git("rev-parse", "origin/feature^1") == old
    assert len(runner.checkout.heads("--at", "origin/feature")) == 1


def test_of_a_fork_s_pull_request_the_patch_is_told(runner: Runner) -> None:
    variables = pull_request(runner, "stranger/shop")
    before = runner.checkout.git("ls-remote", "origin")
    fixed = runner.step("fix", **variables)
    assert (fixed.returncode, runner.checkout.git("ls-remote", "origin")) == (3, before)
    assert "is in stranger/shop, and this job is acme/shop's: nothing is pushed" in fixed.stderr
    runner.step("report", **variables)
    runner.step("comment", GITHUB_TOKEN="t", **variables)
    patch = runner.api.bodies[0].partition("~diff\n")[2].partition("~~~~")[0]
    assert patch in runner.summary
    runner.checkout.git("apply", "--index", stdin=patch.encode())
    assert len(runner.checkout.heads()) == 1


def test_in_a_merge_queue_the_job_fails_with_the_head_for_its_order(runner: Runner) -> None:
    variables = pull_request(runner, "acme/shop") | {"GITHUB_EVENT_NAME": "merge_group", "GITHUB_BASE_REF": ""}
    base = runner.checkout.git("rev-parse", "main")
    stopped = runner.step("fix", **variables, BRANCHMIG_INTO=base)
    assert (stopped.returncode, "the fix: Joined the heads bbb2 and ccc3 " in stopped.stderr) == (3, True), stopped
    runner.checkout.git("switch", "--quiet", "--detach", "main")
    assert runner.step("fix", **variables, BRANCHMIG_INTO=base).returncode == 0


def test_beside_a_fix_no_step_runs_the_project_s_code() -> None:
    for name in ("verify", "compat", "drift"):
        assert "inputs.fix != 'true'" in STEPS[name]["if"]
    assert STEPS["report"]["env"]["BRANCHMIG_SQL"] == "${{ inputs.fix != 'true' && inputs.sql || 'false' }}"
    assert STEPS["fix"]["env"]["GITHUB_TOKEN"] == ""
