from __future__ import annotations

import pytest

from branchmig.effects.downgrades import downgrade_obstacle, is_downgrade_forgotten
from branchmig.model import Problem
from branchmig.revisions.waivers import Rules, Waiver, apply_waivers, reason_for, waivers_in

RULES = Rules(
    frozenset({"rewritten-revision", "multiple-heads", "cycle"}),
    frozenset({"rewritten-revision", "multiple-heads", "conflicting-revisions"}),
    frozenset({"drops-table", "empty-downgrade"}),
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("# branchmig: allow a-b: it never ran", [("a-b", "it never ran")]),
        ("#branchmig:allow a-b:why", [("a-b", "why")]),
        (
            "# branchmig: allow a-b, c-d: see https://x.org: there",
            [("a-b", "see https://x.org: there"), ("c-d", "see https://x.org: there")],
        ),
        ("x = 1  # noqa: E501  # branchmig: allow a-b: why", [("a-b", "why")]),
        ("# branchmig: allow a-b", [("a-b", "")]),
        ("# branchmig: allow a-b:  ", [("a-b", "")]),
        ("# branchmig: allow: why", [("", "why")]),
        ("# branchmig: irreversible", []),
        ("# branchmig: allowed a-b: why", []),
        ("x = '# branchmig: allow a-b: why'", []),
        ('"""\n# branchmig: allow a-b: why\n"""', []),
    ],
)
def test_a_waiver_is_a_comment_with_codes_and_a_reason(line: str, expected: list[tuple[str, str]]) -> None:
    assert [(item.code, item.reason) for item in waivers_in(line.encode())] == expected


def test_waivers_know_their_lines_even_in_a_file_that_does_not_compile() -> None:
    text = b"x = 1\n# branchmig: allow a-b: why\n"
    assert waivers_in(text) == (Waiver("a-b", "why", 2),)
    assert waivers_in(text + b"'''\n") == (Waiver("a-b", "why", 2),)
    assert reason_for(text, "a-b") == "why"
    assert reason_for(text, "c-d") is None


def problem(code: str, *paths: str) -> Problem:
    return Problem(code, "what", "hint", paths, paths)


def allow(code: str, reason: str = ": why") -> bytes:
    return f"# branchmig: allow {code}{reason}\n".encode()


def test_a_problem_is_waived_by_the_file_that_it_names_and_no_other() -> None:
    item, other = problem("rewritten-revision", "a"), problem("rewritten-revision", "b")
    stay, waived = apply_waivers([item, other], {"a": allow("rewritten-revision"), "b": b""}, RULES, {"a"})
    assert stay == (other,)
    assert [(entry.problem, entry.reason) for entry in waived] == [(item, "why")]


def test_of_several_heads_all_but_one_must_allow_it() -> None:
    heads = problem("multiple-heads", "a", "b", "c")
    texts = {"a": allow("multiple-heads"), "b": b"", "c": b""}
    assert apply_waivers([heads], texts, RULES, {"a"})[0][0] == heads
    texts["c"] = allow("multiple-heads", ": so")
    stay, waived = apply_waivers([heads], texts, RULES, {"a", "c"})
    assert (stay, [entry.reason for entry in waived]) == ((), ["why; so"])


def test_what_makes_the_graph_unknown_cannot_be_waived() -> None:
    cycle = problem("cycle", "a")
    stay, waived = apply_waivers([cycle], {"a": allow("cycle")}, RULES, {"a"})
    assert (stay[0], waived) == (cycle, ())
    assert "which nothing can allow" in stay[1].message


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (allow("rewritten-revision"), "unused-waiver", "does not occur in this revision"),
        (allow("rewriten-revision"), "unused-waiver", "is no code; did you mean 'rewritten-revision'?"),
        (allow("rewritten-revision", ""), "waiver-without-reason", "gives no reason, so it allows nothing"),
    ],
)
def test_a_new_waiver_that_does_nothing_is_reported(text: bytes, code: str, words: str) -> None:
    (fault,), waived = apply_waivers([], {"a": text}, RULES, {"a"})
    assert (fault.code, fault.paths, waived) == (code, ("a",), ())
    assert words in fault.message
    assert fault.message.startswith("a:1: ")


def test_without_a_reason_a_waiver_allows_nothing() -> None:
    item = problem("rewritten-revision", "a")
    stay, waived = apply_waivers([item], {"a": allow("rewritten-revision", ":")}, RULES, {"a"})
    assert ([entry.code for entry in stay], waived) == (["rewritten-revision", "waiver-without-reason"], ())


def test_waivers_that_have_landed_and_those_for_other_commands_are_left_alone() -> None:
    assert apply_waivers([], {"a": allow("rewritten-revision")}, RULES, ()) == ((), ())
    for code in ("drops-table", "empty-downgrade", "conflicting-revisions"):
        assert apply_waivers([], {"a": allow(code)}, RULES, {"a"}) == ((), ()), code


def test_an_empty_downgrade_may_be_intended() -> None:
    script = b"def upgrade():\n    op.execute('x')\ndef downgrade():\n    pass%s\n"
    assert is_downgrade_forgotten(script % b"")
    waived = script % b"  # branchmig: allow empty-downgrade: only fills a column"
    assert not is_downgrade_forgotten(waived)
    assert downgrade_obstacle(waived) is None
    assert downgrade_obstacle(script % b"  # branchmig: allow empty-downgrade") == "has an empty downgrade()"
    missing = b"# branchmig: allow empty-downgrade: why\ndef upgrade():\n    op.execute('x')\n"
    assert downgrade_obstacle(missing) == "has no downgrade()"
