"""Changes of rows become revisions of calendar objects, on both engines alike."""

from __future__ import annotations

import pytest

from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.errors import Conflict, NotFound
from radicale_practice.practice.sync import identities, revisions
from radicale_practice.practice.sync.revisions import ObjectState
from tests.database.house import book, furnished, place, run

ME = 1


@pytest.fixture
def house(database: Database) -> Database:
    return furnished(database)


def states(database: Database, calendar: int, staff: int = ME) -> dict[int, ObjectState]:
    """Live objects by appointment."""
    with database.read() as uow:
        return {s.appointment_id: s for s in revisions.object_states(uow, calendar, staff)}


def revision(database: Database, calendar: int, staff: int = ME) -> int:
    with database.read() as uow:
        return revisions.calendar_states(uow, [calendar], staff)[calendar].revision


def changes(database: Database, calendar: int, since: int, staff: int = ME) -> dict[str, ObjectState]:
    with database.read() as uow:
        return {s.href: s for s in revisions.changes_since(uow, calendar, staff, since)}


def written(database: Database, sql: str, **parameters: object) -> None:
    with database.write() as uow:
        run(uow, sql, **parameters)


def test_new_appointment_gets_an_opaque_identity(house: Database) -> None:
    assert revision(house, 1) == 0
    with house.write() as uow:
        appointment = book(uow, 1)
        public_id = run(uow, "SELECT public_id FROM appointment WHERE id = :a", a=appointment)
    state = states(house, 1)[appointment]
    assert (state.href, state.uid, state.opaque) == (f"{public_id}.ics", public_id, True)
    assert state.revision == revision(house, 1) > 0
    assert state.personal_revision == 0
    assert states(house, 2) == {}
    assert revision(house, 2) == 0


def test_visible_change_raises_and_invisible_does_not(house: Database) -> None:
    with house.write() as uow:
        appointment = book(uow, 1)
    before = revision(house, 1)
    written(house, "UPDATE appointment SET external_id = 'x', cancelled_by = 5, subject = subject")
    assert revision(house, 1) == before
    written(house, "UPDATE appointment SET subject = 'Massage'")
    assert revision(house, 1) > before
    assert list(changes(house, 1, before).values()) == [states(house, 1)[appointment]]
    assert changes(house, 1, revision(house, 1)) == {}


def test_cancelled_is_removed_and_restored_is_the_same_object(house: Database) -> None:
    with house.write() as uow:
        appointment = book(uow, 1)
    first = states(house, 1)[appointment]
    written(house, "UPDATE appointment SET status = 'cancelled'")
    assert states(house, 1) == {}
    gone = changes(house, 1, first.revision)[first.href]
    assert (gone.live, gone.object_id) == (False, first.object_id)
    written(house, "UPDATE appointment SET status = 'booked'")
    again = states(house, 1)[appointment]
    assert (again.object_id, again.href, again.uid) == (first.object_id, first.href, first.uid)
    assert again.revision > gone.revision
    assert [s.live for s in changes(house, 1, first.revision).values()] == [True]


def test_unconfirmed_is_served(house: Database) -> None:
    with house.write() as uow:
        appointment = book(uow, 1, status="unconfirmed")
    assert appointment in states(house, 1)


def test_deleted_row_is_removed_and_its_number_starts_afresh(house: Database) -> None:
    with house.write() as uow:
        appointment = book(uow, 1)
        run(uow, "INSERT INTO event_extra VALUES (:a, 'VEVENT', 'X')", a=appointment)
    first = states(house, 1)[appointment]
    written(house, "DELETE FROM appointment")
    assert not changes(house, 1, first.revision)[first.href].live
    with house.write() as uow:
        assert run(uow, "SELECT count(*) FROM event_extra") == 0
        book(uow, 1, id=appointment)
    again = states(house, 1)[appointment]
    assert again.object_id != first.object_id
    assert again.href != first.href


def test_moved_between_calendars_and_back_keeps_the_uid(house: Database) -> None:
    with house.write() as uow:
        appointment = book(uow, 1)
    first = states(house, 1)[appointment]
    written(house, "UPDATE appointment_calendar SET calendar_id = 2")
    moved = states(house, 2)[appointment]
    assert (moved.href, moved.uid) == (first.href, first.uid)
    assert not changes(house, 1, first.revision)[first.href].live
    with house.write() as uow:
        run(uow, "DELETE FROM appointment_calendar")
        place(uow, appointment, 1)
    assert states(house, 1)[appointment].object_id == first.object_id
    assert states(house, 2) == {}


