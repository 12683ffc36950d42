"""Patients: add, find, change, merge. Importing and erasing are modules of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Integer, and_, cast, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import Conflict, InvalidValue, NotFound
from radicale_practice.practice.model import Patient
from radicale_practice.practice.people import directory
from radicale_practice.practice.people.directory import COLUMNS, RECOGNISED, patient_of
from radicale_practice.practice.people.names import fold, name_keys
from radicale_practice.practice.records import journal
from radicale_practice.practice.schema.practice_tables import appointment, patient
from radicale_practice.practice.schema.sync_tables import patient_name

LONGEST_NUMBER = 64
LONGEST_TEXT = 200

ERASED = "this patient's contents were erased for good"


def add(
    uow: UnitOfWork,
    practice_id: int,
    number: str | None,
    first_name: str,
    last_name: str,
    phone: str = "",
) -> Patient:
    """Add a patient; ``number`` None takes the next whole number.

    Raises ``InvalidValue`` for a missing name, ``Conflict`` if the number is taken.
    """
    values = checked_values(
        number if number is not None else next_number(uow, practice_id), first_name, last_name, phone
    )
    try:
        with uow.connection.begin_nested():
            patient_id = uow.connection.execute(
                insert(patient).values(practice_id=practice_id, **values).returning(patient.c.id)
            ).scalar_one()
    except IntegrityError:
        # Without the cause: the driver's message quotes the row.
        raise Conflict("this patient number is taken") from None
    found = Patient(patient_id, values["number"], values["first_name"], values["last_name"], values["phone"])
    directory.keep_names(uow, practice_id, [found])
    journal.write_many(uow, [added_row(uow, practice_id, patient_id, values)])
    return found


def next_number(uow: UnitOfWork, practice_id: int) -> str:
    """One more than the highest patient number that is a whole number (of at most nine digits)."""
    number = patient.c.number
    digits = number.op("~")("^[0-9]{1,9}$") if uow.dialect == "postgresql" else _glob_digits(number)
    query = select(number).where(patient.c.practice_id == practice_id, digits)
    numbers = select(func.max(cast(query.subquery().c.number, Integer)))
    return str((uow.connection.execute(numbers).scalar() or 0) + 1)


def by_number(uow: UnitOfWork, practice_id: int, number: str, *, erased: bool = False) -> Patient:
    """The patient with this number; for one merged into another, that other.

    Raises ``NotFound``; ``InvalidValue`` for one whose contents were erased, unless ``erased``.
    """
    columns = (*COLUMNS, patient.c.merged_into_id, patient.c.erased)
    query = select(*columns).where(patient.c.practice_id == practice_id, patient.c.number == number.strip())
    row = uow.connection.execute(query).one_or_none()
    seen: set[int] = set()
    while row is not None and row.merged_into_id is not None and row.id not in seen:
        seen.add(row.id)
        row = uow.connection.execute(select(*columns).where(patient.c.id == row.merged_into_id)).one_or_none()
    if row is None:
        raise NotFound("no patient with this number")
    if row.erased and not erased:
        raise InvalidValue(ERASED)
    return patient_of(row)


def find(uow: UnitOfWork, practice_id: int, text: str, limit: int = 50) -> list[Patient]:
    """Patients with this number, or whose name has each of these words in it, in any order and spelling.

    Sorted by last name. Merged and inactive patients are left out.
    """
    words = fold(text).split()
    if not words or "\0" in text:
        return []
    by_key = (
        select(*COLUMNS)
        .join(patient_name, patient_name.c.patient_id == patient.c.id)
        .where(RECOGNISED, *(patient_name.c.name_key.contains(word, autoescape=True) for word in words))
    )
    with_number = select(*COLUMNS).where(RECOGNISED, patient.c.number == text.strip())
    rows = directory.missing_names(uow, practice_id)
    for query in (with_number, by_key):
        rows += uow.connection.execute(query, {"practice": practice_id})
    found = {row.id: patient_of(row) for row in rows if row.number == text.strip() or _has_words(row, words)}
    return sorted(found.values(), key=lambda p: (fold(p.last_name), fold(p.first_name), p.number))[:limit]


def change(
    uow: UnitOfWork,
    practice_id: int,
    number: str,
    first_name: str | None = None,
    last_name: str | None = None,
    phone: str | None = None,
) -> Patient:
    """Give a patient other names or another phone number; None leaves what is there. Journalled.

    Raises ``NotFound``, ``InvalidValue`` (a name missing, or the patient was erased).
    """
    found = by_number(uow, practice_id, number)
    locked = select(*COLUMNS, patient.c.erased).where(patient.c.id == found.id)
    former = uow.connection.execute(locked.with_for_update(key_share=True)).one()
    if former.erased:
        raise InvalidValue(ERASED)
    values = checked_values(
        former.number,
        former.first_name if first_name is None else first_name,
        former.last_name if last_name is None else last_name,
        former.phone if phone is None else phone,
    )
    changed = Patient(former.id, former.number, values["first_name"], values["last_name"], values["phone"])
    if changed != patient_of(former):
        uow.connection.execute(update(patient).where(patient.c.id == former.id).values(values))
        directory.keep_names(uow, practice_id, [changed])
        journal.write_many(uow, [changed_row(uow, practice_id, former, values)])
    return changed


def added_row(
    uow: UnitOfWork, practice_id: int, patient_id: int, values: Mapping[str, str]
) -> dict[str, Any]:
    """The journal's row of a new patient: columns of the patient that are not empty."""
    after = {name: value for name, value in values.items() if value}
    return journal.row(uow.actor, "patient-add", practice_id=practice_id, patient_id=patient_id, after=after)


