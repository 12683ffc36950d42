"""When an object takes place: its occurrences as instants, and whether they lie in a range (RFC 4791 9.9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from radicale_practice.practice import zones
from radicale_practice.practice.model import Appointment, CalendarObject, Status
from radicale_practice.practice.series import recurrence

EARLIEST, LATEST = datetime(1, 2, 1), datetime(9999, 11, 30)
"""Times that can be shifted by days and zones; a row beyond them is served at the end that is nearer."""

WIDEST_OFFSET = timedelta(hours=15)
"""No wall time is further from UTC (offsets reach from -12 to +14 hours)."""

MOST_OPEN = 400
"""Occurrences of one series that are named for a range open at one side."""

MOST = 10_000
"""Occurrences of one series that are named for any range."""

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Range:
    """A range of instants, naive UTC, end exclusive; ``open`` if one side was not given."""

    start: datetime
    end: datetime
    open: bool = False

    @property
    def wall_start(self) -> datetime:
        """No wall time before this one is in the range, whatever its zone."""
        return self.start - WIDEST_OFFSET

    @property
    def wall_end(self) -> datetime:
        """No wall time from this one on is in the range, whatever its zone."""
        return self.end + WIDEST_OFFSET

    def holds(self, start: datetime, end: datetime) -> bool:
        """Whether an occurrence (naive UTC) is in the range; one without length counts at its start."""
        if start == end:
            return self.start <= start < self.end
        return start < self.end and end > self.start


@dataclass(frozen=True, slots=True)
class Placed:
    """One instance that takes place: its row (a master, or the override) and its instants, naive UTC."""

    appointment: Appointment
    start: datetime
    end: datetime


def make_range(start: datetime | None, end: datetime | None) -> Range:
    """The range from two instants, aware or naive in UTC; None is open."""
    return Range(_naive(start, EARLIEST), _naive(end, LATEST), start is None or end is None)


def _naive(moment: datetime | None, default: datetime) -> datetime:
    if moment is None:
        return default
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            moment = moment.replace(tzinfo=None)
    return min(max(moment, EARLIEST), LATEST)


def span(appointment: Appointment, start: datetime, time_zone: str) -> Span:
    """The instants (naive UTC) of the occurrence that starts at the wall time ``start``.

    All-day entries have no zone of their own: they count in ``time_zone``, the practice's (RFC 4791 9.9
    leaves floating times to the server).
    """
    wall_end = ending(appointment, start)
    return instants(start, wall_end, time_zone if appointment.all_day else appointment.time_zone)


def ending(appointment: Appointment, start: datetime) -> datetime:
    """The wall time at which the occurrence starting at ``start`` ends, within the calendar."""
    return moved(start, appointment.end - appointment.start)


def moved(wall: datetime, by: timedelta) -> datetime:
    """The wall time so much later or earlier; beyond an end of the calendar: that end."""
    try:
        return wall + by
    except OverflowError:
        return LATEST if by > timedelta() else EARLIEST


def instants(start: datetime, end: datetime, time_zone: str) -> Span:
    """Two wall times of a zone as instants (naive UTC)."""
    zone = zones.load(time_zone)
    begin = zones.wall_to_naive_utc(start, zone)
    if start == end:
        return begin, begin
    finish = zones.wall_to_naive_utc(end, zone)
    # on a day of change an end can seem to lie before its start
    return begin, finish if finish > begin else begin


def occurrences(
    shown: CalendarObject, within: Range, time_zone: str, stored: Iterable[datetime] | None = None
) -> Iterator[Span]:
    """The occurrences of an object in a range, naive UTC; not sorted.

    ``stored``: the original starts (wall times) of a series' instances that can lie in the range, if they
    are known; without them the series is expanded here. Cancelled instances do not take place, overridden
    ones at their own time, and those that live in another calendar are not this object's.
    """
    for found in placed(shown, within, time_zone, stored):
        yield found.start, found.end


def placed(
    shown: CalendarObject, within: Range, time_zone: str, stored: Iterable[datetime] | None = None
) -> Iterator[Placed]:
    """As ``occurrences``, with the appointment row that decides each."""
    for appointment, start in instances(shown, within, stored):
        begin, end = span(appointment, start, time_zone)
        if within.holds(begin, end):
            yield Placed(appointment, begin, end)


def instances(
    shown: CalendarObject, within: Range, stored: Iterable[datetime] | None = None
) -> Iterator[tuple[Appointment, datetime]]:
    """Appointment row and wall-time start of everything that can lie in the range (and a little around)."""
    master = shown.master
    if master is not None and master.status is not Status.CANCELLED:
        if master.is_series or master.exdate or shown.overrides or shown.elsewhere:
            yield from _of_series(shown, master, within, stored)
        else:
            yield master, master.start
    for override in shown.overrides:
        if override.status is not Status.CANCELLED:
            yield override, override.start


def _of_series(
    shown: CalendarObject, master: Appointment, within: Range, stored: Iterable[datetime] | None
) -> Iterator[tuple[Appointment, datetime]]:
    replaced = {override.recurrence_id for override in shown.overrides} | shown.elsewhere
    if stored is None:
        length = min(master.end - master.start, LATEST - EARLIEST)
        after = max(within.wall_start, EARLIEST + timedelta(days=1) + length)
        stored = recurrence.expand(master, after - length, within.wall_end)
    left = MOST_OPEN if within.open else MOST
    for start in stored:
        if start not in replaced:
            left -= 1
            if left < 0:
                return
            yield master, start
