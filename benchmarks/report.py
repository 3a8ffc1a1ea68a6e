"""What was measured, as a Markdown table and as JSON; writes nothing."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING, Any

from branchmig import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.cases import Case
    from benchmarks.processes import Outcome

HEADER = ("what", "alembic ms", "branchmig ms", "ratio", "goal", "alembic MB", "branchmig MB")
RIGHT_ALIGNED = "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
MISSED = "✗"


@dataclass(frozen=True, slots=True)
class Result:
    """All runs of one case, by program."""

    case: Case
    outcomes: Mapping[str, Sequence[Outcome]]

    def milliseconds(self, program: str) -> float:
        """Return the median time of a program."""
        return median(self.case.seconds(outcome) for outcome in self.outcomes[program]) * 1000

    def peak_mb(self, program: str) -> float:
        """Return the largest memory that any run of a program took."""
        return max(outcome.peak_mb for outcome in self.outcomes[program])

    @property
    def ratio(self) -> float:
        """branchmig's time over alembic's."""
        return self.milliseconds("branchmig") / self.milliseconds("alembic")

    @property
    def is_goal_missed(self) -> bool:
        """Whether branchmig is slower than the goal asks for."""
        return self.case.goal is not None and self.ratio > self.case.goal

    @property
    def is_memory_above(self) -> bool:
        """Whether branchmig took more memory than alembic."""
        return self.peak_mb("branchmig") > self.peak_mb("alembic")


def table(results: Sequence[Result], runs: int) -> str:
    """Return a Markdown table with what it was measured on."""
    lines = [_row(HEADER), RIGHT_ALIGNED, *map(_line, results), ""]
    lines.append(f"Medians of {runs} runs in turn (A B A B …), whole processes unless said otherwise; {_versions()}.")
    lines.append(f"{MISSED} goal missed, or more memory than alembic: {_summary(results)}.")
    return "\n".join(lines) + "\n"


def document(results: Sequence[Result], runs: int) -> dict[str, Any]:
    """Return everything that was measured, each run included."""
    return {"version": 1, "measured_with": _versions(), "runs": runs, "cases": [_entry(result) for result in results]}


def _line(result: Result) -> str:
    goal = result.case.goal
    return _row(
        (
            result.case.name,
            f"{result.milliseconds('alembic'):,.0f}",
            f"{result.milliseconds('branchmig'):,.0f}",
            f"{result.ratio:.3g}" + (f" {MISSED}" if result.is_goal_missed else ""),
            "" if goal is None else f"≤ {goal:g}",
            f"{result.peak_mb('alembic'):.0f}",
            f"{result.peak_mb('branchmig'):.0f}" + (f" {MISSED}" if result.is_memory_above else ""),
        )
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _summary(results: Sequence[Result]) -> str:
    missed = sum(result.is_goal_missed for result in results)
    above = sum(result.is_memory_above for result in results)
    goals = sum(result.case.goal is not None for result in results)
    return f"{missed} of {goals} goals, memory above alembic's in {above} of {len(results)} cases"


def _versions() -> str:
    names = " ".join(f"{name} {version(name)}," for name in ("alembic", "sqlalchemy"))
    return f"branchmig {__version__}, {names} Python {platform.python_version()}, {platform.system()}"


def _entry(result: Result) -> dict[str, Any]:
    return {
        "name": result.case.name,
        "ratio": result.ratio,
        "goal": result.case.goal,
        "goal_missed": result.is_goal_missed,
        "memory_above": result.is_memory_above,
        "programs": {
            program: {
                "median_ms": result.milliseconds(program),
                "peak_mb": result.peak_mb(program),
                "ms": [result.case.seconds(outcome) * 1000 for outcome in outcomes],
                "processor_ms": [outcome.processor_seconds * 1000 for outcome in outcomes],
            }
            for program, outcomes in result.outcomes.items()
        },
    }
