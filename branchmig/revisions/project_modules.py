"""PURE. Finds the modules of a project by their dotted names, among the files of a place; imports none."""

from __future__ import annotations

import posixpath
from functools import cache, cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable, Sequence

    from branchmig.revisions.header_values import Surroundings

    ReadFiles = Callable[[Sequence[str]], Iterable[bytes | None]]


class ProjectModules:
    """The modules that the files of a place can import from the project itself.

    `roots` are the folders that may be on Python's path, and `read` gives the texts of files there, by their absolute
    paths with forward slashes; None for each that is not there. Where two roots have different modules of one name,
    nobody can tell which is imported: there is none then. `roots` are asked for when the first module is.
    """

    def __init__(self, roots: Callable[[], Iterable[str]], read: ReadFiles) -> None:
        self._find_roots = roots
        self._read = read
        self._module = cache(self._found)

    def around(self, path: str) -> Surroundings:
        """Return what is around the file at a path."""
        from branchmig.revisions.header_values import Surroundings

        return Surroundings(path, self._module)

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._find_roots()))

    def _found(self, name: str) -> tuple[str, ast.Module] | None:
        from branchmig.revisions.normal_form import parsed

        inside = name.replace(".", "/")
        # All at once: at a git place each call of `read` is a process, and a project may have 50 such folders.
        paths = [f"{root}/{inside}{end}" for root in self._roots for end in ("/__init__.py", ".py")]
        texts = list(self._read(paths))
        found: dict[bytes, str] = {}
        for at in range(0, len(paths), 2):
            path, text = next(
                ((paths[number], texts[number]) for number in (at, at + 1) if texts[number] is not None), ("", None)
            )
            if text is not None:
                found.setdefault(text, path)
        if len(found) != 1:
            return None
        ((text, path),) = found.items()
        tree = parsed(text)
        return None if tree is None else (path, tree)


def import_roots(top: str, folders: Sequence[str]) -> tuple[str, ...]:
    """Return the folders that may be on Python's path: those from `folders` up to the top, and `src` in each."""
    found: dict[str, None] = {}
    for folder in folders:
        at = folder
        while at == top or at.startswith(f"{top}/"):
            found |= {at: None, f"{at}/src": None}
            if at == top:
                break
            at = posixpath.dirname(at)
    return tuple(found)
