"""The text of a merge revision as alembic's template and the project's post-write hooks make it; imports no script.

alembic's own generate_revision() imports the file that it has written, and whatever the template imports: in a git
hook that would be code of the branch that was just merged.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from branchmig.database.trusted import TEMPLATE, texts_at, writing_as
from branchmig.errors import ConfigurationError, RevisionFileError
from branchmig.merge import NewMerge
from branchmig.project.config import Invocation, Texts
from branchmig.project.config_facts import NewFiles, new_files
from branchmig.project.project import Project
from branchmig.revisions.escaping import in_python
from branchmig.revisions.revision_edit import with_note
from branchmig.revisions.revision_file import read_revision


@dataclass(frozen=True, slots=True)
class NewFile:
    """A merge revision to be written, the folder that is to hold it, and lines for its docstring."""

    revision: NewMerge
    folder: Path
    note: tuple[str, ...]


def merge_texts(
    project: Project, invocation: Invocation, wanted: Sequence[NewFile], trusted: str
) -> list[tuple[Path, bytes]]:
    """Return the paths and the texts of merge revisions, as template and settings of a commit make them.

    Raises ConfigurationError where the template needs env.py, RevisionFileError where it does not write the revision.
    """
    texts = texts_at(project, trusted)[1]
    names = new_files(project.config.files, Texts(texts["ini"], texts["toml"]))
    if names.needs_env:
        raise ConfigurationError(
            "revision_environment = true: the template needs env.py, which is not run unasked", "branchmig merge"
        )
    template = texts[TEMPLATE] or b""
    if names.has_hooks or b"config" in template:
        with writing_as(project, invocation, trusted, trusted[:10]) as (at, calling, laid_out):
            return [_by_alembic(at, calling, new, laid_out) for new in wanted]
    return [_by_mako(template if template.strip() else _generic(), names, new) for new in wanted]


def _generic() -> bytes:
    """Return alembic's own template, for a project that has none, or an empty one; found without importing alembic."""
    spec = find_spec("alembic")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0], "templates", "generic", "script.py.mako").read_bytes()


def _by_mako(template: bytes, names: NewFiles, new: NewFile) -> tuple[Path, bytes]:
    """Fill the template in without alembic, whose import takes as long as all the rest of a hook."""
    from mako.template import Template  # type: ignore[import-untyped]  # it has no types

    message, created = in_python(new.revision.message), _as_alembic(new.revision.created, names.timezone)
    slug = "_".join(re.findall(r"\w+", message)).lower()
    if len(slug) > names.longest_slug:
        slug = slug[: names.longest_slug].rpartition("_")[0] + "_"
    parts = {"rev": new.revision.id, "slug": slug, "epoch": int(created.timestamp())}
    parts |= {unit: getattr(created, unit) for unit in ("year", "month", "day", "hour", "minute", "second")}
    path = new.folder / f"{names.file_template % parts}.py"
    try:
        text = Template(template).render_unicode(  # Python, not HTML
            up_revision=new.revision.id,
            down_revision=new.revision.parents,
            branch_labels=None,
            depends_on=None,
            create_date=created,
            comma=_comma,
            message=message,
        )
        content = text.encode(names.encoding)
    except Exception as error:  # a template may raise anything
        raise RevisionFileError(f"script.py.mako: {type(error).__name__}: {error}", "branchmig merge") from error
    return path, _checked(with_note(content, str(path), new.note), path, new.revision)


def _comma(value: Sequence[str] | str | None) -> str:
    """Return what templates show of parents."""
    return "" if value is None else value if isinstance(value, str) else ", ".join(value)


def _by_alembic(project: Project, invocation: Invocation, new: NewFile, template: Path | None) -> tuple[Path, bytes]:
    """Have alembic fill the template in, and run the post-write hooks.

    The file stands in its folder for as long as they run: they look for their settings beside it.
    """
    from alembic.script import write_hooks

    from branchmig.database.run import failures
    from branchmig.database.run.environment import Environment, silent
    from branchmig.database.run.hook_watch import hooks_watched

    with silent(), _standing(new.folder):
        environment = Environment(project, invocation, "merge", {})
        scripts, revision = environment.scripts, new.revision
        created = _as_alembic(revision.created, scripts.timezone)
        scripts.template = template
        with failures.translated("script.py.mako"), hooks_watched():
            path = scripts._rev_path(new.folder, revision.id, in_python(revision.message), created)
            with _standing(path.parent), _removed(path):
                scripts._generate_template(
                    Path(scripts.dir, "script.py.mako"),
                    path,
                    up_revision=revision.id,
                    down_revision=revision.parents,
                    branch_labels=None,
                    depends_on=None,
                    create_date=created,
                    comma=_comma,
                    message=in_python(revision.message),
                    config=environment.config,
                )
                if scripts.hooks:
                    write_hooks._run_hooks(path, scripts.hooks)
                content = with_note(path.read_bytes(), str(path), new.note)
    return path, _checked(content, path, revision)


def _checked(content: bytes, path: Path, new: NewMerge) -> bytes:
    if os.path.lexists(path):
        raise RevisionFileError(f"{path} exists already, and would be overwritten", "put %(rev)s into file_template")
    found = read_revision(content, str(path))
    if (getattr(found, "id", None), getattr(found, "parents", None)) != (new.id, new.parents):
        raise RevisionFileError(
            f"script.py.mako does not write revision {new.id!r} with the parents {', '.join(new.parents)}",
            "write the merge revision by hand: branchmig merge",
        )
    return content


def _as_alembic(second: int, timezone: str | None) -> datetime:
    """Return a second of the epoch as alembic has it: in the `timezone` of the settings, else local without a zone."""
    created = datetime.fromtimestamp(second, UTC)
    if timezone is None:
        return created.astimezone().replace(tzinfo=None)
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    for name in (timezone, timezone.upper()):
        with suppress(ZoneInfoNotFoundError):
            return created.astimezone(ZoneInfo(name))
    raise ConfigurationError(f"timezone = {timezone}: no such time zone", "see 'timezone' in the settings")


@contextmanager
def _removed(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _standing(folder: Path) -> Iterator[None]:
    """Have a folder within the block: a sparse checkout may leave it out."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for path in missing:
            with suppress(OSError):
                os.rmdir(path)
