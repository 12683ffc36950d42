"""Whatever a device did, undoing all of it gives back the practice as it was before: the oracle is the state
of the tables, not what the journal says.

The exceptions are those of ``docs/decisions.md`` (Undo): what the device made new is there, cancelled; alarms
changed alone stay as they are.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from radicale_practice.practice.database import Database
from radicale_practice.practice.errors import Conflict, NotPermitted
from radicale_practice.practice.model import Actor, CalendarObject, Status, Viewer
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.records import undo
from radicale_practice.practice.records.left_alone import CHANGED_MEANWHILE
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.schema import sync_tables as s
from radicale_practice.practice.upkeep import check
from tests import chance
from tests.database.acts import delete, move, put
from tests.database.book_world import HOUR, MONDAY, WEEK, World, build, with_master, with_override

DEVICE = 7

TEXTS = ("", "a", "Ü – ö", "Muster")
"""Of subjects, notes and places."""

RULES = ("FREQ=WEEKLY;COUNT=2", "FREQ=WEEKLY;COUNT=5", "FREQ=WEEKLY;INTERVAL=2", "FREQ=DAILY;COUNT=9")

SEEDS = pytest.mark.parametrize("seed", [*range(5), chance.choose()], ids=[*map(str, range(5)), "random"])
"""Some fixed ones and a random one, the same in each of xdist's workers; ``SOAK_SEED`` repeats it."""

ROUNDS = 6


def furnish(world: World) -> None:
    """What is there before: single events, series with all kinds of instances, rooms, private entries,
    rows of a practice program, something cancelled and something documented."""
    world.set(brake_cancellations=10_000, brake_creations=10_000, attention_entry=False)
    desk = world.reception()
    for number in range(3):
        kept = {"extra": "X-A:1", "personal": "A"}
        event = world.event(
            f"s{number}", MONDAY + number * HOUR, patient=world.maria, subject="Physio", **kept
        )
        put(world, replace(event, extra="X-CAL:1"), f"s{number}.ics", viewer=desk)
    series = world.weekly("w0", subject="Massage", extra="X-M:1", exdate=(MONDAY + 3 * WEEK,))
    later = MONDAY + WEEK + HOUR
    series = with_override(series, MONDAY + WEEK, note="later", start=later, end=later + 2 * HOUR)
    series = with_override(series, MONDAY + 2 * WEEK, status=Status.CANCELLED)
    put(world, series, "w0.ics", viewer=desk)
    endless = {"rrule": "FREQ=WEEKLY", "start": MONDAY + 5 * HOUR, "end": MONDAY + 6 * HOUR}
    put(world, world.weekly("w1", **endless), "w1.ics")
    josef = world.event("b0", MONDAY + HOUR, patient=world.josef)
    put(world, josef, "b0.ics", world.ben_calendar, viewer=desk)
    put(world, world.event("p0", MONDAY + 9 * HOUR, subject="privat"), "p0.ics", world.private)
    put(world, world.event("gone", MONDAY + 8 * HOUR), "gone.ics", viewer=desk)
    delete(world, "gone.ics", viewer=desk)
    link = t.appointment_calendar
    with world.database.write(Actor()) as uow:
        run = uow.connection.execute
        o = s.calendar_object.c
        by_uid = {row.uid: row.appointment_id for row in run(select(o.uid, o.appointment_id))}
        run(insert(link).values(appointment_id=by_uid["s1"], calendar_id=world.room, role="resource"))
        run(
            insert(t.appointment).values(
                practice_id=world.practice_id, external_id="V-1", patient_id=world.maria.id, subject="lang",
                starts_at=MONDAY + 2 * WEEK + 5 * HOUR, ends_at=MONDAY + 2 * WEEK + 8 * HOUR,
                series_id=by_uid["w1"], recurrence_id=MONDAY + 2 * WEEK + 5 * HOUR,
            )
        )  # fmt: skip
        run(
            insert(t.appointment).values(
                practice_id=world.practice_id, external_id="V-2", patient_id=world.maria.id, status="done",
                starts_at=MONDAY + 5 * HOUR, ends_at=MONDAY + 6 * HOUR,
                series_id=by_uid["w1"], recurrence_id=MONDAY + 5 * HOUR,
            )
        )  # fmt: skip


