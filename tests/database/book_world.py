"""A small practice for the tests of the book: two practitioners, a receptionist, a room, patients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from radicale_practice.practice import practices
from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.model import Actor, Appointment, CalendarObject, Patient, Role, Viewer
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading import calendar_objects
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.schema import sync_tables as s
from radicale_practice.practice.settings import PracticeSettings, dump_settings
from radicale_practice.practice.sync import revisions

MONDAY = datetime(2026, 11, 16, 9)
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class World:
    """Ids of what is in the database, and how to look at it."""

    database: Database
    practice_id: int
    anna: int
    ben: int
    rita: int
    anna_calendar: int
    ben_calendar: int
    room: int
    other_room: int
    private: int
    maria: Patient
    josef: Patient

    def viewer(self, staff_id: int | None = None, **more: Any) -> Viewer:
        """Anna at her phone, or somebody else."""
        staff_id = staff_id or self.anna
        role = Role.RECEPTIONIST if staff_id == self.rita else Role.PRACTITIONER
        values: dict[str, Any] = {"program": "iOS/26.5 dataaccessd/1.0", **more}
        return Viewer(self.practice_id, staff_id, f"user{staff_id}", "Somebody", role, **values)

    def reception(self, **more: Any) -> Viewer:
        """Rita at the reception, who may write everywhere."""
        return self.viewer(self.rita, **{"program": "Thunderbird/140", **more})

    @contextmanager
    def write(self, viewer: Viewer | None = None) -> Iterator[UnitOfWork]:
        """A writing unit of that viewer."""
        actor = Actor(viewer.staff_id, viewer.device_id, viewer.program) if viewer else Actor()
        with self.database.write(actor) as uow:
            yield uow

    def practice(self, uow: UnitOfWork) -> Practice:
        """The practice as it is now."""
        return practices.get(uow, self.practice_id)

    def set(self, **values: Any) -> None:
        """Change settings."""
        with self.write() as uow:
            settings = replace(PracticeSettings(), **values)
            uow.connection.execute(update(t.practice).values(settings=dump_settings(settings)))

    def rows(self, table: Any, *conditions: Any) -> list[dict[str, Any]]:
        """Rows of a table, by its first columns."""
        with self.database.read() as uow:
            query = select(table).where(*conditions).order_by(*table.primary_key.columns)
            return [dict(r) for r in uow.connection.execute(query).mappings()]

    def row(self, appointment_id: int) -> dict[str, Any]:
        """One appointment."""
        (found,) = self.rows(t.appointment, t.appointment.c.id == appointment_id)
        return found

    def calendars(self, appointment_id: int) -> dict[int, str]:
        """An appointment's calendars."""
        link = t.appointment_calendar
        return {r["calendar_id"]: r["role"] for r in self.rows(link, link.c.appointment_id == appointment_id)}

    def journal(self, *actions: str) -> list[dict[str, Any]]:
        """The journal, or its rows of these actions."""
        found = self.rows(s.journal)
        return [r for r in found if not actions or r["action"] in actions]

    def attention(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Open rows of the attention list."""
        found = self.rows(s.attention, s.attention.c.settled_at.is_(None))
        return [r for r in found if kind is None or r["kind"] == kind]

    def stored(self, href: str, calendar_id: int | None = None, viewer: Viewer | None = None) -> StoredObject:
        """The live object under that href."""
        with self.database.read() as uow:
            (found,) = self.load(uow, href, calendar_id, viewer)
            return found

    def load(
        self,
        uow: UnitOfWork,
        href: str | None = None,
        calendar_id: int | None = None,
        viewer: Viewer | None = None,
    ) -> list[StoredObject]:
        """Live objects of a calendar, all or one."""
        hrefs = None if href is None else [href]
        return calendar_objects.load(
            uow, viewer or self.viewer(), calendar_id or self.anna_calendar, hrefs=hrefs
        )

    def hrefs(self, calendar_id: int | None = None, viewer: Viewer | None = None) -> list[str]:
        """What a calendar lists."""
        with self.database.read() as uow:
            return sorted(o.href for o in self.load(uow, None, calendar_id, viewer))

    def revision(self, calendar_id: int | None = None, staff_id: int | None = None) -> int:
        """Newest revision of a calendar."""
        calendar_id = calendar_id or self.anna_calendar
        with self.database.read() as uow:
            states = revisions.calendar_states(uow, [calendar_id], staff_id or self.anna)
            return states[calendar_id].revision

    def entry(self, start: datetime = MONDAY, **values: Any) -> Appointment:
        """An appointment of an hour in the practice's zone."""
        plain: dict[str, Any] = {"end": start + HOUR, "time_zone": "Europe/Vienna", **values}
        return Appointment(start=start, **plain)

    def event(self, uid: str = "u1", start: datetime = MONDAY, **values: Any) -> CalendarObject:
        """A single event of an hour."""
        return CalendarObject(uid, (self.entry(start, **values),))

    def weekly(self, uid: str = "w1", *overrides: Appointment, **values: Any) -> CalendarObject:
        """Four Mondays."""
        master = self.entry(
            **{"start": MONDAY, "rrule": "FREQ=WEEKLY;COUNT=4", "patient": self.maria, **values}
        )
        return CalendarObject(uid, (master, *overrides))


def with_master(shown: CalendarObject, **values: Any) -> CalendarObject:
    """The object with its master changed."""
    return replace(shown, appointments=(replace(shown.appointments[0], **values), *shown.appointments[1:]))


def with_override(shown: CalendarObject, date: datetime, **values: Any) -> CalendarObject:
    """The object with one instance changed, or overridden for the first time."""
    for index, entry in enumerate(shown.appointments):
        if entry.recurrence_id == date:
            changed = replace(entry, **values)
            return replace(
                shown, appointments=(*shown.appointments[:index], changed, *shown.appointments[index + 1 :])
            )
    master = shown.appointments[0]
    fresh = replace(
        master,
        id=None,
        public_id="",
        rrule="",
        rdate=(),
        exdate=(),
        start=date,
        end=date + (master.end - master.start),
        recurrence_id=date,
    )
    return replace(shown, appointments=(*shown.appointments, replace(fresh, **values)))


def timed(former: CalendarObject, uploaded: CalendarObject) -> CalendarObject:
    """An upload read over what its person saw of the original: other times, nothing else.

    Instances are found by their date, as it was or as the series is shifted. What the lens reads out of
    titles and texts is the protocol tests' affair.
    """
    names = ("start", "end", "time_zone", "all_day", "recurrence_id", "rrule", "rdate", "exdate")
    by = timedelta()
    if former.master is not None and uploaded.master is not None:
        by = uploaded.master.start - former.master.start
    known = {entry.recurrence_id: entry for entry in former.appointments}
    entries = []
    for new in uploaded.appointments:
        date = new.recurrence_id
        old = known.pop(date, None) or (known.pop(date - by, None) if date is not None else None)
        values = {name: getattr(new, name) for name in names}
        entries.append(new if old is None else replace(old, **values))
    return replace(former, appointments=tuple(entries), uid=uploaded.uid)


def build(database: Database) -> World:
    """Fill an empty database."""
    with database.write() as uow:
        run = uow.connection.execute

        def one(table: Any, **values: Any) -> int:
            return int(run(insert(table).values(**values).returning(table.c.id)).scalar_one())

        practice_id = one(t.practice, name="Praxis", language="de")
        people = [
            one(t.staff, practice_id=practice_id, user_name=n, display_name=n, role=r)
            for n, r in (("anna", "practitioner"), ("ben", "practitioner"), ("rita", "receptionist"))
        ]
        calendars = [
            one(t.calendar, practice_id=practice_id, name=n, kind=k, staff_id=p)
            for n, k, p in (
                ("Anna", "practitioner", people[0]),
                ("Ben", "practitioner", people[1]),
                ("Room 1", "room", None),
                ("Room 2", "room", None),
                ("Private", "private", people[0]),
            )
        ]
        patients = []
        for number, first, last in (("4711", "Maria", "Muster"), ("4712", "Josef", "Huber")):
            key = one(t.patient, practice_id=practice_id, number=number, first_name=first, last_name=last)
            patients.append(Patient(key, number, first, last))
    return World(database, practice_id, *people, *calendars, *patients)
