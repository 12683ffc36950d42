"""An appointment put into a room's calendar gets the room; it stays its practitioner's. On both engines."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from radicale_practice.practice import book
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Actor
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.sync import revisions
from tests.database.acts import master_id, move, put
from tests.database.book_world import HOUR, MONDAY, WEEK, World, with_override

pytestmark = pytest.mark.usefixtures("now")


def add(world: World, *rooms: int, calendar_id: int | None = None) -> int:
    """Maria's appointment with Anna."""
    new = book.NewAppointment(
        calendar_id or world.anna_calendar, MONDAY, MONDAY + HOUR, patient_id=world.maria.id, rooms=rooms
    )
    with world.write() as uow:
        return book.add(uow, Actor(), new)


def into(world: World, room: int) -> str:
    """The reception moves what is in Anna's calendar to a room's."""
    (href,) = world.hrefs()
    return move(world, room, href, to_href="r.ics").kind


def test_the_room_is_added_and_the_practitioner_keeps_it(world: World) -> None:
    key = add(world)
    (href,), before = world.hrefs(), world.revision()
    assert into(world, world.room) == "done"
    assert world.calendars(key) == {world.anna_calendar: "owner", world.room: "resource"}
    assert world.hrefs(world.room, world.reception()) == ["r.ics"]
    # the device believes that it is gone there: it is listed again
    assert world.hrefs() == [href]
    with world.database.read() as uow:
        changed = revisions.changes_since(uow, world.anna_calendar, world.rita, before)
        assert [(c.href, c.live) for c in changed] == [(href, True)]
    assert world.journal()[-1]["action"] == "move"


def test_the_room_it_had_is_exchanged(world: World) -> None:
    key = add(world, world.other_room)
    assert into(world, world.room) == "done"
    assert world.calendars(key) == {world.anna_calendar: "owner", world.room: "resource"}
    assert world.hrefs(world.other_room, world.reception()) == []


def test_one_of_several_rooms_is_not_chosen(world: World) -> None:
    with world.write() as uow:
        values = {"practice_id": world.practice_id, "name": "Room 3", "kind": "room"}
        third = uow.connection.execute(
            insert(t.calendar).values(values).returning(t.calendar.c.id)
        ).scalar_one()
    key = add(world, world.other_room, third)
    assert into(world, world.room) == "done"
    assert set(world.calendars(key)) == {world.anna_calendar, world.room, world.other_room, third}


def test_a_series_gets_the_room_with_its_instances(world: World) -> None:
    put(world, with_override(world.weekly(), MONDAY + WEEK, subject="x"))
    series = master_id(world)
    with world.write() as uow:  # the practice program inserts an instance: that one row and no more
        override = {
            "practice_id": world.practice_id,
            "series_id": series,
            "recurrence_id": MONDAY + 2 * WEEK,
            "starts_at": MONDAY + 2 * WEEK,
            "ends_at": MONDAY + 2 * WEEK + HOUR,
            "subject": "sql",
        }
        uow.connection.execute(insert(t.appointment).values(override))
    assert into(world, world.room) == "done"
    for calendar_id in (world.anna_calendar, world.room):
        (shown,) = (
            world.stored(h, calendar_id, world.reception()).object
            for h in world.hrefs(calendar_id, world.reception())
        )
        assert [o.subject for o in shown.overrides] == ["x", "sql"]


def test_the_rooms_of_a_series_of_which_plain_sql_made_an_instance(world: World) -> None:
    test_a_series_gets_the_room_with_its_instances(world)
    with world.write() as uow:
        book.reschedule(uow, Actor(), master_id(world), rooms=[world.other_room])
    (href,) = world.hrefs(world.other_room, world.reception())
    shown = world.stored(href, world.other_room, world.reception()).object
    assert [o.subject for o in shown.overrides] == ["x", "sql"]


def test_a_taken_room_is_refused_where_that_is_forbidden(world: World) -> None:
    world.set(double_booking="forbid")
    add(world)
    add(world, world.room, calendar_id=world.ben_calendar)
    assert into(world, world.room) == "refused"


def test_a_private_entry_becomes_the_rooms(world: World) -> None:
    put(world, world.event("p", subject="Course"), "p.ics", world.private)
    key = master_id(world, "p.ics", world.private)
    with world.write() as uow:
        grant = {"staff_id": world.anna, "calendar_id": world.room, "access": "write"}
        uow.connection.execute(insert(t.calendar_access).values(grant))
    assert move(world, world.room, "p.ics", world.private, world.viewer()).kind == "done"
    assert world.calendars(key) == {world.room: "owner"}


def test_what_is_the_rooms_own_moves_to_another_room(world: World) -> None:
    rita = world.reception()
    put(world, world.event("p", subject="Course"), "p.ics", world.room, rita)
    (key,) = [r["id"] for r in world.rows(t.appointment)]
    assert world.calendars(key) == {world.room: "owner"}
    assert move(world, world.other_room, "p.ics", world.room).kind == "done"
    assert world.calendars(key) == {world.other_room: "owner"}


def test_the_practices_programs_do_the_same(world: World) -> None:
    key = add(world)
    with world.write() as uow:
        book.reschedule(uow, Actor(), key, calendar_id=world.room)
    assert world.calendars(key) == {world.anna_calendar: "owner", world.room: "resource"}


def test_an_instance_alone_does_not_change_its_room(world: World) -> None:
    put(world, world.weekly())
    key = master_id(world)
    with world.write() as uow, pytest.raises(InvalidValue):
        book.reschedule(uow, Actor(), key, calendar_id=world.room, on=MONDAY + WEEK)
    assert world.hrefs(world.room, world.reception()) == []
