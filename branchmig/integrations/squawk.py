"""Asks squawk, a linter of PostgreSQL migrations, about SQL: `pip install 'branchmig[lint]'`. Knows no revision file.

It is a program, run as a process of its own, and reads a .squawk.toml of the project. https://squawkhq.com
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sysconfig
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LONGEST = 60
"""Seconds that it may take; it takes a hundredth of one."""

# What it says of every statement, of taste, or of transactions, which are alembic's: the question here is what locks
# and what is lost.
_ASIDE = frozenset(
    {
        "ban-char-field",
        "ban-uncommitted-transaction",
        "transaction-nesting",
        "prefer-bigint-over-int",
        "prefer-bigint-over-smallint",
        "prefer-identity",
    }
    | {"prefer-robust-stmts", "prefer-text-field", "prefer-timestamptz", "require-lock-timeout"}
    | {"require-statement-timeout", "require-timeout-settings", "syntax-error"}
)


@dataclass(frozen=True, slots=True)
class Remark:
    """What squawk says of a statement of a revision: its rule, in its words, and the line of the revision's SQL."""

    rule: str
    message: str
    help: str
    revision: str
    line: int


class CannotAsk(Exception):
    """Squawk is not there, or did not answer; the message says which."""


def remarks_on(texts: Mapping[str, str], folder: Path) -> tuple[Remark, ...]:
    """Return what squawk says of the SQL of some revisions, in the order in which they run. Raises CannotAsk.

    They are looked at together: it then knows which tables are new. `folder` is where its settings are looked for.
    """
    program = shutil.which("squawk", path=sysconfig.get_path("scripts")) or shutil.which("squawk")
    if program is None:
        raise CannotAsk("squawk is not installed: pip install 'branchmig[lint]'")
    starts, sql = _together(texts)
    words = [program, "--reporter", "json", "--assume-in-transaction"]
    try:
        done = subprocess.run(
            words, input=sql.encode("utf-8", "replace"), capture_output=True, cwd=folder, timeout=LONGEST, check=False
        )
        return tuple(_remarks(json.loads(done.stdout), list(texts), starts))
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
        raise CannotAsk(f"{program} gave no answer that is understood: {type(error).__name__}") from error


def _together(texts: Mapping[str, str]) -> tuple[list[int], str]:
    """Return the line at which each text begins, from 0, and all of them."""
    starts: list[int] = []
    lines: list[str] = []
    for text in texts.values():
        starts.append(len(lines))
        lines += text.splitlines()
    return starts, "\n".join([*lines, ""])


def _remarks(answer: list[dict[str, Any]], revisions: list[str], starts: list[int]) -> Iterator[Remark]:
    for entry in answer:
        if entry["rule_name"] in _ASIDE:
            continue
        at = bisect_right(starts, entry["line"]) - 1
        yield Remark(
            entry["rule_name"], entry["message"], entry["help"] or "", revisions[at], entry["line"] - starts[at] + 1
        )
