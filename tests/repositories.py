"""Projects in git repositories: made, branched and merged through git itself."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig.git import pins
from tests import forks
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from branchmig.git.pins import Pin
    from branchmig.git.repository import Repository


ROOT = Path(__file__).parent.parent


def write_pin(
    repository: Repository, database: str, files: Mapping[str, str], revisions: Mapping[str, str], when: str
) -> Pin | None:
    """Write a database's pin as a run does, which has just read it."""
    return pins.write_pin(repository, database, files, revisions, when, pins.pin_of(repository, database))


@cache
def _empty_repository(hash_algorithm: str) -> Path:
    """Return the .git of an empty repository, to be copied: git would start four times to make another."""
    top = Path(tempfile.mkdtemp(prefix="repository"))
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    # gc in the background, and what the disk is asked for, would only make the tests slow or shaky.
    settings = {"gc.auto": "0", "core.fsync": "none", "merge.conflictStyle": "merge"}
    for command in (["init", "--quiet", "--initial-branch=main"], *(["config", *item] for item in settings.items())):
        subprocess.run(["git", *command], cwd=top, check=True)
    return top / ".git"


def _copy_file(source: str, target: str) -> None:
    """Copy a file; git never writes to an object that is there, so that copies of a repository can share them."""
    if "/.git/objects/" in source:
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
    shutil.copy2(source, target, follow_symlinks=False)


class Checkout(ProjectFolder):
    """An Alembic project in a git repository; `top` is the work tree's."""

    def __init__(self, top: Path, folder: str = "") -> None:
        top.mkdir(parents=True, exist_ok=True)
        self.top = top
        super().__init__(top / folder, f"sqlite:///{top / folder / 'app.db'}")
        self.environment: dict[str, str] = {}
        if not (top / ".git").exists():
            shutil.copytree(_empty_repository(os.environ.get("GIT_DEFAULT_HASH", "")), top / ".git")

    @classmethod
    def copy(cls, template: Checkout, top: Path) -> Checkout:
        """Return a copy of a checkout: a tenth of the time that its git commands took."""
        shutil.copytree(template.top, top, symlinks=True, copy_function=_copy_file)
        made = cls.__new__(cls)
        made.__dict__.update(template.__dict__)
        made.top, made.root, made.environment = top, top, {}
        made.migrations = top / "migrations"
        made.versions = made.migrations / "versions"
        return made

    def instance(self, top: Path) -> Checkout:
        """Return a copy of this template with an empty database: the settings in each commit name this one's file."""
        for path in self.root.glob("app.db*"):
            path.unlink()
        return Checkout.copy(self, top)

    def run(
        self, *arguments: str, stdin: bytes = b"", cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run git, however it ends."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd or self.top,
            env={**os.environ, **self.environment, **(env or {})},
            input=stdin,
            capture_output=True,
            check=False,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr)
        )

    def git(self, *arguments: str, **more: object) -> str:
        """Run git, which must succeed, and return what it prints."""
        done = self.run(*arguments, **more)  # type: ignore[arg-type]
        assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout.rstrip("\n")

    def commit(self, message: str = "a commit", *options: str) -> str:
        """Stage all there is, commit it past any hook, and return the commit's id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--no-verify", "--allow-empty", "-m", message, *options)
        return self._head() or self.git("rev-parse", "HEAD")

    def _head(self) -> str | None:
        """Return the commit that is checked out, where git keeps it in a file: the tests commit thousands of times."""
        if (self.environment.keys() | os.environ.keys()) & {"GIT_DIR", "GIT_WORK_TREE"}:
            return None
        try:
            said = os.fsdecode((self.top / ".git" / "HEAD").read_bytes())
            return (self.top / ".git" / said.removeprefix("ref: ").rstrip("\n")).read_text().strip()
        except OSError:
            return None

    def fork(self) -> None:
        """Make main and feature part: 'aaa1' is on both, 'bbb2' on main, 'ccc3' on feature, which is checked out."""
        self.revision("aaa1")
        self.commit("base")
        self.git("branch", "feature")
        self.revision("bbb2", "aaa1")
        self.commit("on main")
        self.git("switch", "--quiet", "feature")
        self.revision("ccc3", "aaa1")
        self.commit("on feature")

    def heads(self, *options: str) -> list[str]:
        """Return the heads that branchmig tells of a place."""
        found = self.branchmig("heads", *options)
        assert found.exit_code == 0, found.stderr
        return [line.split(" ")[0] for line in found.lines]

    def process(
        self,
        *arguments: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        python: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run branchmig as a process of its own: a fork of one that has imported it, unless `python` is given."""
        folder, variables = cwd or self.root, {**forks.environment(), **self.environment, **(env or {})}
        if python:
            command = [*python, "-m", "branchmig", *arguments]
            done = subprocess.run(command, cwd=folder, env=variables, input=b"", capture_output=True, check=False)
        else:
            done = forks.server().run(arguments, folder, variables, b"")
        return subprocess.CompletedProcess(
            done.args, done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr)
        )


def footprint(top: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return every file below a folder with size, time and content, without branchmig's own cache."""
    found = {}
    for folder, names, files in os.walk(top):
        names[:] = [name for name in names if name not in ("branchmig", "__pycache__")]
        for name in files:
            path = Path(folder) / name
            facts = path.lstat()
            content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
            found[str(path.relative_to(top))] = (facts.st_size, facts.st_mtime_ns, content)
    return found
