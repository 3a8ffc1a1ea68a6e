"""`branchmig train`: open branches to an order in which they can land; with `--write`, the commits to be pushed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from branchmig.dag import RevisionDag
from branchmig.errors import GitError, MultipleHeads
from branchmig.git.committing import new_commit, tree_of, tree_with
from branchmig.git.file_clashes import conflicts_in_order, file_clashes
from branchmig.git.history import commit_times, has_ancestor, short_ref, tags_beyond
from branchmig.git.places import Scratch
from branchmig.git.train_refs import merged_tree, write_train_refs
from branchmig.merge import join_heads, merge_note
from branchmig.model import Landing, Revision
from branchmig.planning.forecast import Outcome, outcomes
from branchmig.planning.guard import disallowed_heads
from branchmig.planning.train import Candidate, Clashes, Turn, plan_train, same_id_clashes
from branchmig.project.config import Invocation, Texts
from branchmig.project.project import Project, View
from branchmig.revisions.escaping import in_shell
from branchmig.revisions.revision_edit import with_parents
from branchmig.workflows.landings import Survey, ruled, survey


@dataclass(frozen=True, slots=True)
class Train:
    """The turns of branches that are to land in a target, at a commit of it; `idle` branches bring no revision."""

    target: str
    commit: str
    there: View
    policy: str
    branches: Mapping[str, str]
    candidates: tuple[Candidate, ...]
    clashes: Clashes
    turns: tuple[Turn, ...]
    idle: tuple[str, ...]
    order: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    """Over which objects the order of two branches matters."""

    @property
    def stops(self) -> tuple[Turn, ...]:
        """The branches that cannot land."""
        return tuple(turn for turn in self.turns if turn.action == "stop")

    @property
    def is_unknown(self) -> bool:
        """Whether all that keeps branches from landing is that git cannot tell what they do."""
        return bool(self.stops) and all(turn.is_unknown for turn in self.stops)


def train(project: Project, target: str, commit: str, branches: Mapping[str, str]) -> Train:
    """Return an order in which branches, names with their commits, can land in the target, which is at a commit.

    Raises RevisionGraphError where the target is no lawful graph, MultipleHeads where it has heads that collide.
    """
    found = survey(project, target, commit, branches)
    _refuse_heads_in_conflict(found, target)
    candidates = _candidates(project, found, commit, branches)
    clashes: Clashes = {(pair[0], pair[1]): objects for pair, objects in found.clashes.items()}
    for pair, ids in same_id_clashes(candidates).items():
        clashes[pair] = (*ids, *clashes.get(pair, ()))
    elsewhere = {candidate.branch: candidate.landing.elsewhere for candidate in candidates if candidate.is_able}
    candidates = _in_conflict(candidates, {name: words for name, words in elsewhere.items() if words})
    able = [candidate for candidate in candidates if candidate.is_able]
    changed = {candidate.branch: candidate.landing.files for candidate in able}
    files = file_clashes(project.tracked, commit, {name: branches[name] for name in changed}, changed)
    for pair, paths in files.pairs.items():
        clashes.setdefault(pair, tuple(paths))
    planned = _planned(
        Train(target, commit, found.there, found.policy, branches, (), clashes, (), found.idle, found.order), candidates
    )
    while files.unknown:
        order = [turn.branch for turn in planned.turns if turn.action != "stop" and turn.branch in files.unknown]
        conflicts = conflicts_in_order(project.tracked, commit, {name: branches[name] for name in order})
        if not conflicts:
            break
        planned = without(planned, conflicts)
    return planned


def without(train: Train, conflicts: Mapping[str, tuple[str, ...]]) -> Train:
    """Return the train without branches that git cannot merge by itself, given with git's words."""
    return _planned(train, _in_conflict(train.candidates, conflicts))


def _planned(train: Train, candidates: Sequence[Candidate]) -> Train:
    turns = plan_train(train.there.dag, candidates, train.clashes, train.policy)
    return replace(train, candidates=tuple(candidates), turns=turns)


def _in_conflict(candidates: Sequence[Candidate], conflicts: Mapping[str, tuple[str, ...]]) -> list[Candidate]:
    return [
        replace(candidate, outcome=replace(candidate.outcome, merge_conflicts=conflicts[candidate.branch]))
        if candidate.branch in conflicts
        else candidate
        for candidate in candidates
    ]


