"""Sets of revisions that are no lawful graph: all that is wrong is said at once, with every file."""

from __future__ import annotations

import pytest

from branchmig.dag import RevisionDag
from branchmig.errors import RevisionGraphError
from branchmig.model import Problem, Revision


def problems_of(*revisions: Revision) -> tuple[Problem, ...]:
    with pytest.raises(RevisionGraphError) as caught:
        RevisionDag(revisions)
    return caught.value.problems


def test_an_id_that_is_there_twice_names_both_files() -> None:
    assert problems_of(Revision("ae10", path="v/one.py"), Revision("ae10", message="another", path="v/two.py")) == (
        Problem(
            "duplicate-revision",
            "revision 'ae10' is defined 2 times: v/one.py, v/two.py",
            "delete the copy, or give one of them an id of its own",
            ("ae10",),
            ("v/one.py", "v/two.py"),
        ),
    )


def test_a_copy_of_a_file_is_a_duplicate_even_though_it_says_the_same() -> None:
    header = {"parents": ("base1",), "depends_on": (), "labels": ("users",), "message": "add user"}
    (problem,) = problems_of(
        Revision("base1", path="v/base.py"),
        Revision("ae10", **header, path="v/ae10.py"),
        Revision("ae10", **header, path="v/copy/ae10.py"),
    )
    assert problem == Problem(
        "duplicate-revision",
        "revision 'ae10' is defined 2 times: v/ae10.py, v/copy/ae10.py",
        "delete the copy, or give one of them an id of its own",
        ("ae10",),
        ("v/ae10.py", "v/copy/ae10.py"),
    )


def test_an_id_that_is_there_three_times_is_one_problem() -> None:
    (problem,) = problems_of(*(Revision("ae10", path=f"v/{name}.py") for name in "cab"))
    assert problem.message == "revision 'ae10' is defined 3 times: v/a.py, v/b.py, v/c.py"


def test_a_missing_parent_names_file_and_revision() -> None:
    assert problems_of(Revision("ae10", ("gone",), path="v/ae10.py")) == (
        Problem(
            "missing-parent",
            "v/ae10.py: down_revision 'gone' of revision 'ae10' does not exist",
            "restore the file of that revision, or correct the down_revision",
            ("ae10",),
            ("v/ae10.py",),
        ),
    )


def test_a_parent_must_be_named_in_full() -> None:
    (problem,) = problems_of(Revision("ae10fc"), Revision("b1", ("ae10",), path="v/b1.py"))
    assert problem.message == "v/b1.py: down_revision 'ae10' of revision 'b1' does not exist"


def test_a_label_is_no_parent() -> None:
    (problem,) = problems_of(Revision("ae10", labels=("users",)), Revision("b1", ("users",), path="v/b1.py"))
    assert problem.message == "v/b1.py: down_revision 'users' of revision 'b1' does not exist"


def test_a_missing_dependency_names_file_and_revision() -> None:
    assert problems_of(Revision("ae10", (), ("gone",), path="v/ae10.py")) == (
        Problem(
            "missing-dependency",
            "v/ae10.py: depends_on 'gone' of revision 'ae10' is no revision and no branch label",
            "restore the file of that revision, or correct the depends_on",
            ("ae10",),
            ("v/ae10.py",),
        ),
    )


def test_a_cycle_is_shown_as_the_path_it_takes() -> None:
    """a -> b -> c -> a, with z before and d after it."""
    assert problems_of(
        Revision("z"),
        Revision("a", ("c", "z"), path="v/a.py"),
        Revision("b", ("a",), path="v/b.py"),
        Revision("c", ("b",), path="v/c.py"),
        Revision("d", ("c",), path="v/d.py"),
    ) == (
        Problem(
            "cycle",
            "revisions form a cycle: a -> b -> c -> a (v/a.py, v/b.py, v/c.py)",
            "correct the down_revision or depends_on of one of them",
            ("a", "b", "c"),
            ("v/a.py", "v/b.py", "v/c.py"),
        ),
    )


