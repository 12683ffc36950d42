"""Erasing a patient leaves the name nowhere in the database, hrefs and UIDs included, on both engines."""

from __future__ import annotations

import pytest
from sqlalchemy import String, Text, cast, select

from radicale_practice.practice.database import Database
from radicale_practice.practice.people import patient_erase
from radicale_practice.practice.schema.columns import metadata
from radicale_practice.practice.sync import revisions
from tests.database.book_world import HOUR, MONDAY, World, build, with_master
from tests.database.test_book_apply import put
from tests.database.test_book_cancel_and_move import delete, fill

NAME = "Muster"


@pytest.fixture
def world(database: Database) -> World:
    return build(database)


def places_of(world: World, name: str) -> set[str]:
    """Columns of any table in which a text holds the name."""
    found = set()
    with world.database.read() as uow:
        for table in metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, (String, Text)):
                    query = select(column).where(cast(column, Text).like(f"%{name}%")).limit(1)
                    if uow.connection.execute(query).first() is not None:
                        found.add(f"{table.name}.{column.name}")
    return found


def test_the_name_is_nowhere_any_more(world: World) -> None:
    world.set(brake_creations=3, attention_entry=False)
    named = f"Maria {NAME}.ics"
    put(world, world.event(f"{NAME}-1", patient=world.maria, extra=NAME, note=NAME), named)
    put(world, world.event(f"{NAME}-2", MONDAY + HOUR, patient=world.maria), f"2{named}")
    put(world, world.event("other", MONDAY + 2 * HOUR, patient=world.josef), "Josef.ics")
    # deleted; no longer hers; held back by the brake
    delete(world, named)
    shown = world.stored(f"2{named}").object
    put(world, with_master(shown, patient=world.josef, subject="Knie"), f"2{named}")
    held = world.event(f"{NAME}-3", MONDAY + 3 * HOUR, patient=world.maria)
    assert put(world, held, f"3{named}").kind == "held"
    assert places_of(world, NAME) >= {"calendar_object.href", "calendar_object.uid", "attention.details"}
    before = states(world)
    with world.write() as uow:
        patient_erase.erase(uow, world.practice_id, world.maria.number)
    assert places_of(world, NAME) == set()
    # every client lists the calendar again, and finds what is there under an opaque name
    assert states(world)[world.anna_calendar] != before[world.anna_calendar]
    assert states(world)[world.ben_calendar] == before[world.ben_calendar]
    hrefs = world.hrefs()
    assert "Josef.ics" in hrefs and len(hrefs) == 2
    (other,) = [h for h in hrefs if h != "Josef.ics"]
    stored = world.stored(other)
    assert stored.opaque and stored.href == f"{stored.uid}.ics"


def test_without_names_of_clients_no_epoch_is_new(world: World) -> None:
    fill(world, 1)
    before = states(world)
    with world.write() as uow:
        patient_erase.erase(uow, world.practice_id, world.maria.number)
    assert states(world) == before


def states(world: World) -> dict[int, str]:
    """The calendars' epochs."""
    with world.database.read() as uow:
        ids = [world.anna_calendar, world.ben_calendar]
        return {c: s.epoch for c, s in revisions.calendar_states(uow, ids, world.anna).items()}
