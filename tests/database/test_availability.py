"""Double booking and the agenda."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from radicale_practice.practice import clock
from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.errors import InvalidValue, NotFound
from radicale_practice.practice.model import Access, Appointment, Role, Status, View, Viewer
from radicale_practice.practice.reading import agenda, availability
from tests.database.house import book, furnished, place, run

ME = Viewer(1, 1, "person1", "Person 1", Role.PRACTITIONER)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "utc_now", lambda: datetime(2026, 3, 1, 12))


def entry(start: str, minutes: int = 60, **values: object) -> Appointment:
    begin = datetime.fromisoformat(start)
    end = begin + timedelta(minutes=minutes)
    return Appointment(start=begin, end=end, time_zone="Europe/Vienna", **values)  # type: ignore[arg-type]


def clashes(uow: UnitOfWork, *entries: Appointment, ignoring: tuple[int, ...] = ()) -> list[int]:
    return [taken.appointment_id for taken in availability.conflicts(uow, 1, entries, ignoring)]


def test_what_is_taken(database: Database) -> None:
    with furnished(database).write() as uow:
        for number, (start, end, more) in enumerate(
            [
                ("09:00", "10:00", {}),
                ("11:00", "12:00", {"transparent": True}),
                ("12:00", "13:00", {"status": "cancelled"}),
                ("13:00", "14:00", {"status": "no_show"}),
                ("14:00", "15:00", {"status": "unconfirmed", "created_by": 1}),
                ("15:00", "15:00", {}),
                ("16:00", "17:00", {"status": "done", "time_zone": "Europe/London"}),
            ],
            start=1,
        ):
            row = book(uow, 1, f"2026-03-02 {start}:00", ends_at=f"2026-03-02 {end}:00", **more)
            assert row == number
    with database.read() as uow:
        assert clashes(uow, entry("2026-03-02 09:59")) == [1]
        assert clashes(uow, entry("2026-03-02 10:00")) == []
        assert clashes(uow, entry("2026-03-02 08:00")) == []
        assert clashes(uow, entry("2026-03-02 11:00", 299)) == []
        assert clashes(uow, entry("2026-03-02 17:30")) == [7]
        assert clashes(uow, entry("2026-03-02 09:00"), ignoring=(1,)) == []
        assert clashes(uow, entry("2026-03-02 09:30", 0)) == []
        assert clashes(uow, entry("2026-03-02 09:30", transparent=True)) == []
        assert clashes(uow, entry("2026-03-02 09:30", status=Status.CANCELLED)) == []
        assert clashes(uow, entry("2026-03-02 00:00", 24 * 60, all_day=True)) == [1, 7]
        assert clashes(uow) == []
        with pytest.raises(NotFound):
            availability.conflicts(uow, 99, [], ())


def test_series_against_series(database: Database) -> None:
    with furnished(database).write() as uow:
        series = book(
            uow, 1, "2026-03-02 09:00:00", ends_at="2026-03-02 10:00:00", rrule="FREQ=WEEKLY;COUNT=4"
        )
        book(
            uow,
            1,
            "2026-03-10 15:00:00",
            ends_at="2026-03-10 16:00:00",
            series_id=series,
            recurrence_id="2026-03-09 09:00:00",
        )
    with database.read() as uow:
        daily = entry("2026-03-05 09:30", rrule="FREQ=DAILY;COUNT=5")  # to 9 March, which has moved
        assert clashes(uow, daily) == []
        assert clashes(uow, replace(daily, rrule="FREQ=DAILY;COUNT=20")) == [series, series]
        assert clashes(uow, entry("2026-03-05 15:00", rrule="FREQ=DAILY")) == [series + 1]
        assert clashes(uow, entry("2026-03-03 09:30", rrule="FREQ=WEEKLY")) == []
        # our own moved instance is compared where it is, not where the rule has it
        mine = entry("2026-03-09 09:00", rrule="FREQ=WEEKLY", id=series)
        assert clashes(uow, mine, ignoring=(series,)) == []


def test_a_series_leaves_its_overridden_instances_out(database: Database) -> None:
    with furnished(database).write() as uow:
        series = book(
            uow, 2, "2026-03-02 09:00:00", ends_at="2026-03-02 10:00:00", rrule="FREQ=WEEKLY;COUNT=4"
        )
        book(uow, 2, series_id=series, recurrence_id="2026-03-09 09:00:00", status="cancelled")
        book(uow, 1, "2026-03-09 09:00:00", ends_at="2026-03-09 10:00:00")
    with database.read() as uow:
        mine = entry("2026-03-02 09:00", rrule="FREQ=WEEKLY;COUNT=4", id=series)
        assert clashes(uow, mine) == []
        assert clashes(uow, replace(mine, id=None)) == [3]


def test_the_agenda_of_a_day(database: Database) -> None:
    with furnished(database).write() as uow:
        book(uow, 2, "2026-03-02 10:00:00", ends_at="2026-03-02 11:00:00", subject="B", patient_id=1)
        row = book(
            uow,
            1,
            "2026-03-02 08:00:00",
            ends_at="2026-03-02 09:00:00",
            time_zone="Europe/London",
            location_id=1,
        )
        place(uow, row, 4, "resource")
        book(uow, 1, "2026-02-01 00:00:00", ends_at="2026-04-01 00:00:00", all_day=True)
        book(uow, 1, "2026-03-03 00:00:00", ends_at="2026-03-03 01:00:00")
        run(uow, "INSERT INTO calendar_access (calendar_id, staff_id, access) VALUES (3, 1, 'read')")
        book(uow, 1, "2026-02-23 12:00:00", ends_at="2026-02-23 13:00:00", rrule="FREQ=WEEKLY")
    with database.read() as uow:
        found = agenda.day(uow, None, [1, 2, 3], date(2026, 3, 2))
        times = [f"{e.calendar_id} {e.start:%m-%d %H:%M}-{e.end:%m-%d %H:%M}" for e in found]
        assert times == [
            "1 02-01 00:00-04-01 00:00",
            "1 03-02 09:00-03-02 10:00",
            "2 03-02 10:00-03-02 11:00",
            "1 03-02 12:00-03-02 13:00",
        ]
        assert found[1].location == "Hauptstraße" and found[1].room == "Raum 1"
        assert found[2].patient is not None and not found[2].busy
        hidden = agenda.day(uow, ME, [1, 2], date(2026, 3, 2))[2]
        assert hidden.busy and hidden.patient is None and hidden.subject == ""
        assert all(e.busy for e in agenda.day(uow, replace(ME, view=View.NUMBER), [1], date(2026, 3, 2)))
        assert all(
            e.busy for e in agenda.day(uow, replace(ME, permission=Access.BUSY), [1], date(2026, 3, 2))
        )
        assert agenda.day(uow, replace(ME, practice_id=9), [1], date(2026, 3, 2)) == []
        assert len(agenda.between(uow, None, [1], date(2026, 3, 1), date(2026, 3, 15))) == 5
        with pytest.raises(InvalidValue):
            agenda.between(uow, None, [1], date(2026, 3, 1), date(2028, 3, 15))
