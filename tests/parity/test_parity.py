from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.parity.differences import DIFFERENCES, differing, rule_for
from tests.parity.kinds import KINDS
from tests.parity.lines import all_lines
from tests.parity.pair import Pair
from tests.parity.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.parity.lines import Line

LINES = all_lines()


@pytest.fixture(scope="module")
def pair_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Pair]]:
    """Two copies of a project by the name of its shape; its databases do not wait for the disk."""
    pairs: dict[str, Pair] = {}

    def made(shape: str) -> Pair:
        if shape not in pairs:
            pairs[shape] = Pair.make(tmp_path_factory.mktemp(shape), {**SHAPES, **KINDS}[shape])
        return pairs[shape]

    sa.event.listen(sa.Engine, "connect", _do_not_wait_for_the_disk)
    yield made
    sa.event.remove(sa.Engine, "connect", _do_not_wait_for_the_disk)


def _do_not_wait_for_the_disk(connection: sa.engine.interfaces.DBAPIConnection, record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = OFF")
    cursor.close()


def sample() -> set[int]:
    """Return the lines for `make test`: a third, with each rule and kind of project. `make soak` has the others."""
    first: dict[object, int] = {}
    for at, line in enumerate(LINES):
        first.setdefault(rule_for(line), at)
        first.setdefault(line.shape, at)
    return {*first.values(), *range(0, len(LINES), 3)}


SAMPLE = sample()


@pytest.mark.parametrize(
    "line",
    [pytest.param(line, marks=[pytest.mark.soak] * (at not in SAMPLE)) for at, line in enumerate(LINES)],
    ids=str,
)
def test_both_programs_do_the_same(pair_of: Callable[[str], Pair], line: Line) -> None:
    rule = rule_for(line)
    ours, theirs = pair_of(line.shape).run(line.state, shlex.split(line.words))
    if differing(ours, theirs) != ({rule.what} if rule else set()):
        assert ours == theirs, rule  # shows both outcomes, whole


def test_every_rule_is_needed_by_some_line() -> None:
    used = {rule_for(line) for line in LINES}
    assert [rule.reason for rule in DIFFERENCES if rule not in used] == []


def test_there_are_more_than_a_thousand_lines_over_29_kinds_of_project() -> None:
    assert len(set(LINES)) == len(LINES) > 1_300
    assert len({line.shape for line in LINES}) == 29
