from __future__ import annotations

import pytest

from branchmig.errors import RevisionFileError
from branchmig.revisions.revision_edit import with_note, with_parents

HEADER = '"""add y\n\nRevision ID: c3\nRevises: {revises}\nCreate Date: 2026-01-01\n\n"""\n'
BODY = "\n\ndef upgrade():\n    op.execute(\"down_revision = 'a1'\")\n"


def script(down_revision: str, revises: str = "a1", before: str = "") -> bytes:
    return f"{HEADER.format(revises=revises)}{before}revision = 'c3'\ndown_revision = {down_revision}{BODY}".encode()


@pytest.mark.parametrize(
    ("written", "parents", "expected"),
    [
        ("'a1'", ["z9"], "'z9'"),
        ('"a1"', ["z9"], '"z9"'),
        ("'a1'  # after users", ["z9"], "'z9'  # after users"),
        ("None", ["z9"], "'z9'"),
        ("'a1'", [], "None"),
        ("('a1', 'b2')", ["b2"], "('b2')"),
        ("('a1', 'b2')", ["a1"], "('a1', )"),
        ("('a1', 'b2')", ["z9", "b2"], "('z9', 'b2')"),
        ("['a1', 'b2']", ["z9"], "['z9', ]"),
        ("('a1',)", ["z9"], "('z9',)"),
        (
            '(\n    "a1",  # main\n    # the other line\n    "b2",\n)  # end',
            ["z9", "b2"],
            '(\n    "z9",  # main\n    # the other line\n    "b2",\n)  # end',
        ),
        ('(\n\t"a1",\n\t"b2",  # ours\n)', ["b2"], '(\n\t\n\t"b2",  # ours\n)'),
        ("'a1'", ["y8", "z9"], "('y8', 'z9')"),
    ],
)
def test_only_the_parents_change_and_comments_quotes_and_layout_stay(
    written: str, parents: list[str], expected: str
) -> None:
    old = ", ".join(item for item in ("a1", "b2") if item in written)
    changed = with_parents(script(written, old), "c3.py", parents)
    assert changed.decode() == script(expected, ", ".join(parents)).decode()


def test_line_endings_stay() -> None:
    for ending in (b"\r\n", b"\r"):
        source = script("'a1'").replace(b"\n", ending)
        assert with_parents(source, "c3.py", ["z9"]) == script("'z9'", "z9").replace(b"\n", ending)


def test_encoding_and_byte_order_mark_stay() -> None:
    latin = b"# -*- coding: latin-1 -*-\n" + script("'a1'", before="# \u00e9\n").decode().encode("latin-1")
    expected = b"# -*- coding: latin-1 -*-\n" + script("'z9'", "z9", before="# \u00e9\n").decode().encode("latin-1")
    assert with_parents(latin, "c3.py", ["z9"]) == expected
    assert with_parents(b"\xef\xbb\xbf" + script("'a1'"), "c3.py", ["z9"]) == b"\xef\xbb\xbf" + script("'z9'", "z9")


def test_a_letter_of_several_bytes_before_the_value_does_not_move_it() -> None:
    source = "revision = 'c3'\n\u00fcml\u00e4ut = '\U0001f600'; down_revision: str = 'a1'  # \u00e9\n".encode()
    assert with_parents(source, "c3.py", ["z9"]) == source.replace(b"'a1'", b"'z9'")


def test_the_last_assignment_is_the_one_that_counts() -> None:
    source = b"revision = 'c3'\ndown_revision = 'a0'\ndown_revision = 'a1'\n"
    assert with_parents(source, "c3.py", ["z9"]) == b"revision = 'c3'\ndown_revision = 'a0'\ndown_revision = 'z9'\n"


def test_a_computed_down_revision_is_refused() -> None:
    with pytest.raises(RevisionFileError) as caught:
        with_parents(b"revision = 'c3'\ndown_revision = f()\n", "c3.py", ["z9"])
    assert caught.value.message.startswith("c3.py:2")


def test_a_note_goes_to_the_end_of_the_docstring_and_cannot_leave_it() -> None:
    source = script("'a1'")
    evil = 'x brings """ + exec("1") + """ and \\x41'
    changed = with_note(source, "c3.py", [evil, "    a1 one"]).decode()
    start, docstring, rest = changed.split('"""', 2)
    assert (start, rest) == ("", source.decode().split('"""', 2)[2])
    escaped = evil.replace("\\", r"\\").replace('"""', r"\"\"\"")
    assert docstring.endswith(f"2026-01-01\n\n{escaped}\n    a1 one\n\n")


def test_a_file_without_a_docstring_gets_no_note() -> None:
    source = b"revision = 'c3'\ndown_revision = None\n"
    assert with_note(source, "c3.py", ["x brings"]) == source
