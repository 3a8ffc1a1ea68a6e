"""The console sessions of the documentation, run as they stand: what is shown is what happens.

A page names where its sessions begin with a comment, `<!-- session: shop -->`; all blocks up to the next such comment
are one session, in one folder. In what is expected, `…` stands for the rest of a word or line, and a line of `…` alone
for any number of lines. Ids of commits, times and the project's folder may differ.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests import forks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROOT = Path(__file__).parent.parent
HOME = "/home/ada/shop"
"""How the pages call the project's folder."""

_BEGIN = re.compile(r"<!-- session: ([\w-]+) -->")
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^\$ (.+)$", re.MULTILINE)
_COMMIT = re.compile(r"\b[0-9a-f]{7,40}\b")
_PROGRESS = re.compile(r"^\[\d+/\d+\] .*\n", re.MULTILINE)
_TIME = re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(Z|\+00:00| UTC)?")


@dataclass(frozen=True)
class Exchange:
    """A command of a session, and what it is said to print."""

    line: int
    command: str
    expected: str


@dataclass(frozen=True)
class Session:
    """What follows one `<!-- session: … -->` of a page."""

    page: str
    setup: str
    exchanges: tuple[Exchange, ...]

    def __str__(self) -> str:
        return f"{self.page}:{self.exchanges[0].line if self.exchanges else 0}"


def sessions(page: Path) -> Iterator[Session]:
    """Return the sessions of a page. What stands before the first comment is only shown, and not run."""
    text = page.read_text(encoding="utf-8")
    starts = list(_BEGIN.finditer(text))
    ends = [*(revision_id.start() for revision_id in starts[1:]), len(text)]
    for start, stop in zip(starts, ends, strict=False):
        found = [exchange for block in _BLOCK.finditer(text, start.end(), stop) for exchange in _exchanges(text, block)]
        if found:
            yield Session(page.relative_to(ROOT).as_posix(), start[1], tuple(found))


def unrun(page: Path) -> list[str]:
    """Return the first command of each block that shows one and is not run: in no session, or not marked as console."""
    text = page.read_text(encoding="utf-8")
    first = _BEGIN.search(text)
    return [
        command[1]
        for block in _FENCE.finditer(text)
        if (command := _COMMAND.search(block[2])) is not None
        and (block[1] != "console" or first is None or block.start() < first.start())
    ]


def blocks(page: Path, language: str) -> list[str]:
    """Return what stands in the blocks of a language."""
    return [block[2] for block in _FENCE.finditer(page.read_text(encoding="utf-8")) if block[1] == language]


def run_python(code: str, folder: Path) -> None:
    """Run an example of Python in the shop's folder, with a connection at hand. Fails if it does."""
    shop, environment = _begun("shop", folder)
    before = "import sqlalchemy\nconnection = sqlalchemy.create_engine('sqlite:///other.db').connect()\n"
    (shop / "example.py").write_text(before + code)
    _run(f"'{sys.executable}' example.py", shop, environment)


def play(session: Session, folder: Path) -> None:
    """Run a session in a new folder. Fails at the first command that prints something else than the page says."""
    shop, environment = _begun(session.setup, folder)
    for exchange in session.exchanges:
        done = _typed(exchange.command, shop, environment)
        # On a busy machine lines of progress come in between.
        printed = _PROGRESS.sub("", done.stdout).replace(os.path.realpath(shop), HOME).replace(str(shop), HOME)
        if not matches(exchange.expected, printed):
            raise AssertionError(
                f"{session.page}:{exchange.line}: $ {exchange.command}\n--- the page\n{exchange.expected}\n"
                f"--- what is printed (exit code {done.returncode})\n{printed}"
            )


def run_in(setup: str, folder: Path, command: str) -> str:
    """Return what one command prints in a project as sessions begin with."""
    return _typed(command, *_begun(setup, folder)).stdout


def json_keys(commands: Iterable[str], folder: Path) -> dict[str, list[str]]:
    """Return the keys, but for the version, of what commands answer with `--format json` in the team's project."""
    shop, environment = _begun("team", folder)
    _run("branchmig adopt --yes --no-hooks && branchmig upgrade heads", shop, environment)
    arguments = {
        "compat": "compat --with HEAD",
        "conflicts": "conflicts feature/wishlist",
        "downgrade --plan": "downgrade base --plan",
        "kept drop": "kept drop --all --yes",
        "show": "show head",
        "squash": "squash base..head --dry-run",
        "states drop": "states drop --all --yes",
        "switch": "switch --create topic",
        "upgrade --plan": "upgrade heads --plan",
    }
    lines = [f"{command}\t{arguments.get(command, command)} --format json" for command in commands]
    (shop.parent / "commands").write_text("\n".join(lines))
    found = _typed(f"'{sys.executable}' -P -c '{_ANSWERS}' 2>/dev/null", shop, environment).stdout
    return {load: sorted(json.loads(text).keys() - {"version"}) for load, text in json.loads(found).items()}


