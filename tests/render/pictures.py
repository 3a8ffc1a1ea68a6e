"""One picture that has everything, for the formats' tests."""

from __future__ import annotations

from dataclasses import replace

from branchmig.dag import RevisionDag
from branchmig.effects.summary import NO_SCRIPT, Item, Summary
from branchmig.model import Origin, Revision
from branchmig.planning.picture import Picture

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
            "cccc0000": Origin("feature/x", "c0ffee" * 6 + "abcd", "Ada <Author>", "2026-01-05"),
            "dddd0000": Origin("main"),
        },
    )


TABLE = f"orders{EVIL}\x1b[31m"


def with_effects() -> Picture:
    """The same, with what each revision does to tables and columns that have evil names."""
    effects = {
        "bbbb0000": Summary(
            (
                Item("add", TABLE, f"creates table {TABLE}", 4, TABLE),
                Item("rename", f"{TABLE}.title → name", f"renames column {TABLE}.title to name", 6, TABLE),
                Item("drop", "audit", "drops table audit", 7, "audit"),
                Item("alter", "tasks.title: not null", "changes nullable of column tasks.title", 8, "tasks"),
                Item("rows", "updates tasks", "updates tasks (title)", 9, "tasks"),
                Item("hazard", f"locks {TABLE}", f"creates index on {TABLE}: nothing can be written", 5, TABLE),
                Item("hazard", "may fail on tasks", "changes nullable: it fails", 8, "tasks", f"allowed {EVIL}"),
            ),
            ("audit", TABLE, "tasks"),
        ),
        "cccc0000": Summary((Item("unread", "raw SQL", f"op.execute: {EVIL}", 3), Item("add", "tasks")), ("tasks",)),
        "dddd0000": Summary(),
        "eeee0000": NO_SCRIPT,
    }
    urls = ("postgresql://app:***@db.example.org:5432/shop?sslmode=require", f"sqlite:///{EVIL}")
    return replace(everything(), effects=effects, databases=urls)
