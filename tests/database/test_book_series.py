"""The practice's programs and series: a whole series shifted, one instance moved, cancelled, linked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from radicale_practice.practice import book, zones
from radicale_practice.practice.errors import InvalidValue, NotFound
from radicale_practice.practice.model import Actor, Status
from radicale_practice.practice.reading import calendar_objects
from tests.database.acts import put
from tests.database.book_world import HOUR, MONDAY, WEEK, World, with_override

DAY = timedelta(days=1)
PROGRAM = Actor(program="practice program")


def add_series(world: World, rrule: str, start: datetime = MONDAY, **more) -> int:
    first = book.NewAppointment(world.anna_calendar, start, start + HOUR, patient_id=world.maria.id)
    with world.write() as uow:
        return book.add_series(uow, PROGRAM, book.NewSeries(first, rrule, **more))


def starts(world: World, calendar_id: int | None = None) -> list[datetime]:
    """When something takes place in the weeks around, on the practice's wall clock."""
    around = (datetime(2026, 10, 1), datetime(2027, 5, 1))
    with world.database.read() as uow:
        found = calendar_objects.load_range(
            uow, world.reception(), calendar_id or world.anna_calendar, *around
        )
    return sorted(zones.to_wall(begin, "Europe/Vienna") for _, spans in found for begin, _ in spans)


def reschedule(world: World, key: int, *times: datetime, **more) -> None:
    with world.write() as uow:
        book.reschedule(uow, PROGRAM, key, *times, **more)


def on(world: World, key: int, day: datetime, **more) -> datetime:
    with world.write() as uow:
        return book.instance_on(uow, key, day.date(), **more)


def eventful(world: World) -> int:
    """Six Mondays: the second documented, the third moved, the fourth cancelled, the fifth excluded."""
    key = add_series(world, "FREQ=WEEKLY;COUNT=6", exdate=(MONDAY + 4 * WEEK,))
    with world.write() as uow:
        book.set_status(uow, PROGRAM, key, Status.DONE, on=MONDAY + WEEK)
        book.reschedule(uow, PROGRAM, key, MONDAY + 2 * WEEK + 3 * HOUR, on=MONDAY + 2 * WEEK)
        book.cancel_appointment(uow, PROGRAM, key, on=MONDAY + 3 * WEEK)
    assert starts(world) == [MONDAY, MONDAY + WEEK, MONDAY + 2 * WEEK + 3 * HOUR, MONDAY + 5 * WEEK]
    return key


# the whole series


@pytest.mark.parametrize("by", [HOUR, DAY, DAY + HOUR, WEEK, -DAY])
def test_a_series_is_shifted_as_one(world: World, by: timedelta) -> None:
    key = eventful(world)
    reschedule(world, key, MONDAY + by)
    # the difference is that to the nearest instance: a week later is no difference at all
    by = by if by != WEEK else timedelta()
    documented, moved = MONDAY + WEEK, MONDAY + 2 * WEEK + 3 * HOUR
    assert starts(world) == [MONDAY + by, documented, moved, MONDAY + 5 * WEEK + by]
    with world.write() as uow:
        book.restore(uow, PROGRAM, key, on=MONDAY + 3 * WEEK + by)
        book.restore(uow, PROGRAM, key, on=MONDAY + 4 * WEEK + by)
    assert starts(world)[3:5] == [MONDAY + 3 * WEEK, MONDAY + 4 * WEEK + by]


def test_a_series_is_shifted_by_the_instance_of_that_day(world: World) -> None:
    key = add_series(world, "FREQ=WEEKLY;COUNT=4")
    reschedule(world, key, MONDAY + 2 * WEEK + HOUR)
    assert starts(world) == [MONDAY + n * WEEK + HOUR for n in range(4)]
    assert world.row(key)["rrule"] == "FREQ=WEEKLY;COUNT=4"


def test_a_series_shifted_by_its_own_rhythm(world: World) -> None:
    """An exclusion falls on the date of a cancelled instance, and stays one all the same."""
    key = add_series(world, "FREQ=WEEKLY;COUNT=4", exdate=(MONDAY + WEEK,))
    with world.write() as uow:
        book.cancel_appointment(uow, PROGRAM, key, on=MONDAY + 2 * WEEK)
    reschedule(world, key, MONDAY - WEEK)
    assert starts(world) == [MONDAY - WEEK, MONDAY + 2 * WEEK]


@pytest.mark.parametrize(
    ("rrule", "becomes"),
    [
        ("FREQ=WEEKLY;BYDAY=MO;COUNT=3", "FREQ=WEEKLY;BYDAY=TU;COUNT=3"),
        ("FREQ=WEEKLY;BYDAY=MO,SU;INTERVAL=2;COUNT=4", "FREQ=WEEKLY;BYDAY=TU,MO;INTERVAL=2;COUNT=4;WKST=TU"),
        ("FREQ=WEEKLY;UNTIL=20261130T080000Z", "FREQ=WEEKLY;UNTIL=20261201T080000Z"),
        ("FREQ=WEEKLY;UNTIL=20261130", "FREQ=WEEKLY;UNTIL=20261201T080000Z"),
        ("FREQ=DAILY;BYDAY=MO,WE;COUNT=3", "FREQ=DAILY;BYDAY=TU,TH;COUNT=3"),
        ("FREQ=MONTHLY;COUNT=3", "FREQ=MONTHLY;COUNT=3"),
    ],
)
def test_the_rule_follows(world: World, rrule: str, becomes: str) -> None:
    key = add_series(world, rrule)
    before = starts(world)
    reschedule(world, key, MONDAY + DAY)
    assert world.row(key)["rrule"] == becomes
    assert starts(world) == [s + DAY for s in before]


