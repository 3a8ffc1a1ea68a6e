"""`branchmig fix`: merges a branch's target in and joins the heads, as one commit; and pushes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from branchmig.database.trusted import is_ci
from branchmig.errors import GitError, RevisionGraphError
from branchmig.git.committing import (
    message_by_hooks,
    move_head,
    move_index,
    new_commit,
    staged_tree,
    tree_of,
    tree_with,
)
from branchmig.git.history import commit_of, current_branch, has_ancestor, merging_commits, short_ref
from branchmig.git.landed import name_of
from branchmig.git.paths import pathspecs
from branchmig.git.publishing import Destination, destination_of, push_commit, refuse_moved
from branchmig.git.switching import refuse_impossible
from branchmig.git.targets import find_target
from branchmig.integrations.pull_request import PullRequest, pull_request
from branchmig.model import FileEdit
from branchmig.planning.guard import disallowed_heads
from branchmig.project.config import Invocation
from branchmig.project.project import INDEX, Project, View
from branchmig.workflows.checks import inspect, policy_at
from branchmig.workflows.fix import (
    REPAIRED,
    Repair,
    Side,
    committed_at,
    files_of,
    plan_repair,
    prove_repair,
    subject,
    summary,
)

if TYPE_CHECKING:
    from branchmig.effects.proof import Proof
    from branchmig.git.repository import Repository


@dataclass(frozen=True, slots=True)
class Start:
    """What is to be fixed: the commit `tip` of a branch, with `onto` merged in; or what is staged in a merge.

    `onto` is the branch that the work lands in, `request` the pull request of a CI job.
    """

    tip: str
    name: str
    onto: str | None
    is_staged: bool = False
    request: PullRequest | None = None


@dataclass(frozen=True, slots=True)
class Fixed:
    """A fix and its outcome: `files` by path from the top, and the commit that has them."""

    start: Start
    view: View
    repair: Repair
    files: Mapping[str, bytes] = field(default_factory=dict)
    merges_onto: bool = False
    proof: Proof | None = None
    commit: str | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether the scripts collide, and no proof says that their order does not matter."""
        return bool(self.repair.collisions) and (self.proof is None or self.proof.verdict != "commutes")

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to fix."""
        return not self.files and not self.merges_onto


def start_of(project: Project, onto: str | None, *, is_pushed: bool) -> Start:
    """Return the start of a fix. Raises GitError if a merge or an edit prevents it.

    For a push from a CI job that is the branch of the pull request, whatever merge of it the job has checked out.
    """
    repository = project.tracked
    tip = commit_of(repository, "HEAD")
    if any(repository.path(one).exists() for one in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "SQUASH_MSG")):
        if onto or is_pushed:
            raise GitError("a merge is in progress here", "end it first: branchmig fix, or git merge --abort")
        return Start(tip, name_of(repository, "HEAD"), None, is_staged=True)
    request = pull_request(os.environ)
    if is_pushed and request is not None and request.commit is not None:
        if repository.commit(request.commit) is None:
            raise GitError(
                f"this clone does not have {request.commit[:10]}, the tip of {request.branch}",
                "fetch it: fetch-depth: 0 for GitHub Actions, GIT_DEPTH: 0 for GitLab",
            )
        tip = request.commit
    # In CI, the settings of a pull request do not say where it lands.
    target = find_target(repository, onto, None if is_ci() else project.config.settings.target, "--target")
    if target.ref is None and is_ci():
        raise GitError(target.reason or "this repository has no commit yet", target.hint or "--target REF")
    name = (
        name_of(repository, "HEAD") if tip == repository.commit("HEAD") else f"refs/heads/{request and request.branch}"
    )
    return Start(tip, name, target.ref, request=request)


def fix_of(
    project: Project, invocation: Invocation, start: Start, prove: Callable[[Project, View, Repair], Proof] | None
) -> Fixed:
    """Return how a branch gets one head: nothing is changed yet. `prove` runs the scripts where they may not commute.

    Raises RevisionGraphError with every other fault of the graph, GitError where git cannot merge.
    """
    repository = project.tracked
    onto = None if start.onto is None else commit_of(repository, start.onto)
    is_behind = onto is not None and not start.is_staged and not has_ancestor(repository, start.tip, onto)
    view = project.view(INDEX) if start.is_staged else project.view(start.tip, onto if is_behind else None)
    _refuse_conflicts(view, start)
    verdict = inspect(project, view.at, view.merged_with, target=start.onto, sides=None)
    others = [one for one in verdict.problems if one.code not in REPAIRED and one.code != "conflicting-revisions"]
    if others:
        raise RevisionGraphError(others)
    sides = [Side(start.tip, start.name)]
    sides += [Side(onto, start.onto or "")] if onto and is_behind else []
    sides += [Side(one, one) for one in merging_commits(repository)] if start.is_staged else []
    created = committed_at(project, [side.commit for side in sides])
    repair = plan_repair(project, view, sides, created, start.onto)
    # The branch alone may have several heads, which what it lands in has joined already.
    is_needed = repair.action != "none" or (is_behind and _has_heads(project, project.view(start.tip), start))
    fixed = Fixed(start, view, repair, merges_onto=is_needed and is_behind)
    if repair.collisions:
        is_open = prove is not None and all(one.level != "conflict" for one in repair.collisions)
        fixed = replace(fixed, proof=prove(project, view, repair) if prove is not None and is_open else None)
        if fixed.is_stopped:
            return fixed
    trusted = onto if is_ci() and onto else start.tip
    quiet = replace(invocation, is_quiet=True)
    return replace(fixed, files=files_of(project, quiet, view, repair, trusted))


def stage(project: Project, fixed: Fixed) -> None:
    """Put a fix into the index and the work tree; what is merged in by it is merged in there, and not committed."""
    repository = project.tracked
    if fixed.merges_onto:
        words = ("merge", "--quiet", "--no-commit", "--no-ff", commit_of(repository, fixed.start.onto or ""))
        done = repository.attempt(*words, as_user=True)
        if done.returncode:
            raise GitError(f"git merge failed: {' '.join(os.fsdecode(done.stderr).split())}", "see 'git status'")
    if fixed.files:
        before = staged_tree(repository)
        move_index(repository, before, tree_with(repository, before, fixed.files))


def commit_staged(project: Project) -> str:
    """End the merge in progress by git's own commit, with the user's hooks; return the commit."""
    done = project.tracked.attempt("commit", "--no-edit", "--quiet", as_user=True)
    if done.returncode:
        raise GitError(f"git commit failed: {' '.join(os.fsdecode(done.stderr).split())}", "see 'git status'")
    return commit_of(project.tracked, "HEAD")


def committed(project: Project, fixed: Fixed) -> str:
    """Write the commit of a fix, and return it; no ref moves."""
    repository, start = project.tracked, fixed.start
    tree, parents = tree_of(repository, start.tip), [start.tip]
    message = f"{subject(fixed.repair)}\n" if fixed.files else ""
    if fixed.merges_onto and start.onto:
        parents.append(commit_of(repository, start.onto))
        tree = _merged_tree(repository, *parents)
        title = f"Merge {short_ref(start.onto)} into {short_ref(start.name)}"
        message = f"{title}\n\n{message}" if message else f"{title}\n"
    tree = tree_with(repository, tree, fixed.files)
    # In CI, hooks may be files of the pull request: core.hooksPath = .husky.
    text = message.encode("utf-8", "surrogateescape") if is_ci() else message_by_hooks(repository, message)
    return new_commit(repository, tree, parents, text)


def put_at_head(project: Project, fixed: Fixed, commit: str) -> None:
    """Move HEAD, and the work tree with it, to the commit of a fix."""
    move_head(project.tracked, fixed.start.tip, commit)


def destination(project: Project, fixed: Fixed) -> Destination:
    """Return the branch that a fix is pushed to, which is at the commit that was fixed. Raises GitError."""
    repository, request = project.tracked, fixed.start.request
    if request is not None and request.refusal:
        hint = "push it from a clone that may: branchmig fix --push"
        if request.is_queue:
            hint = "on the pull request's branch, once what is before it in the queue has landed: branchmig fix --push"
        raise GitError(f"{request.refusal}: nothing is pushed", hint, [f"the fix: {done_line(project, fixed)}"])
    branch = current_branch(repository)
    if request is not None and request.branch:
        there = Destination("origin", request.branch)
    else:
        there = destination_of(repository, branch)
    refuse_moved(repository, there, fixed.start.tip)
    return there


def publish(project: Project, fixed: Fixed, there: Destination, commit: str) -> None:
    """Push the commit of a fix, then move HEAD to it where HEAD is what was fixed."""
    repository, tip = project.tracked, fixed.start.tip
    is_here = repository.commit("HEAD") == tip
    if is_here:
        refuse_impossible(repository, commit)
    push_commit(repository, there, tip, commit, runs_hooks=not is_ci())
    if is_here:
        move_head(repository, tip, commit)


def done_line(project: Project, fixed: Fixed, *, is_done: bool = True) -> str:
    """Return what a fix has done, or would do, in one line."""
    parts = [f"{'merged' if is_done else 'merge'} {short_ref(fixed.start.onto or '')}"] if fixed.merges_onto else []
    parts += [summary(project, fixed.repair, fixed.files, is_done=is_done)] if fixed.files else []
    text = ("" if is_done else "would ") + ", and ".join(parts)
    return f"{text[:1].upper()}{text[1:]}"


def edits(project: Project, fixed: Fixed) -> list[FileEdit]:
    """Return a fix as edits of files; `before` are the branch's files with the target merged in."""
    top = f"{project.tracked.top}/"
    known = [f"{top}{path}" for path in fixed.files if f"{top}{path}" in fixed.view.blobs]
    before = fixed.view.read(known) if known else {}
    return [FileEdit(f"{top}{path}", before.get(f"{top}{path}"), after) for path, after in fixed.files.items()]


