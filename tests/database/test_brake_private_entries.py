"""Private entries that become the practice's are new to it, and count for the brake; on both engines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.database.acts import delete, move, put, resolve
from tests.database.book_world import HOUR, MONDAY, World
from tests.database.test_practice_in_private import heard, moved_away

WAYS = ("MOVE", "put then delete", "delete then put")

pytestmark = pytest.mark.usefixtures("now")


def private_entries(world: World, number: int) -> list[str]:
    """Entries of Anna's private calendar."""
    for index in range(number):
        event = world.event(f"u{index}", MONDAY + index * HOUR, subject=f"Own {index}")
        assert put(world, event, f"{index}.ics", world.private).kind == "done"
    return world.hrefs(world.private)


def enter(world: World, way: str, href: str, later: timedelta = timedelta()) -> list[str]:
    """One private entry goes into the practice's calendar."""
    if way == "MOVE":
        return [move(world, world.anna_calendar, href, world.private, world.viewer()).kind]
    stored = world.stored(href, world.private)
    start = stored.object.appointments[0].start + later
    copy = world.event(stored.uid, start, subject=stored.object.appointments[0].subject)
    steps: list[Callable[[], str]] = [
        lambda: put(world, copy, href).kind,
        lambda: delete(world, href, world.private).kind,
    ]
    return [step() for step in (steps if way == "put then delete" else reversed(steps))]


def own(world: World, calendar_id: int) -> list[str]:
    """What a calendar lists, the entry about what was not taken over left out."""
    return [h for h in world.hrefs(calendar_id) if h[0].isdigit() and len(h) < 8]


@pytest.mark.parametrize("way", WAYS)
def test_they_count_and_stay_where_they_are(world: World, way: str) -> None:
    world.set(brake_creations=2, brake_cancellations=0)
    hrefs = private_entries(world, 5)
    assert [enter(world, way, h)[-1] for h in hrefs] == ["done"] * 2 + ["held"] * 3
    assert own(world, world.anna_calendar) == hrefs[:2]
    assert own(world, world.private) == hrefs[2:]
    (burst,) = world.attention("burst")
    assert (burst["reason"], burst["count"]) == ("burst-creations", 3)
    assert put(world, world.event("new"), "new.ics").kind == "held"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", ["carry-out", "discard", "undo"])
def test_what_becomes_of_them(world: World, way: str, how: str) -> None:
    world.set(brake_creations=1)
    hrefs = private_entries(world, 3)
    later = timedelta() if way == "MOVE" else timedelta(minutes=30)
    for href in hrefs:
        enter(world, way, href, later)
    (burst,) = world.attention("burst")
    done = resolve(world, burst["id"], how)
    # what was undone is counted in steps: the deletion that came first is one of its own
    steps = 2 if way == "delete then put" else 1
    assert (done.done, done.skipped) == ({"carry-out": 2, "discard": 0, "undo": steps}[how], [])
    there = {"carry-out": hrefs, "discard": hrefs[:1], "undo": []}[how]
    assert own(world, world.anna_calendar) == there
    assert own(world, world.private) == [h for h in hrefs if h not in there]
    starts = [world.stored(h).object.appointments[0].start for h in there]
    assert starts == [MONDAY + i * HOUR + later for i in range(len(there))]


@pytest.mark.parametrize("way", WAYS)
def test_repeated_at_every_synchronisation_they_are_held_again(world: World, way: str) -> None:
    world.set(brake_creations=0)
    (href,) = private_entries(world, 1)
    for _ in range(3):
        assert enter(world, way, href)[-1] == "held"
        assert own(world, world.private) == [href]
        assert own(world, world.anna_calendar) == []
    (burst,) = world.attention("burst")
    assert burst["count"] == 1
    assert resolve(world, burst["id"], "carry-out").done == 1
    assert own(world, world.anna_calendar) == [href]


@pytest.mark.parametrize("way", WAYS)
def test_a_practice_program_hears_of_them(world: World, way: str) -> None:
    (href,) = private_entries(world, 1)
    enter(world, way, href)
    assert heard(world)[-1] == "move-in"


@pytest.mark.parametrize("way", WAYS)
def test_what_is_a_patients_comes_back_freely(world: World, way: str) -> None:
    moved_away(world, patient=world.maria)
    world.set(brake_creations=0 if way == "MOVE" else 1)
    assert enter(world, way, "a.ics")[-1] == "done"
    assert world.stored("a.ics").object.appointments[0].patient == world.maria


def test_moves_between_private_and_uploads_add_up(world: World) -> None:
    world.set(brake_creations=3)
    hrefs = private_entries(world, 3)
    assert put(world, world.event("new"), "new.ics").kind == "done"
    assert [enter(world, way, h)[-1] for way, h in zip(WAYS, hrefs, strict=True)] == ["done", "done", "held"]
