from __future__ import annotations

import py_compile
from typing import TYPE_CHECKING

import pytest

from tests.parity.pair import in_any_order
from tests.support import ProjectFolder, git

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    ini = project.root / "alembic.ini"
    ini.write_text(ini.read_text() + "sourceless = true\n")
    return project


def compile_away(path: Path, *, beside: bool) -> Path:
    """Leave only the .pyc of a source: beside it, as `compileall -b` does, or in __pycache__."""
    target = py_compile.compile(str(path), cfile=f"{path}c" if beside else None, doraise=True)
    path.unlink()
    return path.parent / target


@pytest.mark.parametrize("beside", [True, False])
def test_a_deployment_of_nothing_but_bytecode_runs_as_under_alembic(project: ProjectFolder, beside: bool) -> None:
    paths = [
        project.table("aaa1", message="first\n\nbody"),
        project.table("bbb2", "aaa1"),
        project.table("ccc3", "aaa1"),
    ]
    for path in paths:
        compile_away(path, beside=beside)
    for words in (("heads",), ("history", "-v"), ("show", "aaa1"), ("branches",)):
        ours, theirs = project.branchmig(*words), project.alembic(*words)
        # alembic's order of children and of lines is that of a set.
        assert (ours.exit_code, in_any_order(ours.lines)) == (0, in_any_order(theirs.lines)), ours.stderr
    assert project.branchmig("upgrade", "heads").stderr == "Applied 3 revisions; the database is at bbb2, ccc3.\n"
    assert project.tables() == ["t_aaa1", "t_bbb2", "t_ccc3"]
    assert project.alembic("downgrade", "base").exit_code == 0


def test_reading_the_graph_runs_no_bytecode(project: ProjectFolder) -> None:
    path = project.table("aaa1")
    path.write_text(path.read_text() + "\nraise SystemError('run')\n")
    compile_away(path, beside=True)
    assert project.branchmig("heads").stdout == "aaa1 (head)\n"


def test_a_stale_cache_of_another_git_branch_is_no_head(project: ProjectFolder) -> None:
    project.table("aaa1")
    left_over = compile_away(project.table("bbb2", "aaa1"), beside=False)
    result = project.branchmig("heads")
    shown = left_over.relative_to(project.root)
    assert (result.exit_code, result.stdout, result.stderr) == (
        0,
        "aaa1 (head)\n",
        f"warning: {shown} is no revision here: its source is gone, and other sources are there; delete it\n",
    )
    # alembic takes it for a head
    assert project.alembic("heads").stdout == "bbb2 (head)\n"


def test_a_stale_cache_in_a_git_work_tree_is_no_head_though_no_source_is_left(project: ProjectFolder) -> None:
    git("init", "-q", cwd=project.root)
    left_over = compile_away(project.table("aaa1"), beside=False)
    result = project.branchmig("upgrade", "heads")
    shown = left_over.relative_to(project.root)
    assert result.exit_code == 0
    assert f"warning: {shown} is no revision here: its source is gone, in a git work tree; delete it\n" in result.stderr
    assert project.rows() in (None, [])


def test_a_file_beside_its_bytecode_counts_once(project: ProjectFolder) -> None:
    path = project.table("aaa1")
    py_compile.compile(str(path), cfile=f"{path}c")
    py_compile.compile(str(path))
    assert project.branchmig("heads") == type(project.branchmig("heads"))(0, "aaa1 (head)\n", "")


def test_the_cache_of_another_python_or_of_an_optimised_one_counts_once(project: ProjectFolder) -> None:
    path = project.table("aaa1")
    py_compile.compile(str(path), optimize=1)
    cached = compile_away(path, beside=False)
    (cached.parent / "aaa1.cpython-399.pyc").write_bytes(b"\x00\x00\r\n" + bytes(12))
    assert project.branchmig("heads") == type(project.branchmig("heads"))(0, "aaa1 (head)\n", "")


def test_without_the_key_no_bytecode_counts(project: ProjectFolder) -> None:
    ini = project.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("sourceless = true", "sourceless = false"))
    compile_away(project.table("aaa1"), beside=True)
    assert project.branchmig("heads") == type(project.branchmig("heads"))(0, "", "")


def test_bytecode_of_another_python_is_an_error_that_names_the_file(project: ProjectFolder) -> None:
    path = compile_away(project.table("aaa1"), beside=True)
    path.write_bytes(b"\x01\x02\r\n" + path.read_bytes()[4:])
    result = project.branchmig("heads")
    assert (result.exit_code, result.stderr) == (
        3,
        f"error: {path} was compiled by another version of Python, or is damaged\n"
        "hint:  compile it again with this one\n",
    )
