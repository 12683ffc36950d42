"""Erasing a patient leaves the name nowhere in the database, hrefs and UIDs included, on both engines."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import String, Text, cast, event, select

from radicale_practice.practice import book, clock
from radicale_practice.practice.database import Database
from radicale_practice.practice.people import patient_erase
from radicale_practice.practice.schema.columns import metadata
from radicale_practice.practice.sync import revisions
from radicale_practice.practice.upkeep import maintain
from tests.database.acts import delete, fill, master_id, put
from tests.database.book_world import HOUR, MONDAY, World, build, with_master, with_override

NAME = "Muster"
DAY = timedelta(days=1)


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


def careless(url: str) -> Database:
    """A SQLite that leaves what is deleted in its file unless told otherwise; not all builds do."""
    database = Database(url)
    event.listen(
        database.engine, "connect", lambda raw, _: raw.execute("PRAGMA secure_delete=OFF"), insert=True
    )
    return database


def in_files(path: Path) -> set[str]:
    """The files of a SQLite database in which the name stands anywhere."""
    files = path.parent.glob(f"{path.name}*")
    return {file.name.removeprefix(path.name) for file in files if NAME.encode() in file.read_bytes()}


def test_the_name_is_in_no_byte_of_the_files(sqlite_url: str) -> None:
    """Nor in free pages and in the write-ahead log, while the server runs."""
    database = careless(sqlite_url)
    world = build(database)
    path = Path(str(database.url.database))
    put(world, world.event(f"{NAME}-1", patient=world.maria, extra=NAME * 2000, note=NAME), f"{NAME}.ics")
    put(world, world.event("2", MONDAY + HOUR, patient=world.maria, subject=NAME), "2.ics")
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint")
    delete(world, "2.ics")
    assert in_files(path) == {"", "-wal"}
    erase(world)
    assert in_files(path) == set()
    assert (path.parent / f"{path.name}-wal").exists()
    database.dispose()


def test_maintenance_leaves_nothing_in_the_files(sqlite_url: str) -> None:
    database = careless(sqlite_url)
    world = build(database)
    path = Path(str(database.url.database))
    put(world, world.event("1", subject=NAME, extra=NAME * 2000), "1.ics", world.private)
    delete(world, "1.ics", world.private)
    with world.write() as uow:
        patient_erase.erase(uow, world.practice_id, world.maria.number)
    assert in_files(path) == {""}
    maintain.maintain(database, clock.utc_now() + timedelta(days=200))
    assert in_files(path) == set()
    database.dispose()


KEPT = f"X-ALT-DESC:{NAME} war da"


def erase(world: World) -> patient_erase.Erased:
    with world.write() as uow:
        return patient_erase.erase(uow, world.practice_id, world.maria.number)


def test_what_was_hers_and_is_nobodys_is_emptied(world: World) -> None:
    """Retitled on a phone, so that nobody is linked: what was typed then may say who it was."""
    put(world, world.event("u", patient=world.maria, extra=KEPT, personal=f"ALARM:{NAME}"))
    typed = {"subject": f"Frau {NAME} Ria", "note": NAME, "location_text": NAME, "phone": NAME}
    put(world, with_master(world.stored("a.ics").object, patient=None, **typed))
    assert erase(world).appointments == 1
    assert places_of(world, NAME) == set()
    row = world.row(master_id(world, *world.hrefs()))
    assert (row["starts_at"], row["status"]) == (MONDAY, "booked")


def test_an_instance_of_hers_that_became_nobodys_is_emptied(world: World) -> None:
    put(world, world.weekly(extra=KEPT))
    typed = {"patient": None, "subject": f"Frau {NAME}"}
    put(world, with_override(world.stored("a.ics").object, MONDAY + 7 * DAY, **typed))
    erase(world)
    assert places_of(world, NAME) == set()


@pytest.mark.parametrize("by", ["phone", "reception"])
def test_what_was_hers_and_is_somebody_elses_keeps_what_came_since(world: World, by: str) -> None:
    world.set(subjects=("Massage",))
    hers = {"note": f"{NAME} hat Angst", "phone": "0664 1", "location_text": f"bei {NAME}"}
    put(world, world.event("u", patient=world.maria, subject="Massage", extra=KEPT, personal=NAME, **hers))
    put(world, world.event("v", MONDAY + HOUR, patient=world.maria, subject=f"{NAME}s Knie"), "b.ics")
    for href in ("a.ics", "b.ics"):
        if by == "phone":
            put(world, with_master(world.stored(href).object, patient=world.josef), href)
        else:
            with world.write() as uow:
                book.link_patient(uow, uow.actor, master_id(world, href), world.josef.id)
    put(world, with_master(world.stored("a.ics").object, phone="0664 2"))
    keys = [master_id(world, href) for href in ("a.ics", "b.ics")]
    assert erase(world).appointments == 2
    assert places_of(world, NAME) == set()
    row = world.row(keys[0])
    # a word of the practice's own list of subjects says nothing of anybody
    assert (row["patient_id"], row["subject"], row["phone"]) == (world.josef.id, "Massage", "0664 2")
    assert world.row(keys[1])["subject"] == ""


def test_a_series_of_somebody_else_with_one_instance_of_hers_is_left_alone(world: World) -> None:
    put(world, world.weekly(patient=world.josef, subject="Knie", note="sein", extra="X-J:1"))
    shown = with_override(world.stored("a.ics").object, MONDAY + 7 * DAY, patient=world.maria, note=NAME)
    put(world, shown)
    erase(world)
    assert places_of(world, NAME) == set()
    stored = world.stored(*world.hrefs()).object.appointments[0]
    assert (stored.subject, stored.note, stored.extra) == ("Knie", "sein", "X-J:1")


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
