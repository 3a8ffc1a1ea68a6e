"""Graphs and git merges of real projects (data/README.md): they load, and their heads are right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from branchmig.dag import RevisionDag
from branchmig.errors import RevisionGraphError
from branchmig.merge import plan_merge
from branchmig.model import Revision
from branchmig.planning.plan import plan_downgrade, plan_upgrade

PROJECTS = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted(Path(__file__).parent.glob("data/*.json"))
}
MERGES = {f"{name} {merge['commit']}": merge for name, project in PROJECTS.items() for merge in project["merges"]}
# Trees that were broken when they were committed: which file, which parent nobody has.
BROKEN = {
    ("lemur 7032abf2e792", "theirs"): ("556ceb3e3c3e_.py", "47baffaae1a7"),
    ("lemur 7032abf2e792", "merged"): ("556ceb3e3c3e_.py", "47baffaae1a7"),
    ("redash 93dffa0c8a83", "ours"): ("1daa601d3ae5_add_columns_for_disabled_users.py", "969126bd800f"),
    ("redash 93dffa0c8a83", "theirs"): ("d4c798575877_create_favorites.py", "969126bd800f"),
    ("redash 93dffa0c8a83", "merged"): ("1daa601d3ae5_add_columns_for_disabled_users.py", "969126bd800f"),
}


def revisions_of(tree: dict[str, Any]) -> list[Revision]:
    readable = {path: header for path, header in tree.items() if header != ["!error"]}
    return [
        Revision(revision_id, tuple(parents), tuple(depends_on), tuple(labels), path=path)
        for path, (revision_id, parents, depends_on, labels) in readable.items()
    ]


def tree_at(merge: dict[str, Any], side: str) -> dict[str, Any]:
    change = merge[side]
    return {path: header for path, header in merge["base"].items() if path not in change["del"]} | change["set"]


@pytest.mark.parametrize("name", PROJECTS)
def test_a_real_history_loads_with_the_right_heads(name: str) -> None:
    dag = RevisionDag(revisions_of(PROJECTS[name]["revisions"]))
    assert dag.heads() == tuple(PROJECTS[name]["heads"])


@pytest.mark.parametrize("name", PROJECTS)
def test_a_real_history_goes_up_to_its_head_and_down_to_its_base(name: str) -> None:
    dag = RevisionDag(revisions_of(PROJECTS[name]["revisions"]))
    up = plan_upgrade(dag, "head")
    down = plan_downgrade(dag, "base", up.heads_after)
    assert (len(up.steps), up.heads_after) == (len(dag), dag.heads())
    assert (len(down.steps), down.heads_after) == (len(dag), ())


@pytest.mark.parametrize("name", MERGES)
@pytest.mark.parametrize("side", ["ours", "theirs", "merged"])
def test_a_real_git_merge_has_the_recorded_heads(name: str, side: str) -> None:
    revisions = revisions_of(tree_at(MERGES[name], side))
    if (name, side) in BROKEN:
        path, parent = BROKEN[name, side]
        with pytest.raises(RevisionGraphError) as caught:
            RevisionDag(revisions)
        assert [
            (problem.code, problem.paths, f"{parent!r}" in problem.message) for problem in caught.value.problems
        ] == [("missing-parent", (path,), True)]
    else:
        assert RevisionDag(revisions).heads() == tuple(sorted(MERGES[name]["heads"][side]))


def is_of_two_lines(name: str) -> bool:
    """Whether each side only added revisions on top, and the merge has both their heads."""
    merge = MERGES[name]
    heads = [len(merge["heads"][side]) for side in ("ours", "theirs", "merged")]
    rewritten = {path for side in ("ours", "theirs") for path in merge[side]["set"]} & set(merge["base"])
    return heads == [1, 1, 2] and not rewritten


@pytest.mark.parametrize("name", [name for name in MERGES if is_of_two_lines(name)])
def test_a_merge_revision_would_join_what_the_two_sides_of_a_real_merge_brought(name: str) -> None:
    merge = MERGES[name]
    dag = RevisionDag(revisions_of(tree_at(merge, "merged")))
    ours, theirs = ({revision.id for revision in revisions_of(tree_at(merge, side))} for side in ("ours", "theirs"))
    assert {side.parent: set(side.brings) for side in plan_merge(dag).sides} == {
        merge["heads"]["ours"][0]: ours - theirs,
        merge["heads"]["theirs"][0]: theirs - ours,
    }
