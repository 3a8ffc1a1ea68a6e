"""Broken projects as data: what a folder of the corpus says, made into a project on a database, and what comes of it.

A case is a folder of `corpus/`: `case.toml`, and files that go on top of the line aaa1 -> bbb2 -> ccc3, of which the
database has applied the first two. `case.toml` says what git could not carry (`[[file]]`: bytes, modes, links), what
the database holds, and below a mark, written by `python -m tests.faults.record`, what each command answers.
"""

from __future__ import annotations

import ctypes
import os
import py_compile
import re
import shutil
import sys
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import sqlalchemy as sa

from branchmig import terminal
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from branchmig.errors import BranchmigError
    from tests.support import Result

CORPUS = Path(__file__).parent / "corpus"
PASSWORD = "hunter2sesame"
"""What every case has for a password, and no output may hold."""
LINE = ("aaa1", "bbb2", "ccc3")
APPLIED = ("aaa1", "bbb2")

LOOKING = ("heads", "branches", "history", "history -v", "show bbb2", "show heads", "guard")
ASKING = ("current", "current -v", "current --check-heads", "history -i", "show current")
PLANNING = ("upgrade heads --plan", "downgrade -1 --plan", "upgrade heads --plan --from aaa1")
OFFLINE = ("upgrade heads --sql", "downgrade bbb2:base --sql", "stamp heads --sql")
MOVING = (
    *("upgrade head", "upgrade heads", "upgrade +1", "downgrade -1", "downgrade base"),
    *("stamp heads", "stamp --purge heads", "ensure_version"),
)
WRITING = ("revision -m x", "revision --autogenerate -m x", "merge heads", "merge heads --dry-run")
OTHERS = ("check", "edit bbb2")
COMMANDS = (*LOOKING, *ASKING, *PLANNING, *OFFLINE, *MOVING, *WRITING, *OTHERS)
BESIDE = ("graph", "status", "status --format json", "sync --dry-run", "repair")
"""Commands that a case states nothing of: they are held to the general law alone."""
WITH_JSON = frozenset(
    {"heads", "branches", "history", "show bbb2", "guard", "current", "history -i", "upgrade heads --plan"}
    | {"downgrade -1 --plan", "upgrade heads", "upgrade head", "upgrade +1", "downgrade -1"}
)
SHOWN = ("heads", "history", "current")
"""Commands whose whole answer a case states."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How some commands end: what is written to standard error, line for line, but for notes of what was done."""

    exit: int
    error: str | None = None
    hint: str | None = None
    code: str | None = None
    details: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def matches(self, seen: Outcome) -> bool:
        """Return whether what was seen is this, where `{any}` stands for words of a server, a driver or a Python."""
        if (self.exit, self.code, len(self.details)) != (seen.exit, seen.code, len(seen.details)):
            return False
        texts = [(self.error, seen.error), (self.hint, seen.hint), *zip(self.details, seen.details, strict=True)]
        if len(self.warnings) != len(seen.warnings):
            return False
        texts += zip(self.warnings, seen.warnings, strict=True)
        return all(_is_like(pattern, text) for pattern, text in texts)


@dataclass(frozen=True, slots=True)
class Case:
    """One broken project."""

    name: str
    about: str
    alembic: str
    databases: tuple[str, ...] = ("sqlite",)
    revisions: tuple[str, ...] = LINE
    applied: tuple[str, ...] = APPLIED
    sql: tuple[str, ...] = ()
    url: str | None = None
    env_options: str = ""
    ini: str = ""
    may_change: bool = False
    is_loose: bool = False
    commands: tuple[str, ...] = COMMANDS
    files: tuple[dict[str, Any], ...] = ()
    outcomes: tuple[tuple[tuple[str, ...], Outcome], ...] = ()
    answers: dict[str, str] = field(default_factory=dict)

    def expected(self, command: str) -> Outcome:
        """Return how a command is to end."""
        return next(outcome for commands, outcome in self.outcomes if command in commands)


def read_case(folder: Path) -> Case:
    """Read a folder of the corpus."""
    stated = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    outcomes = tuple(
        (tuple(item.pop("commands")), Outcome(**{key: _tuple(value) for key, value in item.items()}))
        for item in stated.pop("outcome", [])
    )
    files = tuple(stated.pop("file", []))
    answers = stated.pop("answers", {})
    facts = {key: _tuple(value) for key, value in stated.items()}
    return Case(name=folder.name, files=files, outcomes=outcomes, answers=answers, **facts)


def every_case() -> list[Case]:
    """Return the whole corpus, sorted by name."""
    return [read_case(folder) for folder in sorted(CORPUS.iterdir()) if (folder / "case.toml").is_file()]


def build(case: Case, root: Path, url: str) -> ProjectFolder:
    """Make the project of a case in a folder that is not there yet, on an empty database."""
    shown = url if case.url is None else _url(case.url, root, url)
    project = ProjectFolder(root, shown, case.env_options)
    if case.ini:
        ini = root / "alembic.ini"
        ini.write_text(ini.read_text() + case.ini)
    for number, revision in enumerate(LINE):
        if revision in case.revisions:
            project.table(revision, *LINE[max(0, number - 1) : number])
    shutil.copytree(CORPUS / case.name, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("case.toml"))
    for file in case.files:
        _write(root, file)
    project.url = url
    if case.applied or case.sql:
        tables = [f"CREATE TABLE t_{item} (id INTEGER NOT NULL, PRIMARY KEY (id))" for item in APPLIED]
        version = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, PRIMARY KEY (version_num))"
        row = f"INSERT INTO alembic_version VALUES ('{case.applied[-1]}')" if case.applied else None
        own = any("CREATE TABLE alembic_version" in item for item in case.sql)
        made = tables[: len(case.applied)] + ([] if own else [version]) + ([row] if row and not own else [])
        project.execute(*made, *case.sql)
    return project


