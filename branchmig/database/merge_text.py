"""The text of a merge revision as alembic's template and the project's post-write hooks make it; imports no script.

alembic's own generate_revision() imports the file that it has written, and whatever the template imports: in a git
hook that would be code of the branch that was just merged.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.script import write_hooks
from alembic.util import format_as_comma

from branchmig.database.run import failures
from branchmig.database.run.environment import Environment, silent
from branchmig.database.run.hook_watch import hooks_watched
from branchmig.errors import ConfigurationError, RevisionFileError
from branchmig.revisions.escaping import in_python
from branchmig.revisions.revision_edit import with_note
from branchmig.revisions.revision_file import read_revision

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from branchmig.merge import NewMerge
    from branchmig.project.config import Invocation
    from branchmig.project.project import Project


def merge_text(
    project: Project, invocation: Invocation, new: NewMerge, folder: Path, note: Sequence[str], template: Path | None
) -> tuple[str, bytes]:
    """Return the name and the text of a merge revision's file, which `folder` would hold.

    The file stands there for as long as the hooks that format it run: they look for their settings beside it. Raises
    ConfigurationError where the template needs env.py, RevisionFileError where it does not write the revision.
    """
    if project.config.revision_environment:
        raise ConfigurationError(
            "revision_environment = true: the template needs env.py, which is not run unasked", "branchmig merge"
        )
    with silent(), _standing(folder):
        environment = Environment(project, invocation, "merge", {})
        scripts = environment.scripts
        scripts.template = template
        with failures.translated("script.py.mako"), hooks_watched():
            path = scripts._rev_path(folder, new.id, in_python(new.message), _as_alembic(new.created, scripts.timezone))
            try:
                scripts._generate_template(
                    Path(scripts.dir, "script.py.mako"),
                    path,
                    up_revision=new.id,
                    down_revision=new.parents,
                    branch_labels=None,
                    depends_on=None,
                    create_date=_as_alembic(new.created, scripts.timezone),
                    comma=format_as_comma,
                    message=in_python(new.message),
                    config=environment.config,
                )
                if scripts.hooks:
                    write_hooks._run_hooks(path, scripts.hooks)
                content = with_note(path.read_bytes(), str(path), note)
            finally:
                path.unlink(missing_ok=True)
    return path.name, _checked(content, path, new)


def _checked(content: bytes, path: Path, new: NewMerge) -> bytes:
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
