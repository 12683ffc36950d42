"""Deletion, its way back, moves in all their forms, and the burst brake, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from radicale_practice.practice import book, clock
from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.errors import NotPermitted
from radicale_practice.practice.model import Actor, Status, Viewer
from radicale_practice.practice.notices import attention
from radicale_practice.practice.records import journal_list, journal_text
from radicale_practice.practice.rules.refusals import Outcome
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.sync import revisions, watch
from tests.database.book_world import HOUR, MONDAY, World, build, timed, with_master, with_override
from tests.database.test_book_apply import document, master_id, put

WEEK = timedelta(days=7)


@pytest.fixture
def world(database: Database) -> World:
    return build(database)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The present instant, settable."""
    present = [datetime(2026, 11, 10, 8)]
    monkeypatch.setattr(clock, "utc_now", lambda: present[0])
    return present


def delete(
    world: World, href: str = "a.ics", calendar_id: int | None = None, viewer: Viewer | None = None
) -> Outcome:
    """One DELETE in a unit of its own, the second half of a move if it is one."""
    viewer = viewer or world.viewer()
    with world.write(viewer) as uow, uow.operation():
        (stored,) = world.load(uow, href, calendar_id, viewer)
        practice = world.practice(uow)
        copy = book.copy_made_just_now(uow, viewer, practice, stored)
        moved = None
        if copy is not None:
            moved = book.Moved(copy, stored.object, timed(stored.object, copy.stored.object))
        return book.cancel(uow, viewer, practice, stored, moved=moved)


def move(
    world: World,
    to_calendar_id: int,
    href: str = "a.ics",
    calendar_id: int | None = None,
    viewer: Viewer | None = None,
    to_href: str | None = None,
) -> Outcome:
    """One MOVE in a unit of its own."""
    viewer = viewer or world.reception()
    with world.write(viewer) as uow, uow.operation():
        (stored,) = world.load(uow, href, calendar_id, viewer)
        return book.move(uow, viewer, world.practice(uow), stored, to_calendar_id, to_href or href)


def removed(world: World, calendar_id: int, since: int) -> set[str]:
    """Hrefs that a sync reports as removed."""
    with world.database.read() as uow:
        changes = revisions.changes_since(uow, calendar_id, world.anna, since)
        return {c.href for c in changes if not c.live}


def resolve(world: World, item: int, how: str, **more: int) -> attention.Resolution:
    viewer = world.reception()
    with world.write(viewer) as uow:
        return attention.resolve(uow, Actor(world.rita), item, how, **more)


# deletion and restore


def test_deletion_cancels_and_restore_brings_the_same_identity(world: World) -> None:
    put(world, world.event("u", patient=world.maria, extra="X", note="n"))
    entry, since = world.stored("a.ics").object.appointments[0], world.revision()
    assert delete(world, viewer=world.viewer()).kind == "done"
    row = world.row(entry.id)
    assert (row["status"], row["cancelled_by"], row["cancelled_device"]) == ("cancelled", world.anna, None)
    assert row["cancelled_at"] is not None
    assert removed(world, world.anna_calendar, since) == {"a.ics"}
    with world.write() as uow:
        assert book.restore(uow, Actor(), entry.id)
    stored = world.stored("a.ics")
    assert (stored.uid, stored.object.appointments[0]) == ("u", entry)


def test_restore_says_so_if_the_identity_is_taken(world: World) -> None:
    put(world, world.event("u"))
    entry = master_id(world)
    delete(world, viewer=world.viewer(device_id=1))
    put(world, world.event("u", MONDAY + 5 * HOUR), viewer=world.viewer(device_id=2))
    with world.write() as uow:
        assert not book.restore(uow, Actor(), entry)
    assert len(world.hrefs()) == 2


def test_status_cancelled_is_a_deletion(world: World) -> None:
    put(world, world.event())
    key = master_id(world)
    assert put(world, with_master(world.stored("a.ics").object, status=Status.CANCELLED)).kind == "done"
    assert world.row(key)["status"] == "cancelled"
    assert world.hrefs() == []


def test_a_new_event_that_is_cancelled_already_is_kept_and_not_served(world: World) -> None:
    assert put(world, world.event(status=Status.CANCELLED)).kind == "done"
    assert world.hrefs() == []
    assert [r["status"] for r in world.rows(t.appointment)] == ["cancelled"]


def test_a_documented_appointment_is_not_deleted(world: World) -> None:
    put(world, world.event())
    document(world, master_id(world))
    before = world.revision()
    assert delete(world).reason == "documented"
    assert "a.ics" in world.hrefs()
    assert world.revision() > before


