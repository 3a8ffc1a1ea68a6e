"""The results of `make soak` as the tables of docs/promises.md: python -m tests.faults.table RESULTS.

RESULTS is the file that $BRANCHMIG_SOAK_RESULTS named while the tests ran.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

COLUMNS = {
    "starts": {
        "database": "database",
        "start": "at first",
        "mode": "env.py",
        "processes": "processes",
        "failed": "failed",
        "wrong": "databases wrong",
    },
    "crashes": {
        "database": "database",
        "mode": "transactions",
        "killed": "kills",
        "stuck": "stuck",
        "wrong": "rows lacking or double",
        "waited": "had to wait",
    },
    "lock queue": {
        "database": "database",
        "holder": "transaction open for, s",
        "rounds": "rounds",
        "slowest": "slowest read, s",
        "failed": "failed",
    },
}


def main(path: str) -> list[str]:
    """Return the lines of one table for each promise, the control arms last."""
    results = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
    lines = []
    for promise, columns in COLUMNS.items():
        rows = [result for result in results if result["promise"] == promise]
        rows.sort(key=lambda item: (item["arm"] != "branchmig", *(str(item[key]) for key in columns if key in item)))
        lines += [
            "",
            f"### {promise}",
            "",
            f"| | {' | '.join(columns.values())} |",
            f"|{' --- |' * (len(columns) + 1)}",
        ]
        lines += [
            f"| {revision_id['arm']} | {' | '.join(_cell(revision_id.get(key, '')) for key in columns)} |"
            for revision_id in rows
        ]
    return lines[1:]


def _cell(value: Any) -> str:
    return str(len(value)) if isinstance(value, list) else str(value)


if __name__ == "__main__":
    sys.stdout.write("\n".join(main(sys.argv[1])) + "\n")
