"""Several operations on what the brake holds already: the last is what its device wants, on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from radicale_practice.practice import book
from radicale_practice.practice.model import Actor, Status
from tests.database.acts import delete, fill, move, put, removed, resolve
from tests.database.book_world import HOUR, MONDAY, WEEK, World, with_master

FAR, FURTHER = MONDAY + 8 * WEEK, MONDAY + 9 * WEEK

pytestmark = pytest.mark.usefixtures("now")


@pytest.fixture
def href(world: World) -> str:
    """One appointment of the practice, and a brake that holds everything."""
    world.set(brake_cancellations=0, brake_creations=0)
    fill(world, 1)
    return world.hrefs()[0]


def start_at(world: World, href: str, start: datetime, extra: str = "") -> str:
    """Upload it at another time."""
    shown = world.stored(href).object
    return put(world, with_master(shown, start=start, end=start + HOUR, extra=extra), href).kind


def carried_out(world: World) -> int:
    """Everything held is carried out; how many were."""
    (burst,) = world.attention("burst")
    assert burst["count"] == 1
    return resolve(world, burst["id"], "carry-out").done


def test_a_deletion_after_a_held_move(world: World, href: str) -> None:
    key = world.stored(href).object.appointments[0].id
    assert start_at(world, href, FAR) == "held"
    assert delete(world, href).kind == "held"
    assert carried_out(world) == 1
    row = world.row(key)
    assert (row["status"], row["starts_at"]) == (Status.CANCELLED, MONDAY)


def test_a_move_after_a_held_deletion(world: World, href: str) -> None:
    assert delete(world, href).kind == "held"
    assert start_at(world, href, FAR) == "held"
    assert carried_out(world) == 1
    assert world.stored(href).object.appointments[0].start == FAR


def test_a_move_to_another_time_after_a_held_one(world: World, href: str) -> None:
    assert [start_at(world, href, time) for time in (FAR, FURTHER)] == ["held"] * 2
    assert carried_out(world) == 1
    assert world.stored(href).object.appointments[0].start == FURTHER


def test_there_and_back_again_the_last_one_counts(world: World, href: str, now: list[datetime]) -> None:
    for _ in range(3):
        start_at(world, href, FAR)
        delete(world, href)
        start_at(world, href, FAR)
        now[0] += timedelta(hours=1)
    assert len(world.journal("held")) == 2
    assert carried_out(world) == 1
    assert world.stored(href).object.appointments[0].start == FAR


def test_a_repetition_with_new_stamps_is_noted_once(world: World, href: str, now: list[datetime]) -> None:
    for index in range(3):
        assert start_at(world, href, FAR, extra=f"DTSTAMP:{index}") == "held"
        now[0] += timedelta(hours=1)
    assert len(world.journal("held")) == 1


def test_another_operation_later_is_judged_by_itself(world: World, now: list[datetime]) -> None:
    """One deletion was too many an hour ago; one move now is not."""
    world.set(brake_cancellations=1)
    fill(world, 2)
    first, second = world.hrefs()
    assert [delete(world, h).kind for h in (first, second)] == ["done", "held"]
    now[0] += timedelta(hours=1)
    assert delete(world, second).kind == "held"
    assert start_at(world, second, FAR) == "done"
    (burst,) = world.attention("burst")
    assert [reason for _, reason in resolve(world, burst["id"], "carry-out").skipped] == ["changed-meanwhile"]
    assert world.stored(second).object.appointments[0].start == FAR


def test_a_new_event_uploaded_again_with_another_time(world: World, href: str) -> None:
    for time in (MONDAY, FAR):
        assert put(world, world.event("new", time), "new.ics").kind == "held"
    assert carried_out(world) == 1
    assert world.stored("new.ics").object.appointments[0].start == FAR


def test_a_held_move_repeated_is_listed_as_removed_each_time(world: World, href: str) -> None:
    since = world.revision(world.private)
    for _ in range(2):
        assert move(world, world.private, href, viewer=world.viewer()).kind == "held"
        assert removed(world, world.private, since) == {href}
        since = world.revision(world.private)
    assert len(world.journal("held")) == 1


def test_a_burst_that_is_over_by_itself_was_looked_at_by_nobody(world: World) -> None:
    """The only thing held was half of a move: the device does not begin anew by that."""
    world.set(brake_cancellations=2)
    viewer = world.reception()
    for index in range(4):
        event = world.event(f"u{index}", MONDAY + index * HOUR, patient=world.maria)
        assert put(world, event, f"{index}.ics", viewer=world.viewer()).kind == "done"
    assert [delete(world, f"{i}.ics", viewer=viewer).kind for i in range(3)] == ["done", "done", "held"]
    copy = world.event("u2", MONDAY + 2 * HOUR, patient=world.maria)
    assert put(world, copy, "2.ics", world.ben_calendar, viewer).kind == "done"
    assert world.attention("burst") == []
    assert delete(world, "3.ics", viewer=viewer).kind == "held"


def test_a_held_move_of_a_series_of_which_one_was_documented_since(world: World) -> None:
    """What is documented does not leave the practice."""
    world.set(brake_cancellations=0)
    assert put(world, world.weekly("w"), "w.ics", viewer=world.reception()).kind == "done"
    assert move(world, world.private, "w.ics", viewer=world.viewer()).kind == "held"
    key = world.stored("w.ics").object.appointments[0].id
    assert key is not None
    with world.write() as uow:
        book.set_status(uow, Actor(), key, Status.DONE, on=MONDAY + WEEK)
    (burst,) = world.attention("burst")
    result = resolve(world, burst["id"], "carry-out")
    assert (result.done, result.skipped) == (0, [(key, "changed-meanwhile")])
    assert world.calendars(key) == {world.anna_calendar: "owner"}


def test_what_a_device_creates_and_moves_on_still_counts(world: World) -> None:
    world.set(brake_creations=1)
    viewer = world.reception()
    assert put(world, world.event("a"), "a.ics", viewer=viewer).kind == "done"
    assert move(world, world.ben_calendar, "a.ics", viewer=viewer).kind == "done"
    assert put(world, replace(world.event("b")), "b.ics", viewer=viewer).kind == "held"


@pytest.mark.parametrize(
    ("what", "done"), [("nothing", 1), ("cancelled", 0), ("moved", 0), ("deleted by the device", 1)]
)
def test_a_held_copy_of_what_the_practice_took_away_since(
    world: World, now: list[datetime], what: str, done: int
) -> None:
    viewer = world.reception()
    assert put(world, world.event("u", patient=world.maria), viewer=viewer).kind == "done"
    key = world.stored("a.ics").object.appointments[0].id
    assert key is not None
    world.set(brake_creations=0)
    assert put(world, world.event("u", FAR), "n.ics", world.ben_calendar, viewer).kind == "held"
    now[0] += timedelta(hours=1)
    with world.write() as uow:
        if what == "cancelled":
            book.cancel_appointment(uow, Actor(), key)
        elif what == "moved":
            book.reschedule(uow, Actor(), key, calendar_id=world.private)
    if what == "deleted by the device":
        assert delete(world, viewer=viewer).kind == "done"
    (burst,) = world.attention("burst")
    result = resolve(world, burst["id"], "carry-out")
    assert (result.done, result.skipped) == (done, [] if done else [(None, "changed-meanwhile")])
    assert ("n.ics" in world.hrefs(world.ben_calendar, viewer)) == bool(done)
