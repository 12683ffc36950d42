"""Double bookings that other programs made by plain SQL: nothing of ours decided them, so upkeep looks.

What they changed is in the journal, where triggers note it. A row of the journal with the action ``looked``
says until when this was done; a day before that is looked at again, because a foreign transaction may commit
late, and nothing is filed twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.model import Actor, Appointment, CalendarKind
from radicale_practice.practice.notices import attention_entry, attention_rows
from radicale_practice.practice.notices.attention_rows import item_of
from radicale_practice.practice.parts import parts
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading import availability, calendar_objects
from radicale_practice.practice.records import journal
from radicale_practice.practice.schema.practice_tables import appointment, appointment_calendar, calendar
from radicale_practice.practice.schema.sync_tables import attention
from radicale_practice.practice.schema.sync_tables import journal as journal_table
from radicale_practice.practice.series import spans

LOOKED = "looked"

_AGAIN = timedelta(days=1)

KINDS = (attention_rows.DOUBLE_BOOKING, attention_rows.ABSENCE)


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance that takes place, as much as decides: by its object's appointment."""

    id: int
    start: datetime
    end: datetime
    entry: Appointment


def note(database: Database, practice: Practice, now: datetime) -> int:
    """File what foreign programs have booked twice, or under an absence, from ``now`` (UTC) on.

    How many rows were filed. Five statements, and a constant number for each calendar concerned.
    """
    with database.read() as uow:
        changed, told = _changed(uow, practice.id)
        clashes = _clashes(uow, practice.id, set(changed), told, now) if changed else []
    if not changed:
        return 0
    with database.write() as uow:
        for kind, calendar_id, appointment_id, others in clashes:
            if attention_rows.has_open(uow, practice.id, kind, appointment_id):
                continue
            attention_rows.file(
                uow,
                practice.id,
                kind,
                kind,
                actor=Actor(),
                calendar_id=calendar_id,
                appointment_id=appointment_id,
                details={"with": sorted(others)},
            )
        journal.write(uow, LOOKED, practice_id=practice.id, actor=Actor(program="radicale-practice maintain"))
    return len(clashes)


def _changed(uow: UnitOfWork, practice_id: int) -> tuple[dict[int, datetime], set[frozenset[int]]]:
    """Appointments (series by their masters) that foreign programs changed since this was last done, with the
    time of the latest change (UTC); and the pairs of which the attention list has told already."""
    table = journal_table.c
    newest = select(func.max(table.at)).where(table.practice_id == practice_id, table.action == LOOKED)
    looked: datetime | None = uow.connection.execute(newest).scalar()
    query = (
        select(table.appointment_id, appointment.c.series_id, func.max(table.at))
        .join(appointment, appointment.c.id == table.appointment_id)
        .where(table.practice_id == practice_id, table.action == "foreign")
        .group_by(table.appointment_id, appointment.c.series_id)
    )
    if looked is not None:
        query = query.where(table.at >= looked - _AGAIN)
    latest: dict[int, datetime] = {}
    for row_id, series_id, at in uow.connection.execute(query):
        key = int(series_id or row_id)
        latest[key] = max(at, latest.get(key, at))
    return latest, _told(uow, practice_id, latest)


def _told(uow: UnitOfWork, practice_id: int, latest: dict[int, datetime]) -> set[frozenset[int]]:
    """Pairs that were on the attention list after both were changed, settled or not."""
    query = select(attention).where(
        attention.c.practice_id == practice_id,
        attention.c.kind.in_(KINDS),
        attention.c.appointment_id.is_not(None),
        attention.c.created_at >= min(latest.values(), default=datetime.max),
    )
    found: set[frozenset[int]] = set()
    for row in uow.connection.execute(query).mappings():
        item = item_of(dict(row))
        for other in item.details.get("with", []):
            pair = frozenset((int(row["appointment_id"]), int(other)))
            if all(latest.get(i, item.created_at) <= item.created_at for i in pair):
                found.add(pair)
    return found


