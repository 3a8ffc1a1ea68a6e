"""Our plans beside alembic's, over random histories: the same revisions, a lawful order, the same rows.

Where the two differ, a reason must say why; REASONS is the whole list, and each has an example of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from branchmig.dag import RevisionDag
from branchmig.errors import BranchmigError, InvalidTarget, UnknownRevision
from branchmig.model import Plan, Revision
from branchmig.planning.history import select_history
from branchmig.planning.plan import plan_downgrade, plan_stamp, plan_upgrade
from tests.oracle.histories import downgrade_targets, histories, history_ranges, stamp_targets, upgrade_targets
from tests.oracle.reference import (
    ScriptsInMemory,
    Verdict,
    downgrade_verdict,
    history_verdict,
    stamp_verdict,
    step_verdict,
    upgrade_verdict,
)

if TYPE_CHECKING:
    from branchmig.model import Step

REASONS = {
    # Alembic raises, we answer.
    "undo a merge": "'-1' at a merge revision undoes it (T2); alembic: 'Ambiguous walk'",
    "below the base": "`upgrade REV-N` that arrives at the base is nothing to do; alembic: AssertionError",
    "head of a label": "downgrade looks for the head of `label@head` on that branch; alembic: in the whole project",
    "dotted id": "an offset may follow any id; alembic reads one only after letters, digits and '_'",
    "heads that depend": "`label@heads` may name a head and one that it depends on; alembic: 'overlaps'",
    "fork above the label": "`downgrade label@REV` undoes every arm of the label's own fork; alembic: 'Not a valid'",
    "applied for another": "a target that is applied, with nothing of its branch above it, is nothing to do",
    "tip below another": "of a branch's tips the one that depends on the other comes first; alembic: none of them",
    # Alembic answers, we raise.
    "several rows": "'-N' does not say which of several rows it counts from; alembic takes any and warns",
    "not on the branch": "`downgrade label@REV` refuses a REV of another branch; alembic forgets the label",
    "below nothing": "nothing is below the base; alembic counts 'base-1' from the head",
    # Both answer, differently.
    "only its own": "`label@base`, and what counts down to it, leaves trunk and other branches (T1)",
    # The rows after a step.
    "redundant parent": "where a revision names an ancestor of another of its parents, alembic leaves both as rows, "
    "or fails with KeyError",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One command, as typed, on a database at `rows`."""

    dag: RevisionDag
    scripts: ScriptsInMemory
    command: str
    target: str
    rows: tuple[str, ...]

    @property
    def label(self) -> str | None:
        """What stands before the '@'."""
        return self.target.rpartition("@")[0] or None

    def ours(self) -> Plan | BranchmigError:
        """Return our plan, or why we have none."""
        plan = plan_upgrade if self.command == "upgrade" else plan_downgrade
        try:
            return plan(self.dag, self.target, self.rows)
        except BranchmigError as error:
            return error

    def theirs(self) -> Verdict:
        """Return alembic's revisions, or its error."""
        judge = upgrade_verdict if self.command == "upgrade" else downgrade_verdict
        return judge(self.scripts, self.target, self.rows)


# Which errors of alembic's we may answer instead: reason, command, the error, the target typed.
COUNTING_DOWN = r".*-\d+"
OF_A_LABEL = r".+@.+"
ANSWERED = (
    ("undo a merge", {"upgrade", "downgrade"}, r"RevisionError: Ambiguous walk", COUNTING_DOWN),
    ("dotted id", {"upgrade", "downgrade"}, r"ResolutionError: No such revision .*", r".*\.\w+[+-]\d+"),
    ("below the base", {"upgrade"}, r"AssertionError: ", COUNTING_DOWN),
    ("heads that depend", {"upgrade"}, r"RevisionError: .* overlaps with other requested revisions .*", r".+@heads"),
    (
        "tip below another",
        {"upgrade"},
        r"RevisionError: Ambiguous upgrade from multiple current revisions",
        r".+@\+\d+",
    ),
    ("tip below another", {"downgrade"}, r"AssertionError: ", r".+@-\d+"),
    ("head of a label", {"downgrade"}, r"MultipleHeads: .*", OF_A_LABEL),
    ("fork above the label", {"downgrade"}, r"RevisionError: Not a valid downgrade target .*", OF_A_LABEL),
    ("applied for another", {"downgrade"}, r"RangeNotAncestorError: .*", r".*"),
)
NOTHING_TO_DO = {"below the base", "applied for another"}


