"""Whether the tables still have what they were made with, by name: columns, constraints, indexes.

A tool that rebuilds a table, or a restore that went on after an error, loses them without a word. What
others have added is no matter.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Index, PrimaryKeyConstraint, Table, text

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.schema import metadata

TABLE = "the table"
"""What is said to be missing if a table is."""

_WORKING = {
    "sqlite": ("sync_counter", "sync_context", "sync_replaced"),
    "postgresql": ("sync_pending", "sync_flush", "sync_wish", "sync_journal_order"),
}
"""Tables of the triggers' own."""


def missing_parts(uow: UnitOfWork) -> Iterator[tuple[str, list[str], bool]]:
    """(table, what it lacks, whether it can still be asked) for each table that lacks something: itself,
    columns, NOT NULL, defaults, constraints."""
    found = _found(uow)
    for table in metadata.sorted_tables:
        lacking = [part for part in _parts(table, uow.dialect) if (table.name, part) not in found]
        if lacking:
            yield table.name, lacking, not {TABLE, *table.columns.keys()} & set(lacking)
    for name in _WORKING[uow.dialect]:
        if (name, TABLE) not in found:
            yield name, [TABLE], False


def missing_indexes(uow: UnitOfWork) -> list[Index]:
    """Those of the description that the database does not have, or that PostgreSQL could not finish."""
    there = set(uow.connection.execute(text(_INDEXES[uow.dialect])).scalars())
    indexes = [index for table in metadata.sorted_tables for index in table.indexes]
    return sorted((i for i in indexes if i.name not in there), key=lambda index: str(index.name))


def make_index(uow: UnitOfWork, index: Index) -> None:
    """Make it anew, also one that is there unfinished."""
    uow.connection.exec_driver_sql(f"DROP INDEX IF EXISTS {index.name}")
    index.create(uow.connection)


def _parts(table: Table, dialect: str) -> Iterator[str]:
    yield TABLE
    for column in table.columns:
        yield column.name
        if not column.nullable and not (dialect == "sqlite" and column.primary_key):
            yield f"{column.name} NOT NULL"
        if column.server_default is not None:
            yield f"{column.name} DEFAULT"
    for constraint in table.constraints:
        name = str(constraint.name)
        if dialect == "sqlite" and isinstance(constraint, PrimaryKeyConstraint):
            continue  # the one of an id has no name there
        if dialect == "sqlite" or not name.endswith("_types"):
            yield name


def _found(uow: UnitOfWork) -> set[tuple[str, str]]:
    if uow.dialect == "postgresql":
        rows = uow.connection.execute(text(_POSTGRESQL), {"table": TABLE})
        return {(row[0], row[1]) for row in rows}
    found = set()
    for name, sql in uow.connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
    ).all():
        found |= {(name, TABLE), *((name, part) for part in _words(sql) if part.startswith(_NAMED))}
        for row in uow.connection.exec_driver_sql(f'PRAGMA table_info("{name}")'):
            found.add((name, row[1]))
            found |= {(name, f"{row[1]} NOT NULL")} if row[3] else set()
            found |= {(name, f"{row[1]} DEFAULT")} if row[4] is not None else set()
    return found


_NAMED = ("ck_", "fk_", "uq_")
"""How names of constraints begin (``schema.columns``): SQLite tells them only in the table's own text."""


def _words(sql: str) -> list[str]:
    return sql.replace('"', " ").replace("`", " ").split()


_INDEXES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index'",
    "postgresql": (
        "SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE c.relnamespace = current_schema()::regnamespace AND i.indisvalid"
    ),
}

_POSTGRESQL = """
WITH tables AS (SELECT c.oid, c.relname::text AS name FROM pg_class c
                WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')),
columns AS (SELECT t.name, a.attname::text AS part, a.attnotnull, a.atthasdef FROM tables t
            JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped)
SELECT name, :table FROM tables
UNION ALL SELECT name, part FROM columns
UNION ALL SELECT name, part || ' NOT NULL' FROM columns WHERE attnotnull
UNION ALL SELECT name, part || ' DEFAULT' FROM columns WHERE atthasdef
UNION ALL SELECT t.name, k.conname::text FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid
"""
