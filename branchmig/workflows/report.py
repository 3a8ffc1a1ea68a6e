"""Brings together the report on a pull request's revisions: rules, graph, SQL, hazards, rivals, a proof.

What cannot be known costs only its own part, with the reason in its place.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig.errors import BranchmigError, RevisionGraphError
from branchmig.git.history import branches_beyond, commit_of, current_branch, short_ref
from branchmig.integrations.squawk import CannotAsk, Remark, remarks_on
from branchmig.model import Origin, Revision
from branchmig.planning.forecast import Outcome, rivals
from branchmig.progress import Announce
from branchmig.project.config import Invocation
from branchmig.project.project import INDEX, WORKTREE, Project, View
from branchmig.workflows.checks import Verdict, inspect
from branchmig.workflows.conflicts import compare
from branchmig.workflows.graph import GraphOptions, draw, with_authors
from branchmig.workflows.hazards import Weighed, dialect_of, weigh
from branchmig.workflows.landing_conflicts import conflicts_with
from branchmig.workflows.landings import found_landings, landing_of_views
from branchmig.workflows.own_revisions import same_ids
from branchmig.workflows.schema import ShownSchema, Side, schema_between

if TYPE_CHECKING:
    from branchmig.effects.hazards import Hazards
    from branchmig.effects.proof import Proof
    from branchmig.planning.picture import Picture


# Squawk's rules, to those of ours that say the same of the same revision.
_TWINS = {
    "adding-field-with-default": "rewrites-table",
    "adding-foreign-key-constraint": "constraint-blocks",
    "adding-not-nullable-field": "sets-not-null",
    "adding-required-field": "adds-required-column",
    "ban-drop-column": "drops-column",
    "ban-drop-table": "drops-table",
    "changing-column-type": "changes-type",
    "constraint-missing-not-valid": "constraint-blocks",
    "disallowed-unique-constraint": "unique-blocks",
    "renaming-column": "renames-column",
    "renaming-table": "renames-table",
    "require-concurrent-index-creation": "index-blocks-writes",
}


@dataclass(frozen=True, slots=True)
class Question:
    """The options of a report: place, target, whether to run scripts for their SQL, and whether to prove."""

    at: str = WORKTREE
    into: str | None = None
    with_sql: bool = True
    prove: bool = False
    seed: Path | None = None


@dataclass(frozen=True, slots=True)
class Sql:
    """The SQL of each revision, for which kinds of database, and what squawk says of it.

    `reason` says why there is none; `no_remarks` why squawk was not asked.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    dialects: tuple[str, ...] = ()
    reason: str = ""
    remarks: tuple[Remark, ...] = ()
    no_remarks: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. `added` are the revisions that the target lacks, in upgrade order where the graph is sound.

    `picture` is None where it is not. `rivals` are the open branches that cannot land beside this one, of `branches`
    that were looked at, and `no_rivals` says why others were not. `no_proof` says why a proof that was asked for is
    missing. `schema` has the tables that the added revisions change; it is None where the graph is not sound.
    """

    at: str
    into: str
    verdict: Verdict
    added: tuple[Revision, ...]
    authors: Mapping[str, Origin]
    picture: Picture | None
    sql: Sql
    weighed: Weighed
    rivals: tuple[Outcome, ...] = ()
    branches: int = 0
    no_rivals: str = ""
    proof: Proof | None = None
    no_proof: str = ""
    schema: ShownSchema | None = None

    @property
    def is_ok(self) -> bool:
        """Whether every rule was checked and holds, all was read, and no order of the two sides fails."""
        return not self.is_wrong and not self.verdict.unchecked and not self.weighed.unchecked

    @property
    def is_wrong(self) -> bool:
        """Whether a rule is broken, a hazard is an error, or an order of the two sides fails."""
        fails = self.proof is not None and self.proof.verdict == "fails"
        return bool(self.verdict.problems or self.weighed.errors) or fails

    @property
    def hazards(self) -> Hazards:
        """What to beware of, and what could not be read."""
        return self.weighed.hazards

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to report."""
        return self.is_ok and not self.added and not self.verdict.waived


def report(project: Project, invocation: Invocation, question: Question, announce: Announce) -> Report:
    """Return the report. `announce(number, total, text)` is called for slow work.

    Raises GitError where there is no target, or git cannot say.
    """
    into = project.target(question.into)
    target = project.ref_view(into)
    view = project.view(question.at)
    verdict = inspect(project, question.at, into, into)
    twice = tuple(pair.problem() for pair in same_ids(project, view, target, short_ref(into)))
    verdict = replace(verdict, problems=(*verdict.problems, *twice))
    added, picture = _added(project, view, target, GraphOptions(question.at, since=into))
    scripts = view.scripts(added)
    sql = _sql(project, invocation, question, view, picture, announce)
    weighed = weigh(project, view, added, _dialect(project, invocation, sql))
    linted = _linted(project, sql, weighed.hazards)
    verdict = replace(verdict, problems=(*verdict.problems, *weighed.faults), waived=(*verdict.waived, *weighed.waived))
    others, number, no_rivals = _rivals(project, question.at, into, target, scripts)
    return Report(
        question.at,
        short_ref(into),
        verdict,
        added,
        picture.authorships if picture is not None else {},
        picture,
        linted,
        weighed,
        others,
        number,
        no_rivals,
        *(_proof(project, invocation, question, into) if question.prove and added else (None, "")),
        None if picture is None else _schema(project, invocation, view, added),
    )


