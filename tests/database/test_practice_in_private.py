"""A patient's appointment stays the practice's, in a private calendar too; on both engines.

The practice program hears of every change of it, and the journal keeps it as long as any other.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from radicale_practice.practice import book, lookup
from radicale_practice.practice.model import Actor, Finding, FindingKind
from radicale_practice.practice.records import retention, undo
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.sync import watch
from tests.database.acts import delete, move, put
from tests.database.book_world import HOUR, MONDAY, WEEK, World, with_master, with_override
from tests.database.foreign import connect

NOW = datetime(2026, 11, 10, 8)

pytestmark = pytest.mark.usefixtures("now")


def heard(world: World) -> list[str]:
    """What the practice program is told, in its order."""
    with world.database.read() as uow:
        return [c.action for c in watch.changes_since(uow, world.practice_id, 0)[0]]


def kept(world: World) -> dict[str, bool]:
    """Whether the journal still has the contents of each action after a hundred days."""
    with world.write() as uow:
        practice = world.practice(uow)
    retention.empty_expired(world.database, practice, NOW + timedelta(days=100))
    return {r["action"]: bool(r["after"]) for r in world.journal()}


def moved_away(world: World, **values: Any) -> None:
    """An appointment of the practice that its practitioner has moved to the private calendar."""
    external = values.pop("external_id", None)
    assert put(world, world.event("u", **values), viewer=world.reception()).kind == "done"
    if external:
        with world.write() as uow:
            uow.connection.execute(update(t.appointment).values(external_id=external))
    assert move(world, world.private, viewer=world.viewer()).kind == "done"


@pytest.mark.parametrize("whose", ["patient", "external_id"])
def test_what_becomes_of_it_is_heard_and_kept(world: World, whose: str) -> None:
    moved_away(world, **{whose: {"patient": world.maria, "external_id": "V1"}[whose]})
    shown = world.stored("a.ics", world.private).object
    later = with_master(shown, start=MONDAY + 5 * HOUR, end=MONDAY + 6 * HOUR)
    assert put(world, later, "a.ics", world.private).kind == "done"
    assert delete(world, "a.ics", world.private).kind == "done"
    assert heard(world) == ["create", "move-away", "change", "cancel"]
    assert kept(world) == dict.fromkeys(["create", "move-away", "change", "cancel"], True)


def test_a_block_is_the_persons_own_affair_there(world: World) -> None:
    moved_away(world, subject="Lunch")
    shown = world.stored("a.ics", world.private).object
    assert put(world, with_master(shown, subject="Date"), "a.ics", world.private).kind == "done"
    assert delete(world, "a.ics", world.private).kind == "done"
    assert heard(world) == ["create", "move-away"]
    assert kept(world) == {"create": True, "move-away": True, "change": False, "cancel": False}


def test_an_instance_of_a_patients_series(world: World) -> None:
    put(world, world.weekly(patient=None), viewer=world.reception())
    shown = world.stored("a.ics").object
    put(world, with_override(shown, MONDAY + WEEK, patient=world.maria), viewer=world.reception())
    move(world, world.private, viewer=world.viewer())
    shown = world.stored("a.ics", world.private).object
    assert put(world, with_override(shown, MONDAY, subject="x"), "a.ics", world.private).kind == "done"
    assert heard(world) == ["create", "change", "move-away", "change"]


def test_what_the_patient_is_taken_from_is_heard_and_listed(world: World) -> None:
    moved_away(world, patient=world.maria)
    finding = Finding(FindingKind.UNLINKED, former_patient_id=world.maria.id)
    shown = world.stored("a.ics", world.private).object
    changed = with_master(shown, patient=None, subject="own")
    assert put(world, changed, "a.ics", world.private, findings=[finding]).kind == "done"
    assert heard(world)[-1] == "overwrite"
    (row,) = world.attention("unlinked")
    assert row["calendar_id"] == world.private
    # from now on it is a private entry
    shown = world.stored("a.ics", world.private).object
    put(world, with_master(shown, subject="other", start=MONDAY + HOUR), "a.ics", world.private)
    assert len(heard(world)) == 3


def test_titles_of_private_entries_are_nobodys_business(world: World) -> None:
    put(world, world.event(), "a.ics", world.private, findings=[Finding(FindingKind.UNLINKED)])
    shown = world.stored("a.ics", world.private).object
    put(
        world,
        with_master(shown, subject="x"),
        "a.ics",
        world.private,
        findings=[Finding(FindingKind.UNLINKED)],
    )
    assert world.attention() == []
    assert heard(world) == []


def test_back_from_the_private_calendar(world: World) -> None:
    moved_away(world, patient=world.maria)
    assert move(world, world.anna_calendar, "a.ics", world.private, world.viewer()).kind == "done"
    assert heard(world) == ["create", "move-away", "move"]


def test_what_the_practice_itself_does_there_is_kept(world: World) -> None:
    moved_away(world, patient=world.maria)
    key = world.stored("a.ics", world.private).object.appointments[0].id
    with world.write() as uow:
        book.reschedule(uow, Actor(), key, MONDAY + 2 * HOUR)
        book.cancel_appointment(uow, Actor(), key)
        book.restore(uow, Actor(), key)
    assert [r["action"] for r in world.journal() if r["private"]] == []


@pytest.mark.parametrize("whose", ["private", "anna_calendar"])
def test_what_the_desk_moves_over_the_border_is_heard(world: World, whose: str) -> None:
    source = getattr(world, whose)
    target = world.anna_calendar if whose == "private" else world.private
    put(world, world.event(subject="Lunch"), calendar_id=source)
    key = world.stored("a.ics", source).object.appointments[0].id
    with world.write() as uow:
        book.reschedule(uow, Actor(), key, calendar_id=target)
    assert heard(world)[-1:] == ["move"]


def test_what_was_moved_away_and_edited_there_is_heard_when_it_is_undone(world: World) -> None:
    put(world, world.event("u", subject="Lunch"), viewer=world.reception())
    assert move(world, world.private, viewer=world.viewer()).kind == "done"
    shown = world.stored("a.ics", world.private).object
    put(world, with_master(shown, subject="Date"), "a.ics", world.private)
    with world.write() as uow:
        undo.undo(uow, Actor(program="reception"), world.practice_id, staff_id=world.anna)
    assert world.hrefs() == ["a.ics"]
    assert heard(world) == ["create", "move-away", "undo"]


def test_whose_it_is_is_said_and_not_in_whose_private_calendar(world: World) -> None:
    moved_away(world, patient=world.maria)
    put(world, world.event("own", MONDAY + HOUR, subject="Date"), "own.ics", world.private)
    ids = [world.stored(h, world.private).object.appointments[0].id or 0 for h in ("a.ics", "own.ics")]
    with world.database.read() as uow:
        found = lookup.appointments(uow, world.practice_id, ids)
    told = [(found[i].title, found[i].calendar) for i in ids]
    assert told == [("Muster Maria", ""), ("a private entry", "")]


def test_moved_away_in_two_halves(world: World) -> None:
    put(world, world.event("u", patient=world.maria), viewer=world.reception())
    put(world, world.event("u", subject="seen"), "n.ics", world.private)
    assert delete(world).kind == "done"
    shown = world.stored("n.ics", world.private).object
    assert put(world, with_master(shown, start=MONDAY + HOUR, end=MONDAY + 2 * HOUR), "n.ics", world.private)
    assert heard(world)[-2:] == ["move-away", "change"]


def test_a_refusal_is_no_private_affair_either(world: World) -> None:
    moved_away(world, patient=world.maria)
    with world.write() as uow:
        uow.connection.execute(update(t.appointment).values(status="done"))
    assert delete(world, "a.ics", world.private).kind == "refused"
    assert [r["private"] for r in world.journal("refused")] == [False]


def test_the_programs_own_change_of_it_is_no_private_affair(world: World, database_url: str) -> None:
    moved_away(world, external_id="V1")
    put(world, world.event("own", MONDAY + HOUR), "own.ics", world.private)
    vendor = connect(database_url)
    vendor.execute("UPDATE appointment SET note = 'x'")
    vendor.close()
    kept = {r["appointment_id"]: r["private"] for r in world.journal("foreign")}
    own = world.stored("own.ics", world.private).object.appointments[0].id
    assert kept == {key: key == own for key in kept} and own in kept and len(kept) == 2


def test_deleting_them_there_counts_and_is_not_held_there(world: World) -> None:
    world.set(brake_cancellations=1)
    for index in range(2):
        start = MONDAY + index * HOUR
        put(
            world,
            world.event(f"u{index}", start, patient=world.maria),
            f"{index}.ics",
            viewer=world.reception(),
        )
        assert (
            move(world, world.private, f"{index}.ics", viewer=world.viewer(device_id=7 + index)).kind
            == "done"
        )
    put(world, world.event("here", MONDAY + 4 * HOUR), "here.ics", viewer=world.reception())
    assert [delete(world, f"{i}.ics", world.private).kind for i in range(2)] == ["done", "done"]
    assert delete(world, "here.ics").kind == "held"
