"""Bring a database to the present schema, or say whether it is there."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from radicale_practice.practice.database import Database, UnitOfWork, translated_errors

MIGRATION_LOCK = 0x5052414D
"""Advisory lock: two processes that start together upgrade one after the other."""


def upgrade(database: Database) -> None:
    """Create or upgrade all tables, then drop and make all triggers; one transaction, all or nothing.

    Raises ``Unavailable`` if the database cannot be reached or is locked.
    """
    with translated_errors(), database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # A rebuilt table must not take its referring rows along; only effective outside a transaction.
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        try:
            command.upgrade(_config(connection), "head")
        except BaseException:
            database.rollback(connection)
            raise
        else:
            database.commit(connection)
        finally:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def is_current(uow: UnitOfWork) -> bool:
    """Whether the database has exactly this version's schema."""
    with translated_errors():
        if not inspect(uow.connection).has_table("alembic_version"):
            return False
        versions = uow.connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return versions == [head()]


@cache
def head() -> str:
    """The newest migration's name."""
    return str(ScriptDirectory.from_config(_config(None)).get_current_head())


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
