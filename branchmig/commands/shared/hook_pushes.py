"""What a push would do to the branches that it changes: for pre-push, pre-receive and the pre-commit framework."""

from __future__ import annotations

import os
from collections.abc import Sequence

from branchmig.errors import NoProject
from branchmig.git.history import short_ref
from branchmig.git.landed import is_landing_name, without_remote
from branchmig.git.targets import find_target
from branchmig.model import Problem
from branchmig.planning import guard
from branchmig.planning.pushes import Deletion, Push, parse_push
from branchmig.project.layout import Layout
from branchmig.project.project import Project
from branchmig.project.settings import Policy
from branchmig.render.problems import hook_lines, unchecked_lines
from branchmig.workflows.checks import inspect
from branchmig.workflows.settled import protected_branches


def pushed_lines(project: Project, pushes: Sequence[Push], policy: Policy | None = None, remote: str = "") -> list[str]:
    """Return what is wrong with pushed branches. Each lands in itself, so its own settings give its policy."""
    lines: list[str] = []
    for push in pushes:
        layout = project.layouts.of_commits({push.branch: push.new})[push.branch]
        if isinstance(layout, NoProject) and not is_target(project, push.branch):
            continue  # a branch of something else, as gh-pages
        found = _landing(project, push, remote)
        if isinstance(found, str):
            lines += [f"branchmig: could not check {push.branch}", f"  {found}"]
            continue
        target, landed = found
        own = layout.config.settings.policy if isinstance(layout, Layout) and not push.is_review else None
        verdict = inspect(project, push.new, target=target, landed=landed, policy=policy or own)
        lines += hook_lines(project.shown_path, f"{push.branch} is not a sound graph", verdict.problems, None)
        if verdict.unchecked:
            lines += [f"branchmig: could not check all of {push.branch}"]
            lines += [f"  {line}" for line in unchecked_lines(verdict.unchecked)]
    return lines


def pushed_by_framework(project: Project) -> list[str]:
    """Return the problems of the commit that pre-commit, the program, names: it runs one hook at every stage."""
    protected = protected_branches(project, None, target_ref(project))
    variables = {name: os.environ.get(f"PRE_COMMIT_{name}") for name in ("FROM_REF", "TO_REF", "REMOTE_BRANCH")}
    new, old, ref = str(variables["TO_REF"]), variables["FROM_REF"], variables["REMOTE_BRANCH"]
    if ref:
        return pushed_lines(
            project, parse_push([f"- {new} {ref} {old or '0'}"]), None, os.environ.get("PRE_COMMIT_REMOTE_NAME", "")
        )
    # By hand, `pre-commit run --from-ref origin/main --to-ref HEAD`: the first may be what the work lands in.
    target = old if old and is_landing_name(old.rpartition("origin/")[2], protected) else None
    verdict = inspect(project, new, target=target)
    lines = hook_lines(project.shown_path, f"{new} is not a sound graph", verdict.problems, None)
    return lines + [f"branchmig: {line}" for line in unchecked_lines(verdict.unchecked)]


def _landing(project: Project, push: Push, remote: str) -> tuple[str | None, dict[str, str]] | str:
    """Return the target of a push where the push names it, and what the branch has landed; or what is not known.

    A branch that holds landed work must keep what the server has of it, also where it is pushed by force. Any other
    branch is somebody's own, and may be rewritten.
    """
    repository = project.tracked
    if push.is_review:
        prefixes = [f"refs/remotes/{remote}/"] if remote else []
        refs = [f"{prefix}{name}" for name in push.landing_names for prefix in [*prefixes, "refs/heads/"]]
        target = next((ref for ref in refs if repository.commit(ref) is not None), None)
        if target is None and repository.is_bare:
            return "the server has no branch of that name"
        return (target, {}) if target else f"this clone does not have the branch; fetch it: git fetch {remote}".rstrip()
    if push.old is None:
        return None, {}
    if not is_protected(project, push.branch):
        return None, {}
    if repository.commit(push.old) is None:
        return _unknown(push.branch, push.old, remote)
    return None, {push.branch: push.old}


def is_protected(project: Project, branch: str) -> bool:
    """Return whether a branch of the server holds landed work: the target, and what its settings name.

    By name alone: a branch that has just been made is at the target's commit, and is somebody's own.
    """
    target = target_ref(project)
    given = project.config.settings.protected if project.tracked.is_bare else None
    protected = given or protected_branches(project, None, target)
    is_target = target is not None and without_remote(project.tracked, target) == branch
    return is_target or is_landing_name(branch, protected)


def _unknown(branch: str, old: str, remote: str) -> str:
    return (
        f"the server has {branch} at {old[:10]}, and this clone does not have that commit; "
        f"fetch and look at it first: git fetch {remote} {branch}"
    )


def deleted_lines(project: Project, deletions: Sequence[Deletion], remote: str = "") -> list[str]:
    """Return the problems of branches that a push deletes: revisions that have landed there and nowhere else."""
    lines: list[str] = []
    for deletion in deletions:
        if not is_protected(project, deletion.branch):
            continue
        if project.tracked.commit(deletion.old) is None:
            lines += [
                f"branchmig: could not check {deletion.branch}",
                f"  {_unknown(deletion.branch, deletion.old, remote)}",
            ]
            continue
        problem = _lost_with(project, deletion, remote)
        lines += hook_lines(
            project.shown_path, f"{deletion.branch} holds landed work", [problem] if problem else [], None
        )
    return lines


def _lost_with(project: Project, deletion: Deletion, remote: str) -> Problem | None:
    """Return what is lost with a branch: all that the target lacks; if it is the target itself, all."""
    repository, target = project.tracked, target_ref(project)
    is_target = target is not None and without_remote(repository, target) == deletion.branch
    kept: frozenset[str] = frozenset()
    if target is not None and not is_target:
        kept = project.ref_view(target).ids
    lost = [revision for revision in project.tree_view(deletion.old).revisions if revision.id not in kept]
    if not lost:
        return None
    elsewhere = (
        "git symbolic-ref HEAD refs/heads/BRANCH" if repository.is_bare else f"git remote set-head {remote} BRANCH"
    )
    if target is None or is_target:
        return guard.deleted_branch(deletion.branch, lost, None, f"if work lands elsewhere: {elsewhere}")
    name = short_ref(target)
    return guard.deleted_branch(deletion.branch, lost, name, f"land them in {name} first")


def target_ref(project: Project) -> str | None:
    """Return the ref that work lands in; None where none is found."""
    return find_target(project.tracked, None, project.config.settings.target).ref


def is_target(project: Project, branch: str) -> bool:
    """Return whether a branch is the one that work lands in, here or on a remote."""
    name = short_ref(project.target_ref or "")
    return branch in (name, name.partition("/")[2])
