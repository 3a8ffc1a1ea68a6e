"""Resolves a script's own imports: a script laid out from a commit gets that commit's helper modules.

`from migrations.helpers import names` in a script of another branch must not find the work tree's helpers. Only
modules that lie in the project's script folders are exchanged; everything else is the installed program's.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

from branchmig.project.project import Project

_kept: dict[str, dict[str, ModuleType]] = {}
"""Modules that a laid-out folder's scripts have imported, by folder: its next script gets the same ones."""


@contextmanager
def imports_of(project: Project, path: str) -> Iterator[None]:
    """Within the block, take modules of the script folders from where the script at `path` was laid out, if it was."""
    root = project.root_of(path)
    if root is None:
        yield
        return
    homes = [os.path.realpath(path) for path in (project.config.script_location, *project.config.version_locations)]
    before, places = list(sys.path), _counterparts(str(project.tracked.top), root)
    own = _taken_out(homes)
    sys.modules.update(_kept.get(root, {}))
    sys.path[:0] = places
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before
        _kept[root] = _taken_out([os.path.realpath(root)])
        sys.modules.update(own)
        importlib.invalidate_caches()


def forget(root: str) -> None:
    """Let go of the modules of a laid-out folder that is about to be removed."""
    _kept.pop(root, None)


def _counterparts(top: str, root: str) -> list[str]:
    """Return, for the entries of sys.path in the work tree, the folders that stand for them."""
    found = []
    for entry in sys.path:
        place = os.path.realpath(entry or os.curdir)
        if place == top or place.startswith(top + os.sep):
            found.append(root + place[len(top) :])
    return [place for place in dict.fromkeys(found) if os.path.isdir(place)]


def _taken_out(homes: Sequence[str]) -> dict[str, ModuleType]:
    """Take the modules that lie in some folders out of what is imported, and return them by name."""
    found = {name: module for name, module in list(sys.modules.items()) if _lies_in(module, homes)}
    for name in found:
        del sys.modules[name]
    return found


def _lies_in(module: ModuleType, homes: Sequence[str]) -> bool:
    file = getattr(module, "__file__", None)
    # A package without __init__.py is spread over folders, and has no file.
    places = [file] if isinstance(file, str) else [*map(str, getattr(module, "__path__", ()))]
    real = [os.path.realpath(place) + os.sep for place in places]
    return any(place.startswith(home + os.sep) for place in real for home in homes)
