from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sessions import ROOT, Session, matches, play, run_in, sessions

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
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
    drawn = run_in("team", tmp_path, "branchmig graph --merged-with feature/wishlist --format svg")
    assert (ROOT / "docs" / "images" / "two-heads.svg").read_text() == drawn
