"""What is painted in answers, and when: on a terminal alone, never with NO_COLOR, and no word depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branchmig.render import colours
from branchmig.render.colours import (
    BAD,
    GOOD,
    HINT,
    ID,
    OPEN,
    answer_pieces,
    audit_pieces,
    forecast_pieces,
    hook_pieces,
    revision_pieces,
)
from branchmig.render.graph_text import _LANE_STYLES
from tests.repositories import Checkout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Paint = Callable[[str], Iterator[tuple[str, str]]]


@pytest.mark.parametrize(
    ("paint", "line", "painted"),
    [
        (answer_pieces, "multiple-heads: 2 heads: bbb2, ccc3", [("multiple-heads", BAD)]),
        (answer_pieces, "ok: one head, ccc3", [("ok", GOOD)]),
        (answer_pieces, "not checked: multiple-heads: no target", [("not checked", OPEN)]),
        (answer_pieces, "  pending: 2 revisions: aaa1, bbb2", [("pending", OPEN)]),
        (answer_pieces, "    -> branchmig upgrade heads", [("->", HINT)]),
        (answer_pieces, "All is well.", [("All is well.", GOOD)]),
        (answer_pieces, "2 heads: bbb2; ccc3", [("2 heads", BAD)]),
        (answer_pieces, "head: ccc3 (all is lost)", []),
        (answer_pieces, "git: on main at 0123456789", []),
        (answer_pieces, "sqlite:///app.db: at aaa1", []),
        (answer_pieces, "  downgrade bbb2 -> aaa1  upgrade fails", [("downgrade", OPEN)]),
        (answer_pieces, "  destroys table users (3 rows)", [("destroys", BAD)]),
        (answer_pieces, "order: table users", [("order", OPEN)]),
        (answer_pieces, "", []),
        (audit_pieces, "2026-02-20 09:12:44 UTC  upgrade  6c1f  main 0123  ada@host  failed", [("upgrade", GOOD)]),
        (audit_pieces, "app.db: 2026-02-20 09:12:44 UTC  failed   6c1f  main", [("failed", BAD)]),
        (forecast_pieces, "  feature/a: ok, head bbb2", [("ok", GOOD)]),
        (forecast_pieces, "  feature/a: 2 heads: bbb2, ccc3", [("2 heads", BAD)]),
        (hook_pieces, "pre-commit        runs, and blocks", [("runs", GOOD)]),
        (hook_pieces, "pre-push          not installed in .git/hooks", [("not installed in .git/hooks", BAD)]),
        (hook_pieces, "pre-push          out of date: bring it up", [("out of date", OPEN)]),
        (revision_pieces, "ae10fc (users) (head)", [("ae10fc", ID), ("(head)", GOOD)]),
        (
            revision_pieces,
            "27c6, b1fc (1e2d) -> ae10 (users) (head) (mergepoint), drop (head), (current)",
            [("ae10", ID), ("(head)", GOOD), ("(mergepoint)", OPEN)],
        ),
    ],
)
def test_codes_verdicts_and_ids_are_painted_and_no_letter_changes(
    paint: Paint, line: str, painted: list[tuple[str, str]]
) -> None:
    pieces = list(paint(line))
    assert "".join(text for text, _ in pieces) == line
    assert [piece for piece in pieces if piece[1]] == painted


def test_no_colour_vanishes_on_a_dark_or_a_light_background() -> None:
    styles = {GOOD, BAD, OPEN, HINT, ID, *_LANE_STYLES}
    assert {word for style in styles for word in style.split()}.isdisjoint({"blue", "white", "black", "dim"})
    assert colours.ID != colours.GOOD


def test_answers_are_painted_on_a_terminal_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Checkout(tmp_path / "repo")
    project.table("aaa1")
    project.commit()
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    lines = ["heads", "history", "guard", "status", "upgrade heads --plan", "forecast", "hooks status", "conflicts"]
    plain = {line: project.branchmig(*line.split()).stdout for line in lines}
    assert not [line for line, text in plain.items() if "\033" in text]
    monkeypatch.setattr("branchmig.terminal.is_terminal", lambda: True)
    assert "\033[35maaa1\033[0m \033[32m(head)\033[0m" in project.branchmig("heads").stdout
    painted = {line for line in lines if "\033[" in project.branchmig(*line.split()).stdout}
    assert painted == {*lines} - {"forecast", "conflicts"}
    monkeypatch.setenv("NO_COLOR", "1")
    assert {line: project.branchmig(*line.split()).stdout for line in lines} == plain