def test_read_access_does_not_delete(world: World) -> None:
    put(world, world.event(), calendar_id=world.ben_calendar, viewer=world.reception())
    outcome = delete(world, calendar_id=world.ben_calendar)
    assert (outcome.kind, outcome.reason) == ("refused", "read-only")


@pytest.mark.parametrize("rule", ["FREQ=WEEKLY;COUNT=4", "FREQ=WEEKLY", "FREQ=DAILY;UNTIL=20500101T000000Z"])
def test_deleting_a_series_leaves_the_documented_instances_and_restore_undoes_it(
    world: World, rule: str
) -> None:
    series = with_override(world.weekly(rrule=rule), MONDAY + WEEK, subject="seen")
    put(world, with_override(series, MONDAY + 2 * WEEK, subject="planned"))
    shown = world.stored("a.ics").object
    seen, planned = shown.overrides
    document(world, seen.id)
    outcome = delete(world)
    assert (outcome.kind, outcome.reason, outcome.exact) == ("done", "documented-instances", False)
    assert world.row(seen.id)["status"] == "done"
    assert world.row(planned.id)["status"] == "cancelled"
    left = world.stored("a.ics").object
    assert taking_place(left) == [MONDAY + WEEK]
    with world.write() as uow:
        assert book.restore(uow, Actor(), shown.appointments[0].id)
    again = world.stored("a.ics").object
    assert again.master == shown.master
    assert [o.status for o in again.overrides] == [Status.DONE, Status.BOOKED]


def taking_place(shown) -> list[datetime]:
    """Dates on which something of the object takes place."""
    from radicale_practice.practice.series import recurrence

    dates = set(recurrence.expand(shown.master, None, datetime(2040, 1, 1))) if shown.master else set()
    for entry in shown.overrides:
        dates.discard(entry.recurrence_id)
        if entry.status is not Status.CANCELLED:
            dates.add(entry.recurrence_id)
    return sorted(dates)


def test_a_series_far_too_long_to_exclude_one_by_one_is_cut_to_dates(world: World) -> None:
    far = MONDAY + timedelta(days=1000)
    put(world, with_override(world.weekly(rrule="FREQ=DAILY"), far, subject="seen"))
    document(world, world.stored("a.ics").object.overrides[0].id)
    delete(world)
    assert taking_place(world.stored("a.ics").object) == [far]


def test_deleting_what_remains_of_a_series_is_refused(world: World) -> None:
    orphan = world.entry(MONDAY, recurrence_id=MONDAY)
    put(world, replace(world.event("o"), appointments=(orphan,)))
    document(world, master_id(world))
    assert delete(world).reason == "documented"


def test_deleting_orphans_cancels_them(world: World) -> None:
    orphan = world.entry(MONDAY, recurrence_id=MONDAY)
    put(world, replace(world.event("o"), appointments=(orphan,)))
    key = master_id(world)
    assert delete(world).kind == "done"
    assert world.row(key)["status"] == "cancelled"
    assert world.hrefs() == []


# MOVE


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


# the brake


def fill(world: World, number: int, calendar_id: int | None = None, viewer: Viewer | None = None) -> None:
    """Appointments of the practice, entered at the reception."""
    with world.write() as uow:
        for index in range(number):
            book.add(
                uow,
                Actor(),
                book.NewAppointment(
                    calendar_id or world.anna_calendar,
                    MONDAY + index * HOUR,
                    MONDAY + index * HOUR + HOUR,
                    patient_id=world.maria.id,
                ),
            )


def test_a_swiped_day(world: World, now: list[datetime]) -> None:
    fill(world, 14)
    hrefs, before = world.hrefs(), world.revision()
    kinds = [delete(world, h).kind for h in hrefs]
    assert kinds == ["done"] * 10 + ["held"] * 4
    assert world.revision() > before
    left = [h for h in world.hrefs() if h in hrefs]
    assert len(left) == 4
    (row,) = world.attention("burst")
    assert (row["reason"], row["count"], row["staff_id"]) == ("burst-cancellations", 4, world.anna)
    (entry,) = world.rows(t.appointment, t.appointment.c.external_id.is_not(None))
    assert entry["subject"] == "Praxis: 4 Änderungen wurden nicht übernommen"
    # repeated at every sync, hours later: still held, and nothing more is written about it
    lines = len(world.journal())
    now[0] += timedelta(hours=3)
    assert [delete(world, h).kind for h in left] == ["held"] * 4
    assert len(world.journal()) == lines
    assert world.attention("burst")[0]["count"] == 4


