"""A process of its own for the code of another place: its env.py gives the models, whose statements are then run.

Asked by JSON on standard input, it writes its answer to the file that is named there; what the code prints goes to
standard error.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, MetaData, make_url

from branchmig.database.connecting import on_connection
from branchmig.database.trial.code_trial import tried
from branchmig.database.trial.connection_guard import ConnectionGuard
from branchmig.database.trial.trial_runner import ScratchEnvironment
from branchmig.errors import BranchmigError, EnvironmentFailed
from branchmig.project.config import ConfigFiles, Invocation
from branchmig.project.project import Project


@dataclass(frozen=True, slots=True)
class Question:
    """Which code, and which scratch database; `home` is what the code stands in for, where it was laid out."""

    url: str
    kind: str
    ini: str
    toml: str
    section: str
    x: tuple[str, ...]
    answer: str
    home: str = ""
    place: str = ""


def main() -> None:
    """Answer one question."""
    asked = json.loads(sys.stdin.read())
    question = Question(**{**asked, "x": tuple(asked["x"])})
    try:
        with contextlib.redirect_stdout(sys.stderr):
            found = _answer(question)
    except BranchmigError as error:
        found = {"error": [error.message, error.hint, list(error.details)]}
    Path(question.answer).write_text(json.dumps(found), encoding="utf-8")


def _answer(question: Question) -> dict[str, Any]:
    if question.place:
        _import_from(question.home, question.place)
    files = ConfigFiles(Path(question.ini), Path(question.toml), question.section)
    project = Project.open(files)
    invocation = Invocation(files, question.x, is_typed=False)
    url = make_url(question.url)
    guard = ConnectionGuard(url, question.kind, _other_databases(url, question.kind))
    environment = ScratchEnvironment(project, invocation, guard, url)
    environment.run(lambda *_: None, dont_mutate=True)
    if question.place:
        _refuse_strangers(question)
    metadatas = _metadatas(environment.target_metadata)
    own = url.set(drivername="sqlite") if question.kind == "sqlite" else url
    trial = on_connection(own, lambda connection: tried(connection, metadatas, environment.version_tables))
    return asdict(trial)


def _metadatas(given: Any) -> Sequence[MetaData]:
    found = [given] if isinstance(given, MetaData) else list(given or ())
    if not any(isinstance(each, MetaData) and each.tables for each in found):
        raise EnvironmentFailed(
            "env.py gives no target_metadata with tables, so nothing says what the code's statements are",
            "have env.py import the models, or give the code's own tests: --run COMMAND",
        )
    return found


def _import_from(home: str, place: str) -> None:
    """Let what is installed from the work tree, in editable mode or by PYTHONPATH, come from the files laid out."""
    sys.path[:] = [_moved(entry, home, place) for entry in sys.path]
    for finder in sys.meta_path:
        module = sys.modules.get(getattr(finder, "__module__", ""))
        mapping = getattr(module, "MAPPING", None)
        if isinstance(mapping, dict):
            mapping.update({name: _moved(path, home, place) for name, path in mapping.items() if isinstance(path, str)})


def _moved(path: str, home: str, place: str) -> str:
    real = os.path.realpath(path) if path else path
    is_inside = real == home or real.startswith(home + os.sep)
    return place + real[len(home) :] if is_inside and os.path.isdir(place + real[len(home) :]) else path


def _refuse_strangers(question: Question) -> None:
    """Raise EnvironmentFailed if the code has imported a module of the work tree, which is other code."""
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or name.partition(".")[0] == "branchmig":
            continue
        real = os.path.realpath(file)
        installed = f"{os.sep}site-packages{os.sep}" in real
        if real.startswith(question.home + os.sep) and not installed:
            raise EnvironmentFailed(
                f"cannot tell: the code imported {name} from {real}, which is the work tree's",
                "let env.py find its models relative to itself, or by prepend_sys_path",
            )


def _other_databases(url: URL, kind: str) -> tuple[str, ...]:
    if kind != "mysql":
        return ()
    names = on_connection(url, lambda connection: connection.exec_driver_sql("SHOW DATABASES").scalars().all())
    return tuple(sorted(set(names) - {"information_schema", "performance_schema", str(url.database)}))


if __name__ == "__main__":
    main()
