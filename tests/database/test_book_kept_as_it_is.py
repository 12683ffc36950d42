"""What a device may not change at all: documented appointments but for its alarms, and our own entry."""

from __future__ import annotations

from dataclasses import replace

from radicale_practice.practice.model import Status
from radicale_practice.practice.notices import attention_entry
from radicale_practice.practice.schema import practice_tables as t
from tests.database.acts import delete, document, master_id, put
from tests.database.book_world import MONDAY, WEEK, World, with_master, with_override


def test_a_documented_appointment_takes_no_extras(world: World) -> None:
    put(world, world.event(patient=world.maria, extra="A"))
    document(world, master_id(world))
    shown, before = world.stored("a.ics").object, world.revision()
    outcome = put(world, with_master(shown, extra="B"))
    assert (outcome.kind, outcome.reason) == ("refused", "documented")
    assert world.stored("a.ics").object == shown and world.revision() > before
    assert put(world, replace(shown, extra="Z")).kind == "refused"
    assert world.stored("a.ics").object == shown


def test_alarms_of_a_documented_appointment_come_in_without_the_rest(world: World) -> None:
    put(world, world.event(patient=world.maria, extra="A"))
    document(world, master_id(world))
    shown = world.stored("a.ics").object
    outcome = put(world, with_master(shown, extra="B", personal="ALARM"))
    assert (outcome.kind, outcome.exact) == ("done", False)
    entry = world.stored("a.ics").object.appointments[0]
    assert (entry.extra, entry.personal) == ("A", "ALARM")
    assert world.attention() == []


def test_a_documented_instance_takes_no_extras_with_the_rest(world: World) -> None:
    put(world, world.weekly())
    put(world, with_override(world.stored("a.ics").object, MONDAY + WEEK, subject="Knie", extra="A"))
    (override,) = list(world.stored("a.ics").object.overrides)
    assert override.id is not None
    document(world, override.id)
    shown = with_override(world.stored("a.ics").object, MONDAY + WEEK, extra="B")
    outcome = put(world, with_master(shown, extra="M"))
    assert (outcome.kind, outcome.exact) == ("done", False)
    stored = world.stored("a.ics").object
    assert (stored.appointments[0].extra, stored.overrides[0].extra) == ("M", "A")


def entry_href(world: World) -> str:
    """Where the entry about changes not taken over is; one refused change made it."""
    put(world, world.event())
    document(world, master_id(world))
    assert delete(world).kind == "refused"
    (row,) = [r for r in world.rows(t.appointment) if attention_entry.is_entry(r)]
    return f"{row['public_id']}.ics"


def test_our_own_entry_cannot_be_edited_and_says_so_nowhere(world: World) -> None:
    href = entry_href(world)
    shown, before = world.stored(href).object, world.revision()
    listed, journal = world.attention(), world.journal()
    for changed in (
        with_master(shown, subject="Huber Maria"),
        with_master(shown, extra="X"),
        with_master(shown, transparent=False, patient=world.maria),
    ):
        outcome = put(world, changed, href)
        assert (outcome.kind, outcome.exact) == ("refused", False)
        assert world.revision() > before
    assert world.stored(href).object == shown
    assert (world.attention(), world.journal()) == (listed, journal)
    assert put(world, with_master(shown, personal="ALARM"), href).kind == "done"
    assert put(world, with_master(shown, status=Status.CANCELLED), href).kind == "done"
    assert href not in world.hrefs()
