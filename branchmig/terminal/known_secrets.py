"""The passwords that this process knows, of the settings and the environment, out of every text that it shows."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

_ENDS = ("PASSWORD", "PASSWD", "PASSPHRASE", "MYSQL_PWD")
_WORD = re.compile("[a-z]{5,}")
_settings: list[Callable[[], Iterable[str]]] = []


def keep_secret(texts: Callable[[], Iterable[str]]) -> None:
    """Keep the passwords of some texts out of every error; `texts` is only asked for them when there is one."""
    _settings[:] = [texts]


def without_secrets(text: str, more: Iterable[str] = ()) -> str:
    """Return a text with its passwords masked, and those of settings and environment wherever they stand.

    `more` are passwords that this process knows besides. One that is a word of branchmig's own messages is only masked
    where it stands as a password.
    """
    from branchmig.masking import masked, secrets_in  # `--help` loads nothing that it does not need

    known = {*more} | {secret for source in _settings for setting in source() for secret in secrets_in(setting)}
    for name, value in os.environ.items():
        if "://" in value:
            known |= secrets_in(value)
        elif name.upper().endswith(_ENDS):
            known.add(value)
    words = own_words() if any(_WORD.fullmatch(secret.lower()) for secret in known) else frozenset()
    return masked(text, known, words)


@cache
def own_words() -> frozenset[str]:
    """Return the words of branchmig's own texts, in lower case: those of its source."""
    texts = (path.read_text("utf-8").lower() for path in Path(__file__).parents[1].rglob("*.py"))
    return frozenset(word for text in texts for word in _WORD.findall(text))
