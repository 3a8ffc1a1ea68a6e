"""Reads the tables of a cached state back from a copy of it: the schema that some revisions build, by the server."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import CompileError

from branchmig.database.connecting import on_connection
from branchmig.database.trial.drifting import others_version_tables
from branchmig.database.trial.inputs import Digests
from branchmig.database.trial.place_files import inputs_at
from branchmig.database.trial.reflection import read_catalog
from branchmig.database.trial.scratch import project_scratch
from branchmig.database.trial.server import StateGone
from branchmig.database.trial.servers import server_of
from branchmig.database.trial.store import State, store_of
from branchmig.effects.entities import Column, ForeignKey, Table, Tables, sorted_tables
from branchmig.effects.footprint.model import shown_name
from branchmig.project.config import Invocation
from branchmig.project.project import Project, View


def tables_of_state(
    project: Project, invocation: Invocation, view: View, ids: Collection[str]
) -> tuple[Tables, str] | None:
    """Return the tables of the state that some revisions of a place lead to, and its key; None if none is cached.

    Runs no code of the project. Connects to the server of scratch_url only where a state of these revisions is known.
    """
    store = store_of(project)
    known = [state for state in store.states() if state.content and state.scripts.keys() == set(ids)]
    if not known or not ids:
        return None
    server = server_of(project, store.folder)
    with closing(server):
        digests = Digests(store)
        inputs = inputs_at(project, invocation, view, server, digests)
        state = next((state for state in known if inputs.is_current(state)), None)
        digests.keep()
        if state is None:
            return None
        with project_scratch(project) as scratch:
            url = scratch.reserve()
            try:
                server.copy(state.content, server.address.named(str(url.database)))
            except StateGone:
                store.remove(state)
                return None
            return on_connection(url, lambda connection: read_tables(connection, state)), state.key


def read_tables(connection: Connection, state: State) -> Tables:
    """Return the tables of a database, those of alembic and branchmig left out."""
    catalog = read_catalog(connection, state.version_tables)
    shown = {name for name in catalog.objects if name.startswith("table ")} - set(others_version_tables(catalog))
    found = inspect(connection)
    schemas: Iterable[str | None] = [None]
    if connection.dialect.name == "postgresql":
        schemas = [name for name in found.get_schema_names() if name[:3] != "pg_" and name != "information_schema"]
    return sorted_tables(
        table for schema in schemas for table in _tables(connection, found, schema) if f"table {table.name}" in shown
    )


def _tables(connection: Connection, found: Any, schema: str | None) -> Iterator[Table]:
    primary = found.get_multi_pk_constraint(schema=schema)
    keys = found.get_multi_foreign_keys(schema=schema)
    for place, columns in found.get_multi_columns(schema=schema).items():
        own = set(primary[place]["constrained_columns"]) if place in primary else set()
        yield Table(
            shown_name(*place),
            tuple(
                Column(
                    each["name"],
                    _type(connection, each["type"]),
                    each["nullable"] and each["name"] not in own,
                    each["name"] in own,
                )
                for each in columns
            ),
            tuple(
                ForeignKey(
                    tuple(key["constrained_columns"]),
                    shown_name(key["referred_schema"], key["referred_table"]),
                    tuple(key["referred_columns"]),
                )
                for key in sorted(
                    keys.get(place, ()), key=lambda key: (key["constrained_columns"], key["referred_table"])
                )
            ),
        )


def _type(connection: Connection, kind: Any) -> str:
    try:
        return str(kind.compile(dialect=connection.dialect)).lower()
    except CompileError:  # a type that SQLAlchemy does not know
        return ""
