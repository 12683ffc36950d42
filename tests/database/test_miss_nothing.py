"""Writers of every kind and pollers in processes of their own: the copies equal the database at the end.

``SOAK_SECONDS`` makes it long; a failure names the ``SOAK_SEED`` that repeats the choices (the interleaving
is the machine's). ``test_concurrency`` shows that the same oracle notices a missed change.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from radicale_practice.practice.database import Database
from tests.chance import seed_of
from tests.database import book_world
from tests.database.book_world import MONDAY
from tests.database.foreign_writers import (
    APPOINTMENTS,
    CALENDARS,
    SERIES,
    write_after_a_snapshot,
    write_statements,
    write_two_rows,
)
from tests.database.house import book
from tests.database.own_writers import write_through_us
from tests.database.poller import follow
from tests.database.run import Run

SECONDS = float(os.environ.get("SOAK_SECONDS", "3"))


def filled(database: Database) -> book_world.World:
    """Appointments 1 to 40 in all calendars; the world without its database, to be given to processes."""
    world = book_world.build(database)
    with database.write() as uow:
        for number in range(APPOINTMENTS):
            start = f"{MONDAY + timedelta(hours=number % 8, days=number // 8):%Y-%m-%d %H:%M:%S}"
            made = book(
                uow, 1 + number % CALENDARS, start, rrule="FREQ=DAILY" if number + 1 == SERIES else ""
            )
            assert made == number + 1
    database.dispose()
    return replace(world, database=None)  # type: ignore[arg-type]


@pytest.mark.timeout(SECONDS * 3 + 300)
@pytest.mark.parametrize("which", ["fixed", "random"])
def test_pollers_copies_equal_the_database(database: Database, database_url: str, which: str) -> None:
    seed = seed_of(which)
    world = filled(database)
    writers: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "statements": (write_statements, ()),
        "two rows": (write_two_rows, ()),
        "ours": (write_through_us, (world,)),
        "ours too": (write_through_us, (world,)),
    }
    if database.dialect == "postgresql":
        writers["snapshot"] = (write_after_a_snapshot, ())
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(writers) + CALENDARS)
    done, results, reports = context.Event(), context.Queue(), context.Queue()
    pollers = [
        context.Process(target=follow, args=(database_url, calendar, barrier, done, results), daemon=True)
        for calendar in range(1, CALENDARS + 1)
    ]
    processes = [
        context.Process(
            target=write,
            args=(Run(database_url, name, f"{name}:{seed}", SECONDS, barrier, reports), *more),
            daemon=True,
        )
        for name, (write, more) in writers.items()
    ]
    for process in (*pollers, *processes):
        process.start()
    numbers, problems = ended(reports, processes)
    done.set()
    copies = [results.get() for _ in pollers]
    for process in (*processes, *pollers):
        process.join()
    said = f"SOAK_SEED={seed}, done/refused/tried again: {numbers}"
    print(said, [copy[1:3] for copy in copies])
    assert problems == [], said
    assert set(numbers) == set(writers), said
    assert [missed for _calendar, _polls, _size, missed in copies] == [[]] * CALENDARS, said
    assert sum(size for _calendar, _polls, size, _missed in copies) > 0


def ended(reports: Any, processes: list[Any]) -> tuple[dict[str, tuple[int, ...]], list[Any]]:
    """The writers' numbers by name, and the failures, when all have said that they are at their end."""
    numbers: dict[str, tuple[int, ...]] = {}
    problems: Counter[tuple[str, str]] = Counter()
    while len(numbers) < len(processes):
        name, said = reports.get()
        if isinstance(said, tuple):
            numbers[name] = said
        else:
            problems[name, said] += 1
    return numbers, problems.most_common()
