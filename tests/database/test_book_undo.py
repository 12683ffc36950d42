"""Undo of what belongs together, "this and future" above all, and of what comes back to a taken time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from radicale_practice.practice import book
from radicale_practice.practice.model import Actor, CalendarObject, Status
from radicale_practice.practice.records import journal, undo
from radicale_practice.practice.schema import practice_tables as t
from tests.database.acts import delete, document, put, resolve
from tests.database.book_world import HOUR, MONDAY, WEEK, World, with_master, with_override
from tests.database.test_book_series import starts

PROGRAM = Actor(program="practice program")
UNTIL = "FREQ=WEEKLY;UNTIL=20261123T080000Z"


def weekly(world: World) -> int:
    """Six Mondays: the first documented, the third moved, the fourth cancelled, the fifth moved."""
    series = world.weekly(rrule="FREQ=WEEKLY;COUNT=6")
    for number in (0, 2, 4):
        start = MONDAY + number * WEEK
        series = with_override(series, start, start=start + HOUR, end=start + 2 * HOUR)
    series = with_override(series, MONDAY + 3 * WEEK, status=Status.CANCELLED)
    assert put(world, series, "s.ics", viewer=world.reception()).kind == "done"
    stored = world.stored("s.ics").object
    document(world, next(e.id for e in stored.overrides if e.recurrence_id == MONDAY))
    return stored.appointments[0].id


def this_and_future(world: World, first_half_first: bool = True, viewer=None) -> None:
    """What a phone sends: the series ends with its second week, a new one begins with the third at 14:00."""
    viewer = viewer or world.viewer(device_id=7)
    shown = world.stored("s.ics").object
    master = replace(shown.appointments[0], rrule=UNTIL)
    kept = [e for e in shown.overrides if e.recurrence_id < MONDAY + 2 * WEEK]
    later = world.entry(MONDAY + 2 * WEEK + 5 * HOUR, rrule="FREQ=WEEKLY;COUNT=4", patient=world.maria)

    def end() -> None:
        assert put(world, CalendarObject(shown.uid, (master, *kept)), "s.ics", viewer=viewer).kind == "done"

    def begin() -> None:
        assert put(world, CalendarObject("new", (later,)), "new.ics", viewer=viewer).kind == "done"

    for half in (end, begin) if first_half_first else (begin, end):
        half()


def rows(world: World) -> dict[int, dict]:
    return {r["id"]: journal.snapshot(r) for r in world.rows(t.appointment)}


def take_back(world: World, **more) -> undo.Report:
    with world.write() as uow:
        return undo.undo(uow, PROGRAM, world.practice_id, **{"device_id": 7, **more})


@pytest.mark.parametrize("first_half_first", [True, False])
def test_this_and_future_is_taken_back(world: World, first_half_first: bool) -> None:
    key = weekly(world)
    before, taking_place = rows(world), starts(world)
    this_and_future(world, first_half_first)
    assert starts(world) == [
        MONDAY + HOUR,
        MONDAY + WEEK,
        *(MONDAY + n * WEEK + 5 * HOUR for n in range(2, 6)),
    ]
    assert world.row(key)["rrule"] == UNTIL
    report = take_back(world, dry_run=True)
    assert (len(report.done), report.skipped) == (2, [])
    assert world.row(key)["rrule"] == UNTIL
    report = take_back(world)
    assert (len(report.done), report.skipped) == (2, [])
    after = rows(world)
    assert {i: r for i, r in after.items() if i in before} == before
    assert [r["status"] for i, r in after.items() if i not in before] == ["cancelled"]
    assert (starts(world), world.hrefs()) == (taking_place, ["s.ics"])
    assert world.attention() == []


@pytest.mark.parametrize("what", ["the old series", "the new series", "an instance that was cut off"])
def test_both_halves_or_none(world: World, what: str) -> None:
    key = weekly(world)
    this_and_future(world)
    new = world.stored("new.ics").object.appointments[0].id
    cut_off = max(i for i, r in rows(world).items() if i != new and r["status"] == "cancelled")
    changed = {"the old series": key, "the new series": new}.get(what, cut_off)
    with world.write() as uow:
        uow.connection.execute(
            update(t.appointment).where(t.appointment.c.id == changed).values(subject="by the practice")
        )
    left, taking_place = rows(world), starts(world)
    report = take_back(world)
    assert report.done == []
    assert {s.reason for s in report.skipped} == {"changed-meanwhile"}
    assert {s.appointment_id for s in report.skipped} == {key, new}
    assert (rows(world), starts(world)) == (left, taking_place)


def test_a_new_series_of_somebody_else_is_no_second_half(world: World) -> None:
    key = weekly(world)
    this_and_future(world)
    josef = world.entry(MONDAY + 2 * WEEK + 8 * HOUR, patient=world.josef)
    put(world, CalendarObject("josef", (josef,)), "josef.ics", viewer=world.viewer(device_id=7))
    with world.write() as uow:
        uow.connection.execute(update(t.appointment).where(t.appointment.c.id == key).values(subject="x"))
    report = take_back(world)
    assert [s.action for s in report.done] == ["create"]
    assert "josef.ics" not in world.hrefs()
    assert "new.ics" in world.hrefs()


def test_a_burst_with_this_and_future_is_undone_with_both_halves(world: World) -> None:
    weekly(world)
    taking_place = starts(world)
    for number in range(2):
        put(world, world.event(f"u{number}", MONDAY - (number + 1) * WEEK), f"{number}.ics")
    world.set(brake_cancellations=2)
    phone = world.viewer(device_id=7)
    this_and_future(world, viewer=phone)
    assert [delete(world, f"{n}.ics", viewer=phone).kind for n in range(2)] == ["done", "held"]
    (burst,) = world.attention("burst")
    done = resolve(world, burst["id"], "undo")
    assert done.skipped == []
    assert starts(world) == sorted([*taking_place, MONDAY - WEEK, MONDAY - 2 * WEEK])


# all or nothing for one appointment


def test_an_appointment_is_taken_back_whole_or_not_at_all(world: World) -> None:
    phone = world.viewer(device_id=7)
    put(world, world.event("u"))
    put(world, with_master(world.stored("a.ics").object, subject="first"), viewer=phone)
    put(world, with_master(world.stored("a.ics").object, note="by a colleague"), viewer=world.reception())
    put(
        world,
        with_master(world.stored("a.ics").object, start=MONDAY + HOUR, end=MONDAY + 2 * HOUR),
        viewer=phone,
    )
    left = rows(world)
    report = take_back(world)
    assert (report.done, [s.reason for s in report.skipped]) == ([], ["changed-meanwhile"] * 2)
    assert rows(world) == left


# a time taken meanwhile


def cancelled_and_taken(world: World, policy: str) -> tuple[int, int]:
    """Cancelled by a phone; somebody else has the time now."""
    put(world, world.event("u", patient=world.maria))
    put(world, world.event("v", MONDAY + 3 * HOUR), "b.ics")
    for href in ("a.ics", "b.ics"):
        delete(world, href, viewer=world.viewer(device_id=7))
    with world.write() as uow:
        new = book.add(
            uow, PROGRAM, book.NewAppointment(world.anna_calendar, MONDAY, MONDAY + HOUR, subject="new")
        )
    world.set(double_booking=policy)
    return min(rows(world)), new


def test_what_comes_back_to_a_taken_time_is_listed(world: World) -> None:
    key, _ = cancelled_and_taken(world, "allow")
    assert len(take_back(world).done) == 2
    assert world.row(key)["status"] == "booked"
    (row,) = world.attention("double-booking")
    assert row["appointment_id"] == key


@pytest.mark.parametrize("dry_run", [True, False])
def test_where_that_is_forbidden_it_stays_cancelled_and_is_reported(world: World, dry_run: bool) -> None:
    key, new = cancelled_and_taken(world, "forbid")
    report = take_back(world, dry_run=dry_run)
    assert [(s.appointment_id, s.reason) for s in report.skipped] == [(key, "slot-taken")]
    assert len(report.done) == 1
    assert (world.row(key)["status"], world.row(new)["status"]) == ("cancelled", "booked")
    assert ("b.ics" in world.hrefs()) is not dry_run
    assert world.attention() == []
    # once the time is free again, it can be taken back
    if not dry_run:
        with world.write() as uow:
            book.cancel_appointment(uow, PROGRAM, new)
        assert [s.appointment_id for s in take_back(world).done] == [key]
        assert "a.ics" in world.hrefs()


def test_undoing_a_private_entry_is_as_private(world: World) -> None:
    viewer = world.viewer(device_id=7)
    assert put(world, world.event("p1"), "p.ics", world.private, viewer=viewer).kind == "done"
    delete(world, "p.ics", world.private, viewer=viewer)
    with world.write() as uow:
        undo.undo(uow, PROGRAM, world.practice_id, device_id=7)
    rows = world.journal("undo")
    assert rows
    assert all(row["private"] and row["calendar_id"] == world.private for row in rows)
