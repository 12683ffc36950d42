"""The burst brake: what it holds, and how that is settled, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from radicale_practice.practice import book
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor, Status
from radicale_practice.practice.schema import practice_tables as t
from tests.database.acts import delete, document, fill, master_id, move, put, removed, resolve
from tests.database.book_world import HOUR, MONDAY, WEEK, World, with_master


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
