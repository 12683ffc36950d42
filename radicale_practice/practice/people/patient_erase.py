"""Empty one patient's contents: what the law of data protection can demand of a practice.

The appointments stay with their times and status; they are the practice's own accounts.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, or_, select, update

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import NotFound
from radicale_practice.practice.people import identity_erase
from radicale_practice.practice.records import journal
from radicale_practice.practice.schema.practice_tables import appointment, patient
from radicale_practice.practice.schema.sync_tables import calendar_object, patient_name
from radicale_practice.practice.sync import revisions


@dataclass(frozen=True, slots=True)
class Erased:
    """How much was emptied."""

    patients: int
    appointments: int
    journal_rows: int


def erase(uow: UnitOfWork, practice_id: int, number: str) -> Erased:
    """Empty names, phone, notes, subjects and journal contents of the patient with this number.

    Those merged into this patient are the same person and are emptied too, and so is one that this number was
    merged into. The numbers stay, so that accounts still add up, and are marked: no import fills them again.
    Hrefs and UIDs that clients chose for their appointments are replaced. Journalled. Raises ``NotFound``.
    """
    ids = _same_person(uow, practice_id, number)
    theirs = select(appointment.c.id).where(appointment.c.patient_id.in_(ids))
    family = select(appointment.c.id, appointment.c.series_id).where(
        or_(appointment.c.id.in_(theirs), appointment.c.series_id.in_(theirs))
    )
    rows = uow.connection.execute(family).all()
    shown = {row.series_id or row.id for row in rows} | {row.id for row in rows}
    entries, appointments = identity_erase.entries_about(uow, practice_id, ids)
    emptied = sum(journal.erase_patient(uow, patient_id, practice_id) for patient_id in sorted(ids))
    uow.connection.execute(
        update(patient)
        .where(patient.c.id.in_(ids))
        .values(first_name="", last_name="", phone="", active=False, erased=True)
    )
    uow.connection.execute(delete(patient_name).where(patient_name.c.patient_id.in_(ids)))
    _touch(uow, shown)
    identity_erase.erase(uow, practice_id, entries, appointments | shown)
    return Erased(len(ids), len(rows), emptied)


def _same_person(uow: UnitOfWork, practice_id: int, number: str) -> set[int]:
    query = select(patient.c.id, patient.c.number, patient.c.merged_into_id).where(
        patient.c.practice_id == practice_id,
        or_(patient.c.number == number.strip(), patient.c.merged_into_id.is_not(None)),
    )
    rows = uow.connection.execute(query).all()
    ids = {row.id for row in rows if row.number == number.strip()}
    if not ids:
        raise NotFound("no patient with this number")
    grown = True
    while grown:
        linked = {row.id for row in rows if row.merged_into_id in ids}
        linked |= {row.merged_into_id for row in rows if row.id in ids and row.merged_into_id is not None}
        grown = not linked <= ids
        ids |= linked
    return ids


def _touch(uow: UnitOfWork, appointment_ids: set[int]) -> None:
    """What devices kept with the events is gone too, which no trigger sees: tell all calendars."""
    query = select(calendar_object.c.calendar_id, calendar_object.c.id).where(
        calendar_object.c.appointment_id.in_(sorted(appointment_ids)),
        calendar_object.c.removed_revision.is_(None),
    )
    objects: dict[int, list[int]] = {}
    for row in uow.connection.execute(query):
        objects.setdefault(row.calendar_id, []).append(row.id)
    for calendar_id, object_ids in sorted(objects.items()):
        revisions.touch(uow, calendar_id, object_ids)
