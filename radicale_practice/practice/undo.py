"""Take back everything one device or person did since a time, from the journal's before and after.

The journal is read backwards over the rows as they are now, in memory; what somebody else changed meanwhile
is left alone and reported. A constant number of statements whatever the number of changes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, or_, select

from radicale_practice.practice import appointment_rows, clock
from radicale_practice.practice import journal as book_journal
from radicale_practice.practice.appointment_rows import Row
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Actor, Status
from radicale_practice.practice.schema.practice_tables import appointment, appointment_calendar
from radicale_practice.practice.schema.sync_tables import journal

UNDOABLE = (
    "create",
    "change",
    "move",
    "move-away",
    "cancel",
    "cancel-instance",
    "overwrite",
    "discard",
    "restore",
    "link",
    "status",
)

CHANGED_MEANWHILE = "changed-meanwhile"
CONTENTS_GONE = "contents-gone"


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the journal: taken back, or left alone with a ``reason``."""

    journal_id: int
    at: datetime
    action: str
    appointment_id: int
    reason: str = ""


@dataclass(slots=True)
class Report:
    """What was taken back (or would be), newest first, and what was left alone."""

    done: list[Step] = field(default_factory=list)
    skipped: list[Step] = field(default_factory=list)


def undo(
    uow: UnitOfWork,
    actor: Actor,
    practice_id: int,
    since: datetime | None = None,
    *,
    device_id: int | None = None,
    staff_id: int | None = None,
    program: str | None = None,
    journal_ids: Collection[int] | None = None,
    dry_run: bool = False,
) -> Report:
    """Undo what a device (``device_id``), a person (``staff_id``, with ``program`` one program of theirs)
    or the rows ``journal_ids`` did, from ``since`` (UTC) on.

    New appointments are cancelled, everything else is as it was before. ``dry_run``: only the report.
    Raises ``InvalidValue`` if nobody is named.
    """
    wanted = _conditions(practice_id, since, device_id, staff_id, program, journal_ids)
    query = select(journal).where(*wanted).order_by(journal.c.id.desc())
    entries = list(uow.connection.execute(query).mappings())
    book = _Book(uow, practice_id, select(journal.c.appointment_id).where(*wanted))
    report = Report()
    for entry in entries:
        reason = book.take_back(entry)
        step = Step(entry["id"], entry["at"], entry["action"], entry["appointment_id"], reason)
        (report.skipped if reason else report.done).append(step)
    if not dry_run:
        book.write(actor)
    return report


def _conditions(
    practice_id: int,
    since: datetime | None,
    device_id: int | None,
    staff_id: int | None,
    program: str | None,
    journal_ids: Collection[int] | None,
) -> list[ColumnElement[bool]]:
    if device_id is None and staff_id is None and journal_ids is None:
        raise InvalidValue("undo: name a device, a person or rows of the journal")
    wanted: list[ColumnElement[bool]] = [
        journal.c.practice_id == practice_id,
        journal.c.action.in_(UNDOABLE),
        journal.c.appointment_id.is_not(None),
    ]
    if since is not None:
        wanted.append(journal.c.at >= since)
    if device_id is not None:
        wanted.append(journal.c.device_id == device_id)
    if staff_id is not None:
        wanted.append(journal.c.staff_id == staff_id)
    if program is not None:
        wanted.append(journal.c.program == program)
    if journal_ids is not None:
        wanted.append(journal.c.id.in_(sorted(set(journal_ids))))
    return wanted


