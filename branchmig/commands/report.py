"""`branchmig report`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from branchmig import terminal
from branchmig.commands.shared.options import (
    at_option,
    dry_run_option,
    format_of,
    landing_option,
    output_option,
    pass_invocation,
)
from branchmig.commands.shared.proving import prove_option, refuse_seed_alone, say_whose_code, seed_option
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.revisions.escaping import json_text


@click.command("report")
@at_option
@landing_option("into", "the work lands")
@click.option(
    "--sql/--no-sql",
    default=True,
    show_default=True,
    help="Run env.py and the new scripts for their SQL, as --sql does elsewhere; nothing is connected to.",
)
@prove_option
@seed_option
@click.option(
    "--check",
    is_flag=True,
    help="Exit with 1 if a rule is broken, or an order of the two sides fails; 3 if that could not be checked.",
)
@format_of("markdown", "json")
@output_option
@click.option("-v", "--verbose", is_flag=True, help="Also name the checks that were left out, and why.")
@click.option(
    "--github-comment",
    "comment",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="In GitHub Actions: put FILE, a report written before, into the pull request's comment, and do nothing else.",
)
@dry_run_option
@pass_invocation
def command(
    invocation: Invocation,
    at: str,
    into: str | None,
    sql: bool,
    prove: bool,
    seed: Path | None,
    check: bool,
    format_: str,
    output: str | None,
    verbose: bool,
    comment: Path | None,
    dry_run: bool,
) -> None:
    """Describe the revisions of a pull request, in Markdown.

    Lists the rules that it would break now, what the new revisions destroy or lock, the open branches that cannot land
    after it, the new revisions, and their SQL. With --prove, also runs both orders on scratch databases. Exits with 0
    unless --check is given. With --dry-run, prints what -o or --github-comment would write.
    """
    refuse_seed_alone(prove, seed)
    if comment is not None:
        if dry_run:
            terminal.answer(comment.read_text("utf-8", "replace").splitlines())
        else:
            _comment(comment)
        return
    from branchmig.render.report import report_document, report_lines
    from branchmig.workflows.report import Question, report

    project = Project.open(invocation.files)
    if prove:
        say_whose_code(invocation, f"scripts of {at} and the target")
    step = terminal.LoopProgress(not invocation.has_notes).step
    found = report(project, invocation, Question(at, into, sql, prove, seed), step)
    if verbose and found.sql.no_remarks:
        terminal.note(found.sql.no_remarks)
    if format_ == "json":
        lines = [json_text(report_document(found, project.path_from_top))]
    else:
        lines = list(report_lines(found, project.path_from_top))
    if output is None or dry_run:
        terminal.answer(lines)
    else:
        terminal.answer_in_file(output, lines)
    if check and not found.is_ok:
        raise click.exceptions.Exit(1 if found.is_wrong else 3)
    if check and found.no_proof:
        raise click.exceptions.Exit(3)


def _comment(file: Path) -> None:
    """Write the comment. That it cannot be is no failure: a fork's token may not, and the summary has the report."""
    from branchmig.integrations.github_comment import CannotComment, put
    from branchmig.render.report import MARKER, NOTHING

    text = file.read_text("utf-8", "replace")
    try:
        if not text.startswith(MARKER):
            raise CannotComment(f"{file} is no report: write one with 'branchmig report -o {file}'")
        terminal.note(put(text, MARKER, os.environ, is_worth_starting=not text.startswith(f"{MARKER}\n{NOTHING}")))
    except CannotComment as reason:
        terminal.warning(f"no comment was written: {reason}")
