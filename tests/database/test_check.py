"""``check`` finds every kind of problem, made on purpose; ``repair`` mends what it can in a new epoch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

import psycopg
import pytest

from radicale_practice.practice.database import Database
from radicale_practice.practice.schema.practice_tables import PRACTICE_TABLES
from radicale_practice.practice.series import occurrences
from radicale_practice.practice.sync import revisions, watch
from radicale_practice.practice.triggers.description import TRACKED
from radicale_practice.practice.upkeep import check
from radicale_practice.practice.upkeep.check_queries import QUERIES
from tests.database.foreign import connect
from tests.database.house import book, furnished, place, run

OTHER = (
    "INSERT INTO practice (id, name) VALUES (2, 'other')",
    "INSERT INTO staff (id, practice_id, user_name, display_name) VALUES (9, 2, 'o', 'o')",
    "INSERT INTO calendar (id, practice_id, staff_id, name) VALUES (9, 2, 9, 'o')",
    "INSERT INTO patient (id, practice_id, number) VALUES (9, 2, '1')",
    "INSERT INTO location (id, practice_id, name) VALUES (9, 2, 'o')",
)
INSTANCE = (
    "INSERT INTO appointment (id, practice_id, starts_at, ends_at, series_id, recurrence_id) VALUES"
    " ({id}, 1, '2026-03-09 10:00:00', '2026-03-09 10:00:00', {series}, '2026-03-09 09:00:00')"
)


@pytest.fixture
def house(database: Database) -> Database:
    """Four appointments, the third cancelled, a series (5) with an instance (6), and another practice."""
    furnished(database)
    with database.write() as uow:
        for _ in range(4):
            book(uow, 1)
        book(uow, 2, rrule="FREQ=WEEKLY")
        run(uow, INSTANCE.format(id=6, series=5))
        place(uow, 1, 4, "resource")
        for statement in OTHER:
            run(uow, statement)
    with database.write() as uow:
        run(uow, "UPDATE appointment SET status = 'cancelled' WHERE id = 3")
    return database


@contextmanager
def unchecked(url: str) -> Iterator[Any]:
    """A program that has switched constraints and foreign keys off."""
    if url.startswith("sqlite"):
        with closing(connect(url)) as connection:
            connection.execute("PRAGMA foreign_keys=OFF")
            connection.execute("PRAGMA ignore_check_constraints=ON")
            yield connection
        return
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


def problems(database: Database) -> list[check.Problem]:
    with database.read() as uow:
        return check.check(uow)


def found(database: Database) -> set[tuple[str, str]]:
    return {(problem.kind, problem.table) for problem in problems(database)}


def epoch(database: Database) -> str:
    with database.read() as uow:
        return revisions.calendar_states(uow, [1], 1)[1].epoch


def mended(database: Database, *, seen: bool = True) -> None:
    """``repair`` leaves nothing to find, and clients list everything again if they could see it."""
    before = epoch(database)
    with database.write() as uow:
        assert check.repair(uow) != []
    assert found(database) == set()
    assert (epoch(database) != before) == seen


def test_healthy_database_has_no_problem(house: Database) -> None:
    assert found(house) == set()
    before = epoch(house)
    with house.write() as uow:
        assert check.repair(uow) == []
    assert epoch(house) == before


MENDED = {
    ("no object", "appointment"): "DELETE FROM calendar_object WHERE appointment_id = 1",
    ("not served", "calendar_object"): (
        "UPDATE calendar_object SET removed_revision = NULL WHERE appointment_id = 3"
    ),
    ("no change row", "calendar_object"): "DELETE FROM object_change",
    ("old change row", "calendar_object"): (
        "DELETE FROM object_change WHERE object_id IN"
        " (SELECT id FROM calendar_object WHERE appointment_id = 3)"
    ),
    ("stray change row", "object_change"): "INSERT INTO object_change VALUES (1, 0, 1, 999)",
    ("wrong calendar", "object_change"): "UPDATE object_change SET calendar_id = 3 WHERE calendar_id = 1",
    ("counter", ""): "UPDATE calendar_object SET created_revision = 1000 WHERE id = 1",
    ("no sync row", "calendar"): "DELETE FROM calendar_sync",
    ("left over", "event_extra"): "INSERT INTO event_extra VALUES (777, 'VEVENT', 'X-A:1')",
    ("left over", "personal_extra"): "INSERT INTO personal_extra VALUES (777, 1, 'BEGIN:VALARM')",
    ("left over", "patient_name"): "INSERT INTO patient_name VALUES (777, 1, 'maria huber', '')",
    ("left over", "occurrence"): (
        "INSERT INTO occurrence VALUES (777, '2026-03-02 09:00:00', 1, '2026-03-02 09:00:00',"
        " '2026-03-02 09:00:00')"
    ),
    ("left over", "series_expansion"): (
        "INSERT INTO series_expansion VALUES (777, '2026-03-02 09:00:00', true, '')"
    ),
    ("occurrences", "series_expansion"): (
        "DELETE FROM occurrence WHERE series_id = 5 AND recurrence_id > '2026-05-01 00:00:00'"
    ),
}


@pytest.mark.parametrize(("kind", "table"), MENDED)
def test_broken_sync_tables_are_mended(house: Database, kind: str, table: str) -> None:
    with house.write() as uow:
        occurrences.store(uow, [5], datetime(2027, 1, 1))
    assert found(house) == set()
    with house.write() as uow:
        run(uow, MENDED[kind, table])
    assert (kind, table) in found(house) or (not table and kind in {k for k, _ in found(house)})
    mended(house, seen=kind != "left over")


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE occurrence SET starts_at = '2026-03-10 09:00:00' WHERE recurrence_id = '2026-03-09 09:00:00'",
        "UPDATE series_expansion SET complete = true",
        "INSERT INTO occurrence SELECT series_id, '2026-03-10 09:00:00', practice_id, starts_at, ends_at"
        " FROM occurrence WHERE recurrence_id = '2026-03-09 09:00:00'",
    ],
)
def test_stored_occurrences_are_those_of_the_rule(house: Database, wrong: str) -> None:
    """A phone that asks for a month would not be told of an appointment in it."""
    with house.write() as uow:
        occurrences.store(uow, [5], datetime(2027, 1, 1))
        run(uow, wrong)
    (problem,) = problems(house)
    assert (problem.kind, problem.ids) == ("occurrences", ("5",))
    mended(house)
    with house.write() as uow:
        assert occurrences.pending(uow, datetime(2027, 1, 1)) == [5]


@pytest.mark.parametrize("key", ["href", "uid", "appointment"])
def test_what_may_be_live_once_only(house: Database, database_url: str, key: str) -> None:
    """Without its index a table takes what must not be there twice."""
    column = "appointment_id" if key == "appointment" else key
    with closing(connect(database_url)) as vendor:
        vendor.execute(f"DROP INDEX uq_calendar_object_live_{key}")
        vendor.execute(
            f"UPDATE calendar_object SET {column} = (SELECT {column} FROM calendar_object WHERE id = 1)"
            " WHERE id = 2"
        )
    assert {("twice", "calendar_object"), ("index", "calendar_object")} <= found(house)
    mended(house)
    with house.read() as uow:
        assert run(uow, "SELECT count(*) FROM calendar_object WHERE removed_revision IS NULL") == 5


@pytest.mark.parametrize("table", ["sync_counter", "sync_context"])
def test_lost_working_rows_of_sqlite(sqlite_url: str, table: str) -> None:
    """Recovered from a damaged file: without the counter any program's write would fail."""
    database = furnished(Database(sqlite_url))
    with database.write() as uow:
        book(uow, 1)
    with closing(connect(sqlite_url)) as vendor:
        vendor.execute(f"DELETE FROM {table}")
    assert found(database) == {("counter", "sync_counter")}
    mended(database)
    with closing(connect(sqlite_url)) as vendor:
        vendor.execute("UPDATE appointment SET note = 'x'")
        (journalled,) = vendor.execute("SELECT count(*) FROM journal WHERE action = 'foreign'").fetchone()
    assert journalled == 1
    assert found(database) == set()
    database.dispose()


