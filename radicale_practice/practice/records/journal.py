"""The append-only record of who changed what, when and from which device.

``before`` and ``after`` hold a compact JSON of the practice's fields; retention and the erasure of a patient
empty them, the fact that something was changed stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update

from radicale_practice.practice import clock
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.schema.appointment_columns import CANCELLATION, KEPT
from radicale_practice.practice.schema.columns import WALL_TIME_FORMAT
from radicale_practice.practice.schema.practice_tables import appointment, patient
from radicale_practice.practice.schema.sync_tables import (
    attention,
    calendar_object,
    event_extra,
    journal,
    personal_extra,
)
from radicale_practice.practice.sync import revisions

_SNAPSHOT = (*KEPT, *CANCELLATION)
_MOMENTS = ("starts_at", "ends_at", "recurrence_id", "cancelled_at")
_KEYS = ("series_id", "patient_id", "location_id", "cancelled_by", "cancelled_device")


def snapshot(row: Mapping[str, Any]) -> dict[str, Any]:
    """The practice's fields of one appointment row and who cancelled it, empty ones left out."""
    found: dict[str, Any] = {}
    for name in _SNAPSHOT:
        value = row.get(name)
        if isinstance(value, datetime):
            value = value.strftime(WALL_TIME_FORMAT)
        if value not in (None, "", False):
            found[name] = value
    return found


