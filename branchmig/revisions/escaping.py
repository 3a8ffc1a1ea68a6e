r"""PURE. Names and messages of a repository as text of another language, which shows them and does nothing else.

Markdown and HTML have functions of their own in render/markdown.py. Values go to a database as bound parameters, and
names through the dialect's own quoting.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb]")
"""What moves the cursor, rings, sets a title, or turns the order of letters round; not tab and line feed."""

_QUOTES = re.compile(r"""\"{3}|'{3}|["']\Z""")


def json_text(content: Mapping[str, Any]) -> str:
    """Return a document as every machine writes it; bytes of a file's name that are no UTF-8 are written out."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, indent=2)
    is_text = text.isascii() or text == text.encode("utf-8", "ignore").decode()
    return text if is_text else json.dumps(content, sort_keys=True, indent=2)


def for_terminal(text: str) -> str:
    r"""Return text whose control characters are written out, as `\x1b` or `\u202e`, which JSON reads as the letter."""
    return _CONTROLS.sub(_written_out, text) if _CONTROLS.search(text) else text


def encodable(text: str, encoding: str | None, errors: str | None) -> str:
    r"""Return text with \uXXXX, which JSON knows too, for letters that a stream's encoding does not have."""
    encoding, errors = encoding or "utf-8", errors or "strict"
    try:
        text.encode(encoding, errors)
    except UnicodeEncodeError:
        return "".join(name if name.encode(encoding, "ignore") else _in_units(name) for name in text)
    return text


def in_python(text: str) -> str:
    """Return text to stand within a docstring, of whichever quotes, which then holds just that text.

    What is no UTF-8, as a name of git may be, is written as an escape.
    """
    safe = text.encode("utf-8", "backslashreplace").decode().replace("\\", "\\\\")
    safe = _CONTROLS.sub(_written_out, safe)
    return _QUOTES.sub(lambda found: "".join(f"\\{quote}" for quote in found.group()), safe)


def in_shell(text: str) -> str:
    """Return text as one word of a POSIX shell's command line."""
    return shlex.quote(text)


def _in_units(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def _written_out(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x20 else f"\\u{code:04x}"
