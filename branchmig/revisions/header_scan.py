"""PURE. The header of a revision file that has the shape of alembic's template, by one regular expression."""

from __future__ import annotations

import re
import unicodedata

_Ids = tuple[str, ...]

_BLANK = r"[ \t]*+(?:\#[^\n]*+)?\n"
_END = r"[ \t]*+(?:\#[^\n]*+)?(?:\n|\Z)"
_STRING = r"""(?:'[^'\\\n]*+'|"[^"\\\n]*+")"""
_ITEMS = rf"[ \t\n]*+(?>(?:{_STRING}[ \t\n]*+(?:,[ \t\n]*+|(?=[\])])))*)"
_IDS = rf"({_STRING}|None|\({_ITEMS}\)|\[{_ITEMS}\])"
_IS = r"(?:[ \t]*+:[ \t]*+\w[\w.\[\], \t|]*+)?[ \t]*+=[ \t]*+"
_AS = r"(?>(?:[ \t]++as[ \t]++\w++)?)[ \t]*+"
_NAMES = rf"(?:\*|\w++{_AS}(?>(?:,[ \t]*+\w++{_AS})*))"
_MODULES = rf"[\w.]++{_AS}(?>(?:,[ \t]*+[\w.]++{_AS})*)"
_IMPORT = rf"(?:from[ \t]++[\w.]++[ \t]++import[ \t]++{_NAMES}|import[ \t]++{_MODULES}){_END}"
_HEADER = re.compile(
    rf"""
    \ufeff?
    (?>(?:\#[ \t]*+(?:-\*-[ \t]*+)?(?:en)?coding[:=][ \t]*+[uU][tT][fF]-8[ \t]*+(?:-\*-[ \t]*+)?\n)?)
    (?P<comments>(?>(?:{_BLANK})*))
    (?>(?:(?:\"\"\"([^"\\]*+(?>(?:"(?!"")[^"\\]*+)*))\"\"\"|'''([^'\\]*+(?>(?:'(?!'')[^'\\]*+)*))'''){_END})?)
    (?P<imports>(?>(?:(?>(?:{_BLANK})*){_IMPORT})*))
    (?>(?:{_BLANK})*)revision{_IS}({_STRING}){_END}
    (?>(?:{_BLANK})*)down_revision{_IS}{_IDS}{_END}
    (?>(?:(?>(?:{_BLANK})*)branch_labels{_IS}{_IDS}{_END})?)
    (?>(?:(?>(?:{_BLANK})*)depends_on{_IS}{_IDS}{_END})?)
    """,
    re.VERBOSE | re.ASCII,
)
_FIELD_WORDS = ("revision", "branch_labels", "depends_on")  # "down_revision" holds the first
_STRING_OR_COMMENT = re.compile(
    r"""
    \#[^\n]*+
    |\"\"\"(?>(?:[^"\\]++|\\.|"(?!""))*)\"\"\"|"(?>(?:[^"\\\n]++|\\.)*)"
    |\'\'\'(?>(?:[^'\\]++|\\.|'(?!''))*)\'\'\'|'(?>(?:[^'\\\n]++|\\.)*)'
    """,
    re.VERBOSE | re.DOTALL,
)
# An f-string may bind names and, since Python 3.12, hold its own kind of quotes: only ast knows its end.
_F_STRING = re.compile(r"""[fFtT][rR]?["']""")
_IN_QUOTES = re.compile(_STRING)


def scan_header(source: bytes) -> tuple[str, _Ids, _Ids, _Ids, str] | None:
    """Return id, parents, dependencies, labels and docstring of a file that looks as alembic's templates do.

    None means "don't know", never "there is none": the caller then asks `ast`. An answer is what `ast` would
    say of every source that compiles.
    """
    try:
        text = source.decode()
    except UnicodeDecodeError:
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    header = _HEADER.match(text)
    # A comment among the first lines may declare another encoding (PEP 263).
    if header is None or "\0" in text or "coding" in header["comments"]:
        return None
    if _mentions_a_field(header["imports"]) or _may_bind_a_field(text[header.end() :]):
        return None
    _, double, single, _, revision, parents, labels, depends_on = header.groups()
    docstring = (double or single or "").strip()
    return revision[1:-1], _ids_in(parents), _ids_in(depends_on), _ids_in(labels), docstring


def _mentions_a_field(text: str) -> bool:
    return any(word in text for word in _FIELD_WORDS)


def _may_bind_a_field(code: str) -> bool:
    # Python reads identifiers after NFKC: "revision" in full-width letters is the same name.
    plain = code if code.isascii() else unicodedata.normalize("NFKC", code)
    if not _mentions_a_field(plain):
        return False
    bare = _STRING_OR_COMMENT.sub('""', code)
    return plain != code or _mentions_a_field(bare) or _F_STRING.search(bare) is not None


def _ids_in(written: str | None) -> _Ids:
    if written is None or written == "None":
        return ()
    if written[0] in "'\"":
        return (written[1:-1],)
    return tuple(quoted[1:-1] for quoted in _IN_QUOTES.findall(written))
