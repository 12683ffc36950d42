"""The book for the practice's programs; double booking and its race; undo; attention; journal."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, update

from radicale_practice.practice import book, clock
from radicale_practice.practice.errors import Conflict, InvalidValue, NotFound
from radicale_practice.practice.model import Actor, Finding, FindingKind, Status
from radicale_practice.practice.notices import attention
from radicale_practice.practice.people import patient_erase
from radicale_practice.practice.records import journal, retention, undo
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.schema import sync_tables as s
from tests.database.acts import delete, document, master_id, move, put, resolve
from tests.database.book_world import HOUR, MONDAY, WEEK, World, with_master, with_override
from tests.database.statements import counted, written_after_flush

PROGRAM = Actor(program="practice program")


def add(world: World, start: datetime = MONDAY, **values) -> int:
    plain = {"calendar_id": world.anna_calendar, "start": start, "end": start + HOUR, **values}
    with world.write() as uow:
        return book.add(uow, PROGRAM, book.NewAppointment(**plain))


# add, reschedule, link, status


def test_add_and_show(world: World) -> None:
    key = add(world, patient_id=world.maria.id, subject="s", note="n", rooms=(world.room,), external_id="E1")
    with world.database.read() as uow:
        shown = book.show(uow, key)
    assert (shown.appointment.patient.number, shown.appointment.subject) == ("4711", "s")
    assert shown.calendars == {world.anna_calendar: "owner", world.room: "resource"}
    assert world.row(key)["external_id"] == "E1"
    assert len(world.hrefs()) == len(world.hrefs(world.room, world.reception())) == 1
    assert world.journal()[0]["program"] == "practice program"


def test_what_add_does_not_take(world: World) -> None:
    with pytest.raises(NotFound):
        add(world, calendar_id=99)
    with pytest.raises(NotFound):
        add(world, patient_id=99)
    with pytest.raises(InvalidValue):
        add(world, end=MONDAY - HOUR)
    with pytest.raises(InvalidValue):
        add(world, time_zone="Mars/Olympus")
    with world.write() as uow, pytest.raises(NotFound):
        book.show(uow, 99)
    assert world.rows(t.appointment) == []


def test_add_series_with_skipped_dates(world: World) -> None:
    first = book.NewAppointment(world.anna_calendar, MONDAY, MONDAY + HOUR)
    with world.write() as uow:
        key = book.add_series(uow, PROGRAM, book.NewSeries(first, "FREQ=WEEKLY;COUNT=10", (MONDAY + WEEK,)))
        with pytest.raises(InvalidValue):
            book.add_series(uow, PROGRAM, book.NewSeries(first, "FREQ=SECONDLY"))
    master = world.stored(world.hrefs()[0]).object.master
    assert (master.id, master.rrule, master.exdate) == (key, "FREQ=WEEKLY;COUNT=10", (MONDAY + WEEK,))


def test_reschedule_in_time_and_place(world: World) -> None:
    key = add(world, rooms=(world.room,))
    with world.write() as uow:
        book.reschedule(
            uow, PROGRAM, key, MONDAY + WEEK, calendar_id=world.ben_calendar, rooms=(world.other_room,)
        )
    row = world.row(key)
    assert (row["starts_at"], row["ends_at"]) == (MONDAY + WEEK, MONDAY + WEEK + HOUR)
    assert world.calendars(key) == {world.ben_calendar: "owner", world.other_room: "resource"}
    assert world.hrefs() == []
    assert world.journal()[-1]["action"] == "move"


def test_reschedule_to_the_same_writes_nothing(world: World) -> None:
    key = add(world)
    before = world.revision()
    with world.write() as uow:
        book.reschedule(uow, PROGRAM, key, MONDAY)
    assert (world.revision(), len(world.journal())) == (before, 1)


def test_link_patient_settles_what_was_not_linked(world: World) -> None:
    put(
        world, with_override(world.weekly(patient=None, subject="Maria ?"), MONDAY + WEEK, note="x"),
        findings=[Finding(FindingKind.UNLINKED)],
    )  # fmt: skip
    key = master_id(world)
    with world.write() as uow:
        book.link_patient(uow, PROGRAM, key, world.maria.id)
        with pytest.raises(NotFound):
            book.link_patient(uow, PROGRAM, key, 99)
    entries = world.stored("a.ics").object.appointments
    assert [(e.patient, e.subject) for e in entries] == [(world.maria, "")] * 2
    assert world.attention() == []


def test_set_status_and_restore(world: World) -> None:
    key = add(world)
    for status in (Status.CONFIRMED, Status.ARRIVED, Status.CANCELLED, Status.BOOKED):
        with world.write() as uow:
            book.set_status(uow, PROGRAM, key, status)
        assert world.row(key)["status"] == status
    assert world.row(key)["cancelled_at"] is None


def test_cancelling_twice_changes_nothing(world: World) -> None:
    key = add(world)
    with world.write() as uow:
        assert not book.cancel_appointment(uow, PROGRAM, key)
    lines = len(world.journal())
    with world.write() as uow:
        book.cancel_appointment(uow, PROGRAM, key)
    assert len(world.journal()) == lines


# double booking


def test_double_booking_is_allowed_and_listed(world: World) -> None:
    first = add(world)
    put(world, world.event(start=MONDAY + HOUR / 2))
    (row,) = world.attention()
    assert row["kind"] == "double-booking"
    assert json.loads(row["details"]) == {"with": [first]}


def test_what_blocks_no_time_clashes_with_nothing(world: World) -> None:
    add(world, transparent=True)
    put(world, world.event())
    put(world, world.event("u2", transparent=True), "b.ics")
    put(world, world.event("u3"), "c.ics", world.private)
    put(world, world.event("u4"), "d.ics", world.private)
    assert world.attention() == []


def test_a_room_is_not_booked_twice(world: World) -> None:
    add(world, calendar_id=world.ben_calendar, rooms=(world.room,))
    add(world, rooms=(world.room,))
    (row,) = world.attention()
    assert (row["kind"], row["calendar_id"]) == ("double-booking", world.room)


def test_forbidden_new_events_are_kept_unconfirmed_until_they_are_moved(world: World) -> None:
    world.set(double_booking="forbid")
    taken = add(world)
    outcome = put(world, world.event("u", patient=world.maria, extra="X"))
    assert (outcome.kind, outcome.reason, outcome.exact) == ("unconfirmed", "slot-taken", False)
    shown = world.stored("a.ics").object
    key = shown.appointments[0].id
    assert (world.row(key)["status"], world.row(key)["unconfirmed_reason"]) == (
        "unconfirmed",
        "slot-taken",
    )
    assert [r["reason"] for r in world.attention("refused")] == ["slot-taken"]
    # moved to another taken slot: still not booked
    add(world, MONDAY + 2 * HOUR)
    moved = with_master(shown, start=MONDAY + 2 * HOUR, end=MONDAY + 3 * HOUR)
    assert put(world, moved).kind == "unconfirmed"
    assert world.row(key)["starts_at"] == MONDAY + 2 * HOUR
    # and it blocks nothing
    free = with_master(world.stored("a.ics").object, start=MONDAY + 4 * HOUR, end=MONDAY + 5 * HOUR)
    assert put(world, free).kind == "done"
    assert (world.row(key)["status"], world.row(key)["unconfirmed_reason"]) == ("booked", "")
    assert world.attention() == []
    assert world.row(taken)["status"] == "booked"


def test_deleting_or_confirming_an_unconfirmed_event_ends_it(world: World) -> None:
    world.set(double_booking="forbid")
    add(world)
    put(world, world.event("u"))
    assert delete(world).kind == "done"
    assert world.attention() == []
    put(world, world.event("v"), "b.ics")
    (row,) = world.attention("refused")
    resolve(world, row["id"], "accept")
    assert world.row(world.stored("b.ics").object.appointments[0].id)["status"] == "booked"


def test_forbidden_changes_are_refused_and_programs_are_told(world: World) -> None:
    world.set(double_booking="forbid")
    add(world)
    put(world, world.event("u", MONDAY + 3 * HOUR))
    shown, before = world.stored("a.ics").object, world.revision()
    outcome = put(world, with_master(shown, start=MONDAY, end=MONDAY + HOUR, extra="X", personal="P"))
    assert (outcome.kind, outcome.reason) == ("refused", "slot-taken")
    assert world.stored("a.ics").object == shown
    assert world.revision() > before
    with world.write() as uow, pytest.raises(Conflict):
        book.reschedule(uow, PROGRAM, shown.appointments[0].id, MONDAY)
    with pytest.raises(Conflict):
        add(world)
    put(world, world.event("b"), "b.ics", world.ben_calendar, world.reception())
    assert move(world, world.anna_calendar, "b.ics", world.ben_calendar).reason == "slot-taken"
    assert world.hrefs(world.ben_calendar, world.reception()) == ["b.ics"]


def test_an_absence_is_always_taken_over_and_lists_the_booked_ones(world: World) -> None:
    world.set(double_booking="forbid")
    add(world, patient_id=world.maria.id)
    add(world, MONDAY + 2 * HOUR)
    midnight = MONDAY.replace(hour=0)
    absence = world.event("ill", midnight, end=midnight + timedelta(days=1), all_day=True, subject="ill")
    assert put(world, absence).kind == "done"
    assert [r["kind"] for r in world.attention()] == ["absence"]


@pytest.mark.parametrize("policy", ["forbid", "allow"])
def test_two_at_once_do_not_both_get_the_slot(world: World, policy: str) -> None:
    world.set(double_booking=policy)
    world.database.lock_timeout = 60
    barrier, kinds = threading.Barrier(2), []

    def book_it(index: int) -> None:
        viewer = world.viewer(device_id=index + 1)
        barrier.wait()
        for attempt in range(5):
            start = MONDAY + attempt * WEEK
            event = world.event(f"u{index}-{attempt}", start)
            kinds.append((attempt, put(world, event, f"{index}-{attempt}.ics", viewer=viewer).kind))

    threads = [threading.Thread(target=book_it, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {a: sorted(k for n, k in kinds if n == a) for a in range(5)}
    if policy == "forbid":
        assert set(map(tuple, found.values())) == {("done", "unconfirmed")}
    else:
        assert set(map(tuple, found.values())) == {("done", "done")}
        assert len(world.attention("double-booking")) == 5


# undo


def test_undo_takes_back_everything_of_one_device(world: World, now: list[datetime]) -> None:
    keep = add(world, patient_id=world.maria.id, note="n")
    gone = add(world, MONDAY + HOUR)
    put(
        world, with_override(world.weekly("w"), MONDAY + WEEK, subject="x"), "w.ics", viewer=world.reception()
    )
    before = {r["id"]: journal.snapshot(r) for r in world.rows(t.appointment)}
    calendars = world.rows(t.appointment_calendar)
    now[0] += timedelta(hours=1)
    since = now[0]
    viewer = world.reception(device_id=7)
    hrefs = {world.stored(h).object.appointments[0].id: h for h in world.hrefs()}
    shown = world.stored(hrefs[keep]).object
    put(world, with_master(shown, start=MONDAY + 5 * HOUR, end=MONDAY + 6 * HOUR), hrefs[keep], viewer=viewer)
    put(world, with_master(world.stored(hrefs[keep]).object, note="other"), hrefs[keep], viewer=viewer)
    move(world, world.ben_calendar, hrefs[keep], viewer=viewer)
    delete(world, hrefs[gone], viewer=viewer)
    series = world.stored("w.ics").object
    dropped = with_override(series, MONDAY + 2 * WEEK, subject="new").appointments
    put(world, type(series)(series.uid, (dropped[0], dropped[2])), "w.ics", viewer=viewer)
    put(world, world.event("fresh", MONDAY + 8 * HOUR), "fresh.ics", viewer=viewer)
    with world.write() as uow:
        report = undo.undo(uow, PROGRAM, world.practice_id, since, device_id=7, dry_run=True)
    assert (len(report.done), report.skipped) == (6, [])
    assert world.row(gone)["status"] == "cancelled"
    with world.write() as uow, counted(world.database) as statements:
        report = undo.undo(uow, PROGRAM, world.practice_id, since, device_id=7)
    assert len(report.done) == 6
    assert len(statements) < 36  # each kind of statement once or twice, whatever the number of changes
    after = {r["id"]: journal.snapshot(r) for r in world.rows(t.appointment)}
    fresh = set(after) - set(before)
    assert {i: r for i, r in after.items() if i in before} == before
    assert [after[i]["status"] for i in fresh] == ["cancelled"]
    kept = [c for c in world.rows(t.appointment_calendar) if c["appointment_id"] in before]
    assert kept == calendars
    assert sorted(hrefs.values()) == world.hrefs()


def test_undo_leaves_alone_what_somebody_changed_since(world: World) -> None:
    viewer = world.viewer(device_id=7)
    put(world, world.event("u"))
    key = master_id(world)
    put(world, with_master(world.stored("a.ics").object, subject="device"), viewer=viewer)
    with world.write() as uow:
        uow.connection.execute(update(t.appointment).values(subject="practice"))
    put(world, world.event("v", MONDAY + HOUR), "b.ics", viewer=viewer)
    with world.write() as uow:
        report = undo.undo(uow, PROGRAM, world.practice_id, device_id=7)
    assert [(s.appointment_id, s.reason) for s in report.skipped] == [(key, "changed-meanwhile")]
    assert len(report.done) == 1
    assert world.row(key)["subject"] == "practice"
    with world.write() as uow, pytest.raises(InvalidValue):
        undo.undo(uow, PROGRAM, world.practice_id)


# attention


def test_changed_patient_can_be_undone_or_accepted(world: World) -> None:
    put(world, world.event("u", patient=world.maria))
    finding = Finding(FindingKind.CHANGED_PATIENT, None, world.maria.id)
    put(world, with_master(world.stored("a.ics").object, patient=world.josef), findings=[finding])
    (row,) = world.attention()
    resolve(world, row["id"], "undo")
    assert world.stored("a.ics").object.appointments[0].patient == world.maria
    assert world.attention() == []
    with pytest.raises(NotFound):
        resolve(world, row["id"], "accept")


def test_resolutions_that_do_not_fit(world: World) -> None:
    put(world, world.event("u"), findings=[Finding(FindingKind.UNLINKED)])
    (row,) = world.attention()
    for how in ("carry-out", "undo", "link", "nonsense"):
        with pytest.raises(InvalidValue):
            resolve(world, row["id"], how)
    resolve(world, row["id"], "link", patient_id=world.josef.id)
    assert world.stored("a.ics").object.appointments[0].patient == world.josef


def test_discarding_an_unlinked_event_cancels_it(world: World) -> None:
    put(world, world.event("u"), findings=[Finding(FindingKind.UNLINKED)])
    (row,) = world.attention()
    resolve(world, row["id"], "discard")
    assert world.hrefs() == []


def test_the_entry_goes_when_all_is_settled_and_comes_again(world: World, now: list[datetime]) -> None:
    put(world, world.event("u"))
    key = master_id(world)
    document(world, key)
    delete(world)
    assert len(world.hrefs()) == 2
    (row,) = world.attention()
    with world.database.read() as uow:
        assert [i.id for i in attention.open_list(uow, world.practice_id)] == [row["id"]]
    resolve(world, row["id"], "accept")
    assert world.hrefs() == ["a.ics"]
    now[0] += timedelta(days=3)
    delete(world)
    entry = next(h for h in world.hrefs() if h != "a.ics")
    (shown,) = world.stored(entry).object.appointments
    assert (shown.start, shown.subject) == (
        datetime(2026, 11, 13),
        "Praxis: 1 Änderung wurde nicht übernommen",
    )
    assert world.row(shown.id)["external_id"] == f"attention:{world.anna}"


def test_the_entry_is_a_setting(world: World) -> None:
    world.set(attention_entry=False)
    put(world, world.event("u"))
    document(world, master_id(world))
    delete(world)
    assert world.hrefs() == ["a.ics"]
    assert len(world.attention("refused")) == 1


def test_nothing_touches_a_practice_row_after_the_flush(world: World) -> None:
    world.set(brake_cancellations=1, double_booking="forbid")
    with written_after_flush(world.database) as late:
        for index in range(4):
            put(world, world.event(f"u{index}", MONDAY + index * HOUR), f"{index}.ics")
        put(world, world.event("taken"), "taken.ics")
        shown = world.stored("1.ics").object
        put(world, with_master(shown, start=MONDAY, end=MONDAY + HOUR), "1.ics")
        for index in range(3):
            delete(world, f"{index}.ics")
        for row in world.attention():
            resolve(world, row["id"], "carry-out" if row["kind"] == "burst" else "accept")
        key = add(world, MONDAY + 30 * HOUR)
        with world.write() as uow:
            book.reschedule(uow, PROGRAM, key, MONDAY + 40 * HOUR, rooms=(world.room,))
        with world.write() as uow:
            book.cancel_appointment(uow, PROGRAM, key)
        with world.write() as uow:
            book.restore(uow, PROGRAM, key)
    assert late == []


# journal


def test_retention_empties_contents_and_keeps_the_fact(world: World) -> None:
    put(world, world.event("u", subject="s"))
    put(world, world.event("p", subject="s"), "p.ics", world.private)
    ages = {"practice": clock.utc_now() - timedelta(days=200)}
    with world.write() as uow:
        uow.connection.execute(update(s.journal).values(at=ages["practice"]))
        practice = world.practice(uow)
    assert retention.empty_expired(world.database, practice, clock.utc_now()) == 1
    assert retention.empty_expired(world.database, practice, clock.utc_now() + timedelta(days=4000)) == 1
    assert retention.empty_expired(world.database, practice, clock.utc_now() + timedelta(days=4000)) == 0
    assert [(r["action"], r["after"]) for r in world.journal()] == [("create", None)] * 2


def test_erasing_a_patient_empties_everything_about_that_one(world: World) -> None:
    world.set(brake_creations=3)
    put(world, world.event("u", patient=world.maria, subject="Maria", note="secret", phone="1", extra="X"))
    put(world, world.event("v", MONDAY + HOUR, patient=world.josef, note="other", extra="Y"), "b.ics")
    finding = Finding(FindingKind.CHANGED_PATIENT, None, world.maria.id)
    put(world, world.event("f", MONDAY + 2 * HOUR, patient=world.maria, note="former"), "f.ics")
    put(world, with_master(world.stored("f.ics").object, patient=world.josef), "f.ics", findings=[finding])
    put(world, world.event("h", MONDAY + 3 * HOUR, patient=world.maria, note="held"), "h.ics")
    with world.write() as uow:
        assert patient_erase.erase(uow, world.practice_id, world.maria.number).journal_rows > 0
    text = json.dumps(
        [r["before"] or "" for r in world.journal()] + [r["after"] or "" for r in world.journal()]
    )
    for word in ("secret", "Maria", "former", "held"):
        assert f'"{word}' not in text.replace("\\", "")
    assert "other" in text
    erased = min(r["id"] for r in world.rows(t.appointment))
    with world.database.read() as uow:
        (entry,) = [o.object.appointments[0] for o in world.load(uow) if o.appointment_id == erased]
    assert (entry.note, entry.phone, entry.subject, entry.extra) == ("", "", "", "")
    assert world.stored("b.ics").object.appointments[0].extra == "Y"
    assert all("former_patient_id" not in r["details"] for r in world.rows(s.attention))
    assert world.journal()[-1]["action"] == "erase"
    # the held creation says that its contents are gone
    (burst,) = world.attention("burst")
    assert resolve(world, burst["id"], "carry-out").done == 0


def test_a_foreign_calendar_row_is_no_trouble(world: World) -> None:
    """An override without a calendar of its own, as a practice program inserts it, moves with its master."""
    put(world, world.weekly())
    key = master_id(world)
    with world.write() as uow:
        uow.connection.execute(
            insert(t.appointment).values(
                practice_id=world.practice_id,
                series_id=key,
                recurrence_id=MONDAY + WEEK,
                starts_at=MONDAY + WEEK,
                ends_at=MONDAY + WEEK + HOUR,
                status="done",
            )
        )
    assert move(world, world.ben_calendar).reason == "documented"
    outcome = delete(world)
    assert outcome.reason == "documented-instances"
    assert world.row(key)["status"] == "booked"
