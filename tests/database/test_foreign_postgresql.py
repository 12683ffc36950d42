"""What practice programs and administrators do to a PostgreSQL database: harmless, or refused in words."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg import errors

from radicale_practice.practice import practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.errors import Unavailable
from radicale_practice.practice.sync import revisions
from radicale_practice.practice.upkeep import check
from tests.database.foreign import connect
from tests.database.house import book, furnished, place, run
from tests.database.poller import Poller
from tests.private_postgresql import Cluster


@pytest.fixture
def house(postgresql_url: str) -> Iterator[Database]:
    database = furnished(Database(postgresql_url))
    with database.write() as uow:
        for number in range(4):
            book(uow, 1, external_id=f"K{number + 1}", patient_id=1)
        place(uow, 1, 4, "resource")
    yield database
    database.dispose()


@pytest.fixture
def vendor(postgresql_url: str, house: Database) -> Iterator[Any]:
    with closing(connect(postgresql_url)) as connection:
        yield connection


@pytest.fixture
def poller(house: Database) -> Poller:
    poller = Poller(house, 1)
    poller.poll()
    return poller


def followed(house: Database, poller: Poller) -> int:
    """The poller has everything, the database is whole; how many objects are shown."""
    poller.poll()
    assert poller.missed() == {}
    with house.read() as uow:
        assert check.check(uow) == []
    return len(poller.copy)


HOUR = "2026-03-02 09:00:00\t2026-03-02 10:00:00"
COPIED = f"5\t1\t{HOUR}\tcopied\n6\t1\t{HOUR}\t\n"


def test_copy(house: Database, vendor: Any, poller: Poller) -> None:
    columns = "(id, practice_id, starts_at, ends_at, subject)"
    with vendor.cursor().copy(f"COPY appointment {columns} FROM STDIN") as copy:
        copy.write(COPIED)
    with vendor.cursor().copy("COPY appointment_calendar (appointment_id, calendar_id) FROM STDIN") as copy:
        copy.write("5\t1\n6\t1\n")
    assert followed(house, poller) == 6


UPSERT = (
    "INSERT INTO appointment (practice_id, external_id, starts_at, ends_at, subject)"
    " SELECT 1, 'K' || n, '2026-03-02 09:00:00', '2026-03-02 10:00:00', 'upserted'"
    " FROM generate_series(3, 6) n"
    " ON CONFLICT (practice_id, external_id) DO UPDATE SET subject = excluded.subject RETURNING id"
)
MERGE = (
    "MERGE INTO appointment a USING (VALUES ('K3'), ('K9')) s (k)"
    " ON a.external_id = s.k AND a.practice_id = 1"
    " WHEN MATCHED THEN UPDATE SET subject = 'merged'"
    " WHEN NOT MATCHED THEN INSERT (practice_id, external_id, starts_at, ends_at)"
    " VALUES (1, s.k, '2026-03-02 09:00:00', '2026-03-02 10:00:00')"
)
WITH = (
    "WITH gone AS (DELETE FROM appointment WHERE id = 1), moved AS (UPDATE appointment_calendar"
    " SET calendar_id = 2 WHERE appointment_id = 2) UPDATE appointment SET subject = 'x' WHERE id = 3"
)
PLACE = (
    "INSERT INTO appointment_calendar (appointment_id, calendar_id) SELECT id, 1 FROM appointment"
    " ON CONFLICT DO NOTHING"
)


@pytest.mark.parametrize(("statement", "shown"), [(UPSERT, 6), (MERGE, 5), (WITH, 2)])
def test_statements_that_do_several_things(
    house: Database, vendor: Any, poller: Poller, statement: str, shown: int
) -> None:
    vendor.execute(statement)
    if statement is not WITH:
        vendor.execute(PLACE)
    assert followed(house, poller) == shown


@pytest.mark.parametrize("constraints", ["ALL IMMEDIATE", "ALL DEFERRED", "sync_flush_at_commit IMMEDIATE"])
def test_constraints_set_by_the_program(
    house: Database, vendor: Any, poller: Poller, constraints: str
) -> None:
    vendor.execute("BEGIN")
    vendor.execute(f"SET CONSTRAINTS {constraints}")
    for number in (1, 2):
        vendor.execute("UPDATE appointment SET subject = 'once' WHERE id = %s", (number,))
        vendor.execute("SAVEPOINT s")
        vendor.execute("UPDATE appointment SET subject = 'twice', status = 'cancelled' WHERE id = 3")
        vendor.execute("ROLLBACK TO s" if number == 1 else "RELEASE s")
    vendor.execute("COMMIT")
    assert followed(house, poller) == 3


def test_session_settings_of_the_program(house: Database, vendor: Any, poller: Poller) -> None:
    for setting in (
        "TIME ZONE 'Asia/Tokyo'",
        "datestyle = 'German'",
        "search_path = ''",
        "standard_conforming_strings = off",
        "default_transaction_isolation = 'serializable'",
        "row_security = off",
        "plan_cache_mode = 'force_generic_plan'",
        "bytea_output = 'escape'",
    ):
        vendor.execute(f"SET {setting}")
    vendor.execute(
        "UPDATE public.appointment SET starts_at = '02.03.2026 08:00:00', subject = 'x' WHERE id = 1"
    )
    vendor.execute("DELETE FROM public.appointment WHERE id = 2")
    assert followed(house, poller) == 3
    with house.read() as uow:
        assert run(uow, "SELECT starts_at::text FROM appointment WHERE id = 1") == "2026-03-02 08:00:00"
        at = run(uow, "SELECT max(at) - now() AT TIME ZONE 'utc' FROM journal")
    assert abs(at.total_seconds()) < 60


REFUSED = [
    "DELETE FROM calendar WHERE id = 1",
    "DELETE FROM staff WHERE id = 1",
    "DELETE FROM patient",
    "DELETE FROM practice",
    "UPDATE calendar SET id = 77 WHERE id = 1",
    "UPDATE appointment SET public_id = (SELECT public_id FROM appointment WHERE id = 2) WHERE id = 1",
    "UPDATE appointment SET external_id = 'K2' WHERE id = 1",
    "TRUNCATE appointment",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_what_others_refer_to_cannot_go(house: Database, vendor: Any, poller: Poller, statement: str) -> None:
    before = poller.revision
    with pytest.raises((errors.IntegrityError, errors.FeatureNotSupported)):
        vendor.execute(statement)
    assert followed(house, poller) == 4
    assert poller.revision == before


def test_a_calendar_of_another_practice_is_found(house: Database, vendor: Any) -> None:
    vendor.execute("INSERT INTO practice (id, name) VALUES (2, 'other')")
    vendor.execute("UPDATE calendar SET practice_id = 2 WHERE id = 1")
    with house.read() as uow:
        assert {(p.kind, p.table) for p in check.check(uow)} == {
            ("other practice", "appointment_calendar"),
            ("other practice", "calendar"),
        }


@pytest.mark.parametrize("table", ["appointment_calendar", "appointment", "patient", "calendar", "location"])
def test_truncate_with_all_that_hangs_on_it(house: Database, vendor: Any, poller: Poller, table: str) -> None:
    vendor.execute(f"TRUNCATE {table} CASCADE")
    if table == "calendar":
        with house.read() as uow:
            assert check.check(uow) == []
    else:
        assert followed(house, poller) == 0


def test_prepared_transaction(house: Database, postgresql_url: str, poller: Poller) -> None:
    """Two-phase commit: the revision is drawn when it is prepared and the lock held until it is resolved."""
    with closing(connect(postgresql_url)) as vendor:
        try:
            vendor.execute("BEGIN")
            vendor.execute("UPDATE appointment SET subject = 'prepared' WHERE id = 1")
            vendor.execute("PREPARE TRANSACTION 'p'")
        except errors.ObjectNotInPrerequisiteState:
            pytest.fail("the test cluster allows no prepared transactions")
        hasty = Database(postgresql_url, lock_timeout=0.05)
        with pytest.raises(Unavailable), hasty.write() as uow:
            run(uow, "UPDATE appointment SET subject = 'ours' WHERE id = 2")
        poller.poll()
        assert poller.missed() == {}
        vendor.execute("COMMIT PREPARED 'p'")
        with hasty.write() as uow:
            run(uow, "UPDATE appointment SET subject = 'ours' WHERE id = 2")
        hasty.dispose()
    assert followed(house, poller) == 4


def test_replica_role_is_found_and_mended(house: Database, vendor: Any, poller: Poller) -> None:
    vendor.execute("SET session_replication_role = replica")
    vendor.execute("UPDATE appointment SET status = 'cancelled' WHERE id = 1")
    vendor.execute("DELETE FROM appointment_calendar WHERE appointment_id = 2")
    vendor.execute("UPDATE appointment_calendar SET calendar_id = 2 WHERE appointment_id = 3")
    with house.read() as uow:
        epoch = revisions.calendar_states(uow, [1], 1)[1].epoch
        assert {p.kind for p in check.check(uow)} == {"not served", "no object"}
    with house.write() as uow:
        check.repair(uow)
    with house.read() as uow:
        assert revisions.calendar_states(uow, [1], 1)[1].epoch != epoch
    assert followed(house, poller) == 1


def seen(database: Database) -> tuple[Any, Any]:
    """What clients see: identities, revisions, epochs."""
    with database.read() as uow:
        states = revisions.calendar_states(uow, [1, 2, 4], 1)
        return sorted(revisions.object_states(uow, 1, 1)), states


@pytest.mark.parametrize("options", [[], ["--inserts"], ["--data-only", "--disable-triggers"]])
def test_dump_and_restore(
    house: Database,
    postgresql_cluster: Cluster,
    postgresql_template: str,
    postgresql_url: str,
    options: list[str],
) -> None:
    with house.write() as uow:
        run(uow, "UPDATE appointment SET status = 'cancelled' WHERE id = 1")
    before = seen(house)
    data_only = "--data-only" in options
    name = postgresql_cluster.create(postgresql_template if data_only else None)
    copy = postgresql_cluster.url(name)
    programs = postgresql_cluster.programs
    if data_only:
        with psycopg.connect(copy, autocommit=True) as owner:
            owner.execute("TRUNCATE alembic_version")
    dump = subprocess.run([programs / "pg_dump", *options, postgresql_url], capture_output=True, check=True)
    load = [programs / "psql", "-q", "-v", "ON_ERROR_STOP=1", copy]
    subprocess.run(load, input=dump.stdout, capture_output=True, check=True)
    restored = Database(copy)
    with restored.read() as uow:
        assert check.check(uow) == []
    assert seen(restored) == before
    with restored.write() as uow:
        run(uow, "UPDATE appointment SET status = 'booked' WHERE id = 1")
        book(uow, 1)
    with restored.read() as uow:
        after = {s.appointment_id: s for s in revisions.object_states(uow, 1, 1)}
        assert len(after) == 5
        assert min(after[1].revision, after[5].revision) > max(s.revision for s in before[0])
        assert check.check(uow) == []
    restored.dispose()
    postgresql_cluster.drop(name)


def test_ids_chosen_by_the_program_are_not_given_out_again(house: Database, vendor: Any) -> None:
    """An import with its own numbers: else the next appointment booked on a phone would fail."""
    vendor.execute("BEGIN")
    vendor.execute(
        "INSERT INTO appointment (id, practice_id, starts_at, ends_at)"
        " SELECT n, 1, '2026-03-02 09:00:00', '2026-03-02 10:00:00' FROM generate_series(5, 9) n"
    )
    vendor.execute("INSERT INTO patient (id, practice_id, number) VALUES (2, 1, 'a'), (3, 1, 'b')")
    vendor.execute("INSERT INTO practice (id, name) VALUES (2, 'other'), (3, 'third')")
    vendor.execute("INSERT INTO staff (id, practice_id, user_name, display_name) VALUES (9, 1, 'o', 'O')")
    vendor.execute("COMMIT")
    with house.write() as uow:
        assert book(uow, 1) == 10
        for table, columns, values in (
            ("patient", "number", "'c'"),
            ("calendar", "kind, name", "'room', 'R'"),
            ("location", "name", "'L'"),
            ("staff", "user_name, display_name", "'new', 'New'"),
        ):
            run(uow, f"INSERT INTO {table} (practice_id, {columns}) VALUES (1, {values})")
        assert practices.create(uow, "fourth").id == 4
    vendor.execute(
        "INSERT INTO appointment (id, practice_id, starts_at, ends_at) VALUES (7777, 1, now(), now())"
    )
    vendor.execute("DELETE FROM appointment WHERE id = 7777")
    with house.write() as uow:
        assert book(uow, 1) == 7778
