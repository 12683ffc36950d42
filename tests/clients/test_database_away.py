"""A two-way client whose server loses its database: errors, and nothing is deleted on either side."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from radicale_practice.practice.database import Database
from tests.clients.servers import Account
from tests.clients.test_vdirsyncer import Vdirsyncer
from tests.private_postgresql import Cluster
from tests.protocol.house import ANNA, PASSWORD, Client, build, event, http_sender, own_server
from tests.sync_client import uid_of

EVENTS = 12


@contextmanager
def _no_connections(cluster: Cluster, name: str) -> Iterator[None]:
    """PostgreSQL throws everybody out of the database and lets nobody in."""
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
        admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        yield
        admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')


@contextmanager
def _table_away(url: str, table: str) -> Iterator[None]:
    """One table is missing, so that some requests of a sync still work and others do not."""
    for step, (old, new) in enumerate(((table, f"{table}_away"), (f"{table}_away", table))):
        statement = f"ALTER TABLE {old} RENAME TO {new}"
        if url.startswith("postgresql"):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(statement)
        else:
            file = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30, isolation_level=None)
            file.execute("PRAGMA legacy_alter_table = ON")
            file.execute(statement)
            file.close()
        if step == 0:
            yield


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh migrated database of the engine asked for."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    path = tmp_path / "practice.sqlite"
    shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
    return f"sqlite:///{path}"


def _by_uid(texts: list[str]) -> dict[str, str]:
    return {uid_of(text): next(x for x in text.splitlines() if x.startswith("SUMMARY")) for text in texts}


@pytest.mark.parametrize(
    ("database_url", "away"),
    [
        ("postgresql", "connections"),
        ("postgresql", "event_extra"),
        ("sqlite", "calendar_object"),
        ("sqlite", "event_extra"),
    ],
    indirect=["database_url"],
)
def test_nothing_is_lost(
    request: pytest.FixtureRequest, database_url: str, away: str, tmp_path: Path
) -> None:
    database = Database(database_url)
    house = build(database)
    database.dispose()
    path = house.path(ANNA)
    key = path.split("/")[2]
    with own_server(database_url, tmp_path) as (base, _process):
        client = Client(http_sender(base), ANNA)

        def on_server() -> dict[str, str]:
            answer = client.propfind(path, "D:getetag", "1")
            names = [name.removeprefix(path) for name in answer.responses() if name != path]
            found = client.multiget(path, *names).responses().values()
            return _by_uid(
                [r.findtext(".//{urn:ietf:params:xml:ns:caldav}calendar-data") or "" for r in found]
            )

        for number in range(EVENTS):
            start = f"202701{number + 1:02d}T090000"
            assert (
                client.put(f"{path}{number}.ics", event(f"{number}@x", f"Nr {number}", start)).status == 201
            )
        driver = Vdirsyncer(tmp_path, base + "/", Account(ANNA, PASSWORD, "practitioner", ()))
        assert key in driver.discover()
        assert len(driver.pull(key)) == EVENTS

        # Both sides have changes that the other has not seen.
        folder = tmp_path / "calendars" / key
        files = {uid_of(file.read_text("utf-8")): file for file in folder.glob("*.ics")}
        files["0@x"].unlink()
        files["1@x"].write_text(
            files["1@x"].read_text("utf-8").replace("Nr 1", "Geändert"), "utf-8", newline=""
        )
        (folder / "new.ics").write_text(event("new@x", "Neu", "20270201T090000"), "utf-8", newline="")
        assert client.request("DELETE", path + "2.ics").status == 204
        assert client.put(path + "3.ics", event("3@x", "Am Server", "20270104T090000")).status == 204
        assert client.put(path + "far.ics", event("far@x", "Fern", "20270202T090000")).status == 201
        before = {file.name: file.read_bytes() for file in folder.iterdir()}
        server_before = on_server()

        if away == "connections":
            name = database_url.rpartition("/")[2]
            gone = _no_connections(request.getfixturevalue("postgresql_cluster"), name)
        else:
            gone = _table_away(database_url, away)
        with gone:
            assert client.multiget(path, "3.ics").status == 503
            for _ in range(2):
                failed = driver._run("sync", f"practice/{key}")
                assert failed.returncode != 0, failed.stdout
                assert not before.keys() - {file.name for file in folder.iterdir()}
        assert {
            k: v for k, v in server_before.items() if k not in ("0@x", "1@x")
        }.items() <= on_server().items()

        after = _by_uid(list(driver.pull(key).values()))
        assert after == on_server()
        expected = {f"{n}@x": f"SUMMARY:Nr {n}" for n in range(4, EVENTS)}
        expected |= {"1@x": "SUMMARY:Geändert", "3@x": "SUMMARY:Am Server"}
        assert after == {**expected, "new@x": "SUMMARY:Neu", "far@x": "SUMMARY:Fern"}
        # What was uploaded is read once more, as the server writes it; then both sides are at rest.
        driver.pull(key)
        quiet = driver._run("sync", f"practice/{key}")
        assert quiet.returncode == 0 and "Copying" not in quiet.stdout and "Deleting" not in quiet.stdout
