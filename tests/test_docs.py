from __future__ import annotations

import configparser
import tomllib
from typing import TYPE_CHECKING

import pytest
import yaml

from branchmig.project.settings import read_settings
from tests.sessions import ROOT, Session, blocks, matches, play, run_in, run_python, sessions, unrun

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
PARTS = {"journal.md", "testing.md"}  # what to put into an env.py; what the page's session runs
SESSIONS = [session for page in PAGES for session in sessions(page)]


@pytest.mark.parametrize("session", SESSIONS, ids=str)
def test_a_session_of_the_documentation_is_what_happens(session: Session, tmp_path: Path) -> None:
    play(session, tmp_path)


@pytest.mark.parametrize(
    ("expected", "printed", "answer"),
    [
        ("a b", "a b\n", True),
        ("a b", "a c\n", False),
        ("commit 12ab34cd56", "commit fedcba9876\n", True),
        ("a\n…\nd", "a\nb\nc\nd\n", True),
        ("a\n…", "b\n", False),
        ("at … by Ada", "at noon by Ada\n", True),
        ("", "", True),
        ("", "something\n", False),
    ],
)
def test_only_ids_times_and_gaps_may_differ(expected: str, printed: str, answer: bool) -> None:
    assert matches(expected, printed) is answer


def test_the_picture_of_the_readme_is_what_graph_draws(tmp_path: Path) -> None:
    drawn = run_in("team", tmp_path, "branchmig graph --with feature/wishlist --format svg")
    assert (ROOT / "docs" / "images" / "two-heads.svg").read_text() == drawn


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_is_run(page: Path) -> None:
    assert unrun(page) == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python") and page.name not in PARTS], ids=lambda page: page.name
)
def test_examples_of_python_run(page: Path, tmp_path: Path) -> None:
    for number, code in enumerate(blocks(page, "python")):
        (tmp_path / str(number)).mkdir()
        run_python(code, tmp_path / str(number))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_configuration_that_a_page_shows_is_sound(page: Path) -> None:
    for text in blocks(page, "yaml"):
        assert isinstance(yaml.safe_load(text), dict)
    for text in blocks(page, "ini"):
        ini = configparser.ConfigParser()
        ini.read_string(text)
        read_settings(dict(ini["branchmig"]), page.name)
    for text in blocks(page, "toml"):
        read_settings(tomllib.loads(text)["tool"]["branchmig"], page.name)
