"""The report on the revisions of a pull request, as Markdown for its comment and as a JSON document: worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from branchmig.model import Problem, Revision, ShownPath, Unchecked
from branchmig.planning.picture import first_line
from branchmig.render.documents import VERSION
from branchmig.render.graph_mermaid import MOST_EDGES, mermaid_lines
from branchmig.render.markdown import code, escaped, fenced, html_code, path_code, table
from branchmig.render.problems import (
    hazard_entries,
    problem_entry,
    relative,
    unchecked_entries,
    unchecked_lines,
    waived_document,
)
from branchmig.render.proof import proof_document
from branchmig.render.schema import basis_lines, schema_facts
from branchmig.render.schema_mermaid import entity_lines
from branchmig.render.text import counted

if TYPE_CHECKING:
    from branchmig.effects.hazards import Hazard
    from branchmig.planning.forecast import Outcome
    from branchmig.revisions.waivers import Waived
    from branchmig.workflows.report import Report
    from branchmig.workflows.schema import ShownSchema


MARKER = "<!-- branchmig report -->"
"""The first line of every report, by which its comment is found again."""

NOTHING = "<!-- nothing to tell -->"
"""The second line of a report that needs no comment."""

LARGEST = 60_000
"""Letters of a report. GitHub takes 65,536 for a comment."""

LONG_DIAGRAM, LARGEST_DIAGRAM = 40, 20_000
"""Lines from which on a diagram is folded; letters from which on there is none."""

MOST_ENTRIES, MOST_SQL_LINES, MOST_SQL_LETTERS, LONGEST_TEXT = 50, 80, 8_000, 600


def report_lines(report: Report, shown_path: ShownPath) -> Iterator[str]:
    """Yield the Markdown. What does not fit into a comment is left out from the end, and named."""
    yield MARKER
    if report.is_empty:
        yield NOTHING
        yield f"**Migrations:** nothing new for {code(report.into)}, and every rule holds."
        return
    yield f"## Migrations: {_title(report)}"
    room = LARGEST
    left_out = 0
    for block in _blocks(report, shown_path):
        size = sum(len(line) + 1 for line in block) + 1
        if left_out or size > room:
            left_out += 1
            continue
        room -= size
        yield ""
        yield from block
    if left_out:
        yield ""
        yield f"{counted(left_out, 'part')} left out, since a comment holds no more: `branchmig report` has all."


def report_document(report: Report, shown_path: ShownPath) -> dict[str, Any]:
    """The same, whole."""
    return {
        "version": VERSION,
        "at": report.at,
        "into": report.into,
        "ok": report.is_ok,
        "heads": list(report.verdict.heads),
        "problems": [problem_entry(problem, shown_path) for problem in report.verdict.problems],
        "unchecked": unchecked_entries((*report.verdict.unchecked, *_not_unread(report))),
        "waived": waived_document(report.verdict.waived, shown_path),
        "added": [_added_entry(report, revision, shown_path) for revision in report.added],
        "dialects": list(report.sql.dialects),
        "no_sql": report.sql.reason or None,
        "hazards": hazard_entries(report.weighed),
        "unread": [{"revision": name, "line": at.line, "what": at.what} for name, at in report.hazards.unread],
        "squawk": [
            {
                "rule": remark.rule,
                "message": remark.message,
                "help": remark.help,
                "revision": remark.revision,
                "line": remark.line,
            }
            for remark in report.sql.remarks
        ],
        "rivals": [_rival_entry(outcome) for outcome in report.rivals],
        "branches": report.branches,
        "no_rivals": report.no_rivals or None,
        "proof": proof_document(report.proof),
        "no_proof": report.no_proof or None,
        "schema": None if report.schema is None else schema_facts(report.schema),
    }


def _title(report: Report) -> str:
    added = counted(len(report.added), "revision")
    if report.verdict.problems:
        return f"{added}, {counted(len(report.verdict.problems), 'rule')} broken"
    if report.proof is not None and report.proof.verdict == "fails":
        return f"{added}, and one order does not run"
    if report.weighed.errors:
        return f"{added}, {counted(len(report.weighed.errors), 'hazard')} that the settings call errors"
    if report.verdict.unchecked:
        return f"{added}, {counted(len(report.verdict.unchecked), 'rule')} not checked"
    if report.weighed.unchecked:
        return f"{added}, not all of which could be read"
    waived = report.verdict.waived
    return f"{added}, every rule holds" + (f" or is waived ({len(waived)})" if waived else "")


def _blocks(report: Report, shown_path: ShownPath) -> Iterator[list[str]]:
    """Yield the report, in blocks of which each stands alone."""
    yield [_heads(report)]
    yield from _found(_problem(problem, shown_path) for problem in report.verdict.problems)
    yield from _found(f"- {escaped(line)}" for line in unchecked_lines(report.verdict.unchecked))
    yield from _found(_waived(waived, shown_path) for waived in report.verdict.waived)
    if report.proof is not None or report.no_proof:
        yield list(_proof(report))
    hazards = [_hazard(report, hazard, shown_path) for hazard in report.hazards.found]
    remarks = [
        _remark(remark.revision, remark.line, remark.rule, remark.message, remark.help) for remark in report.sql.remarks
    ]
    if hazards or remarks:
        yield ["### Look at this before it runs on tables with rows"]
        yield from _found([*hazards, *remarks])
    if report.hazards.unread:
        yield list(_unread(report))
    if report.rivals or report.no_rivals:
        yield list(_rivals(report))
    if report.added:
        yield ["### Added", "", *_table(report, shown_path)]
        yield from _chart(report)
        yield from _schema(report.schema, report.into)
        yield from _sql(report)


def _found(entries: Iterable[str]) -> Iterator[list[str]]:
    every = list(entries)
    if every:
        more = len(every) - MOST_ENTRIES
        yield [*every[:MOST_ENTRIES], *([f"- and {more} more"] if more > 0 else [])]


def _heads(report: Report) -> str:
    heads = report.verdict.heads
    where = f"Merged into {code(report.into)} now"
    if not heads:
        return f"{where}, the graph cannot be known."
    if len(heads) == 1:
        return f"{where}, the head is {code(heads[0])}."
    return f"{where}, there are {len(heads)} heads: {_listed(heads)}."


def _problem(problem: Problem, shown_path: ShownPath) -> str:
    message, hint = (_clipped(relative(text, problem, shown_path)) for text in (problem.message, problem.hint))
    return f"- **{problem.code}**: {escaped(message)}" + (f"<br>Way out: {escaped(hint)}" if hint else "")


def _waived(waived: Waived, shown_path: ShownPath) -> str:
    message = _clipped(relative(waived.problem.message, waived.problem, shown_path))
    return f"- waived **{waived.problem.code}**: {escaped(message)}<br>Reason: {escaped(_clipped(waived.reason))}"


def _proof(report: Report) -> Iterator[str]:
    proof = report.proof
    if proof is None:
        yield f"No proof: {escaped(_clipped(report.no_proof))}"
        return
    words = {
        "commutes": "the order in which the two sides run does not matter",
        "differs": "the order in which the two sides run matters",
        "fails": "one order of the two sides does not run",
        "nothing-to-compare": "one side brings no revisions, so nothing was run",
    }
    yield f"**Proof: {proof.verdict}** on {escaped(proof.dialect)}: {words[proof.verdict]}."
    lines = [*proof.lines, *(f"note: {line}" for line in proof.basis)]
    yield from (f"- {escaped(_clipped(line))}" for line in lines[:MOST_ENTRIES])


def _hazard(report: Report, hazard: Hazard, shown_path: ShownPath) -> str:
    path = next((revision.path for revision in report.added if revision.id == hazard.revision and revision.path), "")
    rule = hazard.rule
    level = "error, " if report.weighed.policy.severity(hazard) == "error" else ""
    example = "".join(f"<br>{code(line)}" for line in hazard.example.splitlines() if line.strip())
    return (
        f"- **{level}{rule.effect}**: {escaped(_clipped(hazard.what))}, {code(f'{shown_path(path)}:{hazard.line}')} "
        f"({hazard.code})<br>{escaped(rule.why)}<br>Safer: {escaped(rule.instead)}{example}"
    )


def _remark(revision: str, line: int, rule: str, message: str, help_: str) -> str:
    more = f"<br>Safer: {escaped(_clipped(help_))}" if help_ else ""
    return (
        f"- **squawk**: {escaped(_clipped(message))} ({code(revision)}, line {line} of its SQL, {escaped(rule)}){more}"
    )


def _unread(report: Report) -> Iterator[str]:
    yield "Not everything could be read; look at these places yourself:"
    yield ""
    shown = report.hazards.unread[:MOST_ENTRIES]
    yield from (
        f"- {code(revision)}, line {opaque.line}: {escaped(_clipped(opaque.what))}" for revision, opaque in shown
    )


def _rivals(report: Report) -> Iterator[str]:
    yield "### Other open branches"
    yield ""
    if report.no_rivals:
        who = "Some" if report.branches else "They"
        yield f"{who} could not be looked at: {escaped(_clipped(report.no_rivals))}"
        yield ""
    worse = [
        outcome
        for outcome in report.rivals
        if outcome.conflicts or outcome.duplicates or outcome.missing or outcome.unreadable
    ]
    for outcome in worse[:MOST_ENTRIES]:
        reasons = escaped(_clipped("; ".join(_reasons(outcome))))
        yield f"- {code(outcome.branches[1])} cannot land beside this one: {reasons}"
    if len(worse) > MOST_ENTRIES:
        yield f"- and {len(worse) - MOST_ENTRIES} more"
    others = [outcome.branches[1] for outcome in report.rivals if outcome not in worse]
    if others:
        number = f"{len(others)} branch{'es' if len(others) > 1 else ''}"
        way_out = "the second one to land needs `branchmig merge` or `branchmig rebase`"
        yield f"- {number} with revisions beside these ({_listed(others)}): {way_out}"


def _reasons(outcome: Outcome) -> Iterator[str]:
    if outcome.conflicts:
        yield f"in conflict over {', '.join(outcome.conflicts)}"
    if outcome.duplicates:
        yield f"both define {', '.join(outcome.duplicates)}"
    if outcome.missing:
        yield f"parents missing: {', '.join(outcome.missing)}"
    if outcome.unreadable:
        yield f"cannot be read: {', '.join(outcome.unreadable)}"


def _table(report: Report, shown_path: ShownPath) -> Iterator[str]:
    shown = report.added[:MOST_ENTRIES]
    yield from table(
        ("revision", "message", "author", "parent", "file"),
        (
            (
                code(revision.id),
                _message(revision),
                _author(report, revision),
                _below(revision),
                _file(revision, shown_path),
            )
            for revision in shown
        ),
    )
    if len(report.added) > len(shown):
        yield ""
        yield f"and {len(report.added) - len(shown)} more"


def _message(revision: Revision) -> str:
    return escaped(_clipped(first_line(revision.message)))


def _author(report: Report, revision: Revision) -> str:
    author = report.authors.get(revision.id)
    return escaped(_clipped(author.author or "not committed yet")) if author is not None else ""


def _below(revision: Revision) -> str:
    needs = f", and needs {_listed(revision.depends_on)}" if revision.depends_on else ""
    return (_listed(revision.parents) or "nothing") + needs


def _file(revision: Revision, shown_path: ShownPath) -> str:
    return path_code(shown_path(revision.path)) if revision.path else ""


def _chart(report: Report) -> Iterator[list[str]]:
    if report.picture is not None and len(report.picture.edges()) <= MOST_EDGES:
        yield list(fenced("mermaid", "\n".join(mermaid_lines(report.picture))))


def _schema(schema: ShownSchema | None, into: str) -> Iterator[list[str]]:
    """Yield the diagram of the changed tables; nothing where no table is changed."""
    if schema is None or not schema.tables:
        return
    diagram = ["erDiagram", *entity_lines(schema.tables)]
    number = counted(len(schema.tables), "table")
    basis = "<br>".join(escaped(line.strip()) for line in basis_lines(schema))
    if sum(len(line) + 1 for line in diagram) > LARGEST_DIAGRAM:
        shown = code(f"branchmig show --schema --from {into}")
        yield [
            f"### Schema: {number} changed",
            "",
            basis,
            "",
            f"The diagram is too large to be drawn: {shown} has all.",
        ]
        return
    drawn = list(fenced("mermaid", "\n".join(diagram)))
    if len(diagram) > LONG_DIAGRAM:
        drawn = [f"<details><summary>{number}</summary>", "", *drawn, "", "</details>"]
    yield [f"### Schema: {number} changed", "", basis, "", *drawn]


def _sql(report: Report) -> Iterator[list[str]]:
    if report.sql.reason:
        yield [f"The SQL is not here: {escaped(_clipped(report.sql.reason))}"]
        return
    for number, revision in enumerate(report.added):
        if revision.id in report.sql.texts:
            head = [f"### SQL on {', '.join(report.sql.dialects)}", ""] if number == 0 else []
            yield [*head, *_details(revision, report.sql.texts[revision.id])]


def _details(revision: Revision, text: str) -> Iterator[str]:
    lines = text.splitlines()
    shown = "\n".join(lines[:MOST_SQL_LINES])[:MOST_SQL_LETTERS].splitlines()
    message = escaped(_clipped(first_line(revision.message)))
    yield f"<details><summary>{html_code(revision.id)} {message} ({counted(len(lines), 'line')})</summary>"
    yield ""
    yield from fenced("sql", "\n".join(shown))
    yield ""
    left = sum(len(line) + 1 for line in lines) - sum(len(line) + 1 for line in shown)
    if left:
        yield f"… and {left:,} letters more, in {counted(len(lines) - len(shown) or 1, 'line')}"
        yield ""
    yield "</details>"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_ENTRIES} more" if len(names) > MOST_ENTRIES else ""
    return ", ".join(code(_clipped(name)) for name in names[:MOST_ENTRIES]) + more


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def _added_entry(report: Report, revision: Revision, shown_path: ShownPath) -> dict[str, Any]:
    author = report.authors.get(revision.id)
    return {
        "revision": revision.id,
        "down_revision": list(revision.parents),
        "depends_on": list(revision.depends_on),
        "branch_labels": list(revision.labels),
        "message": revision.message,
        "path": shown_path(revision.path) if revision.path else None,
        "author": author.author if author is not None else None,
        "sql": report.sql.texts.get(revision.id),
    }


def _not_unread(report: Report) -> list[Unchecked]:
    """Return what keeps hazards from being known, beside the statements that `unread` has."""
    number = len(report.hazards.unread)
    return list(report.weighed.unchecked[: len(report.weighed.unchecked) - number])


def _rival_entry(outcome: Outcome) -> dict[str, Any]:
    return {
        "branch": outcome.branches[1],
        "heads": list(outcome.heads),
        "conflicts": list(outcome.conflicts),
        "duplicates": list(outcome.duplicates),
        "missing": list(outcome.missing),
        "unreadable": list(outcome.unreadable),
    }
