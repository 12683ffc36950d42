"""A time zone that nobody knows, written by plain SQL, counts as the practice's wherever a row is read."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import update

from radicale_practice.practice import book
from radicale_practice.practice.errors import Conflict
from radicale_practice.practice.model import Actor, Status
from radicale_practice.practice.records import undo
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.upkeep import check_values
from tests.database.acts import delete, put, resolve
from tests.database.book_world import HOUR, MONDAY, WEEK, World, with_master

pytestmark = pytest.mark.usefixtures("now")

WINDOWS = "W. Europe Standard Time"
NOON = MONDAY + 3 * HOUR
ENDS_WITH_THE_FOURTH = f"FREQ=WEEKLY;UNTIL={MONDAY + 3 * WEEK - HOUR:%Y%m%dT%H%M%SZ}"


def add(world: World, start: datetime, rule: str = "") -> int:
    """An appointment of a practice program that names zones as Windows does."""
    new = book.NewAppointment(world.anna_calendar, start, start + HOUR, patient_id=world.maria.id)
    with world.write() as uow:
        key = (
            book.add_series(uow, Actor(), book.NewSeries(new, rule)) if rule else book.add(uow, Actor(), new)
        )
    with world.write() as uow:
        a = t.appointment
        uow.connection.execute(update(a).where(a.c.id == key).values(time_zone=WINDOWS))
    return key


def lunch(world: World) -> None:
    """From twelve to one, and nothing is booked twice."""
    world.set(double_booking="forbid")
    assert put(world, world.event("l", NOON, subject="Mittag"), "l.ics").kind == "done"


def of(world: World, key: int) -> str:
    """The href of an appointment in Anna's calendar."""
    return next(h for h in world.hrefs() if world.stored(h).appointment_id == key)


def zones(world: World, key: int) -> set[str]:
    """What the rows of an appointment or series say of their zone."""
    a = t.appointment
    return {row["time_zone"] for row in world.rows(a, (a.c.id == key) | (a.c.series_id == key))}


@pytest.mark.parametrize("who", ["device", "program"])
def test_a_clash_is_one_at_the_time_that_people_see(world: World, who: str) -> None:
    lunch(world)
    key = add(world, MONDAY)

    def moved_to(start: datetime) -> bool:
        if who == "device":
            shown = world.stored(of(world, key)).object
            wanted = with_master(shown, start=start, end=start + HOUR)
            return put(world, wanted, of(world, key)).kind == "done"
        try:
            with world.write() as uow:
                book.reschedule(uow, Actor(), key, start)
        except Conflict:
            return False
        return True

    assert moved_to(NOON - 2 * HOUR) and moved_to(NOON - HOUR)
    assert not moved_to(NOON)
    assert world.row(key)["starts_at"] == NOON - HOUR
    assert zones(world, key) == {WINDOWS}


def test_what_comes_back_is_judged_at_the_time_that_people_see(world: World) -> None:
    key, other = add(world, NOON), add(world, NOON - HOUR)
    hrefs = [of(world, key), of(world, other)]
    assert [delete(world, href).kind for href in hrefs] == ["done", "done"]
    lunch(world)
    with world.write() as uow:
        assert book.restore(uow, Actor(), other)
    with world.database.read() as uow:
        assert book.clashes(uow, other) == ()
    with world.write() as uow, pytest.raises(Conflict):
        book.restore(uow, Actor(), key)


def test_an_undo_judges_at_the_time_that_people_see(world: World) -> None:
    key, other = add(world, NOON), add(world, NOON - HOUR)
    for href in (of(world, key), of(world, other)):
        assert delete(world, href, viewer=world.viewer(device_id=7)).kind == "done"
    lunch(world)
    with world.write() as uow:
        report = undo.undo(uow, Actor(), world.practice_id, device_id=7)
    assert [step.appointment_id for step in report.done] == [other]
    assert [(step.appointment_id, step.reason) for step in report.skipped] == [(key, undo.SLOT_TAKEN)]


