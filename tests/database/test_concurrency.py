"""Interleavings of writers on PostgreSQL, each driven step by step; controls show that the tests can fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from radicale_practice.practice.database import Database
from radicale_practice.practice.sync import revisions
from radicale_practice.practice.triggers.postgresql_flush import FLUSH, PRACTICE_LOCK
from tests.database.failures import among_practice_rows, told
from tests.database.foreign import connect
from tests.database.house import book, furnished, run
from tests.database.poller import Poller
from tests.database.stepping import Step, wait_until_blocked, wait_until_somebody_is_blocked


@pytest.fixture
def house(postgresql_url: str) -> Iterator[Database]:
    database = furnished(Database(postgresql_url))
    with database.write() as uow:
        for _ in range(4):
            book(uow, 1)
    yield database
    database.dispose()


@pytest.fixture
def url(house: Database, postgresql_url: str) -> str:
    return postgresql_url


def without_lock(url: str) -> None:
    """The control: the same flush, but nobody waits for anybody."""
    body = FLUSH.replace("PERFORM pg_advisory_xact_lock(", "PERFORM concat(")
    assert body != FLUSH
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION sync_flush_pending() RETURNS trigger LANGUAGE plpgsql"
            f" SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $body${body}$body$"
        )


def interleave(url: str, database: Database) -> Poller:
    """Two writers in one calendar; the second commits (or would) while the first has its revision."""
    poller = Poller(database, 1)
    poller.poll()
    first, second = connect(url), connect(url)
    first.execute("BEGIN")
    first.execute("UPDATE appointment SET subject = 'first' WHERE id = 1")
    first.execute("SET CONSTRAINTS ALL IMMEDIATE")
    step = Step(lambda: second.execute("UPDATE appointment SET subject = 'second' WHERE id = 2"))
    wait_until_blocked(url, second, step)
    poller.poll()
    first.execute("COMMIT")
    step.finished()
    poller.poll()
    first.close()
    second.close()
    return poller


def test_nothing_is_missed(url: str, house: Database) -> None:
    assert interleave(url, house).missed() == {}


def test_control_without_the_lock_misses_a_change(url: str, house: Database) -> None:
    without_lock(url)
    assert interleave(url, house).missed() != {}


def test_long_foreign_transaction_holds_nobody_up(url: str, house: Database) -> None:
    poller = Poller(house, 1)
    foreign = connect(url)
    foreign.execute("BEGIN")
    foreign.execute("UPDATE appointment SET subject = 'long' WHERE id = 1")
    other = connect(url)
    other.execute("SET lock_timeout = '10s'")
    other.execute("UPDATE appointment SET subject = 'short' WHERE id = 2")
    with house.write() as uow:
        run(uow, "UPDATE appointment SET subject = 'ours' WHERE id = 3")
        revisions.flush(uow)
    poller.poll()
    assert poller.missed() == {}
    foreign.execute("COMMIT")
    poller.poll()
    assert poller.missed() == {}


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_foreign_snapshot_writer_is_never_aborted(url: str, house: Database, level: str) -> None:
    poller = Poller(house, 1)
    foreign = connect(url)
    foreign.execute(f"BEGIN ISOLATION LEVEL {level}")
    foreign.execute("SELECT count(*) FROM appointment")
    with house.write() as uow:
        run(uow, "UPDATE appointment SET subject = 'ours' WHERE id = 1")
        run(uow, "UPDATE appointment SET status = 'cancelled' WHERE id = 4")
        run(uow, "UPDATE patient SET last_name = 'Huber'")
        run(uow, "INSERT INTO series_expansion (series_id, expanded_until) VALUES (2, now())")
        book(uow, 1)
    poller.poll()
    foreign.execute("UPDATE appointment SET subject = 'theirs', rrule = 'FREQ=DAILY' WHERE id = 2")
    foreign.execute("UPDATE appointment SET status = 'cancelled' WHERE id = 3")
    foreign.execute(
        "WITH n AS (INSERT INTO appointment (practice_id, starts_at, ends_at)"
        " VALUES (1, now(), now()) RETURNING id) INSERT INTO appointment_calendar SELECT id, 1 FROM n"
    )
    foreign.execute("COMMIT")
    poller.poll()
    assert poller.missed() == {}


def test_foreign_snapshot_writer_meets_our_change_of_the_same_object(url: str, house: Database) -> None:
    """An override each: the master's object is revived by one and unseen by the other's snapshot."""
    with house.write() as uow:
        run(uow, "UPDATE appointment SET status = 'cancelled', rrule = 'FREQ=DAILY' WHERE id = 1")
    poller = Poller(house, 1)
    poller.poll()
    override = (
        "INSERT INTO appointment (practice_id, starts_at, ends_at, series_id, recurrence_id, subject)"
        " VALUES (1, '{0}', '{0}', 1, '{0}', 'x')"
    )
    foreign = connect(url)
    foreign.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    foreign.execute("SELECT count(*) FROM appointment")
    with house.write() as uow:
        run(uow, override.format("2026-03-03 09:00:00").replace("'x'", "'ours'"))
    poller.poll()
    assert poller.missed() == {}
    foreign.execute(override.format("2026-03-04 09:00:00"))
    foreign.execute("COMMIT")
    poller.poll()
    assert poller.missed() == {}
    assert len(poller.copy) == 4


def lock_first(connection: Any) -> None:
    connection.execute(f"SELECT pg_advisory_xact_lock({PRACTICE_LOCK}, 1)")


def test_control_calendar_lock_first_deadlocks(url: str, house: Database) -> None:
    """Why the lock is taken last: the foreign program is one of the two that can be aborted."""
    ours, foreign = connect(url), connect(url)
    ours.execute("BEGIN")
    lock_first(ours)
    foreign.execute("BEGIN")
    foreign.execute("UPDATE appointment SET subject = 'theirs' WHERE id = 1")
    commit = Step(lambda: foreign.execute("COMMIT"))
    assert wait_until_blocked(url, foreign, commit)
    failed: list[BaseException] = []
    try:
        ours.execute("UPDATE appointment SET subject = 'ours' WHERE id = 1")
    except errors.DeadlockDetected as error:
        failed.append(error)
    ours.execute("ROLLBACK")
    try:
        commit.finished()
    except errors.DeadlockDetected as error:
        failed.append(error)
    [deadlock] = failed
    assert not among_practice_rows(deadlock, ours), told(deadlock)


def test_calendar_lock_last_does_not_deadlock(url: str, house: Database) -> None:
    poller = Poller(house, 1)
    foreign = connect(url)
    foreign.execute("BEGIN")
    foreign.execute("UPDATE appointment SET subject = 'theirs' WHERE id = 1")

    def write() -> None:
        with house.write() as uow:
            run(uow, "UPDATE appointment SET subject = 'before' WHERE id = 2")
            run(uow, "UPDATE appointment SET subject = 'ours' WHERE id = 1")
            revisions.flush(uow)

    step = Step(write)
    assert wait_until_somebody_is_blocked(url, step)
    foreign.execute("COMMIT")
    step.finished()
    poller.poll()
    assert poller.missed() == {}


def test_our_writer_gives_up_after_its_patience(url: str, postgresql_url: str, house: Database) -> None:
    from radicale_practice.practice.errors import Unavailable

    hasty = Database(postgresql_url, lock_timeout=0.05)
    blocker = connect(url)
    blocker.execute("BEGIN")
    lock_first(blocker)
    with pytest.raises(Unavailable), hasty.write() as uow:
        run(uow, "UPDATE appointment SET subject = 'ours' WHERE id = 1")
        revisions.flush(uow)
    impatient = connect(url)
    impatient.execute("SET lock_timeout = '1ms'")
    step = Step(lambda: impatient.execute("UPDATE appointment SET subject = 'theirs' WHERE id = 1"))
    assert wait_until_blocked(url, impatient, step)
    blocker.execute("COMMIT")
    step.finished()
    assert impatient.execute("SHOW lock_timeout").fetchone()[0] == "1ms"
    hasty.dispose()


def test_bulk_update_raises_one_revision(url: str, house: Database) -> None:
    foreign = connect(url)
    foreign.execute(
        "WITH n AS (INSERT INTO appointment (practice_id, starts_at, ends_at)"
        " SELECT 1, now(), now() FROM generate_series(1, 2000) RETURNING id)"
        " INSERT INTO appointment_calendar SELECT id, 1 + id % 3 FROM n"
    )
    before = foreign.execute("SELECT last_value FROM sync_revision").fetchone()[0]
    foreign.execute("UPDATE appointment SET subject = 'bulk'")
    assert foreign.execute("SELECT last_value FROM sync_revision").fetchone()[0] == before + 1
    assert foreign.execute(
        "SELECT count(*) FROM object_change WHERE revision > %s", (before,)
    ).fetchone() == (2004,)
    assert foreign.execute("SELECT count(*) FROM sync_pending").fetchone() == (0,)


def test_role_without_rights_on_sync_tables(url: str, house: Database) -> None:
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS vendor")
        owner.execute("CREATE ROLE vendor LOGIN")
        owner.execute(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON practice, staff, calendar, patient, location,"
            " appointment, appointment_calendar TO vendor"
        )
        owner.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO vendor")
    with psycopg.connect(url.replace("practice@", "vendor@"), application_name="Kartei 9") as vendor:
        with pytest.raises(errors.InsufficientPrivilege), vendor.transaction():
            vendor.execute("SELECT * FROM object_change")
        vendor.execute("UPDATE appointment SET subject = 'theirs' WHERE id = 1")
        vendor.execute("DELETE FROM appointment WHERE id = 2")
        vendor.execute("UPDATE patient SET phone = '1'")
        vendor.execute("INSERT INTO calendar (id, practice_id, kind, name) VALUES (9, 1, 'room', 'R')")
    poller = Poller(house, 1)
    poller.poll()
    assert poller.missed() == {}
    assert len(poller.copy) == 3
    with house.read() as uow:
        rows = uow.connection.exec_driver_sql(
            "SELECT program, action, appointment_id, patient_id FROM journal ORDER BY appointment_id"
        ).all()
    assert [tuple(r) for r in rows] == [
        ("vendor/Kartei 9", "foreign", 1, None),
        ("vendor/Kartei 9", "foreign", 2, None),
        ("vendor/Kartei 9", "foreign", None, 1),
    ]
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP OWNED BY vendor")
        owner.execute("DROP ROLE vendor")


def test_truncate_removes_everything(url: str, house: Database) -> None:
    poller = Poller(house, 1)
    poller.poll()
    assert len(poller.copy) == 4
    foreign = connect(url)
    foreign.execute("TRUNCATE appointment RESTART IDENTITY CASCADE")
    poller.poll()
    assert poller.copy == {}
    with house.write() as uow:
        assert book(uow, 1) == 1
    poller.poll()
    assert poller.missed() == {}
    assert len(poller.copy) == 1


def test_rolled_back_savepoint_leaves_no_note(url: str, house: Database) -> None:
    with house.read() as uow:
        before = revisions.calendar_states(uow, [1], 1)
    foreign = connect(url)
    foreign.execute("BEGIN")
    foreign.execute("SAVEPOINT s")
    foreign.execute("UPDATE appointment SET subject = 'x'")
    foreign.execute("ROLLBACK TO s")
    foreign.execute("COMMIT")
    with house.read() as uow:
        assert revisions.calendar_states(uow, [1], 1) == before


def test_patient_renamed_while_another_links_him(url: str, house: Database) -> None:
    poller = Poller(house, 1)
    renaming = connect(url)
    renaming.execute("BEGIN")
    renaming.execute("UPDATE patient SET last_name = 'Huber'")
    with house.write() as uow:
        book(uow, 1, patient_id=1)
    poller.poll()
    assert poller.missed() == {}
    renaming.execute("COMMIT")
    poller.poll()
    assert poller.missed() == {}


def test_appointment_changed_while_another_moves_it(url: str, house: Database) -> None:
    poller = Poller(house, 2)
    changing = connect(url)
    changing.execute("BEGIN")
    changing.execute("UPDATE appointment SET subject = 'late' WHERE id = 1")
    with house.write() as uow:
        run(uow, "UPDATE appointment_calendar SET calendar_id = 2 WHERE appointment_id = 1")
    poller.poll()
    assert poller.missed() == {}
    changing.execute("COMMIT")
    poller.poll()
    assert poller.missed() == {}


def two_rows_crosswise(url: str) -> tuple[psycopg.errors.DeadlockDetected, Any]:
    """Two foreign programs change rows 1 and 2, each in its own order; returns the error of the aborted one
    and its connection, rolled back."""
    first, second = connect(url), connect(url)
    for connection, row in ((first, 1), (second, 2)):
        connection.execute("BEGIN")
        connection.execute("UPDATE appointment SET subject = 'x' WHERE id = %s", (row,))
    step = Step(lambda: first.execute("UPDATE appointment SET subject = 'x' WHERE id = 2"))
    assert wait_until_blocked(url, first, step)
    failed: list[tuple[psycopg.errors.DeadlockDetected, Any]] = []
    try:
        second.execute("UPDATE appointment SET subject = 'x' WHERE id = 1")
    except errors.DeadlockDetected as error:
        failed.append((error, second))
        second.execute("ROLLBACK")
    try:
        step.finished()
    except errors.DeadlockDetected as error:
        failed.append((error, first))
        first.execute("ROLLBACK")
    for connection in (first, second):
        connection.execute("COMMIT")
    [victim] = failed
    return victim


def test_a_foreign_programs_own_deadlock_is_told_from_ours(url: str, house: Database) -> None:
    """The same circle with our triggers and without them: it is the programs' own."""
    for _ in range(2):
        error, connection = two_rows_crosswise(url)
        assert among_practice_rows(error, connection), told(error)
        with psycopg.connect(url, autocommit=True) as owner:
            for table in ("appointment", "appointment_calendar"):
                owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
