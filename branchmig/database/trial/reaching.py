"""Which of some modules scripts may import, read from their text: directly, or through other modules."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Sequence

from branchmig.revisions.bindings import parsed


def reached_by(scripts: Iterable[str], modules: Sequence[str]) -> frozenset[str]:
    """Return the paths of modules that some scripts may import.

    A module goes by the last part of its name: what only seems to be imported is taken for imported.
    """
    by_name: dict[str, list[str]] = {}
    for path in modules:
        by_name.setdefault(_name(path), []).append(path)
    places = [(os.path.dirname(path), end) for path in modules for end in (".py", f"{os.sep}__init__.py")]
    reached: set[str] = set()
    waiting, seen = list(scripts), set(scripts)
    while waiting:
        for name in _imported(waiting.pop()):
            reached.update(by_name.get(name, ()))
            # A module beside one of them may lead there.
            beside = {os.path.join(folder, f"{name}{end}") for folder, end in places}
            new = [path for path in beside if path not in seen and os.path.isfile(path)]
            seen.update(new)
            waiting += new
    return frozenset(reached)


def _name(path: str) -> str:
    folder, file = os.path.split(path)
    return os.path.basename(folder) if file == "__init__.py" else file.removesuffix(".py")


def _imported(path: str) -> set[str]:
    try:
        with open(path, "rb") as stream:
            tree = parsed(stream.read())
    except OSError:
        return set()
    found: set[str] = set()
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            found.update(part for alias in node.names for part in alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            found.update((node.module or "").split("."), (alias.name for alias in node.names))
    return found
