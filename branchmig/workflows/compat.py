"""Decides whether the code of one place works on the schema of another, in a separate process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from branchmig.effects.schema_drift import Attribution, Difference
from branchmig.errors import EnvironmentFailed, GitError
from branchmig.masking import masked
from branchmig.project.config import Invocation
from branchmig.project.consent import scratch_url
from branchmig.project.project import WORKTREE, Project
from branchmig.workflows.fresh import FreshDatabases

if TYPE_CHECKING:
    from branchmig.git.repository import Repository

URL_VARIABLES = ("BRANCHMIG_URL", "DATABASE_URL")
"""The variables that give a command of `--run` the URL of the database."""
MOST_OUTPUT = 2000


@dataclass(frozen=True, slots=True)
class Break:
    """A statement of the code that fails, with the revision that caused it; `table` is None for a command's failure."""

    table: str | None
    column: str | None
    statement: str
    error: str
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class UncheckedTable:
    """A table of the code that could not be tried."""

    table: str
    statement: str
    reason: str


@dataclass(frozen=True, slots=True)
class Compatibility:
    """The answer, for the code of a commit and the schema of another place."""

    with_: str
    commit: str
    tables: int
    breaks: tuple[Break, ...]
    unchecked: tuple[UncheckedTable, ...]
    is_reverse: bool = False

    @property
    def is_ok(self) -> bool:
        """Whether nothing breaks."""
        return not self.breaks


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose code: `commit` is what `name` stands for. `is_reverse`: the work tree's code on that commit's schema."""

    name: str
    commit: str
    is_reverse: bool = False
    command: str | None = None


def compat(
    project: Project, invocation: Invocation, asked: Asked, announce: Callable[[], None] = lambda: None
) -> Compatibility:
    """Return what of the code fails on the schema. `announce` is called before any code runs.

    What fails on the code's own schema, too, is no break of the other schema's. Raises EnvironmentFailed where the code
    cannot be asked: its env.py fails, or gives no models.
    """
    announce()
    code_at, schema_at = (WORKTREE, asked.commit) if asked.is_reverse else (asked.commit, WORKTREE)
    with ExitStack() as stack:
        code = stack.enter_context(_code(project, invocation, code_at))
        found = _tried(project, invocation, code, schema_at, asked.command)
        breaks, unchecked = _breaks(found), [UncheckedTable(*each) for each in found["unchecked"]]
        if breaks:
            # A command that did not fail is not run again: smoke tests take their time.
            command = asked.command if any(each.table is None for each in breaks) else None
            own = _tried(project, invocation, code, code_at, command)
            known = {(each.table, each.column, _word(each)) for each in _breaks(own)}
            before = [each for each in breaks if (each.table, each.column, _word(each)) in known]
            breaks = [each for each in breaks if each not in before]
            unchecked += [
                UncheckedTable(each.table or "", _word(each), f"it fails on the code's own schema, too: {each.error}")
                for each in before
            ]
    return Compatibility(
        asked.name,
        asked.commit,
        found["tables"],
        tuple(_attributed(project, asked, breaks)),
        tuple(unchecked),
        asked.is_reverse,
    )


def deployed_commit(project: Project, invocation: Invocation) -> str:
    """Return the commit with which the database was migrated last, as its journal says. Raises EnvironmentFailed."""
    from branchmig.database.run.environment import Environment
    from branchmig.database.surveying import survey

    def consider(surveyed: Any) -> list[Any]:
        rows = tuple(str(row) for row in surveyed.rows if row is not None)
        return list(surveyed.ledger(project, rows).entries) if project.config.settings.journal else []

    environment = Environment(project, invocation, "current")
    entries = [entry for found in survey(environment, consider) for entry in found if entry.git_commit]
    if not entries:
        raise EnvironmentFailed(
            "the journal has no commit, so nothing says which code is deployed",
            "name it: branchmig compat --with REF; journal = true records it from now on",
        )
    commit = str(max(entries, key=lambda entry: (entry.started_at, entry.id)).git_commit)
    if project.tracked.commit(commit) is None:
        raise GitError(
            f"commit {commit}, with which the database was migrated, is not in this clone", "git fetch --all"
        )
    return commit


@dataclass(frozen=True, slots=True)
class _Code:
    """Where some code is: its folder, the work tree's that it stands in for, and its settings files."""

    cwd: str
    home: str
    place: str
    ini: str
    toml: str


