"""Which objects of a calendar lie in a range, without their content: for a query that asks for ETags alone.

Single entries are decided by their times; what needs more (series, instances, entries not everybody sees,
rows that are not as they should be) is loaded as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from radicale_practice.practice import zones
from radicale_practice.practice.accesses import Surroundings
from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.model import Viewer
from radicale_practice.practice.reading import calendar_objects, candidates, stored_rows
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.reading.object_queries import timing_query
from radicale_practice.practice.series import spans
from radicale_practice.practice.sync import revisions
from radicale_practice.practice.sync.revisions import ObjectState


def in_range(
    uow: UnitOfWork,
    viewer: Viewer,
    calendar_id: int,
    start: datetime | None,
    end: datetime | None,
    *,
    today: date | None = None,
    around: Surroundings | None = None,
) -> list[ObjectState | StoredObject]:
    """The objects that ``calendar_objects.load_range`` finds, by object id. At most five statements.

    Parameters and errors are those of ``load_range``.
    """
    wanted = calendar_objects.search(uow, viewer, calendar_id, start, end, today, around)
    ranges = [known for known in (wanted.within, wanted.window) if known is not None]
    zone = wanted.around.time_zone
    place = candidates.parameters(viewer.practice_id, calendar_id, wanted.within, zone)
    low, high = candidates.well_within(place)
    series = candidates.stored(uow, place)
    others = set(series.object_ids)
    found: list[ObjectState | StoredObject] = []
    for *identity, single, starts_at, ends_at, time_zone, all_day in _rows(uow, viewer, place):
        state = revisions.state_of(identity)
        if not single or starts_at is None:
            others.add(state.object_id)
        elif wanted.window is None and time_zone == zone and not all_day and low <= starts_at < high:
            found.append(state)
        else:
            span = _span(state, starts_at, ends_at, time_zone, all_day, zone)
            if span is None:
                others.add(state.object_id)
            elif all(known.holds(*span) for known in ranges):
                found.append(state)
    if others:
        rest = candidates.Candidates(sorted(others), series.starts)
        found += [stored for stored, _ in calendar_objects.load_found(uow, wanted, rest)]
    return sorted(found, key=lambda known: known.object_id)


def _rows(uow: UnitOfWork, viewer: Viewer, place: Mapping[str, Any]) -> Sequence[Any]:
    with translated_errors():
        return uow.connection.execute(timing_query(uow.dialect), {**place, "staff": viewer.staff_id}).all()


def _span(
    state: ObjectState,
    starts_at: datetime,
    ends_at: datetime | None,
    time_zone: str,
    all_day: bool,
    practice_zone: str,
) -> spans.Span | None:
    """When a single entry takes place; None if nobody knows its zone."""
    own_zone = zones.canonical(time_zone)
    if own_zone is None:
        return None
    start, end, whole_days = stored_rows.times(state.appointment_id, starts_at, ends_at, all_day, None)
    return spans.instants(start, end, practice_zone if whole_days else own_zone)
