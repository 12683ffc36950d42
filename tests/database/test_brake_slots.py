"""Appointments that are written over without being deleted count for the burst brake, on both engines.

Freed or blown up, blocks replaced, and several of these ways mixed with one another.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from radicale_practice.practice import book, clock
from radicale_practice.practice.model import Actor, Appointment
from tests.database.acts import delete, fill, put, resolve
from tests.database.book_world import HOUR, MONDAY, WEEK, World, with_master, with_override

DAY = timedelta(days=1)

pytestmark = pytest.mark.usefixtures("now")


def change(world: World, href: str, **values: Any) -> str:
    """Upload the object with its master changed."""
    return put(world, with_master(world.stored(href).object, **values), href).kind


def blocks(world: World, number: int) -> None:
    """Blocks of the practice, one after another, with a word of their own each."""
    with world.write() as uow:
        for index in range(number):
            start = MONDAY + index * HOUR
            new = book.NewAppointment(world.anna_calendar, start, start + HOUR, subject=f"Team {index}")
            book.add(uow, Actor(), new)


Edit = Callable[[Appointment], dict[str, Any]]

TAKEN_AWAY: dict[str, Edit] = {
    "free time": lambda a: {"transparent": True},
    "no length": lambda a: {"end": a.start},
    "no length and free time": lambda a: {"end": a.start, "transparent": True},
    "a minute": lambda a: {"end": a.start + timedelta(minutes=1)},
    "blown up": lambda a: {"end": a.end + timedelta(days=400)},
    "blown up backwards": lambda a: {"start": a.start - timedelta(days=6), "end": a.end + timedelta(days=6)},
}

EVERYDAY: dict[str, Edit] = {
    "shorter": lambda a: {"end": a.start + HOUR / 4},
    "longer": lambda a: {"end": a.end + 3 * HOUR},
    "all day": lambda a: {
        "start": a.start.replace(hour=0),
        "end": a.start.replace(hour=0) + DAY,
        "all_day": True,
    },
    "another hour": lambda a: {"start": a.start + HOUR, "end": a.end + HOUR},
    "another day": lambda a: {"start": a.start + 2 * DAY, "end": a.end + 2 * DAY},
    "another word": lambda a: {"subject": "Knie"},
}


@pytest.mark.parametrize("of", [fill, blocks])
@pytest.mark.parametrize("way", TAKEN_AWAY)
def test_what_takes_its_time_away_counts(world: World, way: str, of: Callable[[World, int], None]) -> None:
    world.set(brake_cancellations=1)
    of(world, 2)
    first, second = world.hrefs()
    shown = world.stored(second).object.appointments[0]
    edits = [TAKEN_AWAY[way](world.stored(h).object.appointments[0]) for h in (first, second)]
    assert change(world, first, **edits[0]) == "done"
    assert change(world, second, **edits[1]) == "held"
    assert world.stored(second).object.appointments[0] == shown


@pytest.mark.parametrize("of", [fill, blocks])
@pytest.mark.parametrize("way", EVERYDAY)
def test_what_is_done_every_day_does_not(world: World, way: str, of: Callable[[World, int], None]) -> None:
    world.set(brake_cancellations=0)
    of(world, 1)
    (href,) = world.hrefs()
    assert change(world, href, **EVERYDAY[way](world.stored(href).object.appointments[0])) == "done"


def test_a_block_that_becomes_something_else_at_another_time_counts(world: World) -> None:
    world.set(brake_cancellations=1)
    blocks(world, 2)
    first, second = world.hrefs()
    later = {"start": MONDAY + 2 * DAY, "end": MONDAY + 2 * DAY + HOUR}
    assert change(world, first, subject="Dentist", **later) == "done"
    assert change(world, second, subject="", **later) == "held"
    assert change(world, second, subject="Team of the practice", **later) == "done"


def test_a_block_without_a_word_gets_one(world: World) -> None:
    world.set(brake_cancellations=0)
    put(world, world.event(subject=""), viewer=world.reception())
    assert change(world, "a.ics", subject="Lunch", start=MONDAY + HOUR, end=MONDAY + 2 * HOUR) == "done"


def test_an_absence_may_become_free_time(world: World) -> None:
    """Clients mark all-day entries so by themselves; it is on the list of absences all the same."""
    world.set(brake_cancellations=0)
    midnight = MONDAY.replace(hour=0)
    put(world, world.event(start=midnight, end=midnight + DAY, all_day=True, subject="Away"))
    assert change(world, "a.ics", transparent=True) == "done"


def test_what_was_free_time_already_may_have_no_length(world: World) -> None:
    world.set(brake_cancellations=0)
    put(world, world.event(transparent=True, subject="Reminder"))
    assert change(world, "a.ics", end=MONDAY) == "done"


@pytest.mark.parametrize("way", TAKEN_AWAY)
def test_series_and_instances_count_too(world: World, way: str) -> None:
    world.set(brake_cancellations=0, double_booking="allow")
    put(world, world.weekly(), viewer=world.reception())
    shown = world.stored("a.ics").object
    assert change(world, "a.ics", **TAKEN_AWAY[way](shown.appointments[0])) == "held"
    date = MONDAY + WEEK
    instance = world.entry(date)
    changed = with_override(shown, date, **TAKEN_AWAY[way](instance))
    assert put(world, changed).kind == "held"
    assert put(world, with_override(shown, date, subject="x")).kind == "done"


def test_thirty_at_once_are_held_and_come_back(world: World) -> None:
    fill(world, 30)
    hrefs = world.hrefs()
    seen = {h: world.stored(h).object for h in hrefs}
    kinds = []
    for index, href in enumerate(hrefs):
        (edit,) = [list(TAKEN_AWAY.values())[index % 3]]
        kinds.append(change(world, href, **edit(seen[href].appointments[0])))
    assert kinds == ["done"] * 10 + ["held"] * 20
    assert all(world.stored(h).object == seen[h] for h in hrefs[10:])
    (row,) = world.attention("burst")
    assert row["count"] == 20
    assert resolve(world, row["id"], "undo").done == 10
    assert [world.stored(h).object.appointments[0].end for h in hrefs] == [
        seen[h].appointments[0].end for h in hrefs
    ]


def test_the_ways_count_together(world: World) -> None:
    world.set(brake_cancellations=3)
    fill(world, 4)
    first, second, third, fourth = world.hrefs()
    assert change(world, first, transparent=True) == "done"
    assert delete(world, second).kind == "done"
    assert change(world, third, end=MONDAY + 400 * DAY) == "done"
    # the same one again is one
    assert delete(world, first).kind == "done"
    assert delete(world, fourth).kind == "held"


# in steps


def pushed(world: World, hrefs: list[str], days: int) -> list[str]:
    """Every one of them moved by so many days."""
    kinds = []
    for href in hrefs:
        shown = world.stored(href).object.appointments[0]
        by = timedelta(days=days)
        kinds.append(change(world, href, start=shown.start + by, end=shown.end + by))
    return kinds


def test_far_in_small_steps_is_far(world: World) -> None:
    world.set(brake_cancellations=2, double_booking="allow")
    fill(world, 4)
    hrefs = world.hrefs()
    assert pushed(world, hrefs, 6) == ["done"] * 4
    assert pushed(world, hrefs, 2) == ["done"] * 2 + ["held"] * 2
    # nearer again to where it was found
    assert pushed(world, hrefs[2:], -3) == ["done"] * 2


def test_there_and_back_is_nowhere(world: World) -> None:
    world.set(brake_cancellations=0)
    fill(world, 1)
    hrefs = world.hrefs()
    for days in (5, -5, -5, 5):
        assert pushed(world, hrefs, days) == ["done"]


def test_steps_of_another_time_or_device_are_their_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.set(brake_cancellations=0)
    fill(world, 1)
    hrefs = world.hrefs()
    assert pushed(world, hrefs, 6) == ["done"]
    shown = world.stored(hrefs[0]).object
    moved = with_master(shown, start=MONDAY + 8 * DAY, end=MONDAY + 8 * DAY + HOUR)
    assert put(world, moved, hrefs[0], viewer=world.viewer(device_id=4)).kind == "done"
    monkeypatch.setattr(clock, "utc_now", lambda: datetime(2026, 11, 10, 8, 11))
    assert pushed(world, hrefs, 6) == ["done"]
