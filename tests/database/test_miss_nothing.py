"""Writers of every kind and pollers in processes of their own: the copies equal the database at the end.

``SOAK_SECONDS`` makes it long. ``test_concurrency`` shows that the same oracle notices a missed change.
"""

from __future__ import annotations

import multiprocessing
import os
import random

import pytest

from radicale_practice.practice.database import Database
from tests.database.house import book, furnished
from tests.database.writers import (
    APPOINTMENTS,
    CALENDARS,
    follow,
    write_plain_sql,
    write_through_us,
)

SECONDS = float(os.environ.get("SOAK_SECONDS", "4"))


@pytest.mark.timeout(SECONDS * 3 + 300)
def test_pollers_copies_equal_the_database(database: Database, database_url: str) -> None:
    furnished(database)
    with database.write() as uow:
        for number in range(APPOINTMENTS):
            book(uow, 1 + number % CALENDARS, rrule="FREQ=DAILY" if number == 0 else "")
    database.dispose()
    seed = random.randrange(10**6)
    context = multiprocessing.get_context("spawn")
    writers = [write_plain_sql, write_plain_sql, write_through_us, write_through_us]
    barrier = context.Barrier(len(writers) + CALENDARS)
    done, results, errors = context.Event(), context.Queue(), context.Queue()
    pollers = [
        context.Process(target=follow, args=(database_url, calendar, barrier, done, results), daemon=True)
        for calendar in range(1, CALENDARS + 1)
    ]
    processes = [
        context.Process(target=writer, args=(database_url, seed + n, SECONDS, barrier, errors), daemon=True)
        for n, writer in enumerate(writers)
    ]
    for process in (*pollers, *processes):
        process.start()
    for process in processes:
        process.join()
    done.set()
    reports = [results.get() for _ in pollers]
    for process in pollers:
        process.join()
    problems = []
    while not errors.empty():
        problems.append(errors.get())
    assert problems == [], f"seed {seed}"
    assert [report[3] for report in reports] == [[], [], [], []], f"seed {seed}"
    assert sum(report[2] for report in reports) > 0
