"""PURE. Passwords out of texts: those of URLs, of connection strings and of SQL, however they are written.

A text may be anything: a driver's message, a traceback, a log line. What is masked is too much rather than too little,
but a text without a secret stays as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

MASK = "***"

SHORTEST = 5
"""Characters. A shorter password is only masked where it stands as one: "a" is in every text."""

NO_SECRETS = frozenset(
    {"mariadb", "mysql", "oracle", "password", "passwd", "postgres", "postgresql", "secret", "sqlite"}
)
"""What everybody tries first, and every message about a database says."""

# user:password@host: the password ends at the last @ before the next space or quote, since it may hold one itself.
# Bounded, so that a long text without one takes no more than its length in time.
_IN_URL = re.compile(r"""(?P<before>://[^\s:/?#@"'<>]{0,256}+:)(?P<secret>[^\s"'<>]{1,4096})(?=@)""")
# A password in the place of the port, or after a user and no host: what stands there and is no number.
_NO_PORT = re.compile(
    r"""(?P<before>://(?:[^\s/?#@"'<>]{0,256}@)?[^\s:/?#@"'<>\[\]]{0,256}:)"""
    r"""(?P<secret>(?!\d{1,5}(?:\W|$))(?!\*\*\*@)[^\s"'<>]{1,4096})"""
)
# Without quotes a value ends at what separates values: & ; , a space, a quote, a bracket.
_NAME = r"(?:passwo?r?d|passphrase|passwd|pwd|pass|secret|api_?key|access_?key)(?:_?[0-9])?"
_BY_NAME = re.compile(
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
# SQL: what may stand between two words; a string of any dialect, which a driver's message may have cut off; a name.
_GAP = r"(?:\s|/\*(?:[^*]|\*(?!/)){0,100}+\*/|--[^\n]{0,100}+\n)"
_STRING = r"""(?P<string>
    (?:(?:[enbxu]&?|_\w{1,32}\s?)?'(?:[^'\\]|\\.|'')*+\\?(?:'|\Z)
    |"(?:[^"\\]|\\.|"")*+\\?(?:"|\Z)
    |\$(?P<tag>\w{0,64})\$.*?(?:\$(?P=tag)\$|\Z)
    |0x[0-9a-f]+))"""
_PLUGIN = r"""(?:\w+|'[^']*'|"[^"]*"|`[^`]*`)"""
_IN_SQL = re.compile(
    rf"""(?P<before>\b(?:
        IDENTIFIED{_GAP}+BY{_GAP}+(?:(?:PASSWORD|VALUES){_GAP}+)?
        |(?:WITH|VIA|OR){_GAP}+{_PLUGIN}{_GAP}+(?:BY|AS|USING){_GAP}+(?:PASSWORD{_GAP}*)?
        |PASSWORD{_GAP}+FOR{_GAP}+[^=;]{{1,100}}?{_GAP}*(?:=|\bTO){_GAP}*(?:PASSWORD{_GAP}*)?
        |\w*(?:PASSWORD|PASSWD|PASSPHRASE|SECRET)["`]?{_GAP}+
        |(?:PASSWORD|CRYPT|OLD_PASSWORD){_GAP}*(?=\()
        |(?:OLD_)?PASSWORD{_GAP}*={_GAP}*(?=[enbxu_$0])
    )\(?{_GAP}*){_STRING}""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
# MySQL's ALTER USER names the old password, too; Oracle needs no quotes.
_REPLACED = re.compile(rf"(?P<before>{re.escape(MASK)}['\"]?{_GAP}+REPLACE{_GAP}+){_STRING}", _IN_SQL.flags)
_UNQUOTED = re.compile(
    r"(?P<before>\b(?:CREATE|ALTER)\s+(?:USER|ROLE)\b[^;]{0,500}?\bIDENTIFIED\s+BY\s+)"
    r"(?!(?:VALUES|PASSWORD|RANDOM)\b)(?P<string>[\w#$]+)",
    re.IGNORECASE,
)
_SPLITS_URL = re.compile(r"[/:?#@\[\]]")


def masked(text: str, secrets: Iterable[str] = (), words: Collection[str] = ()) -> str:
    """Return a text with *** for each password that it shows, and for each of `secrets`, wherever it stands.

    One of `secrets` that is one of the `words`, in lower case, is only masked where it stands as a password.
    """
    for secret in sorted(_spellings(secrets, words), key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _NO_PORT.sub(rf"\g<before>{MASK}", _IN_URL.sub(rf"\g<before>{MASK}", text))
    for pattern in (_IN_SQL, _REPLACED, _UNQUOTED):
        text = pattern.sub(rf"\g<before>'{MASK}'", text)
    return _BY_NAME.sub(lambda found: f"{found['before']}{MASK}", text)


def secrets_in(text: str) -> frozenset[str]:
    """Return the passwords that a text states, as in a setting or in a variable of the environment."""
    found = {match["secret"] for match in _IN_URL.finditer(text)}
    found |= {match["secret"] for match in _NO_PORT.finditer(_IN_URL.sub(rf"\g<before>{MASK}", text))}
    for match in _BY_NAME.finditer(text):
        found.add(next(value for value in match.groups()[1:] if value is not None))
    plain = unquote_plus(text)
    if plain != text:
        found |= secrets_in(plain)  # a connection string within a URL: ?odbc_connect=DRIVER%3D…%3BPWD%3D…
    return frozenset(secret for secret in found if MASK not in secret)


def _spellings(secrets: Iterable[str], words: Collection[str]) -> set[str]:
    """Return secrets as they are, as a URL and a config file have them, and the pieces that a wrong parse leaves."""
    found: set[str] = set()
    for written in secrets:
        secret = written.replace("%%", "%")  # as configparser has it
        for plain in (written, secret, unquote(secret), unquote_plus(secret), *_SPLITS_URL.split(secret)):
            found |= {plain, quote(plain), quote(plain, safe=""), quote_plus(plain), repr(plain)[1:-1]}
    found |= {secret.replace("%", "%%") for secret in found}
    return {
        secret
        for secret in found
        if len(secret) >= SHORTEST and secret.lower() not in NO_SECRETS and secret.lower() not in words
    }
