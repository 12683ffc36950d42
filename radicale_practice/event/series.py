"""The exceptions of a series: an uploaded EXDATE cancels an instance, without one it follows the rule again.

The practice keeps a row for every cancelled instance; the client knows an EXDATE only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from radicale_practice.event.values import convert, midnight
from radicale_practice.practice.model import Appointment, CalendarObject, Status
from radicale_practice.practice.series.recurrence import expand
from radicale_practice.practice.series.spans import ending, moved


@dataclass(frozen=True, slots=True)
class Exceptions:
    """What becomes of the EXDATEs: the master's own, and the overridden rows without a VEVENT."""

    exdate: tuple[datetime, ...]
    cancelled: tuple[Appointment, ...]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The instances that live in another calendar: ``dates`` under the uploaded rule; ``excluded``, the
    EXDATEs that stand for them in the upload."""

    dates: frozenset[datetime] = frozenset()
    excluded: frozenset[datetime] = frozenset()


def is_instance(master: Appointment, wall: datetime) -> bool:
    """Whether a series has an instance that starts at this wall time."""
    return next(islice(expand(master, wall, moved(wall, timedelta(seconds=1))), 1), None) == wall


@dataclass(frozen=True, slots=True)
class Former:
    """The overridden rows of the series that an upload changes.

    ``shift``: how far the whole series was moved. ``along``: its client has moved the dates by which it names
    the instances with it, every one; so the one it names by a date is that of the date before the shift.
    """

    current: CalendarObject | None = None
    shift: timedelta = timedelta()
    along: bool = False

    def row(self, recurrence_id: datetime, zone: str) -> Appointment | None:
        """The row of an overridden instance.

        ``zone``: in which ``recurrence_id`` is a wall time. If the series was in another one before, the
        instance is the one of the same instant, which its client goes on naming.
        """
        if self.current is None:
            return None
        rows = {row.recurrence_id: row for row in self.current.overrides}
        if self.along:
            return rows.get(moved(recurrence_id, -self.shift))
        master = self.current.master
        found = None
        if master is not None and master.time_zone != zone and not master.all_day:
            found = rows.get(convert(recurrence_id, zone, master.time_zone))
        found = found if found is not None else rows.get(recurrence_id)
        return found if found is not None or not self.shift else rows.get(moved(recurrence_id, -self.shift))


def former_rows(
    current: CalendarObject | None,
    start: datetime | None,
    instances: Collection[datetime],
    excluded: Collection[datetime],
) -> Former:
    """What an upload changes: one that begins at ``start`` (None: it has no master), with VEVENTs for
    ``instances`` and EXDATEs for ``excluded``.

    After a shift by as much as lies between two instances a date can be meant either way. Which one it is,
    all rows tell together: the way in which each of them is named.
    """
    master = current.master if current is not None else None
    if current is None or master is None or start is None or start == master.start:
        return Former(current)
    shift, every = start - master.start, {*instances, *excluded}
    dates = {True: set[datetime](), False: set[datetime]()}
    for row in current.overrides:
        if row.recurrence_id is not None:
            dates[row.status is not Status.CANCELLED].add(row.recurrence_id)

    def named(by: timedelta) -> bool:
        living, gone = ({moved(date, by) for date in dates[lives]} for lives in (True, False))
        return living <= set(instances) and gone <= every

    return Former(current, shift, along=named(shift) and not named(timedelta()))


def elsewhere(
    current: CalendarObject | None, master: Appointment, uploaded: Collection[datetime]
) -> Elsewhere:
    """What becomes of the instances in another calendar when the series is uploaded as ``master``.

    They follow a series that is shifted, all of them, whether its client has shifted their EXDATEs (then
    they are in ``uploaded``), left them or dropped them: each is still its week's appointment. They stay if
    the rule still has their dates and the EXDATEs do not say otherwise (a series that begins a week later).
    """
    former = current.master if current is not None else None
    if current is None or former is None or not current.elsewhere:
        return Elsewhere()

    def shown(walls: Collection[datetime]) -> frozenset[datetime]:
        # A series that has just become all-day shows the days of what is kept with a clock time.
        return frozenset(midnight(wall) if master.all_day else wall for wall in walls)

    were, shift = current.elsewhere, master.start - former.start
    follow = frozenset(moved(wall, shift) for wall in were)
    if not shift or not master.is_series or not former.is_series:
        return Elsewhere(were, shown(were))
    if shown(follow) <= set(uploaded):
        return Elsewhere(follow, shown(follow))
    if all(is_instance(replace(master, exdate=()), wall) for wall in were):
        return Elsewhere(were, shown(were))
    return Elsewhere(follow, shown(were | follow))


def exceptions(
    rows_before: Former,
    master: Appointment,
    uploaded: Collection[datetime],
    with_event: Collection[datetime],
    others: Elsewhere,
) -> Exceptions:
    """What the uploaded EXDATEs mean for ``master`` (its new state, without EXDATEs).

    ``with_event``: instances that have a VEVENT in the upload; it decides about them. ``others``: those that
    live in another calendar. A new series keeps
    its EXDATEs as they came. In an existing one the EXDATE of an instance that lives becomes a cancelled
    row. A cancelled row whose EXDATE is gone is left out like any override that the upload does not name:
    its client has only seen the EXDATE, and what it shows now is an instance of the rule.
    """
    current, shift = rows_before.current, rows_before.shift
    former = current.master if current is not None else None
    if former is None or not former.is_series:
        return Exceptions(tuple(sorted(set(uploaded))), ())
    # A series that has just become all-day shows the days of what is kept with a clock time.
    stored = {midnight(wall) if master.all_day else wall: wall for wall in former.exdate}
    rows: list[Appointment] = []
    named = {wall: rows_before.row(wall, master.time_zone) for wall in with_event}
    used = {row.recurrence_id for row in named.values() if row is not None}
    # An exclusion under an instance that takes place all the same is not shown: it stays as it is.
    kept = {
        stored.get(wall, wall)
        for wall, row in named.items()
        if row is not None and row.status is not Status.CANCELLED and row.recurrence_id in stored
    }
    for wall in sorted(set(uploaded) - set(with_event) - others.excluded):
        row = rows_before.row(wall, master.time_zone)
        if row is not None and row.recurrence_id is not None and row.recurrence_id not in used:
            used.add(row.recurrence_id)
            rows.append(_cancelled(row, wall))
        elif wall in stored or moved(wall, -shift) in stored:
            kept.add(stored.get(wall, wall))
        elif is_instance(replace(former, exdate=()), moved(wall, -shift)):
            rows.append(_cancelled(_instance(master, wall), wall))
        else:
            kept.add(wall)
    same = kept == set(former.exdate)
    return Exceptions(former.exdate if same else tuple(sorted(kept)), tuple(rows))


def _cancelled(row: Appointment, instance: datetime) -> Appointment:
    return replace(_at(row, instance), status=Status.CANCELLED)


def _at(row: Appointment, instance: datetime) -> Appointment:
    """The row for the instance under its present date; an instance that moved with its series moves along."""
    if row.recurrence_id == instance or row.recurrence_id is None:
        return row
    shift = instance - row.recurrence_id
    return replace(row, recurrence_id=instance, start=moved(row.start, shift), end=moved(row.end, shift))


def _instance(master: Appointment, wall: datetime) -> Appointment:
    """One instance of a series as a row of its own."""
    return replace(
        master,
        id=None,
        public_id="",
        start=wall,
        end=ending(master, wall),
        rrule="",
        rdate=(),
        exdate=(),
        recurrence_id=wall,
        extra="",
        personal="",
    )
