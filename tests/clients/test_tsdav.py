"""tsdav, the CalDAV library of many web calendars, under Node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from tests.clients import cycle
from tests.clients.agent import Agent, AgentDriver
from tests.clients.servers import HERE, Account, Served


@contextmanager
def tsdav(url: str, account: Account, folder: Path) -> Iterator[AgentDriver]:
    """The library in a process of its own, signed in with this account."""
    command = ["node", str(HERE / "tsdav" / "agent.js"), url, account.user_name, account.password]
    with Agent(command, folder / "tsdav.log") as agent:
        yield AgentDriver(agent)


def test_full_cycle(served: Served, today: date, tmp_path: Path) -> None:
    account = served.account("practitioner", 2)
    with tsdav(served.url, account, tmp_path) as driver:
        cycle.full_cycle(cycle.scene(driver, served, account, today))
