"""Clients whose server loses its database: errors, and nothing is deleted on either side."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import caldav
import caldav.lib.error
import psycopg
import pytest

from radicale_practice.practice.database import Database
from tests.clients import cycle
from tests.clients.agent import AgentError
from tests.clients.servers import Account
from tests.clients.test_caldav_library import CaldavLibrary
from tests.clients.test_tsdav import tsdav
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


@dataclass(frozen=True)
class Scene:
    """Anna's calendar on a server of its own, with some events, and a way to take its database away."""

    url: str
    path: str
    client: Client
    gone: AbstractContextManager[None]

    @property
    def key(self) -> str:
        """The calendar's segment."""
        return self.path.split("/")[2]

    @property
    def account(self) -> Account:
        """Whom the clients sign in as."""
        return Account(ANNA, PASSWORD, "practitioner", ())

    def on_server(self) -> dict[str, str]:
        """UID -> SUMMARY line of what is there."""
        answer = self.client.propfind(self.path, "D:getetag", "1")
        names = [name.removeprefix(self.path) for name in answer.responses() if name != self.path]
        found = self.client.multiget(self.path, *names).responses().values()
        return _titles([r.findtext(".//{urn:ietf:params:xml:ns:caldav}calendar-data") or "" for r in found])

    def change_unseen(self) -> None:
        """The other side deletes, changes and creates what the client has not heard of."""
        client, path = self.client, self.path
        assert client.request("DELETE", path + "2.ics").status == 204
        assert client.put(path + "3.ics", event("3@x", "Am Server", "20270104T090000")).status == 204
        assert client.put(path + "far.ics", event("far@x", "Fern", "20270202T090000")).status == 201


@pytest.fixture(
    params=[
        ("postgresql", "connections"),
        ("postgresql", "event_extra"),
        ("sqlite", "calendar_object"),
        ("sqlite", "event_extra"),
    ],
    ids="-".join,
)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """Each way to lose the database: at once, or in the middle of an answer (a table it needs late)."""
    engine, away = request.param
    url = str(request.getfixturevalue(f"{engine}_url"))
    database = Database(url)
    path = build(database).path(ANNA)
    database.dispose()
    if away == "connections":
        gone = _no_connections(request.getfixturevalue("postgresql_cluster"), url.rpartition("/")[2])
    else:
        gone = _table_away(url, away)
    with own_server(url, tmp_path) as (base, _process):
        client = Client(http_sender(base), ANNA)
        for number in range(EVENTS):
            text = event(f"{number}@x", f"Nr {number}", f"202701{number + 1:02d}T090000")
            assert client.put(f"{path}{number}.ics", text).status == 201
        yield Scene(base + "/", path, client, gone)


def _titles(texts: Iterable[str]) -> dict[str, str]:
    return {uid_of(text): next(x for x in text.splitlines() if x.startswith("SUMMARY")) for text in texts}


def test_vdirsyncer_loses_nothing(scene: Scene, tmp_path: Path) -> None:
    """Both sides have changes that the other has not seen."""
    driver, key, client = Vdirsyncer(tmp_path, scene.url, scene.account), scene.key, scene.client
    assert key in driver.discover()
    assert len(driver.pull(key)) == EVENTS
    folder = tmp_path / "calendars" / key
    files = {uid_of(file.read_text("utf-8")): file for file in folder.glob("*.ics")}
    files["0@x"].unlink()
    files["1@x"].write_text(files["1@x"].read_text("utf-8").replace("Nr 1", "Geändert"), "utf-8", newline="")
    (folder / "new.ics").write_text(event("new@x", "Neu", "20270201T090000"), "utf-8", newline="")
    scene.change_unseen()
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    server_before = scene.on_server()

    with scene.gone:
        assert client.multiget(scene.path, "3.ics").status == 503
        for _ in range(2):
            failed = driver._run("sync", f"practice/{key}")
            assert failed.returncode != 0, failed.stdout
            assert not before.keys() - {file.name for file in folder.iterdir()}
    untouched = {k: v for k, v in server_before.items() if k not in ("0@x", "1@x")}
    assert untouched.items() <= scene.on_server().items()

    after = _titles(driver.pull(key).values())
    assert after == scene.on_server()
    expected = {f"{n}@x": f"SUMMARY:Nr {n}" for n in range(4, EVENTS)}
    expected |= {"1@x": "SUMMARY:Geändert", "3@x": "SUMMARY:Am Server"}
    assert after == {**expected, "new@x": "SUMMARY:Neu", "far@x": "SUMMARY:Fern"}
    # What was uploaded is read once more, as the server writes it; then both sides are at rest.
    driver.pull(key)
    quiet = driver._run("sync", f"practice/{key}")
    assert quiet.returncode == 0 and "Copying" not in quiet.stdout and "Deleting" not in quiet.stdout


class Keeping(cycle.Driver, Protocol):
    """A client library whose program keeps the objects from one synchronisation to the next."""

    def kept(self, calendar: str) -> dict[str, str]:
        """The copy as it is, without asking the server."""


@pytest.fixture(params=["caldav", "tsdav"])
def library(request: pytest.FixtureRequest, scene: Scene, tmp_path: Path) -> Iterator[Keeping]:
    """A program that has discovered the calendars."""
    with contextlib.ExitStack() as stack:
        if request.param == "caldav":
            driver: Keeping = CaldavLibrary(scene.url, scene.account)
        else:
            driver = stack.enter_context(tsdav(scene.url, scene.account, tmp_path))
        assert scene.key in driver.discover()
        yield driver


def test_a_library_loses_nothing(scene: Scene, library: Keeping) -> None:
    """Its copy stays as it is while nothing can be read, and what it could not write it can write later."""
    key = scene.key
    assert len(library.pull(key)) == EVENTS
    scene.change_unseen()
    before, server_before = _titles(library.kept(key).values()), scene.on_server()
    edited = event("1@x", "Geändert", "20270102T090000")

    with scene.gone:
        for _ in range(2):
            with contextlib.suppress(AgentError, caldav.lib.error.DAVError):
                library.pull(key)
            # What the user has just typed is in python's object already.
            assert _titles(library.kept(key).values()) in (before, {**before, "1@x": "SUMMARY:Geändert"})
            for write in (library.create, library.edit):
                text = edited if write == library.edit else event("new@x", "Neu", "20270201T090000")
                with pytest.raises((AgentError, caldav.lib.error.DAVError)):
                    write(key, text)
            with pytest.raises((AgentError, caldav.lib.error.DAVError)):
                library.delete(key, "0@x")
    assert scene.on_server() == server_before

    library.edit(key, edited)
    library.create(key, event("new@x", "Neu", "20270201T090000"))
    library.delete(key, "0@x")
    after = _titles(library.pull(key).values())
    assert after == scene.on_server()
    expected = {f"{n}@x": f"SUMMARY:Nr {n}" for n in range(4, EVENTS)}
    expected |= {"1@x": "SUMMARY:Geändert", "3@x": "SUMMARY:Am Server"}
    assert after == {**expected, "new@x": "SUMMARY:Neu", "far@x": "SUMMARY:Fern"}
