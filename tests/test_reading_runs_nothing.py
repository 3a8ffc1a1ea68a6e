"""No command that only reads imports, runs or evaluates anything of a checkout, and none of its git configuration."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from branchmig.git.repository import Repository
from branchmig.project.import_path import LIBRARIES, STANDARD
from tests.hostile import PLANTED, imported_names, plant, read_all, source_names
from tests.repositories import Checkout

if TYPE_CHECKING:
    from pathlib import Path

FILTERS = [f"{name}.{item}" for name in ("planted", "a=b") for item in ("clean", "smudge", "process")]
READERS = [
    *("guard", "guard --format github", "guard --at index", "guard --at HEAD --with main --format junit"),
    *("forecast --format json", "train", "train --format json"),
    *("conflicts --with main", "conflicts --format json --with main"),
    *("heads", "heads -v", "heads --at HEAD --format json", "heads --at index", "heads --with main"),
    *("branches -v", "history -v", "history -r aaa1:ccc3", "show ccc3"),
    *("graph", "graph --format mermaid", "graph --format dot", "graph --format svg", "graph --format html --blame"),
    *("report --no-sql --at HEAD --into main", "report --no-sql --format json", "pins --format json"),
    *("hooks status", "hooks run pre-commit", "hooks run pre-merge-commit", "hooks run post-merge 0"),
    *("hooks run post-rewrite rebase", "hooks run pre-push origin x", "hooks run post-checkout main~1 main 1"),
    *("merge --dry-run", "status --no-db", "status --no-db --format json", "completion bash", "list_templates"),
    *("upgrade heads --plan --from base", "upgrade heads --plan --at main --from aaa1"),
    *("COMPLETE show ", "COMPLETE heads --at ", "COMPLETE switch ", "COMPLETE "),
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, isolated_environment: None) -> tuple[Checkout, Path]:
    place = tmp_path_factory.mktemp("hostile")
    checkout, marks = Checkout(place / "repo"), place / "marks"
    plant(checkout, marks)
    return checkout, marks


def test_no_reader_runs_anything_of_the_checkout_or_of_its_git_configuration(hostile: tuple[Checkout, Path]) -> None:
    found = read_all(*hostile, READERS)
    assert {line: left for line, (_, left) in found.items() if left} == {}
    assert {line: code for line, (code, _) in found.items() if code not in (0, 1)} == {}


def test_neither_does_a_dry_run_with_two_heads(hostile: tuple[Checkout, Path]) -> None:
    checkout, marks = hostile
    merge = ("merge", "--quiet", "--no-edit", "--strategy=ours", "main")
    quiet = (
        "core.fsmonitor=false",
        "core.hooksPath=/dev/null",
        "filter.planted.required=false",
    )
    words = [word for item in quiet for word in ("-c", item)]
    words += [f"--config-env=filter.{filter}=NOTHING" for filter in FILTERS]
    checkout.git(*words, *merge, env={"NOTHING": ""})
    (checkout.versions / "bbb2.py").write_text(checkout.git("show", "main:./bbb2.py", cwd=checkout.versions))
    for mark in marks.iterdir():
        mark.unlink()
    lines = ["merge --dry-run", "rebase --dry-run", "rebase --onto main --dry-run --offline", "guard", "heads -v"]
    assert read_all(checkout, marks, lines) == {
        **dict.fromkeys(lines, (0, "")),
        "guard": (1, ""),
    }


def test_with_the_checkout_on_sys_path_the_same_readers_import_what_was_planted(hostile: tuple[Checkout, Path]) -> None:
    """The control: the planted modules are those that readers import when they first need them."""
    found = read_all(*hostile, ["heads", "graph", "conflicts --with main"], prepended=True)
    assert all(left for _, left in found.values()), found


def test_what_runs_env_py_imports_its_own_modules_from_where_they_are_installed(tmp_path: Path) -> None:
    """Also while the checkout is on sys.path; what env.py imports is the checkout's, as with alembic."""
    checkout, marks = Checkout(tmp_path / "repo"), tmp_path / "marks"
    checkout.table("aaa1")
    marks.mkdir()
    for name in sorted(imported_names()):
        (checkout.top / f"{name}.py").write_text(PLANTED.format(marks=str(marks), name=name))
    (checkout.top / "own_models.py").write_text("metadata = None\n")
    ini = checkout.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}prepend_sys_path = .\n[branchmig]\njournal = true\n")
    env = (checkout.migrations / "env.py").read_text()
    checkout.write_env(f"import own_models\n{env}")
    checkout.commit("base")
    lines = ["upgrade heads", "status", "graph --db", "sync --plan", "conflicts --with HEAD", "audit"]
    found = read_all(checkout, marks, lines)
    assert {
        line: (code, left.replace("sys.path", "").strip()) for line, (code, left) in found.items()
    } == dict.fromkeys(lines, (0, ""))