def _added(
    project: Project, view: View, target: View, options: GraphOptions
) -> tuple[tuple[Revision, ...], Picture | None]:
    """Return what the target lacks, and its picture where the graph is sound."""
    there = target.ids
    fresh = [revision for revision in view.revisions if revision.id not in there]
    if not fresh:
        return (), None
    try:
        order = view.dag.order()
    except RevisionGraphError:
        return tuple(sorted(fresh, key=lambda revision: revision.id)), None
    ids = [revision_id for revision_id in order if revision_id not in there]
    picture = with_authors(project, view, draw(project, view, options, []), ids)
    return tuple(view.dag[revision_id] for revision_id in ids), picture


def _schema(project: Project, invocation: Invocation, view: View, added: Sequence[Revision]) -> ShownSchema:
    """Return the tables that the added revisions change: the place with them beside the place without them."""
    ids = frozenset(revision.id for revision in view.dag)
    before = ids.difference(revision.id for revision in added)
    return schema_between(project, invocation, Side(view, before), Side(view, ids))


def _sql(
    project: Project,
    invocation: Invocation,
    question: Question,
    view: View,
    picture: Picture | None,
    announce: Announce,
) -> Sql:
    """Run env.py and the added scripts as --sql does: no connection is made."""
    if not question.with_sql or picture is None:
        return Sql(reason="" if question.with_sql else "it was not asked for")
    from branchmig.database.run.offline import written_sql
    from branchmig.database.run.quiet import without_log
    from branchmig.database.run.script_checkout import placed

    ids = frozenset(name for name in picture.shown if name not in picture.boundary)
    try:
        # What env.py prints is not the answer.
        with placed(project, view) as there, without_log(), redirect_stdout(sys.stderr):
            written = written_sql(there, invocation, ids, announce)
    except BranchmigError as error:
        return Sql(reason=error.message)
    return Sql(written.texts, written.dialects)


def _dialect(project: Project, invocation: Invocation, sql: Sql) -> str | None:
    """Return the kind of database that the revisions are for; None where there are several, or none is known."""
    if sql.dialects:
        return sql.dialects[0] if len(sql.dialects) == 1 else None
    return dialect_of(invocation, project.config.settings)


def _linted(project: Project, sql: Sql, hazards: Hazards) -> Sql:
    """Return the SQL with squawk's remarks; those that only repeat what is known are left out."""
    if sql.dialects != ("postgresql",) or not sql.texts:
        return sql
    try:
        remarks = remarks_on(sql.texts, project.config.root)
    except CannotAsk as reason:
        return replace(sql, no_remarks=str(reason))
    known = {(hazard.code, hazard.revision) for hazard in hazards.found}
    return replace(
        sql, remarks=tuple(remark for remark in remarks if (_TWINS.get(remark.rule), remark.revision) not in known)
    )


def _rivals(
    project: Project, at: str, into: str, target: View, scripts: Mapping[str, bytes]
) -> tuple[tuple[Outcome, ...], int, str]:
    """Return the open branches that cannot land beside this place, how many were looked at, and why others were not."""
    from branchmig.git.landing import open_branches

    if not scripts:
        return (), 0, ""
    repository = project.tracked
    try:
        settled_at = commit_of(repository, into)
        beyond = branches_beyond(repository, commit_of(repository, "HEAD" if at in (WORKTREE, INDEX) else at))
        # Of this very branch, also an older state that a remote has.
        own_name = current_branch(repository) if at in (WORKTREE, INDEX, "HEAD") else at
        others = {
            name: commit
            for name, commit in open_branches(repository, into, settled_at).items()
            if name in beyond and own_name not in (name, name.partition("/")[2])
        }
        found = found_landings(project, target, others)
        allowed = max(1, len(target.dag.heads()))
        conflicts = conflicts_with(project, scripts, others, found)
        own = landing_of_views(project, at, project.view(at, into), target)
        unknown = [f"{landing.branch}: {landing.reason}" for landing in found if landing.reason]
        number = len(others) - len(unknown)
        return tuple(rivals(target.dag, own, found, allowed, conflicts)), number, "; ".join(unknown)
    except BranchmigError as error:
        return (), 0, error.message


def _proof(project: Project, invocation: Invocation, question: Question, into: str) -> tuple[Proof | None, str]:
    """Run both orders on scratch databases; return the verdict, or why there is none."""
    from branchmig.database.trial.prover import prove_pairs

    try:
        sides = compare(project, question.at, into)
        views = (project.view(question.at), project.view(into))
        pairs = [(pair.name, pair.ours, pair.theirs) for pair in sides.pairs]
        return prove_pairs(project, invocation, pairs, views[0], question.seed, views[1]), ""
    except BranchmigError as error:
        return None, error.message
