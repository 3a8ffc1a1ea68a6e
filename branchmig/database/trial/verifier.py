"""Checks on a scratch database that some revisions run up and down, and that the downgrade restores the schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL

from branchmig.database.trial.address import read_address
from branchmig.database.trial.building import with_states
from branchmig.database.trial.reflection import read_catalog
from branchmig.database.trial.scratch import project_scratch
from branchmig.database.trial.seeding import Seed, made_up_rows, no_seed, seed_file
from branchmig.database.trial.trial_runner import ONLY_SQLITE, Bench, in_words
from branchmig.database.writer import check_models
from branchmig.effects.downgrades import FORGOTTEN, is_downgrade_forgotten, is_irreversible
from branchmig.effects.proof import Finding, Verification
from branchmig.effects.schema_snapshot import Catalog, order_differences, schema_differences
from branchmig.errors import AnswerIsNo, EnvironmentFailed, MigrationFailed, RevisionFileError
from branchmig.project.config import Invocation
from branchmig.project.config_facts import configured_url
from branchmig.project.consent import scratch_url
from branchmig.project.project import Project, View

TOGETHER = "all together"
MODELS = "models"


def verify(
    project: Project, invocation: Invocation, view: View, own: Sequence[str], seed: Path | None = None
) -> Verification:
    """Take each of the revisions `own` up, down and up, then all together, over everything else in the graph.

    Each downgrade must leave the schema that was there before, column order aside; the models must match the
    schema at the end, where env.py names some. Raises MigrationFailed where the revisions below do not run, and as
    scratch databases do.
    """
    configured = configured_url(project.config.files)
    given = scratch_url(project)
    with project_scratch(project) as scratch:
        placed = project.with_scripts(view.dag, {})
        bench = with_states(Bench(placed, invocation, scratch), view)
        order = tuple(revision_id for revision_id in view.dag.order() if revision_id in frozenset(own))
        trial = _Trial(bench, order, view.read)
        basis = trial.run(made_up_rows() if seed is None else seed_file(seed))
        address = read_address(configured)
        is_of_its_kind = bool(given) or (address is not None and address.kind == scratch.dialect)
        if trial.url is None and not is_of_its_kind and configured:
            raise _cannot_tell(bench.dialect, trial.findings[-1])
        if is_of_its_kind:
            trial.compare_models()
        else:
            trial.notes.append("the models were not compared: they may not suit SQLite; scratch_url names a server")
    if not given:
        trial.notes.append(ONLY_SQLITE)
    return Verification(bench.dialect, order, tuple(trial.findings), (*basis, *trial.notes))


def _cannot_tell(dialect: str, finding: Finding) -> EnvironmentFailed:
    """Return the error for a revision that does not run on another kind of database than it is written for."""
    return EnvironmentFailed(
        f"cannot tell whether {finding.subject} is right: it does not run on {dialect}, and the project is for another "
        f"kind of database: {finding.text}",
        "scratch_url names a server of that kind",
    )


@dataclass
class _Trial:
    """The revisions under trial, in upgrade order, and what was found so far."""

    bench: Bench
    own: tuple[str, ...]
    read: Callable[[Sequence[str]], Mapping[str, bytes]]
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    url: URL | None = None
    """The database with everything applied, once it is."""

    def run(self, seeding: Seed) -> tuple[str, ...]:
        """Try everything out; where made-up rows do not suit a revision, again without them. Returns the basis."""
        filled, failed = self._attempt(seeding)
        if failed is None or not seeding.is_made_up:
            return (filled,)
        reason = f"{failed.subject} fails on made-up rows ({failed.text}): give --seed FILE"
        self.findings, self.notes, self.url = [], [], None
        filled, failed = self._attempt(no_seed())
        return (filled, reason) if failed is None else (filled,)

    def compare_models(self) -> None:
        """Find what 'revision --autogenerate' would write, if env.py names models and all is applied."""
        if self.url is None:
            return
        environment = self.bench.environment(self.url)
        environment.run(lambda *_: None, dont_mutate=True)
        if environment.target_metadata is None:
            self.notes.append("the models were not compared: env.py gives no target_metadata")
            return
        try:
            check_models(environment)
        except AnswerIsNo as error:
            self.findings.append(Finding(MODELS, f"differ from the schema: {error.message}"))

    def _attempt(self, seeding: Seed) -> tuple[str, Finding | None]:
        """Run the base, then every step; return what the base holds, and what ended the attempt, if anything did."""
        bench = self.bench
        everything = {revision.id for revision in bench.project.dag}
        url, filled = bench.filled_base(everything - bench.project.dag.descendants(self.own) - set(self.own), seeding)
        schema = self._catalog(url)
        failure = self._each(url) or self._together(url, schema)
        if failure is None:
            bench.upgrade(url, everything)
            self.url = url
        else:
            self.findings.append(failure)
        return filled, failure

    def _each(self, url: URL) -> Finding | None:
        """Take each revision up, down and up. Returns the failure that ended it."""
        for revision in self.own:
            source = self._source(revision)
            if not is_irreversible(source) and is_downgrade_forgotten(source):
                self.findings.append(Finding(revision, FORGOTTEN))
            failure = self._one(url, revision, is_final=is_irreversible(source))
            if failure is not None:
                return failure
        return None

    def _together(self, url: URL, base: Catalog) -> Finding | None:
        """Take all of them, which are up, down and up again in one run each. Returns the failure that ended it."""
        if len(self.own) < 2:
            return None
        stuck = [name for name in self.own if is_irreversible(self._source(name))]
        if stuck:
            self.notes.append(f"not taken down all together: {', '.join(stuck)} cannot be undone, as the file says")
            return None
        top = self._catalog(url)
        return self._try(TOGETHER, "the downgrade", lambda: self._down(url, self.own, TOGETHER, base)) or self._try(
            TOGETHER, "the upgrade", lambda: self._up(url, self.own, TOGETHER, top)
        )

    def _one(self, url: URL, revision: str, *, is_final: bool) -> Finding | None:
        """Take a revision up, down and up; only up if that is final. Returns the failure that ended it."""
        before = self._catalog(url)
        failure = self._try(revision, "the upgrade", lambda: self._up(url, (revision,), revision, None))
        if failure is not None or is_final:
            return failure
        top = self._catalog(url)
        return self._try(
            revision, "the downgrade", lambda: self._down(url, (revision,), revision, before)
        ) or self._try(revision, "the second upgrade", lambda: self._up(url, (revision,), revision, top))

    def _try(self, subject: str, name: str, act: Callable[[], None]) -> Finding | None:
        try:
            act()
        except (MigrationFailed, RevisionFileError) as error:
            return Finding(subject, f"{name} failed: {in_words(error)}")
        return None

    def _up(self, url: URL, wanted: tuple[str, ...], subject: str, expected: Catalog | None) -> None:
        self.bench.upgrade(url, wanted)
        if expected is not None:
            self._compare(subject, expected, self._catalog(url), ("after the upgrade", "after the second one"))

    def _down(self, url: URL, wanted: tuple[str, ...], subject: str, expected: Catalog) -> None:
        self.bench.downgrade(url, wanted)
        self._compare(subject, expected, self._catalog(url), ("before", "after the downgrade"))

    def _compare(self, subject: str, catalog: Catalog, other: Catalog, names: tuple[str, str]) -> None:
        """Note what differs; what a revision alone has shown is not said again of all together."""
        known = {finding.text for finding in self.findings}
        found = schema_differences(catalog, other, names)
        self.findings += [Finding(subject, line) for line in found if line not in known]
        self.notes += [f"{subject}: {line}" for line in order_differences(catalog, other, names)]

    def _catalog(self, url: URL) -> Catalog:
        return self.bench.ask(url, lambda connection: read_catalog(connection, self.bench.version_tables))

    def _source(self, revision: str) -> bytes:
        path = self.bench.project.dag[revision].path or ""
        return self.read([path])[path]