def _clashes(
    uow: UnitOfWork, practice_id: int, changed: set[int], told: set[frozenset[int]], now: datetime
) -> list[tuple[str, int, int, set[int]]]:
    """(kind, calendar, appointment, others) of the changed ones; a pair of two changed ones once."""
    found: dict[int, tuple[str, int, set[int]]] = {}
    pairs: set[frozenset[int]] = set()
    within = spans.make_range(now, now + availability.AHEAD)
    for calendar_id, kind, one, other in overlapping(uow, practice_id, changed, within):
        pair = frozenset((one.id, other.id))
        if pair not in told and (pair not in pairs or one.id in found):
            pairs.add(pair)
            known = found.setdefault(one.id, (kind, calendar_id, set()))
            known[2].add(other.id)
            if kind == attention_rows.DOUBLE_BOOKING and known[0] != kind:
                found[one.id] = (kind, calendar_id, known[2])
    return [(kind, where, one, others) for one, (kind, where, others) in sorted(found.items())]


def overlapping(
    uow: UnitOfWork, practice_id: int, concerned: set[int], within: spans.Range
) -> Iterator[tuple[int, str, Instance, Instance]]:
    """What clashes in a range, as (calendar, kind of attention row, one of the concerned, the other).

    ``concerned``: appointments, series by their masters. Two statements, and a constant number for each of
    their calendars.
    """
    own = _entries_of_ours(uow, practice_id)
    for calendar_id in _calendars(uow, practice_id, concerned):
        placed = calendar_objects.taking_place(uow, practice_id, calendar_id, within)
        instances = [
            Instance(stored.appointment_id, p.start, p.end, p.appointment)
            for stored, p in placed
            if p.start < p.end
            and stored.appointment_id not in own
            and (availability.blocks(p.appointment) or availability.is_absence(p.appointment))
        ]
        for one, other in _at_the_same_time(instances, concerned):
            kind = _kind(one.entry, other.entry)
            if kind is not None:
                yield calendar_id, kind, one, other


def _at_the_same_time(instances: list[Instance], changed: set[int]) -> Iterable[tuple[Instance, Instance]]:
    """Pairs at the same time, the first of them changed; ``instances`` are in the order of their starts."""
    running: list[Instance] = []
    for later in instances:
        running = [r for r in running if r.end > later.start]
        for earlier in running:
            if earlier.id == later.id:
                continue
            if later.id in changed:
                yield later, earlier
            elif earlier.id in changed:
                yield earlier, later
        running.append(later)


def _kind(one: Appointment, other: Appointment) -> str | None:
    absences = [availability.is_absence(e) for e in (one, other)]
    if not any(absences):
        return attention_rows.DOUBLE_BOOKING
    if all(absences) or (absences[0] and other.patient is None):
        return None
    return attention_rows.ABSENCE


def _calendars(uow: UnitOfWork, practice_id: int, changed: set[int]) -> list[int]:
    """The calendars in which the changed ones are, private ones left out: there nothing clashes."""
    link = appointment_calendar
    found: set[int] = set()
    for ids in parts(sorted(changed)):
        query = (
            select(link.c.calendar_id)
            .distinct()
            .join(calendar, calendar.c.id == link.c.calendar_id)
            .where(link.c.appointment_id.in_(ids))
            .where(calendar.c.practice_id == practice_id, calendar.c.kind != str(CalendarKind.PRIVATE))
        )
        found |= set(uow.connection.execute(query).scalars())
    return sorted(found)


def _entries_of_ours(uow: UnitOfWork, practice_id: int) -> set[int]:
    """The entries that tell a person of changes not taken over: they are no absences."""
    query = select(appointment.c.id, appointment.c.external_id).where(
        appointment.c.practice_id == practice_id, appointment.c.external_id.like(f"{attention_entry.PREFIX}%")
    )
    return {r["id"] for r in uow.connection.execute(query).mappings() if attention_entry.is_entry(r)}
