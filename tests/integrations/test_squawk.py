"""What squawk says of SQL, and what is told where it cannot be asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING

import pytest

from branchmig.effects.hazard_rules import RULES
from branchmig.integrations.squawk import CannotAsk, Remark, remarks_on

if TYPE_CHECKING:
    from pathlib import Path

needs_squawk = pytest.mark.skipif(
    not shutil.which("squawk", path=sysconfig.get_path("scripts")),
    reason="squawk is not installed: pip install 'branchmig[lint]'",
)


def program(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Path:
    """Have another program asked in squawk's place."""
    path = folder / "squawk"
    path.write_text(f"#!{sys.executable}\n{text}\n")
    path.chmod(0o755)
    monkeypatch.setattr("branchmig.integrations.squawk.shutil.which", lambda *_, **__: str(path))
    return path


@needs_squawk
def test_a_remark_names_the_revision_and_the_line_of_its_sql(tmp_path: Path) -> None:
    texts = {"aaa1": "SELECT 1;\n\nSELECT 2;\n", "bbb2": "-- x\nDROP TABLE users;\n"}
    assert remarks_on(texts, tmp_path) == (
        Remark("ban-drop-table", "Dropping a table may break existing clients.", "", "bbb2", 2),
    )


@needs_squawk
def test_a_table_that_an_earlier_revision_makes_is_known_to_be_new(tmp_path: Path) -> None:
    index = "CREATE INDEX ix ON users (id);\n"
    assert [item.rule for item in remarks_on({"bbb2": index}, tmp_path)] == ["require-concurrent-index-creation"]
    assert remarks_on({"aaa1": "CREATE TABLE users (id bigint);\n", "bbb2": index}, tmp_path) == ()


@needs_squawk
def test_the_settings_of_the_project_count(tmp_path: Path) -> None:
    (tmp_path / ".squawk.toml").write_text('excluded_rules = ["ban-drop-table"]\n')
    assert remarks_on({"aaa1": "DROP TABLE users;\n"}, tmp_path) == ()


@needs_squawk
def test_an_index_outside_the_transaction_may_be_concurrent(tmp_path: Path) -> None:
    index = "CREATE INDEX CONCURRENTLY ix ON users (id);\n"
    assert remarks_on({"aaa1": f"COMMIT;\n{index}BEGIN;\n"}, tmp_path) == ()


def test_without_the_program_the_way_to_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("branchmig.integrations.squawk.shutil.which", lambda *_, **__: None)
    with pytest.raises(CannotAsk) as caught:
        remarks_on({"aaa1": "SELECT 1;\n"}, tmp_path)
    assert str(caught.value) == "squawk is not installed: pip install 'branchmig[lint]'"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise SystemExit(2)", "JSONDecodeError"),
        ("print('[{}]')", "KeyError"),
        ("print('7')", "TypeError"),
        ("print('[7]')", "TypeError"),
    ],
)
def test_an_answer_of_another_shape_is_no_answer(
    text: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program(tmp_path, monkeypatch, text)
    with pytest.raises(CannotAsk) as caught:
        remarks_on({"aaa1": "SELECT 1;\n"}, tmp_path)
    assert str(caught.value) == f"{path} gave no answer that is understood: {reason}"


def test_a_program_that_cannot_be_run_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path, monkeypatch, "")
    os.chmod(path, 0o644)
    with pytest.raises(CannotAsk, match="PermissionError"):
        remarks_on({"aaa1": "SELECT 1;\n"}, tmp_path)


@needs_squawk
def test_the_rules_of_squawk_that_hazards_name_are_there(tmp_path: Path) -> None:
    """Squawk refuses to leave out a rule that it does not have."""
    lists = [part for rule in RULES.values() for part in rule.public.split("; ") if part.startswith("squawk ")]
    names = sorted({name.strip() for part in lists for name in part.removeprefix("squawk ").split(",")})
    path, file = shutil.which("squawk", path=sysconfig.get_path("scripts")), tmp_path / "one.sql"
    file.write_text("SELECT 1;\n")
    command = [str(path), *(f"--exclude={name}" for name in names), str(file)]
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0
