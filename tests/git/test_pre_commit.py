"""pre-commit itself, from PyPI, runs our hook on a real repository; and action.yml's script does."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.repositories import ROOT, Checkout

if TYPE_CHECKING:
    from pathlib import Path

[HOOK] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A folder with a `branchmig` of this checkout, for PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / "branchmig"
    path.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -P -m branchmig "$@"\n'
    )
    path.chmod(0o755)
    return folder


@pytest.fixture
def pre_commit(parted: Checkout, tmp_path: Path, program: Path) -> Checkout:
    """On feature, with pre-commit's own environment kept to this test."""
    parted.environment.update(
        PATH=f"{program}{os.pathsep}{os.environ['PATH']}",
        PRE_COMMIT_HOME=str(tmp_path / "pre-commit"),
        PYTHONWARNINGS="ignore",
    )
    return parted


def configure(repo: Checkout, hook: dict[str, Any]) -> None:
    config = {"repos": [hook], "default_install_hook_types": ["pre-commit", "pre-merge-commit", "pre-push"]}
    (repo.top / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    repo.commit("use pre-commit")
    repo.git("switch", "--quiet", "main")
    (repo.top / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    repo.commit("use pre-commit")
    repo.git("switch", "--quiet", "feature")
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "install"],
        cwd=repo.top,
        env={**os.environ, **repo.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done


def two_heads_are_stopped(repo: Checkout) -> None:
    (repo.top / "notes.txt").write_text("x")
    repo.git("add", ".")
    passed = repo.run("commit", "-m", "notes alone")
    assert (passed.returncode, "Passed" in passed.stderr) == (0, True), passed
    repo.revision("ddd4", "ccc3")
    repo.git("add", ".")
    passed = repo.run("commit", "-m", "sound")
    assert (passed.returncode, "Passed" in passed.stderr) == (0, True), passed
    repo.revision("eee5", "aaa1")
    repo.git("add", ".")
    stopped = repo.run("commit", "-m", "two heads")
    assert (stopped.returncode, "multiple-heads: 2 heads: ddd4 (" in stopped.stderr) == (1, True), stopped
    repo.git("rm", "--quiet", "--force", "migrations/versions/eee5.py")
    merged = repo.run("merge", "--no-edit", "main")
    assert (merged.returncode, "multiple-heads: 2 heads: bbb2 (" in merged.stderr) == (1, True), merged
    assert repo.branchmig("merge", "--rev-id", "mmm1").exit_code == 0
    repo.git("add", ".")
    joined = repo.run("commit", "--no-edit")
    assert (joined.returncode, repo.heads("--at", "HEAD")) == (0, ["mmm1"]), joined


@pytest.mark.soak
def test_pre_commit_runs_the_guard_at_every_stage(pre_commit: Checkout) -> None:
    """With the very hook of .pre-commit-hooks.yaml, but for where the program comes from."""
    local = {key: value for key, value in HOOK.items() if key != "minimum_pre_commit_version"}
    configure(pre_commit, {"repo": "local", "hooks": [{**local, "language": "system"}]})
    two_heads_are_stopped(pre_commit)


@pytest.mark.soak
def test_pre_commit_installs_the_program_from_this_repository(pre_commit: Checkout, tmp_path: Path) -> None:
    """Builds the hook's environment with pip, from the network."""
    source = tmp_path / "source"
    source.mkdir()
    listed = subprocess.run(
        [
            "git",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "branchmig",
            "*.toml",
            "*.md",
            "LICENSE",
        ],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    for name in [*os.fsdecode(listed).split("\0"), ".pre-commit-hooks.yaml"]:
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    pre_commit.git("init", "--quiet", cwd=source)
    pre_commit.git("add", ".", cwd=source)
    pre_commit.git("commit", "--quiet", "-m", "x", cwd=source)
    revision = pre_commit.git("rev-parse", "HEAD", cwd=source)
    configure(pre_commit, {"repo": str(source), "rev": revision, "hooks": [{"id": "branchmig-guard"}]})
    pre_commit.environment["PATH"] = os.environ["PATH"]
    two_heads_are_stopped(pre_commit)


def test_before_a_push_the_commit_that_is_pushed_is_checked(pre_commit: Checkout) -> None:
    """Not the index: feature is checked out and sound; main is pushed, without a revision that it had."""
    pre_commit.git("switch", "--quiet", "main")
    old = pre_commit.git("rev-parse", "HEAD")
    (pre_commit.versions / "bbb2.py").unlink()
    new = pre_commit.commit("main without bbb2")
    pre_commit.git("switch", "--quiet", "feature")

    def run(**variables: str) -> tuple[int, str]:
        done = subprocess.run(
            shlex.split(HOOK["entry"]),
            cwd=pre_commit.top,
            env={**os.environ, **pre_commit.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    assert run() == (0, "")
    push = {"PRE_COMMIT_REMOTE_BRANCH": "refs/heads/main", "PRE_COMMIT_REMOTE_NAME": "origin"}
    code, said = run(PRE_COMMIT_FROM_REF=old, PRE_COMMIT_TO_REF=new, **push)
    assert (code, "deleted-revision: revision 'bbb2' is on main, and its file was deleted" in said) == (1, True), said
    assert run(PRE_COMMIT_FROM_REF=f"{old}~1", PRE_COMMIT_TO_REF=old, **push) == (0, "")


def test_the_action_s_script_annotates_and_fails(parted: Checkout, tmp_path: Path, program: Path) -> None:
    """The composite action's shell, with the installation left to the program of this checkout."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    [step] = [step for step in action["runs"]["steps"] if step.get("id") == "guard"]
    temporary = tmp_path / "runner"
    (temporary / "branchmig").mkdir(parents=True)
    (temporary / "branchmig" / "bin").symlink_to(program)
    given = {name.split("_", 1)[1].lower().replace("_", "-"): name for name in step["env"]}
    assert set(given) == {"at", "merged-with", "target", "file", "hazards"}

    def run(**inputs: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=parted.root,
            env={**os.environ, "RUNNER_TEMP": str(temporary), **dict.fromkeys(step["env"], ""), **inputs},
            capture_output=True,
            text=True,
            check=False,
        )

    sound = run(BRANCHMIG_AT="HEAD")
    assert (sound.returncode, sound.stdout) == (0, ""), sound
    stopped = run(BRANCHMIG_AT="HEAD", BRANCHMIG_MERGED_WITH="main", BRANCHMIG_FILE="alembic.ini")
    assert stopped.returncode == 1
    assert stopped.stdout.startswith(
        "::error file=migrations/versions/bbb2.py,line=1,title=branchmig multiple-heads::2 heads: bbb2 ("
    )
    parted.git("update-ref", "refs/remotes/origin/release/1.0", "main")
    parted.git("switch", "--quiet", "--detach", "main")
    parted.revision("bbb2", "aaa1", upgrade="x = 1")
    parted.commit()
    into_release = run(BRANCHMIG_AT="HEAD", GITHUB_BASE_REF="release/1.0")
    assert (into_release.returncode, "bbb2' is on origin/release/1.0" in into_release.stdout) == (1, True), into_release
    odd = run(BRANCHMIG_AT="HEAD", BRANCHMIG_TARGET="$(touch x)")
    assert (odd.returncode, (parted.root / "x").exists()) == (3, False), odd


def test_every_input_of_the_action_is_used() -> None:
    text = (ROOT / "action.yml").read_text()
    action = yaml.safe_load(text)
    assert [step["id"] for step in action["runs"]["steps"] if "${{" in step.get("run", "")] == []
    assert [name for name in action["inputs"] if f"inputs.{name}" not in text] == []
