"""Shared by the ways to squash: proving, writing, and the report of what was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.shared.flow import answer
from branchmig.commands.shared.proving import say_whose_code
from branchmig.commands.shared.taking_down import write
from branchmig.errors import AnswerIsNo
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.proof import squash_proof_lines
from branchmig.render.squash import nothing_document, squash_document, squash_lines

if TYPE_CHECKING:
    from branchmig.effects.proof import Proof
    from branchmig.workflows.squash import Squash


class SquashOptions:
    """What the options say of how a squash is made and shown."""

    def __init__(
        self, message: str | None, seed: Path | None, format_: str, *, prove: bool, bundle: bool, dry_run: bool
    ) -> None:
        self.message, self.seed, self.format = message, seed, format_
        self.prove, self.bundle, self.dry_run = prove, bundle, dry_run


def proven(project: Project, invocation: Invocation, squash: Squash, showing: SquashOptions) -> Proof | None:
    """Run both ways, if that is asked for. Raises AnswerIsNo, before anything is written, where they differ."""
    if not showing.prove:
        return None
    from branchmig.database.trial.squash_proof import prove_squash

    say_whose_code(invocation, "the scripts of the range")
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


def carry_out(project: Project, squash: Squash, showing: SquashOptions) -> bool:
    """Write the files, all or none, unless they are only to be shown; return whether that was done."""
    if showing.dry_run:
        return False
    write(project, squash.edits)
    return True


def report_squash(
    project: Project, squash: Squash, showing: SquashOptions, proof: Proof | None, is_written: bool
) -> None:
    """Say what was written, or what would be."""
    if showing.format == "json":
        terminal.document(squash_document(squash, project.shown_path, proof, is_written=is_written))
        return
    if not is_written:
        terminal.answer(squash.content.decode("utf-8").splitlines())
    terminal.note(*squash_lines(squash, project.shown_path, is_written=is_written))
    if proof is not None:
        terminal.note(*squash_proof_lines(proof))


def say_nothing(what: str, format_: str) -> None:
    """Say that there is nothing to squash, and why."""
    answer(format_, nothing_document, tuple, nothing=f"Nothing to squash: {what}.")
