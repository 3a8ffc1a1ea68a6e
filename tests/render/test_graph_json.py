"""The graph as JSON: the whole document."""

from __future__ import annotations

from branchmig.render.graph_json import graph_document
from tests.render.pictures import REVISIONS, everything


def test_the_whole_document() -> None:
    def entry(number: int, **more: object) -> dict[str, object]:
        revision = REVISIONS[number]
        return {
            "revision": revision.id,
            "down_revision": list(revision.parents),
            "depends_on": [],
            "branch_labels": ["users"],
            "message": revision.message,
            "path": revision.path,
            "state": "applied",
            "git": None,
            "added": False,
            "boundary": False,
            "effects": None,
            "unclear": False,
            "places": [],
            **more,
        }

    commit = "c0ffee" * 6 + "abcd"
    git = {"branch": "feature/x", "author": "Ada <Author>", "commit": commit}
    needs = {"depends_on": ["bbbb0000"], "branch_labels": []}
    assert graph_document(everything(), lambda path: path) == {
        "version": 1,
        "at": "HEAD",
        "merged_with": "feature/x",
        "revisions": [
            entry(0, boundary=True, branch_labels=[]),
            entry(1),
            entry(2, state="pending", git=git, added=True, **needs),
            entry(3, state="skipped", git={"branch": "main", "author": None, "commit": None}),
            entry(4, state="orphan"),
        ],
        "edges": [
            {"parent": "aaaa0000", "child": "bbbb0000", "kind": "lineage", "skips": False},
            {"parent": "aaaa0000", "child": "cccc0000", "kind": "lineage", "skips": False},
            {"parent": "bbbb0000", "child": "cccc0000", "kind": "dependency", "skips": False},
            {"parent": "bbbb0000", "child": "dddd0000", "kind": "lineage", "skips": False},
            {"parent": "cccc0000", "child": "dddd0000", "kind": "lineage", "skips": False},
            {"parent": "dddd0000", "child": "eeee0000", "kind": "lineage", "skips": False},
        ],
        "unplaced": [],
    }
