"""What only Python can judge: zones, wall times, lists of dates, rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import String, or_, select, text

from radicale_practice.practice import zones
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.people.staff import is_user_name
from radicale_practice.practice.schema.columns import WALL_TIME_FORMAT, is_wall_time
from radicale_practice.practice.schema.practice_tables import PRACTICE_TABLES, appointment, staff
from radicale_practice.practice.series import recurrence

Found = tuple[str, str, list[str], str]


def value_problems(uow: UnitOfWork) -> Iterator[Found]:
    """(kind, table, ids, reason) of rows whose values cannot be read."""
    for table in ("practice", "appointment"):
        names = uow.connection.execute(text(f"SELECT time_zone, min(id) FROM {table} GROUP BY time_zone"))
        ids = [str(row[1]) for row in names if zones.canonical(row[0]) is None]
        if ids:
            yield "zone", table, ids, "the first of each group of rows with an unknown time zone"
    yield from _user_names(uow)
    if uow.dialect == "sqlite":
        yield from _times(uow)
        yield from _texts(uow)
        yield from _file(uow)
    yield from _series(uow)


def _user_names(uow: UnitOfWork) -> Iterator[Found]:
    rows = uow.connection.execute(select(staff.c.id, staff.c.user_name).order_by(staff.c.id))
    ids = [str(row.id) for row in rows if not is_user_name(row.user_name)]
    if ids:
        yield "user name", "staff", ids, "cannot stand in a path, so this person cannot be served"


def _texts(uow: UnitOfWork) -> Iterator[Found]:
    """SQLite takes any bytes for a text, as a program writes them that thinks in its own code page."""
    for table in PRACTICE_TABLES:
        key = next(iter(table.primary_key.columns)).name
        wrong: set[int] = set()
        for column in table.columns:
            if not isinstance(column.type, String):
                continue
            rows = uow.connection.exec_driver_sql(
                f"SELECT {key}, CAST({column.name} AS BLOB) FROM {table.name}"
                f" WHERE {column.name} GLOB ? OR instr({column.name}, char(0))",
                ("*[^\x01-~]*",),
            )
            wrong |= {row[0] for row in rows if not _is_text(row[1])}
        if wrong:
            yield "text", table.name, [str(i) for i in sorted(wrong)], "a text that is not in UTF-8"


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _file(uow: UnitOfWork) -> Iterator[Found]:
    """What SQLite itself finds: damaged pages and indexes, and rows that constraints would refuse, written by
    a program that had switched them off or read back from a damaged file."""
    found = [str(row[0]) for row in uow.connection.exec_driver_sql("PRAGMA integrity_check(20)")]
    if found != ["ok"]:
        yield "damaged", "file", found, "PRAGMA integrity_check"


def unreadable_appointments(uow: UnitOfWork) -> dict[int, str]:
    """Ids of all appointment rows whose values cannot be read, with the kind of what is wrong."""
    found: dict[int, str] = {}
    checks = [*_series(uow), *(_times(uow) if uow.dialect == "sqlite" else ())]
    for kind, _, ids, _ in checks:
        found |= dict.fromkeys(map(int, ids), kind)
    names = uow.connection.execute(select(appointment.c.time_zone).distinct()).scalars()
    unknown = [name for name in names if zones.canonical(name) is None]
    if unknown:
        rows = select(appointment.c.id).where(appointment.c.time_zone.in_(unknown))
        found |= dict.fromkeys(uow.connection.execute(rows).scalars(), "zone")
    return found


def _times(uow: UnitOfWork) -> Iterator[Found]:
    for column in ("starts_at", "ends_at", "recurrence_id"):
        rows = uow.connection.exec_driver_sql(
            f"SELECT id FROM appointment WHERE {column} IS NOT NULL AND NOT ({is_wall_time(column)})"
            " ORDER BY id"
        )
        ids = [str(row[0]) for row in rows]
        if ids:
            yield "time", "appointment", ids, f"{column} is not YYYY-MM-DD HH:MM:SS"


def _series(uow: UnitOfWork) -> Iterator[Found]:
    columns = appointment.c
    rows = uow.connection.execute(
        select(
            columns.id, columns.rrule, columns.rdate, columns.exdate, columns.starts_at, columns.all_day
        ).where(or_(columns.rrule != "", columns.rdate != "", columns.exdate != ""))
    )
    rules: list[str] = []
    dates: list[str] = []
    for row in rows:
        if not all(_is_wall_time(part) for part in (*_parts(row.rdate), *_parts(row.exdate))):
            dates.append(str(row.id))
        if row.rrule and row.starts_at is not None and not _is_rule(row.rrule, row.starts_at, row.all_day):
            rules.append(str(row.id))
    if dates:
        yield "dates", "appointment", dates, "rdate or exdate is no list of YYYY-MM-DD HH:MM:SS"
    if rules:
        yield "rule", "appointment", rules, "rrule cannot be followed (RFC 5545 3.3.10)"


def _parts(dates: str) -> list[str]:
    return [part.strip() for part in dates.split(",") if part.strip()]


def _is_wall_time(value: str) -> bool:
    try:
        datetime.strptime(value, WALL_TIME_FORMAT)
    except ValueError:
        return False
    return True


def _is_rule(rrule: str, start: datetime, all_day: bool) -> bool:
    try:
        recurrence.check_rule(rrule, start, all_day)
    except InvalidValue:
        return False
    return True
