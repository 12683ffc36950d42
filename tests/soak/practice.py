"""A small practice for the long proofs, and its server."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from radicale_practice.practice import calendars, practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.model import Access, CalendarKind, Role
from radicale_practice.practice.people import staff
from tests import chance
from tests.clients.servers import BIN
from tests.processes import ServerProcess, free_port
from tests.sync_client import CalendarCopy

PASSWORD = "a long proof"
PEOPLE = ("anna müller", "jürgen")
RECEPTION = "empfang"

SETTINGS = {"brake_cancellations": 10**6, "brake_creations": 10**6, "attention_entry": False}
"""Everybody writes as fast as the server lets them."""

BRAKE = 20
"""Cancellations by one person's clients in the mixed load before the rest is held."""


@dataclass(frozen=True)
class House:
    """The practice: for each user name the keys of the calendars that this person may write."""

    database_url: str
    port: int
    calendars: dict[str, tuple[str, ...]]

    def copy(self, user_name: str, calendar: str) -> CalendarCopy:
        """A client of that person on that calendar."""
        home = quote(user_name.replace(" ", "_"))
        return CalendarCopy(f"http://127.0.0.1:{self.port}/{home}/{calendar}/", user_name, PASSWORD)

    def check(self) -> str:
        """What ``radicale-practice check`` reports; empty if it finds nothing wrong."""
        command = [str(BIN / "radicale-practice"), "check", "--database", self.database_url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        return "" if done.returncode == 0 else done.stdout + done.stderr


def build(database_url: str, **settings: object) -> House:
    """Two practitioners with a calendar and a private one each, and a receptionist who may write in both."""
    database = Database(database_url)
    try:
        with database.write() as uow:
            practice = practices.create(uow, "Soak", settings={**SETTINGS, **settings})
            members = {
                name: staff.add(uow, practice.id, name, name, Role.PRACTITIONER, PASSWORD) for name in PEOPLE
            }
            reception = staff.add(uow, practice.id, RECEPTION, RECEPTION, Role.RECEPTIONIST, PASSWORD)
            rows = calendars.list_all(uow, practice.id, with_private=True)
            writable: dict[str, tuple[str, ...]] = {}
            for name, member in members.items():
                own = [row for row in rows if row.staff_id == member.id]
                own.sort(key=lambda row: row.kind is CalendarKind.PRIVATE)
                writable[name] = tuple(row.public_id for row in own)
                calendars.grant(uow, own[0].id, reception.id, Access.WRITE)
            writable[RECEPTION] = tuple(writable[name][0] for name in PEOPLE)
    finally:
        database.dispose()
    return House(database_url, free_port(), writable)


@contextlib.contextmanager
def server(house: House, folder: Path, workers: int = 2) -> Iterator[ServerProcess]:
    """``radicale-practice serve`` over that practice; not started yet."""
    command = [str(BIN / "radicale-practice"), "serve", "--database", house.database_url]
    command += ["--port", str(house.port), "--workers", str(workers)]
    process = ServerProcess(command, house.port, folder / "server.log")
    try:
        yield process
    finally:
        process.kill()


def seconds() -> float:
    """How long each of the five long proofs may go on (``SOAK_SECONDS`` is for all together)."""
    return float(os.environ.get("SOAK_SECONDS", "30")) / 5


def dice(name: str) -> random.Random:
    """A source of chance; ``SOAK_SEED`` repeats a run's choices."""
    return random.Random(f"{name}:{chance.choose()}")