def test_a_rule_that_cannot_follow_is_refused(world: World) -> None:
    key = add_series(world, "FREQ=MONTHLY;BYDAY=3MO;COUNT=3")
    with pytest.raises(InvalidValue):
        reschedule(world, key, MONDAY + DAY)
    reschedule(world, key, MONDAY + HOUR)
    assert starts(world)[0] == MONDAY + HOUR
    with pytest.raises(InvalidValue):
        reschedule(world, key, MONDAY, MONDAY - HOUR)


def test_another_length_is_that_of_all(world: World) -> None:
    key = eventful(world)
    with world.write() as uow:
        book.reschedule(uow, PROGRAM, key, end=MONDAY + 2 * HOUR)
    entries = world.stored(world.hrefs()[0]).object.appointments
    assert {e.status: e.end - e.start for e in entries} == {
        Status.BOOKED: HOUR,  # the moved one, last of its status
        Status.DONE: HOUR,
        Status.CANCELLED: HOUR,
    }
    assert world.row(key)["ends_at"] == MONDAY + 2 * HOUR


def test_further_dates_and_instances_elsewhere_follow(world: World) -> None:
    key = add_series(world, "FREQ=WEEKLY;COUNT=3", rdate=(MONDAY + 3 * DAY,))
    reschedule(world, key, on=MONDAY + WEEK, calendar_id=world.ben_calendar)
    assert starts(world, world.ben_calendar) == [MONDAY + WEEK]
    reschedule(world, key, MONDAY + HOUR)
    assert starts(world) == [MONDAY + HOUR, MONDAY + 3 * DAY + HOUR, MONDAY + 2 * WEEK + HOUR]
    assert starts(world, world.ben_calendar) == [MONDAY + WEEK]


# one instance


def test_one_instance_is_moved_and_moved_again(world: World) -> None:
    put(world, world.weekly(extra="X", personal="P"))
    key = world.stored("a.ics").object.appointments[0].id
    reschedule(world, key, MONDAY + WEEK + HOUR, on=MONDAY + WEEK)
    reschedule(world, key, MONDAY + WEEK + DAY, on=on(world, key, MONDAY + WEEK))
    assert starts(world) == [MONDAY, MONDAY + WEEK + DAY, MONDAY + 2 * WEEK, MONDAY + 3 * WEEK]
    _, moved = world.stored("a.ics").object.appointments
    assert (moved.extra, moved.personal, moved.patient) == ("X", "P", world.maria)
    assert on(world, key, MONDAY + WEEK + DAY) == on(world, key, MONDAY + WEEK) == MONDAY + WEEK
    assert len(world.journal()) == 3


def test_one_instance_is_cancelled_and_restored(world: World) -> None:
    key = add_series(world, "FREQ=WEEKLY;COUNT=3", exdate=(MONDAY + 2 * WEEK,))
    identity = world.hrefs()
    with world.write() as uow:
        book.cancel_appointment(uow, PROGRAM, key, on=MONDAY + WEEK)
    assert starts(world) == [MONDAY]
    for day in (MONDAY + WEEK, MONDAY + 2 * WEEK):
        with pytest.raises(InvalidValue):
            on(world, key, day)
        with world.write() as uow:
            original = book.instance_on(uow, key, day.date(), cancelled=True)
            assert book.restore(uow, PROGRAM, key, on=original)
    assert starts(world) == [MONDAY, MONDAY + WEEK, MONDAY + 2 * WEEK]
    assert world.hrefs() == identity
    with pytest.raises(InvalidValue):
        on(world, key, MONDAY + WEEK, cancelled=True)


def test_status_and_patient_of_one_instance(world: World) -> None:
    key = add_series(world, "FREQ=WEEKLY;COUNT=3")
    with world.write() as uow:
        book.set_status(uow, PROGRAM, key, Status.NO_SHOW, on=MONDAY)
        book.link_patient(uow, PROGRAM, key, world.josef.id, on=MONDAY + WEEK)
        shown = [book.show_instance(uow, key, MONDAY + n * WEEK).appointment for n in range(3)]
    assert [(a.status, a.patient) for a in shown] == [
        (Status.NO_SHOW, world.maria),
        (Status.BOOKED, world.josef),
        (Status.BOOKED, world.maria),
    ]
    assert [a.start for a in shown] == [MONDAY, MONDAY + WEEK, MONDAY + 2 * WEEK]
    assert len(world.stored(world.hrefs()[0]).object.overrides) == 2


