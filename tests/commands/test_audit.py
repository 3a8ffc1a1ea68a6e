from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support import ProjectFolder, git

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    """Three revisions that ran in January, February and March, from two commits."""
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    for revision, *parents in (("aaa1",), ("bbb2", "aaa1"), ("ccc3", "bbb2")):
        project.table(revision, *parents)
    assert project.branchmig("upgrade", "heads").exit_code == 0
    for month, revision in enumerate(("aaa1", "bbb2", "ccc3"), 1):
        project.execute(
            f"UPDATE branchmig_journal SET started_at = '2026-0{month}-05 12:00:00.000000', duration_ms = {month}, "
            f"who = 'ada', host = 'db{month}', git_branch = 'main', "
            f"git_commit = '{'12'[month > 2] * 40}' WHERE revision = '{revision}'"
        )
    return project


def test_the_journal_is_shown_newest_first(project: ProjectFolder) -> None:
    shown = project.branchmig("audit")
    assert (shown.exit_code, shown.lines) == (
        0,
        [
            "2026-03-05 12:00:00 UTC  upgrade  ccc3  main 2222222222  ada@db3  3 ms  step ccc3",
            "2026-02-05 12:00:00 UTC  upgrade  bbb2  main 1111111111  ada@db2  2 ms  step bbb2",
            "2026-01-05 12:00:00 UTC  upgrade  aaa1  main 1111111111  ada@db1  1 ms  step aaa1",
        ],
    )


@pytest.mark.parametrize(
    ("words", "revisions"),
    [
        (("--revision", "bbb"), ["bbb2"]),
        (("--revision", "zzz"), []),
        (("--commit", "1111"), ["bbb2", "aaa1"]),
        (("--since", "2026-02-05"), ["ccc3", "bbb2"]),
        (("--since", "2026-02-05T13:00+01:00"), ["ccc3", "bbb2"]),
        (("--since", "2026-02-05T12:00:01Z"), ["ccc3"]),
        (("--until", "2026-02-05"), ["bbb2", "aaa1"]),
        (("--until", "2026-02-05T12:00"), ["aaa1"]),
        (("--limit", "2"), ["ccc3", "bbb2"]),
        (("--commit", "1", "--limit", "1"), ["bbb2"]),
    ],
)
def test_entries_are_chosen_by_revision_time_and_commit(
    project: ProjectFolder, words: tuple[str, ...], revisions: list[str]
) -> None:
    shown = project.branchmig("audit", *words, "--format", "json")
    assert [entry["revision"] for entry in json.loads(shown.stdout)["entries"]] == revisions


def test_json_has_all_that_was_recorded(project: ProjectFolder) -> None:
    (entry,) = json.loads(project.branchmig("audit", "--limit", "1", "--format", "json").stdout)["entries"]
    changing = {key: entry.pop(key) for key in ("blob", "fingerprint", "tool", "database", "database_id")}
    assert entry == {
        "version_table": "alembic_version",
        "revision": "ccc3",
        "direction": "upgrade",
        "started_at": "2026-03-05T12:00:00.000000Z",
        "duration_ms": 3,
        "git_commit": "2" * 40,
        "git_branch": "main",
        "parents": ["bbb2"],
        "rows_after": ["ccc3"],
        "who": "ada",
        "host": "db3",
        "message": "step ccc3",
        "detail": None,
        "role": None,
        "deployed_by": None,
        "recorded_database": project.url,
        "in_commit": None,
    }
    assert changing["database"] == project.url


def test_what_is_no_time_is_a_matter_of_usage(project: ProjectFolder) -> None:
    result = project.branchmig("audit", "--since", "yesterday")
    assert result.exit_code == 2
    assert "'yesterday' is no time: write 2026-01-31, or 2026-01-31T12:00" in result.stderr