def columns(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a row as a snapshot kept them, every field named."""
    found: dict[str, Any] = {}
    for name in _SNAPSHOT:
        value = kept.get(name)
        if name in _MOMENTS:
            value = datetime.strptime(value, WALL_TIME_FORMAT) if value else None
        elif name in ("all_day", "transparent"):
            value = bool(value)
        elif value is None and name not in _KEYS:
            value = ""
        found[name] = value
    return found


def state(
    rows: Iterable[Mapping[str, Any]],
    calendars: Mapping[int, str],
    placed: Mapping[int, Mapping[int, str]] | None = None,
) -> dict[str, Any]:
    """What ``before`` and ``after`` hold of an appointment: its calendars and the rows concerned.

    ``placed``: the calendars of all its rows, for a change of place: kept are those of instances that are not
    where their master is.
    """
    found: dict[str, Any] = {
        "calendars": _by_text(calendars),
        "rows": {str(row["id"]): snapshot(row) for row in rows},
    }
    if placed is not None:
        found["placed"] = {str(i): _by_text(c) for i, c in sorted(placed.items()) if c != calendars}
    return found


def _by_text(calendars: Mapping[int, str]) -> dict[str, str]:
    return {str(c): role for c, role in sorted(calendars.items())}


def dump(value: Mapping[str, Any] | None) -> str | None:
    """Compact JSON."""
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse(text: str | None) -> dict[str, Any]:
    """The contents of a journal column; empty if they were erased or never kept."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


_INSERT = insert(journal).returning(journal.c.id)


def write(
    uow: UnitOfWork,
    action: str,
    *,
    practice_id: int,
    actor: Actor | None = None,
    appointment_id: int | None = None,
    calendar_id: int | None = None,
    patient_id: int | None = None,
    private: bool = False,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> int:
    """Append one row; its id. ``actor`` is who the unit of work says, unless another is named."""
    values = row(
        actor or uow.actor,
        action,
        practice_id=practice_id,
        appointment_id=appointment_id,
        calendar_id=calendar_id,
        patient_id=patient_id,
        private=private,
        before=before,
        after=after,
    )
    return int(uow.connection.execute(_INSERT, values).scalar_one())


def write_many(uow: UnitOfWork, rows: list[dict[str, Any]]) -> None:
    """Append rows made by ``row`` with one statement."""
    if rows:
        uow.connection.execute(insert(journal), rows)


def row(
    actor: Actor,
    action: str,
    *,
    practice_id: int,
    appointment_id: int | None = None,
    calendar_id: int | None = None,
    patient_id: int | None = None,
    private: bool = False,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The columns of one journal row."""
    return {
        "at": clock.utc_now(),
        "practice_id": practice_id,
        "staff_id": actor.staff_id,
        "device_id": actor.device_id,
        "program": actor.program,
        "action": action,
        "appointment_id": appointment_id,
        "calendar_id": calendar_id,
        "patient_id": patient_id,
        "private": private,
        "before": dump(before),
        "after": dump(after),
    }


def by_source(actor: Actor) -> list[Any]:
    """Conditions: rows written for the same device (else the same person and program) as ``actor``."""
    conditions: list[Any] = [
        journal.c.staff_id.is_(None) if actor.staff_id is None else journal.c.staff_id == actor.staff_id
    ]
    if actor.device_id is not None:
        conditions.append(journal.c.device_id == actor.device_id)
    else:
        conditions += [journal.c.device_id.is_(None), journal.c.program == actor.program]
    return conditions


def empty_expired(uow: UnitOfWork, practice: Practice, now: datetime) -> int:
    """Empty contents older than the practice keeps them; how many rows. ``now`` is UTC."""
    settings = practice.settings
    emptied = 0
    for private, days in ((False, settings.journal_days), (True, settings.journal_private_days)):
        result = uow.connection.execute(
            update(journal)
            .where(
                journal.c.practice_id == practice.id,
                journal.c.at < now - timedelta(days=days),
                journal.c.private.is_(private),
                or_(journal.c.before.is_not(None), journal.c.after.is_not(None)),
            )
            .values(before=None, after=None)
        )
        emptied += result.rowcount
    uow.connection.execute(
        update(attention)
        .where(
            attention.c.practice_id == practice.id,
            attention.c.settled_at < now - timedelta(days=settings.journal_days),
            attention.c.details != "{}",
        )
        .values(details="{}")
    )
    return emptied


def names_patient(patient_id: int, practice_id: int) -> ColumnElement[bool]:
    """The condition for rows about a patient: naming the patient, or an appointment that is or was theirs."""
    theirs = select(appointment.c.id).where(appointment.c.patient_id == patient_id)
    family = select(appointment.c.id).where(
        or_(appointment.c.id.in_(theirs), appointment.c.series_id.in_(theirs))
    )
    named = [
        column.like(pattern)
        for column in (journal.c.before, journal.c.after)
        for pattern in (f'%"patient_id":{patient_id},%', f'%"patient_id":{patient_id}}}%')
    ]
    return or_(
        journal.c.patient_id == patient_id,
        journal.c.appointment_id.in_(family),
        journal.c.appointment_id.in_(
            select(journal.c.appointment_id).where(journal.c.practice_id == practice_id, or_(*named))
        ),
        *named,
    )


def erase_patient(uow: UnitOfWork, patient_id: int, practice_id: int | None = None) -> int:
    """Empty everything written about one patient; how many journal rows. Itself journalled.

    Contents of the journal and of the attention list, what devices kept with the patient's appointments
    (``event_extra``, ``personal_extra``), and their notes, phone numbers, subjects and places typed by hand.
    The appointments themselves, their times and their status stay: they are the practice's accounts.
    ``practice_id``: the patient's practice, found from the patient if not given.
    """
    practice_id = practice_id or _practice_of(uow, patient_id)
    concerned = names_patient(patient_id, practice_id)
    theirs = select(appointment.c.id).where(appointment.c.patient_id == patient_id)
    family = select(appointment.c.id).where(
        or_(appointment.c.id.in_(theirs), appointment.c.series_id.in_(theirs))
    )
    touched = select(journal.c.appointment_id).where(journal.c.practice_id == practice_id, concerned)
    connection = uow.connection
    connection.execute(
        update(attention)
        .where(
            attention.c.practice_id == practice_id,
            or_(
                attention.c.appointment_id.in_(family),
                attention.c.appointment_id.in_(touched),
                attention.c.details.like(f'%"former_patient_id":{patient_id}}}%'),
                attention.c.details.like(f'%"former_patient_id":{patient_id},%'),
            ),
        )
        .values(details="{}")
    )
    count = connection.execute(
        select(func.count()).select_from(journal).where(journal.c.practice_id == practice_id, concerned)
    ).scalar_one()
    connection.execute(
        update(journal).where(journal.c.practice_id == practice_id, concerned).values(before=None, after=None)
    )
    for table in (event_extra, personal_extra):
        connection.execute(delete(table).where(table.c.appointment_id.in_(theirs)))
    connection.execute(
        update(appointment)
        .where(appointment.c.id.in_(theirs))
        .values(note="", phone="", subject="", location_text="")
    )
    shown: dict[int, list[int]] = {}
    live = calendar_object.c.removed_revision.is_(None)
    query = select(calendar_object.c.calendar_id, calendar_object.c.id).where(
        live, calendar_object.c.appointment_id.in_(family)
    )
    for calendar_id, object_id in connection.execute(query):
        shown.setdefault(int(calendar_id), []).append(int(object_id))
    for calendar_id, object_ids in sorted(shown.items()):
        revisions.touch(uow, calendar_id, object_ids)
    write(uow, "erase", practice_id=practice_id, patient_id=patient_id)
    return int(count)


def _practice_of(uow: UnitOfWork, patient_id: int) -> int:
    query = select(patient.c.practice_id).where(patient.c.id == patient_id)
    return int(uow.connection.execute(query).scalar_one())
