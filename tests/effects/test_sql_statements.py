from __future__ import annotations

import pytest

from branchmig.effects.sql_statements import split_statements


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", ()),
        ("-- nothing; here\n/* nor; here */;", ()),
        ("a; b", ("a", "b")),
        ("a;\n\nb;\n", ("a", "b")),
        ("insert 'x; it''s'; b", ("insert 'x; it''s'", "b")),
        ('update "a;b"; c', ('update "a;b"', "c")),
        ("update `a;b`; c", ("update `a;b`", "c")),
        ("do $$ begin; end $$; b", ("do $$ begin; end $$", "b")),
        ("do $x$ $$;$$ $x$; b", ("do $x$ $$;$$ $x$", "b")),
        ("a -- one; two\n; b", ("a -- one; two", "b")),
        ("insert 'c:\\'; b", ("insert 'c:\\'", "b")),
    ],
)
def test_statements_end_at_semicolons_outside_of_quotes_and_comments(text: str, statements: tuple[str, ...]) -> None:
    assert split_statements(text) == statements


def test_in_mysql_a_backslash_keeps_a_string_open() -> None:
    assert split_statements("insert 'it\\'s; one'; b", has_backslash_escapes=True) == ("insert 'it\\'s; one'", "b")
