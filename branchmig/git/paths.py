"""Paths from the top of the repository, as git takes and gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from branchmig.git.repository import Repository

Key = TypeVar("Key")


def pathspecs(folders: Iterable[str]) -> list[str]:
    """Return folders from the top as git takes them: the top itself is "", which git takes for no path at all."""
    return [folder or "." for folder in folders]


def paths_from_top(repository: Repository, paths: Mapping[Key, str | None]) -> dict[Key, str]:
    """Return absolute paths as paths from the top, by the same keys; those outside the work tree are left out."""
    top = f"{repository.top}/"
    return {key: path[len(top) :] for key, path in paths.items() if path and path.startswith(top)}
