"""Reading the journal: for people, with the names they know people by."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, column, func, select, table

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.records import journal
from radicale_practice.practice.schema.appointment_columns import CONTENT
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
    """Of an action whose row has no contents, the appointment as it is now; None if it is gone. Of what is a
    private entry by now only its time and status (``private`` is true then)."""


_TOLD = table("practice_appointment", column("id", Integer))
"""The view that leaves private entries out."""

CONTENTLESS = ("foreign", "refused", "held", "rename")
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
    concerned = {row.appointment_id for row in rows if row.action in CONTENTLESS}
    present, hidden = _present(uow, practice_id, concerned)
    patients = {
        row.id: row.patient_id or present.get(row.appointment_id, {}).get("patient_id") for row in rows
    }
    names = _names(uow, practice_id, {number for number in patients.values() if number is not None})
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
            private=bool(row.private) or (row.action in CONTENTLESS and row.appointment_id in hidden),
            before=journal.parse(row.before),
            after=journal.parse(row.after),
            present=present.get(row.appointment_id),
        )
        for row in rows
    ]


def newest(uow: UnitOfWork) -> int:
    """The id of the newest journal row, 0 if there is none."""
    return int(uow.connection.execute(select(func.max(journal_table.c.id))).scalar() or 0)


def _present(
    uow: UnitOfWork, practice_id: int, ids: set[int | None]
) -> tuple[dict[int | None, dict[str, Any]], set[int | None]]:
    """What these appointments are now, as in a snapshot, with ``created_at`` (UTC), and which of them are
    private entries. A row that a program has put into another practice's calendar is nobody's.
    """
    if not ids:
        return {}, set()
    a = appointment.c
    told = a.id.in_(select(_TOLD.c.id).where(_TOLD.c.id.in_(ids)))
    query = select(appointment, told.label("told")).where(a.practice_id == practice_id, a.id.in_(ids))
    found: dict[int | None, dict[str, Any]] = {}
    hidden: set[int | None] = set()
    for row in uow.connection.execute(query).mappings():
        state = {**journal.snapshot(dict(row)), "created_at": row["created_at"]}
        if not row["told"]:
            hidden.add(row["id"])
            state = {name: value for name, value in state.items() if name not in CONTENT}
        found[row["id"]] = state
    return found, hidden


def _names(uow: UnitOfWork, practice_id: int, ids: set[int]) -> dict[int, str]:
    if not ids:
        return {}
    columns = (patient.c.id, patient.c.last_name, patient.c.first_name)
    query = select(*columns).where(patient.c.practice_id == practice_id, patient.c.id.in_(ids))
    return {p.id: f"{p.last_name} {p.first_name}".strip() for p in uow.connection.execute(query)}
