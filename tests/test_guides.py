"""The files that CONTRIBUTING.md and docs/architecture.md name exist; each command has the file that they promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from branchmig.cli import command_table

ROOT = Path(__file__).parents[1]
MADE = {"build/site"}
"""What `make` makes."""
GUIDES = ("CONTRIBUTING.md", "docs/architecture.md")


def named_paths(guide: str) -> set[str]:
    """Return what a guide writes as the path of a file or a folder: with a slash, or with an ending of a file."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"(?s)```.*?```", "", (ROOT / guide).read_text()))
    return {span for span in spans if re.fullmatch(r"[\w.]+(/[\w.]*)*", span) and ("/" in span or span.endswith(".py"))}


def exists(path: str) -> bool:
    """Return whether a path is there: from the top, from branchmig/, or below some package of branchmig/."""
    files = (path, f"{path}.py")
    bases = (ROOT, ROOT / "branchmig")
    found = any((base / file).exists() for base in bases for file in files)
    return found or any(next((ROOT / "branchmig").rglob(file.rstrip("/")), None) for file in files)


@pytest.mark.parametrize("guide", GUIDES)
def test_the_files_that_a_guide_names_exist(guide: str) -> None:
    # X and NAME stand for a command.
    paths = {path for path in named_paths(guide) if not re.search(r"\b(X|NAME|test_NAME)\.py", path)} - MADE
    assert len(paths) > 10
    assert {path for path in paths if not exists(path)} == set()


def test_the_check_of_the_guides_knows_a_missing_file() -> None:
    assert not exists("planning/no_such_module.py")


def test_each_command_has_the_file_of_its_name() -> None:
    names = {name.replace("-", "_") for name in command_table()}
    assert {name for name in names if not (ROOT / "branchmig" / "commands" / f"{name}.py").exists()} == set()