def test_a_held_burst_is_carried_out_as_a_whole(world: World) -> None:
    fill(world, 13)
    for href in world.hrefs():
        delete(world, href)
    (row,) = world.attention("burst")
    assert resolve(world, row["id"], "carry-out").done == 3
    assert world.hrefs() == []
    assert world.attention() == []


def test_a_held_burst_is_undone_as_a_whole(world: World) -> None:
    fill(world, 13)
    hrefs = world.hrefs()
    for href in hrefs:
        delete(world, href)
    (row,) = world.attention("burst")
    assert resolve(world, row["id"], "undo").done == 10
    assert world.hrefs() == hrefs


def test_a_carried_out_burst_leaves_alone_what_the_practice_changed_since(world: World) -> None:
    fill(world, 12)
    for href in world.hrefs():
        delete(world, href)
    held = [h for h in world.hrefs() if world.stored(h).object.appointments[0].patient]
    key = world.stored(held[0]).object.appointments[0].id
    with world.write() as uow:
        book.reschedule(uow, Actor(), key, MONDAY + 10 * WEEK)
    (row,) = world.attention("burst")
    result = resolve(world, row["id"], "carry-out")
    assert (result.done, result.skipped) == (1, [(key, "changed-meanwhile")])


def _moves(uow: UnitOfWork, key: int) -> None:
    book.reschedule(uow, Actor(), key, MONDAY + WEEK + HOUR, on=MONDAY + WEEK)


def _gives_back(uow: UnitOfWork, key: int) -> None:
    book.restore(uow, Actor(), key, on=MONDAY + 2 * WEEK)


def _links(uow: UnitOfWork, key: int) -> None:
    book.link_patient(uow, Actor(), key, None, on=MONDAY + WEEK)


def _prolongs(uow: UnitOfWork, key: int) -> None:
    longer = update(t.appointment).values(rrule="FREQ=WEEKLY;COUNT=20")
    uow.connection.execute(longer.where(t.appointment.c.id == key))


@pytest.mark.parametrize("what", [_moves, _gives_back, _links, _prolongs])
@pytest.mark.parametrize("taken_away", ["deleted", "moved"])
def test_a_series_is_left_alone_of_which_the_practice_changed_one_instance_since(
    world: World, what: Callable[[UnitOfWork, int], None], taken_away: str
) -> None:
    """Somebody agreed on the new time with the patient: what a phone did before must not take it away."""
    world.set(brake_cancellations=0)
    series = world.weekly("w", exdate=(MONDAY + 2 * WEEK,))
    assert put(world, series, "w.ics", viewer=world.reception()).kind == "done"
    if taken_away == "deleted":
        assert delete(world, "w.ics").kind == "held"
    else:
        assert move(world, world.private, "w.ics", viewer=world.viewer()).kind == "held"
    key = world.stored("w.ics").object.appointments[0].id
    assert key is not None
    with world.write() as uow:
        what(uow, key)
    changed = world.stored("w.ics").object
    (row,) = world.attention("burst")
    result = resolve(world, row["id"], "carry-out")
    assert (result.done, result.skipped) == (0, [(key, "changed-meanwhile")])
    assert world.stored("w.ics").object == changed


def test_a_held_deletion_of_what_plain_sql_wrote_otherwise_is_carried_out(world: World) -> None:
    """A whole day without length, further dates without seconds: nobody has changed them since."""
    world.set(brake_cancellations=0)
    midnight = MONDAY.replace(hour=0)
    day = world.event(start=midnight, end=midnight + timedelta(days=1), all_day=True)
    assert put(world, day, viewer=world.reception()).kind == "done"
    assert put(world, world.weekly("w"), "w.ics", viewer=world.reception()).kind == "done"
    with world.write() as uow:
        entries = t.appointment
        uow.connection.execute(update(entries).where(entries.c.all_day).values(ends_at=midnight))
        uow.connection.execute(update(entries).where(~entries.c.all_day).values(rdate="2027-03-01 09:00"))
    assert [delete(world, href).kind for href in ("a.ics", "w.ics")] == ["held", "held"]
    (row,) = world.attention("burst")
    result = resolve(world, row["id"], "carry-out")
    assert (result.done, result.skipped) == (2, [])