def test_every_module_that_branchmig_imports_keeps_its_place_beside_env_py() -> None:
    # PyInstaller and pytest import branchmig, and are there before it; _typeshed is for mypy alone.
    assert source_names() - LIBRARIES - STANDARD - {"builtins", "PyInstaller", "pytest", "_typeshed"} == set()


@pytest.mark.parametrize("name", ["plain", "a=b", "a.b=c"])
def test_git_runs_no_filter_of_any_name_to_compare_files(parted: Checkout, tmp_path: Path, name: str) -> None:
    (parted.top / ".gitattributes").write_text(f"*.py filter={name}\n")
    parted.commit("filtered")
    parted.git("config", f"filter.{name}.clean", f"touch {tmp_path}/ran; cat")
    repository = Repository.discover(parted.top)
    assert repository is not None
    for number, words in enumerate((("diff", "--name-only", "HEAD"), ("diff-index", "HEAD"), ("diff-files",)), 1):
        os.utime(parted.versions / "aaa1.py", (number, number))
        repository.run(*words)
        assert not (tmp_path / "ran").exists(), words
    repository.run("diff", "--name-only", "HEAD", as_user=True)  # the control
    assert (tmp_path / "ran").exists()


def test_python_m_branchmig_imports_nothing_from_the_current_folder(parted: Checkout, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    # Python imports some itself before branchmig is there: `python -P -m branchmig` keeps it from that.
    program = "import runpy, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    for name in sorted(imported_names().difference(loaded)):
        (parted.top / f"{name}.py").write_text(PLANTED.format(marks=str(marks), name=name))
    ended = parted.process("heads", python=(sys.executable,))
    assert (ended.returncode, sorted(path.name for path in marks.iterdir())) == (0, []), ended


LOCATIONS = ("outer_package.inner:migrations", "outer_package:inner/migrations", "outer_package:inner:migrations")


def test_a_package_of_a_location_is_found_and_not_imported(parted: Checkout) -> None:
    """A package, a package in a package, a package without __init__.py; found where sys.path would find it, too."""
    inner = parted.top / "lib" / "outer_package" / "inner"
    inner.mkdir(parents=True)
    (inner.parent / "__init__.py").write_text("raise SystemExit('imported')\n")
    parted.migrations.rename(inner / "migrations")
    ini = parted.root / "alembic.ini"
    text = ini.read_text()
    for location in (
        "outer_package.inner:migrations",
        "outer_package:inner/migrations",
        "outer_package:inner:migrations",
    ):
        ini.write_text(text.replace("%(here)s/migrations", location) + "prepend_sys_path = lib\n")
        assert parted.heads() == ["ccc3"], location
        assert sys.modules.keys().isdisjoint({"outer_package", "outer_package.inner"})
    ini.write_text(text.replace("%(here)s/migrations", "alembic.no_such:templates"))
    refused = parted.branchmig("heads")
    assert (refused.exit_code, "package 'alembic.no_such'" in refused.stderr) == (3, True), refused
