from __future__ import annotations

from itertools import count

import pytest

from branchmig import Revision, RevisionDag
from branchmig.errors import RevisionFileError, RevisionGraphError
from branchmig.planning.renumber import Renumbering, new_ids, plan_renumbering


def ids(own: str, taken: str) -> list[str]:
    random = (f"{number:012x}" for number in count(0xABC))
    return list(new_ids(own.split(), taken.split(), lambda: next(random)))


@pytest.mark.parametrize(
    ("own", "taken", "new"),
    [
        ("0002 0003", "0001 0002", ["0003", "0004"]),
        ("0007", "0001 0002", ["0003"]),
        ("rev_0007", "rev_0006 rev_0007", ["rev_0008"]),
        ("9", "8 9", ["10"]),
        ("0002_mine", "0001_base 0002_theirs", ["0003_mine"]),
        ("1975ea83b712", "0001 ae1027a6acf2", ["000000000abc"]),
        ("103456789012 0002", "0001 0002", ["000000000abc", "0003"]),
        ("202401010001", "202401010000 202401010001", ["202401010002"]),
        ("ccc3", "aaa1 bbb2", ["000000000abc"]),
        ("feat_1 feat_2", "0001", ["feat_1", "feat_2"]),
        ("0001", "", ["0001"]),
    ],
)
def test_the_next_numbers_where_ids_are_numbers(own: str, taken: str, new: list[str]) -> None:
    assert ids(own, taken) == new


def plan(landed: list[Revision], own: list[Revision], there: list[Revision]) -> Renumbering:
    return plan_renumbering(landed, own, RevisionDag(there), "main", lambda: "0123456789ab")


BASE, THEIRS = Revision("0001", path="0001.py"), Revision("0002", ("0001",), path="theirs.py")


def test_references_within_the_branch_mean_its_own_revisions() -> None:
    """0001 - 0002 (main); 0001 - 0002 - 0003 - 0005, 0002 - 0004 - 0005: an own fork and merge, and a depends_on."""
    own = [
        Revision("0002", ("0001",), path="a.py"),
        Revision("0003", ("0002",), path="b.py"),
        Revision("0004", ("0002",), ("0003",), path="c.py"),
        Revision("0005", ("0003", "0004"), path="d.py"),
    ]
    found = plan([BASE, THEIRS], own, [BASE, THEIRS])
    assert [revision.after for revision in found.revisions] == [
        Revision("0003", ("0002",), path="a.py"),
        Revision("0004", ("0003",), path="b.py"),
        Revision("0005", ("0003",), ("0004",), path="c.py"),
        Revision("0006", ("0004", "0005"), path="d.py"),
    ]
    assert (found.onto, found.moved) == ("0002", {"0002", "0003", "0004", "0005"})


def test_a_revision_that_names_its_own_id_as_its_parent_means_the_other() -> None:
    found = plan([BASE, THEIRS], [Revision("0002", ("0002",), path="a.py")], [BASE, THEIRS])
    assert [revision.after for revision in found.revisions] == [Revision("0003", ("0002",), path="a.py")]
    assert found.moved == frozenset()


def test_a_merge_of_the_other_line_means_the_other() -> None:
    """0003 is upon the own 0002, and 0004 merged it with main's 0002."""
    own = [
        Revision("0002", ("0001",), path="a.py"),
        Revision("0003", ("0002",), path="b.py"),
        Revision("0004", ("0003", "0002"), path="c.py"),
    ]
    found = plan([BASE, THEIRS], own, [BASE, THEIRS])
    assert [revision.after.parents for revision in found.revisions] == [("0002",), ("0003",), ("0004",)]


def test_problems_are_said_with_the_ids_of_the_files() -> None:
    with pytest.raises(RevisionGraphError) as caught:
        plan([BASE, THEIRS], [Revision("0003", ("0009",), path="a.py")], [BASE, THEIRS])
    assert caught.value.message == "a.py: down_revision '0009' of revision '0003' does not exist"
    with pytest.raises(RevisionFileError, match=r"two revisions of this branch have the id '0003': a\.py and b\.py"):
        plan([BASE], [Revision("0003", ("0001",), path=path) for path in ("a.py", "b.py")], [BASE])
