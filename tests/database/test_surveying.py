from __future__ import annotations

import pytest
from sqlalchemy import make_url

from branchmig.database.identity import Identity, is_local


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://db.example.com/app", False),
        ("postgresql:///app", True),
        ("mysql+pymysql://127.0.0.1/app", True),
        ("mysql+pymysql://localhost/app", True),
        ("sqlite://", False),
        ("sqlite:///app.db", True),
    ],
)
def test_a_database_is_local_if_it_belongs_to_this_machine(url: str, expected: bool) -> None:
    assert is_local(make_url(url)) is expected


def test_a_version_table_is_named_where_it_is_not_the_usual_one() -> None:
    names = [("alembic_version", None), ("alembic_version", "public"), ("alembic_version", "t1"), ("versions", None)]
    assert [str(Identity("u", table, schema, is_local=True)) for table, schema in names] == [
        *("u", "u", "u (t1.alembic_version)", "u (versions)"),
    ]
