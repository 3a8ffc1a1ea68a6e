"""Laws that hold for every history and every state of a database."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from branchmig.dag import RevisionDag
from branchmig.errors import BranchmigError
from branchmig.identifiers import parse
from branchmig.model import Plan, Revision
from branchmig.planning.plan import plan_downgrade, plan_stamp, plan_upgrade
from tests.oracle.histories import downgrade_targets, histories, upgrade_targets

lawful = settings(max_examples=60, derandomize=True, deadline=None, database=None)


def applied_after(plan: Plan, applied: frozenset[str]) -> frozenset[str]:
    """Return the revisions that are applied when the plan is done, followed step by step."""
    for step in plan.steps:
        assert step.revision is not None
        assert (step.revision.id in applied) == (step.direction == "downgrade")
        applied ^= {step.revision.id}
    return applied


def closure(dag: RevisionDag, rows: tuple[str, ...]) -> frozenset[str]:
    return dag.ancestors(rows).union(rows)


def draw_rows(data: st.DataObject, dag: RevisionDag) -> tuple[str, ...]:
    """Return the rows of any sound database."""
    return dag.maximal(data.draw(st.lists(st.sampled_from([revision.id for revision in dag]), max_size=4)))


@lawful
@given(histories())
def test_order_puts_every_revision_after_all_below_it(revisions: tuple[Revision, ...]) -> None:
    dag = RevisionDag(revisions)
    order = dag.order()
    assert sorted(order) == [revision.id for revision in dag]
    assert all(order.index(lower) < order.index(revision.id) for revision in dag for lower in dag.below(revision.id))


@lawful
@given(histories(), st.randoms(use_true_random=False))
def test_order_does_not_depend_on_the_order_or_names_of_the_files(revisions: tuple[Revision, ...], random) -> None:
    shuffled = list(revisions)
    random.shuffle(shuffled)
    renamed = [
        Revision(revision.id, revision.parents, revision.depends_on, revision.labels, path=f"versions/{number}.py")
        for number, revision in enumerate(shuffled)
    ]
    assert RevisionDag(renamed).order() == RevisionDag(revisions).order()


@lawful
@given(histories(), st.data())
def test_rows_after_each_step_are_the_maximal_applied_revisions(
    revisions: tuple[Revision, ...], data: st.DataObject
) -> None:
    dag = RevisionDag(revisions)
    rows = draw_rows(data, dag)
    target = data.draw(st.sampled_from([revision.id for revision in dag]))
    for plan in (plan_upgrade(dag, target, rows), plan_downgrade(dag, "base", rows)):
        applied = closure(dag, rows)
        before = rows
        for step in plan.steps:
            applied = applied_after(Plan(before, (step,)), applied)
            assert (step.heads_before, step.heads_after) == (before, dag.maximal(applied))
            before = step.heads_after


@lawful
@given(histories(), st.data())
def test_an_upgrade_and_its_reverse_are_nothing(revisions: tuple[Revision, ...], data: st.DataObject) -> None:
    """Up to the heads and down to the base: the same revisions in reverse, and no rows."""
    dag = RevisionDag(revisions)
    up = plan_upgrade(dag, "heads")
    down = plan_downgrade(dag, "base", up.heads_after)
    assert [step.revision for step in down.steps] == [step.revision for step in reversed(up.steps)]
    assert [step.heads_after for step in down.steps] == [step.heads_before for step in reversed(up.steps)]
    assert down.heads_after == ()


@lawful
@given(histories(), st.data())
def test_a_second_run_of_the_same_upgrade_has_nothing_to_do(
    revisions: tuple[Revision, ...], data: st.DataObject
) -> None:
    dag = RevisionDag(revisions)
    rows = draw_rows(data, dag)
    for target in upgrade_targets(dag):
        if parse(dag, target).is_relative_to_database:
            continue
        try:
            after = plan_upgrade(dag, target, rows).heads_after
        except BranchmigError:
            continue
        assert plan_upgrade(dag, target, after).steps == ()


@lawful
@given(histories(), st.data())
def test_a_downgrade_keeps_its_target_and_leaves_nothing_without_what_it_stands_on(
    revisions: tuple[Revision, ...], data: st.DataObject
) -> None:
    dag = RevisionDag(revisions)
    rows = draw_rows(data, dag)
    for target in downgrade_targets(dag):
        try:
            plan = plan_downgrade(dag, target, rows)
        except BranchmigError:
            continue
        left = applied_after(plan, closure(dag, rows))
        assert left == closure(dag, plan.heads_after)
        if not parse(dag, target).is_relative_to_database:
            assert left.issuperset(dag.resolve(target, rows)), target


@lawful
@given(histories(), st.data())
def test_label_at_base_undoes_the_branch_and_keeps_every_fork_and_merge_below_it(
    revisions: tuple[Revision, ...], data: st.DataObject
) -> None:
    dag = RevisionDag(revisions)
    rows = draw_rows(data, dag)
    owner = data.draw(st.sampled_from([revision.id for revision in dag]))
    applied = closure(dag, rows)
    left = applied_after(plan_downgrade(dag, f"{owner}@base", rows), applied)
    junctions = set(dag.branch_points() + dag.merge_points())
    assert left.isdisjoint(dag.descendants([owner]) | {owner})
    assert left.issuperset(applied & junctions & dag.ancestors([owner], dependencies=False))


@lawful
@given(histories(), st.data())
def test_merge_bases_are_symmetric_and_the_best_common_ancestors(
    revisions: tuple[Revision, ...], data: st.DataObject
) -> None:
    dag = RevisionDag(revisions)
    item, other = (data.draw(st.sampled_from([revision.id for revision in dag])) for _ in range(2))
    common = closure(dag, (item,)) & closure(dag, (other,))
    assert dag.merge_bases(item, other) == dag.merge_bases(other, item) == frozenset(dag.maximal(common))


@lawful
@given(histories(), st.data())
def test_a_stamp_leaves_its_target_as_a_row_and_no_row_below_another(
    revisions: tuple[Revision, ...], data: st.DataObject
) -> None:
    dag = RevisionDag(revisions)
    rows = draw_rows(data, dag)
    target = data.draw(st.sampled_from([revision.id for revision in dag]))
    after = plan_stamp(dag, [target], rows).heads_after
    assert target in after
    assert after == dag.maximal(after)