def test_notes_that_got_no_revision_are_flushed(postgresql_url: str) -> None:
    database = furnished(Database(postgresql_url))
    with database.write() as uow:
        appointment = book(uow, 1)
    before = epoch(database)
    with database.write() as uow:
        run(
            uow,
            "INSERT INTO sync_pending (txid, practice_id, source, key1)"
            " VALUES ('1'::xid8, 1, 'appointment', :a)",
            a=appointment,
        )
    assert found(database) == {("unflushed", "sync_pending")}
    mended(database)
    assert epoch(database) != before
    database.dispose()


def test_what_programs_were_not_told_of_is_told(postgresql_url: str) -> None:
    """The journal was written while its trigger was off: nobody would ever hear of the change."""
    database = furnished(Database(postgresql_url))
    told = "INSERT INTO journal (practice_id, appointment_id, action) VALUES (1, :a, :action)"
    with database.write() as uow:
        appointment = book(uow, 1)
        run(uow, told, a=appointment, action="create")
    with psycopg.connect(postgresql_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE journal DISABLE TRIGGER sync_journal_order")
        with database.write() as uow:
            run(uow, told, a=appointment, action="move")
            run(uow, told, a=appointment, action="refused")
        owner.execute("ALTER TABLE journal ENABLE TRIGGER sync_journal_order")
    assert found(database) == {("untold", "journal")}
    before = epoch(database)
    with database.write() as uow:
        assert [problem.kind for problem in check.repair(uow)] == ["untold"]
    assert found(database) == set()
    assert epoch(database) == before
    with database.read() as uow:
        assert [c.action for c in watch.changes_since(uow, 1, 0)[0]] == ["create", "move"]
    database.dispose()


def test_numbers_that_would_be_given_out_twice(postgresql_url: str) -> None:
    """Written while triggers were off: else the next person added would be refused."""
    database = furnished(Database(postgresql_url))
    with unchecked(postgresql_url) as vendor:
        vendor.execute(OTHER[1].replace("9, 2", "9, 1"))
    assert found(database) == {("numbers", "staff")}
    before = epoch(database)
    with database.write() as uow:
        assert [problem.kind for problem in check.repair(uow)] == ["numbers"]
    assert (found(database), epoch(database)) == (set(), before)
    with database.write() as uow:
        added = "INSERT INTO staff (practice_id, user_name, display_name) VALUES (1, 'n', 'n') RETURNING id"
        assert run(uow, added) == 10
    database.dispose()


BEHIND = {
    "calendar_object": "calendar_object_id_seq",
    "journal": "journal_id_seq",
    "sync_journal_order": "sync_journal_order_cursor_seq",
}


@pytest.mark.parametrize("table", BEHIND)
def test_numbers_that_a_replica_has_not_followed(postgresql_url: str, table: str) -> None:
    """Logical replication brings the rows and leaves the sequences behind: nothing could be written."""
    database = furnished(Database(postgresql_url))
    add = "INSERT INTO journal (practice_id, appointment_id, action) VALUES (1, :a, 'create')"
    with database.write() as uow:
        run(uow, add, a=book(uow, 1))
        run(uow, add, a=book(uow, 1))
    with database.write() as uow:
        run(uow, f"SELECT setval('{BEHIND[table]}', 1, false)")
    assert found(database) == {("numbers", table)}
    with database.write() as uow:
        check.repair(uow)
    assert found(database) == set()
    with database.write() as uow:
        run(uow, add, a=book(uow, 1))
    database.dispose()


LEFT_ALONE = {
    "two owners": ("appointment", "INSERT INTO appointment_calendar VALUES (1, 2, 'owner')"),
    "no owner": ("appointment", "UPDATE appointment_calendar SET role = 'resource' WHERE appointment_id = 1"),
    "no master": ("appointment", INSTANCE.format(id=7, series=6)),
    "twice overridden": ("appointment", INSTANCE.format(id=7, series=5)),
    "other practice": ("appointment", "UPDATE appointment SET patient_id = 9 WHERE id = 1"),
    "other practice, place": ("appointment", "UPDATE appointment SET location_id = 9 WHERE id = 1"),
    "other practice, series": ("appointment", "UPDATE appointment SET practice_id = 2 WHERE id = 6"),
    "other practice, calendar": (
        "appointment_calendar",
        "UPDATE appointment_calendar SET calendar_id = 9 WHERE appointment_id = 2",
    ),
    "other practice, person": ("calendar", "UPDATE calendar SET practice_id = 2 WHERE id = 3"),
    "other practice, access": ("calendar_access", "INSERT INTO calendar_access VALUES (1, 9, 'read')"),
    "zone": ("practice", "UPDATE practice SET time_zone = 'Europe/Nowhere' WHERE id = 2"),
    "zone, appointment": ("appointment", "UPDATE appointment SET time_zone = '../etc' WHERE id = 1"),
    "rule": ("appointment", "UPDATE appointment SET rrule = 'FREQ=NEVER' WHERE id = 5"),
    "dates": ("appointment", "UPDATE appointment SET exdate = '9.3.2026' WHERE id = 5"),
    "user name": ("staff", "UPDATE staff SET user_name = 'a/b' WHERE id = 1"),
    "erased": ("patient", "UPDATE patient SET erased = true WHERE id = 1"),
    "other practice, merged": ("patient", "UPDATE patient SET merged_into_id = 9 WHERE id = 1"),
    "schema": ("alembic_version", "UPDATE alembic_version SET version_num = '0000'"),
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_what_only_a_person_can_judge_is_reported_and_left_alone(
    house: Database, database_url: str, name: str
) -> None:
    table, statement = LEFT_ALONE[name]
    with closing(connect(database_url)) as vendor:
        vendor.execute(statement)
    (problem,) = problems(house)
    assert (problem.kind, problem.table) == (name.split(",")[0], table)
    assert not problem.repairable
    with house.write() as uow:
        assert check.repair(uow) == []


KEYS = sorted((t.name, k.parent.name) for t in PRACTICE_TABLES for k in t.foreign_keys)


@pytest.mark.parametrize(("table", "column"), KEYS)
def test_a_key_that_leads_nowhere(house: Database, database_url: str, table: str, column: str) -> None:
    fill = {
        "calendar_access": "INSERT INTO calendar_access VALUES (1, 1, 'read')",
        "calendar": "DELETE FROM calendar WHERE id > 1",  # its person alone must exist
    }
    with unchecked(database_url) as vendor:
        vendor.execute(fill.get(table, "SELECT 1"))
        one = _one(table, column)
        vendor.execute(f"DELETE FROM {table} WHERE NOT ({one})")
        vendor.execute(f"UPDATE {table} SET {column} = 777")
    assert ("no such row", table) in found(house)
    texts = [p.text for p in problems(house) if (p.kind, p.table) == ("no such row", table)]
    assert any(text.startswith(f"{column} names no row") for text in texts)


def _one(table: str, column: str) -> str:
    """One row of the table, so that keys of several rows do not collide; an instance, for its series."""
    if column == "series_id":
        return "id = 6"
    return {"appointment_calendar": "appointment_id = 2", "calendar_access": "calendar_id = 1"}.get(
        table, "id = 1"
    )


def test_values_that_sqlite_was_made_to_keep(sqlite_url: str) -> None:
    database = furnished(Database(sqlite_url))
    with database.write() as uow:
        book(uow, 1)
    with unchecked(sqlite_url) as vendor:
        vendor.execute("UPDATE appointment SET starts_at = '2026-02-31 09:00:00'")
    assert found(database) == {("time", "appointment"), ("damaged", "file")}
    database.dispose()


def test_every_kind_is_made_to_fail_here() -> None:
    covered = {k for k, _ in MENDED} | {name.split(",")[0] for name in LEFT_ALONE} | {"twice"}
    assert {query.kind for query in QUERIES} - covered == {"unflushed", "untold", "numbers", "no such row"}


# the catalogue


def test_missing_or_changed_trigger_is_made_again(house: Database) -> None:
    drop = "DROP TRIGGER sync_appointment_update"
    with house.write() as uow:
        run(uow, drop if house.dialect == "sqlite" else f"{drop} ON appointment")
        run(uow, "UPDATE appointment SET status = 'cancelled'")
    assert {kind for kind, _ in found(house)} == {"triggers", "not served"}
    mended(house)
    with house.write() as uow:
        run(uow, "UPDATE appointment SET status = 'booked'")
    assert found(house) == set()


SERVED = "CREATE VIEW sync_served AS SELECT calendar_id, appointment_id, '' AS public_id, 1 AS practice_id"


@pytest.mark.parametrize(
    "change",
    [
        ("DROP VIEW sync_served", f"{SERVED} FROM appointment_calendar"),
        ("DROP VIEW phone_change",),
        ("DROP VIEW sync_served",),
        ("DROP TRIGGER sync_patient_update", "CREATE TRIGGER sync_patient_update AFTER UPDATE ON patient {}"),
        ("CREATE TRIGGER sync_extra AFTER UPDATE ON staff {}",),
    ],
)
def test_whatever_is_changed_in_a_sqlite_catalogue_is_found(sqlite_url: str, change: tuple[str, ...]) -> None:
    database = furnished(Database(sqlite_url))
    with closing(connect(sqlite_url)) as vendor:
        for statement in change:
            vendor.execute(statement.format("BEGIN SELECT 1; END"))
    assert ("triggers", "catalogue") in found(database)
    mended(database)
    database.dispose()


FLUSH = "CREATE CONSTRAINT TRIGGER sync_flush_at_commit AFTER INSERT ON sync_flush {} FOR EACH ROW EXECUTE"
OF = "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT"
AGAIN = "DROP TRIGGER sync_patient_update ON patient"


@pytest.mark.parametrize(
    "change",
    [
        ("ALTER TABLE appointment DISABLE TRIGGER sync_appointment_insert",),
        ("ALTER TABLE appointment ENABLE REPLICA TRIGGER sync_appointment_insert",),
        (
            "DROP TRIGGER sync_flush_at_commit ON sync_flush",
            FLUSH.format("DEFERRABLE INITIALLY IMMEDIATE") + " FUNCTION sync_flush_pending()",
        ),
        (
            AGAIN,
            f"CREATE TRIGGER sync_patient_update AFTER UPDATE ON location {OF}"
            " EXECUTE FUNCTION sync_patient_update()",
        ),
        (
            AGAIN,
            f"CREATE TRIGGER sync_patient_update AFTER UPDATE ON patient {OF}"
            " EXECUTE FUNCTION sync_location_update()",
        ),
        ("CREATE OR REPLACE VIEW sync_served AS SELECT * FROM sync_served WHERE calendar_id <> 1",),
        ("DROP VIEW phone_change",),
        ("DROP VIEW sync_served",),
        ("ALTER VIEW phone_change SET (security_invoker = true)",),
        ("ALTER FUNCTION sync_flush_pending SECURITY INVOKER",),
        ("ALTER FUNCTION sync_flush_pending RESET search_path",),
        (
            "CREATE OR REPLACE FUNCTION sync_flush_pending() RETURNS trigger LANGUAGE plpgsql"
            " SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS 'BEGIN RETURN NULL; END'",
        ),
        ("CREATE FUNCTION sync_extra() RETURNS int LANGUAGE sql AS 'SELECT 1'",),
    ],
)
def test_whatever_is_changed_in_a_postgresql_catalogue_is_found(
    postgresql_url: str, change: tuple[str, ...]
) -> None:
    database = furnished(Database(postgresql_url))
    with psycopg.connect(postgresql_url, autocommit=True) as owner:
        for statement in change:
            if statement.startswith("CREATE OR REPLACE VIEW"):
                statement = _recursive(owner, statement)
            owner.execute(statement)
    assert ("triggers", "catalogue") in found(database)
    mended(database)
    database.dispose()


def _recursive(owner: Any, statement: str) -> str:
    """A view cannot be made from itself: from its own text."""
    (text,) = owner.execute("SELECT pg_get_viewdef('sync_served'::regclass)").fetchone()
    return statement.replace("FROM sync_served", f"FROM ({text.rstrip('; ')}) x")


def test_every_tracked_table_has_its_triggers(house: Database) -> None:
    for table in TRACKED:
        for operation in ("insert", "update", "delete"):
            name = f"sync_{table.name}_{operation}"
            with house.write() as uow:
                run(
                    uow,
                    f"DROP TRIGGER {name}" + ("" if house.dialect == "sqlite" else f" ON {table.name}"),
                )
                (problem,) = check.check(uow)
                assert problem.ids == (name,)
                check.repair(uow)
    assert found(house) == set()
