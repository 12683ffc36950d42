"""Fixtures: the small practice, and clients of our Application and of stock Radicale over it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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


@contextmanager
def fresh_house(request: pytest.FixtureRequest, engine: str, folder: Path) -> Iterator[House]:
    """A copy of the practice on one engine."""
    if engine == "sqlite":
        template, made = request.getfixturevalue("house_file")
        path = folder / "practice.sqlite"
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


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """The practice, on both engines in turn, each time fresh."""
    with fresh_house(request, request.param, tmp_path) as made:
        yield made


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


@dataclass(frozen=True)
class Served:
    """A real server process on loopback, its practice, and clients of it; ``kind``: "own" or "stock"."""

    kind: str
    house: House
    client: MakeClient


@pytest.fixture(
    scope="module",
    params=[(kind, engine) for kind in ("own", "stock") for engine in ("sqlite", "postgresql")],
    ids="-".join,
)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Ours and stock Radicale on both engines in turn, one process for all tests of a module."""
    kind, engine = request.param
    folder = tmp_path_factory.mktemp("served")
    start = own_server if kind == "own" else stock_server
    with fresh_house(request, engine, folder) as made:
        url = made.database.url.render_as_string(hide_password=False)
        with start(url, folder) as (base, _process):
            yield Served(kind, made, lambda user=ANNA, **more: Client(http_sender(base), user, **more))
