"""What one viewer is given of a calendar: content, accesses, windows, instances elsewhere, and bad rows."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from radicale_practice.practice.accesses import access_map, limited
from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.errors import NotFound
from radicale_practice.practice.model import Access, Role, Status, Viewer, Window
from radicale_practice.practice.reading import availability, range_states, stored_rows
from radicale_practice.practice.reading.calendar_objects import StoredObject, load, load_range
from tests.database.house import book, furnish, furnished, place, run

ME = Viewer(1, 1, "person1", "Person 1", Role.PRACTITIONER)
RECEPTION = Viewer(1, 2, "person2", "Person 2", Role.RECEPTIONIST)
ROOM = 4


@contextmanager
def counted(uow: UnitOfWork) -> Iterator[list[str]]:
    """The statements executed meanwhile."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(uow.database.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(uow.database.engine, "before_cursor_execute", note)


def only(found: list[StoredObject]) -> StoredObject:
    assert len(found) == 1
    return found[0]


def test_everything_an_object_renders_from(database: Database) -> None:
    with furnished(database).write() as uow:
        series = book(
            uow,
            1,
            "2026-03-02 09:00:00",
            ends_at="2026-03-02 10:00:00",
            subject="Massage",
            patient_id=1,
            location_id=1,
            note="note",
            phone="123",
            rrule="FREQ=WEEKLY",
            exdate="2026-03-09 09:00:00,nonsense",
            rdate="2026-03-04 09:00:00",
        )
        place(uow, series, ROOM, "resource")
        moved = book(
            uow, 1, "2026-03-17 11:00:00", series_id=series, recurrence_id="2026-03-16 09:00:00", subject="x"
        )
        for row, component, content in (
            (series, "VEVENT", "a"),
            (series, "VCALENDAR", "b"),
            (moved, "VEVENT", "c"),
        ):
            run(
                uow,
                "INSERT INTO event_extra (appointment_id, component, content) VALUES (:a, :c, :t)",
                a=row,
                c=component,
                t=content,
            )
        for staff, content in ((1, "mine"), (2, "theirs")):
            run(
                uow,
                "INSERT INTO personal_extra (appointment_id, staff_id, content) VALUES (:a, :s, :t)",
                a=series,
                s=staff,
                t=content,
            )
    with database.read() as uow:
        stored = only(load(uow, ME, 1))
        through_room = only(load(uow, RECEPTION, ROOM))
    master, override = stored.object.appointments
    assert (master.subject, master.note, master.phone, master.room) == ("Massage", "note", "123", "Raum 1")
    assert master.patient is not None and master.patient.number == "4711"
    assert master.location is not None and master.location.name == "Hauptstraße"
    assert master.exdate == (datetime(2026, 3, 9, 9),) and master.rdate == (datetime(2026, 3, 4, 9),)
    assert (master.extra, master.personal, stored.object.extra) == ("a", "mine", "b")
    assert (override.recurrence_id, override.subject, override.extra) == (datetime(2026, 3, 16, 9), "x", "c")
    assert (stored.calendar_id, stored.owner_calendar_id, stored.appointment_id) == (1, 1, series)
    assert stored.access is Access.WRITE and stored.revision > 0 and stored.personal_revision == 0
    assert stored.uid == stored.object.uid and stored.href == f"{stored.uid}.ics"
    assert through_room.object.appointments[0].personal == "theirs"
    # the override is in the practitioner's calendar only: in the room's it is elsewhere
    assert through_room.object.elsewhere == {datetime(2026, 3, 16, 9)}