def changed_row(uow: UnitOfWork, practice_id: int, former: Any, values: Mapping[str, str]) -> dict[str, Any]:
    """The journal's row of a changed patient: the columns that differ, before and after.

    ``former``: the patient's row as it was.
    """
    different = [name for name, value in values.items() if getattr(former, name) != value]
    return journal.row(
        uow.actor,
        "patient-change",
        practice_id=practice_id,
        patient_id=former.id,
        before={name: getattr(former, name) for name in different},
        after={name: values[name] for name in different},
    )


def merge(uow: UnitOfWork, practice_id: int, number: str, into_number: str) -> int:
    """The same person twice: all appointments go to ``into_number``, ``number`` is no longer recognised.

    Each moved appointment is journalled. Returns how many there were. Raises ``NotFound``, ``InvalidValue``
    if both are the same or one was erased.
    """
    former, kept = by_number(uow, practice_id, number), by_number(uow, practice_id, into_number)
    if former.id == kept.id:
        raise InvalidValue("these two numbers are one patient already")
    mine = and_(appointment.c.patient_id == former.id, appointment.c.practice_id == practice_id)
    rows = select(appointment.c.id).where(mine).order_by(appointment.c.id).with_for_update(key_share=True)
    uow.connection.execute(rows)  # in this order, as everybody of ours locks them
    moving = update(appointment).where(mine).values(patient_id=kept.id).returning(appointment.c.id)
    moved = sorted(uow.connection.execute(moving).scalars())
    uow.connection.execute(
        update(patient).where(patient.c.merged_into_id == former.id).values(merged_into_id=kept.id)
    )
    uow.connection.execute(
        update(patient).where(patient.c.id == former.id).values(merged_into_id=kept.id, active=False)
    )
    _journal_merge(uow, practice_id, former.id, kept.id, moved)
    return len(moved)


def _journal_merge(
    uow: UnitOfWork, practice_id: int, former_id: int, kept_id: int, moved: Sequence[int]
) -> None:
    after = {"patient_id": kept_id}
    journal.write(uow, "patient-merge", practice_id=practice_id, patient_id=former_id, after=after)
    rows = [
        journal.row(
            uow.actor,
            "patient-merge",
            practice_id=practice_id,
            appointment_id=appointment_id,
            patient_id=kept_id,
            before={"patient_id": former_id},
            after=after,
        )
        for appointment_id in moved
    ]
    journal.write_many(uow, rows)


def checked_values(number: str, first_name: str, last_name: str, phone: str) -> dict[str, str]:
    """The columns of a patient, trimmed. Raises ``InvalidValue`` naming the field, never its content."""
    values = {
        "number": number.strip(),
        "first_name": " ".join(first_name.split()),
        "last_name": " ".join(last_name.split()),
        "phone": " ".join(phone.split()),
    }
    if not values["number"] or len(values["number"]) > LONGEST_NUMBER:
        raise InvalidValue(f"the patient number has 1 to {LONGEST_NUMBER} characters")
    if not values["last_name"] and not values["first_name"]:
        raise InvalidValue("the name is missing")
    for name, value in values.items():
        if len(value) > LONGEST_TEXT:
            raise InvalidValue(f"{name} is too long")
        if any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in value):
            raise InvalidValue(f"{name} has control characters")
    return values


def _has_words(row: Any, words: Sequence[str]) -> bool:
    key = next(iter(name_keys(row.first_name, row.last_name)), "")
    return all(word in key for word in words)


def _glob_digits(column: Any) -> Any:
    return column.op("NOT GLOB", is_comparison=True)("*[^0-9]*") & (func.length(column).between(1, 9))
