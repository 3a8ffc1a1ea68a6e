"""The locations of alembic's settings, folder names or `package:folder`, to paths. Imports no package."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from branchmig.errors import ConfigurationError


def is_in_package(location: str) -> bool:
    """Return whether a location is a `package:folder` resource."""
    return ":" in location and not os.path.isabs(location)


def as_path(location: str, import_path: Sequence[str] = ()) -> Path:
    """Return the absolute path of a folder name or a `package:folder` resource; the package is found, not imported.

    `import_path` is searched before sys.path. Raises ConfigurationError for a package that is not there.
    """
    if not is_in_package(location):
        return Path(os.path.abspath(location))
    package, _, resource = location.partition(":")
    folders = package_folders(package, import_path)
    if not folders:
        raise ConfigurationError(
            f"package {package!r} of location {location!r} is not installed, and not on prepend_sys_path",
            "install the project, or set prepend_sys_path",
        )
    paths = [Path(os.path.abspath(folder)).joinpath(*resource.split(":")) for folder in folders]
    return next((path for path in paths if path.exists()), paths[0])


def package_folders(package: str, import_path: Sequence[str]) -> list[str]:
    """Return the folders of a package: several where no `__init__.py` says which of them it is."""
    from importlib.machinery import PathFinder
    from importlib.util import find_spec

    top, *below = package.split(".")
    try:
        # find_spec imports nothing for a name without a dot; it asks an editable install's finder, too.
        # Absolute: Python remembers where '.' was when it was first searched.
        spec = PathFinder.find_spec(top, [os.path.abspath(entry) for entry in import_path]) or find_spec(top)
        for name in below:
            places = None if spec is None else spec.submodule_search_locations
            spec = None if places is None else PathFinder.find_spec(name, list(places))
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return list(spec.submodule_search_locations)
    return [os.path.dirname(spec.origin)] if spec.has_location and spec.origin else []
