"""JSON files that appear and change as a whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_document(path: Path, value: object, *, is_lasting: bool = False) -> None:
    """Write a value for this user alone; with `is_lasting`, wait until the disk has it."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as stream:
        json.dump(value, stream)
        if is_lasting:
            stream.flush()
            os.fsync(stream.fileno())
    os.replace(part, path)


def read_document(path: Path) -> dict[str, Any] | None:
    """Return the object that a file holds; None where there is no such file, or it holds something else."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
