"""Runs a revision file of the work tree for its header, where `trust_headers = import` allows that."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from branchmig.model import Problem, Revision
from branchmig.project.config import Config

if TYPE_CHECKING:
    from branchmig.git.repository import Repository


def runs_headers(config: Config, repository: Repository | None) -> bool:
    """Return whether revision files of the work tree may be run for their headers."""
    is_wanted = config.settings.trust_headers == "import"
    if repository is None or not is_wanted:
        return is_wanted
    return (repository.setting("branchmig.trustHeaders") or "").strip().lower() == "import"


def run_header(path: str) -> Revision | Problem:
    """Import a revision file as alembic does, and return what it states of itself."""
    name = re.sub(r"\W", "_", os.path.basename(path))
    try:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        was_written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            spec.loader.exec_module(module)
        finally:
            sys.dont_write_bytecode = was_written
        return Revision(
            _text(module.revision),
            _texts(module.down_revision),
            _texts(getattr(module, "depends_on", None)),
            _texts(getattr(module, "branch_labels", None)),
            (module.__doc__ or "").strip().partition("\n\n")[0],
            path,
        )
    except (Exception, SystemExit) as error:  # a script may raise anything
        what = " ".join(f"{type(error).__name__}: {error}".split())
        return Problem(
            "unreadable-revision",
            f"{path}: running it for its header, as trust_headers says, failed: {what}",
            "correct the file, or write the header as strings",
            paths=(path,),
        )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    return str(value)


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (str(value),)
    return tuple(_text(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value))
