"""`branchmig conflicts`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.shared.options import PLACE, REF, format_option, pass_invocation
from branchmig.commands.shared.proving import prove_option, refuse_seed_alone, say_whose_code, seed_option
from branchmig.project.config import Invocation
from branchmig.project.project import WORKTREE, Project
from branchmig.render.colours import answer_pieces
from branchmig.render.conflicts import conflict_lines, conflicts_document
from branchmig.render.proof import proof_lines
from branchmig.workflows.conflicts import Comparison, compare

if TYPE_CHECKING:
    from branchmig.effects.proof import Proof


@click.command("conflicts")
@click.argument("place", default=WORKTREE, metavar="[PLACE]", type=PLACE)
@click.option(
    "--with", "merged_with", metavar="REF", type=REF, help="The other side, instead of the setting's target branch."
)
@prove_option
@seed_option
@format_option
@pass_invocation
def command(
    invocation: Invocation, place: str, merged_with: str | None, prove: bool, seed: Path | None, format_: str
) -> None:
    """Show the tables and columns that two branches both change.

    Reads PLACE (worktree, index, or any git ref or commit) and REF from git: checks nothing out and runs no script,
    except for --prove, on scratch databases. Without --with: if PLACE has too many heads, compares the heads with
    each other; otherwise compares PLACE with the target branch. Also compares the two sides of each merge revision
    that has not landed.

    Exits with 1 if one order of the two fails. Exits with 0 if only the result depends on the order, or if a
    statement cannot be read. Exits with 3 if --prove has nothing to compare.
    """
    refuse_seed_alone(prove, seed)
    project = Project.open(invocation.files)
    comparison = compare(project, place, merged_with)
    proof = _proof(project, invocation, comparison, (place, merged_with), seed) if prove else None
    if format_ == "json":
        terminal.document(conflicts_document(comparison, proof))
    else:
        terminal.painted_answer(conflict_lines(comparison, project.shown_path), answer_pieces)
        terminal.painted_answer(proof_lines(proof) if proof else [], answer_pieces)
    if comparison.conflicts or (proof is not None and proof.verdict == "fails"):
        raise click.exceptions.Exit(1)
    if proof is not None and proof.verdict == "nothing-to-compare":
        raise click.exceptions.Exit(3)


def _proof(
    project: Project,
    invocation: Invocation,
    comparison: Comparison,
    asked: tuple[str, str | None],
    seed: Path | None,
) -> Proof:
    """Run both orders, with the scripts of the place, and of the other side where the place lacks them."""
    from branchmig.database.trial.prover import prove_pairs

    place, merged_with = asked
    view = project.view(place)
    here = view.ids
    is_elsewhere = not here.issuperset({*comparison.ours, *comparison.theirs})
    other = project.view(merged_with or comparison.their_name) if is_elsewhere else None
    say_whose_code(invocation, f"scripts of {comparison.our_name} and {comparison.their_name}")
    pairs = [(pair.name, pair.ours, pair.theirs) for pair in comparison.pairs]
    return prove_pairs(project, invocation, pairs, view, seed, other)
