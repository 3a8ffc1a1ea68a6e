from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from branchmig.fleet.schedule import Entry, Limits, Schedule, delay, stages_of


def schedule(names: str, limits: Limits, server: str = "s", canaries: int = 0) -> Schedule:
    stages = stages_of([""] * len(names), canaries)
    entries = [Entry(name, server, stage) for name, stage in zip(names, stages, strict=True)]
    return Schedule(entries, limits, bool(canaries))


def names(entries: list[Entry]) -> str:
    return "".join(entry.name for entry in entries)


def test_canaries_come_first_then_the_groups_in_order() -> None:
    assert stages_of(["eu", "eu", "us", "eu"], 0) == [0, 0, 1, 0]
    assert stages_of(["eu", "eu", "us", "us"], 1) == [0, 1, 2, 2]


def test_no_more_begin_than_there_are_workers_and_a_server_may_carry() -> None:
    assert names(schedule("abc", Limits(2)).begin(0)) == "ab"
    assert names(schedule("abc", Limits(3, per_server=1)).begin(0)) == "a"
    # Files are on no server.
    assert names(schedule("abc", Limits(3, per_server=1), server="").begin(0)) == "abc"


def test_a_full_server_does_not_hold_up_the_others() -> None:
    entries = [Entry("a", "one", 0), Entry("b", "one", 0), Entry("c", "two", 0)]
    assert names(Schedule(entries, Limits(3, per_server=1)).begin(0)) == "ac"


def test_a_stage_begins_when_the_one_before_is_over() -> None:
    plan = Schedule([Entry("a", "", 0), Entry("b", "", 0), Entry("c", "", 1)], Limits(9))
    assert names(plan.begin(0)) == "ab"
    assert plan.end("a", "right", 1)
    assert names(plan.begin(1)) == ""
    assert plan.end("b", "wrong", 2)
    assert names(plan.begin(2)) == "c"
    assert plan.end("c", "right", 3)
    assert (plan.is_over, plan.stopped_because, plan.wrong) == (True, None, 1)


def test_a_canary_that_fails_stops_the_run_and_one_that_will_be_tried_again_does_not() -> None:
    plan = schedule("abc", Limits(9, retries=1), canaries=1)
    assert names(plan.begin(0)) == "a"
    assert not plan.end("a", "again", 0)
    assert names(plan.begin(0)) == ""
    assert names(plan.begin(60)) == "a"
    assert plan.end("a", "again", 60)
    assert (plan.is_over, plan.stopped_because, plan.begin(99)) == (True, "a canary failed", [])


def test_more_failures_than_allowed_stop_the_run_and_what_runs_may_end() -> None:
    plan = schedule("abcd", Limits(2, max_failures=1))
    plan.begin(0)
    plan.end("a", "wrong", 0)
    assert names(plan.begin(0)) == "c"
    plan.end("b", "wrong", 0)
    assert (plan.begin(0), plan.is_over, plan.running) == ([], False, frozenset("c"))
    plan.end("c", "right", 0)
    assert (plan.is_over, plan.stopped_because) == (True, "more than 1 failed")


def test_a_target_known_to_fail_counts_as_a_failure() -> None:
    plan = schedule("ab", Limits(2, max_failures=0))
    plan.miss(Entry("z", "", 1))
    assert (plan.is_over, plan.begin(0)) == (True, [])


def test_a_further_attempt_waits_for_its_time_and_there_are_only_so_many() -> None:
    plan = schedule("a", Limits(1, retries=1))
    plan.begin(0)
    assert plan.may_try_again("a")
    assert not plan.end("a", "again", 10.0)
    due = plan.wakes_at(10.0)
    assert due == 10.0 + delay("a", 1)
    assert plan.begin(10.0) == []
    assert names(plan.begin(due)) == "a"
    assert plan.wakes_at(due) is None
    assert not plan.may_try_again("a")
    assert plan.end("a", "again", due)
    assert (plan.is_over, plan.wrong, plan.attempts("a")) == (True, 1, 2)


def test_an_attempt_that_is_due_while_its_server_is_full_wakes_nobody() -> None:
    plan = schedule("ab", Limits(2, per_server=1))
    plan.begin(0)
    plan.end("a", "again", 0)
    assert names(plan.begin(0.1)) == "b"
    assert (plan.begin(99), plan.wakes_at(99)) == ([], None)


def test_delays_grow_and_end_and_differ_by_name() -> None:
    grown = [delay("a", attempt) for attempt in range(1, 10)]
    assert grown == sorted(grown)
    assert grown[-1] <= 30 * 1.25
    assert len({delay(name, 1) for name in "abcdefgh"}) > 4


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["", "p", "q"])), max_size=30),
    st.integers(1, 5),
    st.integers(1, 3),
    st.lists(st.sampled_from(["right", "wrong", "again"]), min_size=200, max_size=200),
)
def test_every_target_ends_once_in_the_order_of_the_stages_within_the_limits(
    rows: list[tuple[int, str]], workers: int, per_server: int, verdicts: list[str]
) -> None:
    entries = [Entry(str(number), server, stage) for number, (stage, server) in enumerate(rows)]
    plan = Schedule(entries, Limits(workers, per_server, None, 1))
    by_name = {entry.name: entry for entry in entries}
    ended: list[str] = []
    now = 0.0
    turn = iter(verdicts)
    while not plan.is_over:
        plan.begin(now)
        running = sorted(plan.running)
        assert len(running) <= workers
        for server in ("p", "q"):
            assert sum(by_name[name].server == server for name in running) <= per_server
        if not running:
            wakes = plan.wakes_at(now)
            assert wakes is not None
            now = wakes
            continue
        verdict = next(turn)
        if plan.end(running[0], verdict, now):  # type: ignore[arg-type]
            ended.append(running[0])
    assert sorted(ended) == sorted(by_name)
    stages = [by_name[name].stage for name in ended]
    assert stages == sorted(stages)
