"""Long work tells whoever listens how far it is."""

from __future__ import annotations

from branchmig.progress import heard_by, told


def test_each_item_is_told_as_it_begins() -> None:
    heard: list[object] = []
    with heard_by(lambda *words: heard.append(words)):
        heard.extend(told(iter("ab"), 2, "reading"))
    assert heard == [(1, 2, "reading"), "a", (2, 2, "reading"), "b"]


def test_without_a_listener_the_items_come_all_the_same() -> None:
    assert list(told("ab", 2, "reading")) == ["a", "b"]


def test_nobody_listens_after_the_block() -> None:
    heard: list[object] = []
    with heard_by(lambda *words: heard.append(words)):
        pass
    assert (list(told("ab", 2, "reading")), heard) == (["a", "b"], [])
