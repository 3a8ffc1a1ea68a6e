"""`branchmig fix`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.shared.options import REF, format_option, pass_invocation
from branchmig.commands.shared.proving import prove_option, say_whose_code
from branchmig.errors import GitError
from branchmig.git.staging import unmerged
from branchmig.project.config import Invocation
from branchmig.project.file_edits import diff_lines
from branchmig.project.project import Project
from branchmig.project.view import View
from branchmig.render.colours import answer_pieces
from branchmig.render.fix import fix_document, stopped_lines
from branchmig.workflows import fix_branch

if TYPE_CHECKING:
    from branchmig.effects.proof import Proof
    from branchmig.workflows.fix import Repair
    from branchmig.workflows.fix_branch import Fixed


@click.command("fix")
@click.option("--target", "onto", metavar="REF", type=REF, help="Branch to merge in, instead of the target branch.")
@click.option("--no-commit", is_flag=True, help="Stage the changes without a commit.")
@click.option("--push", is_flag=True, help="Push the commit to its own branch, and nothing else.")
@click.option(
    "--dry-run", "--plan", "dry_run", is_flag=True, help="Show what would be written as a patch; change nothing."
)
@prove_option
@format_option
@pass_invocation
def command(
    invocation: Invocation, onto: str | None, no_commit: bool, push: bool, dry_run: bool, prove: bool, format_: str
) -> None:
    """Join several heads in one commit, by a merge or a rebase.

    If the target branch has one of the heads, merges the target branch in. Then adds the merge revision that joins
    the heads or, under policy = linear, moves the revisions that have not landed to the top, and commits. During a
    git merge, completes that merge. If the scripts collide, changes nothing. If only their order may matter, runs
    both orders on scratch databases; in CI, which runs no script of a pull request, only with --prove.

    Exits with 0 if the heads are joined or there is nothing to do, 1 if the scripts collide, 3 if the fix or the
    push is not possible.
    """
    if no_commit and push:
        raise click.UsageError("--push needs the commit that --no-commit leaves out: give one of them")
    project = Project.open(invocation.files)
    fixed = _fixed(project, invocation, onto, no_commit=no_commit, push=push, prove=prove)
    if not (fixed.is_stopped or fixed.is_nothing or dry_run):
        fixed = _carried_out(project, fixed, no_commit=no_commit, push=push)
    _report(project, invocation, fixed, format_, dry_run=dry_run, no_commit=no_commit, push=push)
    if fixed.is_stopped:
        raise click.exceptions.Exit(1)


def _fixed(
    project: Project, invocation: Invocation, onto: str | None, *, no_commit: bool, push: bool, prove: bool
) -> Fixed:
    from branchmig.database.trusted import is_ci

    for path in unmerged(project.tracked, [""]):
        raise GitError(f"{path} is in conflict", f"resolve it and 'git add {path}' first")
    start = fix_branch.start_of(project, onto, is_pushed=push)
    if start.tip == project.tracked.commit("HEAD"):
        fix_branch.refuse_uncommitted(project, staged_counts=start.is_staged or no_commit)
    if no_commit and not start.is_staged:
        start = fix_branch.staged_start(project, start)

    def proof_of(at: Project, view: View, repair: Repair) -> Proof:
        say_whose_code(invocation, f"scripts of {' and '.join(repair.heads)}")
        return fix_branch.run_proof(invocation)(at, view, repair)

    return fix_branch.fix_of(project, invocation, start, proof_of if prove or not is_ci() else None)


def _carried_out(project: Project, fixed: Fixed, *, no_commit: bool, push: bool) -> Fixed:
    if no_commit or fixed.start.is_staged:
        fix_branch.stage(project, fixed)
        return fixed if no_commit else replace(fixed, commit=fix_branch.commit_staged(project))
    there = fix_branch.destination(project, fixed) if push else None
    commit = fix_branch.committed(project, fixed)
    if there is not None:
        fix_branch.publish(project, fixed, there, commit)
    else:
        fix_branch.put_at_head(project, fixed, commit)
    return replace(fixed, commit=commit)


def _report(
    project: Project, invocation: Invocation, fixed: Fixed, format_: str, *, dry_run: bool, no_commit: bool, push: bool
) -> None:
    if format_ == "json":
        terminal.document(fix_document(fixed))
        return
    if fixed.is_stopped:
        terminal.painted_answer(stopped_lines(fixed, project.shown_path), answer_pieces)
        return
    if fixed.is_nothing:
        terminal.note("Nothing to fix.")
        return
    if dry_run:
        terminal.answer(diff_lines(fix_branch.edits(project, fixed), project.path_from_top))
    if invocation.has_notes:
        where = "staged" if no_commit else f"in commit {(fixed.commit or '')[:10]}{', pushed' if push else ''}"
        done = fix_branch.done_line(project, fixed, is_done=not dry_run)
        terminal.note(f"{done}." if dry_run else f"{done}, {where}.")
