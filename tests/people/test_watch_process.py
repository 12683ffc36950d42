"""``watch`` as a practice program runs it: it goes on listening, whatever happens to the database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from typing import IO

from sqlalchemy import text

from radicale_practice.practice import book, calendars
from radicale_practice.practice.database import Database
from radicale_practice.practice.model import Actor, Role
from radicale_practice.practice.people import staff
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.upkeep import check

WATCH = [sys.executable, "-m", "radicale_practice.cli.main", "watch", "--json", "--every", "0.1"]
NINE = datetime(2026, 11, 24, 9)


def added(database: Database, practice: Practice, start: datetime) -> int:
    """Somebody books."""
    with database.write(Actor(program="DAVx5")) as uow:
        calendar = calendars.find(uow, practice.id, "anna").id
        new = book.NewAppointment(calendar, start, start + timedelta(hours=1), subject="Besuch")
        return book.add(uow, Actor(program="DAVx5"), new)


def heard(stream: IO[str]) -> int:
    """The appointment of the next line."""
    return int(json.loads(stream.readline())["appointment_id"])


def test_it_waits_for_a_database_that_is_away(
    database: Database, database_url: str, practice: Practice
) -> None:
    with database.write() as uow:
        staff.add(uow, practice.id, "anna", "Anna", Role.PRACTITIONER, None)
    environment = {**os.environ, "RADICALE_PRACTICE_DATABASE": database_url}
    pipe = subprocess.PIPE
    with subprocess.Popen(WATCH, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            first = added(database, practice, NINE)
            assert heard(process.stdout) == first
            with database.write() as uow:
                uow.connection.execute(text("DROP VIEW phone_change"))
            assert "waiting for it" in process.stderr.readline()
            second = added(database, practice, NINE + timedelta(hours=2))
            with database.write() as uow:
                check.repair(uow)
            assert heard(process.stdout) == second
            process.send_signal(signal.SIGINT)
            assert process.wait(60) in (0, 1, 130)
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()
