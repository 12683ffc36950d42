"""Two people at the attention list at the same moment, on PostgreSQL, driven step by step."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radicale_practice.practice import book
from radicale_practice.practice.database import Database
from radicale_practice.practice.errors import NotFound
from radicale_practice.practice.model import Actor
from radicale_practice.practice.notices import attention
from tests.database.acts import delete, fill, resolve
from tests.database.book_world import HOUR, MONDAY, World, build
from tests.database.stepping import Step, wait_until_somebody_is_blocked


@pytest.fixture
def world(postgresql_url: str) -> Iterator[World]:
    database = Database(postgresql_url, lock_timeout=30)
    yield build(database)
    database.dispose()


def held_burst(world: World) -> int:
    """Anna deletes five appointments, two are carried out and three held."""
    world.set(brake_cancellations=2)
    fill(world, 5)
    for href in world.hrefs():
        delete(world, href)
    (row,) = world.attention("burst")
    assert row["count"] == 3
    return int(row["id"])


@pytest.mark.parametrize("second", ["carry-out", "undo", "accept"])
def test_one_row_is_settled_by_one_person(world: World, postgresql_url: str, second: str) -> None:
    item = held_burst(world)
    with world.write(world.reception()) as uow:
        assert attention.resolve(uow, Actor(world.rita), item, "carry-out").done == 3
        other = Step(lambda: resolve(world, item, second))
        assert wait_until_somebody_is_blocked(postgresql_url, other)
    with pytest.raises(NotFound):
        other.finished()
    assert world.hrefs() == []
    assert len(world.journal("cancel")) == 5
    assert world.journal("undo") == []


def test_what_is_held_while_somebody_settles_the_burst_is_on_the_list(
    world: World, postgresql_url: str
) -> None:
    item = held_burst(world)
    with world.write() as uow:
        start = MONDAY + 9 * HOUR
        more = book.add(uow, Actor(), book.NewAppointment(world.anna_calendar, start, start + HOUR))
    (href,) = [h for h in world.hrefs() if world.stored(h).appointment_id == more]
    with world.write(world.reception()) as uow:
        attention.resolve(uow, Actor(world.rita), item, "accept")
        late = Step(lambda: delete(world, href))
        assert wait_until_somebody_is_blocked(postgresql_url, late)
    assert late.finished().kind == "held"
    (row,) = world.attention("burst")
    assert row["count"] == 1
    assert [r["appointment_id"] for r in world.journal("held")][-1] == more
    assert resolve(world, row["id"], "carry-out").done == 1
    assert href not in world.hrefs()


def test_two_that_are_held_at_once_are_both_on_the_list(world: World, postgresql_url: str) -> None:
    held_burst(world)
    added = set()
    with world.write() as uow:
        for start in (MONDAY + 9 * HOUR, MONDAY + 10 * HOUR):
            new = book.NewAppointment(world.anna_calendar, start, start + HOUR)
            added.add(book.add(uow, Actor(), new))
    first, second = (h for h in world.hrefs() if world.stored(h).appointment_id in added)
    viewer = world.viewer()
    with world.write(viewer) as uow, uow.operation():
        (stored,) = world.load(uow, first)
        assert book.cancel(uow, viewer, world.practice(uow), stored).kind == "held"
        late = Step(lambda: delete(world, second))
        assert wait_until_somebody_is_blocked(postgresql_url, late)
    assert late.finished().kind == "held"
    (row,) = world.attention("burst")
    assert row["count"] == 5
    assert resolve(world, row["id"], "carry-out").done == 5
