"""The migrations make exactly the tables that the code describes, and the triggers of the description."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from radicale_practice.practice import migrate
from radicale_practice.practice.database import Database
from radicale_practice.practice.schema import metadata
from radicale_practice.practice.triggers import expected, present

WORKING_TABLES = {
    "sync_counter",
    "sync_context",
    "sync_replaced",
    "sync_pending",
    "sync_flush",
    "sync_wish",
    "sync_journal_order",
}


def test_migrated_tables_are_the_described_ones(database: Database) -> None:
    with database.read() as uow:
        context = MigrationContext.configure(uow.connection, opts={"compare_type": True})
        differences = [
            d
            for d in compare_metadata(context, metadata)
            if not (d[0] in {"remove_table", "remove_index"} and str(d[1]).split(".")[-1] in WORKING_TABLES)
            and "sync_" not in repr(d[1])
        ]
    assert differences == []


def test_upgrade_twice_changes_nothing(database: Database) -> None:
    with database.read() as uow:
        before = present(uow.connection)
        assert migrate.is_current(uow)
    migrate.upgrade(database)
    with database.read() as uow:
        assert present(uow.connection) == before


def test_catalogue_has_what_the_description_asks_for(database: Database) -> None:
    with database.read() as uow:
        found = present(uow.connection)
        wanted = {(made.kind, made.name): made.text for made in expected(uow.connection)}
    if database.dialect == "postgresql":
        assert set(found) == set(wanted)
    assert {k: v for k, v in found.items() if k[0] != "view"} == {
        k: v for k, v in wanted.items() if k[0] != "view"
    }
