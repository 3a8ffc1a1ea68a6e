"""`python -m benchmarks`: branchmig beside alembic. Ends with 0 whether goals are met or missed: machines are noisy."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.cases import CASES, PROGRAMS, Case, Projects
from benchmarks.processes import Outcome, run_module
from benchmarks.report import Result, document, table


def main() -> None:
    options = _options()
    cases = _named(options.only)
    with tempfile.TemporaryDirectory(prefix="branchmig-bench-") as top:
        os.environ["XDG_CACHE_HOME"] = str(Path(top) / "cache")
        projects = Projects(Path(top))
        results = [_measure(case, projects, options.runs, Path(top) / "output") for case in cases]
    text = table(results, options.runs)
    print(text, end="")
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    if options.json:
        options.json.write_text(json.dumps(document(results, options.runs), indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=_count, default=5, help="how often each program runs (default 5)")
    parser.add_argument("--only", default="", metavar="PATTERN", help="only cases whose name holds this text")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table to a file too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to a file")
    return parser.parse_args()


def _named(pattern: str) -> list[Case]:
    cases = [case for case in CASES if pattern.lower() in case.name.lower()]
    if not cases:
        sys.exit(f"error: no case holds {pattern!r}: {', '.join(case.name for case in CASES)}")
    for case in cases:
        if not case.is_possible():
            print(f"{case.name}: left out, no server answers", file=sys.stderr)
    return [case for case in cases if case.is_possible()]


def _count(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return int(text)


def _measure(case: Case, projects: Projects, runs: int, output: Path) -> Result:
    print(f"{case.name} …", file=sys.stderr, flush=True)
    folder = projects.folder(*case.project)
    case.before_all(folder, output)

    def turn() -> dict[str, Outcome]:
        outcomes = {}
        for program in PROGRAMS:
            case.before_each(folder)
            outcomes[program] = run_module(case.arguments(program), folder, output)
        return outcomes

    warm_up = turn()  # not counted: it compiles the programs themselves and fills the disk cache
    if case.answer(warm_up["alembic"]) != case.answer(warm_up["branchmig"]):
        sys.exit(f"error: {case.name}: the two programs do not give the same answer")
    turns = [turn() for _ in range(runs)]
    case.after_all(folder)
    return Result(case, {program: [turn[program] for turn in turns] for program in PROGRAMS})


if __name__ == "__main__":
    main()
