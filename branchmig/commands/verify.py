"""`branchmig verify`."""

from __future__ import annotations

from pathlib import Path

import click

from branchmig.commands.shared.flow import answer
from branchmig.commands.shared.options import REF, format_option, pass_invocation
from branchmig.commands.shared.proving import say_whose_code, seed_option
from branchmig.effects.proof import Finding, Verification
from branchmig.errors import GitError
from branchmig.git.history import short_ref
from branchmig.planning.obstacles import RENUMBER
from branchmig.project.config import Invocation
from branchmig.project.project import Project, View


@click.command("verify")
@click.option(
    "--since",
    metavar="REF",
    type=REF,
    help="Try the revisions that REF lacks, instead of those that the target branch lacks.",
)
@seed_option
@format_option
@pass_invocation
def command(invocation: Invocation, since: str | None, seed: Path | None, format_: str) -> None:
    """Try this branch's own revisions on a scratch database: up, down, up.

    Runs every revision that the work tree has and the target branch lacks on a scratch database: each one, then all
    together. A downgrade must restore the schema from before. The models must match. No downgrade may be empty,
    unless the file has the comment '# branchmig: irreversible'. Exits with 1 if one of these does not hold.
    """
    project = Project.open(invocation.files)
    if project.repository is None and since is None:
        raise GitError(
            "cannot tell which revisions are new: this project is in no git repository",
            "run it in a clone of the repository",
        )
    view = project.view()
    twice = _same_ids(project, view, since)
    own, target = _own(project, view, since)
    if twice:
        _show(Verification(None, (), twice, ()), format_)
        raise click.exceptions.Exit(1)
    if not own:
        _nothing(format_, f"the work tree has no revision that {target} lacks")
        return
    from branchmig.database.trial.verifier import verify

    say_whose_code(invocation, f"the work tree's scripts ({len(own)} that {target} lacks, and all below)")
    verification = verify(project, invocation, view, own, seed)
    _show(verification, format_)
    if verification.findings:
        raise click.exceptions.Exit(1)


def _show(verification: Verification, format_: str) -> None:
    from branchmig.render.proof import verification_document, verification_lines

    answer(format_, lambda: verification_document(verification), lambda: verification_lines(verification))


def _same_ids(project: Project, view: View, since: str | None) -> tuple[Finding, ...]:
    """Return a finding for each id that the target branch has given to a revision of its own."""
    from branchmig.workflows.own_revisions import same_ids

    target = project.target(since, "--since")
    found = same_ids(project, view, project.ref_view(target), short_ref(target))
    return tuple(Finding(pair.revision, f"{pair.shown(project.shown_path)}; {RENUMBER}") for pair in found)


def _own(project: Project, view: View, since: str | None) -> tuple[tuple[str, ...], str]:
    """Return the revisions that only the work tree has, in upgrade order, and the ref that lacks them."""
    target = project.target(since, "--since")
    there = project.ref_view(target).ids
    return tuple(revision_id for revision_id in view.dag.order() if revision_id not in there), short_ref(target)


def _nothing(format_: str, reason: str) -> None:
    from branchmig.render.proof import verification_document

    nothing = Verification(None, (), (), (reason,))
    answer(format_, lambda: verification_document(nothing), lambda: [f"Nothing to verify: {reason}."])
