"""What was private and is deleted goes for good after a time; what is the practice's stays; both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from radicale_practice.practice import calendars, clock
from radicale_practice.practice.database import Database
from radicale_practice.practice.notices import attention_rows
from radicale_practice.practice.records import retention
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.schema import sync_tables as s
from radicale_practice.practice.upkeep import maintain
from tests.database.acts import delete, move, put
from tests.database.book_world import HOUR, MONDAY, WEEK, World, build, with_override
from tests.database.test_patient_erase_identities import places_of

NOW = datetime(2026, 11, 10, 8)
SECRET = "Scheidungsanwalt"


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(clock, "utc_now", lambda: NOW)
    return build(database)


def upkeep(world: World, days: int) -> None:
    maintain.maintain(world.database, NOW + timedelta(days=days))


def private(world: World, name: str, number: int = 0, **values: Any) -> None:
    said = {"subject": SECRET, "extra": f"X-ALT-DESC:{SECRET}"}
    event = world.event(name, MONDAY + number * HOUR, **{**said, **values})
    put(world, event, f"{name}.ics", world.private)


def test_a_deleted_private_entry_goes_and_the_others_stay(world: World) -> None:
    private(world, "gone", note=SECRET, personal=SECRET)
    private(world, "kept", 1, subject="Zahnarzt", extra="")
    put(world, world.weekly("series", patient=None, subject=SECRET), "series.ics", world.private)
    for name in ("gone", "series"):
        delete(world, f"{name}.ics", world.private)
    before = world.revision(world.private)
    upkeep(world, 80)
    assert "appointment.subject" in places_of(world, SECRET)
    upkeep(world, 100)
    assert places_of(world, SECRET) == set()
    assert world.hrefs(world.private) == ["kept.ics"]
    assert len(world.rows(t.appointment)) == 1
    assert world.revision(world.private) == before


@pytest.mark.parametrize("whose", ["patient", "external_id", "the practice's calendar"])
def test_what_is_or_was_the_practices_stays(world: World, whose: str) -> None:
    put(world, world.event("u", subject="Teamsitzung", patient=world.maria if whose == "patient" else None))
    if whose == "external_id":
        with world.write() as uow:
            uow.connection.execute(update(t.appointment).values(external_id="V-1"))
    assert move(world, world.private, viewer=world.viewer()).kind == "done"
    delete(world, "a.ics", world.private)
    upkeep(world, 4000)
    (row,) = world.rows(t.appointment)
    assert (row["subject"], row["status"]) == ("Teamsitzung", "cancelled")


def test_a_cancelled_practice_appointment_stays(world: World) -> None:
    put(world, world.event("u", subject="Block"))
    delete(world)
    upkeep(world, 4000)
    assert [r["subject"] for r in world.rows(t.appointment)] == ["Block"]


def test_a_deleted_instance_of_a_series_that_goes_on_says_no_more_than_its_series(world: World) -> None:
    series = world.weekly("w", patient=None, subject="Kurs")
    said = {"subject": SECRET, "note": SECRET, "extra": f"X-ALT-DESC:{SECRET}", "personal": SECRET}
    put(world, with_override(series, MONDAY + WEEK, **said), "w.ics", world.private)
    shown = world.stored("w.ics", world.private).object
    master = replace(shown.appointments[0], exdate=(MONDAY + WEEK,))
    put(world, replace(shown, appointments=(master,)), "w.ics", world.private)
    assert "appointment.subject" in places_of(world, SECRET)
    upkeep(world, 100)
    assert places_of(world, SECRET) == set()
    master, instance = world.rows(t.appointment)
    assert (master["subject"], instance["subject"], instance["status"]) == ("Kurs", "Kurs", "cancelled")


def test_a_deleted_private_calendar_goes_with_all_that_is_in_it(world: World) -> None:
    private(world, "u")
    put(world, world.event("m", MONDAY + 5 * HOUR, patient=world.maria), "m.ics", viewer=world.reception())
    move(world, world.private, "m.ics", viewer=world.viewer())
    with world.write(world.viewer()) as uow:
        uow.connection.execute(
            update(t.calendar).where(t.calendar.c.id == world.private).values(name=f"wegen {SECRET}")
        )
        calendars.set_properties(uow, world.private, world.anna, {"D:displayname": SECRET})
        calendars.deactivate(uow, world.private)
    upkeep(world, 80)
    assert {"appointment.subject", "calendar.name"} <= places_of(world, SECRET)
    upkeep(world, 100)
    assert places_of(world, SECRET) == set()
    # an appointment of the practice's stays one
    assert [r["patient_id"] for r in world.rows(t.appointment)] == [world.maria.id]


def test_the_attention_list_forgets_what_is_private_as_early_as_the_journal(world: World) -> None:
    private(world, "u")
    private(world, "v", 1, patient=world.maria)
    ids = {r["patient_id"]: r["id"] for r in world.rows(t.appointment)}
    with world.write() as uow:
        for appointment_id in ids.values():
            for kind in (attention_rows.UNREADABLE, attention_rows.UNLINKED):
                attention_rows.file(
                    uow,
                    world.practice_id,
                    kind,
                    calendar_id=world.private,
                    appointment_id=appointment_id,
                    details={"with": [1]},
                )
        uow.connection.execute(
            update(s.attention).where(s.attention.c.kind == "unlinked").values(settled_at=NOW)
        )

    def kept(days: int) -> list[Any]:
        with world.write() as uow:
            practice = world.practice(uow)
        retention.empty_expired(world.database, practice, NOW + timedelta(days=days))
        return sorted({r["appointment_id"] for r in world.rows(s.attention) if r["details"] != "{}"})

    assert kept(80) == sorted(ids.values())
    assert kept(100) == [ids[world.maria.id]]
    assert kept(3700) == []
