"""Pull requests that were open at one moment in real projects: the train's order lands, with one head after each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.oracle.test_real_merges_in_git import script
from tests.repositories import Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOWS = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted(Path(__file__).parent.glob("data/pulls/*"))
}
# What a person would say of them: an id twice, a file that main has by now in another form, a landed script rewritten.
STOPS = {
    "onyx": [
        ("pull/1816/head", "cannot be read: migrations/versions/44f856ae2a4a_add_cloud_embedding_model.py"),
        ("pull/1808/head", "collides with pull/1763/head over revision 05c07bf07c00"),
        ("pull/1844/head", "collides with pull/1763/head over revision 05c07bf07c00"),
        ("pull/2268/head", "rewritten: 401c1ac29467, 703313b75876, ef7da92f7213, fad14119fb92"),
        ("pull/2326/head", "rewritten: 15326fcec57e, 570282d33c49, 5809c0787398, b156fa702355"),
    ],
    "warehouse": [
        ("pull/4949/head", "collides with pull/4599/head over table accounts_token"),
        ("pull/4974/head", "collides with pull/4958/head over revision ee5b8f66a223"),
    ],
}
CALLS = {
    "add_column": "op.add_column({0!r}, sa.Column({1!r}, sa.Text()))",
    "alter_column": "op.alter_column({0!r}, {1!r}, nullable=True)",
    "create_foreign_key": "op.create_foreign_key({1!r}, {0!r}, {2!r}, ['x'], ['id'])",
    "create_index": "op.create_index({1!r}, {0!r}, {2!r})",
    "create_unique_constraint": "op.create_unique_constraint({1!r}, {0!r}, ['x'])",
    "drop_column": "op.drop_column({0!r}, {1!r})",
    "drop_constraint": "op.drop_constraint({1!r}, {0!r})",
    "drop_index": "op.drop_index({1!r}, {0!r})",
    "drop_table": "op.drop_table({0!r})",
    "rename_column": "op.alter_column({0!r}, {1!r}, new_column_name={2!r})",
    "rename_table": "op.rename_table({0!r}, {1!r})",
    "sql": "op.execute('UPDATE {0} SET a = 1')",
}


def call(operation: str, *words: Any) -> str:
    if operation == "create_table":
        columns = "".join(f", sa.Column({column!r}, sa.Text())" for column in words[1])
        return f"op.create_table({words[0]!r}{columns})"
    return CALLS[operation].format(*words) if words[0] else "pass"


def commits(window: dict[str, Any]) -> Iterator[str]:
    """git fast-import's words for main, by way of each pull request's base, and for each pull request."""
    trees = [
        {name: header for name, header in window["main"].items() if name not in pull["base"]["del"]}
        | pull["base"]["set"]
        for pull in window["pulls"]
    ]
    line = sorted((*trees, window["main"]), key=lambda tree: (len(tree), tree == window["main"], sorted(tree)))
    line = [tree for at, tree in enumerate(line) if not at or tree != line[at - 1]]
    for number, tree in enumerate(line, 1):
        yield commit("refs/heads/main", number, tree, window["ops"], number - 1)
    for number, (pull, base) in enumerate(zip(window["pulls"], trees, strict=True), len(line) + 1):
        tree = base | pull["adds"] | pull["edits"]
        operations = window["ops"] | pull["ops"]
        yield commit(f"refs/pull/{pull['pr']}/head", number, tree, operations, line.index(base) + 1)


def commit(ref: str, mark: int, tree: dict[str, Any], operations: dict[str, Any], parent: int) -> str:
    parts = [f"commit {ref}\nmark :{mark}\ncommitter C <c@example.com> {1767600000 + mark} +0000\ndata 1\nx\n"]
    parts.append(f"from :{parent}\nD migrations/versions\n" if parent else "from refs/heads/main^0\n")
    for name, header in sorted(tree.items()):
        done = "".join(f"    {call(*operation)}\n" for operation in operations.get(name, ()))
        text = "import sqlalchemy as sa\n" + script(header).replace("    pass\n", f"{done}    pass\n", 1)
        parts.append(f"M 100644 inline migrations/versions/{name}\ndata {len(text.encode())}\n{text}\n")
    return "".join(parts)


@pytest.mark.heavy
@pytest.mark.parametrize(("name", "policy"), [("warehouse", "single-head"), ("onyx", "linear")])
def test_open_pull_requests_land_in_the_order_of_the_train(tmp_path: Path, name: str, policy: str) -> None:
    repo = Checkout(tmp_path / "repo")
    with (repo.root / "alembic.ini").open("a") as file:
        file.write(f"[branchmig]\npolicy = {policy}\n")
    repo.commit()
    repo.git("fast-import", "--quiet", stdin="".join(commits(WINDOWS[name])).encode())
    repo.git("reset", "--quiet", "--hard")
    told = json.loads(repo.branchmig("train", "--pulls", "--write", "--format", "json").stdout)
    stops = [(entry["branch"], entry["needs"][0]) for entry in told["order"] if entry["action"] == "stop"]
    assert sorted(stops) == sorted(STOPS[name])
    for entry in told["order"]:
        if entry["action"] != "stop":
            repo.git("merge", "--quiet", "--no-ff", "-m", "x", f"refs/branchmig/train/{entry['branch']}")
            assert len(repo.heads()) == 1, entry
    assert repo.alembic("heads").stdout.split()[:1] == repo.heads()
