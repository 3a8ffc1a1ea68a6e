"""Runs a command as a real process and says what it took."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKOUT = Path(__file__).parent.parent
LAUNCHER = Path(__file__).with_name("launcher.py")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one process took, and what it wrote to standard output."""

    seconds: float
    processor_seconds: float
    peak_mb: float
    output: str


def run_module(arguments: Sequence[str], folder: Path, output: Path) -> Outcome:
    """Run `python -m ARGUMENTS…` in a folder, by way of the file `output`. Raises SystemExit if it fails."""
    # -P: the console scripts of both programs do not put the current folder on sys.path either.
    command = [sys.executable, "-P", "-m", *arguments]
    launched = subprocess.run(
        [sys.executable, "-I", "-S", str(LAUNCHER), str(output), *command],
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    *_, seconds, processor_seconds, peak_mb, exit_code = launched.stdout.split() or [""] * 4
    if exit_code != "0":
        sys.exit(f"error: {' '.join(arguments)} failed in {folder}\n{launched.stderr}")
    return Outcome(float(seconds), float(processor_seconds), float(peak_mb), output.read_text())


def _environment() -> dict[str, str]:
    """Return the environment without what would slow down one of the two more than the other, or steer alembic."""
    # PYTHONDONTWRITEBYTECODE would make alembic compile every script on every run.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    kept.pop("ALEMBIC_CONFIG", None)
    return kept | {"PYTHONPATH": str(CHECKOUT)}
