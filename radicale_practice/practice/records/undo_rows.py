"""The rows that an undo concerns: as they are, and as they would be with changes taken back, in memory.

Beside the columns these are the calendars of every row, and what clients keep with it. That comes back unless
somebody's client has written it anew since, which clients do with every alarm put off: it stands in nobody's
way. An alarm is its owner's own affair anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from radicale_practice.practice.appointment_rows import Row
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor, Status
from radicale_practice.practice.parts import parts
from radicale_practice.practice.records import beside, undo_groups
from radicale_practice.practice.records import journal as book_journal
from radicale_practice.practice.records.left_alone import CHANGED_MEANWHILE, CONTENTS_GONE
from radicale_practice.practice.schema.practice_tables import appointment, appointment_calendar

Calendars = dict[str, str]
"""Calendar id (as text, as in JSON) to role."""


class WantedRows:
    """Rows by id, present and wanted; None wanted: the row goes."""

    def __init__(self, uow: UnitOfWork, practice_id: int, entries: list[Any]) -> None:
        self.uow, self.practice_id = uow, practice_id
        ids = sorted({int(e["appointment_id"]) for e in entries})
        # an instance that became an appointment of its own is found by its id only
        named = sorted(undo_groups.rows_named(entries) | set(ids))
        self.rows: dict[int, Row] = {}
        self.calendars: dict[int, Calendars] = {}
        for some in parts(named):
            self._load(some)
        self.is_now = {i: book_journal.snapshot(r) for i, r in self.rows.items()}
        self.extras = beside.kept(uow, undo_groups.rows_with_extras(entries))
        self.reset()

    def _load(self, ids: Sequence[int]) -> None:
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
        self.wanted_extras: dict[beside.Key, str] = {}
        self.origins: dict[int, Row] = {}
        self.cancelled_now: set[int] = set()
        self.undone: dict[int, list[int]] = {}
        self.sources: set[str] = set()
        self.since: datetime | None = None
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

    def cancel(self, row_id: int, kept: dict[str, Any]) -> None:
        """A row that was not there before is cancelled, not deleted: somebody may have seen it."""
        if kept.get("status") != Status.CANCELLED:
            self.cancelled_now.add(row_id)
        self.wanted[row_id] = {**kept, "status": str(Status.CANCELLED)}

    def master_of(self, row_id: int) -> int:
        """The series a row belongs to, else the row itself."""
        known = self.wanted.get(row_id) or self.is_now.get(row_id) or {}
        return int(known.get("series_id") or row_id)

    def _take_back(self, entry: Any) -> str:
        master = int(entry["appointment_id"])
        before, after = book_journal.parse(entry["before"]), book_journal.parse(entry["after"])
        if not after.get("rows"):
            return CONTENTS_GONE
        if not self._is_as(master, before, after):
            return CHANGED_MEANWHILE
        self.undone.setdefault(master, []).append(entry["id"])
        self.sources.add(Actor(entry["staff_id"], entry["device_id"], entry["program"]).source)
        self.since = min(entry["at"], self.since or entry["at"])
        # What was private alone stays so in the row that takes it back: nobody else reads it, retention is
        # short. What the practice has heard of is told again.
        calendar_id, private = self.places.get(master, (entry["calendar_id"], True))
        self.places[master] = (calendar_id, private and bool(entry["private"]))
        was = _by_id(before)
        for row_id, now in _by_id(after).items():
            if entry["action"] == "create":
                self.cancel(row_id, now)
            elif row_id not in was:
                self.wanted[row_id] = None
        self.wanted.update(was)
        self._take_back_places(master, before, after)
        self._take_back_extras(before, after)
        return ""

    def _take_back_places(self, master: int, before: dict[str, Any], after: dict[str, Any]) -> None:
        for text, known in before.get("gone", {}).items():
            self.origins[int(text)] = beside.origin(known)
            self.wanted_calendars[int(text)] = dict(known.get("calendars", {}))
        if "calendars" not in before:
            return
        was, became = before["calendars"], after.get("calendars", {})
        self.wanted_calendars[master] = dict(was)
        if "placed" not in before:
            return
        for row_id, kept in self.wanted.items():
            # an instance without calendars of its own is wherever its master is
            now = self.wanted_calendars.get(row_id)
            if kept is None or kept.get("series_id") != master or not now:
                continue
            if now == after.get("placed", {}).get(str(row_id), became):
                self.wanted_calendars[row_id] = dict(before["placed"].get(str(row_id), was))

    def _take_back_extras(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        became = beside.of_json(after)
        for key, text in beside.of_json(before).items():
            if key not in became or self._extra(key) == became[key]:
                self.wanted_extras[key] = text

    def _extra(self, key: beside.Key) -> str:
        return self.wanted_extras.get(key, self.extras.get(key, ""))

    def _is_as(self, master: int, before: dict[str, Any], after: dict[str, Any]) -> bool:
        rows, was = _by_id(after), _by_id(before)
        removed = [i for i in was if i not in rows]
        if was == rows and not self._keeps(after):
            return False
        return (
            all(self.wanted.get(i) == r for i, r in rows.items())
            and all(self.wanted.get(i) is None for i in removed)
            and self.wanted_calendars.get(master, {}) == after.get("calendars", {})
        )

    def _keeps(self, after: dict[str, Any]) -> bool:
        """Whether what all clients keep is still what a change left that changed nothing else."""
        shared = {key: text for key, text in beside.of_json(after).items() if not beside.is_personal(key)}
        return all(self._extra(key) == text for key, text in shared.items())


def _by_id(state: dict[str, Any]) -> dict[int, dict[str, Any]]:
    return {int(i): row for i, row in state.get("rows", {}).items()}
