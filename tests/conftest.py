"""Databases for tests: SQLite files, and fresh databases of one private PostgreSQL cluster a session."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from radicale_practice.practice import migrate
from radicale_practice.practice.database import Database
from tests import chance
from tests.private_postgresql import Cluster, PostgreSQLMissing

# How fast this machine is at the moment is no property of the program.
settings.register_profile(
    "any machine", deadline=None, derandomize=False, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """Here, before xdist starts its workers: they inherit the seed."""
    chance.choose()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """With -q too, and without anything having failed."""
    terminalreporter.write_line(f"random choices: {chance.VARIABLE}={chance.choose()} repeats them")


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[Cluster]:
    """A private cluster. Without server programs tests are skipped, under ``CI=true`` they fail."""
    try:
        cluster = Cluster()
    except PostgreSQLMissing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def postgresql_template(postgresql_cluster: Cluster) -> str:
    """Name of a migrated database that others are copied from."""
    name = postgresql_cluster.create()
    database = Database(postgresql_cluster.url(name))
    migrate.upgrade(database)
    database.dispose()
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file that others are copied from."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Address of a fresh, migrated SQLite database."""
    path = tmp_path / "practice.sqlite"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(postgresql_cluster: Cluster, postgresql_template: str) -> Iterator[str]:
    """Address of a fresh, migrated PostgreSQL database."""
    name = postgresql_cluster.create(postgresql_template)
    yield postgresql_cluster.url(name)
    postgresql_cluster.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Address of a fresh, migrated database, on both engines in turn."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh, migrated database, on both engines in turn."""
    database = Database(database_url)
    yield database
    database.dispose()