def test_a_revision_that_is_its_own_parent() -> None:
    assert problems_of(Revision("a", ("a",), path="v/a.py")) == (
        Problem(
            "cycle",
            "revision 'a' is its own parent (v/a.py)",
            "correct the down_revision or depends_on of one of them",
            ("a",),
            ("v/a.py",),
        ),
    )


def test_a_revision_that_depends_on_itself() -> None:
    (problem,) = problems_of(Revision("a", (), ("a",), path="v/a.py"))
    assert problem.message == "revision 'a' depends on itself (v/a.py)"


def test_a_revision_that_depends_on_itself_by_its_label() -> None:
    (problem,) = problems_of(Revision("a", (), ("users",), ("users",), path="v/a.py"))
    assert problem.message == "revision 'a' depends on itself (v/a.py)"


def test_a_cycle_may_run_over_dependencies() -> None:
    """a - b by down_revision; a depends on c, which depends on b by its label."""
    (problem,) = problems_of(
        Revision("a", (), ("c",), path="v/a.py"),
        Revision("b", ("a",), labels=("users",), path="v/b.py"),
        Revision("c", (), ("users",), path="v/c.py"),
    )
    assert problem.message == "revisions form a cycle: a -> b -> c -> a (v/a.py, v/b.py, v/c.py)"


def test_each_of_several_cycles_is_told() -> None:
    problems = problems_of(
        Revision("a", ("b",)),
        Revision("b", ("a",)),
        Revision("x", ("x",)),
        Revision("y", ("z",)),
        Revision("z", ("y",)),
    )
    assert [problem.message for problem in problems] == [
        "revisions form a cycle: a -> b -> a",
        "revision 'x' is its own parent",
        "revisions form a cycle: y -> z -> y",
    ]


def test_a_label_that_two_revisions_carry() -> None:
    assert problems_of(
        Revision("a", labels=("users",), path="v/a.py"), Revision("b", labels=("users",), path="v/b.py")
    ) == (
        Problem(
            "label-clash",
            "v/b.py: branch label 'users' is already used by v/a.py",
            "give one of the two another label",
            ("a", "b"),
            ("v/a.py", "v/b.py"),
        ),
    )


def test_a_label_that_is_the_id_of_a_revision() -> None:
    assert problems_of(Revision("a", path="v/a.py"), Revision("b", labels=("a",), path="v/b.py")) == (
        Problem(
            "label-clash",
            "v/b.py: branch label 'a' is already the id of v/a.py",
            "give one of the two another label",
            ("a", "b"),
            ("v/a.py", "v/b.py"),
        ),
    )


def test_a_label_that_is_given_twice() -> None:
    assert problems_of(Revision("a", labels=("users", "users"), path="v/a.py")) == (
        Problem("label-clash", "v/a.py: branch label 'users' is given twice", "name it once", ("a",), ("v/a.py",)),
    )


@pytest.mark.parametrize(
    ("revision_id", "defect"),
    [
        ("", "revision id '' is empty"),
        ("head", "revision id 'head' is a reserved word"),
        ("heads", "revision id 'heads' is a reserved word"),
        ("base", "revision id 'base' is a reserved word"),
        ("current", "revision id 'current' is a reserved word"),
        (" ae10", "revision id ' ae10' begins or ends with a space, which databases compare as if it were not there"),
        ("ae10 ", "revision id 'ae10 ' begins or ends with a space, which databases compare as if it were not there"),
        ("\x07", r"revision id '\x07' holds a character that cannot be printed"),
        ("a\x00b", r"revision id 'a\x00b' holds a character that cannot be printed"),
        ("a\u200bb", r"revision id 'a\u200bb' holds a character that cannot be printed"),
        (17, "revision id 17 is not a string"),
        (None, "revision id None is not a string"),
    ],
)
def test_an_id_that_cannot_be_one(revision_id: str, defect: str) -> None:
    assert problems_of(Revision(revision_id, path="v/it.py")) == (
        Problem(
            "invalid-revision-id",
            f"v/it.py: {defect}",
            "give it an id of letters, digits, '_' and '.', here and wherever a down_revision names it",
            (revision_id,),
            ("v/it.py",),
        ),
    )


