"""Double booking: decided in the transaction that writes, under the calendars' locks, so that no two win.

``decide`` is called after ``revisions.flush``: whoever came first has committed by then, because the locks
are held until after the commit. An all-day absence (a block without a patient) is always taken over: who is
ill is ill; the booked appointments under it go on the attention list. So they do if the absence is marked as
free time, which clients do of their own accord with all-day entries; then it blocks nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from radicale_practice.practice.appointment_rows import Rows
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor, Appointment, Status
from radicale_practice.practice.notices import attention_entry, attention_rows
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading import availability
from radicale_practice.practice.schema.practice_tables import appointment

_OTHERS = select(
    appointment.c.id, appointment.c.patient_id, appointment.c.all_day, appointment.c.external_id
).where(appointment.c.id.in_(bindparam("ids", expanding=True)))

_NOT_BLOCKING = (Status.CANCELLED, Status.UNCONFIRMED)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of attention row: in which calendar, and with which others, by id."""

    kind: str
    calendar_id: int
    appointment_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Clash:
    """What stands in the way in all calendars of an appointment, double bookings first.

    ``blocks``: something of it blocks its time.
    """

    kinds: tuple[Kind, ...]
    blocks: bool = True


def decide(uow: UnitOfWork, rows: Rows, private_calendars: Collection[int]) -> Clash | None:
    """Whether the appointment or series just written clashes with others in any of its calendars.

    ``private_calendars`` among them are free. The flush must have happened in this transaction.
    """
    entries = _entries(rows)
    if not any(availability.blocks(e) or availability.is_absence(e) for e in entries):
        return None
    ours = {rows.id, *rows.overrides}
    there: dict[int, set[int]] = {}
    blocking: set[int] = set()
    for calendar_id in sorted(set(rows.calendars.get(rows.id, {})) - set(private_calendars)):
        found = availability.conflicts(uow, calendar_id, entries, ours, absences=True)
        if found:
            there[calendar_id] = {c.appointment_id for c in found}
            blocking |= {c.appointment_id for c in found if c.blocks}
    return _judge(uow, rows, there, blocking) if there else None


def decide_many(
    uow: UnitOfWork, many: Sequence[Rows], private_calendars: Collection[int]
) -> list[tuple[Rows, Clash]]:
    """As ``decide`` for many at once that are back where they were: they do not clash with one another.

    Their own number costs no statement unless one of them clashes.
    """
    ours = {i for rows in many for i in (rows.id, *rows.overrides)}
    there: dict[int, list[Appointment]] = {}
    for rows in many:
        for calendar_id in rows.calendars.get(rows.id, {}):
            if calendar_id not in private_calendars:
                there.setdefault(calendar_id, []).extend(_entries(rows))
    taken = [
        c
        for c, entries in sorted(there.items())
        if availability.conflicts(uow, c, entries, ours, absences=True)
    ]
    if not taken:
        return []
    found = [
        (rows, decide(uow, rows, private_calendars))
        for rows in many
        if set(taken) & set(rows.calendars.get(rows.id, {}))
    ]
    return [(rows, clash) for rows, clash in found if clash is not None]


def _entries(rows: Rows) -> list[Appointment]:
    """What of an appointment or series can stand in the way of others."""
    if attention_entry.is_entry(rows.master):
        return []
    return [
        rows.entry(r)
        for r in (rows.master, *rows.here().values())
        if r["status"] not in _NOT_BLOCKING
        and (not r["transparent"] or _is_absent(r) or (r is rows.master and rows.is_series))
    ]


def forbidden(practice: Practice, rows: Rows, clash: Clash | None) -> bool:
    """Whether the practice forbids this clash."""
    if clash is None or not clash.blocks or practice.settings.double_booking != "forbid":
        return False
    return not _is_absence(rows)


def file(
    uow: UnitOfWork, practice: Practice, rows: Rows, clash: Clash, actor: Actor, *, fresh: bool = False
) -> None:
    """Put an allowed clash on the attention list, each kind once for an appointment. Writes no practice row.

    ``fresh``: the appointment is new in this transaction and on no list yet.
    """
    for found in clash.kinds:
        if not fresh and attention_rows.has_open(uow, practice.id, found.kind, rows.id):
            continue
        attention_rows.file(
            uow,
            practice.id,
            found.kind,
            found.kind,
            actor=actor,
            calendar_id=found.calendar_id,
            appointment_id=rows.id,
            details={"with": list(found.appointment_ids)},
        )


def _is_absence(rows: Rows) -> bool:
    return _is_absent(rows.master)


def _is_absent(row: Mapping[str, Any]) -> bool:
    return bool(row["all_day"] and row["patient_id"] is None)


def _judge(
    uow: UnitOfWork, rows: Rows, there: Mapping[int, Collection[int]], blocking: Collection[int]
) -> Clash | None:
    """What it means that these others (by calendar) take place at the same time; None: nothing.

    One statement.
    """
    wanted = {"ids": sorted({i for ids in there.values() for i in ids})}
    others = {
        int(row["id"]): _kind(rows, dict(row))
        for row in uow.connection.execute(_OTHERS, wanted).mappings()
        if not attention_entry.is_entry(row)
    }
    kinds = []
    for kind in (attention_rows.DOUBLE_BOOKING, attention_rows.ABSENCE):
        ids = tuple(sorted(i for i, k in others.items() if k == kind))
        if ids:
            calendar_id = next(c for c in sorted(there) if set(ids) & set(there[c]))
            kinds.append(Kind(kind, calendar_id, ids))
    return Clash(tuple(kinds), bool(set(others) & set(blocking))) if kinds else None


def _kind(rows: Rows, other: Mapping[str, Any]) -> str | None:
    if _is_absence(rows):
        return attention_rows.ABSENCE if other["patient_id"] is not None else None
    return attention_rows.ABSENCE if _is_absent(other) else attention_rows.DOUBLE_BOOKING
