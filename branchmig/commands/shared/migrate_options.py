"""The requests of upgrade and downgrade: the command with its planner, and how to show or run a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchmig.commands.shared.options import (
    format_option,
    from_option,
    log_format_option,
    max_time_option,
    place_options,
    plan_option,
    sql_option,
    stacked,
    tag_option,
)
from branchmig.dag import RevisionDag
from branchmig.model import Plan
from branchmig.planning.plan import check_applied, plan_addition

if TYPE_CHECKING:
    from branchmig.planning.plan_file import ReviewedPlan


@dataclass(frozen=True, slots=True)
class MigrateCommand:
    """A command's name, its word for what was done, its planner, and what was typed."""

    command: str
    done: str
    plan: Callable[[RevisionDag, str, Sequence[str | None]], Plan]
    target: str
    as_sql: bool
    tag: str | None
    allows_ahead: bool = False
    """Whether a database that is ahead of this checkout is left as it is."""
    others: tuple[str, ...] = ()
    """More targets, which a program may give."""
    reviewed: ReviewedPlan | None = None
    """The plan that must be what runs."""

    def plan_all(self, dag: RevisionDag, target: str, rows: Sequence[str | None]) -> Plan:
        """Return the plan to `target`, and to the others with it."""
        if not self.others:
            return self.plan(dag, target, rows)
        applied = check_applied(dag, rows)
        wanted = [text for name in (target, *self.others) for text in dag.resolve(name, applied)]
        return plan_addition(dag, wanted, applied)


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """Whether only the plan is shown, from which rows and of which place, and how."""

    plan_only: bool
    from_: tuple[str, ...]
    at: str
    merged_with: str | None
    format_: str
    out: str | None = None
    """The file that gets the plan, too."""
    log_format: str | None = None
    """How a run is logged on standard error, a line for each step; None for not at all."""
    max_time: float | None = None
    """Seconds for the whole run."""
    check_only: bool = False
    """Whether only the live rows are asked."""
    keep_rows: bool = False
    """Whether what a downgrade drops is set aside; `is_agreed` says whether also where not all can be kept."""
    is_agreed: bool = False

    @property
    def is_elsewhere(self) -> bool:
        """Whether the plan is one of other rows than the database's, or of another place than the work tree."""
        return bool(self.from_ or self.merged_with or self.at != "worktree")


plan_options = stacked(sql_option, tag_option, plan_option, from_option, place_options, format_option)
run_options = stacked(log_format_option, max_time_option)
"""The options that upgrade and downgrade share. What is no field of MigrateCommand is a field of PlanOptions."""
