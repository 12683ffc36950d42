"""Every write of the book happens completely or not at all: each of its statements fails in turn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from radicale_practice.practice.database import Database
from radicale_practice.practice.model import Finding, FindingKind
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.schema import sync_tables as s
from tests.database.book_world import HOUR, MONDAY, World, build, with_master, with_override
from tests.database.test_book_apply import document, put
from tests.database.test_book_cancel_and_move import delete, move

WEEK = timedelta(days=7)
TABLES = (
    t.appointment,
    t.appointment_calendar,
    s.calendar_object,
    s.object_change,
    s.event_extra,
    s.personal_extra,
    s.journal,
    s.attention,
)


class Broken(Exception):
    """The statement that fails."""


def contents(world: World) -> list[list[dict[str, Any]]]:
    """Everything there is."""
    return [world.rows(table) for table in TABLES]


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


STEPS: dict[str, Callable[[World], Any]] = {
    "create": lambda w: put(
        w, w.event("new", extra="X"), "new.ics", findings=[Finding(FindingKind.UNLINKED)]
    ),
    "change": lambda w: put(
        w, with_override(w.stored("w.ics").object, MONDAY + 2 * WEEK, subject="x", personal="P"), "w.ics"
    ),
    "refuse": lambda w: put(w, with_master(w.stored("d.ics").object, subject="x"), "d.ics"),
    "forbid": lambda w: put(w, w.event("taken", MONDAY), "taken.ics"),
    "delete": lambda w: delete(w, "w.ics"),
    "move": lambda w: move(w, w.ben_calendar, "w.ics"),
    "take over": lambda w: delete(w, "o.ics", viewer=w.reception()),
}


@pytest.mark.parametrize("name", STEPS)
def test_each_statement_fails_in_turn(database: Database, name: str) -> None:
    world = build(database)
    put(world, with_override(world.weekly("w"), MONDAY + WEEK, subject="seen"), "w.ics")
    document(world, world.stored("w.ics").object.overrides[0].id) if name == "delete" else None
    put(world, world.event("d", MONDAY + 3 * HOUR), "d.ics")
    document(world, world.stored("d.ics").object.appointments[0].id)
    put(world, world.event("o", MONDAY + 5 * HOUR), "o.ics", viewer=world.reception())
    put(world, world.event("o", MONDAY + 5 * HOUR), "copy.ics", world.ben_calendar, world.reception())
    world.set(double_booking="forbid")
    before = contents(world)
    number = 1
    while run_with_failure(database, number, lambda: STEPS[name](world)):
        assert contents(world) == before, f"statement {number} of {name}"
        number += 1
    assert number > 10
    assert contents(world) != before
