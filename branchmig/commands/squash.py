"""`branchmig squash`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.shared.options import REVISION_TEXT, format_option, message_option, pass_invocation
from branchmig.commands.shared.proving import refuse_seed_alone, seed_option, tell_whose_code
from branchmig.commands.shared.taking_down import write
from branchmig.commands.shared.unknown_revision_hint import looked_for_elsewhere
from branchmig.errors import AnswerIsNo, InvalidTarget
from branchmig.planning.squash import plan_squash
from branchmig.project.file_edits import recover
from branchmig.project.project import Project
from branchmig.render.proof import squash_proof_lines
from branchmig.render.squash import nothing_document, squash_document, squash_lines
from branchmig.workflows.squash import bundle_edit, compose, standing_elsewhere, view_of

if TYPE_CHECKING:
    from pathlib import Path

    from branchmig.effects.proof import Proof
    from branchmig.project.config import Invocation
    from branchmig.workflows.squash import Squash


@click.command("squash")
@click.argument("words", type=REVISION_TEXT, metavar="BASE..REV")
@message_option
@click.option("--prove", is_flag=True, help="Build both ways on scratch databases; refuse the squash if they differ.")
@seed_option
@click.option(
    "--bundle", is_flag=True, help="Also write the old scripts to a file beside the version folder, for images."
)
@click.option("--dry-run", is_flag=True, help="Print the file that would be written; change nothing.")
@format_option
@pass_invocation
def command(
    invocation: Invocation,
    words: str,
    message: str | None,
    prove: bool,
    seed: Path | None,
    bundle: bool,
    dry_run: bool,
    format_: str,
) -> None:
    """Make several revisions one.

    BASE..REV are the revisions above BASE, up to REV, as in git; base..REV begins at the first. The new revision has
    REV's id, so a database at REV has nothing to do, and it names the others: replaces = (…). A database in the middle
    of the range goes up with the old scripts, which git keeps. Nothing is changed where something stands in the way.
    """
    refuse_seed_alone(prove, seed)
    project = Project.open(invocation.files)
    view_of(project)
    journal = project.tracked.git_dir / "branchmig" / "edits.json"
    for path in recover(journal):
        terminal.warning(f"put back {project.shown_path(path)}, which a killed command had changed")
    showing = PlanOptions(message, seed, format_, prove=prove, bundle=bundle, dry_run=dry_run)
    squash = _squash(project, invocation, words, showing)
    if squash is None:
        _say_nothing(words, format_)
        return
    proof = proven(project, invocation, squash, showing)
    written = carry_out(project, squash, showing)
    tell(project, squash, showing, proof, written)


class PlanOptions:
    """What the options say of how a squash is made and shown."""

    def __init__(
        self, message: str | None, seed: Path | None, format_: str, *, prove: bool, bundle: bool, dry_run: bool
    ) -> None:
        self.message, self.seed, self.format = message, seed, format_
        self.prove, self.bundle, self.dry_run = prove, bundle, dry_run


def proven(project: Project, invocation: Invocation, squash: Squash, showing: PlanOptions) -> Proof | None:
    """Run both ways, if that is asked for. Raises AnswerIsNo, before anything is written, where they differ."""
    if not showing.prove:
        return None
    from branchmig.database.trial.squash_proof import prove_squash

    tell_whose_code(invocation, "the scripts of the range")
    is_reversible = not squash.irreversible
    proof = prove_squash(
        project, invocation, squash.plan, squash.content, squash.path, showing.seed, is_reversible=is_reversible
    )
    if proof.verdict == "equal":
        return proof
    if showing.format == "json":
        terminal.document(squash_document(squash, project.shown_path, proof, is_written=False))
        raise click.exceptions.Exit(1)
    terminal.answer(squash_proof_lines(proof))
    raise AnswerIsNo(
        "nothing was written: the squash does not do what the old scripts do",
        "change the script that the lines name, or squash a shorter range",
    )


def carry_out(project: Project, squash: Squash, showing: PlanOptions) -> bool:
    """Write the files, all or none, unless they are only to be shown; return whether that was done."""
    if showing.dry_run:
        return False
    write(project, squash.edits, project.tracked.git_dir / "branchmig" / "edits.json")
    return True


def tell(project: Project, squash: Squash, showing: PlanOptions, proof: Proof | None, is_written: bool) -> None:
    """Say what was written, or what would be."""
    if showing.format == "json":
        terminal.document(squash_document(squash, project.shown_path, proof, is_written=is_written))
        return
    if not is_written:
        terminal.answer(squash.content.decode("utf-8").splitlines())
    for line in squash_lines(squash, project.shown_path, is_written=is_written):
        terminal.note(line)
    if proof is not None:
        for line in squash_proof_lines(proof):
            terminal.note(line)


def _squash(project: Project, invocation: Invocation, words: str, showing: PlanOptions) -> Squash | None:
    base, last = _range(project, words)
    plan = plan_squash(project.dag, base, last)
    if plan is None or plan.last.path is None:
        return None
    first = plan.order[0].id
    text = showing.message or f"squash of {len(plan.order)} revisions, {first} to {last}"
    squash = compose(project, invocation, plan, text, plan.last.path)
    squash = squash.with_elsewhere(standing_elsewhere(project, plan))
    return squash.with_bundle(bundle_edit(project, squash)) if showing.bundle else squash


def _range(project: Project, words: str) -> tuple[tuple[str, ...], str]:
    start, dots, end = words.partition("..")
    if not dots or end.startswith("."):
        raise InvalidTarget(f"{words!r} is no range", "give both ends: branchmig squash BASE..REV, e.g. base..head")
    with looked_for_elsewhere(project):
        base = project.dag.resolve(start or "base")
        ends = project.dag.resolve(end or "head")
    if len(ends) != 1:
        raise InvalidTarget(f"a range ends at one revision, and {end!r} names {len(ends)}", "name one of them")
    return base, ends[0]


def _say_nothing(words: str, format_: str) -> None:
    if format_ == "json":
        terminal.document(nothing_document())
    else:
        terminal.note(f"Nothing to squash: {words} is one revision, or none.")
