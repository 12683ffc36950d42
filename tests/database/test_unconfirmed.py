"""Events that were kept without being booked, until they are moved, confirmed or deleted; on both engines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from radicale_practice.practice import book, clock
from radicale_practice.practice.database import Database
from radicale_practice.practice.model import Actor, CalendarObject, Status
from radicale_practice.practice.schema import practice_tables as t
from tests.database.acts import delete, move, put, resolve
from tests.database.book_world import HOUR, MONDAY, WEEK, World, build, with_master, with_override


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(clock, "utc_now", lambda: datetime(2026, 11, 10, 8))
    made = build(database)
    made.set(double_booking="forbid")
    with made.write() as uow:
        for calendar_id in (made.anna_calendar, made.ben_calendar):
            book.add(
                uow,
                Actor(),
                book.NewAppointment(calendar_id, MONDAY, MONDAY + HOUR, patient_id=made.josef.id),
            )
    return made


def statuses(world: World) -> list[tuple[str, str]]:
    """Status and reason of Maria's appointments and instances."""
    found = world.rows(t.appointment, t.appointment.c.patient_id == world.maria.id)
    return [(r["status"], r["unconfirmed_reason"]) for r in found]


def series(world: World) -> None:
    """A series of which the first instance is taken, with one instance moved and one left out."""
    wanted = with_override(
        world.weekly(), MONDAY + WEEK, start=MONDAY + WEEK + HOUR, end=MONDAY + WEEK + 2 * HOUR
    )
    wanted = with_override(wanted, MONDAY + 2 * WEEK, status=Status.CANCELLED)
    assert put(world, wanted, "s.ics").kind == "unconfirmed"
    assert statuses(world)[:2] == [("unconfirmed", "slot-taken")] * 2


BOOKED = [("booked", ""), ("booked", ""), ("cancelled", "")]


def shifted(world: World, hours: int) -> CalendarObject:
    """The series as a device uploads it when all of it is shifted."""
    shown, by = world.stored("s.ics").object, hours * HOUR
    entries = [
        replace(a, start=a.start + by, end=a.end + by, recurrence_id=a.recurrence_id and a.recurrence_id + by)
        for a in shown.appointments
    ]
    return replace(shown, appointments=tuple(entries))


def test_a_series_moved_to_a_free_time_is_booked_with_its_instances(world: World) -> None:
    series(world)
    assert put(world, shifted(world, 5), "s.ics").kind == "done"
    assert statuses(world) == BOOKED
    assert world.attention() == []


def test_an_instance_that_is_new_on_the_way_is_booked_too(world: World) -> None:
    series(world)
    wanted = with_override(shifted(world, 5), MONDAY + 3 * WEEK + 5 * HOUR, subject="x")
    assert put(world, wanted, "s.ics").kind == "done"
    assert statuses(world) == [*BOOKED, ("booked", "")]


def test_one_moved_to_a_taken_time_stays_as_it_is(world: World) -> None:
    series(world)
    with world.write() as uow:
        start = MONDAY + 5 * HOUR
        book.add(uow, Actor(), book.NewAppointment(world.anna_calendar, start, start + HOUR))
    wanted = with_override(shifted(world, 5), MONDAY + 3 * WEEK + 5 * HOUR, subject="x")
    assert put(world, wanted, "s.ics").kind == "unconfirmed"
    assert [s for s in statuses(world) if s[0] != "cancelled"] == [("unconfirmed", "slot-taken")] * 3


@pytest.mark.parametrize("status", [Status.BOOKED, Status.CONFIRMED])
def test_a_series_set_by_hand_is_booked_with_its_instances(world: World, status: Status) -> None:
    series(world)
    key = world.stored("s.ics").object.appointments[0].id
    with world.write() as uow:
        book.set_status(uow, Actor(), key, status)
    assert statuses(world) == [(str(status), "")] * 2 + [("cancelled", "")]


def test_an_accepted_series_is_booked_with_its_instances(world: World) -> None:
    series(world)
    (row,) = world.attention("refused")
    assert resolve(world, row["id"], "accept").done == 1
    assert statuses(world) == BOOKED


def test_a_series_rescheduled_by_the_practice_is_booked_with_its_instances(world: World) -> None:
    series(world)
    key = world.stored("s.ics").object.appointments[0].id
    with world.write() as uow:
        book.reschedule(uow, Actor(), key, MONDAY + 5 * HOUR)
    assert statuses(world) == BOOKED


# MOVE


def single(world: World) -> None:
    assert put(world, world.event("u", patient=world.maria)).kind == "unconfirmed"


@pytest.mark.parametrize("make", [single, series])
def test_moved_to_a_private_calendar_it_is_booked(world: World, make: Callable[[World], None]) -> None:
    make(world)
    href = "a.ics" if make is single else "s.ics"
    outcome = move(world, world.private, href, viewer=world.viewer())
    assert (outcome.kind, outcome.reason) == ("done", "")
    assert statuses(world) == (BOOKED if make is series else BOOKED[:1])
    assert world.attention() == []
    # no appointment of the practice has gone out of its reach by that
    assert world.journal()[-1]["action"] == "move"


def test_moved_to_a_free_colleague_it_is_booked(world: World) -> None:
    start = MONDAY + 3 * HOUR
    with world.write() as uow:
        book.add(uow, Actor(), book.NewAppointment(world.anna_calendar, start, start + HOUR))
    rita = world.reception()
    assert put(world, world.event("u", start, patient=world.maria), viewer=rita).kind == "unconfirmed"
    assert move(world, world.ben_calendar, viewer=rita).kind == "done"
    assert statuses(world) == [("booked", "")]
    assert world.attention() == []


def test_moved_to_a_taken_colleague_it_is_there_and_not_booked(world: World) -> None:
    rita = world.reception()
    assert put(world, world.event("u", patient=world.maria), viewer=rita).kind == "unconfirmed"
    outcome = move(world, world.ben_calendar, viewer=rita)
    assert (outcome.kind, outcome.reason) == ("unconfirmed", "slot-taken")
    assert statuses(world) == [("unconfirmed", "slot-taken")]
    assert "a.ics" in world.hrefs(world.ben_calendar, rita)
    assert len(world.attention("refused")) == 1
    assert delete(world, "a.ics", world.ben_calendar, rita).kind == "done"
    assert world.attention() == []


def test_renaming_decides_nothing(world: World) -> None:
    single(world)
    assert move(world, world.anna_calendar, to_href="n.ics", viewer=world.viewer()).kind == "done"
    assert statuses(world) == [("unconfirmed", "slot-taken")]
    assert len(world.attention("refused")) == 1


def test_it_does_not_count_for_the_brake(world: World) -> None:
    world.set(double_booking="forbid", brake_cancellations=0)
    single(world)
    assert move(world, world.private, viewer=world.viewer()).kind == "done"


def test_a_single_one_confirmed_by_its_title_only_stays(world: World) -> None:
    single(world)
    shown = world.stored("a.ics").object
    assert put(world, with_master(shown, subject="x")).kind == "done"
    assert statuses(world) == [("unconfirmed", "slot-taken")]
