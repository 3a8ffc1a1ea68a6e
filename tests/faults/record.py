"""Write down what branchmig answers to the cases of the corpus, for a reader to judge: python -m tests.faults.record.

Names of cases may follow. What stands above the mark in a case.toml is kept; what stands below it is written anew.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.conftest import MARIADB, POSTGRES, answering_engine, fresh_database
from tests.faults import projects
from tests.faults.projects import CORPUS, SHOWN, Case, Outcome

MARK = "# --- what branchmig answers: written by `python -m tests.faults.record`, judged by a reader\n"


def record(case: Case, folder: Path, url: str) -> str:
    """Return the lower part of a case.toml."""
    groups: dict[Outcome, list[str]] = {}
    answers: dict[str, str] = {}
    for number, command in enumerate(case.commands):
        root = folder / f"{case.name}-{number}"
        here = url or f"sqlite:///{folder}/{case.name}-{number}.db"
        if url:
            projects.clear(url)
        project = projects.build(case, root, here)
        run = projects.run(project, command)
        outcome = run.outcome(root, here)
        if case.is_loose and outcome.error:
            outcome = replace(outcome, error=re.sub(r"(env.py:\d+: \w+: ).*", r"\1{any}", outcome.error))
        groups.setdefault(outcome, []).append(command)
        if command in SHOWN and run.result.exit_code == 0:
            answers[command] = run.result.stdout.replace(str(root), "{root}")
    lines = [MARK]
    if answers:
        lines += ["[answers]", *(f"{name} = {_quoted(text)}" for name, text in answers.items()), ""]
    for outcome, commands in sorted(groups.items(), key=lambda pair: (pair[0].exit, -len(pair[1]))):
        lines += ["[[outcome]]", f"commands = {_quoted(commands)}", f"exit = {outcome.exit}"]
        for name in ("code", "error", "details", "hint", "warnings"):
            if getattr(outcome, name):
                lines.append(f"{name} = {_quoted(getattr(outcome, name))}")
        lines.append("")
    return "\n".join(lines)


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        servers = {"postgres": POSTGRES, "mariadb": MARIADB}
        for case in projects.every_case():
            if names and case.name not in names:
                continue
            path = CORPUS / case.name / "case.toml"
            upper = path.read_text(encoding="utf-8").partition(MARK)[0].rstrip("\n")
            kind = case.databases[0]
            url = ""
            if kind in servers:
                url = stack.enter_context(fresh_database(answering_engine(servers[kind]), servers[kind]))
            lower = record(case, Path(scratch), url)
            path.write_text(f"{upper}\n\n{lower}", encoding="utf-8")
            sys.stdout.write(f"{case.name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
