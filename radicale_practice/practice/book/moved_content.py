"""What a client changed on the way: an event moved in two halves may carry a new title, place or note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import or_, select

from radicale_practice.practice import accesses
from radicale_practice.practice.appointment_rows import Row, columns_of
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import CalendarObject, Finding, Status, Viewer
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading import stored_rows
from radicale_practice.practice.schema.appointment_columns import MODELLED, TIMING
from radicale_practice.practice.schema.practice_tables import appointment


@dataclass(frozen=True, slots=True)
class Moved:
    """An appointment as its viewer last saw it, and what the viewer made of it in its new place.

    ``desired`` is an upload read over ``former``, so that what the viewer cannot see is in both.
    """

    former: CalendarObject
    desired: CalendarObject
    findings: tuple[Finding, ...] = ()


def changes(moved: Moved | None) -> dict[int, Row]:
    """The columns in which the viewer's version differs, by row; times and rule are the move's own affair."""
    if moved is None:
        return {}
    shown = {entry.id: columns_of(entry) for entry in moved.former.appointments}
    found: dict[int, Row] = {}
    for entry in moved.desired.appointments:
        if entry.id is None or entry.id not in shown or entry.status is Status.CANCELLED:
            continue
        have, want = shown[entry.id], columns_of(entry)
        change = {n: want[n] for n in MODELLED if n not in TIMING and want[n] != have[n]}
        if change:
            found[entry.id] = change
    return found


def as_before(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    appointment_id: int,
    before: Mapping[str, Any],
    uid: str,
) -> CalendarObject | None:
    """A cancelled appointment as it was before (``before``: the state in the journal), under ``uid``."""
    entries = appointment.c
    query = (
        select(*stored_rows.columns())
        .select_from(stored_rows.joined(appointment))
        .where(
            entries.practice_id == practice.id,
            or_(entries.id == appointment_id, entries.series_id == appointment_id),
        )
        .order_by(entries.series_id.is_not(None), entries.recurrence_id, entries.id)
    )
    reader = stored_rows.Reader(practice.time_zone, dict(accesses.surroundings(uow, viewer).rooms))
    rows = uow.connection.execute(query, {"staff": viewer.staff_id}).all()
    kept = before.get("rows", {})
    found = []
    for row in rows:
        entry = reader.read(row)
        status = kept.get(str(entry.id), {}).get("status", str(entry.status))
        found.append(replace(entry, status=Status(status)))
    return CalendarObject(uid, tuple(found)) if found and found[0].id == appointment_id else None
