"""Deletion and its way back, on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from radicale_practice.practice import book
from radicale_practice.practice.model import Actor, Status
from radicale_practice.practice.schema import practice_tables as t
from tests.database.acts import delete, document, master_id, put, removed
from tests.database.book_world import HOUR, MONDAY, WEEK, World, with_master, with_override


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