def _url(pattern: str, root: Path, url: str) -> str:
    """Return a URL of a case: {root} is the project's folder, {url} its database, {server} the server."""
    plain = sa.make_url(url)
    words = {
        "root": str(root),
        "url": url,
        "database": str(plain.database),
        "server": plain.set(database="").render_as_string(hide_password=False).rstrip("/"),
        "stranger": plain.set(database="", username="stranger", password=PASSWORD)
        .render_as_string(hide_password=False)
        .rstrip("/"),
    }
    return re.sub(r"\{(\w+)\}", lambda mark: words[mark[1]], pattern)


def clear(url: str) -> None:
    """Empty a server's database."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        for view in sa.inspect(connection).get_view_names():
            connection.exec_driver_sql(f"DROP VIEW {view}")
        metadata = sa.MetaData()
        metadata.reflect(connection)
        metadata.drop_all(connection)


def state(project: ProjectFolder) -> dict[str, object]:
    """Return all that a refusal must leave as it is: the files, and the tables with the version table's rows."""
    found: dict[str, object] = {}
    for folder, names, files in os.walk(project.root):
        names[:] = [name for name in names if name != "__pycache__"]
        found |= {f"{folder}/{name}": os.lstat(f"{folder}/{name}").st_mtime_ns for name in files if name != "test.db"}
    engine = sa.create_engine(project.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        tables = sorted(sa.inspect(connection).get_table_names())
        found["tables"] = [name for name in tables if name != "alembic_version"]
        # Alembic makes an empty version table before it asks for a plan, and one without rows says nothing.
        has_rows = "alembic_version" in tables
        rows = connection.exec_driver_sql("SELECT * FROM alembic_version").all() if has_rows else []
        found["rows"] = sorted(map(repr, rows))
    return found


@dataclass(frozen=True, slots=True)
class Run:
    """What one command did: what it wrote, and the code of the error that ended it."""

    result: Result
    code: str | None

    def outcome(self, root: Path, url: str) -> Outcome:
        """Return the run as a case states it: with the folder called {root}."""
        seen = self.result.stderr.replace(os.path.realpath(root), "{root}").replace(str(root), "{root}")
        seen = seen.replace(f".{sys.implementation.cache_tag}.", ".{tag}.")
        seen = seen.replace(sa.make_url(url).database or "\0", "{database}") if "://" in url else seen
        lines = seen.splitlines()
        return Outcome(
            self.result.exit_code,
            _after("error: ", lines),
            _after("hint:  ", lines),
            self.code,
            tuple(line[7:] for line in lines if line.startswith("       ")),
            tuple(line.removeprefix("warning: ") for line in lines if line.startswith("warning: ")),
        )


def run(project: ProjectFolder, command: str, *more: str) -> Run:
    """Run a command line in this process, as a user without root's rights."""
    codes: list[str] = []

    def told(error: BranchmigError, tell: Any = terminal.failure) -> None:
        codes.append(error.code)
        tell(error)

    with mock.patch.object(terminal, "failure", told), mock.patch.dict(os.environ, EDITOR="true"), unprivileged():
        result = project.branchmig(*command.split(" "), *more)
    return Run(result, codes[0] if codes else None)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Let file modes count within the block, for root too: without the right to override them (Linux)."""
    if os.geteuid() != 0 or not os.path.exists("/proc/self/status"):
        yield
        return
    library = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    before, fewer = (ctypes.c_uint32 * 6)(), (ctypes.c_uint32 * 6)()
    library.capget(header, before)
    library.capget(header, fewer)
    fewer[0] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, from the effective set alone
    library.capset(header, fewer)
    try:
        yield
    finally:
        library.capset(header, before)


def _write(root: Path, file: dict[str, Any]) -> None:
    path = root / file["path"].replace("{tag}", str(sys.implementation.cache_tag))
    path.parent.mkdir(parents=True, exist_ok=True)
    if "mode" not in file or set(file) - {"path", "mode"}:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if file.get("delete"):
        return
    makers: dict[str, Any] = {
        "link": path.symlink_to,
        "folder": lambda _: path.mkdir(),
        "fifo": lambda _: os.mkfifo(path),
        "hex": lambda value: path.write_bytes(bytes.fromhex(value)),
        "text": lambda value: path.write_bytes(
            (value + file.get("then", "") * file.get("times", 1)).encode(file.get("encoding", "utf-8"), "surrogatepass")
        ),
        "compiled": lambda value: _compile(value, path),
        "mode": lambda value: path.chmod(int(value, 8)),
    }
    for kind, make in makers.items():
        if kind in file:
            make(file[kind])


def _compile(text: str, path: Path) -> None:
    source = path.with_suffix(".source")
    source.write_text(text)
    py_compile.compile(str(source), str(path), str(path), doraise=True)
    source.unlink()


def _is_like(pattern: str | None, text: str | None) -> bool:
    if pattern is None or text is None:
        return pattern is text
    return re.fullmatch(".*".join(map(re.escape, pattern.split("{any}"))), text, re.DOTALL) is not None


def _after(mark: str, lines: Sequence[str]) -> str | None:
    return next((line.removeprefix(mark) for line in lines if line.startswith(mark)), None)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