def _refuse_heads_in_conflict(found: Survey, target: str) -> None:
    """Refuse a target whose own heads collide, or cannot be put into one line: nothing can land on both."""
    from branchmig.workflows.conflicts import compare_heads

    groups = disallowed_heads(found.there.dag, found.policy)
    for heads in groups:
        if found.policy == "linear" or compare_heads(found.there, heads).conflicts:
            name = short_ref(target)
            raise MultipleHeads(
                f"{name} itself has {len(heads)} heads: {', '.join(heads)}",
                f"join them there first: git switch {in_shell(name)} && branchmig fix",
                heads,
            )


def _candidates(project: Project, found: Survey, commit: str, branches: Mapping[str, str]) -> list[Candidate]:
    dates = commit_times(project.tracked, [commit, *(branches[landing.branch] for landing in found.landings)])
    bringing: dict[str, list[Landing]] = {}
    for landing in found.landings:
        for name in landing.added:
            bringing.setdefault(name, []).append(landing)
    candidates = []
    for landing, alone in zip(found.landings, found.alone, strict=True):
        awaits = frozenset(name for name in _absent(found, landing) if name in bringing)
        lower = [bringing[name][0] for name in sorted(awaits)]
        outcome = _outcome_with(project, found, landing, lower, alone) if awaits else alone
        created = max(dates[commit], dates[branches[landing.branch]])
        candidates.append(Candidate(landing, outcome, created, awaits))
    if found.policy != "linear":
        return candidates
    held = _held(project, found.landings, commit)
    return [
        replace(
            candidate,
            contains=_contained(project, candidate, candidates, branches),
            held={name: held[name] for name in candidate.landing.added if name in held},
        )
        for candidate in candidates
    ]


def _held(project: Project, landings: Iterable[Landing], commit: str) -> dict[str, str]:
    """Return the revisions that tags have which are not in the target, each with such a tag."""
    tags = tags_beyond(project.tracked, commit)
    paths = {
        name: project.path_from_top(revision.path)
        for landing in landings
        for name, revision in landing.added.items()
        if revision.path
    }
    wanted = [(name, tag, f"refs/tags/{tag}:{path}") for name, path in paths.items() for tag in tags]
    there = project.tracked.ids_of([place for _, _, place in wanted])
    return {name: tag for (name, tag, _), blob in zip(wanted, there, strict=True) if blob}


def _contained(
    project: Project, candidate: Candidate, others: Iterable[Candidate], branches: Mapping[str, str]
) -> frozenset[str]:
    """Return the branches with revisions of a branch whose commits it has, too."""
    tip, own = branches[candidate.branch], candidate.landing.added.keys()
    sharing = (other.branch for other in others if other != candidate and not own.isdisjoint(other.landing.added))
    return frozenset(name for name in sharing if has_ancestor(project.tracked, tip, branches[name]))


def _absent(found: Survey, landing: Landing) -> Iterable[str]:
    """Return the revisions that a branch stands on, and that neither it nor the target has."""
    dag = found.there.dag
    names = {name for revision in landing.added.values() for name in (*revision.parents, *revision.depends_on)}
    own = {label for revision in landing.added.values() for label in revision.labels}
    return (name for name in names if name not in landing.added and name not in dag and name not in {*dag.labels, *own})


def _outcome_with(
    project: Project, found: Survey, landing: Landing, lower: Sequence[Landing], alone: Outcome
) -> Outcome:
    """Return what a branch would leave that stands on others, once these have landed."""
    added = {name: revision for other in (*reversed(lower), landing) for name, revision in other.added.items()}
    whole = replace(landing, added=added)
    [outcome] = outcomes(found.there.dag, [whole])
    top = f"{project.tracked.top}/"
    outcome = ruled(outcome, found.there.dag, [whole], found.policy, short_ref(found.there.at), top)
    return replace(outcome, conflicts=alone.conflicts)


class _Unmerged(Exception):
    """git has conflicts where a branch is merged after those before it."""

    def __init__(self, branch: str, words: tuple[str, ...]) -> None:
        super().__init__(branch)
        self.branch, self.words = branch, words


def write_train(project: Project, invocation: Invocation, train: Train) -> tuple[Train, dict[str, str]]:
    """Write the commit of each branch that lands; return them by branch, and the train, planned again where it must be.

    Each commit continues its branch, has what landed before it merged in, and the files that make one head. A branch
    that needs nothing is written as it is. A branch that git cannot merge by itself at its turn is stopped after all.
    """
    while True:
        try:
            commits = _commits(project, train, _merge_texts(project, invocation, train))
        except _Unmerged as error:
            train = without(train, {error.branch: error.words})
            continue
        write_train_refs(project.tracked, commits)
        return train, commits


