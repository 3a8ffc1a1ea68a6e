from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from branchmig.effects.schema_identity import Identified, Steps, identified, nearest
from branchmig.effects.schema_snapshot import Catalog

Change = tuple[str, str, str | None]
"""An object, a part of it, and what it is now; None where it is gone."""


def built(changes: list[list[Change]], chosen: set[int]) -> Catalog:
    objects: dict[str, dict[str, str]] = {"table there": {"column a": "int"}}
    for number in sorted(chosen):
        for whole, part, text in changes[number]:
            if text is None:
                objects.get(whole, {}).pop(part, None)
            else:
                objects.setdefault(whole, {})[part] = text
    return Catalog({whole: parts for whole, parts in objects.items() if parts})


def steps_of(changes: list[list[Change]], parents: list[set[int]]) -> Steps:
    below: list[set[int]] = []
    for own in parents:
        below.append(own.union(*(below[parent] for parent in own)))
    names = [f"r{number:02}" for number in range(len(changes))]
    return Steps(
        tuple(names),
        {name: frozenset(names[other] for other in below[number]) for number, name in enumerate(names)},
        tuple(built(changes, set(range(number))) for number in range(len(changes) + 1)),
    )


@given(st.data())
def test_every_set_of_revisions_is_found_as_far_as_it_leaves_traces(data: st.DataObject) -> None:
    """Each revision makes something of its own, and may change or drop what those below it have made."""
    size = data.draw(st.integers(0, 12))
    parents = [set(data.draw(st.lists(st.integers(0, n - 1), max_size=2))) if n else set() for n in range(size)]
    below: list[set[int]] = []
    changes: list[list[Change]] = []
    for number, own in enumerate(parents):
        below.append(own.union(*(below[parent] for parent in own)))
        made: list[Change] = [(f"table t{number}", "column a", "int")]
        for other in sorted(below[number]):
            made += data.draw(st.sampled_from([[], [], [(f"table t{other}", "column b", f"by {number}")]]))
        changes.append(made)
    tips = data.draw(st.sets(st.integers(0, size - 1))) if size else set()
    chosen = tips.union(*(below[tip] for tip in tips))
    steps = steps_of(changes, parents)
    wanted = frozenset(f"r{number:02}" for number in chosen)
    assert identified(steps, built(changes, chosen)) == Identified(wanted, frozenset())


def test_what_leaves_no_trace_is_undecided_and_what_nobody_made_is_none() -> None:
    changes: list[list[Change]] = [[("table a", "column x", "int")], [], [("table a", "column x", None)]]
    steps = steps_of(changes, [set(), {0}, {1}])
    assert identified(steps, built(changes, {0})) == Identified(frozenset({"r00", "r01"}), frozenset({"r01"}))
    live = Catalog(
        {"table there": {"column a": "int"}, "table a": {"column x": "text"}, "table b": {"column y": "int"}}
    )
    everything = frozenset({"r00", "r01", "r02"})
    assert identified(steps, built(changes, set())) == Identified(everything, everything)
    assert identified(steps, live) is None
    assert nearest(steps, live) == (frozenset({"r00"}), 3)
    others = Catalog({**built(changes, {0}).objects, "table b": {"column y": "int"}})
    assert identified(steps, others) is None
    assert identified(steps, others, {"table b"}) == Identified(frozenset({"r00", "r01"}), frozenset({"r01"}))
