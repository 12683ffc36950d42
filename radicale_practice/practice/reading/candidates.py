"""Which objects of a calendar can lie in a range: index ranges over wall times, generous by some hours.

Single entries and overridden instances are found by their start, long ones (over two days) by an index of
their own, series by their stored occurrences. A series that is not stored, not far enough, or stored beside a
change (another basis) is a candidate in any case: correctness never depends on storing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    and_,
    bindparam,
    not_,
    or_,
    select,
    text,
    union,
)

from radicale_practice.practice import zones
from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.schema import series_basis
from radicale_practice.practice.schema.columns import BigId
from radicale_practice.practice.schema.practice_tables import IS_LONG, IS_SERIES, LONG_DAYS, appointment
from radicale_practice.practice.schema.sync_tables import calendar_object, occurrence, series_expansion
from radicale_practice.practice.series.spans import Range

LONG = timedelta(days=LONG_DAYS)
"""Appointments longer than this have an index of their own."""

_DAY = timedelta(days=1)
_SLACK = timedelta(hours=3)
_FIRST = datetime(1, 1, 3)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Objects that can lie in a range, and for well stored series (by id) the original starts near it.

    A series that is missing in ``starts`` has none stored that can be trusted for this range.
    """

    object_ids: list[int]
    starts: dict[int, list[datetime]]


def find(uow: UnitOfWork, practice_id: int, calendar_id: int, within: Range, time_zone: str) -> Candidates:
    """The candidates of a calendar; ``time_zone`` is the practice's. Two statements."""
    low = max(within.wall_start - _DAY, _FIRST + LONG)
    parameters = {
        "practice": practice_id,
        "calendar": calendar_id,
        # an all-day row may have been written with hours: the day it belongs to is meant
        "low": low,
        "lower": low - LONG,
        "high": within.wall_end + _DAY,
        "zone": time_zone,
        "zone_low": zones.to_wall(within.start, time_zone) - _SLACK,
        "zone_high": zones.to_wall(within.end, time_zone) + _SLACK,
    }
    starts: dict[int, list[datetime]] = {}
    with translated_errors():
        connection = uow.connection
        ids = {row[0] for row in connection.execute(_candidate_query(uow.dialect), parameters)}
        for object_id, series_id, start in connection.execute(_stored_query(), parameters):
            ids.add(object_id)
            starts.setdefault(series_id, []).append(start)
    return Candidates(sorted(ids), starts)


def _is_long(dialect: str) -> ColumnElement[bool]:
    # the very words of the partial index, which SQLite compares as they stand
    return text(IS_LONG[dialect])  # type: ignore[return-value]


def _here(source: FromClause, key: ColumnElement[Any]) -> FromClause:
    o = calendar_object.c
    # "+ 0": without statistics (just after an import) PostgreSQL would walk through the whole calendar for
    # each appointment instead of looking the appointment up
    in_calendar = o.calendar_id + 0 == bindparam("calendar", type_=BigId)
    return source.join(
        calendar_object, and_(o.appointment_id == key, in_calendar, o.removed_revision.is_(None))
    )


def _well_stored() -> ColumnElement[bool]:
    x = series_expansion.c
    return and_(x.basis == series_basis(), or_(x.complete, x.expanded_until >= bindparam("high")))


@lru_cache(maxsize=1)
def _stored_query() -> Select[Any]:
    source = occurrence.join(appointment, appointment.c.id == occurrence.c.series_id).join(
        series_expansion, series_expansion.c.series_id == occurrence.c.series_id
    )
    return (
        select(calendar_object.c.id, occurrence.c.series_id, occurrence.c.recurrence_id)
        .select_from(_here(source, occurrence.c.series_id))
        .where(
            occurrence.c.practice_id == bindparam("practice"),
            occurrence.c.starts_at >= bindparam("lower"),
            occurrence.c.starts_at < bindparam("high"),
            _well_stored(),
        )
        .order_by(occurrence.c.series_id, occurrence.c.recurrence_id)
    )


@lru_cache(maxsize=2)
def _candidate_query(dialect: str) -> CompoundSelect[Any]:
    a = appointment.c
    in_practice = a.practice_id == bindparam("practice")
    near = and_(
        a.starts_at >= bindparam("lower"),
        a.starts_at < bindparam("high"),
        a.ends_at >= bindparam("low"),
        # most entries are in the practice's zone, where the range is known to the hour
        or_(
            a.time_zone != bindparam("zone"),
            a.all_day,
            and_(a.starts_at < bindparam("zone_high"), a.ends_at >= bindparam("zone_low")),
        ),
    )
    long = and_(_is_long(dialect), a.starts_at < bindparam("lower"), a.ends_at >= bindparam("low"))

    def shown(key: ColumnElement[Any], *conditions: ColumnElement[bool]) -> Select[Any]:
        return (
            select(calendar_object.c.id).select_from(_here(appointment, key)).where(in_practice, *conditions)
        )

    expanded_here = (
        select(calendar_object.c.id)
        .select_from(
            _here(appointment, a.id).outerjoin(series_expansion, series_expansion.c.series_id == a.id)
        )
        .where(
            in_practice,
            text(f"({IS_SERIES})"),
            or_(series_expansion.c.series_id.is_(None), not_(_well_stored()), _is_long(dialect)),
        )
    )
    return union(
        shown(a.id, near),
        shown(a.series_id, near),
        shown(a.id, long),
        shown(a.series_id, long),
        expanded_here,
    )