def reason_to_answer(case: Case, plan: Plan, error: str) -> str | None:
    """Return why we may answer where alembic raised `error`."""
    for reason, commands, error_pattern, target_pattern in ANSWERED:
        if (
            case.command in commands
            and re.fullmatch(error_pattern, error)
            and re.fullmatch(target_pattern, case.target)
            and not (plan.steps and reason in NOTHING_TO_DO)
        ):
            return reason
    return None


def reason_to_refuse(case: Case, error: BranchmigError) -> str | None:
    """Return why we may raise `error` where alembic answered."""
    if case.command != "downgrade":
        return None
    if isinstance(error, InvalidTarget) and len(case.rows) > 1 and re.fullmatch(r"-\d+", case.target):
        return "several rows"
    if isinstance(error, UnknownRevision) and "is not on branch" in error.message:
        return "not on the branch"
    if isinstance(error, InvalidTarget) and case.target == "base-1":
        return "below nothing"
    return None


def reason_to_differ(case: Case, ours: frozenset[str], theirs: frozenset[str]) -> str | None:
    """Return why our revisions may be others than alembic's: only those of a branch that stands on something shared."""
    if case.command == "upgrade" or case.label is None or not ours < theirs:
        return None
    (owner,) = case.dag.resolve(case.label)
    applied = case.dag.ancestors(case.rows).union(case.rows)
    line = case.dag.ancestors([owner], dependencies=False) | {owner}
    is_shared = any(case.dag.is_branch_point(item) or case.dag.is_merge_point(item) for item in line)
    if case.target.endswith("@base"):
        return "only its own" if is_shared and (owner in ours or owner not in applied) else None
    return "only its own" if is_shared and re.fullmatch(COUNTING_DOWN, case.target) else None


def reason_for_rows(case: Case, step: Step, theirs: Verdict) -> str | None:
    """Return why our rows may be others than alembic's after this step."""
    assert step.revision is not None
    below = case.dag.below(step.revision.id)
    if len(case.dag.maximal(below)) == len(below):
        return None
    if theirs.error is None:
        return "redundant parent" if case.dag.maximal(theirs.ids) == step.heads_after else None
    return "redundant parent" if theirs.error.startswith("KeyError") else None


def compare(case: Case, tally: Counter[str]) -> None:
    """Fail where the two differ without a reason; count what was compared, and the reasons."""
    ours, theirs = case.ours(), case.theirs()
    if isinstance(ours, BranchmigError):
        reason = "both refuse" if theirs.error else reason_to_refuse(case, ours)
        assert reason, f"{case}: we refuse ({ours}), alembic runs {sorted(theirs.ids)}"
        tally[reason] += 1
        return
    revisions = check_lawful(case, ours)
    for step in ours.steps:
        compare_rows(case, step, tally)
    if theirs.error is not None:
        reason = reason_to_answer(case, ours, theirs.error)
        assert reason, f"{case}: we run {sorted(revisions)}, alembic refuses ({theirs.error})"
        tally[reason] += 1
    elif revisions != theirs.ids:
        reason = reason_to_differ(case, revisions, theirs.ids)
        assert reason, f"{case}: we run {sorted(revisions)}, alembic {sorted(theirs.ids)}"
        tally[reason] += 1
    else:
        tally["same plan"] += 1
        tally["same plan with steps"] += bool(revisions)


def check_lawful(case: Case, plan: Plan) -> frozenset[str]:
    """Return the revisions of the plan after a look at its order: each once, nothing before what it stands on."""
    order = [step.revision.id for step in plan.steps if step.revision is not None]
    upward = order if case.command == "upgrade" else order[::-1]
    place = {revision_id: number for number, revision_id in enumerate(upward)}
    assert len(place) == len(plan.steps)
    assert all(place.get(revision_id, -1) < place[above] for above in upward for revision_id in case.dag.below(above))
    return frozenset(order)


def compare_rows(case: Case, step: Step, tally: Counter[str]) -> None:
    """Fail where HeadMaintainer, before the same rows, leaves others after the same step."""
    assert step.revision is not None
    theirs = step_verdict(case.scripts, step.direction, step.revision.id, step.heads_before)
    if theirs.ids == frozenset(step.heads_after):
        tally["same rows"] += 1
        return
    reason = reason_for_rows(case, step, theirs)
    assert reason, f"{case}: after {step.revision.id} we write {step.heads_after}, alembic {theirs}"
    tally[reason] += 1


