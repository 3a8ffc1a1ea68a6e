"""PURE. Passwords out of texts: those of URLs, of connection strings and of SQL, however they are written.

A text may be anything: a driver's message, a traceback, a log line. What is masked is too much rather than too little,
but a text without a secret stays as it is.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

MASK = "***"

SHORTEST = 5
"""Characters. A shorter password is only masked where it stands as one: "a" is in every text."""

NO_SECRETS = frozenset(
    {"mariadb", "mysql", "oracle", "password", "passwd", "postgres", "postgresql", "secret", "sqlite"}
)
"""What everybody tries first, and every message about a database says."""

_SIGNS = (
    *("://", "pass", "pw", "secret", "crypt", "token", "apikey", "api_key", "accesskey", "access_key", "identified"),
    *("pragma", "attach", "set_config", "sp_addlogin", MASK),
)
"""A text with none of these, nor one of the words below, shows no password: the patterns take 20 ms to compile."""


class _Pattern:
    """A regular expression that is compiled when it is first needed."""

    def __init__(self, text: str, flags: int = 0) -> None:
        self._text, self._flags = text, flags

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self._text, self._flags)


# user:password@host: the password ends at the last @ before the next space or quote, since it may hold one itself.
_USER = _Pattern(r"""://[^\s:/?#@"'<>]{0,256}+:""")
_AFTER_URL = _Pattern(r"""[\s"'<>]|\Z""")
# A password in the place of the port, or after a user and no host: what stands there and is no number.
_NO_PORT = _Pattern(
    r"""(?P<before>://(?:[^\s/?#@"'<>]{0,256}@)?[^\s:/?#@"'<>\[\]]{0,256}:)"""
    r"""(?P<secret>(?!\d{1,5}(?:\W|$))(?!\*\*\*@)[^\s"'<>]{1,4096})"""
)
# Without quotes a value ends at what separates values: & ; , a space, a quote, a bracket.
_NAME = (
    r"(?:passwo?r?d|passphrase|passwd|pwd|(?<!com)(?<!by)pass|(?<![a-z])pw|secret"
    r"|(?:api|access|secret)_?key|(?:auth|access|session)_?token)(?:_?[0-9])?"
)
_BY_NAME = _Pattern(
    rf"""
    (?P<before>{_NAME}["']?(?:\s*(?:=|:)\s*|%3[dD]))
    (?!(?:YES|NO)\))  # MySQL says whether one was used
    (?:
        \{{(?P<braced>(?:[^}}]|\}}\}})*)\}}
        |"(?P<double>(?:[^"\\]|\\.)*)"
        |''(?P<doubled>[^']+)''  # within a string of SQL
        |'(?P<single>(?:[^'\\]|\\.|'')*)'
        |(?P<plain>(?:(?!%3[bB]|%26)[^\s&;,"'(){{}}\[\]<>])+)
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SQL = re.VERBOSE | re.IGNORECASE | re.DOTALL
# SQL: what may stand between two words; a string of any dialect, which a driver's message may have cut off; a name.
_COMMENT = r"/\*(?:[^*]|\*(?!/)){0,100}+\*/|--[^\n]{0,100}+\n"
_SPACE, _GAP = (rf"(?:\s|{_COMMENT}){many}+" for many in "*+")  # possessive: many spaces take no more than their time
_STRING = r"""(?P<string>
    (?:''(?=[^\s,;)'])[^']++''  # within another string
    |(?:[enbxu]&?|_\w{1,32}\s?)?'(?:[^'\\]|\\.|'')*+\\?(?:'|\Z)
    |"(?:[^"\\]|\\.|"")*+\\?(?:"|\Z)
    |\$(?P<tag>\w{0,64})\$.*?(?:\$(?P=tag)\$|\Z)
    |0x[0-9a-f]+))"""
_PLUGIN = r"""(?:\w+|'[^']*'|"[^"]*"|`[^`]*`)"""
_IN_SQL = _Pattern(
    rf"""(?P<before>\b(?:
        IDENTIFIED{_GAP}BY\b(?:{_GAP}(?:PASSWORD|VALUES)\b)?
        |(?:WITH|VIA|OR){_GAP}{_PLUGIN}{_GAP}(?:BY|AS|USING)\b(?:{_GAP}(?:PASSWORD\b|KEY\b))?
        |PASSWORD{_GAP}FOR{_GAP}[^=;]{{1,100}}?(?:=|\bTO\b){_SPACE}(?:PASSWORD\b)?
        |(?:\w*(?:PASSWORD|PASSWD|PASSPHRASE|SECRET)["`]?|ATTACH\b[^;]{{1,300}}?\bKEY){_GAP}
        |(?:PASSWORD|CRYPT|OLD_PASSWORD){_SPACE}(?=\()
        |(?:OLD_)?PASSWORD{_SPACE}={_SPACE}(?=[enbxu_$0])
        |PRAGMA{_GAP}(?:\w+\.)?(?:hex)?(?:re)?key{_SPACE}=
        |(?:CREATE|ALTER){_GAP}(?:USER|ROLE|LOGIN)\b[^;]{{1,300}}?\bPASSWORD(?=')
    ){_SPACE}\(?{_SPACE}){_STRING}""",
    _SQL,
)
# MySQL's ALTER USER names the old password, too; Oracle needs no quotes.
_REPLACED = _Pattern(rf"(?P<before>{re.escape(MASK)}['\"]?{_GAP}REPLACE{_GAP}){_STRING}", _SQL)
_UNQUOTED = _Pattern(
    r"(?P<before>\b(?:(?:CREATE|ALTER)\s+(?:USER|ROLE)|CONNECT\s+TO|GRANT)\b[^;]{0,500}?\bIDENTIFIED\s+BY\s+)"
    r"(?!(?:VALUES|PASSWORD|RANDOM)\b)(?P<string>[\w#$]+)",
    re.IGNORECASE,
)
# What is filled into a statement, or given to a function that takes a password: every string is one.
_FILLED_IN = _Pattern(
    r"""\b(?:PASSWORD\s+'{0,2}%(?:\d\$)?[LS]'{0,3}|(?:PGP_SYM_|AES_)(?:EN|DE)CRYPT(?:_\w+)?\s*\(|SP_(?:ADDLOGIN|PASSWORD)\b
    |SET_CONFIG\s*\(\s*'[^']{0,100}(?:PASS|SECRET|KEY)[^']{0,100}')(?P<rest>(?:[^;)']|'[^']*+')*+)""",
    re.VERBOSE | re.IGNORECASE,
)
_BEFORE_PLUGIN = _Pattern(r"\b(?:with|via|or)\b")
_EACH_STRING = _Pattern(r"""'[^']*+'|"[^"]*+\"""")
_SPLITS_URL = _Pattern(r"[/:?#@\[\]]")


