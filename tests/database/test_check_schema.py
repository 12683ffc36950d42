"""``check`` knows what the tables were made with: what another program's rebuild has lost is named."""

from __future__ import annotations

from contextlib import closing

import pytest

from radicale_practice.practice.database import Database
from radicale_practice.practice.schema import metadata
from radicale_practice.practice.upkeep import check
from tests.database.foreign import connect
from tests.database.house import furnished

WORKING = {
    "sqlite": ("sync_counter", "sync_context", "sync_replaced"),
    "postgresql": ("sync_pending", "sync_flush", "sync_wish", "sync_journal_order"),
}


def schema_problems(database: Database) -> dict[str, tuple[str, ...]]:
    """What is missing, by kind and table."""
    with database.read() as uow:
        return {f"{p.kind} {p.table}": p.ids for p in check.check(uow) if p.kind in ("missing", "index")}


def test_nothing_is_missing_and_more_is_no_matter(database: Database, database_url: str) -> None:
    with closing(connect(database_url)) as vendor:
        vendor.execute("CREATE TABLE invoice (id integer primary key, appointment_id integer)")
        vendor.execute("ALTER TABLE appointment ADD COLUMN invoice_id integer")
        vendor.execute("CREATE INDEX vendor_index ON appointment (invoice_id)")
    assert schema_problems(furnished(database)) == {}


@pytest.mark.parametrize("name", sorted(i.name or "" for t in metadata.sorted_tables for i in t.indexes))
def test_each_index(name: str, sqlite_url: str) -> None:
    _index_is_made_again(name, Database(sqlite_url))


def test_each_index_of_postgresql(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    for table in metadata.sorted_tables:
        for index in table.indexes:
            _index_is_made_again(str(index.name), database)
    database.dispose()


def _index_is_made_again(name: str, database: Database) -> None:
    with database.write() as uow:
        uow.connection.exec_driver_sql(f"DROP INDEX {name}")
    ((kind, names),) = schema_problems(database).items()
    assert kind.startswith("index ")
    assert names == (name,)
    with database.write() as uow:
        assert [problem.kind for problem in check.repair(uow)] == ["index"]
    assert schema_problems(database) == {}


def test_each_table(database: Database) -> None:
    """Nothing else can be judged then, and nothing is made empty in its place."""
    names = [table.name for table in metadata.sorted_tables]
    for name in (*names, *WORKING[database.dialect]):
        with database.engine.connect() as connection:
            connection.exec_driver_sql(
                f"ALTER TABLE {name} RENAME TO gone"
                if database.dialect == "postgresql"
                else f"DROP TABLE {name}"
            )
            connection.commit()
        found = schema_problems(database)
        assert found[f"missing {name}"][0] == "the table"
        if database.dialect == "sqlite":
            break
        with database.engine.connect() as connection:
            connection.exec_driver_sql(f"ALTER TABLE gone RENAME TO {name}")
            connection.commit()
    with database.write() as uow:
        check.repair(uow)


LOST = {
    "DROP CONSTRAINT ck_appointment_status": "ck_appointment_status",
    "DROP CONSTRAINT uq_appointment_practice_id": "uq_appointment_practice_id",
    "DROP CONSTRAINT fk_appointment_patient_id": "fk_appointment_patient_id",
    "ALTER subject DROP DEFAULT": "subject DEFAULT",
    "ALTER subject DROP NOT NULL": "subject NOT NULL",
}


@pytest.mark.parametrize("change", LOST)
def test_what_a_table_has_lost(postgresql_url: str, change: str) -> None:
    database = furnished(Database(postgresql_url))
    with closing(connect(postgresql_url)) as owner:
        owner.execute(f"ALTER TABLE appointment {change}")
    assert schema_problems(database) == {"missing appointment": (LOST[change],)}
    database.dispose()


def test_a_table_that_a_tool_has_rebuilt(sqlite_url: str) -> None:
    """Copied, dropped and renamed, as tools for SQLite do that know columns only."""
    database = furnished(Database(sqlite_url))
    with closing(connect(sqlite_url)) as tool:
        tool.execute("CREATE TABLE rebuilt AS SELECT * FROM calendar_access")
        tool.execute("DROP TABLE calendar_access")
        tool.execute("ALTER TABLE rebuilt RENAME TO calendar_access")
    found = schema_problems(database)
    assert "ck_calendar_access_access" in found["missing calendar_access"]
    assert "access NOT NULL" in found["missing calendar_access"]
    assert found["index calendar_access"] == ("ix_calendar_access_staff_id",)
    database.dispose()
