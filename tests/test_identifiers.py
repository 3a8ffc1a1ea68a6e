"""What may be typed for a revision, by the table of alembic's grammar, and what each wrong thing is answered with."""

from __future__ import annotations

import pytest

from branchmig import plan_downgrade, plan_stamp, plan_upgrade
from branchmig.dag import RevisionDag
from branchmig.errors import AmbiguousRevision, BranchmigError, InvalidTarget, MultipleHeads, UnknownRevision
from branchmig.identifiers import Identifier, parse
from branchmig.model import Revision
from branchmig.planning.history import select_history
from tests.graphs import graph

SHOP = RevisionDag(
    [
        Revision("ae10fc", message="create users"),
        Revision("ae1b22", ("ae10fc",), message="add email"),
        Revision("b2c3d4", ("ae1b22",), labels=("orders",), message="create orders"),
        Revision("b3aaaa", ("b2c3d4",), message="add total"),
        Revision("c4d5e6", ("ae1b22",), labels=("carts",), message="create carts"),
        Revision("d0d0d0", message="create audit", labels=("audit-log",)),
        Revision("abc", ("d0d0d0",)),
    ]
)
r"""
ae10fc - ae1b22 - b2c3d4 (orders) - b3aaaa
               \ c4d5e6 (carts)
d0d0d0 (audit-log) - abc
"""


def raised(text: str, applied: tuple[str, ...] = (), dag: RevisionDag = SHOP) -> BranchmigError:
    with pytest.raises(BranchmigError) as caught:
        dag.resolve(text, applied)
    return caught.value


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # A full id, a prefix, a label, a prefix of a label.
        ("ae10fc", ("ae10fc",)),
        ("ae10", ("ae10fc",)),
        ("c", ("c4d5e6",)),
        ("abc", ("abc",)),
        ("orders", ("b2c3d4",)),
        ("ord", ("b2c3d4",)),
        ("audit-log", ("d0d0d0",)),
        # The words that alembic knows.
        ("heads", ("abc", "b3aaaa", "c4d5e6")),
        ("base", ()),
        ("current", ("ae10fc", "d0d0d0")),
        # A branch, named by its label, by a revision, by a prefix.
        ("orders@head", ("b3aaaa",)),
        ("orders@heads", ("b3aaaa",)),
        ("b2c3d4@head", ("b3aaaa",)),
        ("b2@head", ("b3aaaa",)),
        ("ae10fc@heads", ("b3aaaa", "c4d5e6")),
        ("audit-log@head", ("abc",)),
        ("orders@base", ()),
        ("orders@b3aaaa", ("b3aaaa",)),
        ("orders@ae10fc", ("ae10fc",)),
        ("orders@b", None),
        ("b3@b2", ("b2c3d4",)),
        # Steps up and down from something named.
        ("ae10fc+1", ("ae1b22",)),
        ("ae10+1", ("ae1b22",)),
        ("b3aaaa-2", ("ae1b22",)),
        ("ae10fc-1", ()),
        ("b3aaaa-0", ("b3aaaa",)),
        ("b3aaaa+0", ("b3aaaa",)),
        ("orders+1", ("b3aaaa",)),
        ("orders@head-1", ("b2c3d4",)),
        ("orders@ae1b22+2", ("b3aaaa",)),
        ("carts@ae1b22+1", ("c4d5e6",)),
        ("orders@b3aaaa-3", ("ae10fc",)),
        ("orders@base+2", ("ae1b22",)),
        ("audit-log-1", ()),
        ("audit-log+1", ("abc",)),
        # Steps from what is applied; the rows are ae10fc and d0d0d0.
        ("orders@+1", ("ae1b22",)),
        ("orders@+2", ("b2c3d4",)),
        ("audit-log@+1", ("abc",)),
        ("orders@-1", ()),
        ("ae10fc@+1", ("ae1b22",)),
    ],
)
def test_what_an_identifier_means(text: str, found: tuple[str, ...] | None) -> None:
    applied = ("ae10fc", "d0d0d0")
    if found is None:
        assert isinstance(raised(text, applied), AmbiguousRevision)
    else:
        assert SHOP.resolve(text, applied) == found


