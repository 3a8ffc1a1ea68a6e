from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from branchmig.database.identity import Identity, identity_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def identity(url: sa.URL | str) -> Identity:
    with sa.create_engine(url, poolclass=sa.pool.NullPool).connect() as connection:
        return identity_of(MigrationContext.configure(connection))


def moment(url: sa.URL | str) -> str:
    return identity(url).instant


def test_postgresql_says_itself_which_database_it_is(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = sa.make_url(postgres_url)
    (tmp_path / "services").write_text(f"[prod]\nhost=127.0.0.1\nport={url.port}\ndbname={url.database}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    hostless = sa.URL.create(url.drivername, url.username, database=url.database)
    serviced = sa.URL.create(url.drivername, url.username, query={"service": "prod"})
    ways = [
        url,
        url.set(host="localhost"),
        hostless.update_query_dict({"host": str(url.host), "port": str(url.port)}),
        serviced,
    ]
    found = [identity(way) for way in ways]
    assert len({(item.lasting, item.moment, item.role, item.is_local, item.name) for item in found}) == 1
    assert found[0].name.startswith(f"postgresql://localhost/{url.database} (")
    assert len({moment(way) for way in ways}) == 1
    assert str(found[0]) == postgres_url
    assert str(found[3]).endswith(f"?… ({url.database} at 127.0.0.1:{url.port})")
    other = identity(url.set(database="postgres"))
    assert (other.lasting == found[0].lasting, moment(url.set(database="postgres")) in map(moment, ways)) == (
        False,
        False,
    )


def test_mariadb_says_itself_which_database_it_is(mariadb_url: str) -> None:
    url = sa.make_url(mariadb_url)
    found = [identity(item) for item in (url, url.set(host="localhost", port=url.port))]
    assert (found[0].lasting, found[0].name, found[0].is_local) == (found[1].lasting, found[1].name, True)
    assert identity(url.set(drivername="mariadb+pymysql")).name == found[0].name
    assert found[0].lasting.endswith(str(url.database))
    other = identity(url.set(database="mysql"))
    assert (other.lasting != found[0].lasting, other.name != found[0].name) == (True, True)


def test_sqlite_is_its_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    found = [identity(f"sqlite:///{tmp_path}{way}/a.db") for way in ("", "/link")]
    assert (found[0].lasting, found[0].url, found[0].is_local) == (found[1].lasting, found[1].url, True)
    assert not identity("sqlite://").is_local
