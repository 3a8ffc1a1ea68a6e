"""`branchmig graph --targets` and `--refs`: which databases, git branches and tags are at which revision."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repositories import Checkout
    from tests.support import ProjectFolder

SECRET = "opensesame"


def targets(folder: ProjectFolder, **urls: str) -> str:
    path = folder.root / "targets.toml"
    path.write_text(
        "".join(f"[[targets]]\nname = {json.dumps(name)}\nurl = {json.dumps(urls[name])}\n" for name in urls)
    )
    return str(path)


def places(document: Any) -> dict[str, list[str]]:
    return {
        revision["revision"]: [f"{place['kind']} {place['name']} {place['beyond']}" for place in revision["places"]]
        for revision in document["revisions"]
        if revision["places"]
    }


def at(folder: ProjectFolder, path: Path, revision: str) -> str:
    """Return the URL of a database at a revision."""
    folder.url, before = f"sqlite:///{path}", folder.url
    ini = folder.root / "alembic.ini"
    text = ini.read_text()
    ini.write_text(text.replace(before, folder.url))
    assert folder.branchmig("upgrade", revision).exit_code == 0
    ini.write_text(text)
    url, folder.url = folder.url, before
    return url


def test_databases_are_at_their_revisions_or_named_with_the_reason(forked: ProjectFolder, tmp_path: Path) -> None:
    file = targets(
        forked,
        prod=at(forked, tmp_path / "prod.db", "bbb2"),
        new=f"sqlite:///{tmp_path / 'new.db'}",
        away=f"postgresql+psycopg://app:{SECRET}@127.0.0.1:1/away",
    )
    result = forked.branchmig("graph", "--targets", file)
    assert result.exit_code == 0
    assert "│ ● bbb2 (head; side; db prod) step bbb2" in result.lines
    assert "not in this graph: database new: it is empty: no revision is applied" in result.stderr
    assert "not in this graph: database away: " in result.stderr
    document = json.loads(forked.branchmig("graph", "--targets", file, "--format", "json").stdout)
    assert places(document) == {"bbb2": ["database prod 0"]}
    assert [(lost["kind"], lost["name"]) for lost in document["unplaced"]] == [
        ("database", "away"),
        ("database", "new"),
    ]
    page = forked.branchmig("graph", "--targets", file, "--format", "html")
    for text in (result.stdout, result.stderr, json.dumps(document), page.stdout, page.stderr):
        assert SECRET not in text


def test_a_database_that_the_drawing_leaves_out_is_named(forked: ProjectFolder, tmp_path: Path) -> None:
    file = targets(forked, prod=at(forked, tmp_path / "prod.db", "aaa1"))
    result = forked.branchmig("graph", "--targets", file, "-r", "bbb2:bbb2")
    assert "database prod: it is at aaa1, which this drawing leaves out" in result.stderr


def test_branches_and_tags_are_at_their_heads_with_what_the_graph_lacks(parted: Checkout) -> None:
    parted.git("tag", "v1", "feature~1")
    document = json.loads(parted.branchmig("graph", "--refs", "--format", "json").stdout)
    assert places(document) == {"aaa1": ["branch main 1", "tag v1 0"], "ccc3": ["branch feature 0"]}
    assert "● aaa1 (branch main +1; tag v1) step aaa1" in parted.branchmig("graph", "--refs").lines


def test_a_branch_that_cannot_be_read_is_named(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "main")
    (parted.versions / "bbb2.py").write_text("revision = input()\ndown_revision = 'aaa1'\n")
    parted.git("commit", "--quiet", "--all", "-m", "not to be read")
    parted.git("switch", "--quiet", "feature")
    result = parted.branchmig("graph", "--refs")
    assert result.exit_code == 0
    assert "warning: not in this graph: branch main: " in result.stderr
    unplaced = json.loads(parted.branchmig("graph", "--refs", "--format", "json").stdout)["unplaced"]
    assert [(lost["kind"], lost["name"]) for lost in unplaced] == [("branch", "main")]


def test_names_are_escaped_in_every_format(forked: ProjectFolder, tmp_path: Path) -> None:
    evil = "</script><b>'\"]\x1b[31m"
    file = targets(forked, **{evil: at(forked, tmp_path / "prod.db", "bbb2")})
    for format_, raw in (
        ("text", "\x1b[31m"),
        ("html", "<b>'"),
        ("svg", "<b>"),
        ("mermaid", '"]\x1b'),
        ("dot", "<b>'\""),
    ):
        result = forked.branchmig("graph", "--targets", file, "--format", format_)
        assert result.exit_code == 0, result.stderr
        assert "</script" in result.stdout or "script" in result.stdout
        assert raw not in result.stdout


def test_outside_git_no_refs_can_be_asked(forked: ProjectFolder) -> None:
    result = forked.branchmig("graph", "--refs")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "is in no git repository" in result.stderr
    assert forked.branchmig("graph", "--format", "html").exit_code == 0