GRAMMAR = {
    # Typed: after `upgrade`, after `downgrade`, after `stamp`, after `show`, after `history -r :`.
    # The graph is one line a111 - b222 (users) - c333 - d444, and b222 is applied.
    "c333": ("c333", "-", "c333", "c333", "a111 b222 c333"),
    "c3": ("c333", "-", "c333", "c333", "a111 b222 c333"),
    "head": ("c333 d444", "-", "d444", "d444", "a111 b222 c333 d444"),
    "heads": ("c333 d444", "-", "d444", "d444", "a111 b222 c333 d444"),
    "base": ("", "b222 a111", "", "", ""),
    "current": ("-", "-", "-", "b222", "a111 b222"),
    "users": ("", "", "b222", "b222", "a111 b222"),
    "users@head": ("c333 d444", "-", "d444", "d444", "a111 b222 c333 d444"),
    "users@heads": ("c333 d444", "-", "d444", "d444", "a111 b222 c333 d444"),
    "c333@head": ("c333 d444", "-", "d444", "d444", "a111 b222 c333 d444"),
    "c3@head": ("c333 d444", "-", "d444", "d444", "a111 b222 c333 d444"),
    "users@a111": ("", "b222", "a111", "a111", "a111"),
    "users@base": ("", "b222 a111", "", "", ""),
    "+1": ("c333", "-", "-", "c333", "a111"),
    "+2": ("c333 d444", "-", "-", "d444", "a111 b222"),
    "+3": ("-", "-", "-", "-", "a111 b222 c333"),
    "-1": ("-", "b222", "-", "a111", "-"),
    "-2": ("-", "b222 a111", "-", "", "-"),
    "-3": ("-", "-", "-", "-", "-"),
    "b222+1": ("c333", "-", "c333", "c333", "a111 b222 c333"),
    "b222-1": ("", "b222", "a111", "a111", "a111"),
    "head-1": ("c333", "-", "c333", "c333", "a111 b222 c333"),
    "users@head-1": ("c333", "-", "c333", "c333", "a111 b222 c333"),
    "users@+1": ("c333", "-", "-", "c333", "a111"),
    "users@-1": ("-", "b222", "-", "a111", "-"),
    "users@b222+1": ("c333", "-", "c333", "c333", "a111 b222 c333"),
    "base+1": ("", "b222", "a111", "a111", "a111"),
    "users@base+1": ("", "b222", "a111", "a111", "a111"),
    "a111:b222": ("-", "-", "-", "-", "-"),
    "a111,b222": ("-", "-", "-", "-", "-"),
    "HEAD": ("-", "-", "-", "-", "-"),
    "": ("-", "-", "-", "-", "a111 b222 c333 d444"),
    "users@": ("-", "-", "-", "-", "-"),
    "@head": ("-", "-", "-", "-", "-"),
    "users@users@head": ("-", "-", "-", "-", "-"),
}


def answers(typed: str) -> tuple[str, ...]:
    """Return what each command makes of it: revisions in order, rows for stamp, '-' for a refusal."""
    dag = graph({"b222": "users"}, a111="", b222="a111", c333="b222", d444="c333")
    rows = ("b222",)

    def upgrade() -> list[str]:
        return [step.revision.id for step in plan_upgrade(dag, typed, rows).steps if step.revision]

    def downgrade() -> list[str]:
        return [step.revision.id for step in plan_downgrade(dag, typed, rows).steps if step.revision]

    def history() -> list[str]:
        return [revision.id for revision in reversed(select_history(dag, f":{typed}", rows))]

    found = []
    for command in (
        upgrade,
        downgrade,
        lambda: plan_stamp(dag, [typed], rows).heads_after,
        lambda: dag.resolve(typed, rows),
        history,
    ):
        try:
            found.append(" ".join(command()))
        except BranchmigError:
            found.append("-")
    return tuple(found)


@pytest.mark.parametrize("typed", GRAMMAR)
def test_the_grammar_after_each_command(typed: str) -> None:
    assert answers(typed) == GRAMMAR[typed]


def test_parts_of_an_identifier() -> None:
    assert parse(SHOP, "orders@ae10fc+2") == Identifier("orders@ae10fc+2", "orders", "ae10fc", 2)
    assert parse(SHOP, "-3") == Identifier("-3", None, None, -3)
    assert parse(SHOP, "orders@-3") == Identifier("orders@-3", "orders", None, -3)


def test_a_label_that_looks_like_an_offset_is_a_label() -> None:
    dag = graph({"b1": "release-2"}, a1="", b1="a1", c1="b1")
    assert dag.resolve("release-2") == ("b1",)
    assert dag.resolve("release-2@head") == ("c1",)
    assert dag.resolve("release-2-1") == ("a1",)


def test_an_id_with_dots_and_digits_takes_offsets() -> None:
    """Alembic's own pattern of an offset knows letters, digits and '_' only."""
    dag = RevisionDag([Revision("v3.2.0.a"), Revision("059", ("v3.2.0.a",))])
    assert (dag.resolve("v3.2.0.a+1"), dag.resolve("059-1"), dag.resolve("v3+1")) == (("059",), ("v3.2.0.a",), ("059",))


