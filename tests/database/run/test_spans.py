"""Spans of OpenTelemetry: one for a run, below it one for each step, and none where nobody has loaded it."""

from __future__ import annotations

import contextvars
import sys
from typing import TYPE_CHECKING

import pytest

from branchmig.cli import run as run_here
from branchmig.database.run import spans
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_is_a_span_and_each_step_lies_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = pytest.importorskip("opentelemetry.trace")
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    exported = pytest.importorskip("opentelemetry.sdk.trace.export")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter").InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(exported.SimpleSpanProcessor(memory))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    project = ProjectFolder(tmp_path / "project", f"sqlite:///{tmp_path}/one.db")
    project.table("aaa1")
    project.revision("bbb2", "aaa1", upgrade="raise RuntimeError('password s3cret')")
    monkeypatch.chdir(project.root)
    assert run_here(["-q", "upgrade", "heads"]) == 3
    found = {get_finished_span.name: get_finished_span for get_finished_span in memory.get_finished_spans()}
    assert list(found) == ["upgrade aaa1", "upgrade bbb2", "branchmig upgrade"]
    run = found["branchmig upgrade"]
    assert {item.parent.span_id for item in found.values() if item.parent} == {run.context.span_id}
    assert run.attributes["db.system.name"] == "sqlite"
    assert [item.status.is_ok for item in found.values()] == [True, False, False]
    assert "s3cret" not in "".join(item.to_json() for item in found.values())
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_opentelemetry_that_nobody_has_loaded_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "opentelemetry.trace", raising=False)
    monkeypatch.delenv("OTEL_PYTHON_TRACER_PROVIDER", raising=False)
    assert not spans.is_loaded()
    monkeypatch.setenv("OTEL_PYTHON_TRACER_PROVIDER", "sdk_tracer_provider")
    assert spans.is_loaded()


def test_a_span_ends_where_env_py_has_run_in_a_context_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """Prefect's env.py runs the migrations in a task, and a run ends outside of it."""
    pytest.importorskip("opentelemetry.trace")
    run = spans.Spans("upgrade")
    contextvars.copy_context().run(run._begin, "upgrade", {})
    run.ended()
    assert not caplog.records
