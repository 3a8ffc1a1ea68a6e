"""Replaces some revisions by one: the content of its file, the files to delete, the obstacles. Writes nothing.

Also says where databases are, seen from a squash: past it, in the middle of what it replaced, or below.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from branchmig.dag import RevisionDag
from branchmig.effects.dialects import dialect_kind
from branchmig.effects.downgrades import downgrade_obstacle
from branchmig.effects.footprint import read_footprint
from branchmig.errors import BranchmigError, CannotFollow, GitError, RevisionFileError
from branchmig.git.history import branches, branches_beyond, commit_of, short_ref
from branchmig.git.staging import unmerged
from branchmig.model import FileEdit, Revision
from branchmig.planning.obstacles import RENUMBER
from branchmig.project.config import Invocation
from branchmig.project.project import Project, View
from branchmig.revisions.bindings import imported_files
from branchmig.revisions.escaping import in_shell
from branchmig.revisions.revision_file import read_docstring, read_revision
from branchmig.revisions.squash_bundle import bundle_text
from branchmig.revisions.squash_file import squash_text
from branchmig.revisions.squash_parts import Script, unkeepable
from branchmig.workflows.old_scripts import bundle_path, replaced_by

if TYPE_CHECKING:
    from branchmig.planning.squash import SquashPlan


_CREATED = re.compile(r"^[ \t]*Create Date:[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
_ASKS = re.compile(rb"\b(?:execute|get_bind|get_session|Session|sessionmaker)\b")
MOST_BRANCHES = 100
"""Other branches that are looked at for revisions which stand on the range."""


@dataclass(frozen=True, slots=True)
class Squash:
    """What a squash would write.

    `content` is the file at `path`; `removed` are the files that go. `as_sql` are the revisions whose script became
    SQL, each with the reason; `irreversible` why the downgrade() raises; `elsewhere` are the revisions of other
    branches that stand on what is replaced, each with its branch.
    """

    plan: SquashPlan
    message: str
    path: str
    content: bytes
    removed: tuple[str, ...]
    edits: tuple[FileEdit, ...]
    data_migrations: tuple[str, ...]
    as_sql: Mapping[str, str]
    irreversible: tuple[str, ...]
    elsewhere: tuple[tuple[str, str], ...] = ()
    bundle: str = ""
    """The path of the bundle of old scripts; empty where none is written."""

    def with_bundle(self, edit: FileEdit) -> Squash:
        """Return the squash with a bundle of the old scripts."""
        return replace(self, bundle=edit.path, edits=(*self.edits, edit))

    def with_elsewhere(self, found: tuple[tuple[str, str], ...]) -> Squash:
        """Return the squash with its children on other branches."""
        return replace(self, elsewhere=found)


def compose(project: Project, invocation: Invocation, plan: SquashPlan, message: str, path: str) -> Squash:
    """Return what the squash of some revisions would write, at `path`.

    Raises RevisionFileError for a file that is not in HEAD as it is in the work tree, for one that others import, and
    for a script that can be kept neither as code nor as SQL.
    """
    sources = _committed(project, plan)
    _refuse_imported(project, plan)
    scripts = [_script(revision, sources[revision.path or ""], path) for revision in plan.order]
    as_sql = {script.revision.id: reason for script in scripts if (reason := unkeepable(script))}
    if as_sql:
        scripts = _with_sql(project, invocation, scripts, as_sql)
    created = _CREATED.search(read_docstring(sources[plan.last.path or ""]))
    content = squash_text(scripts, plan.after, message, created[1] if created else "")
    _check(content, path, replace(plan.after, message=message, path=path))
    removed = tuple(revision.path or "" for revision in plan.order if revision.path != path)
    edits = [FileEdit(path, sources.get(path), content, plan.last.path or "")]
    edits += [FileEdit(name, sources[name], None) for name in removed]
    return Squash(
        plan,
        message,
        path,
        content,
        removed,
        tuple(edits),
        tuple(script.revision.id for script in scripts if script.moves_rows),
        as_sql,
        tuple(f"{script.revision.id} {script.obstacle}" for script in scripts if script.obstacle),
    )


def bundle_edit(project: Project, squash: Squash) -> FileEdit:
    """Return the edit that writes the old scripts of a squash beside the version folder."""
    texts = project.view().read([revision.path or "" for revision in squash.plan.order])
    return _bundle(
        project,
        replace(squash.plan.after, path=squash.path),
        commit_of(project.tracked, "HEAD"),
        squash.plan.order,
        texts,
    )


def bundles_of_history(project: Project) -> list[FileEdit]:
    """Return the edits that write the bundles of the checkout's squashes, and of those that these replaced.

    Raises CannotFollow for old scripts that the history does not have.
    """
    edits = []
    waiting = [(revision, "HEAD") for revision in project.dag if revision.replaces]
    while waiting:
        squash, commit = waiting.pop()
        old = replaced_by(project, squash, commit)
        if old is None:
            raise CannotFollow(
                f"the history of this checkout does not have the scripts that {squash.id} replaces",
                "git fetch --unshallow; a branch that still has them can be squashed again",
            )
        texts = project.tree_view(old.commit).read([revision.path or "" for revision in old.revisions])
        edits.append(_bundle(project, squash, old.commit, old.revisions, texts))
        waiting += [(revision, old.commit) for revision in old.revisions if revision.replaces]
    return list({edit.path: edit for edit in reversed(edits)}.values())


def _bundle(
    project: Project, squash: Revision, commit: str, revisions: Sequence[Revision], texts: Mapping[str, bytes]
) -> FileEdit:
    path = bundle_path(project, squash.path or "", squash.id)
    home = os.path.dirname(squash.path or "")
    named = [
        replace(revision, path=os.path.relpath(revision.path or "", home).replace(os.sep, "/"))
        for revision in revisions
    ]
    content = bundle_text(squash.id, commit, named, {revision.id: texts[revision.path or ""] for revision in revisions})
    return FileEdit(path, Path(path).read_bytes() if os.path.exists(path) else None, content, squash.path or "")


def standing_elsewhere(project: Project, plan: SquashPlan) -> tuple[tuple[str, str], ...]:
    """Return the branches beyond HEAD whose own revisions stand on what a squash replaces: branch and revision."""
    repository, replaced = project.tracked, plan.ids - {plan.after.id}
    beyond = branches_beyond(repository, commit_of(repository, "HEAD"))
    found = []
    for ref, commit in sorted(branches(repository).items())[:MOST_BRANCHES]:
        if short_ref(ref) not in beyond:
            continue
        try:
            view = project.tree_view(commit)
        except BranchmigError:
            continue
        found += [
            (short_ref(ref), revision.id)
            for revision in view.revisions
            if revision.id not in project.dag and not replaced.isdisjoint((*revision.parents, *revision.depends_on))
        ]
    return tuple(found)


def _committed(project: Project, plan: SquashPlan) -> dict[str, bytes]:
    """Return the text of each file. Raises RevisionFileError for one that git's history would not keep as it is."""
    repository = project.tracked
    for path in unmerged(repository, project.folders):
        raise RevisionFileError(f"{path} is in conflict", f"resolve it and 'git add {path}' first")
    paths = [revision.path or "" for revision in plan.order]
    if compiled := [path for path in paths if not path.endswith(".py")]:
        raise RevisionFileError(
            f"{project.shown_path(compiled[0])} has no source", "squash where the sources of the revisions are"
        )
    here = project.view().read(paths)
    there = project.ref_view("HEAD")
    known = there.read([path for path in paths if path in there.blobs])
    for path in paths:
        if path not in known or _plain(known[path]) != _plain(here[path]):
            what = "is not committed" if path not in known else "was changed since the last commit"
            raise RevisionFileError(
                f"{project.shown_path(path)} {what}: databases in the middle of the range run the old scripts from "
                "git's history",
                f"commit it first: git add -- {in_shell(project.shown_path(path))}; git commit",
            )
    return dict(here)


