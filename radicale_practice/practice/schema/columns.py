"""Column types and defaults shared by all tables, safe for a plain INSERT by a foreign program."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

WALL_TIME_FORMAT = "%Y-%m-%d %H:%M:%S"

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit key; SQLite numbers rows by itself only in a column declared INTEGER."""


class WallTime(TypeDecorator[datetime]):
    """A local date and time without a zone: TIMESTAMP on PostgreSQL, ``YYYY-MM-DD HH:MM:SS`` on SQLite.

    The one text form on SQLite makes text order equal to time order; a CHECK holds foreign programs to
    it. A text that is no time (an old row, a CHECK switched off) reads as None, not as an exception.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """TEXT on SQLite, TIMESTAMP(0) WITHOUT TIME ZONE elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(19))
        # whole seconds: a fraction would make an instance another one than its rule says
        return TIMESTAMP(timezone=False, precision=0)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Whole seconds: RFC 5545 DATE-TIME has no fractions."""
        if value is None:
            return None
        value = value.replace(microsecond=0, tzinfo=None)
        return value.isoformat(" ") if dialect.name == "sqlite" else value

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """None, nothing to do, for a driver that gives the naive datetime itself."""
        return super().result_processor(dialect, coltype) if dialect.name == "sqlite" else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The naive datetime."""
        if value is None or isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(str(value)).replace(tzinfo=None)
        except ValueError:
            return None


def is_wall_time(column: str) -> str:
    """SQLite: condition that a text is a time that exists, in the one form (``+0 days`` makes 31 February
    another day)."""
    return f"{column} IS strftime('{WALL_TIME_FORMAT}', {column}, '+0 days')"


def sqlite_types(columns: Iterable[Column[Any]]) -> CheckConstraint:
    """SQLite keeps whatever a program binds, a text 'false' as a flag or bytes as a text: one such row would
    be read wrongly or break every listing. PostgreSQL's own types refuse it."""
    parts = []
    for column in columns:
        if column.name == "id":
            continue  # the one column SQLite itself keeps to numbers
        if isinstance(column.type, WallTime):
            part = is_wall_time(column.name)
        elif isinstance(column.type, Boolean):
            part = f"{column.name} IN (0, 1)"
        else:
            kind = "integer" if isinstance(column.type, Integer) else "text"
            part = f"typeof({column.name}) = '{kind}'"
        parts.append(f"({column.name} IS NULL OR {part})" if column.nullable else part)
    return CheckConstraint(" AND ".join(parts), name="types").ddl_if(dialect="sqlite")


def with_sqlite_types(*tables: Table) -> None:
    """Add ``sqlite_types`` of all their columns to the tables."""
    for table in tables:
        table.append_constraint(sqlite_types(table.columns))


class _MadeByDatabase(FunctionElement[str]):
    """A SQL default that each engine has words of its own for."""

    inherit_cache = True
    type = Text()
    words: ClassVar[dict[str, str]]


@compiles(_MadeByDatabase)
def _in_its_words(element: _MadeByDatabase, compiler: SQLCompiler, **_: Any) -> str:
    return element.words[compiler.dialect.name]


class random_public_id(_MadeByDatabase):  # noqa: N801 - a SQL function
    """32 random hexadecimal digits."""

    inherit_cache = True
    words: ClassVar[dict[str, str]] = {
        "sqlite": "(lower(hex(randomblob(16))))",
        "postgresql": "replace(gen_random_uuid()::text, '-', '')",
    }


class utc_now(_MadeByDatabase):  # noqa: N801 - a SQL function
    """The present instant in UTC as a wall time."""

    inherit_cache = True
    words: ClassVar[dict[str, str]] = {
        "sqlite": f"(strftime('{WALL_TIME_FORMAT}', 'now'))",
        "postgresql": "date_trunc('second', now() AT TIME ZONE 'utc')",
    }


def id_column() -> Column[int]:
    """The internal key."""
    return Column("id", BigId, primary_key=True, autoincrement=True)


def public_id_column() -> Column[str]:
    """The opaque random id that may leave the house."""
    return Column("public_id", String(64), nullable=False, unique=True, server_default=random_public_id())


def external_id_column() -> Column[str]:
    """The vendor's own key, unique in its practice."""
    return Column("external_id", String(255))


def text_column(name: str, default: str = "") -> Column[str]:
    """Text that is never NULL."""
    return Column(name, Text, nullable=False, server_default=default)


def created_column(name: str = "created_at") -> Column[datetime]:
    """When the row was made, UTC."""
    return Column(name, WallTime, nullable=False, server_default=utc_now())
