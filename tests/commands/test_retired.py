"""What landed and was removed again, or is only missing from the work tree, stays applied with all its rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.repositories import ROOT, Checkout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support import Result

CHAIN = ("r1", "r2", "r3", "r4", "r5")


def project(tmp_path: Path, url: str, *settings: str) -> Checkout:
    """r1 to r5 on main, a commit each; every one makes a table and puts three rows into it."""
    repo = Checkout(tmp_path / "repo")
    repo.url = url
    (repo.top / ".gitignore").write_text("__pycache__\n*.db*\n")
    ini = repo.root / "alembic.ini"
    lines = [line for line in ini.read_text().splitlines() if not line.startswith("sqlalchemy.url")]
    ini.write_text("\n".join([*lines, f"sqlalchemy.url = {url.replace('%', '%%')}", "[branchmig]", *settings, ""]))
    for below, item in zip((None, *CHAIN), CHAIN, strict=False):
        write(repo, item, below)
        repo.commit(item)
    return repo


def write(repo: Checkout, revision: str, below: str | None, *tables: str, name: str | None = None) -> None:
    made = tables or (revision,)
    up = [f"op.create_table('t_{item}', sa.Column('id', sa.Integer()))" for item in made]
    up += [f'op.execute("INSERT INTO t_{item} VALUES (1), (2), (3)")' for item in made]
    down = [f"op.drop_table('t_{item}')" for item in made]
    parents = [] if below is None else [below]
    repo.revision(revision, *parents, upgrade="\n".join(up), downgrade="\n".join(down), name=name)


def upgraded(repo: Checkout, target: str = "heads") -> dict[str, int]:
    """Upgrade, and add to each table what no script would bring back; return how many rows each has."""
    assert repo.branchmig("upgrade", target).exit_code == 0
    repo.execute(*(f"INSERT INTO {table} VALUES (4), (5)" for table in rows(repo)))
    return rows(repo)


def rows(repo: Checkout) -> dict[str, int]:
    """How many rows each table of the revisions has."""
    engine = sa.create_engine(repo.url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        names = [name for name in sa.inspect(connection).get_table_names() if name.startswith("t_")]
        return {name: connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) or 0 for name in sorted(names)}


def remove(repo: Checkout, *revisions: str) -> None:
    for revision in revisions:
        (repo.versions / f"{revision}.py").unlink()


def keeps_the_last_id(repo: Checkout) -> None:
    """r1, r2 and r3 become r3."""
    remove(repo, "r1", "r2")
    write(repo, "r3", None, "r1", "r2", "r3")


def takes_a_new_id_in_the_middle(repo: Checkout) -> None:
    """r2 and r3 become s23, below r4."""
    remove(repo, "r2", "r3")
    write(repo, "s23", "r1", "r2", "r3")
    write(repo, "r4", "s23")


def keeps_an_id_in_the_middle(repo: Checkout) -> None:
    remove(repo, "r2")
    write(repo, "r3", "r1", "r2", "r3")


def as_one_commit(repo: Checkout, squash: Callable[[Checkout], None]) -> None:
    squash(repo)
    repo.commit("squash")


def by_a_merge(repo: Checkout, squash: Callable[[Checkout], None]) -> None:
    repo.git("switch", "--quiet", "--create", "tidy")
    squash(repo)
    repo.commit("squash")
    repo.git("switch", "--quiet", "main")
    (repo.top / "notes.txt").write_text("main went on")
    repo.commit("notes")
    repo.git("merge", "--quiet", "--no-edit", "--no-verify", "tidy")


def by_an_amend(repo: Checkout, squash: Callable[[Checkout], None]) -> None:
    """The history of main has r1 to r5 in one commit that is amended."""
    repo.git("reset", "--quiet", "--soft", "HEAD~4")
    repo.commit("all", "--amend")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.commit("all, again", "--amend")
    squash(repo)
    repo.commit("squash", "--amend")


SQUASHES = [keeps_the_last_id, takes_a_new_id_in_the_middle, keeps_an_id_in_the_middle]


def settled(repo: Checkout) -> tuple[Result, ...]:
    """Everything that looks at the database or moves it."""
    return (
        repo.branchmig("sync", "--yes"),
        repo.branchmig("upgrade", "heads"),
        repo.branchmig("current", "--check-heads"),
    )


def status(repo: Checkout) -> dict[str, object]:
    document = json.loads(repo.branchmig("status", "--format", "json").stdout)
    database = document["database"]
    keys = ("heads", "pending", "orphans", "retired", "skipped", "edited", "problems")
    return {"ok": document["ok"], **{key: database[key] for key in keys}}


def at_head(retired: list[str]) -> dict[str, object]:
    empty: dict[str, object] = {key: [] for key in ("pending", "orphans", "skipped", "edited", "problems")}
    return {"ok": True, "heads": ["r5"], "retired": retired, **empty}


GONE = {keeps_the_last_id: ["r1", "r2"], takes_a_new_id_in_the_middle: ["r2", "r3"], keeps_an_id_in_the_middle: ["r2"]}


@pytest.mark.heavy
@pytest.mark.parametrize("squash", SQUASHES)
def test_a_database_at_head_stays_there_after_a_squash(
    tmp_path: Path, database_url: str, squash: Callable[[Checkout], None]
) -> None:
    repo = project(tmp_path, database_url, "journal = true")
    before = upgraded(repo)
    as_one_commit(repo, squash)
    assert [(done.exit_code, done.stdout if done.exit_code else "") for done in settled(repo)] == [(0, "")] * 3
    assert (rows(repo), repo.rows()) == (before, ["r5"])
    assert status(repo) == at_head(GONE[squash])
    write(repo, "r6", "r5")
    assert repo.branchmig("upgrade", "heads").exit_code == 0
    assert (rows(repo), repo.rows()) == ({**before, "t_r6": 3}, ["r6"])


@pytest.mark.heavy
@pytest.mark.parametrize("landed", [by_a_merge, by_an_amend])
@pytest.mark.parametrize("squash", SQUASHES)
def test_it_does_not_matter_how_a_squash_lands(
    tmp_path: Path, sqlite_url: str, landed: Callable[..., None], squash: Callable[[Checkout], None]
) -> None:
    repo = project(tmp_path, sqlite_url, "journal = true")
    before = upgraded(repo)
    landed(repo, squash)
    assert [done.exit_code for done in settled(repo)] == [0, 0, 0]
    assert (rows(repo), repo.rows()) == (before, ["r5"])
    assert status(repo) == at_head(GONE[squash])


@pytest.mark.heavy
def test_a_database_half_way_in_a_squash_is_left_alone_and_the_way_out_works(tmp_path: Path, database_url: str) -> None:
    repo = project(tmp_path, database_url)
    assert upgraded(repo, "r2") == {"t_r1": 5, "t_r2": 5}
    last = repo.git("rev-parse", "--short=10", "HEAD")
    as_one_commit(repo, keeps_the_last_id)
    commit = repo.git("rev-parse", "--short=10", "HEAD")
    synced, lifted, _ = settled(repo)
    assert (synced.exit_code, lifted.exit_code, rows(repo), repo.rows()) == (3, 3, {"t_r1": 5, "t_r2": 5}, ["r2"])
    for done in (synced, lifted):
        assert f"main had their scripts until commit {last}, and commit {commit} by Ada Author removed" in done.stderr
        assert f"git switch --detach {last}; branchmig upgrade r3; git switch -; then branchmig sync" in done.stderr
    found = status(repo)
    assert (found["ok"], found["retired"], found["orphans"]) == (False, ["r1", "r2"], [])
    assert [problem["code"] for problem in found["problems"]] == ["half-squashed"]  # type: ignore[attr-defined]
    repo.git("switch", "--quiet", "--detach", last)
    assert repo.branchmig("upgrade", "r3").exit_code == 0
    repo.git("switch", "--quiet", "-")
    assert repo.branchmig("sync", "--yes").exit_code == 0
    assert (rows(repo), repo.rows()) == ({**{f"t_{item}": 3 for item in CHAIN}, "t_r1": 5, "t_r2": 5}, ["r5"])


@pytest.mark.heavy
def test_a_switch_to_a_squashed_branch_undoes_only_what_is_unlanded(tmp_path: Path, database_url: str) -> None:
    repo = project(tmp_path, database_url, "journal = true")
    repo.git("switch", "--quiet", "--create", "feature")
    write(repo, "feat", "r5")
    repo.commit("feature")
    before = upgraded(repo)
    repo.git("switch", "--quiet", "main")
    as_one_commit(repo, keeps_the_last_id)
    repo.git("switch", "--quiet", "feature")
    assert repo.branchmig("switch", "--yes", "main").exit_code == 0
    assert (rows(repo), repo.rows()) == ({name: number for name, number in before.items() if name != "t_feat"}, ["r5"])


@pytest.mark.heavy
def test_the_newest_revision_that_was_deleted_stays_until_it_is_named(tmp_path: Path, database_url: str) -> None:
    repo = project(tmp_path, database_url)
    before = upgraded(repo)
    remove(repo, "r5")
    repo.commit("delete")
    assert [done.exit_code for done in settled(repo)] == [0, 0, 0]
    assert (rows(repo), repo.rows()) == (before, ["r5"])
    write(repo, "r6", "r4")
    repo.commit("another")
    for words in (("sync", "--yes"), ("upgrade", "heads")):
        done = repo.branchmig(*words)
        assert (done.exit_code, "branchmig sync --undo r5" in done.stderr) == (3, True), done.stderr
    assert (rows(repo), repo.rows()) == (before, ["r5"])
    assert repo.branchmig("sync", "--yes", "--undo", "r5").exit_code == 0
    assert repo.rows() == ["r6"]
    assert "t_r5" not in rows(repo)


@pytest.mark.parametrize("replaces", [True, False])
def test_a_new_id_at_the_end_counts_as_applied_only_where_its_file_says_so(
    tmp_path: Path, sqlite_url: str, replaces: bool
) -> None:
    repo = project(tmp_path, sqlite_url, "journal = true")
    before = upgraded(repo)
    remove(repo, "r4", "r5")
    write(repo, "s45", "r3", "r4", "r5")
    path = repo.versions / "s45.py"
    path.write_text(f"{path.read_text()}\n{'replaces = ' + repr(('r4', 'r5')) if replaces else ''}\n")
    repo.commit("squash")
    done = repo.branchmig("sync", "--yes")
    if replaces:
        assert (done.exit_code, rows(repo), repo.rows()) == (0, before, ["s45"])
        assert status(repo)["ok"] is True
    else:
        assert (done.exit_code, rows(repo), repo.rows()) == (3, before, ["r5"])
        assert "if it does: branchmig stamp --purge s45; if it does not: branchmig sync --undo r4 --undo r5" in (
            done.stderr
        )
        assert repo.branchmig("stamp", "--purge", "s45").exit_code == 0
        assert (repo.branchmig("sync", "--yes").exit_code, rows(repo)) == (0, before)


def test_going_back_to_an_earlier_commit_undoes_what_came_after_it(tmp_path: Path, sqlite_url: str) -> None:
    repo = project(tmp_path, sqlite_url)
    assert repo.branchmig("upgrade", "heads").exit_code == 0
    repo.git("reset", "--quiet", "--hard", "HEAD~2")
    assert (repo.branchmig("sync", "--yes").exit_code, repo.rows()) == (0, ["r3"])


@pytest.mark.parametrize(
    ("squash", "codes"),
    [
        (keeps_the_last_id, ["squashed-revisions"]),
        (keeps_an_id_in_the_middle, ["squashed-revisions"]),
        (takes_a_new_id_in_the_middle, ["squashed-revisions"]),
        (lambda repo: remove(repo, "r5"), ["deleted-revision"]),
        (lambda repo: (remove(repo, "r4"), write(repo, "r5", "r3")), ["deleted-revision", "rewritten-revision"]),
    ],
)
def test_guard_tells_a_squash_from_a_deletion(
    tmp_path: Path, sqlite_url: str, squash: Callable[[Checkout], None], codes: list[str]
) -> None:
    repo = project(tmp_path, sqlite_url)
    repo.git("switch", "--quiet", "--create", "tidy")
    squash(repo)
    repo.commit("tidy")
    found = json.loads(repo.branchmig("guard", "--format", "json").stdout)
    assert [problem["code"] for problem in found["problems"]] == codes


def test_guard_accepts_a_squash_that_names_what_it_replaces(tmp_path: Path, sqlite_url: str) -> None:
    repo = project(tmp_path, sqlite_url)
    repo.git("switch", "--quiet", "--create", "tidy")
    keeps_the_last_id(repo)
    path = repo.versions / "r3.py"
    for names, is_ok in (("('r1',)", False), ("('r1', 'r2')", True)):
        path.write_text(f"{path.read_text()}\nreplaces = {names}\n")
        repo.commit("tidy")
        assert json.loads(repo.branchmig("guard", "--format", "json").stdout)["ok"] is is_ok


@pytest.mark.parametrize("at", ["heads", "r2"])
def test_a_pull_of_a_squash_makes_a_hook_undo_nothing(tmp_path: Path, sqlite_url: str, at: str) -> None:
    repo = project(tmp_path, sqlite_url, "journal = true", "sync = auto")
    repo.environment["PYTHONPATH"] = str(ROOT)
    repo.git("config", "branchmig.sync", "auto")
    before = upgraded(repo, at)
    repo.git("switch", "--quiet", "--create", "tidy")
    keeps_the_last_id(repo)
    repo.commit("squash")
    repo.git("switch", "--quiet", "main")
    assert repo.branchmig("hooks", "install").exit_code == 0
    done = repo.run("merge", "--ff-only", "tidy")
    assert (rows(repo), repo.rows()) == (before, ["r5" if at == "heads" else "r2"])
    assert ("the database was not updated" in done.stderr) is (at == "r2")


def test_a_squash_of_what_is_not_all_applied_is_half_done_and_its_hint_names_the_last_revision(
    tmp_path: Path, sqlite_url: str
) -> None:
    repo = project(tmp_path, sqlite_url, "journal = true")
    # By their ids, the last revision of the range comes first.
    write(repo, "a7", "r5")
    repo.commit("a7")
    before = upgraded(repo, "r4")
    last = repo.git("rev-parse", "--short=10", "HEAD")
    remove(repo, "r4", "r5", "a7")
    write(repo, "s47", "r3", "r4", "r5", "a7")
    repo.commit("squash")
    done = repo.branchmig("sync", "--yes")
    assert (done.exit_code, rows(repo)) == (3, before)
    assert f"git switch --detach {last}; branchmig upgrade a7; git switch -" in done.stderr
    assert "stamp --purge" not in done.stderr


def test_two_squashes_of_one_range_count_as_applied(tmp_path: Path, sqlite_url: str) -> None:
    repo = project(tmp_path, sqlite_url, "journal = true")
    before = upgraded(repo)
    as_one_commit(repo, takes_a_new_id_in_the_middle)
    remove(repo, "s23", "r4")
    write(repo, "s24", "r1", "r2", "r3", "r4")
    write(repo, "r5", "s24")
    repo.commit("squash again")
    assert [done.exit_code for done in settled(repo)] == [0, 0, 0]
    assert (rows(repo), status(repo)) == (before, at_head(["r2", "r3", "r4"]))


@pytest.mark.parametrize("squash", [keeps_the_last_id, takes_a_new_id_in_the_middle])
def test_what_was_squashed_is_gone_once_the_squash_was_reverted(
    tmp_path: Path, sqlite_url: str, squash: Callable[[Checkout], None]
) -> None:
    repo = project(tmp_path, sqlite_url, "journal = true")
    upgraded(repo)
    repo.git("branch", "old")
    as_one_commit(repo, squash)
    assert repo.branchmig("downgrade", "base").exit_code == 0
    repo.git("switch", "--quiet", "old")
    assert len(status(repo)["pending"]) == 5  # type: ignore[arg-type]
    repo.git("switch", "--quiet", "main")
    assert (rows(repo), status(repo)["retired"], status(repo)["problems"]) == ({}, [], [])
    assert repo.branchmig("sync", "--yes").exit_code == 0
    assert (rows(repo), repo.rows()) == ({f"t_{item}": 3 for item in CHAIN}, ["r5"])


def whole_line(repo: Checkout) -> None:
    """r1 to r4 become s14, below r5."""
    remove(repo, *CHAIN[:4])
    write(repo, "s14", None, *CHAIN[:4])
    write(repo, "r5", "s14")


def on_top(repo: Checkout) -> None:
    """r4 and r5 are removed, and s45 is added: nothing says that it does the same."""
    remove(repo, "r4", "r5")
    write(repo, "s45", "r3", "r4", "r5")


NEWER = [
    (takes_a_new_id_in_the_middle, "s23", ["r2", "r3"], "journal = true"),
    (whole_line, "s14", ["r1", "r2", "r3", "r4"], "journal = false"),
]


@pytest.mark.heavy
@pytest.mark.parametrize(("squash", "new", "gone", "journal"), NEWER)
def test_a_branch_older_than_a_squash_takes_it_for_what_it_replaced(
    tmp_path: Path,
    database_url: str,
    squash: Callable[[Checkout], None],
    new: str,
    gone: list[str],
    journal: str,
) -> None:
    repo = project(tmp_path, database_url, journal)
    repo.git("branch", "old")
    as_one_commit(repo, squash)
    before = upgraded(repo, new)
    repo.git("switch", "--quiet", "old")
    entry = json.loads(repo.branchmig("status", "--format", "json").stdout)["database"]
    assert (entry["retired"], entry["orphans"], entry["skipped"]) == ([new], [], [])
    commit = repo.git("rev-parse", "--short=10", "main")
    reason = f"{new} is the squash of {', '.join(gone)} on main, commit {commit} by Ada Author, which this checkout has"
    shown = repo.branchmig("sync", "--dry-run").stdout
    assert (f"  stays: {reason}\n" in shown, "downgrade" in shown) == (True, False)
    plan = json.loads(repo.branchmig("upgrade", "heads", "--plan", "--format", "json").stdout)
    assert (plan["steps"][0]["direction"], plan["steps"][0]["revision"]) == ("stamp", gone[-1])
    assert repo.branchmig("upgrade", "heads").exit_code == 0
    assert (rows(repo), repo.rows()) == ({f"t_{item}": before.get(f"t_{item}", 3) for item in CHAIN}, ["r5"])
    assert [done.exit_code for done in settled(repo)] == [0, 0, 0]
    repo.git("switch", "--quiet", "main")
    assert [done.exit_code for done in settled(repo)] == [0, 0, 0]
    assert (rows(repo), repo.rows()) == ({f"t_{item}": before.get(f"t_{item}", 3) for item in CHAIN}, ["r5"])


@pytest.mark.soak
def test_what_a_newer_branch_has_above_a_squash_is_undone_and_the_squash_is_not(
    tmp_path: Path, sqlite_url: str
) -> None:
    repo = project(tmp_path, sqlite_url, "journal = true")
    assert repo.branchmig("upgrade", "heads").exit_code == 0  # the journal knows all of them
    assert repo.branchmig("downgrade", "base").exit_code == 0
    repo.git("switch", "--quiet", "--create", "old")
    write(repo, "o6", "r5")
    repo.commit("o6")
    repo.git("switch", "--quiet", "main")
    as_one_commit(repo, takes_a_new_id_in_the_middle)
    write(repo, "m6", "r5")
    repo.commit("m6")
    before = upgraded(repo)
    for here, made in (("old", "o6"), ("main", "m6")):
        assert repo.branchmig("switch", "--yes", here).exit_code == 0
        assert repo.rows() == [made]
        assert rows(repo) == {name: number for name, number in before.items() if name != "t_m6"} | {f"t_{made}": 3}
        assert [done.exit_code for done in settled(repo)] == [0, 0, 0]
    repo.git("switch", "--quiet", "old")
    assert repo.branchmig("sync", "--yes").exit_code == 0
    # What was squashed can be taken away part by part, and is run again then.
    assert repo.branchmig("downgrade", "r1").exit_code == 0
    assert rows(repo) == {"t_r1": 5}
    assert repo.branchmig("sync", "--yes").exit_code == 0
    assert rows(repo) == {"t_r1": 5, **{f"t_{item}": 3 for item in (*CHAIN[1:], "o6")}}


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("squash", "new", "part", "first"),
    [(takes_a_new_id_in_the_middle, "s23", "r2", "r2"), (keeps_the_last_id, "r3", "r1, r2", "r1")],
)
def test_a_squash_of_which_a_branch_has_a_part_stays_until_it_is_named(
    tmp_path: Path, database_url: str, squash: Callable[[Checkout], None], new: str, part: str, first: str
) -> None:
    repo = project(tmp_path, database_url, "journal = true")
    repo.git("branch", "old", "HEAD~3")
    as_one_commit(repo, squash)
    before = upgraded(repo)
    repo.git("switch", "--quiet", "old")
    done = repo.branchmig("sync", "--yes")
    assert (done.exit_code, rows(repo), repo.rows()) == (3, before, ["r5"])
    assert f"of which this checkout has {part}; it stays applied, and {first} cannot be applied beside" in done.stderr
    assert done.stderr.endswith(f"hint:  to undo it: branchmig sync --undo {new}\n")
    assert repo.branchmig("sync", "--yes", "--undo", new).exit_code == 0
    assert (rows(repo), repo.rows()) == ({"t_r1": 3 if new == "r3" else 5, "t_r2": 3}, ["r2"])


@pytest.mark.heavy
def test_what_may_be_a_squash_of_a_newer_branch_stays_and_both_ways_out_work(tmp_path: Path, database_url: str) -> None:
    repo = project(tmp_path, database_url, "journal = true")
    repo.git("branch", "old")
    as_one_commit(repo, on_top)
    before = upgraded(repo)
    repo.git("switch", "--quiet", "old")
    for done in settled(repo)[:2]:
        assert (done.exit_code, rows(repo), repo.rows()) == (3, before, ["s45"])
        assert "'s45' may be the squash of r4, r5 on main" in done.stderr
        assert "branchmig sync --undo s45; if it does what they do: branchmig stamp --purge r5\n" in done.stderr
    assert repo.branchmig("stamp", "--purge", "r5").exit_code == 0
    assert [done.exit_code for done in settled(repo)] == [0, 0, 0]
    assert (rows(repo), repo.rows()) == (before, ["r5"])


@pytest.mark.parametrize(
    ("squash", "new", "names"),
    [(keeps_the_last_id, "r3", ("r1", "r2")), (takes_a_new_id_in_the_middle, "s23", ("r2", "r3"))],
)
@pytest.mark.parametrize("at", ["heads", "r2"])
def test_a_new_clone_of_a_rewritten_branch_believes_the_names_in_a_squash(
    tmp_path: Path, sqlite_url: str, squash: Callable[[Checkout], None], new: str, names: tuple[str, ...], at: str
) -> None:
    """The history of main never had r2; another branch holds it."""
    repo = project(tmp_path, sqlite_url, "journal = true")
    repo.git("branch", "feature")
    before = upgraded(repo, at)
    repo.git("reset", "--quiet", "--soft", "HEAD~4")
    repo.commit("all", "--amend")
    squash(repo)
    path = repo.versions / f"{new}.py"
    path.write_text(f"{path.read_text()}\nreplaces = {names}\n")
    repo.commit("squash", "--amend")
    repo.git("reflog", "expire", "--expire=now", "--all")
    done = repo.branchmig("sync", "--yes")
    assert (done.exit_code, rows(repo)) == (0 if at == "heads" else 3, before)
    assert f"is retired: {new} replaces it, as its file says" in done.stdout
    if at == "r2":
        tip = repo.git("rev-parse", "--short=10", "feature")
        assert f"git switch --detach {tip}; branchmig upgrade r3; git switch -; then branchmig sync" in done.stderr


def test_a_hook_leaves_the_squash_of_a_newer_branch_alone(tmp_path: Path, sqlite_url: str) -> None:
    repo = project(tmp_path, sqlite_url, "journal = true")
    repo.environment["PYTHONPATH"] = str(ROOT)
    repo.git("config", "branchmig.sync", "auto")
    repo.git("branch", "old")
    as_one_commit(repo, takes_a_new_id_in_the_middle)
    before = upgraded(repo)
    assert repo.branchmig("hooks", "install").exit_code == 0
    done = repo.run("switch", "old")
    assert (done.returncode, rows(repo), repo.rows()) == (0, before, ["r5"])
    assert "Reverted" not in done.stderr


def test_rows_are_stamped_and_scripts_run_in_one_sync_with_a_journal(tmp_path: Path, sqlite_url: str) -> None:
    repo = project(tmp_path, sqlite_url, "journal = true")
    before = upgraded(repo)
    remove(repo, "r4", "r5")
    write(repo, "s45", "r3", "r4", "r5")
    path = repo.versions / "s45.py"
    path.write_text(f"{path.read_text()}\nreplaces = ('r4', 'r5')\n")
    repo.commit("squash")
    write(repo, "r6", "s45")
    repo.commit("on top")
    done = repo.branchmig("sync", "--yes")
    assert (done.exit_code, rows(repo), repo.rows()) == (0, {**before, "t_r6": 3}, ["r6"]), done.stderr
    assert status(repo)["ok"] is True
    with sa.create_engine(sqlite_url, poolclass=sa.pool.NullPool).connect() as connection:
        written = "SELECT revision, direction FROM branchmig_journal WHERE revision IN ('s45', 'r6') ORDER BY id"
        assert connection.exec_driver_sql(written).all() == [("s45", "stamp"), ("r6", "upgrade")]