def masked(text: str, secrets: Iterable[str] = (), words: Collection[str] = ()) -> str:
    """Return a text with *** for each password that it shows, and for each of `secrets`, wherever it stands.

    One of `secrets` that is one of the `words`, in lower case, is only masked where it stands as a password.
    """
    for secret in sorted(_spellings(secrets, words), key=len, reverse=True):
        text = text.replace(secret, MASK)
    if not _may_show_one(text):
        return text
    text = _NO_PORT.compiled.sub(rf"\g<before>{MASK}", _without(text, _in_urls(text)))
    for pattern in (_IN_SQL, _REPLACED, _UNQUOTED):
        text = pattern.compiled.sub(_masked_string, text)
    text = _FILLED_IN.compiled.sub(_without_strings, text)
    return _BY_NAME.compiled.sub(lambda found: f"{found['before']}{MASK}", text)


def _may_show_one(text: str) -> bool:
    low = text.casefold()  # the patterns know letters that are others in capitals, too
    return any(sign in low for sign in _SIGNS) or _BEFORE_PLUGIN.compiled.search(low) is not None


def secrets_in(text: str) -> frozenset[str]:
    """Return the passwords that a text states, as in a setting or in a variable of the environment."""
    in_urls = list(_in_urls(text))
    found = {text[start:end] for start, end in in_urls}
    found |= {match["secret"] for match in _NO_PORT.compiled.finditer(_without(text, in_urls))}
    for match in _BY_NAME.compiled.finditer(text):
        found.add(next(value for value in match.groups()[1:] if value is not None))
    plain = unquote_plus(text)
    if plain != text:
        found |= secrets_in(plain)  # a connection string within a URL: ?odbc_connect=DRIVER%3D…%3BPWD%3D…
    return frozenset(secret for secret in found if MASK not in secret)


def _in_urls(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the password of each URL begins and ends, in a time that grows with the text and no faster."""
    end = 0
    for before in _USER.compiled.finditer(text):
        if before.start() < end:
            continue
        after = _AFTER_URL.compiled.search(text, before.end())
        end = after.start() if after else len(text)
        at = text.rfind("@", before.end() + 1, end)
        if at >= 0:
            yield before.end(), at


def _without(text: str, places: Iterable[tuple[int, int]]) -> str:
    pieces, done = [], 0
    for start, end in places:
        pieces += [text[done:start], MASK]
        done = end
    return "".join([*pieces, text[done:]])


def _masked_string(found: re.Match[str]) -> str:
    quotes = "''" if found["string"][:2] == "''" != found["string"] else "'"
    return f"{found['before']}{quotes}{MASK}{quotes}"


def _without_strings(found: re.Match[str]) -> str:
    call = found.group()[: found.start("rest") - found.start()]
    return call + _EACH_STRING.compiled.sub(f"'{MASK}'", found["rest"])


def _spellings(secrets: Iterable[str], words: Collection[str]) -> set[str]:
    """Return secrets as they are, as a URL and a config file have them, and the pieces that a wrong parse leaves."""
    found: set[str] = set()
    for written in secrets:
        secret = written.replace("%%", "%")  # as configparser has it
        for plain in (written, secret, unquote(secret), unquote_plus(secret), *_SPLITS_URL.compiled.split(secret)):
            found |= {plain, quote(plain), quote(plain, safe=""), quote_plus(plain), repr(plain)[1:-1]}
    found |= {secret.replace("%", "%%") for secret in found}
    return {
        secret
        for secret in found
        if len(secret) >= SHORTEST and secret.lower() not in NO_SECRETS and secret.lower() not in words
    }
