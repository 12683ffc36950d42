"""Double booking is judged in every calendar of an appointment, on both engines."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from radicale_practice.practice import book
from radicale_practice.practice.errors import Conflict
from radicale_practice.practice.model import Actor, Status
from tests.database.acts import put, resolve
from tests.database.book_world import HOUR, MONDAY, World, with_master

DAY = timedelta(days=1)
TUESDAY = MONDAY + DAY
MIDNIGHT = TUESDAY.replace(hour=0)

pytestmark = pytest.mark.usefixtures("now")


def add(world: World, calendar_id: int, start: datetime, **values: object) -> int:
    """An appointment entered by the practice's program."""
    new = book.NewAppointment(calendar_id, start, start + HOUR, **values)  # type: ignore[arg-type]
    with world.write() as uow:
        return book.add(uow, Actor(), new)


def at_home_and_the_room_taken(world: World) -> str:
    """Anna is at home on Tuesday (free time, says her phone), Ben has the room; her own is on Monday."""
    put(
        world,
        world.event("h", MIDNIGHT, end=MIDNIGHT + DAY, all_day=True, transparent=True, subject="Home"),
        "h.ics",
    )
    add(world, world.ben_calendar, TUESDAY, rooms=(world.room,), patient_id=world.josef.id)
    add(world, world.anna_calendar, MONDAY, rooms=(world.room,), patient_id=world.maria.id)
    (href,) = [h for h in world.hrefs() if h != "h.ics"]
    return href


def moved_to_tuesday(world: World, href: str) -> str:
    shown = world.stored(href).object
    return put(world, with_master(shown, start=TUESDAY, end=TUESDAY + HOUR), href).kind


def test_a_free_absence_does_not_hide_that_the_room_is_taken(world: World) -> None:
    world.set(double_booking="forbid")
    href = at_home_and_the_room_taken(world)
    assert moved_to_tuesday(world, href) == "refused"
    assert world.stored(href).object.appointments[0].start == MONDAY


def test_every_kind_of_clash_is_listed(world: World) -> None:
    world.set(double_booking="allow")
    href = at_home_and_the_room_taken(world)
    assert moved_to_tuesday(world, href) == "done"
    assert {(r["kind"], r["calendar_id"]) for r in world.attention()} == {
        ("absence", world.anna_calendar),
        ("double-booking", world.room),
    }


def test_the_practices_own_programs_are_told_the_same(world: World) -> None:
    world.set(double_booking="forbid")
    at_home_and_the_room_taken(world)
    with pytest.raises(Conflict):
        add(world, world.anna_calendar, TUESDAY, rooms=(world.room,), patient_id=world.maria.id)


def test_both_kinds_in_one_calendar(world: World) -> None:
    put(
        world,
        world.event("h", MIDNIGHT, end=MIDNIGHT + DAY, all_day=True, transparent=True, subject="Home"),
        "h.ics",
    )
    first = add(world, world.anna_calendar, TUESDAY, patient_id=world.josef.id)
    second = add(world, world.anna_calendar, TUESDAY, patient_id=world.maria.id)
    listed = {(r["kind"], r["appointment_id"]) for r in world.attention()}
    assert listed == {("absence", first), ("absence", second), ("double-booking", second)}


def test_two_calendars_with_the_same_kind_are_one_row(world: World) -> None:
    one = add(world, world.anna_calendar, TUESDAY, patient_id=world.josef.id)
    other = add(world, world.room, TUESDAY, subject="Course")
    add(world, world.anna_calendar, TUESDAY, rooms=(world.room,), patient_id=world.maria.id)
    (row,) = world.attention("double-booking")
    assert row["details"] == f'{{"with":[{one},{other}]}}'


# what was not booked, and is booked in spite of a taken slot


def not_booked(world: World) -> int:
    """Anna's event at a time that is Ben's in the room; kept and not booked."""
    world.set(double_booking="forbid")
    add(world, world.anna_calendar, MONDAY, patient_id=world.josef.id)
    assert put(world, world.event("n", patient=world.maria), "n.ics").kind == "unconfirmed"
    key = world.stored("n.ics").object.appointments[0].id
    assert key is not None
    return key


def test_accepting_what_was_not_booked_lists_the_double_booking(world: World) -> None:
    key = not_booked(world)
    (refused,) = world.attention("refused")
    assert resolve(world, refused["id"], "accept").done == 1
    assert world.row(key)["status"] == "booked"
    (row,) = world.attention("double-booking")
    assert (row["appointment_id"], row["staff_id"]) == (key, world.rita)


def test_setting_a_status_by_hand_lists_it_once(world: World) -> None:
    key = not_booked(world)
    for status in (Status.CONFIRMED, Status.ARRIVED, Status.DONE):
        with world.write() as uow:
            book.set_status(uow, Actor(), key, status)
    assert [r["appointment_id"] for r in world.attention("double-booking")] == [key]


def test_what_did_not_come_and_is_booked_again_is_listed(world: World) -> None:
    key = add(world, world.anna_calendar, MONDAY, patient_id=world.josef.id)
    with world.write() as uow:
        book.set_status(uow, Actor(), key, Status.NO_SHOW)
    add(world, world.anna_calendar, MONDAY, patient_id=world.maria.id)
    assert world.attention("double-booking") == []
    with world.write() as uow:
        book.set_status(uow, Actor(), key, Status.BOOKED)
    assert [r["appointment_id"] for r in world.attention("double-booking")] == [key]


def test_a_free_time_accepted_is_on_no_list(world: World) -> None:
    key = not_booked(world)
    with world.write() as uow:
        book.reschedule(uow, Actor(), key, TUESDAY)
    assert world.attention() == []
