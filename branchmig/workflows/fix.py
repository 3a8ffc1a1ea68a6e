"""Joins several heads: what joins or moves them, whether their scripts conflict, and the files to write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from branchmig.dag import RevisionDag
from branchmig.errors import GitError, InvalidTarget
from branchmig.git.history import commit_of
from branchmig.git.landed import is_landing_branch, landed_twin, without_remote
from branchmig.git.targets import full_name
from branchmig.merge import NewMerge, join_heads, merge_note
from branchmig.model import Revision
from branchmig.planning import guard
from branchmig.planning.rebase import Move, plan_line, with_moves
from branchmig.project.config import Invocation
from branchmig.project.project import Project, View
from branchmig.project.settings import Policy
from branchmig.revisions.revision_edit import with_parents
from branchmig.workflows.checks import policy_at
from branchmig.workflows.settled import protected_branches

if TYPE_CHECKING:
    from branchmig.effects.footprint import Collision
    from branchmig.effects.proof import Proof

Action = Literal["merge", "rebase", "none"]

MOST_SHOWN = 3
"""Collisions, and revisions, that one line names."""

REPAIRED = frozenset({"multiple-heads", "not-linear"})
"""The codes of guard that a repair is for: with any other problem nothing is repaired."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a merge: its commit, and what git calls it."""

    commit: str
    name: str


@dataclass(frozen=True, slots=True)
class Repair:
    """How the heads of a place become one: merge revisions, or revisions that get other parents.

    `collisions` are what the two sides both touch: where there are any, only a proof lets the repair go on.
    """

    action: Action
    heads: tuple[str, ...] = ()
    merges: tuple[NewMerge, ...] = ()
    moves: tuple[Move, ...] = ()
    collisions: tuple[Collision, ...] = ()
    paths: Mapping[str, str] | None = None
    after: RevisionDag | None = None

    @property
    def revisions(self) -> tuple[str, ...]:
        """The revisions that are written or moved, in the order in which they are."""
        return (*(new_merge.id for new_merge in self.merges), *(move.revision.id for move in self.moves))

    @property
    def objects(self) -> tuple[str, ...]:
        """What the scripts collide over."""
        return tuple(sorted({collision.object for collision in self.collisions}))


def plan_repair(project: Project, view: View, sides: Sequence[Side], created: int, target: str | None = None) -> Repair:
    """Return how the heads of a place become one, by the policy of the branch that the work lands in.

    The first of `sides` is ours. `created` is the second of the epoch that merge revisions are dated with. `target` is
    the branch that the work lands in, where it is not the one of the settings. Raises
    InvalidTarget where what has landed would have to move, GitError where nothing shows what has landed.
    """
    policy, target = policy_at(project, view, target)
    dag = view.dag
    groups = guard.disallowed_heads(dag, policy)
    if not groups:
        return Repair("none", after=dag)
    from branchmig.workflows.conflicts import compare_heads

    comparisons = [compare_heads(view, group) for group in groups]
    found = tuple(dict.fromkeys(collision for comparison in comparisons for collision in comparison.collisions))
    paths = {name: path for comparison in comparisons for name, path in comparison.paths.items()}
    heads = tuple(dict.fromkeys(head for group in groups for head in group))
    if policy == "linear":
        moves = _moves(project, view, sides, target)
        return Repair("rebase", heads, (), moves, found, paths, RevisionDag(with_moves(dag, moves)))
    merges, after = _merges(dag, policy, created)
    return Repair("merge", heads, merges, (), found, paths, after)


def files_of(project: Project, invocation: Invocation, view: View, repair: Repair, trusted: str) -> dict[str, bytes]:
    """Return the files that a repair writes, by path from the top, with what they then hold.

    `trusted` is the commit whose template, post-write hooks and settings a merge revision is written with: the
    user's side of a merge, or in CI the target.
    """
    top = f"{project.tracked.top}/"
    files = {}
    for move in repair.moves:
        path = move.revision.path or ""
        if not path.startswith(top):
            raise InvalidTarget(f"{path} is not in the repository, and would move", "branchmig merge")
        files[path[len(top) :]] = with_parents(view.read([path])[path], project.shown_path(path), move.parents)
    files |= _written(project, invocation, view, repair, trusted) if repair.merges else {}
    return files


def prove_repair(project: Project, invocation: Invocation, view: View, repair: Repair) -> Proof:
    """Run each two heads in both orders on scratch databases."""
    from branchmig.database.trial.prover import prove_heads

    return prove_heads(project, invocation, repair.heads, view=view)


def summary(project: Project, repair: Repair, written: Iterable[str], *, is_done: bool = True) -> str:
    """Return what a repair has done, or would do, in one line; the name of a new file repeats its revision."""
    if repair.action == "merge":
        return _did(repair, is_done=is_done)
    top = str(project.tracked.top)
    names = [project.shown_path(f"{top}/{path}") for path in written]
    shown = ", ".join(names[:MOST_SHOWN]) + (f" and {len(names) - MOST_SHOWN} more" if names[MOST_SHOWN:] else "")
    return f"{_did(repair, is_done=is_done)} ({shown})"