def test_statements_do_not_grow(database: Database) -> None:
    with furnished(database).write() as uow:
        for number in range(60):
            series = book(uow, 1, f"2026-03-{number % 28 + 1:02} 09:00:00", rrule="FREQ=WEEKLY;COUNT=3")
            book(uow, 1, "2026-03-17 11:00:00", series_id=series, recurrence_id="2026-03-16 09:00:00")
    with database.read() as uow:
        objects = load(uow, ME, 1)
        hrefs = [stored.href for stored in objects]
        for wanted in (hrefs[:1], hrefs, [*hrefs, *(f"unknown{n}" for n in range(12_000))], []):
            with counted(uow) as statements:
                assert len(load(uow, ME, 1, hrefs=wanted)) == len(set(wanted) & set(hrefs))
            assert len(statements) == (3 if wanted else 2)
        with counted(uow) as statements:
            assert load(uow, ME, 1, object_ids=[o.object_id for o in objects]) == objects
        assert len(statements) == 3
        with counted(uow) as statements:
            assert len(load_range(uow, ME, 1, datetime(2026, 3, 1), datetime(2026, 5, 1))) == 60
        assert len(statements) == 5
        with counted(uow) as statements:
            assert len(range_states.in_range(uow, ME, 1, datetime(2026, 3, 1), datetime(2026, 5, 1))) == 60
        assert len(statements) == 5
        with counted(uow) as statements:
            access_map(uow, ME)
        assert len(statements) == 1


def test_revisions_are_those_of_the_sync_tables(database: Database) -> None:
    from radicale_practice.practice.sync import revisions

    with furnished(database).write() as uow:
        for _ in range(3):
            book(uow, 1)
    with database.write() as uow:
        states = revisions.object_states(uow, 1, 1)
        revisions.touch(uow, 1, [states[0].object_id], staff_id=1)
        revisions.touch(uow, 1, [states[1].object_id], staff_id=2)
        run(uow, "UPDATE appointment SET subject = 'x' WHERE id = 3")
    with database.read() as uow:
        for staff in (1, 2, 3):
            viewer = replace(RECEPTION, staff_id=staff)
            states = sorted(revisions.object_states(uow, 1, staff), key=lambda s: s.object_id)
            wanted = [(s.object_id, s.revision, s.personal_revision, s.href, s.opaque) for s in states]
            for found in (load(uow, viewer, 1), load(uow, viewer, 1, hrefs=[s.href for s in states])):
                got = [(o.object_id, o.revision, o.personal_revision, o.href, o.opaque) for o in found]
                assert got == wanted


def test_access(database: Database) -> None:
    with furnished(database).write() as uow:
        run(
            uow,
            "INSERT INTO calendar (id, practice_id, kind, staff_id, name) VALUES (10, 1, 'private', 2, 'p')",
        )
        run(
            uow,
            "INSERT INTO calendar (id, practice_id, kind, staff_id, name) VALUES (11, 1, 'private', 1, 'p')",
        )
        run(
            uow,
            "INSERT INTO calendar (id, practice_id, staff_id, name, active) VALUES (12, 1, 1, 'old', :no)",
            no=False,
        )
        run(uow, "INSERT INTO practice (id, name) VALUES (2, 'other')")
        run(uow, "INSERT INTO calendar (id, practice_id, kind, name) VALUES (20, 2, 'room', 'theirs')")
        for calendar, staff, access in ((2, 1, "read"), (10, 3, "read"), (1, 3, "write"), (20, 1, "write")):
            run(
                uow,
                "INSERT INTO calendar_access (calendar_id, staff_id, access) VALUES (:c, :s, :a)",
                c=calendar,
                s=staff,
                a=access,
            )
    write, read, busy = Access.WRITE, Access.READ, Access.BUSY
    with database.read() as uow:
        assert access_map(uow, ME) == {1: write, 2: read, 3: busy, ROOM: busy, 11: write}
        assert access_map(uow, RECEPTION) == {1: write, 2: write, 3: write, ROOM: write, 10: write}
        administrator = replace(ME, staff_id=3, role=Role.ADMINISTRATOR)
        assert access_map(uow, administrator) == {1: write, 3: write, 10: read}
        limited_device = replace(ME, permission=Access.READ)
        assert access_map(uow, limited_device) == {1: read, 2: read, 3: busy, ROOM: busy, 11: read}
        with pytest.raises(NotFound):
            access_map(uow, replace(ME, practice_id=99))
        with pytest.raises(NotFound):
            load(uow, ME, 20)
        with pytest.raises(NotFound):
            load_range(uow, ME, 10, None, None)
    assert limited(write, [read, None]) is busy


