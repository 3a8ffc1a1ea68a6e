"""The rules on literals: each broken, and each kept."""

from __future__ import annotations

import pytest

from branchmig.dag import RevisionDag
from branchmig.model import Problem, Revision
from branchmig.planning.guard import (
    change_problem,
    disallowed_heads,
    multiple_heads,
    not_linear,
    squashes,
)
from branchmig.revisions.fingerprint import fingerprint
from branchmig.revisions.integrity import ChangedRevision, changed_revisions


def revision(revision_id: str, *parents: str, labels: tuple[str, ...] = ()) -> Revision:
    return Revision(revision_id, parents, labels=labels, path=f"/p/{revision_id}.py")


A, B, C = revision("a"), revision("b", "a"), revision("c", "a")


@pytest.mark.parametrize("policy", ["single-head", "one-head-per-label", "linear"])
def test_one_head_is_allowed_by_every_policy(policy: str) -> None:
    assert disallowed_heads(RevisionDag([A, B]), policy) == ()
    assert disallowed_heads(RevisionDag([]), policy) == ()


@pytest.mark.parametrize("policy", ["single-head", "one-head-per-label", "linear"])
def test_two_heads_of_no_label_are_allowed_by_none(policy: str) -> None:
    assert disallowed_heads(RevisionDag([A, B, C]), policy) == (("b", "c"),)


def test_each_label_may_have_one_head() -> None:
    """
    e1 ─ e2   (expand)
    c1 ─ c2   (contract)
    """
    lines = [
        *(revision("e1", labels=("expand",)), revision("e2", "e1")),
        *(revision("c1", labels=("contract",)), revision("c2", "c1")),
    ]
    assert disallowed_heads(RevisionDag(lines), "one-head-per-label") == ()
    assert disallowed_heads(RevisionDag(lines), "single-head") == (("c2", "e2"),)
    assert disallowed_heads(RevisionDag(lines), "linear") == (("c2", "e2"),)
    forked = RevisionDag([*lines, revision("e3", "e1")])
    assert disallowed_heads(forked, "one-head-per-label") == (("e2", "e3"),)
    unlabelled = RevisionDag([*lines, A])
    assert disallowed_heads(unlabelled, "one-head-per-label") == ()


def test_heads_are_named_with_where_they_came_from() -> None:
    titles = {"b": "add b; feature, 0123456789 by Ada"}
    assert multiple_heads(RevisionDag([A, B, C]), ("b", "c"), titles) == Problem(
        "multiple-heads",
        "2 heads: b (add b; feature, 0123456789 by Ada); c",
        "join them: branchmig merge; or put yours on top: branchmig rebase",
        ("b", "c"),
        ("/p/b.py", "/p/c.py"),
    )


def test_a_change_is_another_body_other_parents_another_id_or_nothing_left() -> None:
    moved = Revision("b", ("a",), path="/p/elsewhere.py")
    other_parents = revision("c", "b")
    renamed = Revision("d2", ("a",), path="/p/d.py")
    before = [revision("d", "a"), C, B, A]
    changes = changed_revisions(before, [moved, other_parents, renamed], lambda item, other: item.id != "c")
    assert changes == [
        ChangedRevision(A, None),
        ChangedRevision(C, other_parents),
        ChangedRevision(revision("d", "a"), renamed),
    ]


def test_what_a_change_is_called() -> None:
    hint = (
        "restore it, and write a new revision: databases that have it do not run it again; if no database has it, "
        "as after a failed run everywhere, say so in its file: # branchmig: allow rewritten-revision: REASON"
    )
    rewritten = "rewritten-revision"
    assert change_problem(ChangedRevision(C, C), "main") == Problem(
        rewritten, "revision 'c' is on main, and its script was changed: /p/c.py", hint, ("c",), ("/p/c.py",)
    )
    assert change_problem(ChangedRevision(C, revision("c", "b", "a")), "main").message == (
        "revision 'c' is on main, and its parents became b, a (were a): /p/c.py"
    )
    assert change_problem(ChangedRevision(A, revision("a", "b")), "main").message == (
        "revision 'a' is on main, and its parents became b (were <base>): /p/a.py"
    )
    assert change_problem(ChangedRevision(C, Revision("c2", ("a",), path="/p/c.py")), "main") == Problem(
        rewritten, "revision 'c' is on main, and its id became 'c2': /p/c.py", hint, ("c",), ("/p/c.py",)
    )
    assert change_problem(ChangedRevision(A, None), "origin/main") == Problem(
        "deleted-revision",
        "revision 'a' is on origin/main, and its file was deleted: /p/a.py",
        "restore it: git checkout origin/main -- /p/a.py; to undo what it did, write a new revision",
        ("a",),
        ("/p/a.py",),
    )


