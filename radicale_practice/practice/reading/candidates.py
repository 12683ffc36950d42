"""Which objects of a calendar can lie in a range: index ranges over wall times, generous by some hours.

Single entries and overridden instances are found by their start, long ones (over two days) by an index of
their own, series by their stored occurrences. A series that is not stored, not far enough, or stored beside a
change (another basis) is a candidate in any case: correctness never depends on storing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    any_,
    bindparam,
    func,
    not_,
    or_,
    select,
    text,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY

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
    place = parameters(practice_id, calendar_id, within, time_zone)
    found = stored(uow, place)
    query = select(calendar_object.c.id).where(condition(uow.dialect))
    with translated_errors():
        ids = set(uow.connection.execute(query, place).scalars())
    return Candidates(sorted(ids.union(found.object_ids)), found.starts)


def parameters(practice_id: int, calendar_id: int, within: Range, time_zone: str) -> dict[str, Any]:
    """What ``condition`` needs; ``time_zone`` is the practice's."""
    low = max(within.wall_start - _DAY, _FIRST + LONG)
    return {
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


def well_within(place: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """Practice's wall times: what starts from the first on and before the second lies in the range
    of these ``parameters``, whatever the offset. The second may be the earlier one: the range is short."""
    return place["zone_low"] + 2 * _SLACK, place["zone_high"] - 2 * _SLACK


def stored(uow: UnitOfWork, place: Mapping[str, Any]) -> Candidates:
    """The well stored series alone. One statement."""
    ids: list[int] = []
    starts: dict[int, list[datetime]] = {}
    with translated_errors():
        for object_id, series_id, start in uow.connection.execute(_stored_query(uow.dialect), place):
            if series_id not in starts:
                ids.append(object_id)
            starts.setdefault(series_id, []).append(start)
    return Candidates(ids, starts)


def _is_long(dialect: str) -> ColumnElement[bool]:
    # the very words of the partial index, which SQLite compares as they stand
    return text(IS_LONG[dialect])  # type: ignore[return-value]


def _objects_of(ids: CompoundSelect[Any] | Select[Any], dialect: str) -> ColumnElement[bool]:
    """Live objects of the calendar (parameter ``calendar``) that show one of these appointments.

    The appointments are found first and their objects looked up by the index, with or without statistics: an
    array is short to PostgreSQL's planner, and "+ 0" takes the index of the whole calendar from SQLite's.
    """
    o = calendar_object.c
    here = bindparam("calendar", type_=BigId)
    if dialect == "sqlite":
        return and_(o.appointment_id.in_(ids), o.calendar_id + 0 == here, o.removed_revision.is_(None))
    listed = any_(func.array(ids.scalar_subquery(), type_=ARRAY(BigId)))
    return and_(o.appointment_id == listed, o.calendar_id == here, o.removed_revision.is_(None))


def _well_stored() -> ColumnElement[bool]:
    x = series_expansion.c
    return and_(x.basis == series_basis(), or_(x.complete, x.expanded_until >= bindparam("high")))


@lru_cache(maxsize=2)
def _stored_query(dialect: str) -> Select[Any]:
    in_range = and_(
        occurrence.c.practice_id == bindparam("practice"),
        occurrence.c.starts_at >= bindparam("lower"),
        occurrence.c.starts_at < bindparam("high"),
    )
    o = calendar_object.c
    source = (
        calendar_object.join(occurrence, occurrence.c.series_id == o.appointment_id)
        .join(appointment, appointment.c.id == o.appointment_id)
        .join(series_expansion, series_expansion.c.series_id == o.appointment_id)
    )
    return (
        select(o.id, occurrence.c.series_id, occurrence.c.recurrence_id)
        .select_from(source)
        .where(_objects_of(select(occurrence.c.series_id).where(in_range), dialect), in_range, _well_stored())
        .order_by(occurrence.c.series_id, occurrence.c.recurrence_id)
    )


@lru_cache(maxsize=2)
def condition(dialect: str) -> ColumnElement[bool]:
    """Whether a calendar object can lie in the range (``parameters``), by its own row or one of its series; a
    well stored series by an instance of its own alone."""
    a = appointment.c
    in_practice = a.practice_id == bindparam("practice")
    near = and_(
        in_practice,
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
    long = and_(
        in_practice, _is_long(dialect), a.starts_at < bindparam("lower"), a.ends_at >= bindparam("low")
    )
    not_well_stored = (
        select(a.id)
        .select_from(appointment.outerjoin(series_expansion, series_expansion.c.series_id == a.id))
        .where(
            in_practice,
            text(f"({IS_SERIES})"),
            or_(series_expansion.c.series_id.is_(None), not_(_well_stored()), _is_long(dialect)),
        )
    )
    found = union(
        select(a.id).where(near),
        select(a.series_id).where(near, a.series_id.is_not(None)),
        select(a.id).where(long),
        select(a.series_id).where(long, a.series_id.is_not(None)),
        not_well_stored,
    )
    return _objects_of(found, dialect)
