"""tsdav, the CalDAV library of many web calendars, under Node."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.clients import cycle
from tests.clients.agent import Agent, AgentDriver
from tests.clients.servers import HERE, Served


def test_full_cycle(served: Served, today: date, tmp_path: Path) -> None:
    account = served.account("practitioner", 2)
    command = ["node", str(HERE / "tsdav" / "agent.js"), served.url, account.user_name, account.password]
    with Agent(command, tmp_path / "tsdav.log") as agent:
        cycle.full_cycle(cycle.scene(AgentDriver(agent), served, account, today))
