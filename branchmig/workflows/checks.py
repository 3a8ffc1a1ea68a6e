"""Brings a place, the target branch and the rules of guard.py together, for guard and the hooks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.errors import NoProject, RevisionGraphError
from branchmig.git.history import current_branch, merging_commits, origins, plain_name, short_ref
from branchmig.git.paths import paths_from_top, pathspecs
from branchmig.git.targets import Target, find_target, target_refs
from branchmig.model import Problem, Revision, Unchecked
from branchmig.planning import guard
from branchmig.project.project import INDEX, WORKTREE, Project, View
from branchmig.project.settings import Policy
from branchmig.workflows.landed_changes import diverged_from, landed_changes
from branchmig.workflows.settled import Settled, layout_of_target, settled_work

if TYPE_CHECKING:
    from branchmig.revisions.waivers import Waived


HIDDEN = (
    "env.py sets version_locations when it runs, and guard runs nothing; name the same folders in the settings: "
    "version_locations = FOLDERS"
)


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
    sides: Sequence[str] | None = (),
    policy: Policy | None = None,
    landed: Mapping[str, str] | None = None,
) -> Verdict:
    """Apply every rule to a place, or to the merge of a ref into it.

    What the target branch has, or what either side of a merge has landed, must not be rewritten or deleted; nor what
    the `landed` commits have, given by name. Without a target, or where a shallow clone hides where the two part, those
    rules are unchecked. `sides` are commits to look for a head's
    origin in, besides the place's own; with None nothing asks git for it, which takes longer than all the rest.
    `policy` is that of the branch that the work lands in; without it, what the target's own settings state, else what
    the place's do. Raises GitError where git cannot give the place itself.
    """
    try:
        view = project.view(at, merged_with)
    except NoProject as error:
        return Verdict((), (Problem("no-revisions", error.message, error.hint or ""),))
    problems = [*view.markers, *_merge_conflicts(project, view)]
    is_certain = view.layout is None or view.layout.is_certain
    dag: RevisionDag | None = None
    broken: Sequence[Problem] = ()
    try:
        dag = view.dag
    except RevisionGraphError as error:
        # Without the folders, what else seems to be wrong with the graph only follows from that.
        broken = _without_conflicts(error.problems, view) if is_certain else view.problems
    landing = _landing(project, view, target)
    problems += _with_way_out(project, view, broken, landing.ref) if broken else ()
    settled = settled_work(project, view, landing, landed or {})
    if not is_certain:
        settled = "the settings are in conflict, so nobody knows yet in which folders the revisions are"
    policy = policy or _policy(project, view, landing.ref, settled)
    asked = {"multiple-heads"}
    changed: frozenset[str] = frozenset()
    unchecked: tuple[Unchecked, ...] = ()
    if isinstance(settled, str):
        unchecked = guard.unchecked_rules(policy, settled, is_empty=_is_empty(view)) if settled else ()
    else:
        found, changed, against = _against_target(project, view, dag, settled, policy)
        problems += found
        asked |= against
    if project.hides_locations:
        unchecked += (Unchecked("multiple-heads", HIDDEN),)
    problems += _emptiness(project, view, landing.ref)
    problems += _own_tables(project, view, changed if not isinstance(settled, str) else None)
    if dag is None:
        return Verdict((), tuple(problems), (), unchecked)
    if merged_with is not None:
        from branchmig.workflows.left_behind import left_behind

        problems += [*_conflicts(project, at, merged_with), *left_behind(project, view, at, merged_with)]
        asked.add(guard.CONFLICTING)
    if not isinstance(settled, str):
        problems += _joined(project, view, changed, settled, landed or {}, problems)
    if dag.unknown_labels and policy == "one-head-per-label":
        reason = f"the branch labels computed at {', '.join(dag.unknown_labels)} cannot be known"
        unchecked += (Unchecked("multiple-heads", reason),)
    problems[:0] = _heads(project, view, dag, sides, policy, landing)
    return Verdict(dag.heads(), *_with_waivers(view, problems, changed, frozenset(asked)), unchecked)


def _without_conflicts(problems: Sequence[Problem], view: View) -> Sequence[Problem]:
    """Return the problems but for an id that is in two files since git kept both sides' names of one."""
    paths = [{f"/{path}" for path in conflict.paths} for conflict in view.conflicts]

    def is_git_s(problem: Problem) -> bool:
        return any(all(any(path.endswith(end) for end in ends) for path in problem.paths) for ends in paths)

    return [problem for problem in problems if problem.code != "duplicate-revision" or not is_git_s(problem)]


def _with_way_out(project: Project, view: View, broken: Sequence[Problem], target: str | None) -> Sequence[Problem]:
    if view.at not in (WORKTREE, INDEX):
        return broken
    from branchmig.workflows.own_revisions import with_way_out

    return with_way_out(project, broken, target)


def policy_at(project: Project, view: View, target: str | None) -> tuple[Policy, str | None]:
    """Return the policy that holds for a place, and the branch that its work lands in, unless `target` is given."""
    target = target or _landing(project, view, None).ref
    return _policy(project, view, target, ()), target


