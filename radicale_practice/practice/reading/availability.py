"""Whether a time is free: what takes place in a calendar beside the appointments asked about."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from radicale_practice.practice import accesses, clock
from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.model import Appointment, CalendarObject, Status
from radicale_practice.practice.reading import calendar_objects
from radicale_practice.practice.schema.practice_tables import appointment
from radicale_practice.practice.series import spans

AHEAD = timedelta(days=550)
"""How far ahead of now (of its start, if that is later) a series is compared."""

_FREE = frozenset({Status.CANCELLED, Status.UNCONFIRMED, Status.NO_SHOW})


@dataclass(frozen=True, slots=True)
class Taken:
    """A time that is taken: by which appointment (a series' master) of which object; aware, UTC.

    ``blocks`` is False for an absence that is marked as free time.
    """

    appointment_id: int
    object_id: int
    start: datetime
    end: datetime
    blocks: bool = True


def blocks(entry: Appointment) -> bool:
    """Whether an appointment blocks its time: not cancelled, unconfirmed, no-show or transparent."""
    return entry.status not in _FREE and not entry.transparent


def is_absence(entry: Appointment) -> bool:
    """Whether it is an all-day block without a patient; clients mark these as free time by default."""
    return entry.all_day and entry.patient is None and entry.status not in _FREE


def conflicts(
    uow: UnitOfWork,
    calendar_id: int,
    entries: Sequence[Appointment],
    ignoring: Collection[int],
    *,
    absences: bool = False,
) -> list[Taken]:
    """What takes place in a calendar at the same time as ``entries``, earliest first.

    ``entries``: single appointments, masters of series and overridden instances (a master's overridden or
    cancelled instances, as the database has them, are not compared at their original time). ``ignoring``: ids
    of appointments that do not count, masters for their whole series. ``absences``: also all-day blocks that
    are transparent. Entries without length block nothing; all-day ones the days of the practice's zone. A
    series is compared from now on for ``AHEAD``. Six statements. Raises ``NotFound`` if there is no such
    calendar.
    """
    around = accesses.everything_around(uow, calendar_id)
    practice_id, time_zone = around.practice.id, around.time_zone

    def counts(entry: Appointment) -> bool:
        return blocks(entry) or (absences and is_absence(entry))

    blocking = [entry for entry in entries if counts(entry)]
    replaced = _replaced(uow, [e.id for e in blocking if e.id is not None and e.is_series])
    mine = sorted(_spans(blocking, replaced, time_zone))
    if not mine:
        return []
    within = spans.make_range(mine[0][0], max(end for _, end in mine))
    starts = [begin for begin, _ in mine]
    latest_end = [mine[0][1]]
    for _, end in mine[1:]:
        latest_end.append(max(end, latest_end[-1]))
    found = []
    for stored, placed in calendar_objects.taking_place(uow, practice_id, calendar_id, within, around=around):
        if stored.appointment_id in ignoring or placed.appointment.id in ignoring:
            continue
        if placed.start == placed.end or not counts(placed.appointment):
            continue
        begun = bisect_left(starts, placed.end)
        if begun and latest_end[begun - 1] > placed.start:
            found.append(
                Taken(
                    placed.appointment.id or stored.appointment_id,
                    stored.object_id,
                    placed.start.replace(tzinfo=UTC),
                    placed.end.replace(tzinfo=UTC),
                    blocks(placed.appointment),
                )
            )
    return found


def _spans(
    entries: Sequence[Appointment], replaced: dict[int, set[datetime]], time_zone: str
) -> Iterator[spans.Span]:
    now = clock.utc_now()
    for entry in entries:
        if not entry.is_series or entry.recurrence_id is not None:
            found = iter([spans.span(entry, entry.start, time_zone)])
        else:
            shown = CalendarObject("", (entry,), frozenset(replaced.get(entry.id or 0, ())))
            horizon = spans.make_range(now, max(now, entry.start) + AHEAD)
            found = spans.occurrences(shown, horizon, time_zone)
        yield from ((begin, end) for begin, end in found if begin < end)


def _replaced(uow: UnitOfWork, series_ids: Collection[int]) -> dict[int, set[datetime]]:
    """Original starts of the overridden instances of some series, cancelled ones included."""
    if not series_ids:
        return {}
    a = appointment.c
    query = select(a.series_id, a.recurrence_id).where(a.series_id.in_(sorted(series_ids)))
    found: dict[int, set[datetime]] = {}
    with translated_errors():
        for series_id, original in uow.connection.execute(query):
            found.setdefault(series_id, set()).add(original)
    return found