def test_the_owner_calendar_decides_limited_by_the_one_looked_through(database: Database) -> None:
    with furnished(database).write() as uow:
        mine, theirs = book(uow, 1), book(uow, 2)
        for row in (mine, theirs):
            place(uow, row, ROOM, "resource")
        run(uow, f"INSERT INTO calendar_access (calendar_id, staff_id, access) VALUES ({ROOM}, 1, 'read')")
    with database.read() as uow:
        own, other = load(uow, ME, ROOM)
        assert (own.owner_calendar_id, own.access) == (1, Access.READ)
        assert (other.owner_calendar_id, other.access) == (2, Access.BUSY)
        assert only(load(uow, ME, 1)).access is Access.WRITE
        assert only(load(uow, replace(ME, permission=Access.BUSY), 1)).access is Access.BUSY


def test_instances_elsewhere_unlinked_and_without_master(database: Database) -> None:
    with furnished(database).write() as uow:
        series = book(uow, 1, "2026-03-02 09:00:00", rrule="FREQ=WEEKLY")
        other = book(uow, 2, "2026-03-10 09:00:00", series_id=series, recurrence_id="2026-03-09 09:00:00")
        unlinked = run(
            uow,
            "INSERT INTO appointment (practice_id, starts_at, ends_at, series_id, recurrence_id, status)"
            " VALUES (1, '2026-03-16 09:00:00', '2026-03-16 09:30:00', :s, '2026-03-16 09:00:00', 'done')"
            " RETURNING id",
            s=series,
        )
    with database.read() as uow:
        shown = only(load(uow, ME, 1)).object
        assert [a.id for a in shown.appointments] == [series, unlinked]
        assert shown.elsewhere == {datetime(2026, 3, 9, 9)}
        single = only(load(uow, RECEPTION, 2))
        assert single.object.master is not None and single.object.master.id == other
        assert single.object.master.recurrence_id is None and not single.object.overrides
    with database.write() as uow:
        run(uow, "UPDATE appointment SET status = 'cancelled' WHERE id = :s", s=series)
    with database.read() as uow:
        shown = only(load(uow, ME, 1)).object
        assert shown.master is None and [a.id for a in shown.overrides] == [unlinked]
        assert len(load_range(uow, ME, 1, datetime(2026, 3, 16), datetime(2026, 3, 17))) == 1
        assert load_range(uow, ME, 1, datetime(2026, 3, 23), datetime(2026, 3, 24)) == []


def test_a_hollow_master_is_left_out(database: Database) -> None:
    with furnished(database).write() as uow:
        hollow = book(uow, 1, "2026-03-02 09:00:00", exdate="2026-03-02 09:00:00")
        book(uow, 1, "2026-03-09 11:00:00", series_id=hollow, recurrence_id="2026-03-09 09:00:00")
    with database.read() as uow:
        shown = only(load(uow, ME, 1)).object
        assert shown.master is None and len(shown.overrides) == 1
        assert load_range(uow, ME, 1, datetime(2026, 3, 2), datetime(2026, 3, 3)) == []
        assert len(load_range(uow, ME, 1, datetime(2026, 3, 9), datetime(2026, 3, 10))) == 1


def test_unconfirmed_entries_are_their_authors(database: Database) -> None:
    with furnished(database).write() as uow:
        book(uow, 1, status="unconfirmed", created_by=1, unconfirmed_reason="taken")
    with database.read() as uow:
        assert only(load(uow, ME, 1)).object.appointments[0].status is Status.UNCONFIRMED
        assert load(uow, RECEPTION, 1) == []
        assert load_range(uow, RECEPTION, 1, None, None) == []


