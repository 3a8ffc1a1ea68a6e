"""The console sessions of the documentation, run as they stand: what is shown is what happens.

A page names where its sessions begin with a comment, `<!-- session: shop -->`; all blocks up to the next such comment
are one session, in one folder. In what is expected, `…` stands for the rest of a word or line, and a line of `…` alone
for any number of lines. Ids of commits, times and the project's folder may differ.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent
HOME = "/home/ada/shop"
"""How the pages call the project's folder."""

_BEGIN = re.compile(r"<!-- session: ([\w-]+) -->")
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
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
    ends = [*(one.start() for one in starts[1:]), len(text)]
    for start, stop in zip(starts, ends, strict=False):
        found = [one for block in _BLOCK.finditer(text, start.end(), stop) for one in _exchanges(text, block)]
        if found:
            yield Session(page.relative_to(ROOT).as_posix(), start[1], tuple(found))


def unrun_blocks(page: Path) -> list[int]:
    """Return the lines of console blocks that belong to no session."""
    text = page.read_text(encoding="utf-8")
    first = _BEGIN.search(text)
    return [
        text.count("\n", 0, block.start()) + 1
        for block in _BLOCK.finditer(text)
        if first is None or block.start() < first.start()
    ]


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


def _begun(setup: str, folder: Path) -> tuple[Path, dict[str, str]]:
    shop = folder / "shop"
    shop.mkdir()
    environment = _environment(folder)
    SETUPS[setup](shop, environment)
    return shop, environment


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
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m branchmig "$@"\n')
    program.chmod(0o755)
    alembic = program.with_name("alembic")
    alembic.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m alembic "$@"\n')
    alembic.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BRANCHMIG_")}
    return {
        **kept,
        "HOME": str(folder / "home"),
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
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


def _team(folder: Path, environment: dict[str, str]) -> None:
    """The shop in git: gift cards have landed on main, which is checked out; wishlists are on feature/wishlist."""
    _shop(folder, environment)
    steps = """
        git init -q -b main && git add . && git commit -q -m 'Open the shop' && git branch feature/wishlist
        branchmig upgrade heads -q 2>/dev/null || branchmig -q upgrade heads
        branchmig revision -m 'create gift cards' --rev-id 6c1f0e9ab352 && WRITE 6c1f0e9ab352 gift_cards
        git add . && git commit -q -m 'Create gift cards'
        git switch -q feature/wishlist
        branchmig revision -m 'create wishlists' --rev-id a48d7730e5bc && WRITE a48d7730e5bc wishlists
        git add . && git commit -q -m 'Create wishlists' && git switch -q main
    """
    for step in steps.strip().splitlines():
        _run(step.strip().replace("WRITE", f"'{sys.executable}' '{__file__}'"), folder, environment)


SETUPS: dict[str, Callable[[Path, dict[str, str]], None]] = {"shop": _shop, "team": _team}


def _run(command: str, folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def write_bodies(revision: str, table: str) -> None:
    """Let the new revision in the current folder's project create a table."""
    (path,) = Path("migrations/versions").glob(f"{revision}_*.py")
    up = f'    op.create_table("{table}", sa.Column("id", sa.Integer, primary_key=True))'
    before, _, after = path.read_text().partition("    pass")
    path.write_text(f"{before}{up}{after.replace('    pass', f'    op.drop_table({table!r})', 1)}")


if __name__ == "__main__":
    write_bodies(*sys.argv[1:])
