"""The graph as alembic's own objects, for env.py, autogenerate and callbacks that ask for them.

No revision file is imported until somebody asks for its module: the plan does for the steps that it runs.
"""

from __future__ import annotations

import importlib.util
import os
import py_compile
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import Revision as AlembicRevision

from branchmig.dag import RevisionDag
from branchmig.errors import RevisionFileError
from branchmig.model import Revision
from branchmig.project.project import Project
from branchmig.revisions.escaping import in_python
from branchmig.revisions.integrity import new_id_defect
from branchmig.revisions.revision_file import read_docstring

_UNSURE_NS = 2_000_000_000
"""Nanoseconds. Bytecode that was written so soon after its file may be of another version of it."""


class RevisionScript(Script):
    """A revision that looks like alembic's Script and loads its module on first use."""

    def __init__(self, revision: Revision, docstring: str | None = None) -> None:
        # Script.__init__ wants the module; what it does besides is this call.
        AlembicRevision.__init__(self, revision.id, revision.parents, revision.depends_on or None, revision.labels)
        assert revision.path is not None
        self.path = revision.path
        self._docstring = docstring

    @cached_property
    def module(self) -> ModuleType:  # type: ignore[override]  # a plain attribute there, made on demand here
        """The module, executed from its real file: `__file__` and tracebacks are the user's."""
        return load_module(Path(self.path))

    @property
    def longdoc(self) -> str:
        """The docstring, read without running the file."""
        if self._docstring is None:
            self._docstring = read_docstring(Path(self.path).read_bytes())
        return self._docstring


class ProjectScripts(ScriptDirectory):
    """alembic's ScriptDirectory over a RevisionDag; alembic's RevisionMap is made only when somebody asks."""

    def __init__(self, config: Config, project: Project) -> None:
        # from_config makes a plain ScriptDirectory whatever class it is called on.
        plain = ScriptDirectory.from_config(config)
        super().__init__(
            plain.dir,
            file_template=plain.file_template,
            truncate_slug_length=plain.truncate_slug_length,
            version_locations=plain.version_locations,
            sourceless=plain.sourceless,
            output_encoding=plain.output_encoding,
            timezone=plain.timezone,
            hooks=plain.hooks,
            recursive_version_locations=plain.recursive_version_locations,
            messaging_opts=plain.messaging_opts,
        )
        self._project = project
        self.template: Path | None = None
        """The template to write revisions with; None for script.py.mako of the script location."""
        self._written: tuple[Revision, ...] = ()
        self._drafts: Path | None = None
        self._destinations: dict[Path, Path] = {}

    @contextmanager
    def as_drafts(self) -> Iterator[None]:
        """Within the block, write revisions into a temporary folder, without post-write hooks and without a message."""
        with tempfile.TemporaryDirectory(prefix="branchmig-") as folder:
            self._drafts, self.hooks, self.messaging_opts = Path(folder), [], {"quiet": True}
            yield

    def destination(self, path: str) -> str:
        """Return where a revision that was written belongs: elsewhere only for a draft."""
        return str(self._destinations.get(Path(path), path))

    @property
    def dag(self) -> RevisionDag:
        """The project's graph, with what this run has written."""
        if not self._written:
            return self._project.dag
        return RevisionDag([*self._project.dag, *self._written])

    def _load_revisions(self) -> Iterator[Script]:
        for revision in sorted(self._project.dag, key=lambda revision: revision.path or ""):
            yield RevisionScript(revision)

    def _rev_path(self, path: Any, rev_id: str, message: str | None, create_date: Any) -> Path:
        """Return the path of a new revision file. Raises RevisionFileError for one that would be overwritten."""
        found = Path(super()._rev_path(path, rev_id, message, create_date))
        if found.exists():
            raise RevisionFileError(
                f"{found} exists already, and would be overwritten",
                "give another message, or put %(rev)s into file_template (in an ini file: %%(rev)s)",
            )
        if self._drafts is None:
            return found
        draft = self._drafts / found.name
        self._destinations[draft] = found
        return draft

    def _ensure_directory(self, path: Any) -> None:
        if self._drafts is None:
            super()._ensure_directory(path)

    def _generate_template(self, src: Path, dest: Path, **arguments: Any) -> None:
        super()._generate_template(self.template or src, dest, **arguments)

    def generate_revision(
        self,
        revid: str,
        message: str | None,
        head: str | Sequence[str] | None = None,
        splice: bool | None = False,
        branch_labels: str | Sequence[str] | None = None,
        version_path: Any = None,
        file_template: str | None = None,
        depends_on: str | Sequence[str] | None = None,
        **template_arguments: Any,
    ) -> Script | None:
        """Write a revision file, refusing before the first byte what would break the graph.

        Raises RevisionFileError for an id that cannot be stored or exists already, or a label that is taken,
        and what RevisionDag.resolve raises for `head` and `depends_on`.
        """
        _refuse_id(self.dag, revid)
        _refuse_labels(self.dag, as_list(branch_labels))
        for needed in as_list(depends_on):
            self.dag.resolve(needed)
        heads = [text for name in (["head"] if head is None else as_list(head)) for text in self.dag.resolve(name)]
        for parent in heads:
            if not splice and self.dag.children(parent):
                raise RevisionFileError(
                    f"Revision {parent} is not a head revision",
                    "build on a head, or start a branch there with --splice",
                )
        _refuse_place(self._project.config.version_locations, version_path, heads)
        _refuse_unwritable([revid, *heads])
        if version_path is None and heads:
            version_path = _location_of(self._project.config.version_locations, self.dag[heads[0]].path or "")
        script = super().generate_revision(
            revid,
            None if message is None else in_python(message),
            head=heads or "base",
            splice=splice,
            branch_labels=branch_labels,  # type: ignore[arg-type]
            version_path=version_path,
            file_template=file_template,
            depends_on=depends_on,  # type: ignore[arg-type]
            **template_arguments,
        )
        if script is not None:
            self._written += (_as_revision(script),)
        return script


