"""Take back everything one device or person did since a time, from the journal's before and after.

The journal is read backwards over the rows as they are now, in memory; what somebody else changed meanwhile
is left alone and reported, together with all that belongs to it (``undo_groups``), and so is what would come
back to a time taken meanwhile, where the practice forbids that. A constant number of statements whatever the
number of changes, but for those that clash with another appointment.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, or_, select

from radicale_practice.practice import appointment_rows, clock, practices
from radicale_practice.practice.appointment_rows import Row, Rows
from radicale_practice.practice.book.writing import attempt
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Actor, CalendarKind, Status
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal as book_journal
from radicale_practice.practice.records import undo_groups
from radicale_practice.practice.rules import double_booking, refusals
from radicale_practice.practice.schema.appointment_columns import TIMED
from radicale_practice.practice.schema.practice_tables import appointment, appointment_calendar, calendar
from radicale_practice.practice.schema.sync_tables import journal
from radicale_practice.practice.sync import revisions

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
SLOT_TAKEN = refusals.SLOT_TAKEN


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

    New appointments are cancelled, everything else is as it was before. Of changes that belong together all
    are taken back, or none. ``dry_run``: only the report. Raises ``InvalidValue`` if nobody is named.
    """
    wanted = _conditions(practice_id, since, device_id, staff_id, program, journal_ids)
    query = select(journal).where(*wanted).order_by(journal.c.id.desc())
    entries: list[Any] = list(uow.connection.execute(query).mappings())
    if journal_ids is not None:
        entries = undo_groups.with_halves(uow, practice_id, entries)
    entries = _not_undone(uow, practice_id, entries)
    report = Report()
    if not entries:
        return report
    left = _take_back(uow, actor, practices.get(uow, practice_id), entries, dry_run)
    for entry in entries:
        reason = left.get(entry["id"], "")
        step = Step(entry["id"], entry["at"], entry["action"], entry["appointment_id"], reason)
        (report.skipped if reason else report.done).append(step)
    return report


def _not_undone(uow: UnitOfWork, practice_id: int, entries: list[Any]) -> list[Any]:
    """Without what was taken back before: it is history, and stands in the way of nothing that came later."""
    if not entries:
        return entries
    query = select(journal.c.after).where(
        journal.c.practice_id == practice_id,
        journal.c.action == "undo",
        journal.c.id > min(e["id"] for e in entries),
    )
    undone = {i for text in uow.connection.scalars(query) for i in book_journal.parse(text).get("undone", ())}
    return [e for e in entries if e["id"] not in undone]


class _Again(Exception):  # noqa: N818 - no error: the attempt is to be rolled back
    """Rolls back what was written: some of it may not be (their appointments), or nothing was to be."""

    def __init__(self, taken: set[int]) -> None:
        super().__init__()
        self.taken = taken


