"""The servers of the client tests: our Application and stock Radicale with our plugins, on both databases."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.clients.servers import (
    Served,
    plain_radicale_with_plugins,
    practice_application,
    reference_radicale,
)

ALL_KINDS = ("application-sqlite", "application-postgresql", "plain-sqlite", "plain-postgresql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``served`` is every server in turn.

    With ``CLIENTS_REFERENCE=1`` it is stock Radicale with its own files: that proves the drivers.
    """
    if "served" in metafunc.fixturenames:
        kinds = ("reference",) if os.environ.get("CLIENTS_REFERENCE") == "1" else ALL_KINDS
        metafunc.parametrize("served", kinds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def today() -> date:
    """The day the demonstration practice is made for."""
    return date.today()


@pytest.fixture(scope="session")
def servers(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, today: date
) -> Iterator[dict[str, Served]]:
    """The servers started so far in this session, by kind."""
    with contextlib.ExitStack() as stack:
        yield _Servers(stack, tmp_path_factory, request, today)


class _Servers(dict[str, Served]):
    """Starts a server when it is asked for the first time."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        folders: pytest.TempPathFactory,
        request: pytest.FixtureRequest,
        today: date,
    ):
        super().__init__()
        self._stack, self._folders, self._request, self._today = stack, folders, request, today

    def __missing__(self, kind: str) -> Served:
        directory = self._folders.mktemp(kind)
        self[kind] = self._stack.enter_context(self._start(kind, directory))
        return self[kind]

    def _start(self, kind: str, directory: Path) -> contextlib.AbstractContextManager[Served]:
        if kind == "reference":
            return reference_radicale(directory)
        front, _, engine = kind.partition("-")
        if engine == "postgresql":
            cluster = self._request.getfixturevalue("postgresql_cluster")
            database_url = cluster.url(cluster.create())
        else:
            database_url = f"sqlite:///{directory / 'practice.db'}"
        start = practice_application if front == "application" else plain_radicale_with_plugins
        return start(directory, database_url, self._today)


@pytest.fixture(scope="session")
def served(request: pytest.FixtureRequest, servers: dict[str, Served]) -> Served:
    """One of all servers."""
    return servers[request.param]
