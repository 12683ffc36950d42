"""MOVE, and moves in two halves, on both engines."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from radicale_practice.practice import book
from radicale_practice.practice.errors import NotPermitted
from radicale_practice.practice.model import Actor, Status, Viewer
from radicale_practice.practice.records import journal_list, journal_text
from radicale_practice.practice.rules.refusals import Outcome
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.sync import watch
from tests.database.acts import delete, document, fill, master_id, move, put, removed
from tests.database.book_world import HOUR, MONDAY, WEEK, World, with_override


def test_move_keeps_everything(world: World) -> None:
    put(world, world.event("u", patient=world.maria, note="n", extra="X", personal="P"))
    entry, since = world.stored("a.ics").object.appointments[0], world.revision()
    outcome = move(world, world.ben_calendar, to_href="b.ics")
    assert (outcome.kind, outcome.href) == ("done", "b.ics")
    stored = world.stored("b.ics", world.ben_calendar, world.reception())
    assert (stored.uid, stored.object.appointments[0].id) == ("u", entry.id)
    moved = stored.object.appointments[0]
    assert (moved.patient, moved.note, moved.extra) == (world.maria, "n", "X")
    assert world.calendars(entry.id) == {world.ben_calendar: "owner"}
    assert removed(world, world.anna_calendar, since) == {"a.ics"}
    assert world.journal()[-1]["action"] == "move"


def test_a_series_moves_with_its_instances(world: World) -> None:
    put(world, with_override(world.weekly(), MONDAY + WEEK, subject="x"))
    move(world, world.ben_calendar)
    stored = world.stored("a.ics", world.ben_calendar, world.reception())
    assert [o.subject for o in stored.object.overrides] == ["x"]
    assert world.hrefs(world.ben_calendar, world.reception()) == ["a.ics"]


def test_renaming_within_a_calendar_removes_the_old_href(world: World) -> None:
    put(world, world.event("u"))
    since = world.revision()
    move(world, world.anna_calendar, to_href="n.ics")
    assert world.hrefs() == ["n.ics"]
    assert removed(world, world.anna_calendar, since) == {"a.ics"}
    (line,) = world.journal("rename")
    assert (line["staff_id"], line["appointment_id"]) == (world.rita, master_id(world, "n.ics"))
    assert (line["before"], line["after"]) == ('{"href":"a.ics"}', '{"href":"n.ics"}')
    with world.database.read() as uow:
        # a practice program has no use for it
        assert [c.action for c in watch.changes_since(uow, world.practice_id, 0)[0]] == ["create"]
        *_, told = journal_list.entries(uow, world.practice_id)
        assert journal_text.line(told, "Europe/Vienna").endswith(
            "an entry has another file name (Mon 2026-11-16 09:00)"
        )


def test_documented_appointments_do_not_move(world: World) -> None:
    put(world, world.event())
    document(world, master_id(world))
    assert move(world, world.ben_calendar).reason == "documented"
    assert "a.ics" in world.hrefs()


def test_moving_needs_write_on_both(world: World) -> None:
    put(world, world.event())
    with pytest.raises(NotPermitted):
        move(world, world.ben_calendar, viewer=world.viewer())
    put(world, world.event(), "b.ics", world.ben_calendar, world.reception())
    outcome = move(world, world.anna_calendar, "b.ics", world.ben_calendar, world.viewer())
    assert outcome.reason == "read-only"


def test_a_room_is_exchanged_for_another_room(world: World) -> None:
    with world.write() as uow:
        new = book.NewAppointment(world.anna_calendar, MONDAY, MONDAY + HOUR, rooms=(world.room,))
        key = book.add(uow, Actor(), new)
    (href,) = world.hrefs(world.room, world.reception())
    move(world, world.other_room, href, world.room)
    assert world.calendars(key) == {world.anna_calendar: "owner", world.other_room: "resource"}


# moves in two halves


def same_again(world: World, calendar_id: int, uid: str, viewer: Viewer, **values) -> Outcome:
    """What Outlook and DAVx5 upload: what they could see of it, under a new name."""
    return put(world, world.event(uid, subject="seen", **values), "new.ics", calendar_id, viewer)


def original(world: World) -> int:
    put(
        world,
        world.event("u", patient=world.maria, note="n", phone="1", extra="X", personal="P"),
        viewer=world.reception(),
    )
    return master_id(world)


def check_taken_over(world: World, key: int, start: datetime = MONDAY) -> None:
    viewer = world.reception()
    stored = world.stored("new.ics", world.ben_calendar, viewer)
    (entry,) = stored.object.appointments
    assert entry.id == key
    assert (entry.patient, entry.note, entry.phone, entry.extra) == (world.maria, "n", "1", "X")
    assert entry.start == start
    assert world.hrefs(world.anna_calendar, viewer) == []
    assert world.hrefs(world.ben_calendar, viewer) == ["new.ics"]
    assert world.row(key)["status"] == "booked"
    assert [r["id"] for r in world.rows(t.appointment)] == [key]


def test_put_then_delete_is_a_move(world: World) -> None:
    key, viewer = original(world), world.reception()
    same_again(world, world.ben_calendar, "u", viewer, start=MONDAY + HOUR)
    since = world.revision()
    outcome = delete(world, viewer=viewer)
    assert (outcome.kind, outcome.exact) == ("done", False)
    check_taken_over(world, key, MONDAY + HOUR)
    assert removed(world, world.anna_calendar, since) == {"a.ics"}


def test_delete_then_put_is_a_move(world: World) -> None:
    key, viewer = original(world), world.reception()
    delete(world, viewer=viewer)
    outcome = same_again(world, world.ben_calendar, "u", viewer, start=MONDAY + HOUR)
    assert (outcome.kind, outcome.exact) == ("done", False)
    check_taken_over(world, key, MONDAY + HOUR)


@pytest.mark.parametrize("put_first", [True, False])
def test_the_same_link_is_enough(world: World, put_first: bool) -> None:
    key, viewer = original(world), world.reception()
    link = f"URL:https://praxis.example/{world.row(key)['public_id']}"
    if put_first:
        same_again(world, world.ben_calendar, "other", viewer, extra=link)
        delete(world, viewer=viewer)
    else:
        delete(world, viewer=viewer)
        same_again(world, world.ben_calendar, "other", viewer, extra=link)
    check_taken_over(world, key)


def test_a_put_alone_is_a_copy(world: World) -> None:
    key, viewer = original(world), world.reception()
    same_again(world, world.ben_calendar, "u", viewer)
    assert world.hrefs(world.anna_calendar, viewer) == ["a.ics"]
    assert world.hrefs(world.ben_calendar, viewer) == ["new.ics"]
    assert world.row(key)["status"] == "booked"


def test_another_device_or_too_late_is_no_move(world: World, now: list[datetime]) -> None:
    key, viewer = original(world), world.reception()
    same_again(world, world.ben_calendar, "u", viewer)
    now[0] += timedelta(minutes=11)
    delete(world, viewer=viewer)
    assert world.row(key)["status"] == "cancelled"
    same_again(world, world.other_room, "u", world.reception(device_id=9))
    assert world.row(key)["status"] == "cancelled"


def test_a_documented_original_stays_and_the_copy_too(world: World) -> None:
    key, viewer = original(world), world.reception()
    document(world, key)
    same_again(world, world.ben_calendar, "u", viewer)
    assert delete(world, viewer=viewer).reason == "documented"
    assert len(world.hrefs(world.ben_calendar, viewer)) == 1


def test_a_move_within_a_calendar_where_double_booking_is_forbidden(world: World) -> None:
    """The copy clashes with the very appointment it is a copy of, until that one is deleted."""
    world.set(double_booking="forbid")
    key, viewer = original(world), world.reception()
    link = world.row(key)["public_id"]
    start = MONDAY + HOUR / 2
    moved = world.event("other", start, subject="seen", extra=f"URL:{link}")
    assert put(world, moved, "new.ics", viewer=viewer).kind == "unconfirmed"
    assert delete(world, viewer=viewer).kind == "done"
    entry = world.stored("new.ics", viewer=viewer).object.appointments[0]
    assert (entry.id, entry.start, entry.status, entry.patient) == (key, start, Status.BOOKED, world.maria)
    assert world.attention() == []
    assert world.hrefs(viewer=viewer) == ["new.ics"]


@pytest.mark.parametrize("put_first", [True, False])
def test_a_move_to_a_taken_slot_leaves_the_appointment_where_it_is(world: World, put_first: bool) -> None:
    world.set(double_booking="forbid")
    key, viewer = original(world), world.reception()
    fill(world, 1, world.ben_calendar)
    steps = [lambda: same_again(world, world.ben_calendar, "u", viewer), lambda: delete(world, viewer=viewer)]
    outcomes = [step() for step in (steps if put_first else reversed(steps))]
    assert [o.kind for o in outcomes] == (
        ["unconfirmed", "refused"] if put_first else ["done", "unconfirmed"]
    )
    assert outcomes[-1].reason == "slot-taken"
    entry = world.stored("a.ics", viewer=viewer).object.appointments[0]
    assert (entry.id, entry.status, entry.patient, entry.note) == (key, Status.BOOKED, world.maria, "n")
    copy = world.stored("new.ics", world.ben_calendar, viewer).object.appointments[0]
    assert copy.status is Status.UNCONFIRMED
    listed = {r["appointment_id"] for r in world.attention("refused")}
    assert listed == {copy.id}


def test_a_cancelled_appointment_leaves_the_attention_list(world: World) -> None:
    fill(world, 1)
    put(world, world.event())
    assert [r["kind"] for r in world.attention()] == ["double-booking"]
    delete(world)
    assert world.attention() == []


def test_moving_to_a_private_calendar_in_two_halves_counts(world: World) -> None:
    world.set(brake_cancellations=1)
    viewer = world.viewer()
    for index in range(2):
        put(world, world.event(f"u{index}", MONDAY + index * HOUR), f"{index}.ics", viewer=world.reception())
    for index in range(2):
        put(world, world.event(f"u{index}", MONDAY + index * HOUR), f"n{index}.ics", world.private)
    assert delete(world, "0.ics", viewer=viewer).kind == "done"
    assert world.journal()[-1]["action"] == "move-away"
    assert delete(world, "1.ics", viewer=viewer).kind == "held"
