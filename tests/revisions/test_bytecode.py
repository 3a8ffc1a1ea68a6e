from __future__ import annotations

import importlib.util
import marshal
from importlib._bootstrap_external import _code_to_timestamp_pyc  # type: ignore[attr-defined]

import pytest

from branchmig.model import Problem, Revision
from branchmig.revisions.revision_file import is_bytecode, read_docstring, read_revision

PATH = "versions/x.pyc"


def compiled(source: str, optimize: int = 0) -> bytes:
    return bytes(_code_to_timestamp_pyc(compile(source, "x.py", "exec", dont_inherit=True, optimize=optimize)))


@pytest.mark.parametrize(
    ("source", "revision"),
    [
        ("revision = 'ab12'\ndown_revision = None\n", Revision("ab12", path=PATH)),
        (
            '"""add users\n\nRevision ID: ab12\n"""\nfrom alembic import op\nimport sqlalchemy as sa\n'
            "revision = 'ab12'\ndown_revision = ('b1', 'c1')\nbranch_labels = ('x',)\ndepends_on = 'd1'\n"
            "def upgrade():\n    op.execute('x')\n",
            Revision("ab12", ("b1", "c1"), ("d1",), ("x",), "add users", PATH),
        ),
        (
            "from typing import Sequence, Union\nrevision: str = 'ab12'\ndown_revision: Union[str, None] = 'b1'\n"
            "branch_labels: Union[str, Sequence[str], None] = None\ndepends_on: Union[str, None] = None\n",
            Revision("ab12", ("b1",), path=PATH),
        ),
        (
            "revision = 'ab12'\ndown_revision = ['b1', 'c1']\n"
            "depends_on = ['d1', 'd2', 'd3', 'd4']\nbranch_labels = {'l'}\n",
            Revision("ab12", ("b1", "c1"), ("d1", "d2", "d3", "d4"), ("l",), path=PATH),
        ),
        ("revision = x = 'ab12'\ndown_revision = depends_on = None\n", Revision("ab12", path=PATH)),
        ("revision = 'ab' 'c'\ndown_revision = None\nif True:\n    pass\n", Revision("abc", path=PATH)),
    ],
)
@pytest.mark.parametrize("optimize", [0, 1])
def test_the_header_of_a_compiled_file_is_what_its_source_says(source: str, revision: Revision, optimize: int) -> None:
    content = compiled(source, optimize)
    assert is_bytecode(content)
    assert not is_bytecode(source.encode())
    assert read_revision(content, PATH) == revision
    assert read_docstring(content) == read_docstring(source.encode())


def test_nothing_of_the_file_is_run() -> None:
    content = compiled("revision = 'ab12'\ndown_revision = None\nraise SystemError('run')\n")
    assert read_revision(content, PATH) == Revision("ab12", path=PATH)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "revision = f()\ndown_revision = None\n",
            "computes revision: its value cannot be known without running the file",
        ),
        (
            "import os\nif os.environ:\n    revision = 'a'\nelse:\n    revision = 'b'\ndown_revision = None\n",
            "computes revision: its value cannot be known without running the file",
        ),
        (
            "revision = 'a'\ndown_revision = [other]\n",
            "computes down_revision: its value cannot be known without running the file",
        ),
        (
            "revision = 1\ndown_revision = None\n",
            "computes revision: its value cannot be known without running the file",
        ),
        ("revision = 'ab12'\n", "has no down_revision"),
        ("x = 1\n", "has no revision"),
    ],
)
def test_what_is_not_stored_as_a_constant_is_a_problem(source: str, message: str) -> None:
    problem = read_revision(compiled(source), PATH)
    assert isinstance(problem, Problem)
    assert (problem.code, problem.message, problem.paths) == ("unreadable-revision", f"{PATH} {message}", (PATH,))


@pytest.mark.parametrize("damage", ["magic", "cut", "no code"])
def test_the_bytecode_of_another_python_or_a_damaged_one_is_a_problem(damage: str) -> None:
    content = compiled("revision = 'ab12'\ndown_revision = None\n")
    broken = {
        "magic": b"\x01\x02\r\n" + content[4:],
        "cut": content[:30],
        "no code": importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps("text"),
    }[damage]
    problem = read_revision(broken, PATH)
    assert isinstance(problem, Problem)
    assert problem.message == f"{PATH} was compiled by another version of Python, or is damaged"
    assert read_docstring(broken) == ""
