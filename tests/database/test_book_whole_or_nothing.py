"""Every write of the book happens completely or not at all: each of its statements fails in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from radicale_practice.practice import book, practices
from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.model import Actor, Finding, FindingKind
from radicale_practice.practice.records import undo
from radicale_practice.practice.schema import metadata
from radicale_practice.practice.schema import practice_tables as t
from tests.database.acts import delete, document, move, put, resolve
from tests.database.book_world import HOUR, MONDAY, WEEK, World, build, with_master, with_override


class Broken(Exception):
    """The statement that fails."""


def contents(world: World) -> list[list[dict[str, Any]]]:
    """Everything there is."""
    return [world.rows(table) for table in metadata.sorted_tables]


def run_with_failure(database: Database, number: int, step: Callable[[], Any]) -> bool:
    """Run a step with its statement ``number`` failing; whether it had so many."""
    seen = 0

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal seen
        if statement.startswith(("ROLLBACK", "BEGIN")):
            return
        seen += 1
        if seen == number:
            raise Broken

    event.listen(database.engine, "before_cursor_execute", fail)
    try:
        step()
    except Broken:
        return True
    finally:
        event.remove(database.engine, "before_cursor_execute", fail)
    return False


def burst(world: World) -> None:
    """Two deletions carried out, two held."""
    world.set(brake_cancellations=2)
    for number in range(4):
        put(world, world.event(f"b{number}", MONDAY + (6 + number) * HOUR), f"b{number}.ics")
    for number in range(4):
        delete(world, f"b{number}.ics")


def of_the_burst(world: World, how: str) -> Any:
    (item,) = (r["id"] for r in world.attention() if r["kind"] == "burst")
    return resolve(world, item, how)


def by_the_reception(act: Callable[[UnitOfWork, Actor, World], Any]) -> Callable[[World], Any]:
    """A unit of the practice's own program."""

    def step(world: World) -> Any:
        with world.write(world.reception()) as uow:
            return act(uow, Actor(world.rita), world)

    return step


def series_of(world: World) -> int:
    return int(next(r["id"] for r in world.rows(t.appointment) if r["rrule"]))


def cut_short(world: World) -> Any:
    """What a program does for "this and all following": the series ends, and what comes is made new."""
    shown = world.stored("w.ics").object
    return put(world, with_master(shown, rrule="FREQ=WEEKLY;COUNT=2"), "w.ics")


STEPS: dict[str, Callable[[World], Any]] = {
    "create": lambda w: put(
        w, w.event("new", extra="X"), "new.ics", findings=[Finding(FindingKind.UNLINKED)]
    ),
    "change": lambda w: put(
        w, with_override(w.stored("w.ics").object, MONDAY + 2 * WEEK, subject="x", personal="P"), "w.ics"
    ),
    "cut short": cut_short,
    "refuse": lambda w: put(w, with_master(w.stored("d.ics").object, subject="x"), "d.ics"),
    "forbid": lambda w: put(w, w.event("taken", MONDAY), "taken.ics"),
    "delete": lambda w: delete(w, "w.ics"),
    "hold": lambda w: delete(w, "w.ics"),
    "move": lambda w: move(w, w.ben_calendar, "w.ics"),
    "take over": lambda w: delete(w, "o.ics", viewer=w.reception()),
    "carry out": lambda w: of_the_burst(w, "carry-out"),
    "undo a burst": lambda w: of_the_burst(w, "undo"),
    "undo": by_the_reception(lambda u, a, w: undo.undo(u, a, w.practice_id, staff_id=w.anna)),
    "restore": by_the_reception(lambda u, a, w: book.restore(u, a, series_of(w))),
    "shift": by_the_reception(
        lambda u, a, w: book.reschedule(u, a, series_of(w), MONDAY + HOUR, calendar_id=w.ben_calendar)
    ),
    "link": by_the_reception(lambda u, a, w: book.link_patient(u, a, series_of(w), w.josef.id)),
    "add": by_the_reception(
        lambda u, a, w: book.add(u, a, book.NewAppointment(w.room, MONDAY - WEEK, MONDAY - WEEK + HOUR))
    ),
}

BEFORE: dict[str, Callable[[World], Any]] = {
    "delete": lambda w: document(w, w.stored("w.ics").object.overrides[0].id),
    "hold": burst,
    "carry out": burst,
    "undo a burst": burst,
    "restore": lambda w: delete(w, "w.ics"),
}


@pytest.mark.parametrize("name", STEPS)
def test_each_statement_fails_in_turn(database: Database, name: str) -> None:
    world = build(database)
    put(world, with_override(world.weekly("w"), MONDAY + WEEK, subject="seen"), "w.ics")
    put(world, world.event("d", MONDAY + 3 * HOUR), "d.ics")
    document(world, world.stored("d.ics").object.appointments[0].id)
    put(world, world.event("o", MONDAY + 5 * HOUR), "o.ics", viewer=world.reception())
    put(world, world.event("o", MONDAY + 5 * HOUR), "copy.ics", world.ben_calendar, world.reception())
    BEFORE.get(name, lambda _: None)(world)
    with world.write() as uow:
        practices.set_settings(uow, world.practice_id, {"double_booking": "forbid"})
    before = contents(world)
    number = 1
    while run_with_failure(database, number, lambda: STEPS[name](world)):
        assert contents(world) == before, f"statement {number} of {name}"
        number += 1
    assert number > 10
    assert contents(world) != before
