"""The hints that hooks have printed in a work tree, noted in its own git folder: each is given once."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from branchmig.git.repository import Repository

MOST_WORDS = 1_000


def unsaid(repository: Repository, words: Iterable[str]) -> list[str]:
    """Return the words, without white space in them, that are said for the first time, and note them."""
    path = repository.git_dir / "branchmig" / "said"
    known: list[str] = []
    with suppress(OSError):
        known = path.read_text("utf-8", "surrogateescape").split()
    new = [word for word in words if word not in known]
    if new:
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_text("\n".join([*known, *new][-MOST_WORDS:]), "utf-8", "surrogateescape")
    return new
