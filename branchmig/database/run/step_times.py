"""Measures the time of each step of a run, logs each, and ends the run after its maximum time."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from alembic.runtime.migration import MigrationContext

from branchmig.database.run.run_listener import RunListener
from branchmig.database.run.statement_watch import slow_statements
from branchmig.masking import masked
from branchmig.model import Plan, Step

Log = Callable[[str, str, dict[str, object]], None]
"""A level, an event, and its facts."""

SHOWN = 200  # characters of a slow statement that are shown


class StepTimes(RunListener):
    """Measures the steps of a run; `log` gets a line for each, and for where the run begins and fails."""

    def __init__(self, log: Log | None = None, max_time: float | None = None) -> None:
        self._log, self._max_time = log, max_time
        self.times: list[tuple[Step, float]] = []
        """Each step that came through, with its seconds."""
        self.statements: list[tuple[Step, str, float]] = []
        """The slow statements of these steps, with masks and cut, and their seconds."""
        self._began = self._run_began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """The seconds since the run began."""
        return time.perf_counter() - self._run_began

    def began(self) -> None:
        """Have the signal of --max-time come when it is over: Interruption heeds it as it does Ctrl-C."""
        self._run_began = time.perf_counter()
        if self._max_time is not None and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, self._max_time)

    def planned(self, context: MigrationContext, plan: Plan) -> None:
        """Log what is going to run."""
        self._say("info", "run begins", {"from": list(plan.applied), "steps": len(plan.steps)})

    def step_begins(self, context: MigrationContext, step: Step) -> None:
        """Begin to measure."""
        self._began = time.perf_counter()

    def step_ends(self, context: MigrationContext, step: Step) -> None:
        """Note and log how long the step took."""
        seconds = time.perf_counter() - self._began
        self.times.append((step, seconds))
        for statement, took in slow_statements(context):
            shown = " ".join(masked(statement).split())
            self.statements.append((step, shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…", took))
            self._say("info", "slow statement", {**_facts(step), "seconds": round(took, 3), "statement": shown[:SHOWN]})
        self._say("info", "step done", {**_facts(step), "seconds": round(seconds, 3)})

    def failed(self, context: MigrationContext, step: Step, error: BaseException) -> bool:
        """Log the step that failed, by the kind of its error alone: its words are in the report, with masks."""
        seconds = time.perf_counter() - self._began
        facts = {**_facts(step), "seconds": round(seconds, 3), "error": type(error).__name__}
        self._say("error", "step failed", facts)
        return False

    def ended(self) -> None:
        """Let no signal come any more; log the end."""
        if self._max_time is not None and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        self._say("info", "run ends", {"steps": len(self.times), "seconds": round(self.seconds, 3)})

    def _say(self, level: str, event: str, facts: dict[str, object]) -> None:
        if self._log is not None:
            self._log(level, event, facts)


def _facts(step: Step) -> dict[str, object]:
    return {"direction": step.direction, "revision": None if step.revision is None else step.revision.id}
