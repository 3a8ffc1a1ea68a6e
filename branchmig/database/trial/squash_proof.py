"""Runs the scripts of a range, and the squash of them, on scratch databases, and compares what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import URL

from branchmig.database.run.script_checkout import scripts_of_texts
from branchmig.database.trial.building import with_states
from branchmig.database.trial.contents import Contents, compared, read_contents, volatile_in
from branchmig.database.trial.scratch import Scratch, project_scratch
from branchmig.database.trial.seeding import Seed, made_up_rows, no_seed, seed_file
from branchmig.database.trial.trial_runner import ONLY_SQLITE, Bench, in_words
from branchmig.effects.proof import Proof
from branchmig.errors import MigrationFailed
from branchmig.planning.squash import SquashPlan
from branchmig.project.config import Invocation
from branchmig.project.consent import scratch_url
from branchmig.project.project import Project

NAMES = ("with the old scripts", "with the squash")


class OldScriptsFail(Exception):
    """The range itself does not run: this says nothing about the squash."""

    def __init__(self, cause: MigrationFailed) -> None:
        super().__init__(str(cause))
        self.cause = cause


def prove_squash(
    project: Project,
    invocation: Invocation,
    plan: SquashPlan,
    content: bytes,
    path: str,
    seed: Path | None = None,
    *,
    is_reversible: bool = True,
) -> Proof:
    """Build a database with the old scripts and one with the squash, and say whether they are equal.

    Both begin with the revisions below the range, filled by `seed`, an SQL file, or with rows made up for it. Where the
    squash can be undone, both are brought down again and compared once more. The verdict is `equal`, `differs` or
    `fails`. Raises MigrationFailed where the old scripts do not run, and as scratch databases do.
    """
    seeding = made_up_rows() if seed is None else seed_file(seed)
    with (
        project_scratch(project) as scratch,
        _laid_out(project, plan, content, path) as squashed,
    ):
        trial = _Trial(project, squashed, invocation, scratch, plan, is_reversible)
        basis: tuple[str, ...] = ()
        try:
            proof = trial.run(seeding)
        except OldScriptsFail as failure:
            if seed is not None:
                raise failure.cause from failure
            basis = (f"the old scripts fail on made-up rows ({failure.cause.message}): give --seed FILE",)
            try:
                proof = trial.run(no_seed())
            except OldScriptsFail as again:
                raise again.cause from again
    basis += () if scratch_url(project) else (ONLY_SQLITE,)
    return replace(proof, basis=(*proof.basis, *basis))


class _Trial:
    """The two projects on one place for scratch databases: as it is, and with the squash."""

    def __init__(
        self,
        project: Project,
        squashed: Project,
        invocation: Invocation,
        scratch: Scratch,
        plan: SquashPlan,
        is_reversible: bool,
    ) -> None:
        self._old, self._new = (Bench(each, invocation, scratch) for each in (project, squashed))
        with_states(self._old, project.worktree)
        self._scratch, self._plan, self._is_reversible = scratch, plan, is_reversible
        self._below = project.dag.ancestors(plan.ids)

    def run(self, seeding: Seed) -> Proof:
        """Return the verdict. Raises OldScriptsFail."""
        before, filled = self._old.filled_base(self._below, seeding)
        other = self._scratch.copy(before) or self._old.filled_base(self._below, seeding)[0]
        state = self._after(before)
        try:
            self._new.upgrade(other, [self._plan.after.id])
        except MigrationFailed as error:
            return self._proof("fails", [f"the squash does not run: {in_words(error)}"], filled)
        squashed = self._state(other)
        unsure = volatile_in(
            state, squashed, NAMES, lambda: self._after(self._old.filled_base(self._below, seeding)[0])
        )
        lines, basis = compared(state, squashed, NAMES, unsure)
        if self._is_reversible and not lines:
            lines, more = self._down(before, other, unsure)
            basis += more
        return self._proof("differs" if lines else "equal", lines, filled, *basis)

    def _down(self, before: URL, other: URL, unsure: set[tuple[str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        try:
            self._old.downgrade(before, self._plan.ids)
        except MigrationFailed as error:
            return (), (f"the downgrade was not compared: the old scripts do not run: {in_words(error)}",)
        try:
            self._new.downgrade(other, [self._plan.after.id])
        except MigrationFailed as error:
            return (f"the downgrade of the squash does not run: {in_words(error)}",), ()
        lines, _ = compared(self._state(before), self._state(other), NAMES, unsure)
        return tuple(f"after the downgrade: {line}" for line in lines), ("up and down again",)

    def _after(self, url: URL) -> Contents:
        try:
            self._old.upgrade(url, [self._plan.last.id])
        except MigrationFailed as error:
            raise OldScriptsFail(error) from error
        return self._state(url)

    def _state(self, url: URL) -> Contents:
        version_tables = self._old.version_tables | self._new.version_tables
        return self._old.ask(url, lambda connection: read_contents(connection, version_tables))

    def _proof(self, verdict: str, lines: list[str] | tuple[str, ...], *basis: str) -> Proof:
        return Proof(self._scratch.dialect, verdict, tuple(lines), basis)  # type: ignore[arg-type]  # one of Verdict


@contextmanager
def _laid_out(project: Project, plan: SquashPlan, content: bytes, path: str) -> Iterator[Project]:
    """Give the project with the squash in the place of the range; its file is elsewhere for the block."""
    with scripts_of_texts(project, {path: (path, content)}) as files:
        placed = replace(plan, after=replace(plan.after, path=files[path]))
        yield project.with_scripts(placed.graph(project.dag), {files[path]: path})
