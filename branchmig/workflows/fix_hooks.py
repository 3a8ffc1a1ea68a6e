"""A git merge that repairs itself: the hooks' work before and after a commit that would leave several heads.

Facts that forced the shape (git 2.39; see docs/fixing.md): what pre-merge-commit stages is not in the merge commit, so
that hook only decides, and post-merge gives the merge commit another tree. A commit that pre-commit sees takes what is
staged there. After a rebase, a fast-forward and a single pick, the repair is a commit of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from branchmig.errors import BranchmigError, GitError
from branchmig.git.committing import (
    message_by_hooks,
    move_head,
    move_index,
    new_commit,
    staged_tree,
    tree_of,
    tree_with,
    with_other_tree,
)
from branchmig.git.history import commit_of, merging_commits
from branchmig.git.landed import name_of
from branchmig.git.repository import Repository, split
from branchmig.git.targets import find_target
from branchmig.model import Problem
from branchmig.project.config import ConfigFiles, Invocation
from branchmig.project.consent import Repairing, repairing
from branchmig.project.project import INDEX, Project, View
from branchmig.workflows.fix import (
    MOST_SHOWN,
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
from branchmig.workflows.ways_out import way_out

_PICKED = re.compile(r"(cherry-pick|revert): ")
_BRANCH_OF = re.compile(r"branch '(.*)' of ")


@dataclass(frozen=True, slots=True)
class RepairOutcome:
    """The lines that a repair prints; `is_done` if it succeeded."""

    lines: tuple[str, ...]
    is_done: bool


@dataclass(frozen=True, slots=True)
class Occasion:
    """One run of a hook that may repair: `at` is the place whose heads count, the first of `sides` is ours."""

    at: str
    sides: tuple[Side, ...]
    is_decided_only: bool = False
    is_pick: bool = False
    is_in_sequence: bool = False
    """Whether git is still picking several commits: then no hook may commit, not even after the last of them."""


def occasion_of(repository: Repository, name: str, arguments: Sequence[str]) -> Occasion | None:
    """Return what a hook may repair; None where it was not started by a merge, a rebase or a pick, or repairs are off.

    A hook is started for many things: an ordinary commit with two heads is its author's to correct.
    """
    if repairing(repository) == "off":
        return None
    if name == "pre-merge-commit":
        return Occasion(INDEX, _sides(repository, "HEAD", named_heads()), is_decided_only=True)
    if name == "pre-commit":
        states = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "SQUASH_MSG")
        is_merging = any(repository.path(state).exists() for state in states)
        return Occasion(INDEX, _sides(repository, "HEAD", merging_commits(repository))) if is_merging else None
    if name == "post-merge" and arguments[:1] == ["1"]:
        return Occasion(INDEX, _sides(repository, "HEAD", named_heads()))
    if name == "post-merge":
        before = "HEAD^1" if is_merge(repository) else "ORIG_HEAD"
        return Occasion("HEAD", _sides(repository, before, named_heads()))
    if name == "post-rewrite" and arguments[:1] == ["rebase"]:
        return Occasion("HEAD", _sides(repository, "ORIG_HEAD", ()))
    if name == "post-commit" and _is_picked(repository) and _picks_left(repository) < 2:
        sides = _sides(repository, "HEAD^", ())
        return Occasion("HEAD", sides, is_pick=True, is_in_sequence=_picks_left(repository) > 0)
    return None


def is_repairable(problems: Sequence[Problem]) -> bool:
    """Return whether several heads are the only problem."""
    codes = {problem.code for problem in problems}
    return "multiple-heads" in codes and codes <= REPAIRED


def repaired(project: Project, files: ConfigFiles, occasion: Occasion) -> RepairOutcome:
    """Make the heads of a place one, or say why not; where it was not done, nothing has changed."""
    repository = project.tracked
    view = project.view(occasion.at)
    try:
        if occasion.is_in_sequence:
            return RepairOutcome((f"branchmig: {_heads_of(view)} heads are left; to join them: branchmig fix",), False)
        undone = _undone(project, view, occasion)
        if undone:
            return RepairOutcome(
                (f"branchmig: {_heads_of(view)} heads are left, since merge revision {undone} is gone",), False
            )
        created = committed_at(project, [side.commit for side in occasion.sides])
        repair = plan_repair(project, view, occasion.sides, created)
        stopped = _stopped(project, files, view, repair, repairing(repository))
        if stopped:
            return RepairOutcome(stopped, False)
        if occasion.is_decided_only:
            _refuse_dirty(project, repair)
        written = files_of(project, Invocation(files, is_quiet=True), view, repair, _trusted(project, occasion))
        done = summary(project, repair, written)
        if occasion.is_decided_only:
            _prepare(project, written, done)
            return RepairOutcome((), True)
        return RepairOutcome((f"branchmig: {_carried_out(project, repair, occasion, written, done)}",), True)
    except BranchmigError as error:
        return RepairOutcome(tuple(error.lines(f"{_heads_of(view)} heads are left")), False)


def _stopped(project: Project, files: ConfigFiles, view: View, repair: Repair, mode: Repairing) -> tuple[str, ...]:
    """Return why the scripts keep a repair from being made; nothing where they do not."""
    if not repair.collisions:
        return ()
    hint = f"hint: {way_out(project, view, repair.collisions)}; to look at it: branchmig conflicts"
    if mode == "prove" and all(collision.level != "conflict" for collision in repair.collisions):
        proof = prove_repair(project, Invocation(files, is_quiet=True), view, repair)
        if proof.verdict == "commutes":
            return ()
        return (f"branchmig: did not join the heads {', '.join(repair.heads)}: proof: {proof.summary}", hint)
    shown = [
        f"  {collision.level}: {collision.object}: {collision.reason} "
        f"({', '.join(project.shown_path((repair.paths or {}).get(revision, revision)) for revision in revisions)})"
        for collision in repair.collisions[:MOST_SHOWN]
        for revisions in [[place.revision for place in (collision.ours, collision.theirs) if place]]
    ]
    more = len(repair.collisions) - MOST_SHOWN
    return (
        f"branchmig: did not join the heads {', '.join(repair.heads)}: their scripts collide over "
        f"{', '.join(repair.objects[:MOST_SHOWN])}",
        *shown,
        *([f"  and {more} more"] if more > 0 else []),
        hint,
    )


def _carried_out(project: Project, repair: Repair, occasion: Occasion, written: Mapping[str, bytes], done: str) -> str:
    """Write what the repair writes, and return what was done, in one line."""
    repository = project.tracked
    if occasion.at == INDEX:
        before = staged_tree(repository)
        move_index(repository, before, tree_with(repository, before, written))
        return f"{done}, in this commit"
    head = repository.run("rev-parse", "HEAD").decode().strip()
    tree = tree_with(repository, tree_of(repository, head), written)
    if is_merge(repository):
        return _into_merge(repository, head, tree, done)
    made = new_commit(repository, tree, [head], message_by_hooks(repository, f"{subject(repair)}\n"))
    move_head(repository, head, made)
    return f"{done}, in commit {made[:10]}"


def _into_merge(repository: Repository, head: str, tree: str, done: str) -> str:
    move_head(repository, head, with_other_tree(repository, head, tree))
    return f"{done}, in the merge commit"


def _prepare(project: Project, written: Mapping[str, bytes], done: str) -> None:
    """Write the tree that post-merge is to give the merge commit, and note it beside the tree that it has now."""
    before = staged_tree(project.tracked)
    after = tree_with(project.tracked, before, written)
    note = _note(project)
    note.parent.mkdir(mode=0o700, exist_ok=True)
    note.write_text(json.dumps({"before": before, "after": after, "done": done}), "utf-8")


def prepared(project: Project) -> RepairOutcome | None:
    """Give the merge commit the tree that pre-merge-commit has prepared for it; None where it has prepared none."""
    repository, note = project.tracked, _note(project)
    if not note.exists() or not is_merge(repository):
        return None
    content = json.loads(note.read_text("utf-8"))
    note.unlink()
    head = repository.run("rev-parse", "HEAD").decode().strip()
    if tree_of(repository, head) != content["before"]:
        return None
    try:
        return RepairOutcome((f"branchmig: {_into_merge(repository, head, content['after'], content['done'])}",), True)
    except BranchmigError as error:
        return RepairOutcome((f"branchmig: the merge left several heads: {error.message}",), False)


def _note(project: Project) -> Path:
    files = project.config.files
    name = hashlib.blake2b(f"{project.config.root}\0{files.section}".encode(), digest_size=8).hexdigest()
    return project.tracked.git_dir / "branchmig" / f"repair-{name}"


def _trusted(project: Project, occasion: Occasion) -> str:
    """Return the commit whose template is run: ours before the merge, or the target's in CI, which trusts no branch."""
    from branchmig.database.trusted import is_ci

    target = find_target(project.tracked, None).ref if is_ci() else None
    return occasion.sides[0].commit if target is None else commit_of(project.tracked, target)