@dataclass(frozen=True)
class State:
    """All that a practice and its clients have of appointments."""

    appointments: dict[int, dict[str, Any]]
    calendars: dict[int, dict[int, str]]
    extras: dict[tuple[Any, ...], str]
    identities: set[tuple[int, str, str, int]]

    def with_alarms(self, alarms: dict[tuple[int, int], str | None]) -> State:
        """The same with these alarms."""
        extras = {**self.extras, **{k: v for k, v in alarms.items() if k[0] in self.appointments}}
        return replace(self, extras={k: v for k, v in extras.items() if v is not None})

    def of(self, row_id: int) -> tuple[Any, ...]:
        """One row, its calendars, and what all clients keep with it."""
        shared = {k: text for k, text in self.extras.items() if k[0] == row_id and isinstance(k[1], str)}
        return self.appointments.get(row_id), self.calendars.get(row_id), shared

    def without(self, ids: set[int]) -> State:
        """The same without these rows."""
        return State(
            {i: r for i, r in self.appointments.items() if i not in ids},
            {i: c for i, c in self.calendars.items() if i not in ids},
            {k: text for k, text in self.extras.items() if k[0] not in ids},
            {o for o in self.identities if o[3] not in ids},
        )


def state(world: World) -> State:
    calendars: dict[int, dict[int, str]] = {}
    for row in world.rows(t.appointment_calendar):
        calendars.setdefault(row["appointment_id"], {})[row["calendar_id"]] = row["role"]
    extras: dict[tuple[Any, ...], str] = {
        (r["appointment_id"], r["component"]): r["content"] for r in world.rows(s.event_extra)
    }
    extras |= {(r["appointment_id"], r["staff_id"]): r["content"] for r in world.rows(s.personal_extra)}
    live = world.rows(s.calendar_object, s.calendar_object.c.removed_revision.is_(None))
    return State(
        {r["id"]: r for r in world.rows(t.appointment)},
        calendars,
        extras,
        {(o["calendar_id"], o["href"], o["uid"], o["appointment_id"]) for o in live},
    )


OPERATIONS = (
    *("new", "edit", "instance", "exclude", "rule"),
    *("drop", "delete", "move", "halves", "cancelled"),
)
"""The names of what a device does below."""


