"""PURE. Finds the modules of a project by their dotted names, among the files of a place; imports none."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable, Iterable, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from branchmig.revisions.header_values import Surroundings

    ReadFiles = Callable[[Sequence[str]], Iterable[bytes | None]]


def _nothing(paths: Sequence[str]) -> Iterable[bytes | None]:
    return [None for _ in paths]


class ProjectModules:
    """The modules that the files of a place can import from the project itself, and from installed packages.

    `roots` are the folders that may be on Python's path, and `read` gives the texts of files there, by their absolute
    paths with forward slashes; None for each that is not there. Where two roots have different modules of one name,
    it is unknown which is imported, and there is none. `roots` are asked for when the first module is.
    `installed` is the folder of installed packages, and `read_installed` reads there; a package that the project has,
    in whatever version, is none of them.
    """

    def __init__(
        self,
        roots: Callable[[], Iterable[str]],
        read: ReadFiles,
        installed: Iterable[str] = (),
        read_installed: ReadFiles = _nothing,
    ) -> None:
        self._find_roots = roots
        self._read = read
        self._installed_folders = tuple(installed)
        self._read_installed = read_installed
        self._module = cache(self._found)
        self._installed = cache(self._found_installed)

    def around(self, path: str) -> Surroundings:
        """Return what is around the file at a path."""
        from branchmig.revisions.header_values import Surroundings

        return Surroundings(path, self._module, self._installed)

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._find_roots()))

    def _found(self, name: str) -> tuple[str, ast.Module] | None:
        return _only_module(name, self._roots, self._read)

    def _found_installed(self, name: str) -> tuple[str, ast.Module] | None:
        is_of_project = self._is_of_project(name.partition(".")[0])
        return None if is_of_project else _only_module(name, self._installed_folders, self._read_installed)

    @cache  # noqa: B019 - one for each run of a command
    def _is_of_project(self, package: str) -> bool:
        return any(text is not None for text in self._read(_files_of(package, self._roots)))


def _files_of(name: str, roots: Iterable[str]) -> list[str]:
    inside = name.replace(".", "/")
    return [f"{root}/{inside}{end}" for root in roots for end in ("/__init__.py", ".py")]


def _only_module(name: str, roots: Iterable[str], read: ReadFiles) -> tuple[str, ast.Module] | None:
    from branchmig.revisions.bindings import parsed

    # All at once: at a git place each call of `read` is a process, and a project may have 50 such folders.
    paths = _files_of(name, roots)
    texts = list(read(paths))
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
