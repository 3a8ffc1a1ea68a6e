"""`branchmig rebase`."""

from __future__ import annotations

from typing import Any

import click

from branchmig import terminal
from branchmig.commands.shared.options import REF, pass_invocation
from branchmig.commands.shared.taking_down import Rewriting, agree, downgrade, recover_edits, upgrade, write
from branchmig.dag import RevisionDag
from branchmig.errors import InvalidTarget, RevisionFileError, RevisionGraphError, SameIdTwice
from branchmig.git.history import short_ref
from branchmig.git.staging import unmerged
from branchmig.model import FileEdit
from branchmig.planning.obstacles import RENUMBER
from branchmig.planning.rebase import RebasePlan, as_in_files, moved_revisions, on_squashes, plan_rebase, rebased
from branchmig.project.config import Invocation
from branchmig.project.file_edits import diff_lines
from branchmig.project.project import Project
from branchmig.revisions.revision_edit import with_parents
from branchmig.workflows.own_revisions import refuse_shared, same_ids, with_way_out


@click.command("rebase")
@click.option(
    "--target",
    "onto",
    metavar="REF",
    type=REF,
    help="Git branch to put the revisions onto, instead of the target branch.",
)
@click.option("--renumber", is_flag=True, help="Also give them new ids: the next numbers where ids are numbers.")
@click.option(
    "--dry-run", "--plan", "dry_run", is_flag=True, help="Show what would change; change nothing, and ask no database."
)
@click.option(
    "--offline", is_flag=True, help="Do not ask the database whether it has applied a revision that would move."
)
@click.option("--sync", is_flag=True, help="Revert the revisions that move first, and apply them again after.")
@click.option("-y", "--yes", is_flag=True, help="With --sync: do not ask.")
@click.option("--force", is_flag=True, help="Also move revisions that a tag or another branch holds.")
@pass_invocation
def command(invocation: Invocation, /, renumber: bool, **given: Any) -> None:
    """Put this branch's own revisions on top of the target's head.

    Moves every revision that the work tree has and the target branch lacks: a line, or a graph with forks and
    merges. Changes only the down_revision of its lowest files; ids stay. Works during a git merge or rebase. If the
    target has squashed the parent of a revision, puts the revision on top of the target's head, too.
    Refuses if the database has applied a revision that would move, or if a tag or another branch has one.

    With --renumber, also gives them new ids and file names, for two branches that used one id. If the target branch
    is not merged in yet, the parents stay. With --sync, also updates the database: if only ids change, only its
    version rows.
    """
    rewriting = Rewriting(**given)
    if rewriting.offline and rewriting.sync:
        raise click.UsageError("--sync asks the database, --offline leaves it out: give one of them")
    project = Project.open(invocation.files)
    recover_edits(project, "rebase")
    if renumber:
        from branchmig.commands.shared.renumbering import renumber as carry_out

        carry_out(invocation, project, rewriting)
        return
    _rebase(invocation, project, rewriting)


def _rebase(invocation: Invocation, project: Project, rewriting: Rewriting) -> None:
    for path in unmerged(project.tracked, project.folders):
        raise RevisionFileError(f"{path} is in conflict", f"resolve it and 'git add {path}' first")
    target = project.target(rewriting.onto)
    here = _on_squashes(project, target)
    plan = _plan(here, target)
    if not plan.moves:
        terminal.note(f"Nothing to rebase: this branch's revisions are already on top of {plan.onto}.")
        return
    if not rewriting.force:
        refuse_shared(here, [here.dag[revision_id] for revision_id in sorted(moved_revisions(here.dag, plan))])
    edits = _edits(project, plan)
    _warn_of_collisions(here)
    if rewriting.dry_run:
        terminal.answer(diff_lines(edits, project.shown_path))
        if not rewriting.offline:
            terminal.note("No database was asked whether it has applied a revision that would move.")
        return
    applied = () if rewriting.offline else _applied(here, invocation, plan, is_on_squash=here is not project)
    if applied and here is not project:
        raise _refused_on_squash(applied)
    if applied and not rewriting.sync:
        raise _refused(applied)
    if applied:
        agree(project, invocation, plan.onto, applied, rewriting.yes)
        downgrade(project, invocation, moved_revisions(project.dag, plan))
    write(project, edits)
    _report(here, plan, edits, rewriting.offline)
    if applied:
        upgrade(invocation, applied)


