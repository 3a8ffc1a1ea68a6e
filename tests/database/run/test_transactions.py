from __future__ import annotations

import sqlalchemy as sa

from branchmig.database.run.transactions import left_as_it_was


def test_a_connection_is_left_in_a_transaction_only_if_it_was_in_one() -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        with left_as_it_was(connection):
            connection.execute(sa.text("SELECT 1"))
        assert not connection.in_transaction()
        connection.execute(sa.text("SELECT 1"))
        with left_as_it_was(connection):
            connection.execute(sa.text("SELECT 1"))
        assert connection.in_transaction()
