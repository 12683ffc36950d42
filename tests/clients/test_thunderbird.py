"""Thunderbird, driven over Marionette, without a screen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from tests.clients import cycle
from tests.clients.agent import AgentDriver, AgentError
from tests.clients.marionette import Marionette
from tests.clients.servers import HERE, Served
from tests.processes import free_port, running

SETTINGS = {
    "app.update.disabledForTesting": True,
    "calendar.alarms.show": False,
    "calendar.alarms.playsound": False,
    "calendar.timezone.local": "Europe/Vienna",
    "calendar.timezone.useSystemTimezone": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.prefs.recommended": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "signon.rememberSignons": True,
    "toolkit.telemetry.enabled": False,
}


class ThunderbirdAgent:
    """Requests of the cycle as scripts run inside Thunderbird."""

    def __init__(self, marionette: Marionette, **account: str):
        self._marionette = marionette
        self._account = account
        self._script = (HERE / "thunderbird" / "agent.js").read_text("utf-8")

    def ask(self, do: str, **values: Any) -> Any:
        """The result of one request. Raises ``AgentError``."""
        given = {**self._account, **values} if do == "discover" else values
        answer = self._marionette.run(self._script, do, given)
        if "error" in answer:
            raise AgentError(f"{do}: {answer['error']}")
        return answer["result"]


@contextmanager
def thunderbird(folder: Path) -> Iterator[Marionette]:
    """A Thunderbird with a fresh profile in ``folder``."""
    port = free_port()
    profile = folder / "profile"
    profile.mkdir()
    settings = {**SETTINGS, "marionette.port": port}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in settings.items()]
    (profile / "user.js").write_text("".join(lines), "utf-8")
    command = [
        "thunderbird",
        "--headless",
        "--no-remote",
        "--marionette",
        "--remote-allow-system-access",
        "--profile",
        str(profile),
    ]
    environment = {"HOME": str(folder), "MOZ_HEADLESS": "1", "MOZ_CRASHREPORTER_DISABLE": "1"}
    log = folder / "thunderbird.log"
    with running(command, port, log, environment), Marionette(port) as marionette:
        yield marionette


def test_full_cycle(served: Served, today: date, tmp_path: Path) -> None:
    account = served.account("practitioner", 0)
    with thunderbird(tmp_path) as marionette:
        agent = ThunderbirdAgent(
            marionette, url=served.url, username=account.user_name, password=account.password
        )
        scene = cycle.scene(AgentDriver(agent), served, account, today)
        scene.cuts_letters = served.name != "application"
        cycle.full_cycle(scene)
        assert set(agent.ask("inUse")) == {entry.key for entry in account.writable()}
