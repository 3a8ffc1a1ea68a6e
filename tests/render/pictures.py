"""One picture that has everything, for the formats' tests."""

from __future__ import annotations

from branchmig.dag import RevisionDag
from branchmig.model import Revision
from branchmig.planning.picture import Authorship, Picture

EVIL = "</script><script>alert(1)</script> \"quoted\" 'single' --> #[x]{y}`z` &amp; \\ end"

REVISIONS = [
    Revision("aaaa0000", message="first", path="v/a.py"),
    Revision("bbbb0000", ("aaaa0000",), labels=("users",), message=EVIL + "\nsecond line", path="v/b.py"),
    Revision("cccc0000", ("aaaa0000",), ("users",), message="add \u00e9", path="v/c.py"),
    Revision("dddd0000", ("bbbb0000", "cccc0000"), message="", path="v/d.py"),
    Revision("eeee0000", ("dddd0000",), message="made elsewhere"),
]


def everything() -> Picture:
    """aaaa - bbbb (users) and cccc, which depends on users; dddd merges them; eeee is an orphan on top."""
    dag = RevisionDag(REVISIONS)
    return Picture(
        dag,
        tuple(reversed(dag.order())),
        "HEAD",
        "feature/x",
        {
            "aaaa0000": "applied",
            "bbbb0000": "applied",
            "cccc0000": "pending",
            "dddd0000": "skipped",
            "eeee0000": "orphan",
        },
        frozenset({"cccc0000"}),
        frozenset({"aaaa0000"}),
        {
            "cccc0000": Authorship("feature/x", "c0ffee" * 6 + "abcd", "Ada <Author>", "2026-01-05"),
            "dddd0000": Authorship("main"),
        },
    )
