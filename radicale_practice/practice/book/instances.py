"""One instance of a series, for the practice's programs: found by its day, whether it has a row or not."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from radicale_practice.practice.appointment_rows import Row, Rows, times_of
from radicale_practice.practice.book.staff_writing import FRESH, rows_of
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import InvalidValue, NotFound
from radicale_practice.practice.model import Status
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.series import recurrence

_DAY = timedelta(days=1)


def instance_on(
    uow: UnitOfWork, appointment_id: int, day: date, at: time | None = None, *, cancelled: bool = False
) -> datetime:
    """The original start (recurrence id) of the one instance of a series that takes place on a day.

    If none does, the one that was to take place then and was moved. ``at``: its time of day, if there are
    several. ``cancelled``: a cancelled or excluded one is meant. Raises ``NotFound`` if there is none,
    ``InvalidValue`` for several, for one that is cancelled, and for an appointment that is no series.
    """
    rows, _ = rows_of(uow, appointment_id, locking=False)
    _check_series(rows)
    gone = {r["recurrence_id"]: r["starts_at"] for r in rows.overrides.values() if _is_cancelled(r)}
    gone |= {d: d for d in times_of(rows.master["exdate"]) if d not in _replaced(rows)}
    there = {r["recurrence_id"]: r["starts_at"] for r in rows.overrides.values() if not _is_cancelled(r)}
    there |= {d: d for d in _by_rule(rows, day)}
    wanted, other = (gone, there) if cancelled else (there, gone)
    found = _of_day(wanted, day, at)
    if len(found) > 1:
        raise InvalidValue("the series has several instances on that day: give the time as well")
    if found:
        return found[0]
    if _of_day(other, day, at):
        raise InvalidValue(
            "it is not cancelled" if cancelled else "it is cancelled or left out: restore it first"
        )
    raise NotFound("no instance of the series on that day")


def locked(
    uow: UnitOfWork, appointment_id: int, on: datetime, *, locking: bool = True
) -> tuple[Rows, Practice, Row]:
    """The locked rows of a series and its instance with the original start ``on``.

    One without a row of its own is the row it would have, with the id ``FRESH``. An instance that lives in
    another calendar is an object of its own: its rows are it alone. ``locking=False``: only read.
    Raises ``NotFound``, ``InvalidValue``.
    """
    rows, practice = rows_of(uow, appointment_id, locking=locking)
    _check_series(rows)
    for row_id, row in rows.overrides.items():
        if row["recurrence_id"] == on:
            if row_id in rows.here():
                return rows, practice, row
            rows, practice = rows_of(uow, row_id, locking=locking)
            return rows, practice, rows.master
    if _is_cancelled(rows.master) or on not in _by_rule(rows, on.date()):
        raise NotFound("no such instance of the series")
    return rows, practice, as_row(rows.master, on)


def as_row(master: Row, on: datetime) -> Row:
    """The row an instance without one would have."""
    own: dict[str, Any] = {
        "id": FRESH,
        "public_id": "",
        "external_id": None,
        "series_id": master["id"],
        "recurrence_id": on,
        "starts_at": on,
        "ends_at": on + (master["ends_at"] - master["starts_at"]),
        "rrule": "",
        "rdate": "",
        "exdate": "",
    }
    return {**master, **own}


def without_exclusion(rows: Rows, on: datetime) -> Row | None:
    """The master's change if ``on`` is excluded and no row of its own stands for it; else None."""
    excluded = rows.master["exdate"]
    if on in _replaced(rows) or on not in times_of(excluded):
        return None
    kept = [d for d in times_of(excluded) if d != on]
    return {"exdate": ",".join(d.isoformat(" ", "seconds") for d in kept)}


def _check_series(rows: Rows) -> None:
    if not rows.is_series:
        raise InvalidValue("the appointment is no series, there is only one")


def _is_cancelled(row: Row) -> bool:
    return bool(row["status"] == Status.CANCELLED)


def _replaced(rows: Rows) -> set[datetime]:
    return {r["recurrence_id"] for r in rows.overrides.values()}


def _by_rule(rows: Rows, day: date) -> set[datetime]:
    if _is_cancelled(rows.master):
        return set()
    begin = datetime.combine(day, time())
    return set(recurrence.expand(rows.entry(rows.master), begin, begin + _DAY)) - _replaced(rows)


def _of_day(dates: dict[datetime, datetime], day: date, at: time | None) -> list[datetime]:
    """Original starts of those that take place on a day; if none does, of those that were to."""

    def fits(moment: datetime) -> bool:
        return moment.date() == day and (at is None or moment.time() == at)

    return [d for d, start in dates.items() if fits(start)] or [d for d in dates if fits(d)]