def test_a_held_change_leaves_the_exclusions_that_the_practice_wrote_since(world: World) -> None:
    """Neither do holidays go nor an agreed date because a phone has shortened the series."""
    world.set(brake_cancellations=0)
    series = world.weekly("w", exdate=(MONDAY + WEEK,))
    assert put(world, series, "w.ics", viewer=world.reception()).kind == "done"
    shown = world.stored("w.ics").object
    assert put(world, with_master(shown, rrule="FREQ=WEEKLY;COUNT=3"), "w.ics").kind == "held"
    key = shown.appointments[0].id
    assert key is not None
    with world.write() as uow:
        holidays = f"{MONDAY + 2 * WEEK},{MONDAY + 3 * WEEK}"
        uow.connection.execute(update(t.appointment).where(t.appointment.c.id == key).values(exdate=holidays))
    (row,) = world.attention("burst")
    assert resolve(world, row["id"], "carry-out").done == 1
    assert (world.row(key)["rrule"], world.row(key)["exdate"]) == ("FREQ=WEEKLY;COUNT=3", holidays)


def test_a_rule_that_both_have_changed_is_the_practices(world: World) -> None:
    """A held "this and no further" must not take away what the practice has added since."""
    world.set(brake_cancellations=0)
    assert put(world, world.weekly("w"), "w.ics", viewer=world.reception()).kind == "done"
    shown = world.stored("w.ics").object
    assert put(world, with_master(shown, rrule="FREQ=WEEKLY;COUNT=2"), "w.ics").kind == "held"
    key = shown.appointments[0].id
    assert key is not None
    with world.write() as uow:
        _prolongs(uow, key)
    (row,) = world.attention("burst")
    result = resolve(world, row["id"], "carry-out")
    assert (result.done, result.skipped) == (0, [(key, "changed-meanwhile")])
    assert world.row(key)["rrule"] == "FREQ=WEEKLY;COUNT=20"


def test_a_series_is_cancelled_although_the_practice_cancelled_or_documented_instances_since(
    world: World,
) -> None:
    world.set(brake_cancellations=0)
    assert put(world, world.weekly("w"), "w.ics", viewer=world.reception()).kind == "done"
    assert delete(world, "w.ics").kind == "held"
    key = world.stored("w.ics").object.appointments[0].id
    assert key is not None
    with world.write() as uow:
        book.cancel_appointment(uow, Actor(), key, on=MONDAY + 2 * WEEK)
        book.set_status(uow, Actor(), key, Status.DONE, on=MONDAY)
    (row,) = world.attention("burst")
    result = resolve(world, row["id"], "carry-out")
    assert (result.done, result.skipped) == (1, [])
    left = [a for a in world.stored("w.ics").object.appointments if a.recurrence_id == MONDAY]
    assert [a.status for a in left] == [Status.DONE]


def test_all_ways_of_taking_away_count_alike_and_a_series_once(world: World) -> None:
    world.set(brake_cancellations=4, double_booking="allow")
    fill(world, 3)
    first, second, third = world.hrefs()
    put(world, world.weekly("w", rrule="FREQ=DAILY;COUNT=30"), "w.ics", viewer=world.reception())
    # EXDATEs of one series, again and again: one
    for day in range(1, 6):
        shown = world.stored("w.ics").object
        excluded = (*shown.appointments[0].exdate, MONDAY + timedelta(days=day))
        assert put(world, with_master(shown, exdate=excluded), "w.ics").kind == "done"
    put(world, with_master(world.stored(first).object, status=Status.CANCELLED), first)
    start = MONDAY + 9 * WEEK
    over = with_master(world.stored(second).object, patient=world.josef, start=start, end=start + HOUR)
    assert put(world, over, second).kind == "done"
    far = MONDAY + timedelta(days=5000)
    assert (
        put(world, with_master(world.stored(third).object, start=far, end=far + HOUR), third).kind == "done"
    )
    fill(world, 1)
    assert {r["action"] for r in world.journal()} >= {"cancel", "cancel-instance", "overwrite", "move-away"}
    (last,) = set(world.hrefs()) - {second, third, "w.ics"}
    assert delete(world, last).kind == "held"


def test_a_held_overwriting_is_kept_and_carried_out(world: World) -> None:
    world.set(brake_cancellations=0)
    fill(world, 1)
    (href,) = world.hrefs()
    shown = world.stored(href).object
    start = MONDAY + 9 * WEEK
    over = with_master(shown, patient=world.josef, start=start, end=start + HOUR, extra="X")
    assert put(world, over, href).kind == "held"
    assert world.stored(href).object == shown
    (row,) = world.attention("burst")
    assert resolve(world, row["id"], "carry-out").done == 1
    entry = world.stored(href).object.appointments[0]
    assert (entry.patient, entry.start, entry.extra) == (world.josef, start, "X")


