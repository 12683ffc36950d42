"""Fixtures: the small practice, and clients of our Application and of stock Radicale over it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from radicale.app import Application as StockApplication

from radicale_practice.plugins import configuration
from radicale_practice.plugins.application import Application
from radicale_practice.plugins.databases import database_of
from radicale_practice.practice.database import Database
from tests.private_postgresql import Cluster
from tests.protocol.house import (
    ANNA,
    Client,
    House,
    build,
    http_sender,
    own_server,
    stock_server,
    wsgi_sender,
)

MakeClient = Callable[..., Client]


@pytest.fixture(scope="session")
def house_file(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, House]:
    """A SQLite file with the practice in it, to be copied: making it takes four slow password hashes."""
    path = tmp_path_factory.mktemp("house") / "house.sqlite"
    shutil.copyfile(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    house = build(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return path, house


@pytest.fixture(scope="session")
def house_database(postgresql_cluster: Cluster, postgresql_template: str) -> tuple[str, House]:
    """The name of a PostgreSQL database with the practice in it, to be copied."""
    name = postgresql_cluster.create(postgresql_template)
    database = Database(postgresql_cluster.url(name))
    house = build(database)
    database.dispose()
    return name, house


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """The practice, on both engines in turn, each time fresh."""
    if request.param == "sqlite":
        template, made = request.getfixturevalue("house_file")
        path = tmp_path / "practice.sqlite"
        shutil.copyfile(template, path)
        database = Database(f"sqlite:///{path}")
        yield replace(made, database=database)
        database.dispose()
        return
    cluster: Cluster = request.getfixturevalue("postgresql_cluster")
    name, made = request.getfixturevalue("house_database")
    copy = cluster.create(name)
    database = Database(cluster.url(copy))
    yield replace(made, database=database)
    database.dispose()
    database_of(configuration.load(None, cluster.url(copy))).dispose()
    cluster.drop(copy)


@pytest.fixture
def database_url(house: House) -> str:
    """The address of the practice's database."""
    return house.database.url.render_as_string(hide_password=False)


def _clients(application: object, decoded: bool = False) -> MakeClient:
    send = wsgi_sender(application, decoded)
    return lambda user=ANNA, **more: Client(send, user, **more)


@pytest.fixture
def own(house: House, database_url: str) -> MakeClient:
    """Clients of our Application in this process."""
    return _clients(Application(configuration.load(None, database_url)))


@pytest.fixture
def stock(house: House, database_url: str) -> MakeClient:
    """Clients of stock Radicale with our plugins in this process."""
    return _clients(StockApplication(configuration.load(None, database_url)), decoded=True)


@pytest.fixture(params=["own", "stock"])
def either(request: pytest.FixtureRequest, house: House, database_url: str) -> MakeClient:
    """Clients of both in turn."""
    settings = configuration.load(None, database_url)
    if request.param == "own":
        return _clients(Application(settings))
    return _clients(StockApplication(settings), decoded=True)


@pytest.fixture(params=["own", "stock"])
def server(
    request: pytest.FixtureRequest, house: House, database_url: str, tmp_path: Path
) -> Iterator[MakeClient]:
    """Clients of a real server process on loopback: ours and stock Radicale in turn."""
    start = own_server if request.param == "own" else stock_server
    with start(database_url, tmp_path) as (base, _process):
        yield lambda user=ANNA, **more: Client(http_sender(base), user, **more)