def _heads_of(view: View) -> int:
    return len(view.dag.heads())


def _undone(project: Project, view: View, occasion: Occasion) -> str:
    """Return the merge revision of these heads that the commit takes away: who reverts a repair wants it gone."""
    if not occasion.is_pick:
        return ""
    heads = set(view.dag.heads())
    before = project.tree_view(occasion.sides[0].commit).revisions
    return next(
        (revision.id for revision in before if len(revision.parents) > 1 and set(revision.parents) <= heads), ""
    )


def _refuse_dirty(project: Project, repair: Repair) -> None:
    """Raise GitError where a file that would get other parents has changes that are not committed."""
    paths = [project.path_from_top(move.revision.path or "") for move in repair.moves]
    words = ("diff-files", "--name-only", "-z", "--", *paths)
    for path in split(project.tracked.run(*words)) if paths else ():
        raise GitError(f"{path} has changes that are not committed, and would change", "commit or stash them first")


def is_merge(repository: Repository) -> bool:
    """Return whether HEAD is the merge commit that git has just made: MERGE_HEAD names its other parents still."""
    merged = merging_commits(repository)
    found = repository.attempt("rev-parse", "--verify", "--quiet", "HEAD^@").stdout.decode().split()
    return bool(merged) and len(found) > 1 and set(merged) <= set(found)


