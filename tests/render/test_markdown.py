"""Text of a repository in Markdown: it is shown, and does nothing."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt  # rich brings it along

from branchmig.render.markdown import code, escaped, fenced, html_code, one_line, path_code, table

ZERO_WIDTH = "\u200b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("add users.email, and an index (2 of 3)", "add users.email, and an index (2 of 3)"),
        ("snake_case stays, _this_ not, nor __x__", "snake_case stays, &#95;this&#95; not, nor &#95;&#95;x&#95;&#95;"),
        ("a | b", "a &#124; b"),
        ("`code` and ```", "&#96;code&#96; and &#96;&#96;&#96;"),
        ("<script>alert(1)</script>", "&#60;script&#62;alert(1)&#60;/script&#62;"),
        ("&lt;b&gt;", f"&#38;{ZERO_WIDTH}lt;b&#38;{ZERO_WIDTH}gt;"),
        ("**bold** [link](javascript:x)", "&#42;&#42;bold&#42;&#42; &#91;link&#93;(javascript:x)"),
        ("![i](y)", "&#33;&#91;i&#93;(y)"),
        ("back\\slash", "back&#92;slash"),
        ("thanks @octocat, @org/team", f"thanks &#64;{ZERO_WIDTH}octocat, &#64;{ZERO_WIDTH}org/team"),
        ("mail a@b.example", f"mail a&#64;{ZERO_WIDTH}b.example"),
        ("fixes #123, own/er#4, GH-5", f"fixes &#35;{ZERO_WIDTH}123, own/er&#35;{ZERO_WIDTH}4, GH{ZERO_WIDTH}-5"),
        ("https://evil.example, www.evil.example", f"https:{ZERO_WIDTH}//evil.example, www{ZERO_WIDTH}.evil.example"),
        ("one\ntwo\r\n\n# three", "one two &#35; three"),
        ("- a list", "&#45; a list"),
        ("1. a list", "&#49;. a list"),
        ("12) a list", "&#49;&#50;) a list"),
        ("# a heading", "&#35; a heading"),
        ("=== under", "&#61;== under"),
        ("> a quote", "&#62; a quote"),
        ("$x^2$ and ~~no~~", f"&#36;{ZERO_WIDTH}x&#94;2&#36; and &#126;&#126;{ZERO_WIDTH}no&#126;&#126;"),
        ("turned \u202e round, hidden \u200b, bell \x07", "turned &#65533; round, hidden &#65533;, bell &#65533;"),
        ("größer 数据", "größer 数据"),
        ("", ""),
    ],
)  # fmt: skip
def test_text_is_shown_as_it_is_and_does_nothing(text: str, expected: str) -> None:
    assert escaped(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ae10fc", "`ae10fc`"),
        ("git merge origin/main && branchmig merge @x #1", "`git merge origin/main && branchmig merge @x #1`"),
        ("a`b", "<code>a&#96;b</code>"),
        ("a|b", "<code>a&#124;b</code>"),
        ("<b>", "<code>&#60;b&#62;</code>"),
        (" spaced ", "`spaced`"),
        ("a\nb", "`a b`"),
        ("größe", "<code>größe</code>"),
    ],
)
def test_code(text: str, expected: str) -> None:
    assert code(text) == expected


def test_code_within_html_holds_no_backticks_to_be_read() -> None:
    assert html_code("a_b <x> `y`") == "<code>a_b &#60;x&#62; &#96;y&#96;</code>"


def test_a_fence_is_longer_than_any_in_the_text() -> None:
    assert list(fenced("sql", "SELECT '\n````\n</details> @x\x1b[2J'")) == [
        "`````sql",
        "SELECT '",
        "````",
        "</details> @x\ufffd[2J'",
        "`````",
    ]


def test_a_table() -> None:
    assert list(table(("a", "b"), [("1", "2"), ("3", "4")])) == ["| a | b |", "| --- | --- |", "| 1 | 2 |", "| 3 | 4 |"]


ANYTHING = st.text(st.sampled_from("ab1 |`<>&*_[]()!#@:/.-+=~$\\\n\t\"'\u202e\u200bé")) | st.text()


def rendered(markdown: str) -> str:
    """What a reader gets: CommonMark with HTML let through, and tables."""
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))


@given(ANYTHING)
def test_a_reader_sees_the_text_and_no_element_of_it(text: str) -> None:
    shown = rendered(f"- x\n- {escaped(text)}\n").replace(ZERO_WIDTH, "")
    item = f"<li>{html.escape(one_line(text), quote=False)}</li>" if one_line(text) else "<li></li>"
    assert html.unescape(shown) == html.unescape(f"<ul>\n<li>x</li>\n{item}\n</ul>\n")
    assert shown.count("<") == 6


@given(ANYTHING)
def test_a_cell_of_a_table_keeps_the_text_within(text: str) -> None:
    lines = table(("a", "b"), [(escaped(text), code(text))])
    shown = rendered("\n".join(lines)).replace(ZERO_WIDTH, "")
    cells = [html.unescape(line[4:-5]) for line in shown.splitlines() if line.startswith("<td>")]
    assert cells == [one_line(text), f"<code>{one_line(text)}</code>"]


@given(ANYTHING)
def test_a_block_of_code_ends_where_the_text_does(text: str) -> None:
    shown = rendered("\n".join(["before", "", *fenced("sql", text), "", "after"]))
    assert shown.startswith('<p>before</p>\n<pre><code class="language-sql">')
    assert shown.endswith("</code></pre>\n<p>after</p>\n")
    assert shown.count("<") == 8


def test_a_path_may_break_after_each_part_and_is_copied_whole() -> None:
    path = "db/migrations/versions/a48d7730e5bc_create_wish-lists<b>.py"
    made = path_code(path)
    plain = html.unescape(made.replace("<wbr>", "").removeprefix("<code>").removesuffix("</code>"))
    assert plain == path
    assert max(len(html.unescape(part)) for part in made.split("<wbr>")) <= len("a48d7730e5bc_") + len("<code>")
