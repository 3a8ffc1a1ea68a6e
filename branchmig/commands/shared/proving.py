"""What the commands that run scripts on scratch databases share: options, whose code is run, how a proof is shown."""

from __future__ import annotations

from pathlib import Path

import click

from branchmig.commands.shared.flow import say
from branchmig.project.config import Invocation

prove_option = click.option(
    "--prove", is_flag=True, help="Run both orders on scratch databases, and say whether the order matters."
)
seed_option = click.option(
    "--seed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="SQL file with rows for the scratch databases, instead of rows made up for the schema.",
)


def refuse_seed_alone(prove: bool, seed: Path | None) -> None:
    """Refuse a seed without the proof that it is for."""
    if seed is not None and not prove:
        raise click.UsageError("--seed goes with --prove: nothing else runs a script")


def say_whose_code(invocation: Invocation, scripts: str) -> None:
    """Say, before anything is run, whose code that is."""
    say(invocation, f"Running env.py of the work tree and {scripts}, on scratch databases.")
