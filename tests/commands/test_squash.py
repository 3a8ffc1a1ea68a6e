"""`branchmig squash`: one revision in the place of a range, for databases below it, in it and above it."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.commands.test_retired import CHAIN, project, remove, rows, status, upgraded, write
from tests.repositories import ROOT, Checkout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def squash(repo: Checkout, *words: str, code: int = 0) -> dict[str, object]:
    done = repo.branchmig("squash", *words, "--format", "json")
    assert done.exit_code == code, done.stderr
    document: dict[str, object] = json.loads(done.stdout)
    return document


def state(repo: Checkout) -> list[object]:
    files = sorted((path.name, path.read_bytes()) for path in repo.versions.glob("*.py"))
    return [repo.git("status", "--porcelain"), *files]


@pytest.mark.heavy
def test_a_range_becomes_one_revision_which_plain_alembic_runs(tmp_path: Path, database_url: str) -> None:
    repo = project(tmp_path, database_url)
    before = state(repo)
    repo.git("config", "branchmig.scratchUrl", scratch(database_url))
    found = squash(repo, "r1..r4", "--prove", "-m", "all of it")
    proof = found.pop("proof")
    assert (proof["verdict"], proof["dialect"]) == ("equal", database_url.partition("+")[0].partition(":")[0])  # type: ignore[index]
    assert found == {
        "version": 1,
        "ok": True,
        "revision": "r4",
        "replaces": ["r2", "r3"],
        "squashed": ["r2", "r3", "r4"],
        "down_revision": ["r1"],
        "depends_on": [],
        "branch_labels": [],
        "message": "all of it",
        "path": "migrations/versions/r4.py",
        "removed": ["migrations/versions/r2.py", "migrations/versions/r3.py"],
        "bundle": None,
        "data_migrations": ["r2", "r3", "r4"],
        "as_sql": [],
        "irreversible": [],
        "standing_elsewhere": [],
        "written": True,
    }
    assert 'replaces = (\n    "r2",\n    "r3",\n)' in (repo.versions / "r4.py").read_text()
    assert state(repo) != before
    assert repo.alembic("upgrade", "head").exit_code == 0
    assert (rows(repo), repo.rows()) == ({f"t_{item}": 3 for item in CHAIN}, ["r5"])
    assert repo.alembic("downgrade", "r1").exit_code == 0
    assert (rows(repo), repo.rows()) == ({"t_r1": 3}, ["r1"])


def scratch(url: str) -> str:
    return "sqlite://" if url.startswith("sqlite") else url.rpartition("/")[0] + "/"


def goes_up_with_the_old_scripts(repo: Checkout, at: str, *words: str, is_committed: bool = True) -> None:
    before = upgraded(repo, at)
    squash(repo, "base..r4")
    if is_committed:
        repo.commit("squash")
    commit = repo.git("rev-parse", "HEAD^" if is_committed else "HEAD")
    lower = CHAIN[: CHAIN.index(at) + 1]
    left = [one for one in ("r2", "r3", "r4") if one not in lower]
    planned = json.loads(repo.branchmig("upgrade", "heads", "--plan", "--format", "json").stdout)
    assert [(step["revision"], step["source"]) for step in planned["steps"]] == [
        *((one, f"git:{commit}:migrations/versions/{one}.py") for one in left),
        ("r5", "worktree"),
    ]
    done = repo.branchmig(*words)
    assert (done.exit_code, repo.rows()) == (0, ["r5"]), done.stderr
    assert rows(repo) == {f"t_{one}": 5 if one in lower else 3 for one in CHAIN}
    assert before.keys() <= rows(repo).keys()
    if not is_committed:
        repo.commit("squash")
    found = status(repo)
    assert (found["ok"], found["retired"], found["edited"]) == (True, ["r1", "r2", "r3"], [])


@pytest.mark.heavy
def test_a_database_in_the_middle_goes_up_with_the_old_scripts(tmp_path: Path, database_url: str) -> None:
    repo = project(tmp_path, database_url, "journal = true")
    goes_up_with_the_old_scripts(repo, "r2", "upgrade", "heads")
    assert repo.branchmig("current", "--check-heads").exit_code == 0
    assert repo.branchmig("downgrade", "base").exit_code == 0
    assert (rows(repo), repo.rows()) == ({}, [])


@pytest.mark.heavy
@pytest.mark.parametrize(("at", "words", "is_committed"), [("r1", "upgrade heads", False), ("r3", "sync --yes", True)])
def test_sync_does_it_too_and_so_does_an_upgrade_before_the_squash_is_committed(
    tmp_path: Path, sqlite_url: str, at: str, words: str, is_committed: bool
) -> None:
    repo = project(tmp_path, sqlite_url, "journal = true")
    goes_up_with_the_old_scripts(repo, at, *words.split(), is_committed=is_committed)


@pytest.mark.soak
def test_every_state_of_a_range_with_a_fork_comes_to_the_same_catalog(tmp_path: Path, sqlite_url: str) -> None:
    """A - b - c - m - z; a - d - m: d fills what a made, c and m depend on nothing else, and all names collide."""
    repo = Checkout(tmp_path / "repo")
    repo.url = sqlite_url
    ini = repo.root / "alembic.ini"
    ini.write_text(ini.read_text().replace(f"sqlite:///{repo.root / 'app.db'}", sqlite_url))
    make = "def column(name):\n    return sa.Column(name, sa.Integer())\nNAMES = [{!r}]\n"
    table = "op.create_table(NAMES[0], column('id'), column(NAMES[0] + '_x'))"
    for revision, parents in {"a": (), "b": ("a",), "c": ("b",), "d": ("a",), "m": ("c", "d"), "z": ("m",)}.items():
        up = "op.execute('INSERT INTO a VALUES (1, 2)')" if revision == "d" else "pass" if revision == "m" else table
        down = (
            "op.execute('DELETE FROM a')"
            if revision == "d"
            else "pass"
            if revision == "m"
            else "op.drop_table(NAMES[0])"
        )
        path = repo.revision(
            revision, *parents, upgrade=up, downgrade=down, labels=("left",) if revision == "b" else ()
        )
        path.write_text(path.read_text().replace("\n\ndef upgrade", "\n" + make.format(revision) + "\ndef upgrade"))
    repo.commit("all")
    database = tmp_path / "test.db"
    states = {}
    for rows_at in ("a", "b", "c", "d", "b d", "c d", "m", "z"):
        database.unlink(missing_ok=True)
        for target in rows_at.split():
            assert repo.branchmig("upgrade", target).exit_code == 0
        states[rows_at] = database.read_bytes()
    found = squash(repo, "a..m", "--prove")
    assert (found["replaces"], found["branch_labels"], found["down_revision"]) == (["b", "c", "d"], ["left"], ["a"])
    catalogs = {}
    for rows_at, content in states.items():
        database.write_bytes(content)
        assert repo.branchmig("upgrade", "left@head").exit_code == 0
        lines = sorted(sqlite3.connect(database).iterdump())
        catalogs[rows_at] = [line for line in lines if not line.startswith("INSERT INTO sqlite_sequence")]
    assert [rows_at for rows_at, lines in catalogs.items() if lines != catalogs["z"]] == []
    assert sum("CREATE TABLE" in line for line in catalogs["z"]) == 5


@pytest.mark.heavy
@pytest.mark.parametrize("words", ["upgrade heads", "sync --yes"])
def test_a_squash_by_hand_with_an_id_of_its_own_is_recorded_after_the_old_scripts(
    tmp_path: Path, sqlite_url: str, words: str
) -> None:
    repo = project(tmp_path, sqlite_url, "journal = true")
    upgraded(repo, "r3")
    remove(repo, "r2", "r3", "r4")
    write(repo, "s24", "r1", "r2", "r3", "r4")
    path = repo.versions / "s24.py"
    path.write_text(f"{path.read_text()}\nreplaces = ('r2', 'r3', 'r4')\n")
    write(repo, "r5", "s24")
    repo.commit("by hand")
    done = repo.branchmig(*words.split())
    assert (done.exit_code, repo.rows()) == (0, ["r5"]), done.stderr
    assert rows(repo) == {"t_r1": 5, "t_r2": 5, "t_r3": 5, "t_r4": 3, "t_r5": 3}
    assert status(repo)["ok"] is True


def test_a_switch_and_a_hook_that_may_bring_a_database_in_the_middle_up(tmp_path: Path, sqlite_url: str) -> None:
    repo = project(tmp_path, sqlite_url, "journal = true")
    repo.environment["PYTHONPATH"] = str(ROOT)
    repo.git("branch", "old")
    squash(repo, "base..r4")
    repo.commit("squash")
    repo.git("switch", "--quiet", "old")
    before = upgraded(repo, "r2")
    kept = (tmp_path / "test.db").read_bytes()
    done = repo.branchmig("switch", "--yes", "main")
    expected = {f"t_{one}": 3 for one in CHAIN} | before
    assert (done.exit_code, rows(repo), repo.rows()) == (0, expected, ["r5"]), done.stderr
    repo.git("switch", "--quiet", "old")
    (tmp_path / "test.db").write_bytes(kept)
    repo.git("config", "branchmig.sync", "auto")
    repo.git("config", "branchmig.journal", "true")
    assert repo.branchmig("hooks", "install").exit_code == 0
    merged = repo.run("merge", "--ff-only", "main")
    assert (rows(repo), repo.rows()) == (expected, ["r5"]), merged.stderr


def test_scripts_of_other_folders_find_what_lies_beside_them(tmp_path: Path, sqlite_url: str) -> None:
    """In a project below the top; the squash is in another folder than a script that reads a file beside it."""
    repo = Checkout(tmp_path / "repo", "sub")
    ini = repo.root / "alembic.ini"
    ini.write_text(ini.read_text() + "version_locations = %(here)s/migrations/versions:%(here)s/extra\n")
    (repo.root / "extra").mkdir()
    (repo.versions / "seed.sql").write_text("INSERT INTO t_a VALUES (7)")
    repo.table("a")
    read = "op.execute((Path(__file__).parent / 'seed.sql').read_text())"
    repo.revision("b", "a", upgrade=f"from pathlib import Path\n{read}")
    repo.table("c", "b").rename(repo.root / "extra" / "c.py")
    repo.commit("all")
    assert repo.branchmig("upgrade", "a").exit_code == 0
    kept = (repo.root / "app.db").read_bytes()
    found = squash(repo, "base..c", "--prove", "--bundle")
    assert (found["path"], found["bundle"], found["irreversible"]) == (
        *("extra/c.py", "squashed/c.json"),
        ["b has an empty downgrade()"],
    )
    repo.commit("squash")
    for has_git in (True, False):
        (repo.root / "app.db").write_bytes(kept)
        done = repo.branchmig("upgrade", "heads")
        assert (done.exit_code, repo.tables(), repo.rows()) == (0, ["t_a", "t_c"], ["c"]), done.stderr
        assert sqlite3.connect(repo.root / "app.db").execute("SELECT * FROM t_a").fetchall() == [(7,)]
        if has_git:
            (repo.top / ".git").rename(tmp_path / "git")


def test_old_scripts_that_an_amend_took_out_of_the_history_come_from_the_reflog(
    tmp_path: Path, sqlite_url: str
) -> None:
    repo = project(tmp_path, sqlite_url)
    upgraded(repo, "r2")
    repo.git("reset", "--quiet", "--soft", "HEAD~4")
    repo.commit("all", "--amend")
    squash(repo, "base..r4")
    repo.commit("squash", "--amend")
    done = repo.branchmig("upgrade", "heads")
    assert (done.exit_code, repo.rows()) == (0, ["r5"]), done.stderr


def problems(repo: Checkout) -> list[str]:
    return [one["message"] for one in json.loads(repo.branchmig("guard", "--format", "json").stdout)["problems"]]


def test_guard_accepts_a_squash_of_unchanged_scripts_alone(tmp_path: Path, sqlite_url: str) -> None:
    repo = project(tmp_path, sqlite_url)
    repo.git("switch", "--quiet", "--create", "tidy")
    squash(repo, "r1..r4")
    assert problems(repo) == []
    repo.commit("squash")
    assert (problems(repo), repo.branchmig("guard", "--merged-with", "main").exit_code) == ([], 0)
    repo.git("reset", "--quiet", "--hard", "main")
    write(repo, "r3", "r2", "another")
    repo.commit("edit")
    squash(repo, "r1..r4")
    repo.commit("squash")
    found = problems(repo)
    assert len(found) == 1
    assert "'r4' replaces 'r3', whose script was changed before that" in found[0]


def test_a_squash_of_a_squash_and_a_bundle_without_git(tmp_path: Path, sqlite_url: str) -> None:
    """r1 to r3 become r3, which is squashed again with r4: a database at r2 takes both old ways, also without git."""
    repo = project(tmp_path, sqlite_url)
    upgraded(repo, "r2")
    assert squash(repo, "base..r3", "--bundle")["bundle"] == "migrations/squashed/r3.json"
    repo.commit("squash")
    found = squash(repo, "base..r4")
    assert (found["replaces"], found["squashed"]) == (["r1", "r2", "r3"], ["r3", "r4"])
    repo.commit("squash again")
    kept_bundle = (repo.migrations / "squashed" / "r3.json").read_bytes()
    assert squash(repo, "--bundle") == {"version": 1, "bundles": ["migrations/squashed/r4.json"]}
    assert (repo.migrations / "squashed" / "r3.json").read_bytes() == kept_bundle
    assert squash(repo, "--bundle") == {"version": 1, "bundles": []}
    database = tmp_path / "test.db"
    kept = database.read_bytes()
    expected = {"t_r1": 5, "t_r2": 5, "t_r3": 3, "t_r4": 3, "t_r5": 3}
    sources = []
    for has_git in (True, False):
        database.write_bytes(kept)
        done = repo.branchmig("upgrade", "heads", "--format", "json")
        assert (done.exit_code, rows(repo), repo.rows()) == (0, expected, ["r5"]), done.stderr
        sources.append([step["source"].partition(":")[0] for step in json.loads(done.stdout)["steps"]])
        if has_git:
            (repo.top / ".git").rename(tmp_path / "git")
    assert sources == [["git", "git", "worktree"], ["bundle", "bundle", "worktree"]]


def test_a_bundle_that_was_changed_and_old_scripts_that_nothing_has_stop_the_upgrade(
    tmp_path: Path, sqlite_url: str
) -> None:
    repo = project(tmp_path, sqlite_url)
    before = upgraded(repo, "r2")
    squash(repo, "base..r4", "--bundle")
    (repo.top / ".git").rename(tmp_path / "git")
    bundle = repo.migrations / "squashed" / "r4.json"
    bundle.write_text(bundle.read_text().replace("t_r3", "t_x3"))
    done = repo.branchmig("upgrade", "heads")
    assert (done.exit_code, "the script of 'r3' was changed after the bundle was written" in done.stderr) == (3, True)
    bundle.unlink()
    done = repo.branchmig("upgrade", "heads")
    assert (done.exit_code, "within the revisions that r4 replaces" in done.stderr) == (3, True), done.stderr
    database = json.loads(repo.branchmig("status", "--format", "json").stdout)["database"]
    assert (database["retired"], database["orphans"]) == (["r2"], [])
    assert [one["code"] for one in database["problems"]] == ["half-squashed"]
    assert (repo.branchmig("sync", "--yes").exit_code, repo.rows()) == (3, ["r2"])
    assert (rows(repo), repo.rows()) == (before, ["r2"])


def forked(repo: Checkout) -> None:
    write(repo, "x", "r3")
    repo.commit("x")


def untracked(repo: Checkout) -> None:
    write(repo, "r5", "r4", "more")


def imported(repo: Checkout) -> None:
    path = repo.versions / "r5.py"
    path.write_text(path.read_text() + "\nimport runpy\nrunpy.run_path(__file__.replace('r5.py', 'r2.py'))\n")
    repo.commit("imports")


@pytest.mark.parametrize(
    ("change", "words", "message"),
    [
        (forked, "r1..r5", "other revisions have a parent in the middle of the range: x stands on r3"),
        (untracked, "r1..r5", "migrations/versions/r5.py was changed since the last commit"),
        (imported, "r1..r5", "migrations/versions/r5.py takes something from migrations/versions/r2.py"),
        (lambda repo: None, "r4..r2", "'r4' is not below 'r2'"),
        (lambda repo: None, "r4", "'r4' is no range"),
    ],
)
def test_a_refusal_changes_no_byte(
    tmp_path: Path, sqlite_url: str, change: Callable[[Checkout], None], words: str, message: str
) -> None:
    repo = project(tmp_path, sqlite_url)
    change(repo)
    before = state(repo)
    done = repo.branchmig("squash", words, "--format", "json")
    assert (done.exit_code, message in done.stderr) == (3, True), done.stderr
    assert (json.loads(done.stdout)["error"]["hint"] != "", state(repo)) == (True, before)


def test_a_squash_that_does_something_else_is_refused_by_its_proof(tmp_path: Path, sqlite_url: str) -> None:
    """A script that asks which revision the database is at does not come through a squash."""
    repo = project(tmp_path, sqlite_url)
    path = repo.versions / "r3.py"
    path.write_text(
        path.read_text().replace("VALUES (1), (2), (3)", "SELECT 1 FROM alembic_version WHERE version_num='r2'")
    )
    repo.commit("asks")
    before = state(repo)
    found = squash(repo, "r1..r4", "--prove", code=1)
    assert (found["ok"], found["written"], found["proof"]["verdict"]) == (False, False, "differs")  # type: ignore[index]
    done = repo.branchmig("squash", "r1..r4", "--prove")
    assert (done.exit_code, "rows of t_r3: 1 differs" in done.stdout, state(repo)) == (1, True, before)


def test_history_graph_and_show_fold_what_a_squash_replaced(tmp_path: Path, sqlite_url: str) -> None:
    repo = project(tmp_path, sqlite_url)
    squash(repo, "r1..r4", "-m", "all of it")
    assert repo.branchmig("history").lines == [
        "r4 -> r5 (head), step r5",
        "r1 -> r4 (replaces 2), all of it",
        "<base> -> r1, step r1",
    ]
    assert "Replaces: r2, r3" in repo.branchmig("show", "r4").lines
    assert "Replaces: r2, r3" in repo.branchmig("history", "-v").lines
    found = json.loads(repo.branchmig("history", "--format", "json").stdout)["history"]
    assert [one.get("replaces") for one in found] == [None, ["r2", "r3"], None]
    for format_ in ("text", "mermaid", "dot", "svg", "html"):
        output = str(tmp_path / "graph")
        assert repo.branchmig("graph", "--format", format_, "-o", output).exit_code == 0
        assert "replaces 2" in (tmp_path / "graph").read_text(), format_


def on_a_branch(repo: Checkout) -> None:
    """o1 and o2 on top of r5, on a branch of their own."""
    repo.git("switch", "--quiet", "--create", "topic")
    for below, revision in (("r5", "o1"), ("o1", "o2")):
        write(repo, revision, below)
        repo.commit(revision)


@pytest.mark.heavy
def test_own_revisions_become_one_and_the_database_follows(tmp_path: Path, database_url: str) -> None:
    follows_own(project(tmp_path, database_url), "o1")


@pytest.mark.parametrize("at", ["r5", "o2"])
def test_a_database_that_has_none_or_all_of_them_runs_nothing_twice(tmp_path: Path, sqlite_url: str, at: str) -> None:
    follows_own(project(tmp_path, sqlite_url), at)


def follows_own(repo: Checkout, at: str) -> None:
    on_a_branch(repo)
    before, main = upgraded(repo, at), repo.git("rev-parse", "main")
    words = ("--own", "-m", "the feature")
    if at != "r5":
        was = state(repo)
        done = repo.branchmig("squash", *words)
        assert (done.exit_code, "branchmig squash --own --sync" in done.stderr, state(repo)) == (3, True, was)
        assert repo.branchmig("squash", *words, "--sync").exit_code == (1 if at == "o1" else 0)
        words = (*words, "--sync", "--yes")
    if at == "o2":
        new = str(repo.rows()[0])  # type: ignore[index]
    else:
        found = squash(repo, *words)
        new = str(found["revision"])
        assert (found["replaces"], found["squashed"], found["down_revision"]) == ([], ["o1", "o2"], ["r5"])
    repo.commit("squash")
    assert [path.name for path in repo.versions.glob("*o?.py")] == []
    assert (repo.git("rev-parse", "main"), new in ("o1", "o2")) == (main, False)
    assert repo.branchmig("upgrade", "heads").exit_code == 0
    expected = {f"t_{one}": 3 for one in (*CHAIN, "o1", "o2")} | before
    assert (rows(repo), repo.rows()) == (expected, [new])
    assert repo.branchmig("guard").exit_code == 0


def test_own_revisions_that_others_have_are_refused(tmp_path: Path, sqlite_url: str) -> None:
    repo = project(tmp_path, sqlite_url)
    on_a_branch(repo)
    repo.git("branch", "other")
    before = state(repo)
    done = repo.branchmig("squash", "--own")
    assert (done.exit_code, state(repo)) == (3, before)
    assert "would become a part of another, and other has it, too" in done.stderr
    repo.git("switch", "--quiet", "main")
    assert squash(repo, "--own")["squashed"] == []


def test_status_says_which_databases_still_need_the_old_scripts(tmp_path: Path, sqlite_url: str) -> None:
    repo = project(tmp_path, sqlite_url)
    found = {"below": "base", "middle": "r2", "past": "r5"}
    urls = {name: f"sqlite:///{tmp_path / name}.db" for name in found}
    ini = (repo.root / "alembic.ini").read_text()
    for name, target in found.items():
        (repo.root / "alembic.ini").write_text(ini.replace(sqlite_url, urls[name]))
        if target != "base":
            assert repo.branchmig("upgrade", target).exit_code == 0
    (repo.root / "alembic.ini").write_text(ini)
    squash(repo, "base..r4", "--bundle")
    document = squash(repo, "--status", *urls.values(), code=1)
    (entry,) = document["squashes"]  # type: ignore[misc]
    assert {one["name"]: (one["state"], one["rows"]) for one in entry["databases"]} == {
        urls["below"]: ("below", []),
        urls["middle"]: ("middle", ["r2"]),
        urls["past"]: ("past", ["r5"]),
    }
    assert (document["ok"], entry["bundle"], entry["may_drop_bundle"]) == (False, "migrations/squashed/r4.json", False)
    targets = tmp_path / "targets.json"
    targets.write_text(json.dumps([{"name": name, "url": urls[name]} for name in ("below", "past")]))
    done = repo.branchmig("squash", "--status", "--targets", str(targets))
    assert (done.exit_code, done.lines) == (
        0,
        [
            "r4 replaces 3 revisions; bundle: migrations/squashed/r4.json",
            "  below: below it: it will run the squash",
            "  past: past it",
            "  -> none of these needs the old scripts; if they are all, the bundle can go: "
            "git rm migrations/squashed/r4.json",
        ],
    )
    assert squash(repo, "--status")["ok"] is True
    (entry,) = squash(repo, "--status", "sqlite:////no/such/folder/x.db", code=3)["squashes"]  # type: ignore[misc]
    assert (entry["databases"][0]["state"], entry["may_drop_bundle"]) == ("unknown", None)
