"""Occurrences of series, stored so that a range query finds them by index.

Only speed depends on it: a series that is not stored, not far enough or from other times and rules than it
has now (``basis``) is expanded by the query that needs it. Nobody calls this on a reading request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import and_, delete, insert, not_, or_, select, text

from radicale_practice.practice import zones
from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.model import Appointment
from radicale_practice.practice.parts import parts
from radicale_practice.practice.reading import stored_rows
from radicale_practice.practice.schema import series_basis
from radicale_practice.practice.schema.practice_tables import IS_LONG, IS_SERIES, appointment
from radicale_practice.practice.schema.sync_tables import occurrence, series_expansion
from radicale_practice.practice.series import recurrence

_COLUMNS = (
    appointment.c.id,
    appointment.c.practice_id,
    appointment.c.starts_at,
    appointment.c.ends_at,
    appointment.c.time_zone,
    appointment.c.all_day,
    appointment.c.rrule,
    appointment.c.rdate,
    appointment.c.exdate,
)

MOST = 4_000
"""Occurrences of one series that are stored; a longer one is expanded when it is needed."""


def store(uow: UnitOfWork, series_ids: Iterable[int], until: datetime) -> int:
    """Store the occurrences of these series before ``until`` (a wall time); returns how many series.

    Locks the masters' rows (those locked by others are passed over) and replaces what was stored. Ids that
    are no series, series with more than ``MOST`` occurrences or an unknown zone, and appointments of more
    than two days are not stored. Call it in a writing unit, before ``revisions.flush``.
    """
    with translated_errors():
        return sum(_store(uow, part, until) for part in parts(sorted(set(series_ids))))


def pending(uow: UnitOfWork, until: datetime, after_id: int = 0, limit: int = 1_000) -> list[int]:
    """Ids above ``after_id`` of series not stored as far as ``until``, ascending; at most ``limit``."""
    a, x = appointment.c, series_expansion.c
    query = (
        select(a.id)
        .select_from(appointment.outerjoin(series_expansion, x.series_id == a.id))
        .where(
            text(f"({IS_SERIES})"),
            a.id > after_id,
            a.status != "cancelled",
            text(f"NOT ({IS_LONG[uow.dialect]})"),
            or_(
                x.series_id.is_(None),
                x.basis != series_basis(),
                and_(not_(x.complete), x.expanded_until < until),
            ),
        )
        .order_by(a.id)
        .limit(limit)
    )
    with translated_errors():
        return list(uow.connection.execute(query).scalars())


def differing(uow: UnitOfWork) -> list[int]:
    """Ids of the series whose stored occurrences are not those of their rule, ascending.

    A damaged file or an older version left them; whoever asks for a time range is answered from them.
    """
    columns, x, o = (*_COLUMNS, series_basis()), series_expansion.c, occurrence.c
    joined = series_expansion.join(appointment, appointment.c.id == x.series_id)
    query = select(*columns, x.expanded_until, x.complete).select_from(joined).order_by(x.series_id)
    wrong = []
    with translated_errors():
        series = uow.connection.execute(query.where(x.basis == series_basis())).all()
        for part in parts(series):
            stored: dict[int, set[tuple[Any, ...]]] = {row.id: set() for row in part}
            times = select(o.series_id, o.practice_id, o.recurrence_id, o.starts_at, o.ends_at)
            for series_id, *rest in uow.connection.execute(times.where(o.series_id.in_(stored))):
                stored[series_id].add(tuple(rest))
            wrong += [row.id for row in part if not _is_of_its_rule(row, stored[row.id])]
    return wrong


def forget(uow: UnitOfWork, series_ids: Sequence[int]) -> None:
    """Drop what is stored of these series: whoever asks expands them, until they are stored anew."""
    for part in parts(series_ids):
        uow.connection.execute(delete(series_expansion).where(series_expansion.c.series_id.in_(part)))
        uow.connection.execute(delete(occurrence).where(occurrence.c.series_id.in_(part)))


def _is_of_its_rule(row: Any, stored: set[tuple[Any, ...]]) -> bool:
    entry = _series(row)
    if entry is None:
        return False
    starts = list(islice(recurrence.expand(entry, None, row.expanded_until), MOST + 1))
    names = ("practice_id", "recurrence_id", "starts_at", "ends_at")
    right = {tuple(made[name] for name in names) for made in _rows(row, entry, starts)}
    return stored == right and bool(row.complete) == _is_complete(entry, row.expanded_until)


def _is_complete(entry: Appointment, until: datetime) -> bool:
    last = recurrence.last_start(entry)
    return last is not None and last < until


def _store(uow: UnitOfWork, ids: Sequence[int], until: datetime) -> int:
    a = appointment.c
    query = (
        select(*_COLUMNS, series_basis())
        .where(a.id.in_(ids), text(f"({IS_SERIES})"), text(f"NOT ({IS_LONG[uow.dialect]})"))
        .order_by(a.id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    rows = uow.connection.execute(query).all()
    found, expansions = [], []
    for row in rows:
        entry = _series(row)
        if entry is None:
            continue
        starts = []
        for start in recurrence.expand(entry, None, until):
            starts.append(start)
            if len(starts) > MOST:
                break
        else:
            expansions.append(
                {
                    "series_id": row.id,
                    "expanded_until": until,
                    "complete": _is_complete(entry, until),
                    "basis": row[-1],
                }
            )
            found += _rows(row, entry, starts)
    locked = [row.id for row in rows]
    uow.connection.execute(delete(series_expansion).where(series_expansion.c.series_id.in_(locked)))
    uow.connection.execute(delete(occurrence).where(occurrence.c.series_id.in_(locked)))
    if found:
        uow.connection.execute(insert(occurrence), found)
    if expansions:
        uow.connection.execute(insert(series_expansion), expansions)
    return len(expansions)


def _series(row: Any) -> Appointment | None:
    """What decides the occurrences, read as ``stored_rows`` reads it; None if it cannot be known here."""
    zone = zones.canonical(row.time_zone)
    if row.starts_at is None or row.ends_at is None or zone is None:
        return None
    return stored_rows.timing(
        row.id, row.starts_at, row.ends_at, zone, bool(row.all_day), row.rrule, row.rdate, row.exdate
    )


def _rows(row: Any, entry: Appointment, starts: list[datetime]) -> list[dict[str, Any]]:
    length = entry.end - entry.start
    return [
        {
            "series_id": row.id,
            "recurrence_id": start,
            "practice_id": row.practice_id,
            "starts_at": start,
            "ends_at": start + length,
        }
        for start in starts
    ]
