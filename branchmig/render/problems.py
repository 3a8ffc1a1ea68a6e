"""Problems as text, JSON, GitHub workflow annotations, or JUnit XML (through junitparser)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from branchmig.errors import ConfigurationError
from branchmig.model import Problem, ShownPath, Unchecked
from branchmig.revisions.escaping import json_text

if TYPE_CHECKING:
    from branchmig.revisions.waivers import Waived
    from branchmig.workflows.checks import Verdict
    from branchmig.workflows.hazards import Weighed


_NO_XML = "[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"

FORMATS = ("text", "json", "github", "junit")


def problems_as(format_: str, verdict: Verdict, shown_path: ShownPath, weighed: Weighed | None) -> Iterator[str]:
    """Return the lines of an answer in one of FORMATS. Raises ConfigurationError for junit without its library.

    `weighed` are the hazards, where they were asked for: those that are no errors stand beside the problems.
    """
    if format_ == "json":
        yield _json(verdict, shown_path, weighed)
        return
    writers = {"text": _text, "github": _github, "junit": _junit}
    yield from writers[format_](verdict, shown_path)
    if weighed is None or format_ == "junit":
        return
    for hazard in weighed.warnings:
        problem = weighed.problem(hazard)
        if format_ == "github":
            yield from _annotations("warning", hazard.code, problem, problem.hint, shown_path)
        else:
            yield f"warning: {hazard.code} ({hazard.rule.effect}): {relative(problem.message, problem, shown_path)}"
            yield from (f"    {'safer: ' if not at else ''}{line}" for at, line in enumerate(problem.hint.splitlines()))


def waived_document(waived: Iterable[Waived], shown_path: ShownPath) -> list[dict[str, Any]]:
    """Return the problems that revisions' files allow, with the reason that each gives."""
    return [
        {
            "code": each_waived.problem.code,
            "message": relative(each_waived.problem.message, each_waived.problem, shown_path),
            "revisions": list(each_waived.problem.revisions),
            "paths": [shown_path(path) for path in each_waived.problem.paths],
            "reason": each_waived.reason,
        }
        for each_waived in waived
    ]


def unchecked_lines(unchecked: Sequence[Unchecked]) -> Iterator[str]:
    """Yield a line for each reason, with the codes of the rules that it keeps from being checked."""
    for reason, codes in _by_reason(unchecked):
        yield f"not checked: {codes}: {reason}"


def unchecked_entries(unchecked: Sequence[Unchecked]) -> list[dict[str, str]]:
    """Return the part of a document that says what was not checked."""
    return [{"code": rule.code, "reason": rule.reason} for rule in unchecked]


def _by_reason(unchecked: Sequence[Unchecked]) -> Iterator[tuple[str, str]]:
    for reason in dict.fromkeys(rule.reason for rule in unchecked):
        yield reason, ", ".join(rule.code for rule in unchecked if rule.reason == reason)


def relative(text: str, problem: Problem, shown_path: ShownPath) -> str:
    """Return a problem's text with its files named as they are shown."""
    for path in sorted(problem.paths, key=len, reverse=True):
        text = text.replace(path, shown_path(path))
    return text


def problem_entry(problem: Problem, shown_path: ShownPath) -> dict[str, Any]:
    """Return a problem for a JSON document."""
    return {
        "code": problem.code,
        "message": relative(problem.message, problem, shown_path),
        "hint": relative(problem.hint, problem, shown_path),
        "revisions": list(problem.revisions),
        "paths": [shown_path(path) for path in problem.paths],
    }


def left_out(problems: Iterable[Problem], shown_path: ShownPath) -> dict[str, Any]:
    """Return what an answer leaves out since it cannot be read: a key of its document, there only if something is."""
    found = [
        {
            "code": problem.code,
            "message": relative(problem.message, problem, shown_path),
            "paths": [shown_path(path) for path in problem.paths],
        }
        for problem in problems
    ]
    return {"left_out": found} if found else {}


def _text(verdict: Verdict, shown_path: ShownPath) -> Iterator[str]:
    if not verdict.problems:
        heads = ", ".join(verdict.heads) or "no revisions"
        found = f"one head, {heads}" if len(verdict.heads) == 1 else heads
        yield f"{'cannot tell' if verdict.unchecked else 'ok'}: {found}"
    for problem in verdict.problems:
        yield f"{problem.code}: {relative(problem.message, problem, shown_path)}"
        for path in problem.paths:
            yield f"    {shown_path(path)}"
        if problem.hint:
            lines = relative(problem.hint, problem, shown_path).splitlines()
            yield from (f"    {'hint: ' if not at else ''}{line}" for at, line in enumerate(lines))
    for waiver in verdict.waived:
        yield f"note: waived {waiver.problem.code}: {relative(waiver.problem.message, waiver.problem, shown_path)}"
        yield f"    reason: {waiver.reason}"
    yield from unchecked_lines(verdict.unchecked)