def test_what_is_no_instance(world: World) -> None:
    key = add_series(world, "FREQ=DAILY;COUNT=3", start=MONDAY)
    reschedule(world, key, MONDAY + DAY + 2 * HOUR, on=MONDAY)
    with pytest.raises(InvalidValue):
        on(world, key, MONDAY + DAY)  # two on that day
    assert on(world, key, MONDAY + DAY, at=MONDAY.time()) == MONDAY + DAY
    for wrong in (MONDAY + 9 * DAY, MONDAY + DAY + HOUR):
        with world.write() as uow, pytest.raises(NotFound):
            book.cancel_appointment(uow, PROGRAM, key, on=wrong)
    with pytest.raises(NotFound):
        on(world, key, MONDAY + 9 * DAY)
    with world.write() as uow:
        single = book.add(uow, PROGRAM, book.NewAppointment(world.anna_calendar, MONDAY, MONDAY + HOUR))
        with pytest.raises(InvalidValue):
            book.instance_on(uow, single, date(2026, 11, 16))


# cancelled ones


def test_what_is_cancelled_is_not_moved(world: World) -> None:
    key = eventful(world)
    with pytest.raises(InvalidValue):
        reschedule(world, key, MONDAY + 3 * WEEK + HOUR, on=MONDAY + 3 * WEEK)
    with world.write() as uow:
        single = book.add(uow, PROGRAM, book.NewAppointment(world.ben_calendar, MONDAY, MONDAY + HOUR))
        book.cancel_appointment(uow, PROGRAM, single)
    with pytest.raises(InvalidValue):
        reschedule(world, single, MONDAY + HOUR)


def test_booked_again_a_series_has_its_rule_and_identity(world: World) -> None:
    key = eventful(world)
    before, identity = starts(world), world.hrefs()
    with world.write() as uow:
        assert book.cancel_appointment(uow, PROGRAM, key)
    assert starts(world) == [MONDAY + WEEK]
    with world.write() as uow:
        book.set_status(uow, PROGRAM, key, Status.BOOKED)
    assert (starts(world), world.hrefs()) == (before, identity)
    # a second time there is nothing to bring back, whatever the journal says
    with world.write() as uow:
        book.cancel_appointment(uow, PROGRAM, key, on=MONDAY + 5 * WEEK)
        assert book.restore(uow, PROGRAM, key)
    assert starts(world) == before[:-1]


def test_confirmed_again_a_cancelled_series_has_its_instances(world: World) -> None:
    put(world, with_override(world.weekly(), MONDAY + WEEK, start=MONDAY + WEEK + HOUR,
                             end=MONDAY + WEEK + 2 * HOUR))  # fmt: skip
    key = world.stored("a.ics").object.appointments[0].id
    before = starts(world)
    with world.write() as uow:
        book.cancel_appointment(uow, PROGRAM, key)
        book.set_status(uow, PROGRAM, key, Status.CONFIRMED)
    assert (starts(world), world.hrefs(), world.row(key)["status"]) == (before, ["a.ics"], "confirmed")


# patients


@pytest.mark.parametrize(
    ("subject", "rest"),
    [
        ("Massage", "Massage"),
        ("Maria Muster – Massage", "Massage"),
        ("Muster, Maria: Knie links", "Knie links"),
        ("Massage – 4711", "Massage"),
        ("MaMu 4711, Lymph – lang", "Lymph – lang"),
        ("maria ?", ""),
        ("Mustr Maria – Knie links", "Mustr Maria – Knie links"),
        ("Marias Geburtstag", "Marias Geburtstag"),
        ("", ""),
    ],
)
def test_linking_keeps_what_does_not_name_the_patient(world: World, subject: str, rest: str) -> None:
    new = book.NewAppointment(world.anna_calendar, MONDAY, MONDAY + HOUR, subject=subject)
    with world.write() as uow:
        key = book.add(uow, PROGRAM, new)
        book.link_patient(uow, PROGRAM, key, world.maria.id)
    assert (world.row(key)["subject"], world.row(key)["patient_id"]) == (rest, world.maria.id)


def test_a_series_is_not_documented_as_a_whole(world: World) -> None:
    key = add_series(world, "FREQ=WEEKLY;COUNT=4")
    for status in (Status.DONE, Status.INVOICED, Status.NO_SHOW, Status.ARRIVED):
        with pytest.raises(InvalidValue), world.write() as uow:
            book.set_status(uow, PROGRAM, key, status)
    assert world.row(key)["status"] == Status.BOOKED


def test_a_device_shifts_a_series_and_leaves_out_a_changed_instance_at_once(world: World) -> None:
    """The instance is cancelled under its new date: under the former one it would take place again."""
    put(world, with_override(world.weekly(), MONDAY + WEEK, subject="changed"))
    shown = world.stored("a.ics").object
    master, changed = shown.appointments
    new = replace(master, start=MONDAY + HOUR, end=MONDAY + 2 * HOUR)
    gone = replace(changed, recurrence_id=MONDAY + WEEK + HOUR, status=Status.CANCELLED)
    assert put(world, replace(shown, appointments=(new, gone))).kind == "done"
    assert starts(world) == [MONDAY + n * WEEK + HOUR for n in (0, 2, 3)]
