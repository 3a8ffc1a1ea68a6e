"""PURE. The text of an SQL file to its statements; quotes, comments and PostgreSQL's dollar quotes are respected."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""
      '(?:[^'\\]|''|\\.)*'            # a string; MySQL escapes quotes with backslashes
    | "(?:[^"]|"")*" | `[^`]*`        # a quoted name
    | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ # PostgreSQL: $$ a function's body $$
    | --[^\n]* | /\*.*?\*/            # a comment
    | ;
    | .
    """,
    re.DOTALL | re.VERBOSE,
)


def split_statements(text: str) -> tuple[str, ...]:
    """Return the statements of a file, without their semicolons; one of comments alone is none.

    A body with bare semicolons (CREATE TRIGGER … BEGIN …; END) is split inside: write such seeds as single calls.
    """
    statements: list[str] = []
    words: list[str] = []
    has_code = False
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word == ";":
            if has_code:
                statements.append("".join(words).strip())
            words, has_code = [], False
            continue
        words.append(word)
        has_code = has_code or not (word.isspace() or word.startswith(("--", "/*")))
    return (*statements, "".join(words).strip()) if has_code else tuple(statements)