def _with_waivers(
    view: View, problems: Sequence[Problem], changed: frozenset[str], asked: frozenset[str]
) -> tuple[tuple[Problem, ...], tuple[Waived, ...]]:
    """Return the problems that stay, and those that the revisions' files allow."""
    known = {revision.path for revision in view.revisions if revision.path}
    paths = sorted(known.intersection(changed.union(*(problem.paths for problem in problems))))
    texts = view.read(paths) if paths else {}
    if not any(b"branchmig:" in text for text in texts.values()):
        return tuple(problems), ()
    from branchmig.revisions.waivers import EMPTY_DOWNGRADE, Rules, apply_waivers
    from branchmig.workflows.hazards import waivable_codes

    # What collides with the target is asked for where it is merged: a waiver for that may stay unused elsewhere.
    found = {problem.code for problem in problems} - {guard.CONFLICTING}
    rules = Rules(asked | found, guard.WAIVABLE, waivable_codes(texts) | {EMPTY_DOWNGRADE})
    return apply_waivers(problems, texts, rules, changed)


def _own_tables(project: Project, view: View, changed: frozenset[str] | None) -> list[Problem]:
    """Return what would drop or change the journal's tables; of the target's own files, none: it has them."""
    if not project.config.settings.journal:
        return []
    new = {revision.path: revision for revision in view.revisions if revision.path}
    if changed is not None:
        changed |= _untracked(project) if view.at == WORKTREE else frozenset()
        new = {path: revision for path, revision in new.items() if path in changed}
    if not new:
        return []
    from branchmig.effects.own_table_changes import own_tables_changed

    texts = view.read(sorted(new))
    return [
        guard.own_tables(revision, change.table, change.line)
        for path, revision in sorted(new.items())
        for change in own_tables_changed(texts.get(path, b""))[:1]
    ]


def _untracked(project: Project) -> frozenset[str]:
    names = project.tracked.run("ls-files", "-z", "--others", "--", *pathspecs(project.folders))
    return frozenset(f"{project.tracked.top}/{os.fsdecode(name)}" for name in names.split(b"\0") if name)


def _joined(
    project: Project,
    view: View,
    changed: frozenset[str],
    settled: Sequence[Settled],
    landed: Mapping[str, str],
    known: Sequence[Problem],
) -> list[Problem]:
    """Return the conflicts below the merge revisions of a place that have not landed; none that is known."""
    merges = [revision for revision in view.revisions if len(revision.parents) > 1]
    if merges:
        changed |= _untracked(project) if view.at == WORKTREE else frozenset()
        merges = [revision for revision in merges if revision.path in changed]
    if not merges:
        return []
    # A branch that is pushed lands in what the server has of it, whatever else has landed here.
    tips = set(landed.values()) or {each_settled.tip for each_settled in settled}
    there = {revision.id for tip in tips for revision in project.tree_view(tip).revisions}
    from branchmig.workflows.conflicts import merge_problems

    against = next((commit[:10] for commit in landed.values()), settled[0].source)
    found = merge_problems(view, [revision.id for revision in merges if revision.id not in there], there, against)
    said = {frozenset(problem.revisions) for problem in known if problem.code == guard.CONFLICTING}
    return [problem for problem in found if frozenset(problem.revisions) not in said]


def _conflicts(project: Project, at: str, merged_with: str) -> list[Problem]:
    from branchmig.workflows.conflicts import conflict_problems

    try:
        return conflict_problems(project, at, merged_with)
    except (RevisionGraphError, NoProject):
        return []  # one side alone is no graph, or not there; the merge, which is what the rules are for, is one


def _heads(
    project: Project, view: View, dag: RevisionDag, sides: Sequence[str] | None, policy: Policy, landing: Target
) -> list[Problem]:
    groups = guard.disallowed_heads(dag, policy)
    if sides is None:
        return [guard.multiple_heads(dag, group, {}) for group in groups]
    heads = list(dict.fromkeys(head for group in groups for head in group))
    titles = _titles(project, view, [dag[head] for head in heads], sides) if heads else {}
    is_checkout = view.at in (WORKTREE, INDEX) and view.merged_with is None
    way_out = guard.WAY_OUT
    if groups and is_checkout:
        from branchmig.workflows.own_revisions import may_rebase

        way_out = guard.WAY_OUT if may_rebase(project, dag, landing.ref) else guard.MERGE
    return [
        guard.multiple_heads(dag, group, titles, _collision_hint(project, view, group) or way_out) for group in groups
    ]


def _collision_hint(project: Project, view: View, group: Sequence[str]) -> str:
    """Return what to do about heads whose scripts collide, for which a merge is refused; empty where they do not."""
    from branchmig.workflows.conflicts import compare_heads
    from branchmig.workflows.ways_out import way_out

    found = compare_heads(view, group).conflicts
    objects = sorted({collision.object for collision in found})
    return f"their scripts collide over {', '.join(objects)}: {way_out(project, view, found)}" if found else ""


