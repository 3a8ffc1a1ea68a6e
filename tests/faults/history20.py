"""Twenty revisions of which each does an INSERT and two statements of DDL, in one order or another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.support import ProjectFolder

NUMBER = 20


@dataclass(frozen=True, slots=True)
class Effect:
    """One statement of a revision: a line of its script, and a question whose answer is whether it is in effect."""

    line: str
    question: str

    def is_there(self, connection: Connection) -> bool:
        return bool(connection.exec_driver_sql(self.question).scalar())


def effects(number: int) -> list[Effect]:
    """Return the statements of revision `number`, in the order in which its script runs them."""
    if number == 1:
        return [
            Effect(
                "op.create_table('audit', sa.Column('n', sa.Integer()))",
                "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() "
                "AND table_name = 'audit'",
            )
        ]
    insert = Effect(
        f'op.execute("INSERT INTO audit (n) VALUES ({number})")',
        f"SELECT count(*) FROM audit WHERE n = {number}",
    )
    create = Effect(
        f"op.create_table('t{number:02}', sa.Column('id', sa.Integer(), primary_key=True))",
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() "
        f"AND table_name = 't{number:02}'",
    )
    below = "audit" if number == 2 else f"t{number - 1:02}"
    add = Effect(
        f"op.add_column('{below}', sa.Column('a{number}', sa.Integer()))",
        "SELECT count(*) FROM information_schema.columns WHERE table_schema = DATABASE() "
        f"AND table_name = '{below}' AND column_name = 'a{number}'",
    )
    return [[insert, create, add], [create, insert, add], [create, add, insert]][number % 3]


def write_history(project: ProjectFolder, length: int = NUMBER) -> None:
    """Write revisions r01, r02, … in one line."""
    for number in range(1, length + 1):
        below = [f"r{number - 1:02}"] if number > 1 else []
        project.revision(f"r{number:02}", *below, upgrade="\n".join(effect.line for effect in effects(number)))


def in_effect(connection: Connection, number: int) -> list[bool]:
    """Return which statements of a revision are in effect."""
    return [effect.is_there(connection) for effect in effects(number)]


def defects(connection: Connection, length: int = NUMBER) -> list[str]:
    """Return what is not as so many revisions leave it: what is missing, and rows that are there twice."""
    found = [f"r{number:02}" for number in range(1, length + 1) if not all(in_effect(connection, number))]
    doubled = connection.exec_driver_sql("SELECT n FROM audit GROUP BY n HAVING count(*) > 1").scalars()
    return [*found, *(f"audit has {number} twice" for number in doubled)]


def drop_everything(connection: Connection) -> None:
    """Leave an empty database behind."""
    tables = sa.inspect(connection).get_table_names()
    if tables:
        connection.exec_driver_sql(f"DROP TABLE {', '.join(tables)}")