def test_the_last_of_a_series_is_there_for_all(world: World) -> None:
    """UNTIL is the start of the fourth as Vienna has it; read as UTC, the fourth would lie beyond."""
    key, fourth = add(world, MONDAY, ENDS_WITH_THE_FOURTH), MONDAY + 3 * WEEK
    with world.database.read() as uow:
        assert book.instance_on(uow, key, fourth.date()) == fourth
    with world.write() as uow:
        book.reschedule(uow, Actor(), key, fourth + 2 * HOUR, on=fourth)
    shown = world.stored(of(world, key)).object
    assert [a.start for a in shown.appointments] == [MONDAY, fourth + 2 * HOUR]
    assert zones(world, key) == {WINDOWS}


def test_a_series_shifted_or_cut_ends_where_it_is_shown_to(world: World) -> None:
    key = add(world, MONDAY, ENDS_WITH_THE_FOURTH)
    with world.write() as uow:
        book.reschedule(uow, Actor(), key, MONDAY + HOUR)
    assert world.row(key)["rrule"] == f"FREQ=WEEKLY;UNTIL={MONDAY + 3 * WEEK:%Y%m%dT%H%M%SZ}"
    with world.write() as uow:
        book.set_status(uow, Actor(), key, Status.ARRIVED, on=MONDAY + HOUR)
        assert book.cancel_appointment(uow, Actor(), key)
    assert world.row(key)["rrule"] == f"FREQ=WEEKLY;UNTIL={MONDAY:%Y%m%dT%H%M%SZ}"
    assert zones(world, key) == {WINDOWS}


def test_a_rule_that_ends_with_a_day_is_shown_and_changed_alike(world: World) -> None:
    """A device is shown the end of that day in Vienna; its edit of another thing is no change of the rule."""
    key = add(world, MONDAY, f"FREQ=WEEKLY;UNTIL={MONDAY + 3 * WEEK:%Y%m%d}")
    shown = world.stored(of(world, key)).object
    last_second = MONDAY.replace(hour=22, minute=59, second=59) + 3 * WEEK
    assert shown.appointments[0].rrule == f"FREQ=WEEKLY;UNTIL={last_second:%Y%m%dT%H%M%SZ}"
    assert put(world, with_master(shown, subject="Neu"), of(world, key)).kind == "done"
    assert world.row(key)["rrule"] == f"FREQ=WEEKLY;UNTIL={MONDAY + 3 * WEEK:%Y%m%d}"
    assert (world.row(key)["subject"], zones(world, key)) == ("Neu", {WINDOWS})


@pytest.mark.parametrize("operation", ["cancel", "change"])
def test_what_is_held_can_be_carried_out(world: World, operation: str) -> None:
    world.set(brake_cancellations=0)
    key = add(world, MONDAY)
    if operation == "cancel":
        assert delete(world, of(world, key)).kind == "held"
    else:
        wanted = with_master(world.stored(of(world, key)).object, patient=None, subject="Privat")
        assert put(world, wanted, of(world, key)).kind == "held"
    (row,) = world.attention("burst")
    result = resolve(world, row["id"], "carry-out")
    assert (result.done, result.skipped) == (1, [])
    assert zones(world, key) == {WINDOWS}


def test_a_held_deletion_of_a_series_with_an_instance_is_carried_out(world: World) -> None:
    world.set(brake_cancellations=0)
    key = add(world, MONDAY, "FREQ=WEEKLY;COUNT=4")
    with world.write() as uow:
        book.reschedule(uow, Actor(), key, MONDAY + WEEK + HOUR, on=MONDAY + WEEK)
    assert delete(world, of(world, key)).kind == "held"
    (row,) = world.attention("burst")
    assert resolve(world, row["id"], "carry-out").done == 1
    assert world.row(key)["status"] == Status.CANCELLED


def test_what_a_program_is_shown_is_in_the_practices_zone(world: World) -> None:
    key = add(world, MONDAY, "FREQ=WEEKLY;COUNT=4")
    with world.database.read() as uow:
        shown = (book.show(uow, key), book.show_instance(uow, key, MONDAY + WEEK))
    assert {entry.appointment.time_zone for entry in shown} == {"Europe/Vienna"}


def test_a_zone_in_another_case_is_known(world: World) -> None:
    key = add(world, MONDAY)
    with world.write() as uow:
        a = t.appointment
        uow.connection.execute(update(a).where(a.c.id == key).values(time_zone="europe/LONDON"))
        assert check_values.unreadable_appointments(uow) == {}
        assert book.show(uow, key).appointment.time_zone == "Europe/London"