def draw_rows(data: st.DataObject, dag: RevisionDag) -> tuple[str, ...]:
    """Return the rows of a database that was taken somewhere, by our own plans."""
    rows: tuple[str, ...] = ()
    for target in data.draw(st.lists(st.sampled_from([revision.id for revision in dag]), max_size=4)):
        rows = plan_upgrade(dag, target, rows).heads_after
    applied = sorted(dag.ancestors(rows).union(rows))
    if applied and data.draw(st.integers(0, 3)) == 0:
        rows = plan_downgrade(dag, data.draw(st.sampled_from(applied)), rows).heads_after
    return rows


def compare_everywhere(histories_drawn: int, derandomize: bool) -> Counter[str]:
    """Compare every target from a drawn state of each drawn history."""
    tally: Counter[str] = Counter()

    @oracle_settings(histories_drawn, derandomize)
    @given(histories(), st.data())
    def compare_from_one_state(revisions: tuple[Revision, ...], data: st.DataObject) -> None:
        dag, scripts = RevisionDag(revisions), ScriptsInMemory(revisions)
        rows = draw_rows(data, dag)
        for target in upgrade_targets(dag):
            compare(Case(dag, scripts, "upgrade", target, rows), tally)
        for target in downgrade_targets(dag):
            compare(Case(dag, scripts, "downgrade", target, rows), tally)

    compare_from_one_state()
    return tally


