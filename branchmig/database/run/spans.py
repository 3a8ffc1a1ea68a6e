"""A run as spans of OpenTelemetry: one for each plan, below it one for each step.

OpenTelemetry's API is used where the program, its environment or env.py has loaded it; where nothing has, spans would
go nowhere, and it is not imported.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from branchmig import __version__
from branchmig.database.run.run_listener import RunListener
from branchmig.model import Plan, Step

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

FLUSH_WITHIN_MS = 2000
"""What a worker of a fleet waits for its spans to be sent: it may be ended without the exit handlers of Python."""


class Spans(RunListener):
    """Begins and ends spans as a run goes on. A step's is current, so that those of its statements lie below it."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._open: list[tuple[Any, Any]] = []
        """The spans that have begun and not ended, each with what gives the current one before it back."""

    def planned(self, context: MigrationContext, plan: Plan) -> None:
        """Begin the span of a plan. The one of the database before it is over."""
        self._end_all()
        if is_loaded():
            facts = {"db.system.name": context.dialect.name, "branchmig.version_table": context.version_table}
            self._begin(f"branchmig {self._command}", {**facts, "branchmig.steps": len(plan.steps)})

    def step_begins(self, context: MigrationContext, step: Step) -> None:
        """Begin the span of a step."""
        if self._open:
            revision = "" if step.revision is None else step.revision.id
            facts = {"branchmig.revision": revision, "branchmig.direction": step.direction}
            self._begin(f"{step.direction} {revision}".rstrip(), facts)

    def step_ends(self, context: MigrationContext, step: Step) -> None:
        """End it."""
        if len(self._open) > 1:
            self._end()

    def failed(self, context: MigrationContext, step: Step, error: BaseException) -> bool:
        """End the spans with the kind of the error alone: its words may hold values and passwords."""
        self._end_all(type(error).__name__)
        return False

    def ended(self) -> None:
        """End what is open."""
        was_used = bool(self._open)
        self._end_all()
        if not was_used:
            return
        import multiprocessing  # a run without spans needs none of it

        if multiprocessing.parent_process() is not None:
            from opentelemetry import trace

            flush = getattr(trace.get_tracer_provider(), "force_flush", None)
            if flush is not None:
                flush(FLUSH_WITHIN_MS)

    def _begin(self, name: str, facts: dict[str, Any]) -> None:
        from opentelemetry import context, trace

        span = trace.get_tracer("branchmig", __version__).start_span(name, attributes=facts)
        self._open.append((span, context.attach(trace.set_span_in_context(span))))

    def _end(self, error: str | None = None) -> None:
        from opentelemetry import trace

        span, before = self._open.pop()
        # An env.py that runs in a task or a thread of its own has another context: detach() would log an error there.
        with suppress(ValueError):
            before.var.reset(before)
        if error is not None:
            span.set_attribute("error.type", error)
            span.set_status(trace.Status(trace.StatusCode.ERROR))
        span.end()

    def _end_all(self, error: str | None = None) -> None:
        while self._open:
            self._end(error)


def is_loaded() -> bool:
    """Return whether somebody may receive spans."""
    return "opentelemetry.trace" in sys.modules or bool(os.environ.get("OTEL_PYTHON_TRACER_PROVIDER"))
