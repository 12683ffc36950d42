"""vdirsyncer: a two-way pair of the server and a folder of files."""

from __future__ import annotations

import json
import subprocess
from datetime import date
from pathlib import Path

from tests.clients import cycle
from tests.clients.servers import BIN, Account, Served
from tests.sync_client import uid_of

CONFIG = """\
[general]
status_path = "{folder}/status/"

[pair practice]
a = "files"
b = "server"
collections = ["from b"]
{conflict}

[storage files]
type = "filesystem"
path = "{folder}/calendars/"
fileext = ".ics"

[storage server]
type = "caldav"
url = {url}
username = {user_name}
password = {password}
"""


class Vdirsyncer:
    """The user edits the files; each step is one run of the program."""

    def __init__(self, folder: Path, url: str, account: Account):
        self._folder = folder
        values = {
            "folder": folder,
            "url": json.dumps(url),
            "user_name": json.dumps(account.user_name, ensure_ascii=False),
            "password": json.dumps(account.password, ensure_ascii=False),
        }
        for name, conflict in (
            ("ask", "conflict_resolution = null"),
            ("server", 'conflict_resolution = "b wins"'),
        ):
            text = CONFIG.format(**values, conflict=conflict)
            (folder / f"{name}.conf").write_text(text, "utf-8")

    def discover(self) -> set[str]:
        answers = "y\n" * 20  # "create this folder?", once for each calendar
        done = self._run("discover", answers=answers)
        assert done.returncode == 0, done.stdout
        return {path.name for path in (self._folder / "calendars").iterdir()}

    def pull(self, calendar: str) -> dict[str, str]:
        self._sync(calendar)
        texts = [path.read_text("utf-8") for path in self._files(calendar)]
        return {uid_of(text): text for text in texts}

    def shown(self, calendar: str, uid: str) -> str | None:
        return self.pull(calendar).get(uid)

    def create(self, calendar: str, text: str) -> None:
        (self._folder / "calendars" / calendar / f"{uid_of(text)}.ics").write_text(text, "utf-8", newline="")
        self._sync(calendar)

    def edit(self, calendar: str, text: str) -> None:
        self._file(calendar, uid_of(text)).write_text(text, "utf-8", newline="")
        self._sync(calendar)

    def edit_stale(self, calendar: str, text: str) -> None:
        self._file(calendar, uid_of(text)).write_text(text, "utf-8", newline="")
        refused = self._run("sync", f"practice/{calendar}")
        assert refused.returncode != 0 and "conflict" in refused.stdout.lower(), refused.stdout
        settled = self._run("sync", f"practice/{calendar}", config="server")
        assert settled.returncode == 0, settled.stdout

    def move(self, uid: str, source: str, target: str) -> None:
        path = self._file(source, uid)
        path.rename(self._folder / "calendars" / target / path.name)
        self._sync(source, target)

    def delete(self, calendar: str, uid: str) -> None:
        self._file(calendar, uid).unlink()
        self._sync(calendar)

    def _files(self, calendar: str) -> list[Path]:
        return sorted((self._folder / "calendars" / calendar).glob("*.ics"))

    def _file(self, calendar: str, uid: str) -> Path:
        return next(path for path in self._files(calendar) if uid_of(path.read_text("utf-8")) == uid)

    def _sync(self, *calendars: str) -> None:
        done = self._run("sync", *(f"practice/{calendar}" for calendar in calendars))
        assert done.returncode == 0, done.stdout

    def _run(
        self, *arguments: str, config: str = "ask", answers: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / "vdirsyncer"), "--config", str(self._folder / f"{config}.conf"), *arguments],
            input=answers,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=120,
        )


def test_full_cycle(served: Served, today: date, tmp_path: Path) -> None:
    account = served.account("practitioner", 1)
    cycle.full_cycle(cycle.scene(Vdirsyncer(tmp_path, served.url, account), served, account, today))


def test_two_sides_at_rest_stay_at_rest(served: Served, tmp_path: Path) -> None:
    """A second sync without a change moves nothing in either direction."""
    account = served.account("practitioner", 0)
    driver = Vdirsyncer(tmp_path, served.url, account)
    driver.discover()
    calendar = account.writable()[0].key
    before = driver.pull(calendar)
    quiet = driver._run("sync", f"practice/{calendar}")
    assert "Copying" not in quiet.stdout and "Deleting" not in quiet.stdout, quiet.stdout
    assert driver.pull(calendar) == before
