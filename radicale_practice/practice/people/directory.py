"""The practice's directory: who and what a title typed on a device can mean. Three constant statements."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, literal, or_, select

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Location, Patient
from radicale_practice.practice.parts import parts
from radicale_practice.practice.people.names import name_keys, order_free
from radicale_practice.practice.schema.practice_tables import location, patient
from radicale_practice.practice.schema.sync_tables import patient_name

COLUMNS = (patient.c.id, patient.c.number, patient.c.first_name, patient.c.last_name, patient.c.phone)
"""Of a row that ``patient_of`` reads."""

_SEPARATOR = "\x1f"

RECOGNISED = and_(
    patient.c.practice_id == bindparam("practice"), patient.c.active, patient.c.merged_into_id.is_(None)
)
"""Patients of the practice (parameter ``practice``) who can be meant by a name: not merged, not inactive."""

_BY_NUMBER = select(*COLUMNS).where(RECOGNISED, patient.c.number.in_(bindparam("numbers", expanding=True)))

_BY_KEY = (
    select(*COLUMNS)
    .join(patient_name, patient_name.c.patient_id == patient.c.id)
    .where(
        RECOGNISED,
        patient_name.c.practice_id == bindparam("practice"),
        patient_name.c.name_key.in_(bindparam("keys", expanding=True)),
    )
)

_SOURCE = patient.c.first_name + literal(_SEPARATOR) + patient.c.last_name

_MISSING = (
    select(*COLUMNS)
    .outerjoin(patient_name, patient_name.c.patient_id == patient.c.id)
    .where(RECOGNISED, or_(patient_name.c.patient_id.is_(None), patient_name.c.source != _SOURCE))
)


class PracticeDirectory:
    """Patients and locations of one practice, for the reading of titles.

    Merged and inactive patients are not recognised. Lives as long as its unit of work.
    """

    def __init__(self, uow: UnitOfWork, practice_id: int) -> None:
        self._uow = uow
        self._practice_id = practice_id
        self._keys_complete = False
        self._unkept: list[tuple[str, Patient]] = []
        self._locations: list[Location] | None = None

    def patients_by_number(self, numbers: Collection[str]) -> Sequence[Patient]:
        """The patients with these numbers."""
        wanted = sorted({n for n in numbers if n and "\0" not in n})
        found: list[Patient] = []
        for part in parts(wanted):
            parameters = {"practice": self._practice_id, "numbers": part}
            found += [patient_of(row) for row in self._uow.connection.execute(_BY_NUMBER, parameters)]
        return found

    def patients_by_name(self, keys: Collection[str]) -> Sequence[tuple[str, Patient]]:
        """The patients whose full name, in either order, has one of these keys (``names.fold``).

        Returns (key as asked, patient) for each; more than one patient can have a key.
        """
        wanted = {key for key in keys if key and "\0" not in key}
        if not wanted:
            return []
        self._complete_keys()
        candidates = [p for key, p in self._unkept if key in {order_free(w) for w in wanted}]
        for part in parts(sorted({order_free(key) for key in wanted})):
            parameters = {"practice": self._practice_id, "keys": part}
            candidates += [patient_of(row) for row in self._uow.connection.execute(_BY_KEY, parameters)]
        # The stored key knows neither the order of the words nor today's name for certain.
        found = {(key, p.id): (key, p) for p in candidates for key in name_keys(p.first_name, p.last_name)}
        return [pair for pair in found.values() if pair[0] in wanted]

    def locations(self) -> Sequence[Location]:
        """The practice's active locations."""
        if self._locations is None:
            query = select(location.c.id, location.c.name).where(
                location.c.practice_id == self._practice_id, location.c.active
            )
            rows = self._uow.connection.execute(query.order_by(location.c.id))
            self._locations = [Location(row.id, row.name) for row in rows]
        return self._locations

    def _complete_keys(self) -> None:
        """Make the keys of new and renamed patients: kept by a writer, held in memory by a reader."""
        if self._keys_complete:
            return
        self._keys_complete = True
        missing = missing_names(self._uow, self._practice_id)
        if self._uow.mode == "w":
            keep_names(self._uow, self._practice_id, missing)
        else:
            self._unkept = [(_stored_key(row), patient_of(row)) for row in missing]


def missing_names(uow: UnitOfWork, practice_id: int) -> list[Any]:
    """Recognisable patients without a key, or with the key of a former name."""
    return list(uow.connection.execute(_MISSING, {"practice": practice_id}))


def keep_names(uow: UnitOfWork, practice_id: int, rows: Sequence[Any]) -> None:
    """Store the keys of these patients, together with the names they were made from."""
    if not rows:
        return
    statement = uow.insert(patient_name)
    statement = statement.on_conflict_do_update(
        index_elements=[patient_name.c.patient_id],
        set_={"name_key": statement.excluded.name_key, "source": statement.excluded.source},
    )
    values = [
        {
            "patient_id": row.id,
            "practice_id": practice_id,
            "name_key": _stored_key(row),
            "source": f"{row.first_name}{_SEPARATOR}{row.last_name}",
        }
        for row in rows
    ]
    uow.connection.execute(statement, sorted(values, key=lambda v: v["patient_id"]))


def _stored_key(row: Any) -> str:
    return order_free(next(iter(name_keys(row.first_name, row.last_name)), ""))


def patient_of(row: Any) -> Patient:
    """The patient of a row with ``COLUMNS``."""
    return Patient(row.id, row.number, row.first_name, row.last_name, row.phone)