def subject(repair: Repair) -> str:
    """Return the subject of a commit that holds nothing but a repair."""
    return f"{_did(repair)[0].upper()}{_did(repair)[1:]}"


def _did(repair: Repair, *, is_done: bool = True) -> str:
    if repair.action == "rebase":
        lowest = repair.moves[0]
        ids = [move.revision.id for move in repair.moves]
        more = f" and {len(ids) - MOST_SHOWN} more" if ids[MOST_SHOWN:] else ""
        return f"put {', '.join(ids[:MOST_SHOWN])}{more} on top of {', '.join(lowest.parents)}"
    parts = [f"{' and '.join(new.parents)} with merge revision {new.id}" for new in repair.merges]
    return f"{'joined' if is_done else 'join'} the heads {', '.join(parts)}"


def committed_at(project: Project, commits: Iterable[str]) -> int:
    """Return the second of the epoch at which the youngest of some commits was made."""
    words = ("log", "--no-walk", "--format=%ct", *commits, "--")
    return max(int(line) for line in project.tracked.run(*words).split())


def _merges(dag: RevisionDag, policy: Policy, created: int) -> tuple[tuple[NewMerge, ...], RevisionDag]:
    merges: list[NewMerge] = []
    while groups := guard.disallowed_heads(dag, policy):
        new = NewMerge(join_heads(dag, groups[0]), created)
        path = Path(dag[new.parents[0]].path or "").with_name(f"{new.id}.py")
        dag = RevisionDag([*dag, Revision(new.id, new.parents, message=new.message, path=str(path))])
        merges.append(new)
    return tuple(merges), dag


def _moves(project: Project, view: View, sides: Sequence[Side], target: str | None) -> tuple[Move, ...]:
    """Return the moves that make one line. Raises InvalidTarget where they do not, or a tag holds what would move."""
    dag, landed = view.dag, _landed(project, view, sides, target)
    ours = project.tree_view(sides[0].commit).ids
    moves = plan_line(dag, landed, ours)
    after = RevisionDag(with_moves(dag, moves))
    tips = [
        revision_id for revision_id in landed if revision_id in dag and landed.isdisjoint(dag.children(revision_id))
    ]
    bends = guard.not_linear(after, tips, frozenset(landed), target or "the target")
    if len(after.heads()) > 1 or bends:
        raise InvalidTarget(
            bends[0].message if bends else f"the heads {', '.join(after.heads())} have no line in common",
            "put your revisions on top of what has landed by hand: branchmig rebase",
        )
    _refuse_tagged(project, moves)
    return moves


def _landed(project: Project, view: View, sides: Sequence[Side], target: str | None) -> frozenset[str]:
    """Return the revisions that must not move: the target's, and those of sides that hold landed work, too.

    A branch that is checked out and has a twin on a remote has landed what the twin has: the rest was never pushed.
    """
    repository, ours = project.tracked, sides[0]
    target = None if target is None else full_name(repository, target)
    protected = protected_branches(project, view, target)
    # Where the target itself is checked out, it has moved already when a hook runs after the merge.
    commits = [] if target is None else [ours.commit if target == ours.name else commit_of(repository, target)]
    if is_landing_branch(repository, ours.name, ours.commit, target, protected) and not _is_twin(target, ours.name):
        twin = landed_twin(repository, without_remote(repository, ours.name))
        commits.append(commit_of(repository, twin or ours.commit))
    landing = [side for side in sides[1:] if is_landing_branch(repository, side.name, side.commit, target, protected)]
    commits += [side.commit for side in landing]
    if not commits:
        raise GitError("no git branch was found that the work lands in", "name it: target = REF in [branchmig]")
    return frozenset(
        revision.id for commit in dict.fromkeys(commits) for revision in project.tree_view(commit).revisions
    )


def _is_twin(target: str | None, name: str) -> bool:
    """Return whether the target is a remote's branch of the same name as a local one."""
    return bool(target) and str(target).split("/", 3)[3:] == [name.removeprefix("refs/heads/")]


def _refuse_tagged(project: Project, moves: Sequence[Move]) -> None:
    from branchmig.git.shared_files import refs_holding

    paths = {project.path_from_top(move.revision.path or ""): move.revision.id for move in moves}
    for path, refs in refs_holding(project.tracked, list(paths)).items():
        tags = [ref.removeprefix("refs/tags/") for ref in refs if ref.startswith("refs/tags/")]
        if tags:
            raise InvalidTarget(
                f"revision {paths[path]!r} would move, and the tag {tags[0]} has it, too",
                "join the lines with 'branchmig merge' instead; to move it all the same: branchmig rebase --force",
            )


def _written(project: Project, invocation: Invocation, view: View, repair: Repair, trusted: str) -> dict[str, bytes]:
    from branchmig.database.merge_text import NewFile, merge_texts

    assert repair.after is not None
    wanted = [
        NewFile(new, Path(repair.after[new.id].path or "").parent, tuple(merge_note(repair.after, new.plan, {})))
        for new in repair.merges
    ]
    found = merge_texts(project.with_scripts(view.dag, {}), invocation, wanted, trusted)
    return {project.path_from_top(str(path)): content for path, content in found}