def refuse_uncommitted(project: Project, *, staged_counts: bool) -> None:
    """Raise GitError for a revision that is not committed, or with `staged_counts` not staged: a fix would miss it."""
    words = ("status", "--porcelain", "--untracked-files=all", "--no-renames", "-z", "--")
    found = project.tracked.run(*words, *pathspecs(project.folders)).split(b"\0")
    for entry in found:
        if entry.endswith(b".py") and not (staged_counts and entry[1:2] == b" "):
            path = project.shown_path(f"{project.tracked.top}/{os.fsdecode(entry[3:])}")
            way_out = f"git add {path}" if staged_counts else "commit or stash it, or: branchmig fix --no-commit"
            raise GitError(f"{path} is not {'staged' if staged_counts else 'committed'}", way_out)


def staged_start(project: Project, start: Start) -> Start:
    """Return what is staged in the place of HEAD, where it has several heads itself: nothing is merged in then."""
    return replace(start, is_staged=True) if _has_heads(project, project.view(INDEX), start) else start


def run_proof(invocation: Invocation) -> Callable[[Project, View, Repair], Proof]:
    """Return what proves a repair on scratch databases."""
    return lambda project, view, repair: prove_repair(project, invocation, view, repair)


def _has_heads(project: Project, view: View, start: Start) -> bool:
    """Return whether a place has several heads by the policy of the branch that the work lands in."""
    return bool(disallowed_heads(view.dag, policy_at(project, view, start.onto)[0]))


def _refuse_conflicts(view: View, start: Start) -> None:
    if view.conflicts:
        raise GitError(
            f"git cannot merge {short_ref(start.onto or '')} by itself: {view.conflicts[0].words}",
            f"git merge {short_ref(start.onto or '')}, and resolve the conflict there",
        )


def _merged_tree(repository: Repository, ours: str, theirs: str) -> str:
    """Write the tree of a merge, with the user's drivers, and return it. Raises GitError for a conflict."""
    done = repository.attempt("merge-tree", "--write-tree", "-z", ours, theirs, as_user=True)
    if done.returncode:
        words = " ".join(os.fsdecode(done.stdout.replace(b"\0", b" ")).split())
        raise GitError(
            f"git cannot merge the two by itself: {words[-300:]}", "git merge, and resolve the conflict there"
        )
    return done.stdout.partition(b"\0")[0].decode()
