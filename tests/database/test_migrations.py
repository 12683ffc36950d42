"""The migrations make exactly the tables that the code describes, and the triggers of the description."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, create_engine, inspect
from sqlalchemy.exc import IntegrityError

from radicale_practice.practice import migrate
from radicale_practice.practice.database import Database
from radicale_practice.practice.model import View
from radicale_practice.practice.schema import metadata
from radicale_practice.practice.triggers import expected_texts, present
from tests.database.house import furnished, run

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


def test_migrated_constraints_are_the_described_ones(database: Database, tmp_path: Path) -> None:
    """Alembic compares no CHECKs: those of the migrated tables against those of tables made at once."""
    made = create_engine(f"sqlite:///{tmp_path}/made.sqlite")
    metadata.create_all(made)
    with database.read() as uow:
        migrated = inspect(uow.connection)
        described = inspect(made)
        for table in metadata.tables:
            found = {c["name"] for c in migrated.get_check_constraints(table)}
            wanted = {
                str(c.name): c for c in metadata.tables[table].constraints if isinstance(c, CheckConstraint)
            }
            if database.dialect == "sqlite":
                assert migrated.get_check_constraints(table) == described.get_check_constraints(table)
                assert found == set(wanted)
            else:
                assert found == {name for name in wanted if not name.endswith("_types")}
    made.dispose()


def test_upgrade_twice_changes_nothing(database: Database) -> None:
    with database.read() as uow:
        before = present(uow.connection)
        assert migrate.is_current(uow)
    migrate.upgrade(database)
    with database.read() as uow:
        assert present(uow.connection) == before


def test_catalogue_has_what_the_description_asks_for(database: Database) -> None:
    with database.write() as uow:
        assert present(uow.connection) == expected_texts(uow.connection)


NEW_DEVICE = (
    "INSERT INTO device (practice_id, staff_id, name, key_hash, view) VALUES (1, 1, 'Phone', :view, :view)"
)
NEW_FEED = "INSERT INTO feed (practice_id, staff_id, token_hash, view) VALUES (1, 1, :view, :view)"


@pytest.mark.parametrize("new", [NEW_DEVICE, NEW_FEED], ids=["device", "feed"])
def test_devices_and_private_links_have_one_of_the_seven_views(database: Database, new: str) -> None:
    """Their tables are there before anything uses them."""
    with furnished(database).write() as uow:
        for view in View:
            run(uow, new, view=view.value)
        assert len(View) == 7
    with pytest.raises(IntegrityError), database.write() as uow:
        run(uow, new, view="everything")