class Device:
    """One device that does anything; ``viewer`` may write everywhere but in Anna's private calendar."""

    def __init__(self, world: World, viewer: Viewer, seed: int) -> None:
        self.world, self.viewer, self.random = world, viewer, random.Random(seed)
        self.places = [world.anna_calendar, world.ben_calendar, world.room, world.other_room]
        if viewer.staff_id == world.anna:
            self.places = [world.anna_calendar, world.private]
        self.made = 0
        self.done: list[str] = []
        self.alone: dict[tuple[int, int], str | None] = {}
        """Alarms that were changed and nothing else: nobody's business, not in the journal."""

    def act(self) -> None:
        """One operation."""
        calendar_id = self.one(self.places)
        with self.world.database.read() as uow:
            found = self.world.load(uow, None, calendar_id, self.viewer)
        what = self.one(OPERATIONS)
        if what == "new" or not found:
            self.put(calendar_id, self.new(), None)
            return
        stored = self.one(sorted(found, key=lambda o: o.href))
        self.done.append(f"{what} {stored.href} in {calendar_id}")
        before, lines = self.alarms(), len(self.world.journal(*undo.UNDOABLE))
        getattr(self, what)(calendar_id, stored)
        if len(self.world.journal(*undo.UNDOABLE)) == lines:
            after = self.alarms()
            changed = {k for k in {*before, *after} if before.get(k) != after.get(k)}
            self.alone |= {k: after.get(k) for k in changed}

    def alarms(self) -> dict[tuple[int, int], str]:
        rows = self.world.rows(s.personal_extra)
        return {(r["appointment_id"], r["staff_id"]): r["content"] for r in rows}

    def one(self, choices: Any) -> Any:
        return self.random.choice(list(choices))

    def put(self, calendar_id: int, desired: CalendarObject, href: str | None) -> None:
        try:
            put(self.world, desired, href or f"{desired.uid}.ics", calendar_id, self.viewer)
        except (Conflict, NotPermitted):
            return

    def values(self) -> dict[str, Any]:
        """Some columns, and what clients keep."""
        every = {
            "subject": self.one(TEXTS),
            "note": self.one(TEXTS),
            "location_text": self.one(TEXTS),
            "patient": self.one([None, self.world.maria, self.world.josef]),
            "extra": self.one(["", "X-A:2", "X-A:3"]),
            "personal": self.one(["", "B", "C"]),
            "transparent": self.one([False, True]),
        }
        names = self.random.sample(sorted(every), self.random.randint(0, 3))
        return {n: every[n] for n in names}

    def times(self, start: datetime) -> dict[str, Any]:
        start = start + timedelta(minutes=30 * self.random.randint(-60, 60))
        return {"start": start, "end": start + timedelta(minutes=30 * self.random.randint(0, 4))}

    def new(self) -> CalendarObject:
        self.made += 1
        entry = self.world.event(f"new{self.made}", MONDAY + self.random.randint(0, 40) * HOUR)
        entry = with_master(entry, **self.values())
        if self.one([False, True]):
            entry = with_master(entry, rrule="FREQ=WEEKLY;COUNT=5")
            date = entry.appointments[0].start + WEEK
            entry = with_override(entry, date, **self.values())
        return replace(entry, extra=self.one(["", "X-CAL:2"]))

    def edit(self, calendar_id: int, stored: StoredObject) -> None:
        if stored.object.master is None:
            return
        changed = with_master(stored.object, **self.values())
        if self.one([False, True]):
            changed = with_master(changed, **self.times(stored.object.master.start))
        self.put(calendar_id, replace(changed, extra=self.one([stored.object.extra, "X-CAL:3"])), stored.href)

    def dates(self, stored: StoredObject) -> list[datetime]:
        master = stored.object.master
        if master is None or not master.is_series:
            return []
        return [master.start + n * WEEK for n in range(4)]

    def instance(self, calendar_id: int, stored: StoredObject) -> None:
        dates = self.dates(stored)
        if dates:
            date = self.one(dates)
            values = self.values() | (self.times(date) if self.one([False, True]) else {})
            self.put(calendar_id, with_override(stored.object, date, **values), stored.href)

    def exclude(self, calendar_id: int, stored: StoredObject) -> None:
        dates = self.dates(stored)
        if not dates:
            return
        date = self.one(dates)
        entries = [e for e in stored.object.appointments if e.recurrence_id != date]
        master = entries[0]
        excluded = set(master.exdate) ^ {date}
        entries[0] = replace(master, exdate=tuple(sorted(excluded)))
        self.put(calendar_id, replace(stored.object, appointments=tuple(entries)), stored.href)

    def rule(self, calendar_id: int, stored: StoredObject) -> None:
        if stored.object.master is not None:
            rule = self.one(
                [
                    "",
                    "FREQ=WEEKLY;COUNT=2",
                    "FREQ=WEEKLY;COUNT=5",
                    "FREQ=WEEKLY;INTERVAL=2",
                    "FREQ=DAILY;COUNT=9",
                ]
            )
            changed = with_master(stored.object, rrule=rule)
            if not rule:
                changed = replace(changed, appointments=changed.appointments[:1])
                changed = with_master(changed, exdate=(), rdate=())
            self.put(calendar_id, changed, stored.href)

    def drop(self, calendar_id: int, stored: StoredObject) -> None:
        """The upload no longer names an instance, or none."""
        kept = stored.object.appointments[: 1 + self.random.randint(0, 1)]
        self.put(calendar_id, replace(stored.object, appointments=kept), stored.href)

    def delete(self, calendar_id: int, stored: StoredObject) -> None:
        delete(self.world, stored.href, calendar_id, self.viewer)

    def cancelled(self, calendar_id: int, stored: StoredObject) -> None:
        if stored.object.master is not None:
            self.put(calendar_id, with_master(stored.object, status=Status.CANCELLED), stored.href)

    def move(self, calendar_id: int, stored: StoredObject) -> None:
        target = self.one([p for p in self.places if p != calendar_id])
        try:
            move(self.world, target, stored.href, calendar_id, self.viewer)
        except Conflict:
            return

    def halves(self, calendar_id: int, stored: StoredObject) -> None:
        """PUT new and DELETE old, in either order, under the same UID."""
        target = self.one([p for p in self.places if p != calendar_id])
        entries = tuple(replace(e, id=None, public_id="") for e in stored.object.appointments)
        desired = replace(stored.object, appointments=entries)
        if desired.master is not None and self.one([False, True]):
            desired = with_master(desired, **self.times(desired.master.start))
        halves = [lambda: self.put(target, desired, stored.href), lambda: self.delete(calendar_id, stored)]
        for half in halves if self.one([False, True]) else reversed(halves):
            half()


