"""Where a fleet may write on this machine: its record and its workers' output; nothing is needed in a container."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from branchmig.errors import ConfigurationError

VARIABLES = "set XDG_STATE_HOME or HOME to a folder that can be written to, or TMPDIR"
SHARED_MEMORY = "/dev/shm"


def writable_folder() -> Path:
    """Return the folder for records: this user's state folder. Raises ConfigurationError where it cannot be written.

    A folder for temporary files takes its place only if the user says so: a container loses what is in it, and a run
    that is recorded there cannot be resumed.
    """
    import platformdirs

    folder = Path(platformdirs.user_state_dir("branchmig"))
    if folder.is_absolute() and _is_writable(folder):
        return folder
    raise ConfigurationError(
        f"the run cannot be recorded: {folder} cannot be written to",
        f"--run-file FILE names a file that can, --record control needs none; or {VARIABLES.partition(', or')[0]}",
    )


def output_file(run: str) -> str:
    """Return the path of the file that gets what env.py prints in the workers of a run; nothing where none can be."""
    with suppress(ConfigurationError):
        return _in(writable_folder() / "fleet-output", run)
    with suppress(OSError):
        return _in(Path(tempfile.gettempdir()) / f"branchmig-{os.getuid() if hasattr(os, 'getuid') else ''}", run)
    return os.devnull


def prepare_temporary_files() -> None:
    """Let multiprocessing find a place for its socket. Raises ConfigurationError if there is none at all."""
    with suppress(OSError):
        tempfile.gettempdir()
        return
    if os.access(SHARED_MEMORY, os.W_OK | os.X_OK):
        tempfile.tempdir = SHARED_MEMORY
        return
    raise ConfigurationError("workers cannot be started: no folder for temporary files can be written to", VARIABLES)


def _in(folder: Path, run: str) -> str:
    if not _is_writable(folder):
        raise PermissionError(str(folder))
    return str(folder / f"{run}.log")


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except (OSError, RuntimeError):
        return False