def test_room_sees_the_appointment_too(house: Database) -> None:
    with house.write() as uow:
        appointment = book(uow, 1)
        place(uow, appointment, 4, "resource")
    before = revision(house, 1)
    assert states(house, 4)[appointment].uid == states(house, 1)[appointment].uid
    written(house, "UPDATE calendar SET name = 'Raum 2' WHERE id = 4")
    assert revision(house, 1) > before


def test_patient_and_location_touch_the_objects_that_show_them(house: Database) -> None:
    with house.write() as uow:
        shown = book(uow, 1, patient_id=1, location_id=1)
        book(uow, 1)
        book(uow, 2)
        run(uow, "INSERT INTO patient_name VALUES (1, 1, 'k', '')")
    before = revision(house, 1)
    written(house, "UPDATE patient SET last_name = 'Huber'")
    assert {s.appointment_id for s in changes(house, 1, before).values()} == {shown}
    with house.read() as uow:
        assert run(uow, "SELECT count(*) FROM patient_name") == 0
    before = revision(house, 1)
    written(house, "UPDATE location SET name = 'Nebenstraße'")
    assert {s.appointment_id for s in changes(house, 1, before).values()} == {shown}
    before = revision(house, 1)
    written(house, "UPDATE patient SET active = false")
    assert revision(house, 1) == before


def series(uow: UnitOfWork, calendar: int = 1) -> int:
    return book(uow, calendar, rrule="FREQ=WEEKLY")


def override(uow: UnitOfWork, master: int, calendar: int | None, **columns: object) -> int:
    start = "2026-03-09 10:00:00"
    values = {"series_id": master, "recurrence_id": "2026-03-09 09:00:00", **columns}
    if calendar is not None:
        return book(uow, calendar, start, **values)
    return int(
        run(
            uow,
            "INSERT INTO appointment (practice_id, starts_at, ends_at, series_id, recurrence_id)"
            " VALUES (1, :s, :s, :m, '2026-03-09 09:00:00') RETURNING id",
            s=start,
            m=master,
        )
    )


@pytest.mark.parametrize("calendar", [1, None])
def test_override_belongs_to_its_master(house: Database, calendar: int | None) -> None:
    with house.write() as uow:
        master = series(uow)
    before = revision(house, 1)
    with house.write() as uow:
        override(uow, master, calendar)
    assert set(states(house, 1)) == {master}
    assert set(changes(house, 1, before)) == {states(house, 1)[master].href}
    before = revision(house, 1)
    written(house, "UPDATE appointment SET note = 'x' WHERE series_id IS NOT NULL")
    assert states(house, 1)[master].revision > before
    before = revision(house, 1)
    written(house, "DELETE FROM appointment WHERE series_id IS NOT NULL")
    assert states(house, 1)[master].revision > before


def test_override_elsewhere_is_an_object_of_its_own(house: Database) -> None:
    with house.write() as uow:
        master = series(uow)
        instance = override(uow, master, 2)
    assert set(states(house, 1)) == {master}
    assert set(states(house, 2)) == {instance}
    before = revision(house, 1)
    written(house, "UPDATE appointment_calendar SET calendar_id = 1 WHERE appointment_id = :i", i=instance)
    assert states(house, 2) == {}
    assert states(house, 1)[master].revision > before
    written(house, "UPDATE appointment_calendar SET calendar_id = 3 WHERE appointment_id = :m", m=master)
    assert set(states(house, 1)) == {instance}
    assert set(states(house, 3)) == {master}


def test_cancelled_master_with_an_instance_left_stays(house: Database) -> None:
    with house.write() as uow:
        master = series(uow)
        instance = override(uow, master, 1, status="done")
    written(house, "UPDATE appointment SET status = 'cancelled' WHERE id = :m", m=master)
    assert set(states(house, 1)) == {master}
    written(house, "UPDATE appointment SET status = 'cancelled' WHERE id = :i", i=instance)
    assert states(house, 1) == {}


def test_change_of_rule_or_times_drops_the_stored_expansion(house: Database) -> None:
    with house.write() as uow:
        master = series(uow)
    for change in ("rrule = 'FREQ=DAILY'", "time_zone = 'UTC'", "ends_at = '2026-03-02 10:00:00'"):
        written(
            house,
            "INSERT INTO series_expansion (series_id, expanded_until) VALUES (:m, '2027-01-01 00:00:00')",
            m=master,
        )
        written(house, "UPDATE appointment SET subject = subject || 'x'")
        with house.read() as uow:
            assert run(uow, "SELECT count(*) FROM series_expansion") == 1
        written(house, f"UPDATE appointment SET {change}")
        with house.read() as uow:
            assert run(uow, "SELECT count(*) FROM series_expansion") == 0


