"""Which .pyc files count as revisions where `sourceless = true`, and which are left-overs; runs none of them.

A .pyc that is beside the sources (`versions/x.pyc`) was put there: it counts unless `x.py` is there too. One in
`__pycache__` was written by Python itself. Where git switched to a branch without `x.py`, its .pyc stays behind, and
would be a head that no checkout has. So those count only in a folder without any source, outside of any git work
tree: a deployment. Elsewhere they are left out, with a warning.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from branchmig import terminal


def bytecode_paths(folder: str) -> Iterator[str]:
    """Yield the path of each .pyc of a folder that counts, sorted; warn of those that look like left-overs."""
    names = set(os.listdir(folder))
    for name in sorted(names):
        if name.endswith(".pyc") and _is_revision_name(name) and name[:-1] not in names:
            yield os.path.join(folder, name)
    cached = _cached_without_source(folder, {name.split(".")[0] for name in names})
    if not cached:
        return
    reason = _why_left_over(folder, names)
    for path in cached:
        if reason:
            terminal.warning(f"{terminal.shown_path(path)} is no revision here: {reason}; delete it")
        else:
            yield path


def _cached_without_source(folder: str, present: set[str]) -> list[str]:
    """Return one file of `__pycache__` for each module that has no source: this Python's, least optimised."""
    cache = os.path.join(folder, "__pycache__")
    if not os.path.isdir(cache):
        return []
    by_module: dict[str, str] = {}
    for name in sorted(os.listdir(cache), key=lambda name: (len(name), name)):
        module, _, rest = name.partition(".")
        if rest.split(".")[0] == sys.implementation.cache_tag and name.endswith(".pyc") and _is_revision_name(name):
            by_module.setdefault(module, os.path.join(cache, name))
    return [path for module, path in sorted(by_module.items()) if module not in present]


def _is_revision_name(name: str) -> bool:
    return not name.startswith((".#", "__init__"))


def _why_left_over(folder: str, names: set[str]) -> str | None:
    if any(name.endswith(".py") and _is_revision_name(name) for name in names):
        return "its source is gone, and other sources are there"
    while True:
        if os.path.exists(os.path.join(folder, ".git")):
            return "its source is gone, in a git work tree"
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