def _commits(project: Project, train: Train, texts: Mapping[str, tuple[str, bytes]]) -> dict[str, str]:
    repository, target = project.tracked, short_ref(train.target)
    tip, commits = train.commit, {}
    for turn in train.turns:
        if turn.action == "stop":
            continue
        own = train.branches[turn.branch]
        merged = merged_tree(repository, tip, own, {tip: target, own: turn.branch})
        files = dict(texts[new.id] for new in turn.merges) | _moved(project, merged.tree, tip, turn)
        conflicts = [conflict.words for conflict in merged.conflicts if not files.keys() >= {*conflict.paths}]
        if conflicts:
            raise _Unmerged(turn.branch, tuple(conflicts))
        if files:
            message = f"Merge {target} into {short_ref(turn.branch)}\n\n{_subject(turn)}\n"
            tree = tree_with(repository, merged.tree, files)
            tip = new_commit(repository, tree, [own, tip], message.encode("utf-8", "surrogateescape"))
            commits[turn.branch] = tip
            continue
        commits[turn.branch] = own
        if has_ancestor(repository, own, tip):
            tip = own
        elif merged.tree != tree_of(repository, tip):
            message = f"Merge {short_ref(turn.branch)} into {target}\n"
            tip = new_commit(repository, merged.tree, [tip, own], message.encode("utf-8", "surrogateescape"))
    return commits


def _subject(turn: Turn) -> str:
    if turn.merges:
        return "\n".join(f"Join {' and '.join(new.parents)} with merge revision {new.id}" for new in turn.merges)
    return f"Put {', '.join(move.revision.id for move in turn.moves)} on top of {', '.join(turn.moves[0].parents)}"


def _moved(project: Project, tree: str, tip: str, turn: Turn) -> dict[str, bytes]:
    """Return the files of the revisions that get other parents, by path from the top.

    They are as `tip` has them, where another branch has brought them there, else as the merge has them.
    """
    paths = {project.path_from_top(move.revision.path or ""): move.parents for move in turn.moves}
    found = dict(project.tracked.objects([f"{place}:{path}" for path in paths for place in (tip, tree)]))
    files = {}
    for path, parents in paths.items():
        landed, merged = found[f"{tip}:{path}"], found[f"{tree}:{path}"]
        if landed is None and merged is None:
            raise GitError(f"the merge of {turn.branch} does not have {path}", "rebase that branch by hand")
        files[path] = landed if landed is not None else with_parents(merged or b"", path, parents)
    return files


def _merge_texts(project: Project, invocation: Invocation, train: Train) -> dict[str, tuple[str, bytes]]:
    """Return path from the top and text of each merge revision, as template and settings of the target make them."""
    from branchmig.database.merge_text import NewFile, merge_texts
    from branchmig.database.trusted import texts_at
    from branchmig.project.config_facts import new_files

    merges = [new for turn in train.turns for new in turn.merges]
    if not merges:
        return {}
    settings = texts_at(project, train.commit)[1]
    names = new_files(project.config.files, Texts(settings["ini"], settings["toml"]))
    dag, top, scratch = _landed(train), str(project.tracked.top), Scratch()
    # Post-write hooks look for their settings beside the file; without hooks nothing is written beside the others.
    home = top if names.has_hooks else scratch.name
    wanted = []
    for new in merges:
        whole = replace(new, plan=join_heads(dag, new.parents))
        folder = os.path.relpath(os.path.dirname(dag[new.id].path or ""), top)
        wanted.append(NewFile(whole, Path(home, folder), tuple(merge_note(dag, whole.plan, {}))))
    quiet = replace(invocation, is_quiet=True)
    found = merge_texts(project.with_scripts(dag, {}), quiet, wanted, train.commit)
    paths = (os.path.relpath(path, home).replace(os.sep, "/") for path, _ in found)
    return {new.id: (path, text) for new, path, (_, text) in zip(merges, paths, found, strict=True)}


def _landed(train: Train) -> RevisionDag:
    """Return the target's graph once all have landed; a merge revision is placed beside its first parent."""
    landings = {candidate.branch: candidate.landing for candidate in train.candidates}
    revisions = {revision.id: revision for revision in train.there.revisions}
    for turn in train.turns:
        if turn.action == "stop":
            continue
        landing = landings[turn.branch]
        for name in landing.removed - landing.added.keys():
            revisions.pop(name, None)
        revisions |= landing.added
        for new in turn.merges:
            path = Path(revisions[new.parents[0]].path or "").with_name(f"{new.id}.py")
            revisions[new.id] = Revision(new.id, new.parents, message=new.message, path=str(path))
    return RevisionDag(revisions.values())
