from __future__ import annotations

from branchmig.effects.proof import LONGEST_REASON, Proof, joined


def test_the_summary_names_what_differs_else_what_it_rests_on() -> None:
    assert Proof("sqlite", "commutes", (), ("rows",)).summary == "commutes on sqlite (rows)"
    assert Proof("mysql", "differs", ("a", "b", "c"), ("rows",)).summary == "differs on mysql (a; 2 more)"
    assert Proof("mysql", "commutes").summary == "commutes on mysql"


def test_the_summary_is_one_line_of_bounded_length() -> None:
    summary = Proof("sqlite", "fails", ("x" * 1000,)).summary
    assert summary == f"fails on sqlite ({'x' * (LONGEST_REASON - 1)}…)"


def test_several_proofs_have_the_gravest_verdict_and_every_line() -> None:
    pairs = [
        ("a and b", Proof("sqlite", "commutes", (), ("rows",))),
        ("a and c", Proof("sqlite", "fails", ("boom",), ("rows",))),
        ("b and c", Proof("sqlite", "differs", ("x",), ("rows", "clock"))),
    ]
    assert joined(pairs) == Proof("sqlite", "fails", ("a and c: boom", "b and c: x"), ("rows", "clock"))
    assert joined(pairs[:1]) == pairs[0][1]
