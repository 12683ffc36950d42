"""The servers that clients are pointed at, each a real process on loopback, and its ``accounts.json``."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tests.processes import ServerProcess, free_port, running

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class CalendarEntry:
    """One calendar of an account, as ``accounts.json`` names it."""

    name: str
    url: str
    access: str

    @property
    def key(self) -> str:
        """The last segment of the path: the same for everybody who sees this calendar."""
        return urlsplit(self.url).path.rstrip("/").rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Account:
    """One person who can sign in."""

    user_name: str
    password: str
    role: str
    calendars: tuple[CalendarEntry, ...]

    def writable(self) -> list[CalendarEntry]:
        """The calendars with write access, in the order of the file."""
        return [entry for entry in self.calendars if entry.access == "write"]


@dataclass(frozen=True)
class Served:
    """A server that runs: its bare address, its people, and its database (None for plain files)."""

    name: str
    url: str
    accounts: tuple[Account, ...]
    database_url: str | None
    process: ServerProcess

    def account(self, role: str, number: int = 0) -> Account:
        """The ``number``-th account of that role; counts round, so that any number is good."""
        fitting = [account for account in self.accounts if account.role == role]
        return fitting[number % len(fitting)]


def read_accounts(path: Path) -> tuple[str, tuple[Account, ...]]:
    """Bare address and accounts of an ``accounts.json``."""
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    accounts = tuple(
        Account(
            entry["username"],
            entry["password"],
            entry["role"],
            tuple(CalendarEntry(c["name"], c["url"], c["access"]) for c in entry["calendars"]),
        )
        for entry in content["accounts"]
    )
    return content["url"], accounts


@contextlib.contextmanager
def practice_application(directory: Path, database_url: str | None, today: date) -> Iterator[Served]:
    """Our Application over a demonstration practice (``radicale-practice demo``)."""
    port = free_port()
    command = [str(BIN / "radicale-practice"), "demo", "--directory", str(directory), "--port", str(port)]
    command += ["--today", today.isoformat()]
    if database_url is not None:
        command += ["--database", database_url]
    accounts_file = directory / "accounts.json"
    with running(command, port, directory / "server.log", ready=accounts_file.exists) as process:
        url, accounts = read_accounts(accounts_file)
        yield Served("application", url, accounts, database_url, process)


@contextlib.contextmanager
def plain_radicale_with_plugins(directory: Path, database_url: str, today: date) -> Iterator[Served]:
    """Stock ``radicale`` with our plugins over the same demonstration practice."""
    with practice_application(directory, database_url, today) as made:
        port = urlsplit(made.url).port
        accounts = made.accounts
    assert port is not None
    own = directory / "radicale.conf"
    own.write_text(f"[server]\nhosts = 127.0.0.1:{port}\n[storage]\ndatabase = {database_url}\n", "utf-8")
    command = [str(BIN / "radicale"), "--config", f"{ROOT / 'config' / 'radicale.conf'}:{own}"]
    with running(command, port, directory / "radicale.log") as process:
        yield Served("plain radicale", made.url, accounts, database_url, process)


@contextlib.contextmanager
def reference_radicale(directory: Path, people: int = 2) -> Iterator[Served]:
    """Stock Radicale with its own file storage: what our servers are compared with."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    accounts = [_reference_account(url, number) for number in range(people)]
    files = directory / "collections" / "collection-root"
    for account in accounts:
        for entry in account["calendars"]:
            folder = files / account["username"] / entry["url"].rstrip("/").rsplit("/", 1)[-1]
            folder.mkdir(parents=True)
            properties = {"tag": "VCALENDAR", "D:displayname": entry["name"]}
            (folder / ".Radicale.props").write_text(json.dumps(properties), "utf-8")
    users = "".join(f"{account['username']}:{account['password']}\n" for account in accounts)
    (directory / "users").write_text(users, "utf-8")
    (directory / "accounts.json").write_text(json.dumps({"url": url, "accounts": accounts}), "utf-8")
    (directory / "radicale.conf").write_text(
        _REFERENCE_CONFIG.format(directory=directory, port=port), "utf-8"
    )
    command = [str(BIN / "radicale"), "--config", str(directory / "radicale.conf")]
    with running(command, port, directory / "radicale.log") as process:
        read_url, read = read_accounts(directory / "accounts.json")
        yield Served("reference", read_url, read, None, process)


def _reference_account(url: str, number: int) -> dict[str, Any]:
    user_name = ("anna müller", "jörg lang")[number % 2] + (str(number) if number > 1 else "")
    home = f"{url}{quote(user_name)}/"
    calendars = [
        {"name": f"Praxis – {user_name}", "url": f"{home}practice-{number}/", "access": "write"},
        {"name": "Privat", "url": f"{home}private-{number}/", "access": "write"},
    ]
    return {"username": user_name, "password": "lösung 4711", "role": "practitioner", "calendars": calendars}


_REFERENCE_CONFIG = """\
[server]
hosts = 127.0.0.1:{port}
delay_on_error = 0
[auth]
type = htpasswd
htpasswd_filename = {directory}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {directory}/collections
[logging]
level = warning
"""