def test_a_full_id_wins_over_the_longer_ones_that_begin_with_it() -> None:
    dag = graph(ae10="", ae10fc="ae10")
    assert dag.resolve("ae10") == ("ae10",)


def test_an_id_of_three_characters_is_not_found_by_a_prefix() -> None:
    assert raised("ab").message == "no revision or branch label 'ab'"


def test_a_prefix_of_an_id_and_of_its_own_label_is_not_ambiguous() -> None:
    dag = graph({"userids": "users"}, userids="")
    assert dag.resolve("user") == ("userids",)


def test_a_branch_narrows_a_prefix() -> None:
    assert isinstance(raised("ae1"), AmbiguousRevision)
    dag = graph({"aa01": "left", "aa02": "right"}, aa01="", aa02="")
    assert dag.resolve("right@aa") == ("aa02",)


def test_an_ambiguous_prefix_lists_its_candidates() -> None:
    error = raised("ae1")
    assert isinstance(error, AmbiguousRevision)
    assert (error.message, error.hint, error.candidates) == (
        "revision 'ae1' is ambiguous: ae10fc (create users), ae1b22 (add email)",
        "give more characters, e.g. 'ae10'",
        ("ae10fc", "ae1b22"),
    )


def test_the_example_for_an_ambiguous_prefix_is_long_enough() -> None:
    error = raised("ae", dag=graph(ae10fc1="", ae10fc2=""))
    assert (error.message, error.hint) == (
        "revision 'ae' is ambiguous: ae10fc1, ae10fc2",
        "give more characters, e.g. 'ae10fc1'",
    )


def test_an_ambiguous_prefix_of_an_id_and_a_label_names_revisions() -> None:
    error = raised("orde", dag=graph({"b1b1": "orders"}, order1="", b1b1=""))
    assert (error.message, error.hint) == (
        "revision 'orde' is ambiguous: b1b1, order1",
        "give more characters, e.g. 'order1'",
    )


def test_at_most_eight_candidates_are_listed() -> None:
    error = raised("ae", dag=RevisionDag(Revision(f"ae0{number}") for number in range(10)))
    assert error.message == "revision 'ae' is ambiguous: ae00, ae01, ae02, ae03, ae04, ae05, ae06, ae07, and 2 more"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("ae10fd", "did you mean 'ae10fc'?"),
        ("ae01", "did you mean 'ae1b22' or 'ae10fc'?"),
        ("order5", "did you mean 'orders'?"),
        ("haed", "did you mean 'head'?"),
        ("HEAD", "did you mean 'head'?"),
        ("zzzz", "'branchmig history' lists the revisions, 'branchmig heads' the heads"),
    ],
)
def test_an_unknown_id_names_near_ones(text: str, hint: str) -> None:
    error = raised(text)
    assert isinstance(error, UnknownRevision)
    assert (error.message, error.hint, error.identifier) == (f"no revision or branch label {text!r}", hint, text)


def test_a_mistyped_start_of_a_long_id_names_the_id() -> None:
    assert raised("1975eb", dag=RevisionDag([Revision("1975ea83b712")])).hint == "did you mean '1975ea83b712'?"


def test_an_unknown_id_in_an_empty_project_asks_whether_it_is_the_right_one() -> None:
    assert raised("ae10", dag=RevisionDag([])).hint == (
        "this project has no revisions; is it the right checkout, and the right version_locations?"
    )


def test_an_unknown_branch_names_near_labels() -> None:
    error = raised("ordres@head")
    assert (error.message, error.hint) == ("no branch label and no revision 'ordres'", "did you mean 'orders'?")


def test_a_revision_of_another_branch_is_told_so() -> None:
    error = raised("carts@b3aaaa")
    assert isinstance(error, UnknownRevision)
    assert (error.message, error.hint) == (
        "revision 'b3aaaa' is not on branch 'carts'",
        "that branch ends at: c4d5e6",
    )


def test_several_heads_where_one_is_meant_are_listed_with_what_to_type() -> None:
    error = raised("head")
    assert isinstance(error, MultipleHeads)
    assert (error.message, error.hint, error.heads) == (
        "'head' means one head, and there are 3: abc, b3aaaa (add total), c4d5e6 (create carts)",
        "'orders@head' for one branch, 'heads' for all of them, or join them: branchmig merge",
        ("abc", "b3aaaa", "c4d5e6"),
    )


def test_several_heads_without_any_label() -> None:
    error = raised("head", dag=graph(a="", b="a", c="a"))
    assert (error.message, error.hint) == (
        "'head' means one head, and there are 2: b, c",
        "'heads' for all of them, or join them: branchmig merge",
    )