def load_module(path: Path) -> ModuleType:
    """Execute a Python file and return its module. Raises whatever the file raises."""
    spec = importlib.util.spec_from_file_location(re.sub(r"\W", "_", path.name), path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if path.suffix == ".py" and not _is_bytecode_sure(path) and not _has_compiled(path):
        exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), module.__dict__)
    else:
        spec.loader.exec_module(module)
    return module


def _has_compiled(path: Path) -> bool:
    """Replace bytecode that cannot be relied on; return False where the file is too new for it, or nothing is written.

    A script that was run in the second in which it was checked out would else be compiled in every run after that.
    """
    try:
        if sys.dont_write_bytecode or time.time_ns() - path.stat().st_mtime_ns <= _UNSURE_NS:
            return False
        py_compile.compile(str(path), doraise=True)
    except (OSError, NotImplementedError, py_compile.PyCompileError):
        return False  # the run of the file reports a syntax error
    return True


def _is_bytecode_sure(path: Path) -> bool:
    """Return whether compiled bytecode in the cache can only be of the file as it is now.

    Python compares whole seconds and sizes. A script that was amended, or checked out from another branch, in the
    second in which its other version was run would run as that version.
    """
    try:
        written, compiled = path.stat().st_mtime_ns, os.stat(importlib.util.cache_from_source(str(path))).st_mtime_ns
    except (OSError, NotImplementedError):
        return True  # there is none
    return compiled - written > _UNSURE_NS


def as_list(value: str | Sequence[str] | None) -> list[str]:
    """Return nothing, one string or several as a list."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _location_of(locations: Sequence[Path], path: str) -> Path | None:
    """Return the version location that a file is somewhere below, where it is not right in one of them.

    Below several recursive locations alembic says that the folder of the head "is not represented".
    """
    folder = os.path.realpath(os.path.dirname(path))
    real = {os.path.realpath(location): location for location in locations}
    if folder in real:
        return None
    return next((location for name, location in real.items() if folder.startswith(name + os.sep)), None)


def _refuse_unwritable(ids: Sequence[str]) -> None:
    """Refuse what would end the docstring of the new file, where alembic's templates write the ids as they are."""
    for revision_id in ids:
        if '"""' in revision_id:
            raise RevisionFileError(
                f"revision id {revision_id!r} cannot be written into a docstring", "give that revision another id"
            )


def _as_revision(script: Script) -> Revision:
    return Revision(
        script.revision,
        tuple(as_list(script.down_revision)),
        tuple(as_list(script.dependencies)),
        tuple(script._orig_branch_labels),
        script.doc,
        script.path,
    )


def _refuse_id(dag: RevisionDag, revision_id: str) -> None:
    defect = new_id_defect(revision_id, [revision.id for revision in dag])
    if defect:
        refusal = f"revision id {revision_id!r} {defect}"
    elif revision_id in dag:
        refusal = f"revision {revision_id!r} exists already: {dag[revision_id].path}"
    elif revision_id in dag.labels:
        refusal = f"revision id {revision_id!r} is a branch label of {dag.labels[revision_id]!r}"
    else:
        return
    raise RevisionFileError(refusal, "choose another --rev-id, or leave it out")


def _refuse_labels(dag: RevisionDag, labels: Sequence[str]) -> None:
    for label in labels:
        owner = dag.labels.get(label, label if label in dag else None)
        if owner is not None:
            raise RevisionFileError(
                f"branch label {label!r} is taken by revision {owner!r}: {dag[owner].path}",
                "choose another --branch-label",
            )


def _refuse_place(locations: Sequence[Path], version_path: Any, parents: Sequence[str]) -> None:
    known = ", ".join(str(location) for location in locations)
    if version_path is not None and Path(version_path).absolute() not in locations:
        raise RevisionFileError(f"{version_path} is not one of the version_locations", f"they are: {known}")
    if version_path is None and not parents and len(locations) > 1:
        raise RevisionFileError(
            "there are several version_locations, and no parent that says which", f"--version-path, one of: {known}"
        )
