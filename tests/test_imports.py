"""No module of branchmig imports another that imports it, through however many others, types included."""

from __future__ import annotations

import ast
from pathlib import Path

import networkx

import branchmig

ROOT = Path(branchmig.__file__).parent
MOST_FILES_AT_THE_TOP = 14
MOST_LINES_OF_A_MODULE = 400


def module_names() -> dict[str, Path]:
    """Return each module's dotted name and file."""
    paths = {path.relative_to(ROOT.parent).with_suffix(""): path for path in ROOT.rglob("*.py")}
    return {".".join(path.parts).removesuffix(".__init__"): file for path, file in paths.items()}


def test_no_modules_import_each_other() -> None:
    modules = module_names()
    graph: networkx.DiGraph[str] = networkx.DiGraph()
    for name, path in modules.items():
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("branchmig"):
                for alias in node.names:
                    submodule = f"{node.module}.{alias.name}"
                    graph.add_edge(name, submodule if submodule in modules else node.module)
    assert graph.number_of_edges() > 1000
    # A package that offers what its modules have is one with them.
    assert [sorted(group) for group in networkx.strongly_connected_components(graph) if len(group) > 1] == []


def test_the_top_has_only_entry_points_and_what_all_packages_share() -> None:
    assert len(list(ROOT.glob("*.py"))) <= MOST_FILES_AT_THE_TOP


def test_no_module_is_longer_than_a_reader_can_keep_in_mind() -> None:
    lengths = {name: len(path.read_bytes().splitlines()) for name, path in module_names().items()}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES_OF_A_MODULE} == {}
