"""PURE. Waivers: comments in a revision file that allow what a rule reports of it, each with a reason.

`# branchmig: allow CODE[, CODE]: reason`
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from branchmig.model import Problem

FORM = "# branchmig: allow CODE: reason"

EMPTY_DOWNGRADE = "empty-downgrade"
"""Allows a downgrade() that does nothing, as of a revision that only changes rows."""

_ANY_FILE = frozenset({"conflicting-revisions"})

_COMMENT = re.compile(r"#\s*branchmig:\s*allow\b\s*(?P<codes>[^:]*)(?::(?P<reason>.*))?")


@dataclass(frozen=True, slots=True)
class Waiver:
    """One code that a file allows, why, and the line that says so. Without a reason it allows nothing."""

    code: str
    reason: str
    line: int


@dataclass(frozen=True, slots=True)
class Waived:
    """A problem that a file allows, and the reason that it gives."""

    problem: Problem
    reason: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The codes that were looked for, those of them that a waiver silences, and every other code that has waivers."""

    asked: frozenset[str]
    waivable: frozenset[str]
    others: frozenset[str] = frozenset()


def waivers_in(source: bytes) -> tuple[Waiver, ...]:
    """Return the waivers of a file, in the order of their lines; comments alone count, not strings."""
    if b"branchmig:" not in source:
        return ()
    found = []
    for line, comment in _comments(source):
        matched = _COMMENT.search(comment)
        if matched:
            codes = [code.strip() for code in matched["codes"].split(",")]
            reason = (matched["reason"] or "").strip()
            found += [Waiver(code, reason, line) for code in codes if code or len(codes) == 1]
    return tuple(found)


def reason_for(source: bytes, code: str) -> str | None:
    """Return why a file allows `code`; None if it does not, or gives no reason."""
    return next((waiver.reason for waiver in waivers_in(source) if waiver.code == code and waiver.reason), None)


def apply_waivers(
    problems: Sequence[Problem], texts: Mapping[str, bytes], rules: Rules, changed: Collection[str]
) -> tuple[tuple[Problem, ...], tuple[Waived, ...]]:
    """Return the problems that stay, and those that files allow; `texts` are the files by path.

    A problem of several revisions, such as several heads, is allowed if all of them but one allow it; a conflict if
    one of the two does, or the merge revision that joins them.
    Waivers without a reason, for unknown codes, and, in the `changed` files, for what does not occur are problems.
    """
    waivers = {path: waivers_in(text) for path, text in texts.items()}
    stay: list[Problem] = []
    waived: list[Waived] = []
    used: set[tuple[str, str]] = set()
    for problem in problems:
        reasons = _reasons(problem, waivers) if problem.code in rules.waivable else {}
        used.update((path, problem.code) for path in reasons)
        needed = 1 if problem.code in _ANY_FILE else len(problem.paths) - 1
        if reasons and len(reasons) >= needed:
            waived.append(Waived(problem, "; ".join(dict.fromkeys(reasons.values()))))
        else:
            stay.append(problem)
    concerned = {path for problem in problems for path in problem.paths}
    for path, allowed in sorted(waivers.items()):
        if path in concerned or path in changed:
            stay += _faults(path, allowed, rules, {code for at, code in used if at == path}, is_own=path in changed)
    return tuple(stay), tuple(waived)


def _reasons(problem: Problem, waivers: Mapping[str, Sequence[Waiver]]) -> dict[str, str]:
    return {
        path: waiver.reason
        for path in problem.paths
        for waiver in reversed(waivers.get(path, ()))
        if waiver.code == problem.code and waiver.reason
    }


def _faults(
    path: str, waivers: Iterable[Waiver], rules: Rules, used: Collection[str], *, is_own: bool
) -> Iterator[Problem]:
    for waiver in waivers:
        place = f"{path}:{waiver.line}"
        if not waiver.reason:
            what = f"{place}: the waiver for {waiver.code or 'no code'} gives no reason, so it allows nothing"
            yield Problem("waiver-without-reason", what, f"write {FORM}", paths=(path,))
        elif not is_own or waiver.code in used:
            continue
        elif waiver.code in rules.others or (waiver.code in rules.waivable and waiver.code not in rules.asked):
            continue  # another command looks for that
        else:
            yield Problem("unused-waiver", f"{place}: {_unused(waiver, rules)}", "remove the comment", paths=(path,))


def _unused(waiver: Waiver, rules: Rules) -> str:
    if waiver.code in rules.waivable:
        return f"the waiver allows {waiver.code}, which does not occur in this revision"
    if waiver.code in rules.asked:
        return f"the waiver allows {waiver.code}, which nothing can allow"
    near = get_close_matches(waiver.code, rules.waivable | rules.others, 1)
    return f"the waiver allows {waiver.code!r}, which is no code" + (f"; did you mean {near[0]!r}?" if near else "")


def _comments(source: bytes) -> Iterator[tuple[int, str]]:
    """Yield line and text of each comment; of a file that is not Python, of the lines that begin as one."""
    lines = source.splitlines(keepends=True)
    try:
        tokens = tokenize.tokenize(iter(lines).__next__)
        found = [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]
    except (tokenize.TokenError, SyntaxError, ValueError):
        text = source.decode("utf-8", "replace").splitlines()
        found = [(number, line) for number, line in enumerate(text, 1) if line.lstrip().startswith("#")]
    yield from found