# All of them in one process, to save the start of a dozen.
_ANSWERS = """
import contextlib, io, json
from branchmig.cli import run
answers = {}
for line in open("../commands"):
    name, command = line.strip().split("\\t")
    with contextlib.redirect_stdout(io.StringIO()) as answer:
        run(command.split())
    answers[name] = answer.getvalue()
print(json.dumps(answers))
"""


def _begun(setup: str, folder: Path) -> tuple[Path, dict[str, str]]:
    shutil.copytree(_prepared(setup), folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("bin", "home"))
    environment = _environment(folder)
    if (folder / "shop" / ".git").exists():
        _run("git update-index -q --refresh", folder / "shop", environment)
    return folder / "shop", environment


@cache
def _prepared(setup: str) -> Path:
    """Make a project to copy: most of the time of a session would go into making it."""
    folder = Path(tempfile.mkdtemp(prefix="branchmig-docs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "shop").mkdir()
    SETUPS[setup](folder / "shop", _environment(folder))
    return folder


def _typed(command: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def matches(expected: str, printed: str) -> bool:
    """Return whether what was printed is what a page says, but for ids, times and `…`."""
    lines = [line.rstrip() for line in expected.strip("\n").split("\n")]
    parts = []
    for line in lines:
        if line == "…":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            words = [re.escape(_settled(part)) for part in line.split("…")]
            parts.append(r"[^\n]*?".join(words) + r"[ ]*\n")
    text = "".join(f"{_settled(line).rstrip()}\n" for line in printed.strip("\n").split("\n"))
    return re.fullmatch("".join(parts), text) is not None


def _settled(text: str) -> str:
    return _COMMIT.sub("<id>", _TIME.sub("<time>", text))


def _exchanges(text: str, block: re.Match[str]) -> Iterator[Exchange]:
    at = text.count("\n", 0, block.start(1)) + 1
    command, begun, output = "", at, []
    for number, line in enumerate(block[1].splitlines(), at):
        if line.startswith("$ "):
            if command:
                yield Exchange(begun, command, "\n".join(output))
            command, begun, output = line[2:], number, []
        else:
            output.append(line)
    if command:
        yield Exchange(begun, command, "\n".join(output))


def _environment(folder: Path) -> dict[str, str]:
    (folder / "home").mkdir()
    program = folder / "bin" / "branchmig"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{forks.python()}" -P -m branchmig "$@"\n')
    program.chmod(0o755)
    alembic = program.with_name("alembic")
    alembic.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m alembic "$@"\n')
    alembic.chmod(0o755)
    pytest = program.with_name("pytest")
    pytest.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m pytest "$@"\n')
    pytest.chmod(0o755)
    # In CI a revision is written with the target branch's template, and says so; the pages show a developer's machine.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BRANCHMIG_") and name != "CI"}
    return {
        **kept,
        "HOME": str(folder / "home"),
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        # Both streams go to one place, as on a terminal: in the order in which they were written.
        "PYTHONUNBUFFERED": "1",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": kept["GIT_AUTHOR_EMAIL"],
    }


def _shop(folder: Path, environment: dict[str, str]) -> None:
    """The demo shop, with nothing applied, and alembic's log off."""
    for name in (".gitignore", "alembic.ini"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "migrations", folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    ini = folder / "alembic.ini"
    ini.write_text(ini.read_text().replace("level = INFO", "level = WARNING"))


def _repository(folder: Path, environment: dict[str, str]) -> None:
    """The shop in git, and its database migrated: as a plain alembic project would be found."""
    _shop(folder, environment)
    _run("git init -q -b main && git add . && git commit -q -m 'Open the shop'", folder, environment)
    _run("alembic upgrade head", folder, environment)


def _team(folder: Path, environment: dict[str, str]) -> None:
    """The shop in git: gift cards have landed on main, which is checked out; wishlists are on feature/wishlist.

    Beside the project lies the hook of docs/ci.md.
    """
    _repository(folder, environment)
    _run("git branch feature/wishlist", folder, environment)
    _creating(folder, "6c1f0e9ab352", "gift_cards")
    _run("git add . && git commit -q -m 'Create gift cards' && git switch -q feature/wishlist", folder, environment)
    _creating(folder, "a48d7730e5bc", "wishlists")
    _run("git add . && git commit -q -m 'Create wishlists' && git switch -q main", folder, environment)
    (hook,) = [block for block in blocks(ROOT / "docs" / "ci.md", "sh") if block.startswith("#!")]
    (folder.parent / "pre-receive").write_text(hook)
    (folder.parent / "pre-receive").chmod(0o755)


def _names(folder: Path, environment: dict[str, str]) -> None:
    """The shop in git: main marks names as old, feature/names, which is checked out, writes them in capitals.

    feature/vip-flag and feature/vip-level both add the column users.vip.
    """
    _repository(folder, environment)
    for branch, revision in (("flag", "4c7a90d15e2f"), ("level", "b86f13e7ca40")):
        _run(f"git switch -q -c feature/vip-{branch} main", folder, environment)
        up = 'op.add_column("users", sa.Column("vip", sa.Integer))'
        _revision(folder, revision, f"vip {branch}", up, 'op.drop_column("users", "vip")')
        _run(f"git add . && git commit -q -m 'Add a {branch}'", folder, environment)
    _run("git switch -q main && git branch feature/names", folder, environment)
    mark = """op.execute("UPDATE users SET name = name || ' (old)'")"""
    back = """op.execute("UPDATE users SET name = replace(name, ' (old)', '')")"""
    _revision(folder, "e04b9c6f2a18", "mark names", mark, back)
    _run("git add . && git commit -q -m 'Mark names' && git switch -q feature/names", folder, environment)
    _revision(folder, "5d1e0a77c3b2", "shout names", """op.execute("UPDATE users SET name = upper(name)")""", "pass")
    _run("git add . && git commit -q -m 'Shout names'", folder, environment)


def _services(folder: Path, environment: dict[str, str]) -> None:
    """A repository of two services, each with a folder of revisions, a branch label and its own tables."""
    shutil.copytree(
        ROOT / "migrations", folder / "migrations", ignore=shutil.ignore_patterns("__pycache__", "versions")
    )
    ini = "[alembic]\nscript_location = %(here)s/migrations\nprepend_sys_path = .\npath_separator = os\n"
    ini += (
        "version_locations = %(here)s/orders/versions:%(here)s/billing/versions\nsqlalchemy.url = sqlite:///shop.db\n"
    )
    logging = (ROOT / "alembic.ini").read_text().partition("\n[loggers]\n")
    (folder / "alembic.ini").write_text(ini + logging[1] + logging[2].replace("level = INFO", "level = WARNING"))
    shutil.copy(ROOT / ".gitignore", folder)
    for revision, service in (("8f3b21c6d0e4", "orders"), ("c7510ae9b823", "billing")):
        (folder / service / "versions").mkdir(parents=True)
        _revision(
            folder,
            revision,
            service,
            f"op.create_table('{service}', sa.Column('id', sa.Integer, primary_key=True))",
            "pass",
            f"{service}/versions",
            None,
            service,
        )
    _run("git init -q -b main && git add . && git commit -q -m 'Two services'", folder, environment)


def _tests(folder: Path, environment: dict[str, str]) -> None:
    """The team's shop with the tests of docs/testing.md."""
    _team(folder, environment)
    (folder / "tests").mkdir()
    for block in blocks(ROOT / "docs" / "testing.md", "python"):
        (folder / block.splitlines()[0].removeprefix("# ")).write_text(block)


def _deploy(folder: Path, environment: dict[str, str]) -> None:
    """The shop in git with rows; feature/names is checked out, with a revision that some rows are in the way of."""
    _repository(folder, environment)
    users = "('ada@example.org', 'Ada'), ('bob@example.org', 'Bob'), ('ada@example.com', 'Ada')"
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.execute(f"INSERT INTO users (email, name) VALUES {users}")
        connection.execute("INSERT INTO products (sku, title, price) VALUES ('tea', 'Tea', 4), ('cup', 'Cup', 9)")
        connection.commit()
    index = 'op.create_index("uq_users_name", "users", ["name"], unique=True)'
    upgrade = f'{index}\n    op.drop_column("products", "stock")'
    _run("git switch -q -c feature/names", folder, environment)
    _revision(folder, "9c4d1e72ab60", "one user per name", upgrade, "pass")
    _run("git add . && git commit -q -m 'One user per name'", folder, environment)


def _story(folder: Path, environment: dict[str, str]) -> None:
    """The shop in git with two users, released as v1.0 on release/1.0; four people have branches on top."""
    _repository(folder, environment)
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.execute(
            "INSERT INTO users (email, name) VALUES ('ada@example.org', 'Ada'), ('bob@example.org', 'Bob')"
        )
        connection.commit()
    _run("git tag v1.0 && git branch release/1.0", folder, environment)
    column = 'op.add_column("users", sa.Column("points", sa.Integer))'
    branches = {
        ("Ben", "feature/gift-cards"): ("6c1f0e9ab352", "create gift cards", None, None),
        ("Ada", "feature/wishlist"): ("a48d7730e5bc", "create wishlists", None, None),
        ("Cleo", "feature/points"): ("b86f13e7ca40", "add points", column, 'op.drop_column("users", "points")'),
        ("Dan", "feature/loyalty"): ("4c7a90d15e2f", "add loyalty", column, 'op.drop_column("users", "points")'),
        ("Ben", "hotfix/orders"): (
            "e04b9c6f2a18",
            "index orders",
            'op.create_index("ix_orders_user_id", "orders", ["user_id"])',
            'op.drop_index("ix_orders_user_id")',
        ),
        ("Cleo", "feature/names"): (
            "9c4d1e72ab60",
            "split names",
            """op.add_column("users", sa.Column("first_name", sa.Text))
    op.execute("UPDATE users SET first_name = nick")""",
            'op.drop_column("users", "first_name")',
        ),
    }
    for (author, branch), (revision, message, up, down) in branches.items():
        _run(f"git switch -q -c {branch} v1.0", folder, environment)
        if up is None:
            _creating(folder, revision, branch.removeprefix("feature/").rstrip("s").replace("-", "_") + "s")
        else:
            _revision(folder, revision, message, up, down or "pass")
        own = {**environment, "GIT_AUTHOR_NAME": author}
        _run(f"git add . && git commit -q -m '{message.capitalize()}'", folder, own)
    _run("git switch -q main", folder, environment)


def _failing(folder: Path, environment: dict[str, str]) -> None:
    """A project with four revisions, of which the third raises."""
    from tests.support import ProjectFolder

    project = ProjectFolder(folder, f"sqlite:///{folder}/shop.db")
    ini = folder / "alembic.ini"
    ini.write_text(ini.read_text().replace(f"{folder}/shop.db", "%(here)s/shop.db"))
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    project.revision("ccc3", "bbb2", message="add y", upgrade="raise RuntimeError('boom')")
    project.table("ddd4", "ccc3")


def _killed(folder: Path, environment: dict[str, str]) -> None:
    """A project on MariaDB with the journal: a run was killed as the second statement of r10 was about to begin."""
    from tests.conftest import MARIADB, answering_engine, fresh_database  # the site is built without pytest
    from tests.support import ProjectFolder

    database = fresh_database(answering_engine(MARIADB), MARIADB)
    atexit.register(database.__exit__, None, None, None)
    project = ProjectFolder(folder, database.__enter__())
    ini = folder / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    project.revision("r09", upgrade='op.create_table("t09", sa.Column("id", sa.Integer, primary_key=True))')
    script = (
        'op.create_table("t10", sa.Column("id", sa.Integer, primary_key=True))',
        'op.add_column("t09", sa.Column("a10", sa.Integer))',
    )
    # Heard after branchmig has recorded that the statement begins.
    kill = (
        "import os",
        'sa.event.listen(op.get_bind(), "before_cursor_execute", lambda *words: os.kill(os.getpid(), 9))',
    )
    project.revision("r10", "r09", upgrade="\n".join([script[0], *kill, script[1]]))
    assert _typed("branchmig -q upgrade heads", folder, environment).returncode == 137
    project.revision("r10", "r09", upgrade="\n".join(script))


SETUPS: dict[str, Callable[[Path, dict[str, str]], None]] = {
    "deploy": _deploy,
    "failing": _failing,
    "killed": _killed,
    "names": _names,
    "repository": _repository,
    "services": _services,
    "shop": _shop,
    "story": _story,
    "team": _team,
    "tests": _tests,
}


def _run(command: str, folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def _creating(folder: Path, revision: str, table: str) -> None:
    up = f'op.create_table("{table}", sa.Column("id", sa.Integer, primary_key=True))'
    _revision(folder, revision, f"create {table.replace('_', ' ')}", up, f"op.drop_table({table!r})")


def _revision(
    folder: Path,
    revision: str,
    message: str,
    upgrade: str,
    downgrade: str,
    versions: str = "migrations/versions",
    parent: str | None = "2b6e94d7c05f",
    label: str | None = None,
) -> None:
    """Write a revision file as alembic's template has it."""
    text = f'''"""{message}

Revision ID: {revision}
Revises: {parent or ""}
Create Date: 2026-02-01 10:00:00.000000

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision: str = {revision!r}
down_revision: Union[str, Sequence[str], None] = {parent!r}
branch_labels: Union[str, Sequence[str], None] = {label!r}
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    """Upgrade schema."""
    {upgrade}


def downgrade() -> None:
    """Downgrade schema."""
    {downgrade}
'''
    (folder / versions / f"{revision}_{message.replace(' ', '_')}.py").write_text(text)