@pytest.mark.parametrize("character", list("\t\n\r\x0b\x0c\x1c\x85\xa0\u2028"))
def test_an_id_with_a_character_that_no_line_shows(character: str) -> None:
    (problem,) = problems_of(Revision(f"ae{character}10", path="v/it.py"))
    assert problem.message == f"v/it.py: revision id {f'ae{character}10'!r} holds a character that cannot be printed"


@pytest.mark.parametrize("character", list("@-+:'\\"))
def test_an_id_with_a_character_that_alembic_or_its_version_row_cannot_carry(character: str) -> None:
    (problem,) = problems_of(Revision(f"ae{character}10", path="v/it.py"))
    assert problem.message == (
        f"v/it.py: revision id {f'ae{character}10'!r} holds {character!r}, "
        "which neither alembic's grammar nor its version row can carry"
    )


@pytest.mark.parametrize(
    "revision_id",
    [
        "v3.2.0.a",
        "059",
        "1",
        "_",
        "release_2026",
        "x" * 32,
        "x" * 40,
        "größe",
        "HEAD",
        "Base",
        "a b",
        'a"b',
        "a`b",
        "a%b",
        "a/b",
        "..",
    ],
)
def test_an_id_that_is_unusual_and_fine(revision_id: str) -> None:
    assert RevisionDag([Revision(revision_id)]).heads() == (revision_id,)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """Ids first, then duplicates, labels, parents and dependencies, cycles; by id within each."""
    problems = problems_of(
        Revision("dup1", path="v/dup1.py"),
        Revision("dup1", path="v/dup1_copy.py"),
        Revision("a-1", labels=("users",), path="v/a_1.py"),
        Revision("b1", ("gone",), labels=("users",), path="v/b1.py"),
        Revision("c1", (), ("nowhere",), path="v/c1.py"),
        Revision("d1", ("e1",), path="v/d1.py"),
        Revision("e1", ("d1",), path="v/e1.py"),
    )
    assert [(problem.code, problem.revisions, problem.paths) for problem in problems] == [
        ("invalid-revision-id", ("a-1",), ("v/a_1.py",)),
        ("duplicate-revision", ("dup1",), ("v/dup1.py", "v/dup1_copy.py")),
        ("label-clash", ("a-1", "b1"), ("v/a_1.py", "v/b1.py")),
        ("missing-parent", ("b1",), ("v/b1.py",)),
        ("missing-dependency", ("c1",), ("v/c1.py",)),
        ("cycle", ("d1", "e1"), ("v/d1.py", "v/e1.py")),
    ]


def test_the_error_leads_with_the_first_problem_and_lists_the_others() -> None:
    with pytest.raises(RevisionGraphError) as caught:
        RevisionDag([Revision("a", ("gone",), path="v/a.py"), Revision("b", (), ("lost",), path="v/b.py")])
    error = caught.value
    assert (error.message, error.hint, error.details, error.exit_code) == (
        "v/a.py: down_revision 'gone' of revision 'a' does not exist",
        "restore the file of that revision, or correct the down_revision",
        ("also: v/b.py: depends_on 'lost' of revision 'b' is no revision and no branch label",),
        3,
    )


def test_the_same_set_in_another_order_has_the_same_problems() -> None:
    revisions = [
        Revision("a", ("b",), labels=("x",), path="v/3.py"),
        Revision("b", ("a",), labels=("x",), path="v/1.py"),
        Revision("b", ("gone",), path="v/2.py"),
    ]
    assert problems_of(*revisions) == problems_of(*reversed(revisions))


def test_a_revision_without_a_file_is_named_by_its_id() -> None:
    (problem,) = problems_of(Revision("ae10", ("gone",)))
    assert problem.message == "revision ae10: down_revision 'gone' of revision 'ae10' does not exist"
    assert problem.paths == ()


def test_a_parent_that_a_squash_replaces_is_named_with_it() -> None:
    squash = Revision("c", path="c.py", replaces=("a", "b"))
    (problem,) = problems_of(squash, Revision("d", ("b",), path="d.py"))
    assert (problem.code, problem.hint) == (
        "missing-parent",
        "revision 'c' replaces it: branchmig rebase; or write 'c' in the place of 'b'",
    )
