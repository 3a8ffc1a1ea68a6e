"""What is called before and after a run: by whose word, with which document, and what its failures do."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from branchmig.cli import run as run_here
from branchmig.commands.shared import run_commands
from tests.fleets import SqliteFleet
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    project = ProjectFolder(tmp_path / "project", f"sqlite:///{tmp_path}/project/one.db")
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade="raise RuntimeError('no')")
    monkeypatch.chdir(project.root)
    return project


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[Any], list[int]]]:
    """Give an address, what was posted there, and the code of its answer."""
    posted: list[Any] = []
    code = [200]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(code[0])
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/token-s3cret", posted, code
    server.shutdown()
    thread.join()
    server.server_close()


def test_commands_and_a_webhook_get_the_outcome_as_one_document(
    project: ProjectFolder,
    webhook: tuple[str, list[Any], list[int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    address, posted, code = webhook
    monkeypatch.setenv("BRANCHMIG_BEFORE", "cat > before.json")
    monkeypatch.setenv("BRANCHMIG_AFTER", "cat > after.json; echo 'on standard error'")
    monkeypatch.setenv("BRANCHMIG_WEBHOOK", address)
    assert run_here(["-q", "upgrade", "aaa1", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    before, after = (json.loads((project.root / f"{name}.json").read_text()) for name in ("before", "after"))
    assert before == {"version": 1, "event": "before", "command": "upgrade", "target": "aaa1"}
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{4}", after.pop("run"))
    assert after == {
        "version": 1,
        "event": "after",
        "command": "upgrade",
        "target": "aaa1",
        "exit_code": 0,
        "error": None,
        "result": answer,
    }
    assert [item["result"] for item in posted] == [answer]
    # A run that fails, a command that fails after it, and a webhook that refuses: the run's own code stays.
    monkeypatch.setenv("BRANCHMIG_AFTER", "cat > after.json; exit 5")
    code[0] = 302
    assert run_here(["-q", "upgrade", "heads"]) == 3
    err = capsys.readouterr().err
    failed = json.loads((project.root / "after.json").read_text())
    assert (failed["exit_code"], failed["error"]["code"], failed["result"]) == (3, "migration-failed", None)
    assert "not done: bbb2" in failed["error"]["message"]
    assert posted[1]["error"] == failed["error"]
    assert "warning: $BRANCHMIG_AFTER ended with 5;" in err
    assert "warning: $BRANCHMIG_WEBHOOK answered 302;" in err
    assert "s3cret" not in err
    assert len(posted) == 2


def test_sync_missing_and_fleet_run_are_announced_once_each(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRANCHMIG_BEFORE", "cat >> before.jsonl")
    monkeypatch.setenv("BRANCHMIG_AFTER", "cat >> after.jsonl")
    (project.versions / "bbb2.py").unlink()
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\njournal = true\n")
    (project.root / "targets.json").write_text(
        json.dumps([{"name": name, "url": f"sqlite:///{project.root}/{name}.db"} for name in ("t1", "t2")])
    )
    assert run_here(["-q", "sync", "--yes"]) == 0
    project.table("aab1")
    project.table("aaa1", "aab1")
    assert run_here(["-q", "upgrade", "--missing", "--yes"]) == 0
    assert run_here(["-q", "fleet", "run", "--targets", "targets.json", "--", "upgrade", "heads"]) == 0
    assert run_here(["-q", "fleet", "run", "--targets", "targets.json", "--", "current"]) == 0
    read = {
        name: [json.loads(line) for line in (project.root / f"{name}.jsonl").read_text().splitlines()]
        for name in ("before", "after")
    }
    told = [("sync", None), ("upgrade --missing", None), ("fleet run", "upgrade heads")]
    assert [(document["command"], document["target"]) for document in read["before"]] == told
    assert [(document["command"], document["exit_code"]) for document in read["after"]] == [
        (command, 0) for command, _ in told
    ]
    assert [step["revision"] for step in read["after"][0]["result"]["databases"][0]["steps"]] == ["aaa1"]
    assert [step["revision"] for step in read["after"][1]["result"]["steps"]] == ["aab1"]
    assert read["after"][2]["result"]["targets"] == [{"exit": 0, "name": "t1"}, {"exit": 0, "name": "t2"}]


def test_what_hangs_after_a_run_is_ended_with_all_it_started(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_commands, "AFTER_WITHIN", 0.3)
    monkeypatch.setenv("BRANCHMIG_AFTER", "echo $$ > pid; sleep 60 | cat")
    monkeypatch.setenv("BRANCHMIG_WEBHOOK", "http://127.0.0.1:1/x")
    began = time.monotonic()
    assert run_here(["-q", "upgrade", "aaa1"]) == 0
    assert time.monotonic() - began < 20
    err = capsys.readouterr().err
    assert "$BRANCHMIG_AFTER did not end within 0.3 s" in err
    assert "$BRANCHMIG_WEBHOOK cannot be reached" in err
    group = int((project.root / "pid").read_text())
    alive = subprocess.run(["ps", "-o", "stat=", "-g", str(group)], capture_output=True, text=True, check=False).stdout
    assert [state for state in alive.split() if not state.startswith("Z")] == []


def test_what_fails_before_a_run_keeps_it_from_beginning(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BRANCHMIG_BEFORE", "exit 4")
    monkeypatch.setenv("BRANCHMIG_AFTER", "touch after")
    assert run_here(["upgrade", "aaa1"]) == 3
    assert "error: $BRANCHMIG_BEFORE ended with 4; nothing was run" in capsys.readouterr().err
    monkeypatch.setenv("BRANCHMIG_BEFORE", "true")
    monkeypatch.setenv("BRANCHMIG_WEBHOOK", "file:///etc/passwd")
    assert run_here(["upgrade", "aaa1"]) == 3
    assert not (project.root / "one.db").exists()
    # What runs nothing calls nothing.
    monkeypatch.setenv("BRANCHMIG_BEFORE", "exit 4")
    assert run_here(["-q", "upgrade", "aaa1", "--plan"]) == 0
    assert run_here(["-q", "upgrade", "aaa1", "--sql"]) == 0
    assert not (project.root / "after").exists()


def test_a_clone_names_commands_and_a_branch_cannot(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=project.root, check=True, capture_output=True)

    git("init", "-q")
    git("config", "branchmig.after", "touch from-clone")
    (project.root / ".gitconfig").write_text("[branchmig]\nafter = touch from-branch\n")
    assert run_here(["-q", "upgrade", "aaa1"]) == 0
    assert (project.root / "from-clone").exists()
    monkeypatch.setenv("BRANCHMIG_AFTER", "")  # an empty variable switches it off
    (project.root / "from-clone").unlink()
    assert run_here(["-q", "downgrade", "base"]) == 0
    assert not (project.root / "from-clone").exists()
    ini = project.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[branchmig]\nafter = touch from-branch\n")
    assert run_here(["upgrade", "aaa1"]) == 3
    assert "has an unknown key 'after'" in capsys.readouterr().err
    assert not (project.root / "from-branch").exists()


@pytest.mark.soak
def test_a_fleet_is_announced_logged_and_ends_with_3_when_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fleet = SqliteFleet(tmp_path / "project", tenants=2, revisions=2)
    monkeypatch.chdir(fleet.root)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("BRANCHMIG_AFTER", "cat > after.json")
    words = ["fleet", "upgrade", "heads", "--targets", "targets.json", "--workers", "1"]
    assert run_here([*words, "--log-format", "json", "--format", "json"]) == 0
    captured = capfd.readouterr()
    answer, after = json.loads(captured.out), json.loads((fleet.root / "after.json").read_text())
    assert (after["command"], after["exit_code"], after["run"]) == ("fleet upgrade", 0, answer["run"])
    assert after["result"] == answer
    lines = [json.loads(line) for line in captured.err.splitlines() if line.startswith("{")]
    assert {line["run"] for line in lines} == {answer["run"]}
    moved = [(line["event"], line["target"]) for line in lines if line.get("phase") != "looking" and "target" in line]
    assert moved == [
        (event, name) for name in ("tenant_0001", "tenant_0002") for event in ("target begins", "target ends")
    ]
    slow = next(fleet.versions.glob("r002*.py"))
    begin = "def downgrade():\n"
    slow.write_text(slow.read_text().replace(begin, f"{begin}    import time; time.sleep(30)\n"))
    words[1:3] = ["downgrade", "base"]
    assert run_here(["-q", *words, "--max-time", "4"]) == 3
    assert "--max-time is over" in capfd.readouterr().out
    assert json.loads((fleet.root / "after.json").read_text())["exit_code"] == 3


def test_a_step_that_took_long_is_named_after_the_run(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(["upgrade", "aaa1"]) == 0
    assert "Slowest" not in capsys.readouterr().err
    monkeypatch.setattr("branchmig.render.documents.SLOW", 0.0)
    assert run_here(["downgrade", "base"]) == 0
    assert re.search(r"^Slowest: aaa1 \d+\.\d s\.$", capsys.readouterr().err, re.MULTILINE)
    monkeypatch.setattr("branchmig.database.run.statement_watch.SLOW_AFTER", 0.0)
    sql = "CREATE USER u IDENTIFIED BY 's3cret'"
    project.revision("aaa1", upgrade=f'op.execute("SELECT 1 -- {sql}")\nop.execute("SELECT 2{" " * 300}AS n")')
    assert run_here(["upgrade", "aaa1", "--format", "json"]) == 0
    slow = json.loads(capsys.readouterr().out)["slow_statements"]
    assert {entry["statement"] for entry in slow} == {
        "SELECT 1 -- CREATE USER u IDENTIFIED BY '***'",
        "SELECT 2 AS n",
    }
    assert run_here(["downgrade", "base"]) == 0
    assert run_here(["upgrade", "aaa1"]) == 0
    assert re.search(r"^  \d+\.\d s in aaa1: SELECT 2 AS n$", capsys.readouterr().err, re.MULTILINE)
    assert run_here(["downgrade", "base"]) == 0
    assert sqlite3.connect("one.db").execute("SELECT * FROM alembic_version").fetchall() == []