def oracle_settings(examples: int, derandomize: bool = True) -> settings:
    """Return hypothesis's settings: the same histories at each run, or with `derandomize=False` new ones."""
    return settings(
        max_examples=examples,
        derandomize=derandomize,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def test_plans_have_alembics_revisions_and_rows() -> None:
    tally = compare_everywhere(160, derandomize=True)
    assert tally["same plan with steps"] >= 2_000, tally
    assert tally["same rows"] >= 8_000, tally


@pytest.mark.soak
def test_plans_have_alembics_revisions_and_rows_over_many_more_histories() -> None:
    tally = compare_everywhere(3_000, derandomize=False)
    assert tally["same plan with steps"] >= 50_000, tally


TRUNK_AND_TWO_ARMS = (Revision("aaaa"), Revision("bbbb", ("aaaa",), labels=("left",)), Revision("cccc", ("aaaa",)))
TWO_LINES_JOINED = (Revision("aaaa"), Revision("bbbb"), Revision("cccc", ("aaaa", "bbbb")))
TWO_LINES = (Revision("aaaa", labels=("left",)), Revision("bbbb", depends_on=("aaaa",)))


@dataclass(frozen=True, slots=True)
class Example:
    """The smallest case of a reason, with what we answer: the revisions of our plan, or our error."""

    reason: str
    revisions: tuple[Revision, ...]
    command: str
    target: str
    rows: tuple[str, ...]
    ours: tuple[str, ...] | type[BranchmigError]


EXAMPLES = (
    Example("undo a merge", TWO_LINES_JOINED, "downgrade", "-1", ("cccc",), ("cccc",)),
    Example("below the base", TWO_LINES_JOINED, "upgrade", "aaaa-1", (), ()),
    Example("head of a label", TRUNK_AND_TWO_ARMS, "downgrade", "left@head", ("bbbb", "cccc"), ()),
    Example("dotted id", (Revision("v1.0"), Revision("v1.1", ("v1.0",))), "upgrade", "v1.0+1", (), ("v1.0", "v1.1")),
    Example(
        "heads that depend",
        (Revision("aaaa", labels=("left",)), Revision("bbbb", ("aaaa",)), Revision("cccc", ("aaaa",), ("bbbb",))),
        "upgrade",
        "left@heads",
        (),
        ("aaaa", "bbbb", "cccc"),
    ),
    Example(
        "fork above the label",
        (Revision("aaaa", labels=("left",)), Revision("bbbb", ("aaaa",)), Revision("cccc", ("aaaa",))),
        "downgrade",
        "left@aaaa",
        ("bbbb", "cccc"),
        ("bbbb", "cccc"),
    ),
    Example("applied for another", TWO_LINES, "downgrade", "aaaa", ("bbbb",), ()),
    Example(
        "tip below another",
        (
            Revision("aaaa", labels=("left",)),
            Revision("bbbb", ("aaaa",)),
            Revision("cccc", ("aaaa",), ("bbbb",)),
            Revision("dddd", depends_on=("cccc",)),
        ),
        "downgrade",
        "left@-1",
        ("dddd",),
        ("cccc", "dddd"),
    ),
    Example("several rows", TRUNK_AND_TWO_ARMS, "downgrade", "-1", ("bbbb", "cccc"), InvalidTarget),
    Example("not on the branch", TRUNK_AND_TWO_ARMS, "downgrade", "left@cccc", ("bbbb", "cccc"), UnknownRevision),
    Example("below nothing", TWO_LINES_JOINED, "downgrade", "base-1", ("cccc",), InvalidTarget),
    Example("only its own", TRUNK_AND_TWO_ARMS, "downgrade", "left@base", ("bbbb", "cccc"), ("bbbb",)),
    Example(
        "redundant parent",
        (Revision("aaaa"), Revision("bbbb", ("aaaa",)), Revision("cccc"), Revision("dddd", ("bbbb", "aaaa", "cccc"))),
        "upgrade",
        "dddd",
        ("bbbb", "cccc"),
        ("dddd",),
    ),
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.reason)
def test_each_reason_to_differ_is_real(example: Example) -> None:
    case = Case(
        RevisionDag(example.revisions),
        ScriptsInMemory(example.revisions),
        example.command,
        example.target,
        example.rows,
    )
    ours = case.ours()
    tally: Counter[str] = Counter()
    compare(case, tally)
    assert example.reason in tally
    if isinstance(ours, Plan):
        assert tuple(sorted(step.revision.id for step in ours.steps if step.revision)) == example.ours
    else:
        assert type(ours) is example.ours


def test_every_reason_has_an_example() -> None:
    assert [example.reason for example in EXAMPLES] == list(REASONS)


@oracle_settings(80)
@given(histories(), st.data())
def test_stamps_leave_alembics_rows(revisions: tuple[Revision, ...], data: st.DataObject) -> None:
    """But where alembic moves all rows that are related to anything typed onto one target (its defect).

    So `stamp heads` loses a head that is a row already, and `stamp label@head` the rows of the label's other arms. And
    `stamp label@heads`, where one of them stands on another, is any of them or both.
    """
    dag, scripts = RevisionDag(revisions), ScriptsInMemory(revisions)
    rows = draw_rows(data, dag)
    for target in stamp_targets(dag):
        theirs = stamp_verdict(scripts, target, rows)
        if theirs.error is not None:
            continue
        ours = frozenset(plan_stamp(dag, [target], rows).heads_after)
        is_defect = False
        if target == "heads" or re.fullmatch(r".+@heads?", target):
            heads = dag.resolve(target)
            is_defect = theirs.ids < ours or len(dag.maximal(heads)) < len(heads)
        assert ours == theirs.ids or is_defect, f"stamp {target} at {rows}: {set(ours)}, alembic {set(theirs.ids)}"


@pytest.mark.soak
@oracle_settings(500)
@given(histories(), st.data())
def test_history_ranges_show_alembics_revisions(revisions: tuple[Revision, ...], data: st.DataObject) -> None:
    """But for `-N:END`, which counts down from END, as alembic's documentation says, and not from the heads.

    And for `label@base:END` with an END on the trunk below the label: alembic shows nothing.
    """
    dag, scripts = RevisionDag(revisions), ScriptsInMemory(revisions)
    for _ in range(10):
        typed = data.draw(history_ranges(dag))
        start, end = typed.split(":")
        theirs = history_verdict(scripts, start, end)
        if theirs.error is not None or (start.startswith("-") and end not in {"", "head", "heads"}):
            continue
        shown = [revision.id for revision in select_history(dag, typed)]
        assert shown == [revision_id for revision_id in reversed(dag.order()) if revision_id in set(shown)]
        assert frozenset(shown) == theirs.ids or ("@base" in start and not theirs.ids), typed


@oracle_settings(120)
@given(histories())
def test_heads_bases_and_branches_are_alembics(revisions: tuple[Revision, ...]) -> None:
    dag, scripts = RevisionDag(revisions), ScriptsInMemory(revisions)
    assert dag.heads() == tuple(sorted(scripts.get_heads()))
    assert dag.heads(dependencies=True) == tuple(sorted(scripts.revision_map._real_heads))
    assert dag.bases() == tuple(sorted(scripts.get_bases()))
    scripts_by_id = {revision.id: scripts.revision_map.get_revision(revision.id) for revision in dag}
    assert dag.branch_points() == tuple(
        sorted(item for item, script in scripts_by_id.items() if script.is_branch_point)
    )
    assert dag.merge_points() == tuple(sorted(item for item, script in scripts_by_id.items() if script.is_merge_point))
    for item, script in scripts_by_id.items():
        assert dag.children(item) == tuple(sorted(script.nextrev))
        assert dag.branch_labels(item) == tuple(sorted(script.branch_labels))
        assert set(dag.directly_below(item)) == set(script._normalized_down_revisions)