def _plain(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")


def _refuse_imported(project: Project, plan: SquashPlan) -> None:
    """Raise RevisionFileError where a script takes something from the file of another one that goes."""
    view = project.view()
    going = {os.path.basename(revision.path or "")[:-3]: revision.path for revision in plan.order}
    texts = view.read([revision.path for revision in view.revisions if revision.path and revision.path.endswith(".py")])
    for path, text in sorted(texts.items()):
        for name in sorted(imported_files(text) & going.keys()):
            if going[name] != path:
                raise RevisionFileError(
                    f"{project.shown_path(path)} takes something from {project.shown_path(going[name] or '')}, which "
                    "would be gone",
                    "move what both need to a module beside the version folder first",
                )


def _script(revision: Revision, source: bytes, path: str) -> Script:
    footprint = read_footprint(source)
    moves = any(touch.action == "write" for touch in footprint.touches)
    moves = moves or (bool(footprint.opaque) and _ASKS.search(source) is not None)
    file = os.path.relpath(revision.path or "", os.path.dirname(path)).replace(os.sep, "/")
    return Script(revision, source, file, moves, downgrade_obstacle(source) or "")


def _with_sql(
    project: Project, invocation: Invocation, scripts: Sequence[Script], reasons: Mapping[str, str]
) -> list[Script]:
    """Return the scripts, with the SQL of those that cannot be kept as code, as env.py has it written."""
    from branchmig.database.run.offline import written_sql
    from branchmig.effects.sql_statements import split_statements

    def refused(revision: str, why: str) -> RevisionFileError:
        return RevisionFileError(
            f"the script of {revision!r} can be kept neither as code ({reasons[revision]}) nor as SQL ({why})",
            "write it otherwise first, or squash the ranges below and above it",
        )

    first = next(iter(reasons))
    takes_arguments = re.compile(rb"^def upgrade\(\s*\w", re.MULTILINE)
    if any(takes_arguments.search(script.source) for script in scripts):
        raise refused(first, "the scripts are for several databases")
    try:
        written = written_sql(project, invocation, frozenset(reasons), lambda *_: None)
    except BranchmigError as error:
        raise refused(first, error.message) from error
    if len(written.dialects) != 1:
        raise refused(first, f"env.py has {len(written.dialects)} kinds of database")
    found = []
    for script in scripts:
        if script.revision.id not in reasons:
            found.append(script)
            continue
        text = written.texts[script.revision.id]
        if "-- cannot be written as SQL" in text:
            raise refused(script.revision.id, text.partition("as SQL: ")[2].strip())
        statements = tuple(split_statements(text, has_backslash_escapes=dialect_kind(written.dialects[0]) == "mysql"))
        reason = f"{reasons[script.revision.id]}; for {written.dialects[0]} alone"
        obstacle = script.obstacle or "became SQL, and nothing says how to undo that"
        found.append(replace(script, sql=statements, sql_reason=reason, obstacle=obstacle))
    return found


def _check(content: bytes, path: str, wanted: Revision) -> None:
    found = read_revision(content, path)
    if found != replace(wanted, unknown_labels=""):
        raise RevisionFileError(f"{path}: the squash cannot be written such that its header says {wanted}", RENUMBER)


def view_of(project: Project) -> View:
    """Return the work tree. Raises GitError without a repository, which keeps the old scripts."""
    if project.repository is None:
        raise GitError(
            f"{project.config.script_location} is in no git repository, which would keep the old scripts for databases "
            "in the middle of the range",
            "git init; git add .; git commit",
        )
    return project.view()


State = Literal["past", "middle", "below", "unknown"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One version table: its rows, or why they cannot be known."""

    name: str
    rows: Sequence[str] | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """Where one database is. `rows` are those that say so; `reason` why it is unknown."""

    name: str
    state: State
    rows: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SquashStatus:
    """A squash, the path of its bundle if there is one, and the databases that were asked."""

    squash: Revision
    bundle: str
    databases: tuple[DatabaseStatus, ...]

    @property
    def is_in_use(self) -> bool:
        """Whether a database still needs the old scripts."""
        return any(database.state == "middle" for database in self.databases)

    @property
    def is_unknown(self) -> bool:
        """Whether one is unknown."""
        return any(database.state == "unknown" for database in self.databases)

    @property
    def may_go(self) -> bool:
        """Whether all that were asked can do without the old scripts, as far as all are known."""
        return not self.is_in_use and not self.is_unknown


def status_of(dag: RevisionDag, squash: Revision, asked: Asked) -> DatabaseStatus:
    """Return where a database is: `past`, in the `middle`, `below` (it will run the squash itself), or `unknown`."""
    if asked.rows is None:
        return DatabaseStatus(asked.name, "unknown", (), asked.error)
    rows = tuple(sorted(map(str, asked.rows)))
    known = [row for row in rows if row in dag]
    if squash.id in dag.ancestors(known).union(known):
        return DatabaseStatus(asked.name, "past", rows)
    if within := tuple(row for row in rows if row in squash.replaces):
        return DatabaseStatus(asked.name, "middle", within)
    # A row within another squash says where the database is, too: revisions above that are not applied.
    others = [revision for revision in dag if revision.replaces]
    lost = [row for row in rows if row not in dag and not any(row in other.replaces for other in others)]
    if lost:
        return DatabaseStatus(asked.name, "unknown", rows, f"this checkout does not have {', '.join(lost)}")
    return DatabaseStatus(asked.name, "below", rows)
