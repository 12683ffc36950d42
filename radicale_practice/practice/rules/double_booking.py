"""Double booking: decided in the transaction that writes, under the calendars' locks, so that no two win.

``decide`` is called after ``revisions.flush``: whoever came first has committed by then, because the locks
are held until after the commit. An all-day absence (a block without a patient) is always taken over: who is
ill is ill; the booked appointments under it go on the attention list. So they do if the absence is marked as
free time, which clients do of their own accord with all-day entries; then it blocks nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, select

from radicale_practice.practice.appointment_rows import Rows, entry_of
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
class Clash:
    """What stands in the way: other appointments at the same time, by id; the kind of attention row.

    ``blocks``: some of them block their time.
    """

    kind: str
    calendar_id: int
    appointment_ids: tuple[int, ...]
    blocks: bool = True


def decide(uow: UnitOfWork, rows: Rows, private_calendars: Collection[int]) -> Clash | None:
    """Whether the appointment or series just written clashes with another in one of its calendars.

    ``private_calendars`` among them are free. The flush must have happened in this transaction.
    """
    entries = _entries(rows)
    if not any(availability.blocks(e) or availability.is_absence(e) for e in entries):
        return None
    ours = {rows.id, *rows.overrides}
    for calendar_id in sorted(rows.calendars.get(rows.id, {})):
        if calendar_id in private_calendars:
            continue
        found = availability.conflicts(uow, calendar_id, entries, ours, absences=True)
        if not found:
            continue
        blocking = {c.appointment_id for c in found if c.blocks}
        clash = judge(uow, rows, calendar_id, blocking or {c.appointment_id for c in found})
        if clash is not None:
            return replace(clash, blocks=bool(blocking))
    return None


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
        entry_of(r)
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
    """Put an allowed clash on the attention list, once for an appointment. Writes no practice row.

    ``fresh``: the appointment is new in this transaction and on no list yet.
    """
    if not fresh and attention_rows.has_open(uow, practice.id, clash.kind, rows.id):
        return
    attention_rows.file(
        uow,
        practice.id,
        clash.kind,
        clash.kind,
        actor=actor,
        calendar_id=clash.calendar_id,
        appointment_id=rows.id,
        details={"with": list(clash.appointment_ids)},
    )


def _is_absence(rows: Rows) -> bool:
    return _is_absent(rows.master)


def _is_absent(row: Mapping[str, Any]) -> bool:
    return bool(row["all_day"] and row["patient_id"] is None)


def judge(uow: UnitOfWork, rows: Rows, calendar_id: int, other_ids: Collection[int]) -> Clash | None:
    """What it means that these others take place at the same time; None: nothing. One statement."""
    found = uow.connection.execute(_OTHERS, {"ids": sorted(other_ids)}).mappings()
    others = [dict(row) for row in found if not attention_entry.is_entry(row)]
    ids = tuple(sorted(int(o["id"]) for o in others))
    if not ids:
        return None
    if _is_absence(rows):
        with_patient = tuple(sorted(int(o["id"]) for o in others if o["patient_id"] is not None))
        return Clash(attention_rows.ABSENCE, calendar_id, with_patient) if with_patient else None
    if all(_is_absent(o) for o in others):
        return Clash(attention_rows.ABSENCE, calendar_id, ids)
    return Clash(attention_rows.DOUBLE_BOOKING, calendar_id, ids)
