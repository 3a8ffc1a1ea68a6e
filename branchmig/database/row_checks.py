"""Asks the live rows whether they meet what pending revisions need; writes nothing, blocks nobody long."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from branchmig.database.live_catalog import LiveCatalog
from branchmig.database.run import failures
from branchmig.database.run.environment import Environment
from branchmig.database.run.session import in_session, note_session, session_of
from branchmig.database.run.side_connection import SideConnection
from branchmig.database.surveying import VersionTable, survey
from branchmig.effects.dialects import server_name
from branchmig.effects.questions import CannotAsk, Question
from branchmig.effects.row_needs import needs_of
from branchmig.errors import AnswerIsNo
from branchmig.model import Plan
from branchmig.project.worktree import read_file

Found = TypeVar("Found")
MakePlan = Callable[[Sequence[str | None]], Plan]

MOST_SAMPLES = 5

_WORDS = {
    "null-values": "with NULL",
    "duplicate-values": "with the same values as another",
    "check-violated": "against the check",
    "orphaned-rows": "pointing to rows that are not there",
    "value-too-long": "with a value too long for the new type",
    "value-out-of-range": "with a value out of the range of the new type",
    "cast-fails": "with a value that cannot be read as the new type",
    "default-not-constant": "in the table, and SQLite adds such a column only to an empty one",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """Rows that a pending revision would stumble over: how many, and the keys of a few."""

    code: str
    revision: str
    object: str
    rows: int
    sample: tuple[Mapping[str, Any], ...] = ()

    def __str__(self) -> str:
        named = "; ".join(", ".join(f"{name}={value}" for name, value in key.items()) for key in self.sample)
        more = "; …" if named and self.rows > len(self.sample) else ""
        rows = f"{self.rows} row{'' if self.rows == 1 else 's'} {_WORDS.get(self.code, 'is in the way')}"
        where = f"{self.code}: revision {self.revision} fails: {self.object}"
        return f"{where}: {rows}{f' ({named}{more})' if named else ''}"


@dataclass(frozen=True, slots=True)
class CheckedRows:
    """The answers of one database's rows to the revisions that are pending there."""

    database: str
    pending: int
    violations: tuple[Violation, ...]
    unchecked: tuple[CannotAsk, ...]

    @property
    def is_ok(self) -> bool:
        """Whether everything was asked, and no row is in the way."""
        return not self.violations and not self.unchecked


def check_rows(environment: Environment, make_plan: MakePlan, seconds: float) -> list[CheckedRows]:
    """Return what the rows of each database that env.py opens say to the upgrades of a plan; none of them is run.

    `seconds` is the most that one question may take. Raises what `make_plan` raises, and EnvironmentFailed.
    """

    def look(database: VersionTable) -> CheckedRows:
        plan = make_plan(database.rows)
        revisions = [step.revision for step in plan.steps if step.direction == "upgrade"]
        scripts = {revision.id: read_file(revision.path) for revision in revisions if revision and revision.path}
        return rows_checked(database, scripts, seconds)

    return survey(environment, look)


def rows_checked(
    database: VersionTable, scripts: Mapping[str, bytes], seconds: float, undone: Mapping[str, bytes] | None = None
) -> CheckedRows:
    """Return what the rows of a database say to the upgrades of some scripts, once those of `undone` are reverted."""
    found = _read_only(database, seconds, lambda own: answers(own, scripts, undone))
    violations = tuple(answer for answer in found if isinstance(answer, Violation))
    unchecked = tuple(answer for answer in found if isinstance(answer, CannotAsk))
    return CheckedRows(str(database.identity), len(scripts), violations, unchecked)


def refuse_violations(checked: Sequence[CheckedRows], hint: str) -> None:
    """Go on only where no row is in the way. Raises AnswerIsNo, naming the rows."""
    violations = [violation for database in checked for violation in database.violations]
    if violations:
        message = "rows are in the way of pending revisions: nothing was run"
        raise AnswerIsNo(message, hint, list(map(str, violations)))


def _read_only(database: VersionTable, seconds: float, work: Callable[[Connection], Found]) -> Found:
    """Return what a function finds on a connection on which nothing can be written.

    A file of SQLite may be in memory, and is asked on env.py's own connection: the questions are SELECTs.
    """
    own = database.context.connection
    assert own is not None  # a plan without a database has no rows
    if own.dialect.name == "sqlite":
        return work(own)
    note_session(database.context)
    session = session_of(database.context)

    def ask(connection: Connection) -> Found:
        with in_session(connection, session) as there:
            _restrict(there, seconds)
            try:
                return work(there)
            finally:
                if there.dialect.name != "postgresql":
                    there.exec_driver_sql("ROLLBACK")

    with closing(SideConnection.open(own)) as side:
        return side.ask(ask)


