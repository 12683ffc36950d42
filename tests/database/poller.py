"""A client that follows a calendar by its revisions, and the oracle its copy is compared with."""

from __future__ import annotations

from multiprocessing.synchronize import Barrier, Event
from typing import Any

from sqlalchemy import text

from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.sync import revisions

_CONTENT = """
SELECT o.href, o.uid || '|' || a.subject || '|' || a.starts_at || '|' || coalesce(p.last_name, '')
  || '|' || coalesce(n.text, '')
FROM calendar_object o JOIN appointment a ON a.id = o.appointment_id
LEFT JOIN patient p ON p.id = a.patient_id
LEFT JOIN (SELECT x.series_id, max(x.subject || x.status) AS text FROM appointment x GROUP BY x.series_id) n
  ON n.series_id = a.id
WHERE o.calendar_id = :calendar AND o.removed_revision IS NULL
"""


def contents(uow: UnitOfWork, calendar: int) -> dict[str, str]:
    """What the calendar shows now, by href."""
    rows = uow.connection.execute(
        text(_CONTENT.replace("a.starts_at", "CAST(a.starts_at AS TEXT)")), {"calendar": calendar}
    )
    return {row[0]: row[1] for row in rows}


BETWEEN_POLLS = 0.02
"""Seconds; the writers are to have the processors."""


class Poller:
    """Keeps a copy of one calendar, fed only by "what changed since"."""

    def __init__(self, database: Database, calendar: int) -> None:
        self.database = database
        self.calendar = calendar
        self.revision = 0
        self.copy: dict[str, str] = {}

    def poll(self) -> int:
        """Fetch what changed; returns how many objects did."""
        with self.database.read() as uow:
            state = revisions.calendar_states(uow, [self.calendar], 1)[self.calendar]
            if state.revision == self.revision:
                return 0
            now = contents(uow, self.calendar)
            changed = revisions.changes_since(uow, self.calendar, 1, self.revision)
            for item in changed:
                if item.live:
                    self.copy[item.href] = now[item.href]
                else:
                    self.copy.pop(item.href, None)
            self.revision = state.revision
        return len(changed)

    def missed(self) -> dict[str, tuple[str | None, str | None]]:
        """The oracle: where the copy differs from the database (copy, database)."""
        with self.database.read() as uow:
            now = contents(uow, self.calendar)
        hrefs = {h for h in now.keys() | self.copy.keys() if now.get(h) != self.copy.get(h)}
        return {h: (self.copy.get(h), now.get(h)) for h in hrefs}


def follow(url: str, calendar: int, start: Barrier, done: Event, results: Any) -> None:
    """A poller: follows its calendar until the writers have ended, then reports what it missed."""
    database = Database(url)
    poller = Poller(database, calendar)
    start.wait()
    polls = 0
    while not done.wait(BETWEEN_POLLS):
        poller.poll()
        polls += 1
    poller.poll()
    results.put((calendar, polls, len(poller.copy), sorted(poller.missed().items())))
    database.dispose()
