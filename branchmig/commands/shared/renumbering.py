"""`branchmig rebase --renumber`."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from branchmig import terminal
from branchmig.commands.shared.taking_down import Rewriting, agree, write
from branchmig.commands.shared.unmerged_names import refuse_unfinished
from branchmig.dag import RevisionDag
from branchmig.errors import BranchmigError, InvalidTarget, RevisionFileError, RevisionGraphError
from branchmig.git.history import short_ref
from branchmig.model import FileEdit, Plan, Revision
from branchmig.planning.plan import plan_addition, plan_removal
from branchmig.planning.renumber import Renumbering, plan_renumbering
from branchmig.project.config import Invocation
from branchmig.project.project import Project, View
from branchmig.revisions.escaping import in_shell
from branchmig.revisions.revision_edit import with_ids
from branchmig.workflows.applied_history import Record, ledger_records, pinned_records
from branchmig.workflows.own_revisions import Sides, refuse_landed, refuse_shared, rival_blobs, sides_of

if TYPE_CHECKING:
    from branchmig.database.file_names import FileNames
    from branchmig.database.identity import Identity
    from branchmig.database.surveying import VersionTable


_RENAME = "rename this branch's file first, or change file_template"


def renumber(invocation: Invocation, project: Project, rewriting: Rewriting) -> None:
    """Give this branch's own revisions new ids, and put them on top of the target's head where that is here."""
    from branchmig.database.file_names import FileNames, draw_id

    target = project.target(rewriting.onto)
    there, name = project.ref_view(target), short_ref(target)
    refuse_unfinished(project, there.ids, name)
    sides = sides_of(project, there, name)
    plan = plan_renumbering(sides.landed, sides.own, there.dag, name, draw_id)
    if not plan.changed:
        terminal.note(
            f"Nothing to renumber: no revision of this branch needs another id or parent beside {name}; "
            "to look at another branch: --target BRANCH"
        )
        return
    if not rewriting.force:
        changing = {change.before.id for change in plan.changed} | plan.moved
        revisions = [revision for revision in sides.own if revision.id in changing]
        refuse_landed(project, revisions, rival_blobs(there, sides))
        refuse_shared(project, revisions, rival_blobs(there, sides))
    files = _files(project, plan, FileNames(project.config, invocation))
    if rewriting.dry_run:
        terminal.answer(_diff(files, project))
        _note_mentions(project, files)
        if not rewriting.offline:
            terminal.note("No database was asked whether it has applied what would get another id.")
        return
    applied = AppliedHere() if rewriting.offline else rows_of(project, invocation, sides, plan, there)
    if applied.ids and not rewriting.sync:
        raise _refused(applied.ids, plan)
    _carry_out(invocation, project, plan, files, applied, yes=rewriting.yes)
    _say(project, plan, files, sides, name)
    if rewriting.offline:
        terminal.warning("no database was asked: one that has applied these revisions knows them by their old ids")


@dataclass(frozen=True, slots=True)
class _Files:
    """What becomes of the files: edits, new names by old ones, and by new name the lines where old ids stay."""

    edits: tuple[FileEdit, ...]
    names: Mapping[str, str]
    mentions: Mapping[str, tuple[int, ...]]


def _files(project: Project, plan: Renumbering, names: FileNames) -> _Files:
    """Decide on every file before the first is written. Raises RevisionFileError for what cannot be rewritten."""
    view, given_up = project.view(), {old for old, new in plan.becomes.items() if old != new}
    paths: dict[str, str] = {}
    sources: dict[str, bytes] = {}
    contents: dict[str, bytes] = {}
    mentions: dict[str, tuple[int, ...]] = {}
    for change in plan.revisions:
        path, source = change.before.path or "", view.script(change.before)
        new = path if change.before.id == change.after.id else names.renamed(change.before, source, change.after.id)
        done = with_ids(source, project.shown_path(path), replace(change.after, path=project.shown_path(new)), given_up)
        if done.mentions:
            mentions[new] = done.mentions
        if (new, done.content) != (path, source):
            if new in contents:
                raise RevisionFileError(f"two revisions would get the file name {project.shown_path(new)}", _RENAME)
            paths[path], sources[path], contents[new] = new, source, done.content
    for new in contents:
        if new not in sources and os.path.lexists(new):
            raise RevisionFileError(f"{project.shown_path(new)} exists already, and would be overwritten", _RENAME)
    origins = {new: old for old, new in paths.items()}
    edits = [FileEdit(new, sources.get(new), content, origins[new]) for new, content in contents.items()]
    edits += [FileEdit(path, source, None) for path, source in sources.items() if path not in contents]
    return _Files(tuple(edits), paths, mentions)


def _diff(files: _Files, project: Project) -> Iterator[str]:
    """Yield what git would say: renames, then the lines that change."""
    sources = {edit.path: edit.before for edit in files.edits if edit.before is not None}
    contents = {edit.path: edit.after for edit in files.edits if edit.after is not None}
    for old, new in files.names.items():
        before, after = project.shown_path(old), project.shown_path(new)
        if old != new:
            yield from (f"diff --git a/{before} b/{after}", f"rename from {before}", f"rename to {after}")
        lines, changed = (text.decode("utf-8", "replace").splitlines() for text in (sources[old], contents[new]))
        yield from difflib.unified_diff(lines, changed, f"a/{before}", f"b/{after}", lineterm="")


def _refused(ids: Sequence[str], plan: Renumbering) -> InvalidTarget:
    does = "reverts them and applies them again" if plan.moved.intersection(ids) else "sets its version rows"
    return InvalidTarget(
        f"the database has applied {', '.join(ids)}, which would get other ids",
        f"let the database follow, which {does}: branchmig rebase --renumber --sync",
    )


def _carry_out(
    invocation: Invocation,
    project: Project,
    plan: Renumbering,
    files: _Files,
    applied: AppliedHere,
    *,
    yes: bool,
) -> None:
    """Write the files, and make the databases follow: stamped where only ids change, else down and up again."""
    ids = applied.ids
    if not ids:
        write(project, files.edits)
        return
    stamps = not plan.moved.intersection(ids)
    if not stamps:
        assert applied.project is not None
        agree(applied.project, invocation, plan.onto, ids, yes)
    take_down(invocation, applied, stamps=stamps)
    try:
        write(project, files.edits)
    except (OSError, BranchmigError):
        bring_up(invocation, applied, {}, stamps=stamps)
        raise
    for done in bring_up(invocation, applied, plan.becomes, stamps=stamps):
        how = "Set the version rows of the database" if stamps else "Reverted and applied again in the database"
        terminal.note(f"{how}; it is at {', '.join(done.heads_after)}.")


def _say(project: Project, plan: Renumbering, files: _Files, sides: Sides, name: str) -> None:
    number = len(plan.changed)
    onto = f", onto {plan.onto}" if plan.moved else ""
    terminal.note(f"Renumbered {number} revision{'' if number == 1 else 's'}{onto}:")
    for change in plan.changed:
        old = change.before.path or ""
        new = files.names.get(old, old)
        named = project.shown_path(old) + ("" if old == new else f" -> {project.shown_path(new)}")
        below = ", ".join(change.after.parents) or None
        terminal.note(f"  {change.before.id} -> {change.after.id}  {named}: down_revision {below}")
    _note_mentions(project, files)
    if not plan.onto:
        terminal.note(
            f"{name}'s head is not in this checkout, so the parents stay: after git merge {in_shell(name)}, "
            "run branchmig rebase"
        )


def _note_mentions(project: Project, files: _Files) -> None:
    for path, lines in sorted(files.mentions.items()):
        terminal.warning(
            f"{project.shown_path(path)} still names an old id in its text, line {', '.join(map(str, lines))}: "
            "branchmig changes only what the graph reads"
        )


@dataclass(frozen=True, slots=True)
class AppliedHere:
    """The own revisions that each database has applied, by their old ids, and the project as it was applied."""

    by_database: Mapping[Identity, tuple[str, ...]] = field(default_factory=dict)
    project: Project | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """Return all of them, each once, in upgrade order."""
        order = () if self.project is None else self.project.dag.order()
        found = {revision_id for ids in self.by_database.values() for revision_id in ids}
        return tuple(revision_id for revision_id in order if revision_id in found)


def rows_of(project: Project, invocation: Invocation, sides: Sides, plan: Renumbering, there: View) -> AppliedHere:
    """Return the changing revisions that each database has applied.

    Raises InvalidTarget where a row may mean this branch's revision or the target's of the same id.
    """
    from branchmig.database.run.environment import Environment
    from branchmig.database.surveying import survey

    placed = project.with_scripts(_as_applied(sides), {})
    changing = {change.before.id for change in plan.changed} | plan.moved
    own = {revision.id: revision for revision in sides.own}

    def look(surveyed: VersionTable) -> tuple[Identity, tuple[str, ...]]:
        dag = placed.dag
        rows = [row for row in surveyed.rows if row is not None and row in dag and not is_rivals(surveyed, row)]
        has = dag.ancestors(rows).union(rows) & changing
        return surveyed.identity, tuple(revision_id for revision_id in dag.order() if revision_id in has)

    def is_rivals(surveyed: VersionTable, row: str) -> bool:
        if row not in sides.rivals:
            return False
        record = _record(placed, surveyed, row)
        ours = record.is_of(project.view().script(own[row]))
        theirs = record.is_of(there.script(sides.rivals[row]))
        if ours or theirs:
            return not ours
        files = [project.shown_path(revision.path or "") for revision in (own[row], sides.rivals[row])]
        raise InvalidTarget(
            f"{surveyed.identity} has applied {row}, and nothing records whether that was {files[0]} or the target's "
            f"{files[1]}",
            "leave the database out with --offline, then set its rows with: branchmig stamp --purge REVISION",
        )

    environment = Environment(placed, invocation, "current")
    return AppliedHere(dict(survey(environment, look)), placed)


def take_down(invocation: Invocation, here: AppliedHere, *, stamps: bool) -> None:
    """Revert the applied revisions, or with `stamps` only take their rows away."""
    if here.project is not None:
        dag = here.project.dag
        _run(here.project, invocation, "downgrade", here, stamps, lambda ids, rows: plan_removal(dag, ids, rows))


def bring_up(invocation: Invocation, here: AppliedHere, becomes: Mapping[str, str], *, stamps: bool) -> list[Plan]:
    """Apply the revisions again under their new ids, or with `stamps` only set their rows."""
    project = Project.open(invocation.files)
    return _run(
        project,
        invocation,
        "upgrade",
        here,
        stamps,
        lambda ids, rows: plan_addition(
            project.dag, [becomes.get(revision_id, revision_id) for revision_id in ids], rows
        ),
    )


def _run(
    project: Project,
    invocation: Invocation,
    command: str,
    here: AppliedHere,
    stamps: bool,
    plan_of: Callable[[Sequence[str], Sequence[str | None]], Plan],
) -> list[Plan]:
    from branchmig.database.identity import identity_of
    from branchmig.database.run.environment import Environment
    from branchmig.database.run.runner import run_plans

    environment = Environment(project, invocation, "stamp" if stamps else command)

    def planned(rows: Sequence[str | None]) -> Plan:
        assert environment.context is not None
        plan = plan_of(here.by_database.get(identity_of(environment.context), ()), rows)
        return replace(plan, steps=tuple(replace(step, direction="stamp") for step in plan.steps)) if stamps else plan

    return run_plans(environment, planned, terminal.Progress(not stamps).step)


def _as_applied(sides: Sides) -> RevisionDag:
    """Return this branch's graph with the old ids: without the target's revisions of these ids and what is above."""
    left_out = set(sides.rivals)
    kept: list[Revision] = list(sides.landed)
    while True:
        some = [
            revision for revision in kept if left_out.isdisjoint((revision.id, *revision.parents, *revision.depends_on))
        ]
        if len(some) == len(kept):
            break
        left_out |= {revision.id for revision in kept} - {revision.id for revision in some}
        kept = some
    try:
        return RevisionDag([*kept, *sides.own])
    except RevisionGraphError as error:
        raise InvalidTarget(
            f"branchmig cannot tell which revisions of this branch a database has applied: {error.problems[0].message}",
            "leave the database out with --offline",
        ) from error


def _record(project: Project, surveyed: VersionTable, row: str) -> Record:
    records = dict(pinned_records(project, project.dag, surveyed.identity.name) if surveyed.identity.is_local else {})
    if project.config.settings.journal:
        ledger = surveyed.ledger(project, [revision_id for revision_id in surveyed.rows if revision_id is not None])
        records |= ledger_records(ledger)
    return records.get(row, Record())