def test_moving_to_a_private_calendar_counts(world: World) -> None:
    world.set(brake_cancellations=1)
    fill(world, 2)
    first, second = world.hrefs()
    viewer = world.viewer()
    assert move(world, world.private, first, viewer=viewer).kind == "done"
    assert move(world, world.private, second, viewer=viewer).kind == "held"
    (row,) = world.attention("burst")
    assert resolve(world, row["id"], "carry-out").done == 1
    assert world.hrefs(world.private) == [first, second]


def test_moves_by_the_client_do_not_count(world: World) -> None:
    world.set(brake_cancellations=1, brake_creations=2)
    viewer = world.reception()
    for index in range(4):
        uid, name = f"u{index}", f"{index}.ics"
        with world.write() as uow:
            book.add(uow, Actor(), book.NewAppointment(world.anna_calendar, MONDAY, MONDAY + HOUR))
        (href,) = world.hrefs(world.anna_calendar, viewer)
        uid = world.stored(href, viewer=viewer).uid
        assert put(world, world.event(uid), name, world.ben_calendar, viewer).kind == "done"
        assert delete(world, href, viewer=viewer).kind == "done"
    assert len(world.hrefs(world.ben_calendar, viewer)) == 4
    assert world.attention("burst") == []


def test_private_calendars_are_free(world: World) -> None:
    world.set(brake_cancellations=1, brake_creations=1)
    for index in range(4):
        assert put(world, world.event(f"u{index}"), f"{index}.ics", world.private).kind == "done"
    assert [delete(world, f"{i}.ics", world.private).kind for i in range(4)] == ["done"] * 4
    assert world.attention() == []
    assert all(r["private"] for r in world.journal())


def test_outlook_replicating_from_an_empty_folder(world: World, now: list[datetime]) -> None:
    """Every appointment is deleted, at every synchronisation again, until somebody looks."""
    fill(world, 40)
    for _ in range(6):
        for href in world.hrefs():
            delete(world, href)
        now[0] += timedelta(minutes=30)
    assert len([h for h in world.hrefs() if world.stored(h).object.appointments[0].patient]) == 30
    (row,) = world.attention("burst")
    assert row["count"] == 30


def test_an_upload_of_three_hundred_entries(world: World, now: list[datetime]) -> None:
    viewer = world.viewer(device_id=5)
    events = [(world.event(f"u{i}", MONDAY + i * HOUR, subject="s"), f"{i}.ics") for i in range(300)]
    kinds = [put(world, e, h, viewer=viewer).kind for e, h in events]
    assert kinds == ["done"] * 100 + ["held"] * 200
    now[0] += timedelta(hours=1)
    assert put(world, *events[-1], viewer=viewer).kind == "held"
    (row,) = world.attention("burst")
    assert (row["reason"], row["count"], row["device_id"]) == ("burst-creations", 200, 5)
    assert resolve(world, row["id"], "carry-out").done == 200
    assert len(world.hrefs()) == 300
    assert world.stored("299.ics").object.appointments[0].subject == "s"


def test_a_held_creation_is_listed_as_removed_at_every_attempt(world: World) -> None:
    world.set(brake_creations=0)
    since = world.revision()
    for _ in range(2):
        assert put(world, world.event("u")).kind == "held"
        assert removed(world, world.anna_calendar, since) == {"a.ics"}
        since = world.revision()
    (row,) = world.attention("burst")
    resolve(world, row["id"], "carry-out")
    assert world.hrefs() == ["a.ics"]
    assert "a.ics" not in removed(world, world.anna_calendar, 0)


def test_a_refused_move_is_taken_back_in_the_target_too(world: World) -> None:
    put(world, world.event())
    document(world, master_id(world))
    since = world.revision(world.ben_calendar)
    move(world, world.ben_calendar, to_href="there.ics")
    assert removed(world, world.ben_calendar, since) == {"there.ics"}


def test_an_upload_of_too_many_is_undone(world: World) -> None:
    world.set(brake_creations=3)
    for index in range(6):
        put(world, world.event(f"u{index}", MONDAY + index * HOUR), f"{index}.ics")
    (row,) = world.attention("burst")
    assert resolve(world, row["id"], "undo").done == 3
    assert world.hrefs() == []


def test_the_entry_can_be_deleted_without_noise(world: World) -> None:
    put(world, world.event())
    document(world, master_id(world))
    delete(world)
    (href,) = [h for h in world.hrefs() if h != "a.ics"]
    lines = len(world.journal())
    assert delete(world, href).kind == "done"
    assert len(world.journal()) == lines