def _is_picked(repository: Repository) -> bool:
    """Return whether HEAD is a commit that cherry-pick or revert has just made; only the reflog shows a revert."""
    entry = repository.attempt("log", "--walk-reflogs", "-1", "--format=%gs", "HEAD")
    return _PICKED.match(os.fsdecode(entry.stdout)) is not None


def _picks_left(repository: Repository) -> int:
    """Return how many of several picks git still lists: the one that it has just made is the first of them."""
    file = repository.path("sequencer/todo")
    lines = file.read_bytes().splitlines() if file.exists() else []
    return sum(1 for line in lines if line and not line.startswith(b"#"))


def named_heads() -> list[str]:
    """Return the commits that are being merged in: git names them as GITHEAD_<commit> before MERGE_HEAD exists."""
    return sorted(name.removeprefix("GITHEAD_") for name in os.environ if name.startswith("GITHEAD_"))


def _sides(repository: Repository, ours: str, theirs: Sequence[str]) -> tuple[Side, ...]:
    names = _fetched_names(repository)
    found = [Side(commit_of(repository, ours), name_of(repository, "HEAD"))]
    for commit in theirs:
        name = os.environ.get(f"GITHEAD_{commit}", commit)
        found.append(Side(commit, names.get(commit, name) if name == commit else name))
    return tuple(found)


def _fetched_names(repository: Repository) -> dict[str, str]:
    """Return what FETCH_HEAD calls commits: a pull names what it merges by its commit alone."""
    file = repository.path("FETCH_HEAD")
    lines = os.fsdecode(file.read_bytes()).splitlines() if file.exists() else []
    found = ((line.partition("\t")[0], _BRANCH_OF.search(line)) for line in lines)
    return {commit: name[1] for commit, name in found if name}
