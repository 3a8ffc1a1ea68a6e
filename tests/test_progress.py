"""Long work tells whoever listens how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branchmig import terminal
from branchmig.progress import heard_by, with_progress

if TYPE_CHECKING:
    from tests.repositories import Checkout


@pytest.fixture(autouse=True)
def usual_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """As users have it: elsewhere the tests keep progress out."""
    monkeypatch.setattr("branchmig.terminal.PROGRESS_AFTER", 1.0)


def test_each_item_is_told_as_it_begins() -> None:
    heard: list[object] = []
    with heard_by(lambda *words: heard.append(words)):
        heard.extend(with_progress(iter("ab"), 2, "reading"))
    assert heard == [(1, 2, "reading"), "a", (2, 2, "reading"), "b"]


def test_without_a_listener_the_items_come_all_the_same() -> None:
    assert list(with_progress("ab", 2, "reading")) == ["a", "b"]


def test_nobody_listens_after_the_block() -> None:
    heard: list[object] = []
    with heard_by(lambda *words: heard.append(words)):
        pass
    assert (list(with_progress("ab", 2, "reading")), heard) == (["a", "b"], [])


def test_a_command_that_reads_much_tells_how_far_it_is(parted: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "PROGRESS_AFTER", 0.0)
    found = parted.branchmig("forecast")
    assert "] reading what the revisions touch (0 s)\n" in found.stderr
    assert parted.branchmig("-q", "forecast").stderr == ""
    assert parted.branchmig("forecast").stdout == found.stdout


def test_each_loop_has_a_second_of_its_own(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    monkeypatch.setattr("branchmig.terminal.time.monotonic", lambda: now[0])
    progress = terminal.LoopProgress()
    for now[0], number in ((5.0, 1), (5.5, 2), (7.0, 1), (7.5, 2), (8.5, 3)):
        progress.step(number, 3, "reading")
    assert capsys.readouterr().err == "[3/3] reading (2 s)\n"