def test_the_window(database: Database) -> None:
    with furnished(database).write() as uow:
        for start in ("2026-02-20", "2026-02-28", "2026-03-02", "2026-03-09", "2026-03-10"):
            book(uow, 1, f"{start} 12:00:00")
        book(uow, 1, "2020-01-01 12:00:00", rrule="FREQ=WEEKLY")
        book(uow, 1, "2020-01-01 12:00:00", rrule="FREQ=WEEKLY;COUNT=3")
        book(uow, 1, "2026-02-01 00:00:00", ends_at="2026-03-01 00:00:00", all_day=True)
    viewer = replace(ME, window=Window(2, 7))
    today = date(2026, 3, 2)
    with database.read() as uow:
        shown = [o.object.appointments[0].id for o in load(uow, viewer, 1, today=today)]
        assert shown == [2, 3, 4, 6, 8]
        assert len(load(uow, viewer, 1, windowed=False)) == 8
        ranged = load_range(uow, viewer, 1, datetime(2026, 1, 1), datetime(2027, 1, 1), today=today)
        assert [o.object.appointments[0].id for o, _ in ranged] == shown
        listed = range_states.in_range(
            uow, viewer, 1, datetime(2026, 1, 1), datetime(2027, 1, 1), today=today
        )
        assert [known.appointment_id for known in listed] == shown
        half_open = replace(ME, window=Window(None, 7))
        assert len(load(uow, half_open, 1, today=today)) == 7
        assert load(uow, replace(ME, window=Window(10**9, 10**9)), 1, today=today)


