"""One line for each change that comes in or goes out, for a person watching the demonstration.

Names of the invented patients appear here and nowhere else; nothing of this goes into a log.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from radicale_practice.practice import journal
from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.errors import PracticeError
from radicale_practice.practice.programs import short_name
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.schema.columns import WALL_TIME_FORMAT
from radicale_practice.practice.schema.practice_tables import patient, staff
from radicale_practice.practice.schema.sync_tables import journal as journal_table

POLL_SECONDS = 1.0
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_DONE = {
    "create": "added",
    "change": "changed",
    "cancel": "cancelled",
    "cancel-instance": "cancelled",
    "restore": "restored",
    "status": "status changed",
    "link": "patient linked",
    "overwrite": "changed",
    "refused": "refused, the practice's version comes back",
    "held": "held back by the burst brake",
    "undo": "undone",
    "move-away": "moved to another calendar",
    "copy-removed": "copy removed",
    "erase": "contents erased",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal row with the names that a person knows people by."""

    id: int
    at: datetime
    user_name: str
    program: str
    action: str
    patient: str
    private: bool
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def line(entry: Entry, time_zone: str) -> str:
    """``10:42 anna müller, DAVx5: Huber Maria moved from Tue 09:00 to Tue 09:30``."""
    at = entry.at.replace(tzinfo=UTC).astimezone(ZoneInfo(time_zone))
    who = ", ".join(filter(None, (entry.user_name, short_name(entry.program)))) or "another program"
    return f"{at:%H:%M} {who}: {_what(entry)}"


def entries(uow: UnitOfWork, practice_id: int, after_id: int, limit: int = 200) -> list[Entry]:
    """The journal's rows after ``after_id``, oldest first; two statements."""
    query = (
        select(journal_table, staff.c.user_name)
        .outerjoin(staff, staff.c.id == journal_table.c.staff_id)
        .where(journal_table.c.practice_id == practice_id, journal_table.c.id > after_id)
        .order_by(journal_table.c.id)
        .limit(limit)
    )
    rows = uow.connection.execute(query).all()
    ids = {row.patient_id for row in rows if row.patient_id is not None}
    names: dict[int, str] = {}
    if ids:
        people = select(patient.c.id, patient.c.last_name, patient.c.first_name).where(patient.c.id.in_(ids))
        names = {p.id: f"{p.last_name} {p.first_name}".strip() for p in uow.connection.execute(people)}
    return [
        Entry(
            id=row.id,
            at=row.at,
            user_name=row.user_name or "",
            program=row.program,
            action=row.action,
            patient=names.get(row.patient_id, ""),
            private=bool(row.private),
            before=journal.parse(row.before),
            after=journal.parse(row.after),
        )
        for row in rows
    ]


def newest(uow: UnitOfWork) -> int:
    """The id of the newest journal row, 0 if there is none."""
    return int(uow.connection.execute(select(func.max(journal_table.c.id))).scalar() or 0)


def follow(
    database: Database, practice: Practice, stop: threading.Event, show: Callable[[str], None]
) -> None:
    """Show a line for each change from now on, until ``stop`` is set. A database away is waited for."""
    seen: int | None = None
    while not stop.is_set():
        try:
            with database.read() as uow:
                if seen is None:
                    seen = newest(uow)
                found = entries(uow, practice.id, seen)
        except PracticeError:
            found = []
        for entry in found:
            show(line(entry, practice.time_zone))
            seen = entry.id
        stop.wait(POLL_SECONDS)


def _what(entry: Entry) -> str:
    former, present = _main_row(entry.before), _main_row(entry.after)
    row = present or former
    name = "a private entry" if entry.private else entry.patient or str(row.get("subject", "")) or "an entry"
    start, end = _moment(former), _moment(present)
    if entry.action in ("change", "move", "overwrite") and start and end and start != end:
        return f"{name} moved from {start} to {end}"
    if entry.action == "move" and former and present:
        return f"{name} moved to another calendar" + (f" ({end})" if end else "")
    done = _DONE.get(entry.action, entry.action)
    when = end or start
    return f"{name} {done}" + (f" ({when})" if when else "")


def _main_row(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row that changed: an instance if there is one, else the appointment or the series' master."""
    rows = content.get("rows")
    if not isinstance(rows, Mapping):
        return {}
    found = [row for row in rows.values() if isinstance(row, Mapping)]
    instances = [row for row in found if row.get("recurrence_id")]
    return (instances or found or [{}])[0]


def _moment(row: Mapping[str, Any]) -> str:
    try:
        start = datetime.strptime(str(row.get("starts_at", "")), WALL_TIME_FORMAT)
    except ValueError:
        return ""
    day = f"{_DAYS[start.weekday()]} {start.day}.{start.month}."
    return day if row.get("all_day") else f"{day} {start:%H:%M}"