def test_assigned_identity_in_the_transaction_of_the_insert(house: Database) -> None:
    for flushed in (False, True):
        with house.write() as uow:
            appointment = book(uow, 1)
            if flushed:
                revisions.flush(uow)
            object_id = identities.assign(uow, 1, appointment, f"{flushed} Ä.ics", f"uid {flushed}")
            revisions.flush(uow)
            found = identities.by_href(uow, 1, f"{flushed} Ä.ics")
            assert found is not None
            assert found == identities.by_uid(uow, 1, f"uid {flushed}")
            assert (found.object_id, found.opaque, found.appointment_id) == (object_id, False, appointment)
    assert len(changes(house, 1, 0)) == 2
    assert all(s.live for s in changes(house, 1, 0).values())


def test_renamed_object_lists_the_former_href_as_removed(house: Database) -> None:
    with house.write() as uow:
        appointment = book(uow, 1)
    first = states(house, 1)[appointment]
    with house.write() as uow:
        new_id = identities.assign(uow, 1, appointment, "new.ics", first.uid)
    listed = changes(house, 1, first.revision)
    assert {href: s.live for href, s in listed.items()} == {first.href: False, "new.ics": True}
    assert listed["new.ics"].object_id == new_id != first.object_id
    with house.write() as uow:
        assert identities.assign(uow, 1, appointment, "new.ics", first.uid) == new_id
        assert identities.assign(uow, 1, appointment, "newer.ics", first.uid) != new_id
        assert identities.assign(uow, 1, appointment, first.href, first.uid) not in (0, first.object_id)
    listed = changes(house, 1, first.revision)
    assert {h for h, s in listed.items() if s.live} == {first.href}


def test_taken_identity_is_a_conflict(house: Database) -> None:
    with house.write() as uow:
        one, two = book(uow, 1), book(uow, 1)
        identities.assign(uow, 1, one, "a.ics", "a")
        with_same = [("a.ics", "b"), ("b.ics", "a")]
        revisions.flush(uow)
        for href, uid in with_same:
            with pytest.raises(Conflict):
                identities.assign(uow, 1, two, href, uid)
        with pytest.raises(NotFound):
            identities.assign(uow, 2, two, "c.ics", "c")
        run(uow, "UPDATE appointment SET status = 'cancelled' WHERE id = :a", a=one)
        identities.assign(uow, 1, two, "a.ics", "a")
    state = states(house, 1)[two]
    assert (state.href, state.uid) == ("a.ics", "a")
    # The first one's identity is taken: restored, it gets a new one.
    written(house, "UPDATE appointment SET status = 'booked'")
    restored = states(house, 1)[one]
    assert restored.href != "a.ics"
    assert restored.uid != "a"
    assert restored.opaque


def test_personal_change_is_seen_by_that_person_only(house: Database) -> None:
    with house.write() as uow:
        appointment = book(uow, 1)
    mine, others = states(house, 1)[appointment], states(house, 1, 2)[appointment]
    with house.write() as uow:
        revisions.touch(uow, 1, [mine.object_id], staff_id=ME)
    assert states(house, 1, 2)[appointment] == others
    assert revision(house, 1, 2) == others.revision
    changed = states(house, 1)[appointment]
    assert (changed.revision, changed.personal_revision) == (mine.revision, revision(house, 1))
    assert list(changes(house, 1, mine.revision).values()) == [changed]
    assert changes(house, 1, mine.revision, 2) == {}
    with house.read() as uow:
        assert revisions.object_states(uow, 1, ME, hrefs=[mine.href, "other.ics"]) == [changed]
        assert revisions.object_states(uow, 1, ME, object_ids=[mine.object_id]) == [changed]
        assert revisions.object_states(uow, 1, ME, object_ids=[]) == []


def test_refused_change_leaves_a_touch_only(house: Database) -> None:
    with house.write() as uow:
        appointment = book(uow, 1)
    before = states(house, 1)[appointment]
    with house.write() as uow:
        savepoint = uow.connection.begin_nested()
        run(uow, "UPDATE appointment SET status = 'cancelled'")
        revisions.flush(uow)
        savepoint.rollback()
        revisions.touch(uow, 1, [before.object_id])
        revisions.flush(uow)
        inside = revisions.object_states(uow, 1, ME)[0]
    after = states(house, 1)[appointment]
    assert after == inside
    assert after.revision > before.revision
    assert (after.href, after.live) == (before.href, True)
