"""Brings a place, the target branch and the rules of guard.py together; what guard and the hooks ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchmig import guard
from branchmig.errors import RevisionGraphError
from branchmig.fingerprint import fingerprint
from branchmig.model import Unchecked
from branchmig.project import INDEX, WORKTREE
from branchmig.waivers import Rules, apply_waivers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from branchmig.dag import RevisionDag
    from branchmig.model import Problem, Revision
    from branchmig.project import Project, View
    from branchmig.waivers import Waived


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of a place; `heads` are empty where the graph cannot be known.

    `waived` are problems that a revision's file allows. `unchecked` are the rules that could not be checked: without
    problems, the answer is then "cannot tell".
    """

    heads: tuple[str, ...]
    problems: tuple[Problem, ...]
    waived: tuple[Waived, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether every rule was checked and holds."""
        return not self.problems and not self.unchecked


def inspect(
    project: Project,
    at: str = WORKTREE,
    merged_with: str | None = None,
    target: str | None = None,
    sides: Sequence[str] = (),
) -> Verdict:
    """Apply every rule to a place, or to the merge of a ref into it.

    What the target branch (else `merged_with`) already has must not be rewritten or deleted; without a target, or
    where a shallow clone hides where the two part, those rules are unchecked. `sides` are commits to look for a head's
    origin in, besides the place's own. Raises GitError where git cannot give the place itself.
    """
    view = project.view(at, merged_with)
    problems = list(view.markers)
    dag: RevisionDag | None = None
    try:
        dag = view.dag
    except RevisionGraphError as error:
        problems += error.problems
    settled = _settled(project, view, target)
    asked = {"multiple-heads"}
    changed: frozenset[str] = frozenset()
    unchecked: tuple[Unchecked, ...] = ()
    if isinstance(settled, _Settled):
        found, changed, against = _against_target(project, view, dag, settled)
        problems += found
        asked |= against
    elif settled.reason:
        unchecked = guard.unchecked_rules(project.config.settings.policy, settled.reason)
    if dag is None:
        return Verdict((), tuple(problems), (), unchecked)
    if merged_with is not None:
        problems += _conflicts(project, at, merged_with)
        asked.add("conflicting-revisions")
    if dag.unknown_labels and project.config.settings.policy == "one-head-per-label":
        reason = f"the branch labels computed at {', '.join(dag.unknown_labels)} cannot be known"
        unchecked += (Unchecked("multiple-heads", reason),)
    problems[:0] = _heads(project, view, dag, sides)
    return Verdict(dag.heads(), *_with_waivers(view, problems, changed, frozenset(asked)), unchecked)


def _with_waivers(
    view: View, problems: Sequence[Problem], changed: frozenset[str], asked: frozenset[str]
) -> tuple[tuple[Problem, ...], tuple[Waived, ...]]:
    """Return the problems that stay, and those that the revisions' files allow."""
    known = {revision.path for revision in view.revisions if revision.path}
    paths = sorted(known.intersection(changed.union(*(problem.paths for problem in problems))))
    texts = view.read(paths) if paths else {}
    if not any(b"branchmig:" in text for text in texts.values()):
        return tuple(problems), ()
    from branchmig.hazards import RULES
    from branchmig.waivers import EMPTY_DOWNGRADE

    rules = Rules(asked | {problem.code for problem in problems}, guard.WAIVABLE, frozenset({*RULES, EMPTY_DOWNGRADE}))
    return apply_waivers(problems, texts, rules, changed)


def _conflicts(project: Project, at: str, merged_with: str) -> list[Problem]:
    from branchmig.conflicts import conflict_problems

    try:
        return conflict_problems(project, at, merged_with)
    except RevisionGraphError:
        return []  # one side alone is no graph; the merge, which is what the rules are for, is one


def _heads(project: Project, view: View, dag: RevisionDag, sides: Sequence[str]) -> list[Problem]:
    groups = guard.disallowed_heads(dag, project.config.settings.policy)
    heads = list(dict.fromkeys(head for group in groups for head in group))
    titles = _titles(project, view, [dag[head] for head in heads], sides) if heads else {}
    return [guard.multiple_heads(dag, group, titles) for group in groups]


def _titles(project: Project, view: View, heads: Sequence[Revision], sides: Sequence[str]) -> Mapping[str, str]:
    """Say of each head what it does and which branch, commit and author it came from."""
    messages = {head.id: head.message.partition("\n")[0] for head in heads}
    if project.repository is None:
        return messages
    from branchmig.git.history import merging_commits, origins
    from branchmig.git.targets import target_refs

    top = f"{project.repository.top}/"
    paths = {head.id: head.path[len(top) :] for head in heads if head.path and head.path.startswith(top)}
    places = ["HEAD", *merging_commits(project.repository)] if view.at in (WORKTREE, INDEX) else [view.at]
    places += [*([view.merged_with] if view.merged_with else []), *sides]
    targets = target_refs(project.repository, project.config.settings.target)
    found = origins(project.repository, list(paths.values()), places, targets)
    return {
        head: f"{message}; {found[paths[head]]}" if head in paths else message for head, message in messages.items()
    }


def _against_target(
    project: Project, view: View, dag: RevisionDag | None, settled: _Settled
) -> tuple[list[Problem], frozenset[str], frozenset[str]]:
    """Return what breaks a rule, the files that the target has not so, and the codes that were looked for."""
    from branchmig.git.history import short_ref

    problems, changed = _changes(project, view, settled)
    asked = {"rewritten-revision", "deleted-revision"}
    if dag is not None and project.config.settings.policy == "linear":
        problems += _bends(project, dag, settled.commit(project), short_ref(settled.ref))
        asked.add("not-linear")
    return problems, changed, frozenset(asked)


@dataclass(frozen=True, slots=True)
class _Settled:
    """What must not be changed: the revisions at `base` that `ref` still has."""

    ref: str
    base: str

    def commit(self, project: Project) -> str:
        from branchmig.git.history import commit_of

        return commit_of(project.tracked, self.ref)


@dataclass(frozen=True, slots=True)
class _Unsettled:
    """Why it is not known what must not be changed; empty where nothing can have landed yet."""

    reason: str


def _settled(project: Project, view: View, given: str | None) -> _Settled | _Unsettled:
    """Return what is settled: the target where it parts from this place; all that a merge brings in."""
    from branchmig.git.history import commit_of, has_ancestor, merge_base, short_ref
    from branchmig.git.targets import DEPTHS, find_target

    repository = project.repository
    if repository is None:
        return _Unsettled(f"{project.config.root} is in no git repository")
    target = find_target(repository, given, project.config.settings.target)
    ours = "HEAD" if view.at in (WORKTREE, INDEX) else view.at
    if view.merged_with is not None:
        # Where a branch is looked at as merged into the target, it is the target that keeps what it has.
        ref = target.ref if target.ref and has_ancestor(repository, ours, target.ref) else view.merged_with
        return _Settled(ref, commit_of(repository, ref))
    if target.ref is None:
        return _Unsettled(f"{target.reason}; {target.hint}" if target.reason else "")
    base = merge_base(repository, ours, target.ref)
    if base:
        return _Settled(target.ref, base)
    name = short_ref(target.ref)
    if repository.is_shallow:
        return _Unsettled(
            f"this clone is shallow: the commit at which {name} and {ours} part is not in it; "
            f"git fetch --unshallow ({DEPTHS})"
        )
    if repository.commit(ours) is None:
        return _Unsettled(f"this branch has no commit yet, so it has none in common with {name}")
    return _Unsettled(f"{ours} has no commit in common with {name}; if it lands elsewhere, name it: --target REF")


def _changes(project: Project, view: View, settled: _Settled) -> tuple[list[Problem], frozenset[str]]:
    """Return what of the target's revisions was changed here since the branches parted, and all changed files."""
    from branchmig.git.history import short_ref

    before, texts, changed = project.settled(view, settled.base)
    if not before:
        return [], changed
    there = settled.commit(project)
    if there != settled.base:
        kept = {revision.id for revision in project.tree_view(there).revisions}
        before = tuple(revision for revision in before if revision.id in kept)

    def is_same(one: Revision, after: Revision) -> bool:
        assert one.path is not None
        assert after.path is not None
        return fingerprint(texts[one.path]) == fingerprint(view.read([after.path])[after.path])

    changes = guard.changed_revisions(before, view.revisions, is_same)
    # A file that cannot be read is reported as such, not as a revision that is gone.
    unreadable = {path for problem in view.problems for path in problem.paths}
    return [
        guard.change_problem(change, short_ref(settled.ref))
        for change in changes
        if change.after is not None or change.before.path not in unreadable
    ], changed


def _bends(project: Project, dag: RevisionDag, settled_at: str, target: str) -> list[Problem]:
    there = project.tree_view(settled_at)
    return guard.not_linear(dag, there.dag.heads(), frozenset(revision.id for revision in there.revisions), target)
