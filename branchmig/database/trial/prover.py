"""Runs two sides of a history in both orders, for real, and compares what comes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from sqlalchemy import URL

from branchmig.dag import RevisionDag
from branchmig.database.run.script_checkout import placed
from branchmig.database.trial.building import with_states
from branchmig.database.trial.contents import Contents, compared, read_contents, volatile_in
from branchmig.database.trial.scratch import project_scratch
from branchmig.database.trial.seeding import Seed, made_up_rows, no_seed, seed_file
from branchmig.database.trial.trial_runner import ONLY_SQLITE, Bench, in_words
from branchmig.effects.proof import Proof, joined
from branchmig.errors import MigrationFailed
from branchmig.project.config import Invocation
from branchmig.project.consent import scratch_url
from branchmig.project.project import Project, View

OURS_FIRST, THEIRS_FIRST = NAMES = ("with ours first", "with theirs first")


class SideFails(Exception):
    """One side does not even run on the base alone, as it is seeded: this says nothing about their order."""

    def __init__(self, side: str, cause: MigrationFailed) -> None:
        super().__init__(str(cause))
        self.side, self.cause = side, cause


def prove(
    project: Project,
    invocation: Invocation,
    ours_ids: Iterable[str],
    theirs_ids: Iterable[str],
    view: View,
    seed: Path | None = None,
    other: View | None = None,
) -> Proof:
    """Run ours then theirs, and theirs then ours, on scratch databases, and say whether the order matters.

    The ids are of heads, or of all that a side brings, in the graph of `view`, whose scripts are run; what that lacks
    is taken from the view `other`. What both sides have below them is the base. `seed` is an SQL file for the base;
    without one, rows are made up for it.

    Raises MigrationFailed where the base itself does not run, EnvironmentFailed where env.py would connect to
    another database, ConfigurationError for a scratch_url that cannot be used.
    """
    seeding = made_up_rows() if seed is None else seed_file(seed)
    views = [view] if other is None else [view, other]
    with project_scratch(project) as scratch, placed(project, *views) as at_place:
        bench = with_states(Bench(at_place, invocation, scratch), *views)
        proof = _Trial(bench, at_place.dag, frozenset(ours_ids), frozenset(theirs_ids)).run(seeding)
    return proof if scratch_url(project) else replace(proof, basis=(*proof.basis, ONLY_SQLITE))


def prove_pairs(
    project: Project,
    invocation: Invocation,
    pairs: Sequence[tuple[str, Sequence[str], Sequence[str]]],
    view: View,
    seed: Path | None = None,
    other: View | None = None,
) -> Proof:
    """Prove some pairs of lines, each with its name: one proof, the gravest verdict."""
    named = pairs or [("", (), ())]
    return joined([(name, prove(project, invocation, ours, theirs, view, seed, other)) for name, ours, theirs in named])


def prove_heads(
    project: Project, invocation: Invocation, heads: Sequence[str], seed: Path | None = None, view: View | None = None
) -> Proof:
    """Prove each pair of some heads, in the work tree unless a view is given: one proof, the gravest verdict."""
    place = project.view() if view is None else view
    pairs = [(f"{head} and {other}", [head], [other]) for head, other in combinations(heads, 2)]
    return prove_pairs(project, invocation, pairs, place, seed)


class _Trial:
    """Two sides over their common base, on one bench."""

    def __init__(self, bench: Bench, dag: RevisionDag, ours: frozenset[str], theirs: frozenset[str]) -> None:
        self._bench = bench
        self._sides = {"ours": dag.ancestors(ours) | ours, "theirs": dag.ancestors(theirs) | theirs}
        self._base = self._sides["ours"] & self._sides["theirs"]

    def run(self, seeding: Seed) -> Proof:
        """Return the verdict. Rows that were made up may not suit a side: then it is tried without them."""
        if any(side <= self._base for side in self._sides.values()):
            return Proof(self._bench.dialect, "nothing-to-compare", (), ("only one side brings revisions",))
        try:
            return self._verdict(seeding)
        except SideFails as failure:
            if not seeding.is_made_up:
                return self._side_fails(failure)
            cause = failure.cause.message
            reason = f"{failure.side} alone fails on made-up rows ({cause}): give --seed FILE"
        try:
            proof = self._verdict(no_seed())
        except SideFails as failure:
            return self._side_fails(failure)
        return replace(proof, basis=(*proof.basis, reason))

    def _verdict(self, seeding: Seed) -> Proof:
        bench = self._bench
        base, filled = bench.filled_base(self._base, seeding)
        failures: list[str] = []
        twin = bench.scratch.copy(base) or bench.filled_base(self._base, seeding)[0]
        state = self._state(twin, ("ours", "theirs"), failures)
        other = self._state(base, ("theirs", "ours"), failures)
        if state is None or other is None:
            return Proof(bench.dialect, "fails", tuple(failures), (filled,))

        def again() -> Contents | None:
            return self._state(bench.filled_base(self._base, seeding)[0], ("ours", "theirs"), [])

        lines, more = compared(state, other, NAMES, volatile_in(state, other, NAMES, again))
        return Proof(bench.dialect, "differs" if lines else "commutes", lines, (filled, *more))

    def _state(self, url: URL, order: tuple[str, str], failures: list[str]) -> Contents | None:
        """Run both sides in an order and return what comes out; None, and a line in `failures`, if one fails.

        Raises SideFails for the first side of the two.
        """
        first, second = order
        try:
            self._bench.upgrade(url, self._base | self._sides[first])
        except MigrationFailed as error:
            raise SideFails(first, error) from error
        try:
            self._bench.upgrade(url, self._base | self._sides[first] | self._sides[second])
        except MigrationFailed as error:
            failures.append(f"{first} first, then {second}: {in_words(error)}")
            return None
        return self._bench.ask(url, lambda connection: read_contents(connection, self._bench.version_tables))

    def _side_fails(self, failure: SideFails) -> Proof:
        line = f"{failure.side} alone, on the base: {in_words(failure.cause)}"
        return Proof(self._bench.dialect, "fails", (line,), ())
