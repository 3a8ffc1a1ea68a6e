from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from alembic.runtime.migration import RevisionStep
from alembic.script import ScriptDirectory

from tests.parity.pair import Pair
from tests.parity.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

URLS = {
    "sqlite": "sqlite:///nowhere.db",
    "postgresql": "postgresql+psycopg://someone@nowhere/db",
    "mysql": "mysql+pymysql://someone@nowhere/db",
    "mssql": "mssql+pyodbc://someone@nowhere/db",
    "oracle": "oracle+oracledb://someone@nowhere/db",
}
RANGES = {
    "linear": ["upgrade heads", "upgrade b2bb:head", "upgrade c3cc", "downgrade d4dd:b2bb", "downgrade head:base"],
    "merged": [
        "upgrade heads",
        "upgrade b2bb:heads",
        "upgrade m4mm:e5ee",
        "downgrade e5ee:base",
        "downgrade m4mm:b2bb",
    ],
    "forked": ["upgrade heads", "upgrade a1aa:heads", "downgrade b3bb:a1aa", "downgrade c2cc:base", "stamp heads"],
    "criss_cross": ["upgrade heads", "upgrade m1mm:heads", "downgrade m1mm:base"],
    "labelled": ["upgrade users@head", "upgrade users:users@head", "downgrade shop:a1aa", "stamp shop"],
    "bases": ["upgrade heads", "upgrade a2aa:heads", "upgrade two@head", "downgrade b2bb:b1bb"],
    "depends": ["upgrade heads", "upgrade a1aa:heads", "upgrade b1bb:heads", "downgrade b2bb:b1bb"],
    "depends_across": ["upgrade heads", "upgrade b1bb:heads", "downgrade b2bb:a1aa"],
    "multidb": ["upgrade heads", "upgrade a1aa:b2bb", "downgrade b2bb:base"],
    "with_async_env": ["upgrade heads", "ensure_version", "stamp a1aa:b2bb"],
    "recursive": ["upgrade heads", "upgrade a1aa:+1", "downgrade c3cc:-1", "stamp base"],
    "locations": ["upgrade plugin@head", "upgrade heads"],
}


@pytest.fixture
def alembic_in_our_order(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], None]:
    """Let alembic run its own steps in the order of branchmig's plan: its own depends on file names (T5)."""

    def reorder(order: list[str]) -> None:
        for name, is_upgrade in (("_upgrade_revs", True), ("_downgrade_revs", False)):
            original = getattr(ScriptDirectory, name)

            def ordered(self: Any, destination: str, current: Any, original: Any = original) -> list[Any]:
                steps = original(self, destination, current)
                return sorted(steps, key=lambda step: order.index(step.revision.revision))

            def reversed_(self: Any, destination: str, current: Any, original: Any = original) -> list[Any]:
                steps = original(self, destination, current)
                return sorted(steps, key=lambda step: -order.index(step.revision.revision))

            monkeypatch.setattr(ScriptDirectory, name, ordered if is_upgrade else reversed_)

    monkeypatch.setattr(RevisionStep, "_unmerge_to_revisions", _as_the_file_names_them)
    return reorder


def _as_the_file_names_them(
    step: RevisionStep, heads: set[str], original: Any = RevisionStep._unmerge_to_revisions
) -> tuple[str, ...]:
    """Alembic's rows in the order of down_revision and depends_on: its own is that of a set, by hashes."""
    revision = step.revision
    named = [*revision._versioned_down_revisions, *revision._resolved_dependencies]
    return tuple(sorted(original(step, heads), key=named.index))


def order_of(pair: Pair) -> list[str]:
    shown = json.loads(pair.ours.branchmig("upgrade", "heads", "--plan", "--from", "base", "--format", "json").stdout)
    return [step["revision"] for step in shown["steps"]]


def use(pair: Pair, url: str) -> None:
    for project in (pair.ours, pair.theirs):
        for path in (project.root / "alembic.ini", project.migrations / "env.py"):
            path.write_text(path.read_text().replace(project.url, url))


@pytest.mark.parametrize("shape", sorted(RANGES))
def test_sql_is_alembics_byte_for_byte_in_the_same_order(
    tmp_path: Path, shape: str, alembic_in_our_order: Callable[[list[str]], None]
) -> None:
    pair = Pair.make(tmp_path, SHAPES[shape])
    alembic_in_our_order(order_of(pair))
    use(pair, URLS["postgresql"])
    for words in RANGES[shape]:
        ours, theirs = (run(*words.split(), "--sql") for run in (pair.ours.branchmig, pair.theirs.alembic))
        assert (ours.exit_code, ours.stderr, theirs.exit_code) == (0, "", 0), words
        assert ours.stdout == theirs.stdout, words


@pytest.mark.parametrize("dialect", sorted(URLS))
def test_sql_of_every_dialect_is_alembics_byte_for_byte(
    tmp_path: Path, dialect: str, alembic_in_our_order: Callable[[list[str]], None]
) -> None:
    pair = Pair.make(tmp_path, SHAPES["merged"])
    alembic_in_our_order(order_of(pair))
    use(pair, URLS[dialect])
    for words in ("upgrade heads", "upgrade a1aa:heads", "downgrade e5ee:base", "stamp a1aa:m4mm", "ensure_version"):
        ours, theirs = (run(*words.split(), "--sql") for run in (pair.ours.branchmig, pair.theirs.alembic))
        assert (ours.exit_code, ours.stderr, theirs.exit_code) == (0, "", 0), words
        assert ours.stdout == theirs.stdout, words


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("downgrade base", "downgrade with --sql requires <fromrev>:<torev>"),
        ("stamp heads --purge", "Can't use --purge with --sql mode"),
        ("stamp a1aa:b2bb b2bb:c3cc", "Stamp operation with --sql only supports a single starting revision at a time"),
        ("upgrade :head", "':head' is no range"),
        ("upgrade a1aa:b2bb:c3cc", "'a1aa:b2bb:c3cc' is no range"),
        ("upgrade nope:head", "no revision or branch label 'nope'"),
    ],
)
def test_what_cannot_be_written_as_sql_is_refused(tmp_path: Path, words: str, error: str) -> None:
    pair = Pair.make(tmp_path, SHAPES["linear"])
    ours, theirs = (run(*words.split(), "--sql") for run in (pair.ours.branchmig, pair.theirs.alembic))
    assert (ours.exit_code, ours.stdout) == (3, "")
    assert ours.stderr.splitlines()[0] == f"error: {error}"
    assert theirs.exit_code != 0


def test_sql_goes_through_the_encoding_and_the_buffer_that_env_py_chose(tmp_path: Path) -> None:
    pair = Pair.make(tmp_path, SHAPES["dotted"])
    for project in (pair.ours, pair.theirs):
        env = (project.migrations / "env.py").read_text()
        project.write_env(
            env.replace(
                "literal_binds=True", "literal_binds=True, output_buffer=buffer, output_encoding='utf-8'"
            ).replace(
                "config = context.config",
                "import io\nfrom pathlib import Path\nconfig = context.config\nbuffer = io.BytesIO()",
            )
            + "\nPath('out.sql').write_bytes(buffer.getvalue())\n"
        )
    ours, theirs = (run("upgrade", "heads", "--sql") for run in (pair.ours.branchmig, pair.theirs.alembic))
    assert (ours.exit_code, ours.stdout, theirs.stdout) == (0, "", ""), ours.stderr
    assert (pair.ours.root / "out.sql").read_bytes() == (pair.theirs.root / "out.sql").read_bytes()
    assert "'x_ü'" in (pair.ours.root / "out.sql").read_text()
