"""Where the journal knows of a patient: which rows of it, and which appointments are or once were theirs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.parts import parts
from radicale_practice.practice.records import journal
from radicale_practice.practice.schema.appointment_columns import TEXTS
from radicale_practice.practice.schema.practice_tables import appointment
from radicale_practice.practice.schema.sync_tables import attention
from radicale_practice.practice.schema.sync_tables import journal as journal_table

Texts = dict[str, set[str]]
"""By column, what stood there."""


@dataclass(slots=True)
class Traces:
    """``entries``: ids of journal rows about the patient. ``appointments``: ids of all that is or was theirs,
    the series of an instance included. ``were``: rows that were theirs at some time, with their texts then;
    empty texts where the journal's contents are gone."""

    entries: set[int] = field(default_factory=set)
    appointments: set[int] = field(default_factory=set)
    were: dict[int, Texts] = field(default_factory=dict)


def find(uow: UnitOfWork, practice_id: int, patient_ids: Collection[int]) -> Traces:
    """The traces of a person, who may have several numbers (merged). To be asked before emptying anything."""
    found = Traces()
    table = journal_table.c
    query = select(table.id, table.appointment_id, table.patient_id, table.before, table.after)
    for patient_id in sorted(patient_ids):
        about = query.where(table.practice_id == practice_id, _about(patient_id, practice_id))
        for entry in uow.connection.execute(about):
            found.entries.add(entry.id)
            if entry.appointment_id is not None:
                found.appointments.add(entry.appointment_id)
            _collect(found, entry, patient_ids)
    a = appointment.c
    theirs = select(a.id, a.series_id).where(a.practice_id == practice_id, a.patient_id.in_(patient_ids))
    for row_id, series_id in uow.connection.execute(theirs):
        found.appointments |= {row_id, series_id or row_id}
    return found


def empty(uow: UnitOfWork, practice_id: int, patient_ids: Collection[int], traces: Traces) -> int:
    """Empty the contents of these journal rows, and what the attention list says of these appointments and of
    these patients; how many journal rows."""
    for ids in parts(sorted(traces.entries)):
        uow.connection.execute(
            update(journal_table).where(journal_table.c.id.in_(ids)).values(before=None, after=None)
        )
    details = update(attention).where(attention.c.practice_id == practice_id).values(details="{}")
    for ids in parts(sorted(traces.appointments)):
        uow.connection.execute(details.where(attention.c.appointment_id.in_(ids)))
    for patient_id in sorted(patient_ids):
        named = [attention.c.details.like(f'%"former_patient_id":{patient_id}{end}%') for end in ("}", ",")]
        uow.connection.execute(details.where(or_(*named)))
    return len(traces.entries)


def _about(patient_id: int, practice_id: int) -> ColumnElement[bool]:
    """The condition for rows about a patient: naming the patient, or an appointment that is or was theirs."""
    theirs = select(appointment.c.id).where(appointment.c.patient_id == patient_id)
    family = select(appointment.c.id).where(
        or_(appointment.c.id.in_(theirs), appointment.c.series_id.in_(theirs))
    )
    table = journal_table.c
    named = [
        column.like(pattern)
        for column in (table.before, table.after)
        for pattern in (f'%"patient_id":{patient_id},%', f'%"patient_id":{patient_id}}}%')
    ]
    naming = select(table.appointment_id).where(table.practice_id == practice_id, or_(*named))
    return or_(
        table.patient_id == patient_id,
        table.appointment_id.in_(family),
        table.appointment_id.in_(naming),
        *named,
    )


def _collect(found: Traces, entry: Any, patient_ids: Collection[int]) -> None:
    """The rows that a journal row shows as theirs, with what stood in them."""
    states = [journal.parse(text) for text in (entry.before, entry.after)]
    if entry.patient_id in patient_ids and entry.appointment_id is not None and not any(states):
        found.were.setdefault(entry.appointment_id, {})
    for row_id, row in (item for state in states for item in _rows(state)):
        if row.get("patient_id") not in patient_ids:
            continue
        found.appointments.add(row_id)
        texts = found.were.setdefault(row_id, {})
        for name in TEXTS:
            if row.get(name):
                texts.setdefault(name, set()).add(row[name])


def _rows(state: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    rows = state.get("rows")
    for row_id, row in rows.items() if isinstance(rows, Mapping) else ():
        yield int(row_id), row
