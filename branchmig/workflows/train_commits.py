"""`train --write`: the commits that would be pushed, made of trees; no work tree and no branch changes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.errors import GitError
from branchmig.git.committing import new_commit, tree_of, tree_with
from branchmig.git.history import has_ancestor, short_ref
from branchmig.git.places import Scratch
from branchmig.git.train_refs import merged_tree, write_train_refs
from branchmig.merge import join_heads, merge_note
from branchmig.model import Revision
from branchmig.project.config import Invocation, Texts
from branchmig.project.project import Project
from branchmig.revisions.revision_edit import with_parents
from branchmig.workflows.train import Train, without

if TYPE_CHECKING:
    from branchmig.planning.train import Turn


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