def test_without_a_journal_that_is_said(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    result = project.branchmig("audit")
    assert (result.exit_code, result.stderr) == (
        3,
        "error: this project keeps no journal\nhint:  to keep a journal from now on: branchmig adopt\n",
    )


def test_an_auditor_sees_who_deployed_what_failed_and_where_it_was_recorded(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRANCHMIG_DEPLOYED_BY", "job 17")
    project.revision("ddd4", "ccc3", upgrade="raise ValueError('no')")
    assert project.branchmig("upgrade", "heads").exit_code == 3
    project.execute(
        "UPDATE branchmig_journal SET database_id = '/prod.db', database_url = 'prod' WHERE revision = 'aaa1'"
    )
    failed, *_, last, elsewhere = project.branchmig("audit").lines[0:1] + project.branchmig("audit").lines[-2:]
    assert ("  failed   ddd4  " in failed, " for job 17  " in failed) == (True, True)
    assert project.branchmig("audit").lines[1] == "  upgrade: ValueError: no"
    assert (last.split()[4], elsewhere) == ("aaa1", "  recorded on another database: prod")


def test_a_script_that_is_not_in_the_commit_is_shown_so(tmp_path: Path, sqlite_url: str) -> None:
    project = ProjectFolder(tmp_path / "project", sqlite_url)
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    for revision, *parents in (("aaa1",), ("bbb2", "aaa1")):
        project.table(revision, *parents)
    git("init", "-q", "-b", "main", cwd=project.root)
    git("add", ".", cwd=project.root)
    git("commit", "-qm", "one", cwd=project.root)
    changed = project.versions / "bbb2.py"
    changed.write_text(changed.read_text() + "# more\n")
    project.table("ccc3", "bbb2")
    assert project.branchmig("upgrade", "heads").exit_code == 0
    found = json.loads(project.branchmig("audit", "--format", "json").stdout)["entries"]
    assert [(item["revision"], item["in_commit"]) for item in found] == [
        ("ccc3", False),
        ("bbb2", False),
        ("aaa1", True),
    ]
    assert ["(not committed)" in line for line in project.branchmig("audit").lines] == [True, True, False]


def test_what_no_plan_needs_is_archived(project: ProjectFolder) -> None:
    assert project.branchmig("downgrade", "bbb2").exit_code == 0
    assert project.branchmig("upgrade", "heads").exit_code == 0
    asked = project.branchmig("audit", "--archive", "old.jsonl")
    assert (asked.exit_code, len(project.branchmig("audit").lines)) == (1, 5)
    moved = project.branchmig("audit", "--archive", "old.jsonl", "--yes")
    assert (moved.exit_code, moved.stderr) == (0, "Moved 2 entries into old.jsonl.\n")
    lines = (project.root / "old.jsonl").read_text().splitlines()
    assert [(json.loads(line)["revision"], json.loads(line)["direction"]) for line in lines] == [
        ("ccc3", "upgrade"),
        ("ccc3", "downgrade"),
    ]
    assert [line.split()[4] for line in project.branchmig("audit").lines] == ["ccc3", "bbb2", "aaa1"]
    assert project.branchmig("upgrade", "heads").stderr == "Nothing to do: the database is at ccc3.\n"
    again = project.branchmig("audit", "--archive", "old.jsonl", "--yes")
    assert (again.exit_code, again.stderr.splitlines()[0]) == (3, "error: old.jsonl is there already")


def test_a_long_journal_is_archived_some_entries_at_a_time(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("branchmig.database.journal.journal_table.PAGE", 2)
    project = ProjectFolder(tmp_path / "project", database_url)
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}[branchmig]\njournal = true\n")
    project.table("aaa1")
    project.table("bbb2", "aaa1")
    for target in ("upgrade heads", "downgrade base") * 3 + ("upgrade heads",):
        assert project.branchmig(*target.split()).exit_code == 0
    moved = project.branchmig("audit", "--archive", "old.jsonl", "--yes")
    assert (moved.exit_code, moved.stderr) == (0, "Moved 12 entries into old.jsonl.\n")
    found = [json.loads(line) for line in (project.root / "old.jsonl").read_text().splitlines()]
    assert [(entry["revision"], entry["direction"]) for entry in found] == [
        ("aaa1", "upgrade"),
        ("bbb2", "upgrade"),
        ("bbb2", "downgrade"),
        ("aaa1", "downgrade"),
    ] * 3
    assert len(project.branchmig("audit").lines) == 2