class _Book:
    """The rows concerned: as they are, and as they would be."""

    def __init__(self, uow: UnitOfWork, practice_id: int, ids: Any) -> None:
        self.uow, self.practice_id = uow, practice_id
        query = (
            select(appointment)
            .where(appointment.c.practice_id == practice_id)
            .where(or_(appointment.c.id.in_(ids), appointment.c.series_id.in_(ids)))
            .order_by(appointment.c.id)
            .with_for_update(key_share=True)
        )
        self.rows: dict[int, Row] = {r["id"]: dict(r) for r in uow.connection.execute(query).mappings()}
        self.is_now = {i: book_journal.snapshot(r) for i, r in self.rows.items()}
        self.wanted: dict[int, dict[str, Any] | None] = dict(self.is_now)
        self.calendars: dict[int, dict[str, str]] = {}
        link = appointment_calendar
        for row in uow.connection.execute(select(link).where(link.c.appointment_id.in_(ids))):
            self.calendars.setdefault(row.appointment_id, {})[str(row.calendar_id)] = row.role
        self.wanted_calendars = {i: dict(c) for i, c in self.calendars.items()}
        self.blocked: set[int] = set()
        self.undone: set[int] = set()

    def take_back(self, entry: Any) -> str:
        """Take one change back in memory; the reason if that is not possible."""
        master = int(entry["appointment_id"])
        before, after = book_journal.parse(entry["before"]), book_journal.parse(entry["after"])
        reason = CONTENTS_GONE if not after.get("rows") else ""
        if master in self.blocked or (not reason and not self._is_as(master, before, after)):
            reason = CHANGED_MEANWHILE
        if reason:
            self.blocked.add(master)
            return reason
        self.undone.add(master)
        was = {int(i): r for i, r in before.get("rows", {}).items()}
        for row_id, now in ((int(i), r) for i, r in after["rows"].items()):
            if entry["action"] == "create":
                self.wanted[row_id] = {**now, "status": str(Status.CANCELLED)}
            elif row_id not in was:
                self.wanted[row_id] = None
        self.wanted.update(was)
        if before.get("calendars"):
            self.wanted_calendars[master] = dict(before["calendars"])
        return ""

    def _is_as(self, master: int, before: dict[str, Any], after: dict[str, Any]) -> bool:
        rows = {int(i): r for i, r in after["rows"].items()}
        removed = [int(i) for i in before.get("rows", {}) if int(i) not in rows]
        return (
            all(self.wanted.get(i) == r for i, r in rows.items())
            and all(self.wanted.get(i) is None for i in removed)
            and self.wanted_calendars.get(master, {}) == after.get("calendars", {})
        )

    def write(self, actor: Actor) -> None:
        """Bring the rows to what is wanted, and journal it: one row for each appointment."""
        changes = {
            i: self._change(self.rows[i], kept, actor)
            for i, kept in self.wanted.items()
            if i in self.rows and kept is not None and kept != self.is_now[i]
        }
        gone = [i for i, kept in self.wanted.items() if kept is None and i in self.rows]
        back = {i: kept for i, kept in self.wanted.items() if kept is not None and i not in self.rows}
        self._move_back()
        appointment_rows.update_rows(self.uow, self.rows.values(), changes)
        appointment_rows.delete_rows(self.uow, gone)
        self._insert_again(back)
        self._record(actor, {*changes, *gone, *back})

    def _change(self, row: Row, kept: dict[str, Any], actor: Actor) -> Row:
        was = book_journal.columns(kept)
        change = {n: v for n, v in was.items() if v != row[n]}
        if change.get("status") == Status.CANCELLED:
            change |= appointment_rows.cancelled(actor, clock.utc_now())
        elif "status" in change:
            change |= appointment_rows.booked(change["status"])
        return change

    def _move_back(self) -> None:
        moved = [i for i, c in self.wanted_calendars.items() if c != self.calendars.get(i, {})]
        if not moved:
            return
        link = appointment_calendar
        family = {i: [i, *(r["id"] for r in self.rows.values() if r["series_id"] == i)] for i in moved}
        ids = sorted(row_id for members in family.values() for row_id in members)
        self.uow.connection.execute(delete(link).where(link.c.appointment_id.in_(ids)))
        values = [
            {"appointment_id": row_id, "calendar_id": int(c), "role": role}
            for master, members in family.items()
            for row_id in members
            for c, role in self.wanted_calendars[master].items()
        ]
        self.uow.connection.execute(insert(link), values)

    def _insert_again(self, back: dict[int, dict[str, Any]]) -> None:
        if not back:
            return
        values = [
            {"id": i, "practice_id": self.practice_id, **book_journal.columns(kept)}
            for i, kept in sorted(back.items())
        ]
        self.uow.connection.execute(insert(appointment), values)
        links = [
            {"appointment_id": v["id"], "calendar_id": int(c), "role": role}
            for v in values
            for c, role in self.wanted_calendars.get(v["series_id"] or v["id"], {}).items()
        ]
        if links:
            self.uow.connection.execute(insert(appointment_calendar), links)

    def _record(self, actor: Actor, touched: set[int]) -> None:
        rows = []
        for master in sorted(self.undone):
            if master not in self.rows:
                continue
            ids = [i for i in self.wanted if i == master or (i in touched and self._master_of(i) == master)]
            rows.append(
                book_journal.row(
                    actor,
                    "undo",
                    practice_id=self.practice_id,
                    appointment_id=master,
                    patient_id=(self.wanted[master] or {}).get("patient_id"),
                    before=self._state(self.calendars.get(master, {}), ids, self.is_now),
                    after=self._state(self.wanted_calendars.get(master, {}), ids, self.wanted),
                )
            )
        book_journal.write_many(self.uow, rows)

    def _master_of(self, row_id: int) -> int:
        kept = self.wanted[row_id] or self.is_now.get(row_id) or {}
        return int(kept.get("series_id") or row_id)

    def _state(self, calendars: dict[str, str], ids: list[int], rows: Any) -> dict[str, Any]:
        return {"calendars": calendars, "rows": {str(i): rows[i] for i in ids if rows.get(i) is not None}}
