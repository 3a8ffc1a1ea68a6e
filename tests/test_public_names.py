from __future__ import annotations

import subprocess
import sys

import pytest

import branchmig
from branchmig import Revision, RevisionDag, plan_downgrade, plan_upgrade


def test_every_public_name_resolves() -> None:
    assert [name for name in branchmig.__all__ if getattr(branchmig, name, None) is None] == []
    assert branchmig.__all__ == sorted(branchmig.__all__)


def test_what_is_no_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'branchmig' has no attribute 'nothing'$"):
        branchmig.nothing  # noqa: B018


def test_the_example_of_the_readme() -> None:
    dag = RevisionDag([Revision("ae10"), Revision("b1fc", ("ae10",)), Revision("c2aa", ("ae10",), labels=("users",))])
    assert dag.heads() == ("b1fc", "c2aa")
    assert dag.bases() == dag.branch_points() == ("ae10",)
    assert dag.merge_bases("b1fc", "c2aa") == {"ae10"}
    assert dag.resolve("users@head") == ("c2aa",)
    up = plan_upgrade(dag, "heads", applied=("ae10",))
    assert [(step.direction, step.revision and step.revision.id, step.heads_after) for step in up.steps] == [
        ("upgrade", "b1fc", ("b1fc",)),
        ("upgrade", "c2aa", ("b1fc", "c2aa")),
    ]
    down = plan_downgrade(dag, "ae10", applied=("b1fc",))
    assert [(step.direction, step.heads_after) for step in down.steps] == [("downgrade", ("ae10",))]


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = "import sys, branchmig; print(sorted(m for m in sys.modules if m.startswith('branchmig')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "['branchmig']\n"
