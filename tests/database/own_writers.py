"""Our own code for the miss-nothing proof: devices, the reception and undo, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from radicale_practice.practice import book
from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.errors import Conflict, InvalidValue, NotFound, NotPermitted, Unavailable
from radicale_practice.practice.model import Actor, CalendarObject, Finding, FindingKind, Status
from radicale_practice.practice.notices import attention
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.records import undo
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.schema import sync_tables as s
from tests.database.book_world import HOUR, MONDAY, World, with_master, with_override
from tests.database.failures import among_practice_rows, cause, told
from tests.database.foreign_writers import CALENDARS, STAYING
from tests.database.run import Run

REFUSALS = (Conflict, InvalidValue, NotFound, NotPermitted)
"""What the book may say to a wish; then the unit is rolled back."""

NAMES = 20
DEVICES = 3


class Hands:
    """One person after another at a device or at the reception; every method is one unit's work."""

    def __init__(self, run: Run, world: World) -> None:
        self.run, self.world, self.dice = run, world, run.dice
        self.reception = Actor(world.rita, None, "radicale-practice")

    def act(self, uow: UnitOfWork) -> None:
        """One thing, chosen by chance."""
        self.dice.choice(self.everything())(uow)

    def everything(self) -> list[Callable[[UnitOfWork], object]]:
        """What can be done; what comes twice is done twice as often."""
        devices = [self.put, self.put, self.change, self.change, self.change, self.cancel, self.move]
        return [*devices, self.add, self.add_series, self.reschedule, self.set_status, self.link] + [
            self.restore,
            self.undo,
            self.settle,
        ]

    # devices

    def put(self, uow: UnitOfWork) -> None:
        """A new event or a copy, or over whatever lives under that name."""
        calendar, name = self.calendar(), f"name{self.dice.randrange(NAMES)}"
        uow.lock_paths([f"{calendar}/{name}.ics"])
        self.apply(uow, calendar, f"{name}.ics", self.event(name))

    def change(self, uow: UnitOfWork) -> None:
        """An event, a whole series, or one instance of it."""
        stored = self.some(uow)
        shown, master = stored.object, stored.object.master
        if master is None:
            desired = replace(shown, extra=f"X-{self.word()}")
        elif master.rrule and self.dice.random() < 0.5:
            day = master.start + timedelta(weeks=self.dice.randrange(4))
            desired = with_override(shown, day, subject=self.word())
        elif master.rrule and self.dice.random() < 0.3:
            day = master.start + timedelta(weeks=self.dice.randrange(4))
            desired = with_master(shown, exdate=(*master.exdate, day))
        elif self.dice.random() < 0.3:
            desired = with_master(shown, extra=f"X-{self.word()}", personal=self.word())
        else:
            length, start = master.end - master.start, self.start()
            desired = with_master(shown, start=start, end=start + length, subject=self.word())
        self.apply(uow, stored.calendar_id, stored.href, desired)

    def apply(self, uow: UnitOfWork, calendar: int, href: str, desired: CalendarObject) -> None:
        found = self.world.load(uow, href, calendar, self.viewer)
        findings = [Finding(FindingKind.UNLINKED)] if self.dice.random() < 0.2 else []
        current = found[0] if found else None
        practice = self.world.practice(uow)
        book.apply(uow, self.viewer, practice, calendar, current, desired, href, findings)

    def cancel(self, uow: UnitOfWork) -> None:
        """A deletion; a later PUT with the same UID makes it the first half of a move."""
        book.cancel(uow, self.viewer, self.world.practice(uow), self.some(uow))

    def move(self, uow: UnitOfWork) -> None:
        """To another calendar, over what lives there; or to another name."""
        stored, target = self.some(uow, staying=False), self.calendar()
        href = self.dice.choice([stored.href, f"name{self.dice.randrange(NAMES)}.ics"])
        taken = self.world.load(uow, href, target, self.viewer)
        overwritten = taken[0] if taken and taken[0].appointment_id > STAYING else None
        book.move(uow, self.viewer, self.world.practice(uow), stored, target, href, overwritten)

    # the reception

    def add(self, uow: UnitOfWork) -> None:
        book.add(uow, self.reception, self.new())

    def add_series(self, uow: UnitOfWork) -> None:
        book.add_series(uow, self.reception, book.NewSeries(self.new(), "FREQ=WEEKLY;COUNT=4"))

    def reschedule(self, uow: UnitOfWork) -> None:
        row = self.some_row(uow)
        calendar = self.calendar() if row > STAYING and self.dice.random() < 0.5 else None
        book.reschedule(uow, self.reception, row, self.start(), calendar_id=calendar)

    def set_status(self, uow: UnitOfWork) -> None:
        statuses = [Status.CANCELLED, Status.CONFIRMED, Status.BOOKED, Status.DONE]
        book.set_status(uow, self.reception, self.some_row(uow), self.dice.choice(statuses))

    def link(self, uow: UnitOfWork) -> None:
        patient = self.dice.choice([None, self.world.maria.id, self.world.josef.id])
        book.link_patient(uow, self.reception, self.some_row(uow), patient)

    def restore(self, uow: UnitOfWork) -> None:
        gone = select(t.appointment.c.id).where(t.appointment.c.status == "cancelled")
        book.restore(uow, self.reception, self.one_of(uow, gone))

    def undo(self, uow: UnitOfWork) -> None:
        """The last few changes of everybody's."""
        query = select(s.journal.c.id).order_by(s.journal.c.id.desc()).limit(4)
        rows = list(uow.connection.execute(query).scalars())
        undo.undo(uow, self.reception, self.world.practice_id, journal_ids=rows)

    def settle(self, uow: UnitOfWork) -> None:
        """A row of the attention list: a burst carried out or undone, a title linked, whatever fits."""
        items = attention.open_list(uow, self.world.practice_id)
        if items:
            how = self.dice.choice(["carry-out", "undo", "link", "accept", "discard"])
            item = self.dice.choice(items).id
            attention.resolve(uow, self.reception, item, how, patient_id=self.world.maria.id)

    # what with

    @property
    def viewer(self) -> Any:
        """The reception's devices; ``act`` is one device's."""
        return self.world.reception(device_id=self.device)

    @property
    def device(self) -> int:
        """Changes now and then: each has a brake of its own."""
        return 1 + self.run.done // 30 % DEVICES

    def calendar(self) -> int:
        """One that the reception may write."""
        return self.dice.randint(1, CALENDARS - 1)

    def word(self) -> str:
        return f"w{self.dice.randrange(10**9)}"

    def start(self) -> datetime:
        return MONDAY + timedelta(days=self.dice.randrange(20), hours=self.dice.randrange(8))

    def event(self, uid: str) -> CalendarObject:
        patient = self.dice.choice([None, self.world.maria])
        kind = self.world.weekly if self.dice.random() < 0.3 else self.world.event
        return kind(uid, start=self.start(), patient=patient, subject=self.word(), extra="X", personal="P")

    def new(self) -> book.NewAppointment:
        start = self.start()
        return book.NewAppointment(self.calendar(), start, start + HOUR, subject=self.word())

    def some(self, uow: UnitOfWork, *, staying: bool = True) -> StoredObject:
        """An event of a calendar. Raises ``NotFound`` if there is none."""
        found = self.world.load(uow, None, self.calendar(), self.viewer)
        fitting = [o for o in found if staying or o.appointment_id > STAYING]
        if not fitting:
            raise NotFound("an empty calendar")
        stored = self.dice.choice(fitting)
        uow.lock_paths([f"{stored.calendar_id}/{stored.href}"])
        return stored

    def some_row(self, uow: UnitOfWork) -> int:
        return self.one_of(uow, select(t.appointment.c.id).where(t.appointment.c.series_id.is_(None)))

    def one_of(self, uow: UnitOfWork, query: Any) -> int:
        ids = sorted(uow.connection.execute(query).scalars())
        if not ids:
            raise NotFound("no such appointment")
        return int(self.dice.choice(ids))


def write_through_us(run: Run, ids: World) -> None:
    """Units of the book until the time is over. ``ids``: the world without its database."""
    world = replace(ids, database=Database(run.url, lock_timeout=60))
    hands = Hands(run, world)
    run.begin()
    while run.goes_on():
        try:
            with world.write(hands.viewer) as uow, uow.operation():
                hands.act(uow)
            run.done += 1
        except REFUSALS:
            run.refused += 1
        except Exception as error:
            if comes_again(world.database, error):
                run.retried += 1
            else:
                run.report(told(cause(error)))
    world.database.dispose()
    run.end()


def comes_again(database: Database, error: BaseException) -> bool:
    """Whether the answer is a 503 for a good reason: SQLite's one writer was somebody else for long, or a
    deadlock with a foreign program's rows, nothing of ours in it."""
    if not isinstance(error, Unavailable):
        return False
    if database.dialect == "sqlite":
        return True
    with database.engine.connect() as connection:
        return among_practice_rows(cause(error), connection.connection.dbapi_connection)
