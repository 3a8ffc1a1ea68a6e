"""`branchmig pins`: what is kept is listed; it is dropped only after it was shown and a yes was given."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from branchmig.git.pins import Pin, pins
from branchmig.git.repository import Repository
from tests.repositories import ROOT, write_pin

if TYPE_CHECKING:
    from tests.repositories import Checkout

SHOP = "postgresql://db/shop#alembic_version"
SHOP_REF = "refs/branchmig/pins/postgresql-db-shop-alembic-version-"
LOCAL = "sqlite:///app.db#alembic_version"
CCC3 = "migrations/versions/ccc3.py"
AAA1 = "migrations/versions/aaa1.py"


@pytest.fixture
def pinned(parted: Checkout) -> Checkout:
    """Two databases: one has 'aaa1' and 'ccc3', the other 'ccc3'."""
    repository = opened(parted)
    files = {path: parted.git("hash-object", path) for path in (AAA1, CCC3)}
    write_pin(repository, SHOP, files, {"aaa1": AAA1, "ccc3": CCC3}, "2026-02-01T10:00:00Z")
    write_pin(repository, LOCAL, {CCC3: files[CCC3]}, {"ccc3": CCC3}, "2026-02-02T10:00:00Z")
    return parted


def opened(repo: Checkout) -> Repository:
    found = Repository.discover(repo.top)
    assert found is not None
    return found


def by_database(repo: Checkout) -> dict[str, Pin]:
    return {pin.database: pin for pin in pins(opened(repo))}


def listing(repo: Checkout, indent: str = "") -> dict[str, str]:
    """Return the lines of each database."""
    found = by_database(repo)
    lines = {
        SHOP: [
            SHOP,
            f"  2 revisions, 2026-02-01T10:00:00Z, commit {found[SHOP].commit[:10]}",
            f"  aaa1  {AAA1}",
            f"  ccc3  {CCC3}  (feature, by Ada Author)",
        ],
        LOCAL: [
            LOCAL,
            f"  1 revision, 2026-02-02T10:00:00Z, commit {found[LOCAL].commit[:10]}",
            f"  ccc3  {CCC3}  (feature, by Ada Author)",
        ],
    }
    return {name: "".join(f"{indent}{line}\n" for line in part) for name, part in lines.items()}


def test_pins_are_listed_with_database_revisions_time_and_commit(pinned: Checkout) -> None:
    told = pinned.branchmig("pins")
    parts = listing(pinned)
    assert (told.exit_code, told.stdout, told.stderr) == (0, parts[SHOP] + parts[LOCAL], "")


def test_pins_as_json(pinned: Checkout) -> None:
    told = pinned.branchmig("pins", "--format", "json")
    assert json.loads(told.stdout) == {
        "version": 1,
        "pins": [
            {
                "ref": pin.ref,
                "database": pin.database,
                "commit": pin.commit,
                "when": pin.when,
                "revisions": list(pin.revisions),
            }
            for pin in pins(opened(pinned))
        ],
    }
    assert [pin.revisions for pin in pins(opened(pinned))] == [("aaa1", "ccc3"), ("ccc3",)]


def test_no_pins_are_said_to_be_none(parted: Checkout) -> None:
    told = parted.branchmig("pins")
    assert (told.exit_code, told.stdout, told.stderr) == (0, "", "No pins.\n")
    assert json.loads(parted.branchmig("pins", "--format", "json").stdout) == {"version": 1, "pins": []}
    told = parted.branchmig("pins", "prune", "--all")
    assert (told.exit_code, told.stdout, told.stderr) == (0, "", "No pins.\n")


def test_without_a_terminal_and_a_yes_nothing_is_dropped(pinned: Checkout) -> None:
    told = pinned.branchmig("pins", "prune", "--all")
    parts = listing(pinned, "  ")
    assert (told.exit_code, told.stdout, told.stderr) == (
        1,
        "",
        f"These pins will be dropped:\n{parts[SHOP]}{parts[LOCAL]}"
        "error: nothing was changed: there is no terminal to ask for a yes\n"
        "hint:  to go on without being asked: --yes\n",
    )
    assert by_database(pinned).keys() == {SHOP, LOCAL}


def test_with_a_yes_all_are_dropped(pinned: Checkout) -> None:
    told = pinned.branchmig("pins", "prune", "--all", "--yes")
    assert (told.exit_code, told.stderr.splitlines()[-1]) == (0, "Dropped 2 pins.")
    assert by_database(pinned) == {}
    assert pinned.git("for-each-ref", "refs/branchmig") == ""


def test_only_the_pins_of_the_named_databases_are_dropped(pinned: Checkout) -> None:
    part = listing(pinned, "  ")[LOCAL]
    told = pinned.branchmig("pins", "prune", "--database", LOCAL, "--yes")
    assert (told.exit_code, told.stdout, told.stderr) == (0, "", f"These pins will be dropped:\n{part}Dropped 1 pin.\n")
    assert by_database(pinned).keys() == {SHOP}
    told = pinned.branchmig("--quiet", "pins", "prune", "--database", by_database(pinned)[SHOP].ref, "-y")
    assert (told.exit_code, by_database(pinned)) == (0, {})


def test_a_database_without_a_pin_is_no_reason_to_drop_another_s(pinned: Checkout) -> None:
    told = pinned.branchmig("pins", "prune", "--database", LOCAL, "--database", "nosuch", "--yes")
    assert (told.exit_code, told.stdout, told.stderr) == (
        3,
        "",
        "error: no pin is of database 'nosuch'\nhint:  see: branchmig pins\n",
    )
    assert by_database(pinned).keys() == {SHOP, LOCAL}


@pytest.mark.parametrize("words", [(), ("--all", "--database", LOCAL)], ids=["neither", "both"])
def test_which_to_drop_must_be_said(pinned: Checkout, words: tuple[str, ...]) -> None:
    told = pinned.branchmig("pins", "prune", *words, "--yes")
    assert told.exit_code == 2
    assert told.stderr.startswith("error: say which: --all, or --database TEXT\n")
    assert by_database(pinned).keys() == {SHOP, LOCAL}


@pytest.mark.parametrize(("typed", "left"), [("y\n", 0), ("\n", 2), ("no\n", 2)])
def test_at_a_terminal_it_asks(pinned: Checkout, typed: str, left: int) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "branchmig", "pins", "prune", "--all"],
        cwd=pinned.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
    ) as process:
        os.close(theirs)
        os.write(ours, typed.encode())
        said = b""
        while process.poll() is None or not said.rstrip().endswith((b"pins.", b"changed.")):
            try:
                said += os.read(ours, 4096)
            except OSError:  # what a terminal whose other end is closed answers
                break
    os.close(ours)
    assert b"Revisions that only these pins keep cannot be undone after that. Go on? [y/N]" in said
    assert (process.returncode, len(by_database(pinned))) == (0 if left == 0 else 1, left)


def test_a_pin_that_is_not_understood_is_listed_by_its_ref(pinned: Checkout) -> None:
    pinned.git("update-ref", "refs/branchmig/pins/a", "main")
    told = pinned.branchmig("pins")
    assert told.lines[0] == "refs/branchmig/pins/a (written by another version of branchmig, or not by it)"
    told = pinned.branchmig("pins", "prune", "--database", "refs/branchmig/pins/a", "--yes")
    assert (told.exit_code, by_database(pinned).keys()) == (0, {SHOP, LOCAL})


def test_outside_of_git_there_are_no_pins(parted: Checkout) -> None:
    shutil.rmtree(parted.top / ".git")
    told = parted.branchmig("pins")
    assert (told.exit_code, told.stdout) == (3, "")
    assert told.stderr.endswith("is in no git repository\nhint:  git init\n")