def _plan(project: Project, target: str) -> RebasePlan:
    view = project.ref_view(target)
    for twice in same_ids(project, project.view(), view, short_ref(target)):
        raise SameIdTwice(twice.shown(project.shown_path), RENUMBER)
    plan = plan_rebase(project.dag, view.dag, short_ref(target))
    RevisionDag(rebased(project.dag, plan))
    return as_in_files(plan, project.dag, project.view().revisions)


def _on_squashes(project: Project, target: str) -> Project:
    """Return the project; where a landed squash replaced parents of its revisions, with the squash in their place."""
    try:
        _ = project.dag
    except RevisionGraphError as error:
        view = project.view()
        if view.problems or {problem.code for problem in error.problems} != {"missing-parent"}:
            raise RevisionGraphError(with_way_out(project, error.problems, target)) from error
        try:
            return project.with_scripts(RevisionDag(on_squashes(view.revisions)), {})
        except RevisionGraphError:
            raise error from None
    return project


def _warn_of_collisions(project: Project) -> None:
    """Warn of scripts that fail in either order: on top of each other, too."""
    from branchmig.workflows.conflicts import compare_heads
    from branchmig.workflows.ways_out import way_out

    heads = project.dag.heads()
    found = compare_heads(project.view(), heads).conflicts if len(heads) > 1 else ()
    hopeless = [collision for collision in found if collision.fails_both_ways]
    if hopeless:
        objects = ", ".join(sorted({collision.object for collision in hopeless}))
        terminal.warning(
            f"the scripts collide over {objects}, and a rebase does not change that: "
            f"{way_out(project, project.view(), hopeless)}"
        )


def _edits(project: Project, plan: RebasePlan) -> list[FileEdit]:
    edits = []
    for move in plan.moves:
        path, before = move.revision.path or "", project.view().script(move.revision)
        edits.append(FileEdit(path, before, with_parents(before, project.shown_path(path), move.parents)))
    return edits


def _applied(project: Project, invocation: Invocation, plan: RebasePlan, *, is_on_squash: bool) -> tuple[str, ...]:
    """Return the revisions that would move and that the database has, in upgrade order."""
    from branchmig.database.reader import read_applied, read_rows_as_they_are

    if is_on_squash:
        # A database from before the squash has rows of replaced revisions, or a squash beside what is now above it.
        found = read_rows_as_they_are(project, invocation, "upgrade")
        rows = tuple(sorted({row for each in found for row in each.rows if row in project.dag}))
    else:
        rows = read_applied(project, invocation, "upgrade")
    has = project.dag.ancestors(rows).union(rows) & moved_revisions(project.dag, plan)
    return tuple(revision_id for revision_id in project.dag.order() if revision_id in has)


def _refused(applied: tuple[str, ...]) -> InvalidTarget:
    return InvalidTarget(
        f"the database has applied {', '.join(applied)}, which would move: the revisions then below them would "
        "never run there",
        "join the lines with 'branchmig merge' instead, or revert them and apply them again: branchmig rebase --sync",
    )


def _refused_on_squash(applied: tuple[str, ...]) -> InvalidTarget:
    return InvalidTarget(
        f"the database has applied {', '.join(applied)}, on revisions that a squash has replaced since",
        "revert them where their old parents are, on the commit before the merge: branchmig downgrade",
    )


def _report(project: Project, plan: RebasePlan, edits: list[FileEdit], offline: bool) -> None:
    moved = len(moved_revisions(project.dag, plan))
    terminal.note(f"Rebased {moved} revision{'' if moved == 1 else 's'} onto {plan.onto}:")
    for move, edit in zip(plan.moves, edits, strict=True):
        terminal.note(f"  {project.shown_path(edit.path)}: down_revision {', '.join(move.parents) or None}")
    if offline:
        terminal.warning(
            "no database was asked: a database that has applied them will not run the revisions that are below them now"
        )
