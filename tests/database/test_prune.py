"""Forgetting what no client needs any more: what stays, and that nobody has to wait for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from radicale_practice.practice import clock
from radicale_practice.practice.database import Database
from radicale_practice.practice.errors import Unavailable
from radicale_practice.practice.sync import housekeeping, revisions
from radicale_practice.practice.triggers.postgresql_flush import PRACTICE_LOCK
from radicale_practice.practice.upkeep import check
from tests.database.foreign import connect
from tests.database.house import book, furnish, run
from tests.database.statements import by_transaction

LATER = timedelta(days=400)


@pytest.fixture
def house(database: Database) -> Database:
    """Two practices with three cancelled and three deleted appointments each, everything changed often."""
    with database.write() as uow:
        furnish(uow)
        run(uow, "INSERT INTO practice (id, name) VALUES (2, 'other')")
        run(uow, "INSERT INTO calendar (id, practice_id, kind, name) VALUES (9, 2, 'room', 'R')")
        for practice, calendar in ((1, 1), (2, 9)):
            for _ in range(9):
                book(uow, calendar, practice_id=practice)
    for number in range(4):
        with database.write() as uow:
            run(uow, "UPDATE appointment SET subject = :s", s=str(number))
    with database.write() as uow:
        run(uow, "UPDATE appointment SET status = 'cancelled' WHERE id % 3 = 0")
        run(uow, "DELETE FROM appointment WHERE id % 3 = 1")
    return database


def count(database: Database, sql: str) -> int:
    with database.read() as uow:
        return int(run(uow, sql))


CHANGES = "SELECT count(*) FROM object_change"


def test_the_newest_change_of_each_object_stays(house: Database) -> None:
    with house.write() as uow:
        (mine, *_) = revisions.object_states(uow, 1, 1)
        for _ in range(3):
            revisions.touch(uow, 1, [mine.object_id], staff_id=1)
            revisions.flush(uow)
    with house.read() as uow:
        before = [revisions.object_states(uow, c, 1) for c in (1, 9)]
        states = revisions.calendar_states(uow, [1, 9], 1)
    housekeeping.prune(house, clock.utc_now())
    with house.read() as uow:
        assert [revisions.object_states(uow, c, 1) for c in (1, 9)] == before
        assert revisions.calendar_states(uow, [1, 9], 1) == states
        assert len(revisions.changes_since(uow, 1, 1, 0)) == 9
        assert check.check(uow) == []
    assert count(house, CHANGES) == 18 + 1


def test_what_was_removed_long_ago_is_forgotten_and_raises_the_floor(house: Database) -> None:
    with house.read() as uow:
        before = revisions.calendar_states(uow, [1, 9], 1)
    housekeeping.prune(house, clock.utc_now() + LATER)
    with house.read() as uow:
        after = revisions.calendar_states(uow, [1, 9], 1)
        assert check.check(uow) == []
    assert {c: s.floor for c, s in after.items()} == {c: s.revision for c, s in before.items()}
    # three live and three cancelled ones, which can be restored under the same identity
    assert count(house, "SELECT count(*) FROM calendar_object") == 12
    assert count(house, CHANGES) == 6


def test_in_small_transactions(house: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "BATCH", 2)
    before = count(house, CHANGES) + count(house, "SELECT count(*) FROM calendar_object")
    with by_transaction(house, "DELETE") as deleted:
        housekeeping.prune(house, clock.utc_now() + LATER)
    after = count(house, CHANGES) + count(house, "SELECT count(*) FROM calendar_object")
    assert after == 12 + 6
    assert sum(deleted) == before - after
    assert max(deleted) <= 2 * 2
    with by_transaction(house, "DELETE") as deleted:
        housekeeping.prune(house, clock.utc_now() + LATER)
    assert sum(deleted) == 0


def test_a_practice_that_is_busy_keeps_nobody_else_waiting(postgresql_url: str) -> None:
    """Practice 2's lock is held by somebody's COMMIT: 1 is done all the same, and of 2 what needs no lock."""
    database = Database(postgresql_url, lock_timeout=0.05)
    with database.write() as uow:
        furnish(uow)
        run(uow, "INSERT INTO practice (id, name) VALUES (2, 'other')")
        run(uow, "INSERT INTO calendar (id, practice_id, kind, name) VALUES (9, 2, 'room', 'R')")
        book(uow, 1)
        book(uow, 9, practice_id=2)
    with database.write() as uow:
        run(uow, "UPDATE appointment SET subject = 'x'")
    with database.write() as uow:
        run(uow, "DELETE FROM appointment")
    busy = connect(postgresql_url)
    busy.execute("BEGIN")
    busy.execute(f"SELECT pg_advisory_xact_lock({PRACTICE_LOCK}, 2)")
    with pytest.raises(Unavailable):
        housekeeping.prune(database, clock.utc_now() + LATER)
    assert count(database, "SELECT count(*) FROM calendar_object WHERE calendar_id = 1") == 0
    assert count(database, CHANGES) == 1
    busy.execute("COMMIT")
    housekeeping.prune(database, clock.utc_now() + LATER)
    assert count(database, "SELECT count(*) FROM calendar_object") == 0
    busy.close()
    database.dispose()


def test_of_a_calendar_that_is_gone_nothing_is_kept(house: Database) -> None:
    with house.write() as uow:
        run(uow, "INSERT INTO calendar_property VALUES (9, 1, 'n', 'v')")
        run(uow, "DELETE FROM appointment WHERE practice_id = 2")
        run(uow, "DELETE FROM calendar WHERE id = 9")
    housekeeping.prune(house, clock.utc_now())
    for table in ("calendar_object", "object_change", "calendar_sync", "calendar_property"):
        assert count(house, f"SELECT count(*) FROM {table} WHERE calendar_id = 9") == 0
    with house.read() as uow:
        assert check.check(uow) == []


def test_what_is_restored_meanwhile_is_not_forgotten(
    house: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between finding and forgetting somebody brings an appointment back."""
    decide = housekeeping.old_removals

    def restored(*arguments: Any) -> list[int]:
        found = decide(*arguments)
        with house.write() as uow:
            run(uow, "UPDATE appointment SET status = 'booked'")
        return found

    monkeypatch.setattr(housekeeping, "old_removals", restored)
    housekeeping.prune(house, datetime.now() + LATER)
    with house.read() as uow:
        assert check.check(uow) == []
        assert len(revisions.object_states(uow, 1, 1)) == 6