def test_several_heads_on_the_branch_that_was_named() -> None:
    error = raised("ae10fc@head")
    assert (error.message, error.hint) == (
        "'ae10fc@head' means one head, and there are 2: b3aaaa (add total), c4d5e6 (create carts)",
        "'heads' for all of them, or join them: branchmig merge",
    )


def test_an_offset_from_several_heads_asks_for_one_of_them() -> None:
    error = raised("heads-1")
    assert isinstance(error, MultipleHeads)
    assert (error.message, error.hint) == (
        "'heads-1' means one head, and there are 3: abc, b3aaaa (add total), c4d5e6 (create carts)",
        "'orders@head' for one branch, or name one of them",
    )


@pytest.mark.parametrize("text", ["", "orders@", "@head", "@", "a@b@c"])
def test_what_can_name_nothing(text: str) -> None:
    error = raised(text)
    assert isinstance(error, UnknownRevision)
    assert (error.message, error.hint) == (
        f"{text!r} is no revision identifier",
        "name a revision, a prefix of one, a branch label, 'head', 'heads' or 'base'",
    )


def test_a_step_up_from_several_rows_lists_them_with_what_to_type() -> None:
    error = raised("+1", ("ae10fc", "d0d0d0"))
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == (
        "'+1' is ambiguous: the database is at ae10fc (create users), d0d0d0 (create audit)",
        "name the branch, e.g. 'ae10fc@+1', or a revision",
    )


def test_a_step_up_at_a_fork_lists_the_ways() -> None:
    error = raised("ae1b22+1")
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == (
        "'ae1b22+1' is ambiguous: above ae1b22 come b2c3d4 (create orders), c4d5e6 (create carts)",
        "name one of them, e.g. 'b2c3d4'",
    )


def test_a_step_up_from_nothing_with_several_bases_lists_them() -> None:
    error = raised("+1")
    assert (error.message, error.hint) == (
        "'+1' is ambiguous: above base come ae10fc (create users), d0d0d0 (create audit)",
        "name one of them, e.g. 'ae10fc'",
    )


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "b2c3d4+2",
            "relative revision 'b2c3d4+2' didn't produce 2 migrations",
            "only 1 is there to count; 'branchmig history' lists them",
        ),
        (
            "abc-5",
            "relative revision 'abc-5' didn't produce 5 migrations",
            "only 2 are there to count; 'branchmig history' lists them",
        ),
        (
            "base-1",
            "relative revision 'base-1' didn't produce 1 migration",
            "only 0 are there to count; 'branchmig history' lists them",
        ),
    ],
)
def test_a_step_past_the_end_says_how_far_it_got(text: str, message: str, hint: str) -> None:
    error = raised(text)
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == (message, hint)


def test_a_step_down_from_a_merge_names_both_parents() -> None:
    dag = graph(a="", b="a", c="a", m="b c", n="m")
    assert dag.resolve("m-1") == ("b", "c")
    assert dag.resolve("n-2") == ("b", "c")
    error = raised("n-3", dag=dag)
    assert isinstance(error, InvalidTarget)
    assert (error.message, error.hint) == (
        "'n-3' crosses a merge revision: below it lie b, c",
        "name the revision to go to",
    )


def test_upward_a_label_only_chooses_among_children() -> None:
    """a (left) - m, b - m - n: from b, which is not on branch left, one up along left is m."""
    dag = graph({"a": "left"}, a="", b="", m="a b", x="b")
    assert dag.resolve("left@b+1") == ("m",)
    assert raised("b+1", dag=dag).message == "'b+1' is ambiguous: above b come m, x"


def test_steps_on_a_branch_count_from_its_own_rows() -> None:
    assert SHOP.resolve("orders@+1", ("b2c3d4", "c4d5e6", "d0d0d0")) == ("b3aaaa",)
    assert SHOP.resolve("orders@-1", ("b3aaaa", "c4d5e6")) == ("b2c3d4",)


def test_steps_on_a_branch_that_is_not_begun_count_from_the_trunk() -> None:
    assert SHOP.resolve("orders@+1", ("c4d5e6",)) == ("b2c3d4",)


def test_steps_down_without_rows_count_from_the_heads_of_the_branch() -> None:
    assert SHOP.resolve("orders@-1") == ("b2c3d4",)
    assert SHOP.resolve("-1") == ("ae1b22", "b2c3d4", "d0d0d0")


def test_a_label_called_current_is_a_label() -> None:
    dag = graph({"b": "current"}, a="", b="a")
    assert dag.resolve("current", ("a",)) == ("b",)
    assert plan_upgrade(dag, "current", ("a",)).heads_after == ("b",)