def _restrict(connection: Connection, seconds: float) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
        return
    is_mariadb = server_name(connection.dialect) == "mariadb"
    limit = f"max_statement_time = {seconds:g}" if is_mariadb else f"max_execution_time = {int(seconds * 1000)}"
    connection.exec_driver_sql(f"SET SESSION {limit}")
    connection.exec_driver_sql("START TRANSACTION READ ONLY")


def answers(
    connection: Connection, scripts: Mapping[str, bytes], undone: Mapping[str, bytes] | None = None
) -> list[Violation | CannotAsk]:
    """Return what the rows of a connection's database say to the upgrades of some revisions, in their order."""
    found: list[Violation | CannotAsk] = []
    for need in needs_of(scripts, LiveCatalog(connection), undone):
        if isinstance(need, CannotAsk):
            found.append(need)
            continue
        try:
            with _savepoint(connection):
                answers = _casts(connection, need) if need.casts is not None else _asked(connection, need)
        except SQLAlchemyError as error:
            found.append(CannotAsk(need.code, need.revision, need.object, failures.summary(error)))
            continue
        found += [_weighed(need, answer) for answer in answers]
        if not answers and need.more:
            found.append(CannotAsk(need.code, need.revision, need.object, need.more))
    return found


def _weighed(need: Question, answer: Violation) -> Violation | CannotAsk:
    """Return the answer; where something that cannot be read may change it, that it cannot be known."""
    if not need.doubt:
        return answer
    reason = f"{answer.rows} rows break it now; {need.doubt}"
    return CannotAsk(answer.code, need.revision, need.object, reason)


@contextmanager
def _savepoint(connection: Connection) -> Iterator[None]:
    """Keep a question that fails from ending the transaction, where it would."""
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.exec_driver_sql("SAVEPOINT branchmig_question")
    try:
        yield
    except BaseException:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT branchmig_question")
        raise
    connection.exec_driver_sql("RELEASE SAVEPOINT branchmig_question")


def _statement(sql: str) -> Any:
    # A colon before a word would be a parameter.
    return text(re.sub(r"(?<![:\w\\]):(\w+)(?!:)", r"\\:\1", sql))


def _asked(connection: Connection, need: Question) -> list[Violation]:
    number = connection.execute(_statement(f"SELECT COUNT(*) FROM ({need.sql}) AS found_rows")).scalar_one()
    if not number:
        return []
    sample: list[dict[str, Any]] = []
    if need.key:
        order = ", ".join(map(str, range(1, len(need.key) + 1)))
        rows = connection.execute(_statement(f"{need.sql} ORDER BY {order} LIMIT {MOST_SAMPLES}"))
        sample = [dict(zip(need.key, map(_plain, row), strict=True)) for row in rows]
    return [Violation(need.code, need.revision, need.object, number, tuple(sample))]


def _plain(value: object) -> object:
    return value if isinstance(value, int | str | float | None) else str(value)


_CASTS = """\
DO $branchmig$
DECLARE
  r record; v {type}; found jsonb := '{{}}'; c text; k jsonb;
BEGIN
  FOR r IN SELECT {columns} FROM {source} AS {alias} LOOP
    BEGIN
      SELECT ({expression}) INTO v FROM (SELECT {values}) AS {alias};
    EXCEPTION WHEN OTHERS THEN
      c := SQLSTATE;
      k := jsonb_build_object({key});
      found := jsonb_set(found, ARRAY[c], jsonb_build_array(
        COALESCE((found -> c ->> 0)::bigint, 0) + 1,
        CASE WHEN jsonb_array_length(COALESCE(found -> c -> 1, '[]')) < {most}
          THEN COALESCE(found -> c -> 1, '[]') || k ELSE found -> c -> 1 END));
    END;
  END LOOP;
  PERFORM set_config('branchmig.found', found::text, true);
END $branchmig$"""
_STATES = {"22001": "value-too-long", "22003": "value-out-of-range"}


def _casts(connection: Connection, need: Question) -> list[Violation]:
    """Convert value by value, and count what PostgreSQL refuses by its error."""
    casts = need.casts
    assert casts is not None
    quoted = connection.dialect.identifier_preparer.quote_identifier
    parts = {
        "type": casts.type,
        "columns": ", ".join(casts.columns),
        "source": casts.source,
        "alias": casts.alias,
        "expression": casts.expression,
        "values": ", ".join(f"r.{name} AS {name}" for name in casts.columns),
        "key": ", ".join(f"'{name}', r.{quoted(name)}" for name in need.key),
        "most": MOST_SAMPLES,
    }
    connection.execute(_statement(_CASTS.format(**parts)))
    found = json.loads(connection.execute(text("SELECT current_setting('branchmig.found')")).scalar_one())
    return [
        Violation(_STATES.get(state, "cast-fails"), need.revision, need.object, number, tuple(s for s in sample if s))
        for state, (number, sample) in sorted(found.items())
    ]
