"""Reading the journal: for people, with the names they know people by."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.records import journal
from radicale_practice.practice.schema.practice_tables import appointment, patient, staff
from radicale_practice.practice.schema.sync_tables import device
from radicale_practice.practice.schema.sync_tables import journal as journal_table


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal row. ``at`` is UTC; ``patient`` the present name ("Huber Maria"), "" if there is none."""

    id: int
    at: datetime
    user_name: str
    device: str
    program: str
    action: str
    appointment_id: int | None
    patient: str
    private: bool
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    present: Mapping[str, Any] | None = None
    """Of an action whose row has no contents, the appointment as it is now; None if it is gone."""


CONTENTLESS = ("foreign", "refused", "held")
"""Actions of which the journal knows that there was one, and not what the appointment was."""


def entries(
    uow: UnitOfWork,
    practice_id: int,
    *,
    after_id: int | None = None,
    since: datetime | None = None,
    appointment_id: int | None = None,
    ids: Collection[int] | None = None,
    limit: int = 200,
) -> list[Entry]:
    """Rows of the journal, oldest first; at most three statements.

    ``after_id``: the first ``limit`` rows after this one; else the last ``limit`` rows. ``since``: UTC.
    ``ids``: only these rows.
    """
    query = (
        select(journal_table, staff.c.user_name, device.c.name.label("device_name"))
        .outerjoin(staff, staff.c.id == journal_table.c.staff_id)
        .outerjoin(device, device.c.id == journal_table.c.device_id)
        .where(journal_table.c.practice_id == practice_id)
        .limit(limit)
    )
    if since is not None:
        query = query.where(journal_table.c.at >= since)
    if appointment_id is not None:
        query = query.where(journal_table.c.appointment_id == appointment_id)
    if ids is not None:
        query = query.where(journal_table.c.id.in_(sorted(set(ids))))
    if after_id is not None:
        query = query.where(journal_table.c.id > after_id).order_by(journal_table.c.id)
    else:
        query = query.order_by(journal_table.c.id.desc())
    rows = sorted(uow.connection.execute(query).all(), key=lambda row: row.id)
    present = _present(uow, {row.appointment_id for row in rows if row.action in CONTENTLESS})
    patients = {
        row.id: row.patient_id or present.get(row.appointment_id, {}).get("patient_id") for row in rows
    }
    names = _names(uow, {patient_id for patient_id in patients.values() if patient_id is not None})
    return [
        Entry(
            id=row.id,
            at=row.at,
            user_name=row.user_name or "",
            device=row.device_name or "",
            program=row.program,
            action=row.action,
            appointment_id=row.appointment_id,
            patient=names.get(patients[row.id] or 0, ""),
            private=bool(row.private),
            before=journal.parse(row.before),
            after=journal.parse(row.after),
            present=present.get(row.appointment_id),
        )
        for row in rows
    ]


def newest(uow: UnitOfWork) -> int:
    """The id of the newest journal row, 0 if there is none."""
    return int(uow.connection.execute(select(func.max(journal_table.c.id))).scalar() or 0)


def _present(uow: UnitOfWork, ids: set[int | None]) -> dict[int | None, dict[str, Any]]:
    """What these appointments are now, as in a snapshot, with ``created_at`` (UTC)."""
    if not ids:
        return {}
    query = select(appointment).where(appointment.c.id.in_(ids))
    return {
        row["id"]: {**journal.snapshot(dict(row)), "created_at": row["created_at"]}
        for row in uow.connection.execute(query).mappings()
    }


def _names(uow: UnitOfWork, ids: set[int]) -> dict[int, str]:
    if not ids:
        return {}
    query = select(patient.c.id, patient.c.last_name, patient.c.first_name).where(patient.c.id.in_(ids))
    return {p.id: f"{p.last_name} {p.first_name}".strip() for p in uow.connection.execute(query)}