@contextmanager
def _code(project: Project, invocation: Invocation, at: str) -> Iterator[_Code]:
    """Give the code of a place as files: the work tree's where it is, a commit's in a folder of this user's own."""
    files = invocation.files
    ini, toml = (os.path.abspath(path) for path in (files.ini, files.toml))
    if at == WORKTREE:
        yield _Code(os.getcwd(), "", "", ini, toml)
        return
    repository = project.tracked
    home = os.path.realpath(repository.top)
    with tempfile.TemporaryDirectory(prefix="branchmig-code-") as folder:  # made with mode 0700
        place = os.path.join(os.path.realpath(folder), "code")
        os.mkdir(place)
        _lay_out(repository, at, place, os.path.join(folder, "index"))

        def moved(path: str) -> str:
            real = os.path.realpath(path)
            return place + real[len(home) :] if real == home or real.startswith(home + os.sep) else path

        cwd = moved(os.getcwd())
        own_ini, own_toml = moved(ini), moved(toml)
        if not os.path.exists(own_ini) and not os.path.exists(own_toml) and repository.commit(at):
            raise GitError(
                f"commit {at[:10]} does not have {project.shown_path(ini)}, so its code cannot be asked",
                "name a commit that has the project: --with REF",
            )
        yield _Code(cwd if os.path.isdir(cwd) else place, home, place, own_ini, own_toml)


def _lay_out(repository: Repository, commit: str, place: str, index: str) -> None:
    """Write all files of a commit. git's filters do not run: their configuration may be anybody's."""
    more = {"GIT_INDEX_FILE": index}
    repository.run("read-tree", commit, more=more)
    repository.run("checkout-index", "--all", f"--prefix={place}{os.sep}", more=more)


def _tried(
    project: Project, invocation: Invocation, code: _Code, schema_at: str, command: str | None
) -> dict[str, Any]:
    """Make a database at a place's heads, and run the code's statements, and its command, on it."""
    databases = FreshDatabases(project, invocation, schema_at)
    with closing(databases.server):
        made = databases.make()
        try:
            url = made.address.text(shows_password=True)
            kind = databases.server.address.kind
            found = _asked(invocation, code, url, kind)
            if command is not None:
                found["breaks"] += _run(code, command, url)
            return found
        finally:
            databases.drop(made.name)


def _asked(invocation: Invocation, code: _Code, url: str, kind: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="branchmig-") as folder:
        answer = os.path.join(folder, "answer.json")
        question = {
            "url": url,
            "kind": kind,
            "ini": code.ini,
            "toml": code.toml,
            "section": invocation.files.section,
            "x": list(invocation.x),
            "answer": answer,
            "home": code.home,
            "place": code.place,
        }
        own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        path = os.pathsep.join([part for part in (os.environ.get("PYTHONPATH"), own) if part])
        done = subprocess.run(
            [sys.executable, "-P", "-m", "branchmig.database.trial.code_child"],
            input=json.dumps(question).encode(),
            capture_output=True,
            check=False,
            cwd=code.cwd,
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        try:
            with open(answer, encoding="utf-8") as stream:
                found: dict[str, Any] = json.load(stream)
        except (OSError, ValueError) as error:
            last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-3:]
            raise EnvironmentFailed(
                f"the code's process ended with {done.returncode} and no answer", "see the lines above", last
            ) from error
    if "error" in found:
        message, hint, details = found["error"]
        raise EnvironmentFailed(f"the code cannot be asked: {message}", hint, details)
    return found


def _run(code: _Code, command: str, url: str) -> list[dict[str, Any]]:
    """Run a command where the code is; return its failure as a break."""
    done = subprocess.run(
        command,
        shell=True,  # the user's own command line
        cwd=code.cwd,
        env={**os.environ, **dict.fromkeys(URL_VARIABLES, url)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if not done.returncode:
        return []
    output = masked(done.stdout.decode("utf-8", "replace").strip())[-MOST_OUTPUT:]
    said = f"it exited with {done.returncode}" + (f": {output}" if output else "")
    return [{"table": None, "column": None, "statement": command, "error": said}]


def _breaks(found: dict[str, Any]) -> list[Break]:
    return [Break(each["table"], each["column"], each["statement"], each["error"]) for each in found["breaks"]]


def _word(each: Break) -> str:
    return each.statement.split(" ")[0] if each.table else each.statement


def _attributed(project: Project, asked: Asked, breaks: list[Break]) -> list[Break]:
    """Return the breaks with the revisions that caused them: of those that the code's place lacks."""
    if not breaks:
        return []
    here, there = project.view(), project.view(asked.commit)
    known = there.ids
    own = [name for name in here.dag.order() if name not in known]
    from branchmig.database.trial.address import scratch_address
    from branchmig.project.config_facts import configured_url

    dialect = scratch_address(scratch_url(project), configured_url(project.config.files)).kind
    scripts = Attribution(list(here.scripts(here.dag[name] for name in own).items()), dialect)
    return [_with_revision(each, scripts, own) for each in breaks]


def _with_revision(each: Break, scripts: Attribution, own: list[str]) -> Break:
    revision = None
    if each.table is not None:
        table = each.table.rpartition(".")[2]
        name = each.column or table
        revision = scripts.revision(Difference("changed", "", "", name, table if each.column else ""))
    if revision is None and len(own) == 1:
        revision = own[0]
    return Break(each.table, each.column, each.statement, each.error, revision)