def _titles(project: Project, view: View, heads: Sequence[Revision], sides: Sequence[str]) -> Mapping[str, str]:
    """Say of each head what it does and which branch, commit and author it came from."""
    messages = {head.id: head.title for head in heads}
    if project.repository is None:
        return messages
    paths = paths_from_top(project.repository, {head.id: head.path for head in heads})
    paths |= _paths_before_merge(project, view, paths)
    places = ["HEAD", *merging_commits(project.repository)] if view.at in (WORKTREE, INDEX) else [view.at]
    places += [*([view.merged_with] if view.merged_with else []), *sides]
    targets = target_refs(project.repository, project.config.settings.target)
    found = origins(project.repository, list(paths.values()), places, targets)
    return {
        head: f"{message}; {found[paths[head]]}" if head in paths else message for head, message in messages.items()
    }


def _paths_before_merge(project: Project, view: View, paths: Mapping[str, str]) -> dict[str, str]:
    """Return the paths of merged-in revisions that the merge has in another folder."""
    sides = () if view.merged_with is None else (view.merged_with, view.at)
    found: dict[str, str] = {}
    for side in sides:
        try:
            there = project.view(side)
        except NoProject:
            continue
        if project.layout_of(there).is_like(project.layout_of(view)):
            continue
        known = {revision.id: revision.path or "" for revision in there.revisions}
        found |= {path: project.tracked.from_top(known[path]) for path in paths if path in known and path not in found}
    return found


def _merge_conflicts(project: Project, view: View) -> list[Problem]:
    """Return the conflicts of a previewed merge on files of the project that are no revisions: env.py, settings."""
    if not view.conflicts:
        return []
    from branchmig.planning.merge_preview import conflict_problem

    shown = plain_name(project.tracked, view.merged_with or "")
    reported = {path for problem in (*view.markers, *view.problems) for path in problem.paths}
    found = [
        ([f"{project.tracked.top}/{path}" for path in conflict.paths], conflict.words) for conflict in view.conflicts
    ]
    return [conflict_problem(paths, words, shown) for paths, words in found if not reported.intersection(paths)]


def _against_target(
    project: Project, view: View, dag: RevisionDag | None, settled: Sequence[Settled], policy: Policy
) -> tuple[list[Problem], frozenset[str], frozenset[str]]:
    """Return the broken rules, the files that differ from the target's, and the checked codes.

    The first of `settled` is the target.
    """
    problems: dict[tuple[object, ...], Problem] = {}
    changed: frozenset[str] = frozenset()
    for each in settled:
        found, paths = landed_changes(project, view, each)
        changed |= paths
        for problem in (*found, *_diverged(project, view, each)):
            problems.setdefault((problem.code, problem.revisions), problem)
    asked = {"rewritten-revision", "deleted-revision", "diverged-revision"}
    bends: list[Problem] = []
    if dag is not None and policy == "linear":
        there = project.tree_view(settled[0].tip)
        bends = guard.not_linear(dag, there.dag.heads(), there.ids, settled[0].ref)
        asked.add("not-linear")
    return [*problems.values(), *bends], changed, frozenset(asked)


def _diverged(project: Project, view: View, settled: Settled) -> list[Problem]:
    if settled.tip == settled.base:
        return []
    return diverged_from(project, view, settled)


def _landing(project: Project, view: View, given: str | None) -> Target:
    """Return where the work lands, as the settings of the place say."""
    if project.repository is None:
        return Target(None, f"{project.config.root} is in no git repository")
    return find_target(project.repository, given, project.config_of(view).settings.target)


def _policy(project: Project, view: View, target: str | None, settled: Sequence[Settled] | str) -> Policy:
    """Return the policy that the target's own settings state, else that of the place's settings.

    What is uncommitted on the target branch itself is what its settings will be.
    """
    own = project.config_of(view)
    there = (
        ()
        if isinstance(settled, str)
        else [each_settled for each_settled in settled if each_settled.ref == short_ref(target or "")]
    )
    layout = layout_of_target(project, view, target, there[:1])
    if target is None or layout is None or "policy" not in layout.config.stated:
        return own.settings.policy
    stated = layout.config.settings.policy
    if stated != own.settings.policy and view.at in (WORKTREE, INDEX) and view.merged_with is None:
        branch = current_branch(project.tracked)
        name = short_ref(target)
        if branch is not None and branch in (name, name.partition("/")[2]):
            return own.settings.policy
    return stated


def _is_empty(view: View) -> bool:
    return not view.revisions and not view.problems


def _emptiness(project: Project, view: View, target: str | None) -> list[Problem]:
    """Return the problem that a place without a revision is where the target has some."""
    if target is None or not _is_empty(view):
        return []
    there = project.ref_view(target).revisions
    if not there:
        return []
    where = ", ".join(project.layout_of(view).folders) or "the version locations"
    name = view.at if view.merged_with is None else f"the merge of {view.merged_with} into {view.at}"
    return [guard.no_revisions(name, where, short_ref(target), len(there))]
