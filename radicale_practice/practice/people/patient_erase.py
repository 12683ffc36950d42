"""Empty one patient's contents: what the law of data protection can demand of a practice.

The appointments stay with their times and status; they are the practice's own accounts.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, or_, select, update

from radicale_practice.practice import appointment_rows, practices
from radicale_practice.practice.appointment_rows import Row
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import NotFound
from radicale_practice.practice.parts import parts
from radicale_practice.practice.people import identity_erase
from radicale_practice.practice.records import journal, patient_traces
from radicale_practice.practice.records.patient_traces import Traces
from radicale_practice.practice.schema.appointment_columns import TEXTS
from radicale_practice.practice.schema.practice_tables import appointment, patient
from radicale_practice.practice.schema.sync_tables import event_extra, patient_name, personal_extra


@dataclass(frozen=True, slots=True)
class Erased:
    """How much was emptied: numbers of the person, rows of appointments that are or were theirs (instances
    of series count by themselves), rows of the journal."""

    patients: int
    appointments: int
    journal_rows: int


def erase(uow: UnitOfWork, practice_id: int, number: str) -> Erased:
    """Empty names, phone, notes, subjects and journal contents of the patient with this number.

    Those merged into this patient are the same person and are emptied too, and so is one that this number was
    merged into. The numbers stay, so that accounts still add up, and are marked: no import fills them again.
    Appointments that were theirs are emptied as well if they are nobody's now; of those that are somebody
    else's, what clients keep goes and every text that is still what it was then.
    Hrefs and UIDs that clients chose for any of these are replaced. Journalled. Raises ``NotFound``.
    """
    uow.forgets = True
    ids = _same_person(uow, practice_id, number)
    traces = patient_traces.find(uow, practice_id, ids)
    rows = _concerned(uow, practice_id, ids, traces)
    traces.appointments |= {row["series_id"] or row["id"] for row in rows} | {row["id"] for row in rows}
    patient_traces.empty(uow, practice_id, ids, traces)
    _empty_rows(uow, rows, _emptied(rows, ids, traces, practices.get(uow, practice_id).settings.subjects))
    uow.connection.execute(
        update(patient)
        .where(patient.c.id.in_(ids))
        .values(first_name="", last_name="", phone="", active=False, erased=True)
    )
    uow.connection.execute(delete(patient_name).where(patient_name.c.patient_id.in_(ids)))
    # what devices kept with the events is gone too, which no trigger sees
    appointment_rows.touch_live_objects(uow, traces.appointments)
    for patient_id in sorted(ids):
        journal.write(uow, "erase", practice_id=practice_id, patient_id=patient_id)
    identity_erase.erase(uow, practice_id, traces.entries, traces.appointments)
    return Erased(len(ids), len(rows), len(traces.entries))


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


def _concerned(uow: UnitOfWork, practice_id: int, ids: Collection[int], traces: Traces) -> list[Row]:
    """The locked rows that are or were theirs, and the instances of their series, by id."""
    a = appointment.c
    table = appointment
    theirs = select(a.id).where(a.patient_id.in_(ids))
    query = select(table).where(a.practice_id == practice_id).order_by(a.id).with_for_update(key_share=True)
    found: dict[int, Row] = {}
    conditions = [or_(a.id.in_(theirs), a.series_id.in_(theirs))]
    conditions += [or_(a.id.in_(part), a.series_id.in_(part)) for part in parts(sorted(traces.were))]
    for condition in conditions:
        found |= {r["id"]: dict(r) for r in uow.connection.execute(query.where(condition)).mappings()}
    return [found[i] for i in sorted(found)]


def _emptied(
    rows: list[Row], ids: Collection[int], traces: Traces, subjects: Collection[str]
) -> dict[int, Row]:
    """By row id the texts to empty. A subject of the practice's own list says nothing of anybody."""
    by_id = {row["id"]: row for row in rows}
    changes: dict[int, Row] = {}
    for row in rows:
        then = _texts_then(by_id, row, ids, traces)
        names = [name for name in TEXTS if row[name]]
        if row["patient_id"] is not None and row["patient_id"] not in ids:
            names = [n for n in names if row[n] in then[n] and not (n == "subject" and row[n] in subjects)]
        changes[row["id"]] = dict.fromkeys(names, "")
    return changes


def _texts_then(by_id: dict[int, Row], row: Row, ids: Collection[int], traces: Traces) -> dict[str, set[str]]:
    """What stood in a row while it was theirs; in an instance's, what its series said then."""
    found: dict[str, set[str]] = {name: set() for name in TEXTS}
    for row_id in (row["id"], row["series_id"]):
        for name, texts in traces.were.get(row_id, {}).items():
            found[name] |= texts
        known = by_id.get(row_id)
        if known is not None and known["patient_id"] in ids:
            for name in TEXTS:
                found[name].add(known[name])
    return found


def _empty_rows(uow: UnitOfWork, rows: list[Row], changes: dict[int, Row]) -> None:
    appointment_rows.update_rows(uow, rows, changes)
    for table in (event_extra, personal_extra):
        for part in parts(sorted(changes)):
            uow.connection.execute(delete(table).where(table.c.appointment_id.in_(part)))