def test_bad_rows_break_nothing_and_are_logged_by_id(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    stored_rows.note_once.cache_clear()
    with furnished(database).write() as uow:
        good = book(uow, 1, subject="Geheim")
        zone = book(uow, 1, time_zone="../../etc/passwd", subject="Geheim")
        rule = book(uow, 1, rrule="FREQ=NEVER;Geheim", subject="Geheim")
        dates = book(uow, 1, rdate="Geheim,2026-03-04 09:00:00,", exdate=",,;")
        odd_day = book(uow, 1, "2026-03-02 09:00:00", ends_at="2026-03-02 09:30:00", all_day=True)
    with database.read() as uow:
        shown = {o.appointment_id: o.object.appointments[0] for o in load(uow, ME, 1)}
        assert set(shown) == {good, zone, rule, dates, odd_day}
        assert shown[zone].time_zone == "Europe/Vienna"
        assert shown[rule].rrule == "" and shown[dates].rdate == (datetime(2026, 3, 4, 9),)
        assert (shown[odd_day].start, shown[odd_day].end) == (datetime(2026, 3, 2), datetime(2026, 3, 3))
        for ranged in (load_range, range_states.in_range):
            assert len(ranged(uow, ME, 1, datetime(2026, 3, 2), datetime(2026, 3, 3))) == 5
    assert "Geheim" not in caplog.text and "passwd" not in caplog.text
    noted = [record.args for record in caplog.records]
    assert noted == [
        (zone, "unknown time zone"),
        (rule, "its recurrence rule cannot be read"),
        (dates, "its further or excluded dates are not all times"),
    ]


def test_rows_that_no_check_would_let_in(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.write() as uow:
        furnish(uow)
        for _ in range(6):
            book(uow, 1, "2026-03-02 09:00:00", ends_at="2026-03-02 10:00:00")
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
        for change in (
            "starts_at = 'yesterday' WHERE id = 1",
            "starts_at = 'yesterday', ends_at = 'tomorrow' WHERE id = 2",
            "starts_at = '2026-03-02 09:00:00+01:00' WHERE id = 3",
            "ends_at = '2026-03-01 09:00:00' WHERE id = 4",
            "status = 'dreaming' WHERE id = 5",
            "starts_at = '0001-01-01 00:00:00', ends_at = '9999-12-31 23:59:59', all_day = 1 WHERE id = 6",
        ):
            connection.exec_driver_sql(f"UPDATE appointment SET {change}")
        connection.exec_driver_sql("PRAGMA ignore_check_constraints=OFF")
        connection.commit()
    with database.read() as uow:
        rows = [o.object.appointments[0] for o in load(uow, ME, 1)]
        assert len(rows) == 6
        assert all(r.start <= r.end and r.start.tzinfo is None for r in rows)
        assert rows[0].all_day and rows[1].all_day and rows[4].status is Status.BOOKED
        for start, end in ((None, None), (datetime(2026, 3, 2), datetime(2026, 3, 3))):
            found = [stored.object_id for stored, _ in load_range(uow, ME, 1, start, end)]
            assert [known.object_id for known in range_states.in_range(uow, ME, 1, start, end)] == found
    database.dispose()


def test_an_object_whose_row_is_gone_is_not_there(database: Database) -> None:
    with furnished(database).write() as uow:
        book(uow, 1)
    with database.write() as uow:
        run(uow, "UPDATE calendar_object SET appointment_id = 999")
    with database.read() as uow:
        assert load(uow, ME, 1) == []
        assert uow.connection.execute(text("SELECT count(*) FROM calendar_object")).scalar() == 1


def test_conflicts_reach_only_this_calendar(database: Database) -> None:
    with furnished(database).write() as uow:
        book(uow, 1, "2026-03-02 09:00:00", ends_at="2026-03-02 10:00:00")
        book(uow, 2, "2026-03-02 09:00:00", ends_at="2026-03-02 10:00:00")
    with database.read() as uow:
        entry = only(load(uow, ME, 1)).object.appointments[0]
        later = replace(entry, start=entry.start + timedelta(minutes=30), end=entry.end + timedelta(hours=1))
        assert [t.appointment_id for t in availability.conflicts(uow, 1, [later], ())] == [1]


def test_nothing_crosses_between_practices(database: Database) -> None:
    with furnished(database).write() as uow:
        run(uow, "INSERT INTO practice (id, name) VALUES (2, 'other')")
        run(uow, "INSERT INTO patient (id, practice_id, number, last_name) VALUES (9, 2, '1', 'Fremd')")
        run(uow, "INSERT INTO location (id, practice_id, name) VALUES (9, 2, 'Fremd')")
        book(uow, 1, practice_id=2)
        book(uow, 1, patient_id=9, location_id=9)
    with database.read() as uow:
        shown = only(load(uow, ME, 1)).object.appointments[0]
        assert shown.patient is None and shown.location is None
        assert len(load_range(uow, ME, 1, None, None)) == 1


def test_an_appointment_that_only_has_a_room(database: Database) -> None:
    with furnished(database).write() as uow:
        row = book(uow, ROOM)
        run(uow, "UPDATE appointment_calendar SET role = 'resource' WHERE appointment_id = :a", a=row)
    with database.read() as uow:
        stored = only(load(uow, RECEPTION, ROOM))
        assert stored.owner_calendar_id is None and stored.access is Access.WRITE
        assert only(load(uow, ME, ROOM)).access is Access.BUSY


@pytest.mark.parametrize("analyzed", [False, True])
def test_lists_are_looked_up_not_searched_for(sqlite_url: str, analyzed: bool) -> None:
    """SQLite's plan: a single event must not cost a walk through its calendar or practice."""
    database = Database(sqlite_url)
    with furnished(database).write() as uow:
        for number in range(300):
            book(uow, 1, f"2026-{number % 12 + 1:02}-02 09:00:00", rrule="FREQ=DAILY" if number % 7 else "")
        if analyzed:
            run(uow, "ANALYZE")
    plans = []

    def explain(_: object, cursor: Any, statement: str, parameters: Any, *__: object) -> None:
        if "JOIN appointment" in statement:
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            plans.append([row[3] for row in rows])

    event.listen(database.engine, "before_cursor_execute", explain)
    with database.read() as uow:
        first = load(uow, ME, 1, object_ids=[5])[0]
        assert load(uow, ME, 1, hrefs=[first.href]) == [first]
    assert len(plans) == 4
    for plan in plans[:2]:
        assert any("calendar_object USING INTEGER PRIMARY KEY (rowid=?)" in line for line in plan), plan
    for plan in plans[2:]:
        assert any("calendar_object USING INDEX uq_calendar_object_live_href (href=?" in p for p in plan), (
            plan
        )
    database.dispose()
