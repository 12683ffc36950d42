"""What undoing gives back beside the columns: a practice program's own rows, what clients keep, calendars."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert, update

from radicale_practice.practice import book
from radicale_practice.practice.model import Actor, CalendarObject, Finding, FindingKind, Status
from radicale_practice.practice.records import undo
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.schema import sync_tables as s
from tests.database.acts import master_id, move, put
from tests.database.book_world import HOUR, MONDAY, WEEK, World, with_master, with_override


def phone(world: World) -> Any:
    return world.viewer(device_id=7)


def take_back(world: World) -> undo.Report:
    with world.write() as uow:
        return undo.undo(uow, Actor(program="reception"), world.practice_id, device_id=7)


def tables(world: World) -> list[Any]:
    """All that a practice and its clients have of appointments."""
    return [
        world.rows(table)
        for table in (t.appointment, t.appointment_calendar, s.event_extra, s.personal_extra)
    ]


def vendors_instance(world: World, **values: Any) -> tuple[int, int]:
    """A series, and an instance of it that the practice program wrote, without calendars of its own."""
    put(world, world.weekly(subject="Massage"))
    series = master_id(world)
    columns = {
        "practice_id": world.practice_id,
        "external_id": "V-7",
        "patient_id": world.maria.id,
        "subject": "Massage lang",
        "starts_at": MONDAY + WEEK + HOUR,
        "ends_at": MONDAY + WEEK + 3 * HOUR,
        "series_id": series,
        "recurrence_id": MONDAY + WEEK,
        **values,
    }
    with world.database.write(Actor()) as uow:
        statement = insert(t.appointment).values(**columns).returning(t.appointment.c.id)
        return series, int(uow.connection.execute(statement).scalar_one())


def without_instances(shown: CalendarObject) -> CalendarObject:
    return replace(shown, appointments=shown.appointments[:1])


def test_a_practice_programs_row_is_not_deleted_by_a_phone(world: World) -> None:
    series, instance = vendors_instance(world)
    before = tables(world)
    outcome = put(world, without_instances(world.stored("a.ics").object), viewer=phone(world))
    assert (outcome.kind, outcome.exact) == ("done", False)
    row = world.row(instance)
    assert (row["external_id"], row["series_id"], row["recurrence_id"]) == ("V-7", series, MONDAY + WEEK)
    # it says what its series says
    assert (row["subject"], row["starts_at"], row["ends_at"]) == (
        "Massage",
        MONDAY + WEEK,
        MONDAY + WEEK + HOUR,
    )
    assert row["status"] == "booked"
    take_back(world)
    assert tables(world) == before


def test_a_practice_programs_cancelled_instance_takes_place_again_in_its_row(world: World) -> None:
    _, instance = vendors_instance(
        world, subject="Massage", status="cancelled", starts_at=MONDAY + WEEK, ends_at=MONDAY + WEEK + HOUR
    )
    before = tables(world)
    shown = world.stored("a.ics").object
    assert shown.overrides[0].status is Status.CANCELLED
    put(world, replace(without_instances(shown), elsewhere=frozenset()), viewer=phone(world))
    assert (world.row(instance)["status"], world.row(instance)["external_id"]) == ("booked", "V-7")
    take_back(world)
    assert tables(world) == before


def test_a_row_that_a_practice_program_has_taken_for_its_own_is_kept_by_undo(world: World) -> None:
    put(world, world.weekly(subject="Massage"))
    shown = world.stored("a.ics").object
    put(world, with_override(shown, MONDAY + WEEK, note="later"), viewer=phone(world))
    instance = max(r["id"] for r in world.rows(t.appointment))
    with world.write() as uow:
        uow.connection.execute(
            update(t.appointment).where(t.appointment.c.id == instance).values(external_id="V-8")
        )
    assert [s.reason for s in take_back(world).skipped] == []
    row = world.row(instance)
    assert (row["external_id"], row["note"], row["starts_at"]) == ("V-8", "", MONDAY + WEEK)


def test_a_deleted_instance_comes_back_as_the_same_row(world: World) -> None:
    """Its public id, who made it and when, its calendars, and what clients keep with it."""
    series = with_override(world.weekly(), MONDAY + WEEK, note="n", extra="X-FOO:1", personal="VALARM")
    put(world, series, viewer=world.reception())
    instance = max(r["id"] for r in world.rows(t.appointment))
    with world.write() as uow:
        run = uow.connection.execute
        run(
            insert(t.appointment_calendar).values(
                appointment_id=instance, calendar_id=world.room, role="resource"
            )
        )
        run(insert(s.personal_extra).values(appointment_id=instance, staff_id=world.anna, content="VALARM 2"))
        created = {"created_at": MONDAY - 4 * WEEK, "created_by": world.ben}
        run(update(t.appointment).where(t.appointment.c.id == instance).values(**created))
    before = tables(world)
    put(world, without_instances(world.stored("a.ics").object), viewer=phone(world))
    assert instance not in {r["id"] for r in world.rows(t.appointment)}
    assert take_back(world).skipped == []
    assert tables(world) == before


def test_what_clients_keep_is_as_before(world: World) -> None:
    event = world.event(extra="X-FOO:1", personal="VALARM")
    put(world, replace(event, extra="X-CAL:1"), viewer=world.reception())
    put(world, world.event("u2", MONDAY + HOUR), "b.ics")
    before = tables(world)
    for href in ("a.ics", "b.ics"):
        shown = with_master(world.stored(href).object, extra="X-FOO:2", personal="VALARM 2", subject="x")
        put(world, replace(shown, extra="X-CAL:2"), href, viewer=phone(world))
        put(world, with_master(world.stored(href).object, extra="X-FOO:3"), href, viewer=phone(world))
    assert take_back(world).skipped == []
    assert tables(world) == before


@pytest.mark.parametrize("kept", ["personal", "extra"])
def test_what_a_client_keeps_since_is_kept_and_stands_in_nobodys_way(world: World, kept: str) -> None:
    """Clients write their own stamps with every alarm that is put off, the person's or a colleague's."""
    later = world.viewer() if kept == "personal" else world.reception()
    put(world, world.event(**{kept: "1"}))
    shown = world.stored("a.ics").object
    put(world, with_master(shown, subject="x", **{kept: "2"}), viewer=phone(world))
    put(world, with_master(world.stored("a.ics").object, **{kept: "3"}), viewer=later)
    assert take_back(world).skipped == []
    (found,) = world.rows(s.personal_extra if kept == "personal" else s.event_extra)
    assert (found["content"], world.row(master_id(world))["subject"]) == ("3", "")


def test_what_a_colleague_changed_of_it_meanwhile_is_left_alone(world: World) -> None:
    put(world, world.event(extra="X-FOO:1"))
    put(world, with_master(world.stored("a.ics").object, extra="X-FOO:2"), viewer=phone(world))
    put(world, with_master(world.stored("a.ics").object, extra="X-FOO:3"), viewer=world.reception())
    before = tables(world)
    assert [s.reason for s in take_back(world).skipped] == ["changed-meanwhile"]
    assert tables(world) == before


def test_who_cancelled_and_when_is_as_before(world: World) -> None:
    put(world, world.event())
    key = master_id(world)
    with world.write() as uow:
        gone = {"status": "cancelled", "cancelled_at": MONDAY - WEEK, "cancelled_by": world.ben}
        uow.connection.execute(update(t.appointment).values(**gone))
    before = tables(world)
    with world.write(phone(world)) as uow:
        book.restore(uow, uow.actor, key)
    assert world.row(key)["status"] == "booked"
    take_back(world)
    assert tables(world) == before


def test_an_instance_keeps_its_own_rooms_when_its_series_comes_back(world: World) -> None:
    put(world, with_override(world.weekly(), MONDAY + WEEK, note="n"), viewer=world.reception())
    instance = max(r["id"] for r in world.rows(t.appointment))
    with world.write() as uow:
        link = t.appointment_calendar
        uow.connection.execute(
            insert(link).values(appointment_id=instance, calendar_id=world.room, role="resource")
        )
    before = tables(world)
    desk = world.reception(device_id=7)
    move(world, world.ben_calendar, viewer=desk)
    assert take_back(world).skipped == []
    assert tables(world) == before


def test_what_was_made_new_leaves_the_attention_list(world: World) -> None:
    world.set(double_booking="forbid")
    put(world, world.event(), viewer=world.reception())
    unlinked = [Finding(FindingKind.UNLINKED)]
    put(world, world.event("u2", MONDAY + 2 * HOUR), "b.ics", viewer=phone(world), findings=unlinked)
    assert put(world, world.event("u3"), "c.ics", viewer=phone(world)).kind == "unconfirmed"
    assert {r["kind"] for r in world.attention()} == {"unlinked", "refused"}
    assert take_back(world).skipped == []
    assert world.attention() == []
    # and the practitioner is told no more that something was not taken over
    (entry,) = world.rows(t.appointment, t.appointment.c.external_id.is_not(None))
    assert entry["status"] == "cancelled"


def test_what_a_change_put_on_the_attention_list_goes_with_it(world: World) -> None:
    put(world, world.event(patient=world.maria), viewer=world.reception())
    put(world, world.event("u2", MONDAY + 2 * HOUR, patient=world.josef), "b.ics", viewer=world.reception())
    lost = [Finding(FindingKind.UNLINKED, former_patient_id=world.maria.id)]
    shown = world.stored("a.ics").object
    there = {"start": MONDAY + 2 * HOUR, "end": MONDAY + 3 * HOUR}
    put(world, with_master(shown, patient=None, subject="x", **there), viewer=phone(world), findings=lost)
    assert {r["kind"] for r in world.attention()} == {"unlinked", "double-booking"}
    assert take_back(world).skipped == []
    assert world.attention() == []


def test_what_was_on_the_attention_list_before_stays(world: World) -> None:
    unlinked = [Finding(FindingKind.UNLINKED)]
    put(world, world.event(subject="Hubr"), viewer=world.reception(), findings=unlinked)
    put(world, with_master(world.stored("a.ics").object, subject="Huber?"), viewer=phone(world))
    assert take_back(world).skipped == []
    assert [r["kind"] for r in world.attention()] == ["unlinked"]


def test_what_was_made_new_and_undone_can_be_restored_as_it_was(world: World) -> None:
    series = with_override(world.weekly(), MONDAY + WEEK, note="n")
    put(world, with_override(series, MONDAY + 2 * WEEK, status=Status.CANCELLED), viewer=phone(world))
    key = master_id(world)
    before = [r["status"] for r in world.rows(t.appointment)]
    take_back(world)
    assert {r["status"] for r in world.rows(t.appointment)} == {"cancelled"}
    with world.write() as uow:
        assert book.restore(uow, Actor(program="reception"), key)
    assert [r["status"] for r in world.rows(t.appointment)] == before


def test_what_undo_has_brought_back_is_nothing_to_restore(world: World) -> None:
    put(world, world.weekly())
    key = master_id(world)
    put(world, with_master(world.stored("a.ics").object, rrule="FREQ=WEEKLY;COUNT=2"), viewer=phone(world))
    take_back(world)
    with world.write() as uow:
        book.restore(uow, Actor(program="reception"), key)
    assert world.row(key)["rrule"] == "FREQ=WEEKLY;COUNT=4"
