"""One run at a time on a database: the kinds of lock, and which of them a database has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from branchmig.database.locks.base import DatabaseLock, Holder, Subject

if TYPE_CHECKING:
    from branchmig.database.run.side_connection import SideConnections

__all__ = ["DatabaseLock", "Holder", "Subject", "has_locks", "lock_for"]

_WITH_LOCKS = ("mariadb", "mssql", "mysql", "postgresql", "sqlite")


def has_locks(dialect: str) -> bool:
    """Return whether there is a lock for a kind of database."""
    return dialect in _WITH_LOCKS


def lock_for(connection: Connection, subject: Subject, sides: SideConnections) -> DatabaseLock | None:
    """Return the lock on a version table of the database that env.py is connected to, not yet taken.

    None for a database that no other process can see. Raises EnvironmentFailed where no second connection can be
    had, SharedConnection among them.
    """
    name = connection.dialect.name
    if name == "sqlite":
        from branchmig.database.locks import sqlite

        return sqlite.lock_for(connection, subject)
    if name == "postgresql":
        from branchmig.database.locks import postgresql

        return postgresql.lock_for(connection, subject, sides)
    if name == "mssql":
        from branchmig.database.locks import mssql

        return mssql.lock_for(connection, subject, sides)
    from branchmig.database.locks import mysql

    return mysql.lock_for(connection, subject, sides)