def _json(verdict: Verdict, shown_path: ShownPath, weighed: Weighed | None) -> str:
    content: dict[str, Any] = {
        "version": 1,
        "ok": verdict.is_ok,
        "unchecked": unchecked_entries(verdict.unchecked),
        "heads": list(verdict.heads),
        "problems": [problem_entry(problem, shown_path) for problem in verdict.problems],
        "waived": waived_document(verdict.waived, shown_path),
    }
    if weighed is not None:
        content["hazards"] = hazard_entries(weighed)
    return json_text(content)


def hazard_entries(weighed: Weighed) -> list[dict[str, Any]]:
    """Return the hazards of a document, worst first, each with how it counts."""
    return [
        {
            "code": hazard.code,
            "effect": hazard.rule.effect,
            "severity": weighed.policy.severity(hazard),
            "what": hazard.what,
            "why": hazard.rule.why,
            "instead": hazard.rule.instead,
            "example": hazard.example or None,
            "revision": hazard.revision,
            "line": hazard.line,
        }
        for hazard in weighed.hazards.found
    ]


def _github(verdict: Verdict, shown_path: ShownPath) -> Iterator[str]:
    """Workflow commands: https://docs.github.com/actions/reference/workflow-commands-for-github-actions."""
    for problem in verdict.problems:
        yield from _annotations("error", problem.code, problem, problem.hint, shown_path)
    for each_waived in verdict.waived:
        yield from _annotations(
            "notice", f"waived {each_waived.problem.code}", each_waived.problem, each_waived.reason, shown_path
        )
    for reason, codes in _by_reason(verdict.unchecked):
        yield f"::error title=branchmig could not check {codes}::{_escaped(reason)}"


def _annotations(level: str, title: str, problem: Problem, more: str, shown_path: ShownPath) -> Iterator[str]:
    text = _escaped(relative("\n".join(filter(None, [problem.message, more])), problem, shown_path))
    for path in problem.paths or ("",):
        place = f"file={_property(shown_path(path))},line={_line(problem, path)}," if path else ""
        yield f"::{level} {place}title=branchmig {title}::{text}"


def _junit(verdict: Verdict, shown_path: ShownPath) -> Iterator[str]:
    try:
        from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
    except ImportError as error:
        raise ConfigurationError("--format junit needs junitparser", "pip install 'branchmig[junit]'") from error

    suite = TestSuite("branchmig guard")
    if verdict.is_ok:
        suite.add_testcase(TestCase("all rules hold", "branchmig.planning.guard"))
    for problem in verdict.problems:
        name, hint = (_as_xml(relative(text, problem, shown_path)) for text in (problem.message, problem.hint))
        case = TestCase(name, f"branchmig.planning.guard.{problem.code}")
        case.result = [Failure(hint, problem.code)]
        suite.add_testcase(case)
    for each_waived in verdict.waived:
        name = _as_xml(relative(each_waived.problem.message, each_waived.problem, shown_path))
        case = TestCase(name, f"branchmig.planning.guard.{each_waived.problem.code}")
        case.result = [Skipped(_as_xml(each_waived.reason), "waived")]
        suite.add_testcase(case)
    for rule in verdict.unchecked:
        case = TestCase("could not be checked", f"branchmig.planning.guard.{rule.code}")
        case.result = [Error(_as_xml(rule.reason), rule.code)]
        suite.add_testcase(case)
    xml = JUnitXml()
    xml.add_testsuite(suite)
    yield xml.tostring().decode()  # type: ignore[no-untyped-call]  # junitparser types half of itself


def _as_xml(text: str) -> str:
    """Replace what XML 1.0 cannot hold, escaped or not."""
    return re.sub(_NO_XML, "\N{REPLACEMENT CHARACTER}", text)


def _line(problem: Problem, path: str) -> str:
    found = re.search(re.escape(path) + r":(\d+)", problem.message)
    return found.group(1) if found else "1"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


MOST_HOOK_LINES = 8


def hook_lines(shown_path: ShownPath, what: str, problems: Sequence[Problem], way_out: str | None) -> list[str]:
    """Return what a git hook prints of problems: a few lines, with the way out last; nothing where there are none."""
    if not problems:
        return []
    lines = [f"branchmig: {what}"]
    for problem in problems:
        lines.append(f"  {problem.code}: {relative(problem.message, problem, shown_path)}")
        lines += [f"    hint: {relative(problem.hint, problem, shown_path)}"] if problem.hint else []
    if len(lines) > MOST_HOOK_LINES:
        lines = [*lines[:MOST_HOOK_LINES], "  and more: branchmig guard"]
    return lines + ([f"hint: {way_out}"] if way_out else [])
