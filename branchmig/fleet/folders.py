"""The folders that a fleet may write to on this machine: its record and its workers' output."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from branchmig.errors import ConfigurationError

VARIABLES = "set XDG_STATE_HOME or HOME to a folder that can be written to, or TMPDIR"
SHARED_MEMORY = "/dev/shm"


def writable_folder() -> tuple[Path, str | None]:
    """Return the folder for records, this user's state folder; else one for temporary files, with a warning.

    Raises ConfigurationError where neither can be written to.
    """
    import platformdirs

    folder = Path(platformdirs.user_state_dir("branchmig"))
    if folder.is_absolute() and _is_writable(folder):
        return folder, None
    with suppress(OSError):
        temporary = Path(tempfile.gettempdir()) / f"branchmig-{_user()}"
        if _is_writable(temporary) and temporary.lstat().st_uid == _user():
            return temporary, (
                f"{folder} cannot be written to: runs are recorded in {temporary}, which a container loses "
                "when it ends; set XDG_STATE_HOME or HOME, or give --run-file or --record control"
            )
    raise ConfigurationError(
        f"the run cannot be recorded: {folder} cannot be written to",
        f"--run-file FILE names a file that can, --record control needs none; or {VARIABLES}",
    )


def output_file(run: str) -> str:
    """Return the path of the file that gets what env.py prints in the workers of a run; nothing where none can be."""
    with suppress(ConfigurationError):
        folder = writable_folder()[0] / "fleet-output"
        if _is_writable(folder):
            return str(folder / f"{run}.log")
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


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except (OSError, RuntimeError):
        return False
