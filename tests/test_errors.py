"""docs/errors.md lists every code with the words that it comes in, and the corpus has no others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from branchmig import errors
from tests.faults.projects import every_case

if TYPE_CHECKING:
    from collections.abc import Iterator

ROW = re.compile(r"^\| `([a-z-]+)` \| (\d+) \| (.+?) \| .+ \|$", re.MULTILINE)
PAGE = (Path(__file__).parent.parent / "docs" / "errors.md").read_text(encoding="utf-8")


def kinds(base: type[errors.BranchmigError] = errors.BranchmigError) -> Iterator[type[errors.BranchmigError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_code_is_documented_with_its_exit_code() -> None:
    stated = {code: int(exit_code) for code, exit_code, _ in ROW.findall(PAGE)}
    assert stated == {kind.code: kind.exit_code for kind in kinds() if kind.__module__ == "branchmig.errors"}


def test_every_error_of_the_corpus_is_one_of_those_that_are_documented() -> None:
    patterns = {
        code: [
            ".*".join(map(re.escape, words.split("…"))) for words in re.findall(r"`([^`]+)`", cell.replace("<br>", " "))
        ]
        for code, _, cell in ROW.findall(PAGE)
    }
    for case in every_case():
        for _, outcome in case.outcomes:
            if outcome.error is not None:
                assert outcome.code is not None
                known = patterns[outcome.code]
                assert any(re.fullmatch(item, outcome.error) for item in known), (case.name, outcome.error)
