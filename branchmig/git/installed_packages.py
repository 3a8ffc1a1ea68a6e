"""Reads packages that are installed beside branchmig, as text: a header may take a constant from one of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig.revisions.project_modules import ProjectModules

if TYPE_CHECKING:
    from branchmig.revisions.project_modules import ReadFiles


def modules_of(roots: Callable[[], Iterable[str]], read: ReadFiles) -> ProjectModules:
    """Return the modules that revision files can import: the project's, which `read` reads, then installed ones.

    No place of git holds the latter. What alembic would import there is the installed version, too.
    """
    folders = [Path(name) for name in sys.path]
    installed = [path.as_posix() for path in folders if path.name in ("site-packages", "dist-packages")]
    return ProjectModules(roots, read, installed, _read)


def _read(paths: Sequence[str]) -> Iterator[bytes | None]:
    for path in paths:
        try:
            yield Path(path).read_bytes()
        except OSError:
            yield None