def differences(before: State, after: State) -> list[str]:
    """What is not as it was, named."""
    found = []
    for name in ("appointments", "calendars", "extras"):
        was, now = getattr(before, name), getattr(after, name)
        for key in sorted({*was, *now}, key=str):
            if was.get(key) != now.get(key):
                a, b = was.get(key), now.get(key)
                if isinstance(a, dict) and isinstance(b, dict):
                    a, b = ({k: v for k, v in x.items() if v != y.get(k)} for x, y in ((a, b), (b, a)))
                found.append(f"{name} {key}: {a} -> {b}")
    found += [f"identity gone {o}" for o in sorted(before.identities - after.identities)]
    found += [f"identity new {o}" for o in sorted(after.identities - before.identities)]
    return found


def families(*states: State) -> Callable[[int], int]:
    """By row the series it belongs to, or once belonged to; of rows that are connected in this way, one."""
    parent: dict[int, int] = {}

    def root(row_id: int) -> int:
        while parent.setdefault(row_id, row_id) != row_id:
            row_id = parent[row_id]
        return row_id

    for known in states:
        for row_id, row in known.appointments.items():
            parent[root(row_id)] = root(row["series_id"] or row_id)
    return root


@pytest.mark.parametrize("who", ["anna", "rita"])
@SEEDS
def test_undoing_all_gives_back_the_former_state(database: Database, who: str, seed: int) -> None:
    world = build(database)
    furnish(world)
    viewer = world.viewer(getattr(world, who), device_id=DEVICE)
    before = state(world)
    device = Device(world, viewer, seed)
    for _ in range(ROUNDS):
        device.done.clear()
        device.alone.clear()
        for _ in range(device.random.randint(1, 6)):
            device.act()
        with world.write() as uow:
            report = undo.undo(uow, Actor(program="reception"), world.practice_id, device_id=DEVICE)
        assert [(e.action, e.reason) for e in report.skipped] == [], device.done
        after = state(world)
        made = set(after.appointments) - set(before.appointments)
        before = before.with_alarms(device.alone)
        assert differences(before, after.without(made)) == [], device.done
        assert all(after.appointments[i]["status"] == "cancelled" for i in made), device.done
        assert not any(o[3] in made for o in after.identities), device.done
    with database.read() as uow:
        assert check.check(uow) == []


@SEEDS
def test_what_somebody_else_changed_meanwhile_is_left_alone_as_a_whole(database: Database, seed: int) -> None:
    """A colleague works on the same entries in between: every entry is taken back whole, or not touched."""
    world = build(database)
    furnish(world)
    phone = Device(world, world.viewer(world.rita, device_id=DEVICE), seed)
    colleague = Device(world, world.reception(device_id=DEVICE + 1), -seed)
    for device_id in range(100, 100 + ROUNDS):  # what a former round left is not taken back in the next
        phone.viewer = replace(phone.viewer, device_id=device_id)
        before, lines = state(world), len(world.journal())
        for _ in range(phone.random.randint(2, 6)):
            phone.act()
            if phone.one([False, True]):
                colleague.act()
        mid = state(world)
        theirs = {r["appointment_id"] for r in world.journal()[lines:] if r["device_id"] == DEVICE + 1}
        with world.write() as uow:
            report = undo.undo(uow, Actor(program="reception"), world.practice_id, device_id=device_id)
        after = state(world)
        family = families(before, mid, after)
        touched = {family(i) for i in theirs}
        done = {family(e.appointment_id) for e in report.done}
        skipped = {family(e.appointment_id) for e in report.skipped}
        assert {e.reason for e in report.skipped} <= {CHANGED_MEANWHILE}
        assert not done & skipped, phone.done
        for row_id in {*before.appointments, *mid.appointments, *after.appointments}:
            if family(row_id) not in done:
                assert mid.of(row_id) == after.of(row_id), phone.done
            elif row_id in before.appointments and family(row_id) not in touched:
                assert before.of(row_id) == after.of(row_id), phone.done
    with database.read() as uow:
        assert check.check(uow) == []
