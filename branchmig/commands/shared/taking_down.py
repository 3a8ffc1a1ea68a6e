"""The effects of `branchmig rebase` on databases and files: reverts and reapplies revisions, writes the edits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from branchmig import terminal
from branchmig.commands.shared.flow import confirm
from branchmig.effects.losses import losses_of
from branchmig.git.paths import paths_from_top
from branchmig.git.staging import intend_to_add, stage, staged_as_they_are, tracked_files
from branchmig.model import FileEdit
from branchmig.project.config import Invocation
from branchmig.project.file_edits import apply_edits, recover
from branchmig.project.project import Project
from branchmig.render.sync import losses_text


@dataclass(frozen=True, slots=True)
class Rewriting:
    """How this branch's own revisions are rewritten: onto which ref, whether databases follow, what is not asked."""

    onto: str | None
    offline: bool
    sync: bool
    yes: bool
    force: bool
    dry_run: bool = False


def recover_edits(project: Project, what: str) -> None:
    """Put back the files of a `what` that was killed while it wrote them."""
    for path in recover(_journal(project)):
        terminal.warning(f"put back {project.shown_path(path)}, which a killed {what} had changed")


def _journal(project: Project) -> Path:
    return project.tracked.git_dir / "branchmig" / "edits.json"


def agree(project: Project, invocation: Invocation, onto: str, applied: Sequence[str], yes: bool) -> None:
    """Show what --sync takes down and destroys, and go on only with a yes. Raises AnswerIsNo without one."""
    shown = [
        f"These revisions will be reverted, rebased onto {onto}, and applied again:",
        *(f"  {revision_id}  {project.dag[revision_id].title}" for revision_id in reversed(applied)),
        *_destroyed(project, invocation, applied),
    ]
    question = "The rows of their tables and columns are lost. Go on?"
    confirm(question, yes, hint="to go on without being asked: --sync --yes", shown=shown)


def _destroyed(project: Project, invocation: Invocation, applied: Sequence[str]) -> list[str]:
    """Return what undoing some revisions destroys in each database, with how many rows that holds now."""
    from branchmig.database.run.environment import Environment
    from branchmig.database.surveying import survey

    losses = losses_of(project.view().scripts(project.dag[revision_id] for revision_id in reversed(applied)))
    environment = Environment(project, invocation, "downgrade")
    counted = survey(environment, lambda surveyed: surveyed.counted(losses.certain))
    lines = [f"  destroys {losses_text(item)}" for item in counted if item]
    return lines + [f"  cannot tell all that undoing {name} destroys: {why}" for name, why in losses.unclear]


def write(project: Project, edits: Sequence[FileEdit]) -> None:
    """Write the edits, all or none; what was staged as it was in the work tree is staged again, renames included.

    A new name of a file that git tracks is made known to git, so that `git commit --all` takes both names.
    """
    inside = paths_from_top(project.tracked, {edit.path: edit.path for edit in edits})
    before = [inside[edit.path] for edit in edits if edit.before is not None and edit.path in inside]
    staged = frozenset(staged_as_they_are(project.tracked, before))
    tracked = tracked_files(project.tracked, before)
    origins = {inside[edit.path]: inside.get(edit.like, "") for edit in edits if edit.path in inside}
    apply_edits(edits, _journal(project))
    stage(project.tracked, sorted(path for path, origin in origins.items() if path in staged or origin in staged))
    known = sorted(path for path, origin in origins.items() if origin in tracked - staged and path not in tracked)
    intend_to_add(project.tracked, known)


def downgrade(project: Project, invocation: Invocation, moved: Collection[str]) -> None:
    """Revert some revisions in every database that env.py opens, as far as they are applied."""
    from branchmig.database.run.environment import Environment
    from branchmig.database.run.runner import run_plans
    from branchmig.planning.plan import plan_removal

    environment = Environment(project, invocation, "downgrade")
    run_plans(environment, lambda rows: plan_removal(project.dag, moved, rows), terminal.Progress().step)


def upgrade(invocation: Invocation, wanted: Sequence[str]) -> None:
    """Apply some revisions, as the files now have them."""
    from branchmig.database.run.environment import Environment
    from branchmig.database.run.runner import run_plans
    from branchmig.planning.plan import plan_addition

    project = Project.open(invocation.files)
    environment = Environment(project, invocation, "upgrade")
    plans = run_plans(environment, lambda rows: plan_addition(project.dag, wanted, rows), terminal.Progress().step)
    terminal.note(*(f"Reverted and applied again; the database is at {', '.join(done.heads_after)}." for done in plans))