def _take_back(
    uow: UnitOfWork, actor: Actor, practice: Practice, entries: list[Any], dry_run: bool
) -> dict[int, str]:
    """Take back what can be; by entry id why the others are left alone. Every round leaves out more."""
    group = undo_groups.groups(entries)
    book = _Book(uow, practice.id, entries)
    left: dict[int, str] = {}
    while True:
        going = [e for e in entries if group[e["id"]] not in left]
        found = book.take_back_all(going, group)
        if found:
            left.update(found)
            continue
        try:
            with attempt(uow):
                book.write(actor)
                clashes = book.clashes()
                taken = {r.id for r, clash in clashes if double_booking.forbidden(practice, r, clash)}
                if taken or dry_run:
                    raise _Again(taken)
        except _Again as again:
            left.update(
                (group[e["id"]], SLOT_TAKEN) for e in going if int(e["appointment_id"]) in again.taken
            )
            if again.taken:
                continue
            break
        for rows, clash in clashes:
            double_booking.file(uow, practice, rows, clash, actor)
        break
    return {e["id"]: left[group[e["id"]]] for e in entries if group[e["id"]] in left}


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

    def __init__(self, uow: UnitOfWork, practice_id: int, entries: list[Any]) -> None:
        self.uow, self.practice_id = uow, practice_id
        ids = sorted({int(e["appointment_id"]) for e in entries})
        # an instance that became an appointment of its own is found by its id only
        named = sorted(undo_groups.rows_named(entries) | set(ids))
        self.rows: dict[int, Row] = {}
        self.calendars: dict[int, dict[str, str]] = {}
        for start in range(0, len(named), appointment_rows.CHUNK):
            self._load(named[start : start + appointment_rows.CHUNK])
        self.is_now = {i: book_journal.snapshot(r) for i, r in self.rows.items()}
        self.reset()

    def _load(self, ids: list[int]) -> None:
        concerned = or_(appointment.c.id.in_(ids), appointment.c.series_id.in_(ids))
        query = (
            select(appointment)
            .where(appointment.c.practice_id == self.practice_id, concerned)
            .order_by(appointment.c.id)
            .with_for_update(key_share=True)
        )
        self.rows |= {r["id"]: dict(r) for r in self.uow.connection.execute(query).mappings()}
        link = appointment_calendar
        placed = select(link).where(link.c.appointment_id.in_(select(appointment.c.id).where(concerned)))
        for row in self.uow.connection.execute(placed):
            self.calendars.setdefault(row.appointment_id, {})[str(row.calendar_id)] = row.role

    def reset(self) -> None:
        """Nothing is taken back yet."""
        self.wanted: dict[int, dict[str, Any] | None] = dict(self.is_now)
        self.wanted_calendars = {i: dict(c) for i, c in self.calendars.items()}
        self.undone: dict[int, list[int]] = {}
        self.places: dict[int, tuple[int | None, bool]] = {}

    def take_back_all(self, entries: list[Any], group: dict[int, int]) -> dict[int, str]:
        """Take changes back in memory, newest first; by group why that is not possible."""
        self.reset()
        left: dict[int, str] = {}
        for entry in entries:
            if group[entry["id"]] not in left:
                reason = self._take_back(entry)
                if reason:
                    left[group[entry["id"]]] = reason
        return left

    def _take_back(self, entry: Any) -> str:
        master = int(entry["appointment_id"])
        before, after = book_journal.parse(entry["before"]), book_journal.parse(entry["after"])
        if not after.get("rows"):
            return CONTENTS_GONE
        if not self._is_as(master, before, after):
            return CHANGED_MEANWHILE
        self.undone.setdefault(master, []).append(entry["id"])
        # What was private stays so in the row that takes it back: nobody else reads it, retention is short.
        calendar_id, private = self.places.get(master, (entry["calendar_id"], False))
        self.places[master] = (calendar_id, private or bool(entry["private"]))
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
        # instances that live elsewhere stay where they are
        family = {
            i: [
                r["id"]
                for r in self.rows.values()
                if r["id"] == i
                or (r["series_id"] == i and self.calendars.get(r["id"]) in (None, self.calendars.get(i)))
            ]
            for i in moved
        }
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

    def clashes(self) -> list[tuple[Rows, double_booking.Clash]]:
        """What has come back to a time that is taken, with what stands in its way. Draws the revisions."""
        revisions.flush(self.uow)
        members: dict[int, list[int]] = {}
        for row_id in self.wanted:
            members.setdefault(self._master_of(row_id), []).append(row_id)
        back = [
            self._rows_after(m, members.get(m, [m]))
            for m in sorted(self.undone)
            if self.wanted.get(m) and self._comes_back(m, members.get(m, [m]))
        ]
        if not back:
            return []
        query = select(calendar.c.id).where(
            calendar.c.practice_id == self.practice_id, calendar.c.kind == str(CalendarKind.PRIVATE)
        )
        private = set(self.uow.connection.execute(query).scalars())
        return double_booking.decide_many(self.uow, back, private)

    def _comes_back(self, master: int, members: list[int]) -> bool:
        if self.wanted_calendars.get(master) != self.calendars.get(master):
            return True
        for row_id in members:
            was, now = self.is_now.get(row_id), self.wanted[row_id]
            if now is None or now.get("status") == Status.CANCELLED:
                continue
            if was is None or any(now.get(n) != was.get(n) for n in (*TIMED, "status", "transparent")):
                return True
        return False

    def _rows_after(self, master: int, members: list[int]) -> Rows:
        found: dict[int, Row] = {
            i: {"external_id": None, **self.rows.get(i, {}), "id": i, **book_journal.columns(kept)}
            for i in members
            if (kept := self.wanted[i]) is not None
        }
        calendars = {i: {int(c): role for c, role in self.wanted_calendars.get(i, {}).items()} for i in found}
        return Rows(found.pop(master), found, calendars)

    def _record(self, actor: Actor, touched: set[int]) -> None:
        rows = []
        for master in sorted(self.undone):
            if master not in self.rows:
                continue
            ids = [i for i in self.wanted if i == master or (i in touched and self._master_of(i) == master)]
            calendar_id, private = self.places[master]
            rows.append(
                book_journal.row(
                    actor,
                    "undo",
                    practice_id=self.practice_id,
                    appointment_id=master,
                    calendar_id=calendar_id,
                    private=private,
                    patient_id=(self.wanted[master] or {}).get("patient_id"),
                    before=self._state(self.calendars.get(master, {}), ids, self.is_now),
                    after=self._state(self.wanted_calendars.get(master, {}), ids, self.wanted)
                    | {"undone": self.undone[master]},
                )
            )
        book_journal.write_many(self.uow, rows)

    def _master_of(self, row_id: int) -> int:
        kept = self.wanted[row_id] or self.is_now.get(row_id) or {}
        return int(kept.get("series_id") or row_id)

    def _state(self, calendars: dict[str, str], ids: list[int], rows: Any) -> dict[str, Any]:
        return {"calendars": calendars, "rows": {str(i): rows[i] for i in ids if rows.get(i) is not None}}