def test_a_line_has_neither_merges_nor_revisions_beside_the_target_s_head() -> None:
    """
    a ─ b        (main)
     └─ c ─ m    (here; m joins c and b)
    """
    merge = revision("m", "c", "b")
    dag = RevisionDag([A, B, C, merge])
    assert not_linear(dag, ("b",), frozenset("ab"), "main") == [
        Problem(
            "not-linear",
            "revision 'c' does not descend from main's head b: /p/c.py",
            "merge or rebase onto main, then set its down_revision to 'b'",
            ("c",),
            ("/p/c.py",),
        ),
        Problem(
            "not-linear",
            "revision 'm' is a merge revision: /p/m.py",
            "put your revisions on top of the other line",
            ("m",),
            ("/p/m.py",),
        ),
    ]
    assert not_linear(dag, ("m",), frozenset("abcm"), "main") == []
    assert not_linear(RevisionDag([A, B, revision("d", "b")]), ("b",), frozenset("ab"), "main") == []
    assert not_linear(RevisionDag([A]), (), frozenset(), "main") == []


SCRIPT = b'''"""add x"""
from alembic import op
revision = 'a'
down_revision = None


def upgrade():
    """Upgrade."""
    op.execute('select 1')


def downgrade():
    pass
'''


@pytest.mark.parametrize(
    ("what", "before", "after"),
    [
        ("comment", b"def upgrade", b"# the way up\ndef upgrade"),
        ("formatting", b"op.execute('select 1')", b'op.execute(\n        "select 1",\n    )'),
        ("docstring of the file", b"add x", b"add x, reworded"),
        ("docstring of a function", b'    """Upgrade."""\n', b""),
        ("docstring for a body", b"    pass", b'    """Nothing."""'),
        ("line ends", b"\n", b"\r\n"),
        ("byte order mark", b'"""add', b'\xef\xbb\xbf"""add'),
    ],
)
def test_what_does_not_count_as_a_change(what: str, before: bytes, after: bytes) -> None:
    assert SCRIPT.replace(before, after) != SCRIPT, what
    assert fingerprint(SCRIPT.replace(before, after)) == fingerprint(SCRIPT), what


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"select 1", b"select  1"),
        (b"'a'", b"'b'"),
        (b"None", b"'z'"),
        (b"    pass", b"    return 1"),
        (b"op.e", b"op.f"),
    ],
)
def test_what_counts_as_a_change(before: bytes, after: bytes) -> None:
    assert fingerprint(SCRIPT.replace(before, after)) != fingerprint(SCRIPT)


def test_a_script_that_is_no_python_has_the_fingerprint_of_its_bytes() -> None:
    assert fingerprint(b"def (") == fingerprint(b"def (") != fingerprint(b"def ((")
    assert fingerprint(b"x\0") != fingerprint(b"y\0")


def test_a_wrong_escape_in_a_script_is_nobody_s_warning() -> None:
    assert fingerprint(b"x = '\\d'") == fingerprint(b"x = '\\d'  # a pattern")


def test_what_only_moved_below_deleted_revisions_squashes_them_if_its_file_says_so() -> None:
    gone = [ChangedRevision(Revision(name, (below,)), None) for name, below in (("b", "a"), ("c", "b"))]
    before = Revision("d", ("c",))
    moved = ChangedRevision(before, Revision("d", ("a",)))
    assert squashes([*gone, moved], lambda _: True) == []
    assert squashes([*gone, moved], lambda _: False) == [(moved, ("b", "c"), False)]
    some, both = (ChangedRevision(before, Revision("d", ("a",), replaces=names)) for names in (("c",), ("b", "c")))
    assert squashes([*gone, some], lambda _: True) == [(some, ("b", "c"), False)]
    assert squashes([*gone, both], lambda _: True) == [(both, ("b", "c"), True)]
