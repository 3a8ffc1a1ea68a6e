"""A step of a plan in the shape that alembic's run_migrations runs and its HeadMaintainer records."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from alembic.runtime.migration import MigrationInfo

from branchmig.model import Step

if TYPE_CHECKING:
    from branchmig.database.run.scripts import ProjectScripts


class RunningStep:
    """One step with the function that carries it out.

    The protocol is what alembic.runtime.migration reads from a step: `migration_fn`, `short_log`, `str()`,
    `info`, and for the version rows four `should_*` questions with their ids. Alembic's own RevisionStep asks
    its RevisionMap for ancestors at each of them; here the plan knows the rows before and after.
    """

    def __init__(self, step: Step, function: Callable[..., Any], scripts: ProjectScripts) -> None:
        self._step = step
        self._scripts = scripts
        self.migration_fn = function
        below = () if step.revision is None else scripts.dag.below(step.revision.id)
        order = {name: number for number, name in enumerate(below)}

        def place(name: str) -> tuple[int, str]:
            return order.get(name, len(order)), name

        before, after = set(step.heads_before), set(step.heads_after)
        self._removed, self._added = sorted(before - after, key=place), sorted(after - before, key=place)

    @property
    def changes_rows(self) -> bool:
        """Whether the version rows are others after it. What is applied below an applied revision leaves them."""
        return bool(self._removed or self._added)

    @property
    def heads(self) -> tuple[str, ...]:
        """The rows after it."""
        return self._step.heads_after

    @property
    def short_log(self) -> str:
        """The line that alembic logs and writes as an SQL comment, without the message."""
        revision = self._step.revision
        if self._step.direction == "stamp" or revision is None:
            from_, to = self._removed, self._added
            return f"stamp_revision {', '.join(from_)} -> {', '.join(to)}"
        lower, upper = ", ".join(revision.parents), revision.id
        if self._step.direction == "upgrade":
            return f"upgrade {lower} -> {upper}"
        return f"downgrade {upper} -> {lower}"

    def __str__(self) -> str:
        revision = self._step.revision
        if self._step.direction == "stamp" or revision is None or not revision.message:
            return self.short_log
        return f"{self.short_log}, {revision.message}"

    @property
    def info(self) -> MigrationInfo:
        """What users' on_version_apply callbacks get."""
        revision = self._step.revision
        if self._step.direction == "stamp" or revision is None:
            below = self._scripts.dag.descendants(self._added) if self._added else frozenset()
            is_upgrade = bool(self._added) and below.isdisjoint(self._removed)
            up, down = (self._added, self._removed) if is_upgrade else (self._removed, self._added)
        else:
            is_upgrade = self._step.direction == "upgrade"
            up, down = [revision.id], list(self._scripts.dag.directly_below(revision.id))
        return MigrationInfo(
            self._scripts.revision_map, is_upgrade, self._step.direction == "stamp", tuple(up), tuple(down)
        )

    def should_delete_branch(self, heads: Collection[str]) -> bool:
        """Return whether the step takes one row away and adds none."""
        assert set(heads) == set(self._step.heads_before), (heads, self._step)
        return not self._added

    def should_create_branch(self, heads: Collection[str]) -> bool:
        """Return whether the step adds a row and takes none away."""
        return not self._removed

    def should_merge_branches(self, heads: Collection[str]) -> bool:
        """Return whether several rows become one."""
        return len(self._removed) > 1

    def should_unmerge_branches(self, heads: Collection[str]) -> bool:
        """Return whether one row becomes several."""
        return len(self._added) > 1

    @property
    def delete_version_num(self) -> str:
        """The row to delete."""
        return self._removed[0]

    @property
    def insert_version_num(self) -> str:
        """The row to insert."""
        return self._added[0]

    def update_version_num(self, heads: Collection[str]) -> tuple[str, str]:
        """Return which row becomes which."""
        return self._removed[0], self._added[0]

    def merge_branch_idents(self, heads: Collection[str]) -> tuple[list[str], str, str]:
        """Return the rows to delete, and which row becomes which."""
        return self._removed[:-1], self._removed[-1], self._added[0]

    def unmerge_branch_idents(self, heads: Collection[str]) -> tuple[str, str, list[str]]:
        """Return which row becomes which, and the rows to insert."""
        return self._removed[0], self._added[-1], self._added[:-1]
