"""PURE. The text of an SQL file to its statements; quotes, comments and PostgreSQL's dollar quotes are respected."""

from __future__ import annotations

import re

_TOKENS = r"""
      STRING
    | "(?:[^"]|"")*" | `[^`]*`        # a quoted name
    | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ # PostgreSQL: $$ a function's body $$
    | --[^\n]* | /\*.*?\*/            # a comment
    | ;
    | .
    """


def split_statements(text: str, *, has_backslash_escapes: bool = False) -> tuple[str, ...]:
    """Return the statements of a file, without their semicolons; one of comments alone is none.

    `has_backslash_escapes`: MySQL's strings, where a backslash and a quote are a quote. A body with
    bare semicolons (CREATE TRIGGER … BEGIN …; END) is split inside: a seed cannot have one.
    """
    string = r"'(?:[^'\\]|''|\\.)*'" if has_backslash_escapes else r"'(?:[^']|'')*'"
    tokens = re.compile(_TOKENS.replace("STRING", string), re.DOTALL | re.VERBOSE)
    statements: list[str] = []
    words: list[str] = []
    has_code = False
    for token in tokens.finditer(text):
        word = token.group()
        if word == ";":
            if has_code:
                statements.append("".join(words).strip())
            words, has_code = [], False
            continue
        words.append(word)
        has_code = has_code or not (word.isspace() or word.startswith(("--", "/*")))
    return (*statements, "".join(words).strip()) if has_code else tuple(statements)
