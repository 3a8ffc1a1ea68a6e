"""`branchmig switch`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from branchmig import terminal
from branchmig.commands.shared.keeping import Asking, CannotKeep, Switching, keep_and_switch, planned, warn_of
from branchmig.commands.shared.options import BRANCH, REF, format_option, pass_invocation, plan_option
from branchmig.commands.shared.sync_shared import allow_empty_option, carry_out_all, confirm, show
from branchmig.dag import RevisionDag
from branchmig.errors import CannotFollow, GitError, MigrationFailed, RevisionGraphError
from branchmig.git.history import commit_of, current_branch
from branchmig.git.switching import destination, previous_branch, refuse_busy, refuse_impossible, refuse_to_make, switch
from branchmig.model import Plan
from branchmig.project.config import ConfigFiles, Invocation, locating_keys
from branchmig.project.consent import keeps
from branchmig.project.project import Project
from branchmig.render.sync import switch_document, sync_entry
from branchmig.revisions.escaping import in_shell
from branchmig.workflows.database_sync import SyncOptions, SyncPlan, carry_out, foresee

if TYPE_CHECKING:
    from branchmig.git.absence import Checkout


@click.command("switch")
@click.argument("branch", type=BRANCH)
@click.argument("start", required=False, type=REF)
@click.option("-c", "--create", is_flag=True, help="Make BRANCH, at START or where you are.")
@click.option("-d", "--detach", is_flag=True, help="BRANCH is any commit: check it out without a branch.")
@click.option("-y", "--yes", is_flag=True, help="Run the steps without asking.")
@plan_option
@click.option(
    "--keep/--no-keep",
    default=None,
    help="Set the database aside for the branch that you leave, and restore that of BRANCH.",
)
@allow_empty_option
@format_option
@pass_invocation
def command(
    invocation: Invocation,
    branch: str,
    start: str | None,
    create: bool,
    detach: bool,
    yes: bool,
    plan_only: bool,
    keep: bool | None,
    allow_empty: bool,
    format_: str,
) -> None:
    """Switch to another git branch and update the database to match.

    Reverts the unlanded work of other branches, lets git switch, then applies the revisions of BRANCH. Shows the
    steps and what they destroy, and asks first. If git refuses to switch, branchmig restores the database.

    With --keep, sets the whole database aside and restores it when you return to its branch. A new branch starts
    from a copy of the nearest state, and runs only its own steps.
    """
    if start is not None and not create:
        raise click.UsageError("START goes with --create")
    if create and detach:
        raise click.UsageError("--create and --detach exclude each other")
    project = Project.open(invocation.files)
    words = _words(branch, start, create, detach)
    commit = None if create and start is None else _commit(project, branch, start, detach)
    name = None if create or detach else branch
    target = branch if create else previous_branch(project.tracked) if name == "-" else name
    wish = Wish(words, commit, branch, name, target, start)
    refuse_busy(project.tracked, None if create or detach else target)
    if create:
        refuse_to_make(project.tracked, branch)
    if not plan_only and (keeps(project) if keep is None else keep):
        try:
            document = _kept(project, invocation, wish, yes, bool(keep))
        except CannotKeep as error:
            warn_of(error)
        else:
            if format_ == "json":
                terminal.document(document)
            return
    if plan_only:
        is_kept = keeps(project) if keep is None else keep
        _show_plan(project, invocation, wish, allow_empty, format_, is_kept=is_kept)
        return
    _followed(project, invocation, wish, yes, allow_empty, format_)


@dataclass(frozen=True, slots=True)
class Wish:
    """What git is to do: its words, the commit and what was typed for it, the branch that it leaves HEAD on.

    `start` is what was typed for where a new branch begins. `commit` is None for a branch that begins where HEAD is.
    """

    words: Sequence[str]
    commit: str | None
    typed: str
    name: str | None
    target: str | None = None
    start: str | None = None


def _show_plan(
    project: Project, invocation: Invocation, wish: Wish, allow_empty: bool, format_: str, *, is_kept: bool
) -> None:
    if wish.commit is None:
        terminal.answer(["Nothing to do: a new branch at the current commit has the same revisions."])
        return
    if is_kept:
        try:
            planned(project, invocation, *_keeping(project, invocation, wish, wish.commit), format_)
            return
        except CannotKeep as error:
            warn_of(error)
    else:
        _name_kept(project, wish.target)
    checkout = _checkout(project, wish.commit, wish.name)
    show(project, _foreseen(project, invocation, wish.commit, wish.typed, checkout, allow_empty), format_)


def _followed(project: Project, invocation: Invocation, wish: Wish, yes: bool, allow_empty: bool, format_: str) -> None:
    leaving = current_branch(project.tracked)
    if wish.commit is None:
        _go(project, invocation, [], wish.words)  # the files stay as they are, and so does the database
        if format_ == "json":
            terminal.document(switch_document(leaving, wish.target, [], []))
        return
    _name_kept(project, wish.target)
    checkout = _checkout(project, wish.commit, wish.name)
    foreseen = _foreseen(project, invocation, wish.commit, wish.typed, checkout, allow_empty)
    if any(plan.plan.steps or plan.obstacles for plan in foreseen):
        if format_ == "text":
            show(project, foreseen, "text")
        confirm(foreseen, yes=yes)
    downward = _go(project, invocation, foreseen, wish.words)
    arrived = Project.open(invocation.files)
    carry_out_all(
        arrived,
        invocation,
        foresee(arrived, invocation, SyncOptions(allow_empty=allow_empty)),
        yes=True,
        after=downward,
        command="switch",
    )
    if format_ == "json":
        entries = [sync_entry(plan, project.shown_path) for plan in foreseen]
        terminal.document(switch_document(leaving, wish.target, [], entries))


def _kept(project: Project, invocation: Invocation, wish: Wish, yes: bool, is_explicit: bool) -> dict[str, Any]:
    options, switching = _keeping(project, invocation, wish, wish.commit)
    go = partial(switch, project.tracked, wish.words)
    return keep_and_switch(project, invocation, options, switching, go, Asking(yes, is_explicit))


def _keeping(project: Project, invocation: Invocation, wish: Wish, commit: str | None) -> tuple[SyncOptions, Switching]:
    """Return what the databases are to have after the switch, and between which branches that is."""
    options = SyncOptions()
    if commit is not None:
        refuse_impossible(project.tracked, commit)
        _refuse_moved(project, invocation, commit, wish.typed)
        goal = _after_switch(project, commit, wish.typed)
        options = SyncOptions(goal, _checkout(project, commit, wish.name))
    return options, Switching(current_branch(project.tracked), wish.target, is_new=commit is None, start=wish.start)


def _name_kept(project: Project, branch: str | None) -> None:
    """Say where rows of the branch are kept that a switch without --keep leaves there."""
    from branchmig.render.states import kept_hint
    from branchmig.workflows.kept_states import kept_for

    states = kept_for(project, branch)
    if states and branch is not None:
        terminal.note(kept_hint(states, branch))


def _words(branch: str, start: str | None, create: bool, detach: bool) -> list[str]:
    """Return what `git switch` is given; no name can be taken for an option."""
    if create:
        return [f"--create={branch}", *(["--end-of-options", start] if start is not None else [])]
    return [*(["--detach"] if detach else []), *([branch] if branch == "-" else ["--end-of-options", branch])]


def _commit(project: Project, branch: str, start: str | None, detach: bool) -> str:
    if start is not None or detach:
        return commit_of(project.tracked, start or branch)
    return destination(project.tracked, branch)


def _checkout(project: Project, commit: str, branch: str | None) -> Checkout:
    """Return what git will have checked out."""
    from branchmig.git.absence import Checkout

    name = previous_branch(project.tracked) if branch == "-" else branch
    head = Checkout.head(project.tracked, project.folders_ever, is_recursive=project.config.is_recursive)
    return head.at(commit, name)


def _foreseen(
    project: Project, invocation: Invocation, commit: str, branch: str, checkout: Checkout, allow_empty: bool
) -> list[SyncPlan]:
    """Return what the switch would do, as far as git lets it."""
    refuse_impossible(project.tracked, commit)
    _refuse_moved(project, invocation, commit, branch)
    goal = _after_switch(project, commit, branch)
    return foresee(project, invocation, SyncOptions(goal, checkout, allow_empty=allow_empty))


def _refuse_moved(project: Project, invocation: Invocation, commit: str, branch: str) -> None:
    """Raise CannotFollow where the other branch keeps its revisions elsewhere.

    Read where this branch has them, it would seem to have none, and all would be undone.
    """
    files, top = invocation.files, project.tracked.top
    if files.loaded is not None:
        return
    here, there = (
        locating_keys(
            _config_text(project, top, files.ini, at), _config_text(project, top, files.toml, at), files.section
        )
        for at in (None, commit)
    )
    for key in sorted({*here, *there}):
        if here.get(key) != there.get(key):
            values = f"{key} is {there.get(key)!r} there, and {here.get(key)!r} here"
            if not there:
                values = f"it does not have {' and '.join(map(project.shown_path, _config_names(files)))}"
            raise CannotFollow(
                f"{branch} keeps its revisions elsewhere: {values}",
                f"git switch {in_shell(branch)}, and there branchmig sync",
            )


def _config_text(project: Project, top: Path, path: Path, commit: str | None) -> bytes | None:
    real = Path(os.path.realpath(path))
    if commit is None or not real.is_relative_to(top):
        return real.read_bytes() if real.is_file() else None
    found = project.tracked.attempt("cat-file", "blob", f"{commit}:{real.relative_to(top).as_posix()}")
    if found.returncode == 0:
        return found.stdout
    # git leaves a file that it does not track where it is.
    is_tracked = project.tracked.attempt("ls-files", "--error-unmatch", "--", str(real)).returncode == 0
    return real.read_bytes() if real.is_file() and not is_tracked else None


def _config_names(files: ConfigFiles) -> list[str]:
    return [str(path) for path in (files.ini, files.toml) if path.is_file()]


def _after_switch(project: Project, commit: str, branch: str) -> RevisionDag:
    """Return the revisions that the work tree will have: those of the commit, and uncommitted ones."""
    here = project.ref_view("HEAD").ids
    there = project.tree_view(commit)
    carried = [revision for revision in project.view().revisions if revision.id not in here]
    known = there.ids
    try:
        there.dag  # noqa: B018  # what is wrong with the branch itself is said first
        return RevisionDag([*there.revisions, *(revision for revision in carried if revision.id not in known)])
    except RevisionGraphError as error:
        raise CannotFollow(
            f"on {branch} the revisions would be no sound graph: {error.message}",
            "commit or stash your changes; or look: branchmig guard --at BRANCH",
        ) from error


def _go(project: Project, invocation: Invocation, foreseen: Sequence[SyncPlan], words: Sequence[str]) -> list[Plan]:
    """Undo what the other branch lacks, and switch; return what was undone.

    Raises GitError with the database brought back if git refuses.
    """
    downward = [replace(plan, plan=Plan(plan.plan.applied, plan.undone)) for plan in foreseen]
    progress = terminal.Progress(not invocation.has_notes).step
    if any(plan.plan.steps for plan in downward):
        try:
            carry_out(project, invocation, downward, progress)
        except MigrationFailed as error:
            details = [*error.details, "git has not switched; the revisions that were reverted before stay reverted"]
            hint = f"{error.hint}; to apply the reverted revisions again: branchmig sync"
            raise MigrationFailed(error.message, hint, details, error.revision) from error.__cause__
    try:
        said = switch(project.tracked, words)
    except GitError as error:
        if any(plan.plan.steps for plan in downward):
            carry_out(project, invocation, foresee(project, invocation), progress)
            raise GitError(f"{error.message}; the database was restored", error.hint) from error
        raise
    if said and invocation.has_notes:
        terminal.note(said)
    return [plan.plan for plan in downward]
