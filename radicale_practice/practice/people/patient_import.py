"""Patients from a CSV file as practice programs and spreadsheets export it.

German or English headings, separated by semicolon, comma or tab, in UTF-8 or Windows-1252. A patient whose
number is known already is updated, unless erased or merged into another. Reports name lines and fields,
never contents.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.parts import parts
from radicale_practice.practice.people import directory
from radicale_practice.practice.people.names import fold
from radicale_practice.practice.people.patients import added_row, changed_row, checked_values
from radicale_practice.practice.records import journal
from radicale_practice.practice.schema.practice_tables import patient

_HEADINGS = {
    "number": ("number", "patient number", "patient no", "no", "id", "nummer", "nr", "patientennummer")
    + ("patienten-nr", "patnr", "pat-nr", "patienten nr", "patientennr"),
    "last_name": ("last_name", "last name", "lastname", "surname", "family name", "nachname")
    + ("familienname", "zuname", "name"),
    "first_name": ("first_name", "first name", "firstname", "given name", "vorname", "rufname"),
    "phone": ("phone", "phone number", "telephone", "tel", "mobile", "telefon", "telefonnummer")
    + ("handy", "mobil", "mobiltelefon"),
}
_FIELDS = {fold(heading): field for field, headings in _HEADINGS.items() for heading in headings}

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong in one line of the file (counted from 1, the headings are line 1)."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do: how many patients, and the lines with errors.

    Left alone: ``erased`` ones, and those that were ``merged`` into another.
    """

    added: int
    updated: int
    unchanged: int
    erased: int
    merged: int
    errors: tuple[LineError, ...]


def import_csv(
    uow: UnitOfWork,
    practice_id: int,
    data: bytes,
    *,
    dry_run: bool = False,
    skip_errors: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ImportReport:
    """Add and update patients by number from the bytes of a CSV file; each is journalled.

    With an error in any line nothing is stored, unless ``skip_errors``. Patients that were erased or merged
    into another are left alone, whatever the file says of them. ``progress`` is called with (lines done, all
    lines). Raises ``InvalidValue`` if the headings are not understood.
    """
    rows, errors = _read(data)
    known = _known(uow, practice_id)
    fresh: list[dict[str, str]] = []
    changed: list[tuple[Any, dict[str, str]]] = []
    erased = merged = 0
    for _, values in rows:
        row = known.get(values["number"])
        if row is None:
            fresh.append(values)
        elif row.erased:
            erased += 1
        elif row.merged_into_id is not None:
            merged += 1
        elif any(getattr(row, name) != value for name, value in values.items()):
            changed.append((row, values))
    unchanged = len(rows) - len(fresh) - len(changed) - erased - merged
    report = ImportReport(len(fresh), len(changed), unchanged, erased, merged, tuple(errors))
    if not dry_run and (skip_errors or not errors):
        _store(uow, practice_id, fresh, changed, progress)
        journal.write(
            uow,
            "patient-import",
            practice_id=practice_id,
            after={"added": len(fresh), "updated": len(changed), "erased": erased, "merged": merged},
        )
    return report


def _known(uow: UnitOfWork, practice_id: int) -> dict[str, Any]:
    """The practice's patients by number, held until the end: none is erased while it is filled."""
    query = select(
        patient.c.id,
        patient.c.number,
        patient.c.first_name,
        patient.c.last_name,
        patient.c.phone,
        patient.c.merged_into_id,
        patient.c.erased,
    ).where(patient.c.practice_id == practice_id)
    # the weaker lock: appointments may be booked for them meanwhile
    locked = query.order_by(patient.c.id).with_for_update(key_share=True)
    return {row.number: row for row in uow.connection.execute(locked)}


def _store(
    uow: UnitOfWork,
    practice_id: int,
    fresh: list[dict[str, str]],
    changed: list[tuple[Any, dict[str, str]]],
    progress: Callable[[int, int], None] | None,
) -> None:
    report = progress or (lambda done, total: None)
    total, done = len(fresh) + len(changed), 0
    for new in parts(fresh, _BATCH):
        _add(uow, practice_id, new)
        done += len(new)
        report(done, total)
    for batch in parts(changed, _BATCH):
        _update(uow, practice_id, batch)
        done += len(batch)
        report(done, total)
    directory.keep_names(uow, practice_id, directory.missing_names(uow, practice_id))


def _add(uow: UnitOfWork, practice_id: int, fresh: Sequence[dict[str, str]]) -> None:
    new = [{"practice_id": practice_id, "phone": "", **values} for values in fresh]
    uow.connection.execute(insert(patient), new)
    query = select(patient.c.id, patient.c.number).where(
        patient.c.practice_id == practice_id, patient.c.number.in_([values["number"] for values in fresh])
    )
    ids = {row.number: row.id for row in uow.connection.execute(query)}
    journal.write_many(uow, [added_row(uow, practice_id, ids[values["number"]], values) for values in fresh])


def _update(uow: UnitOfWork, practice_id: int, changed: Sequence[tuple[Any, dict[str, str]]]) -> None:
    columns = [name for name in ("first_name", "last_name", "phone") if name in changed[0][1]]
    statement = (
        update(patient)
        .where(patient.c.id == bindparam("patient_key"))
        .values({name: bindparam(f"new_{name}") for name in columns})
    )
    rows = [
        {"patient_key": row.id, **{f"new_{name}": values[name] for name in columns}}
        for row, values in changed
    ]
    uow.connection.execute(statement, rows)
    journal.write_many(uow, [changed_row(uow, practice_id, row, values) for row, values in changed])


def _read(data: bytes) -> tuple[list[tuple[int, dict[str, str]]], list[LineError]]:
    text = _decoded(data)
    first_line = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(";,\t", key=first_line.count)
    lines = _lines(text, delimiter)
    try:
        _, headings = next(lines)
    except StopIteration:
        raise InvalidValue("the file is empty") from None
    fields = [_FIELDS.get(fold(heading)) for heading in headings]
    if "number" not in fields or "last_name" not in fields:
        raise InvalidValue("the first line needs the headings number and last_name (Nummer, Nachname)")
    if len(set(filter(None, fields))) != len([f for f in fields if f]):
        raise InvalidValue("a heading is there twice")
    rows: list[tuple[int, dict[str, str]]] = []
    errors: list[LineError] = []
    seen: dict[str, int] = {}
    for number, cells in lines:
        try:
            values = _values(fields, cells, delimiter)
        except InvalidValue as error:
            errors.append(LineError(number, str(error)))
            continue
        if values["number"] in seen:
            errors.append(LineError(number, f"the same patient number as line {seen[values['number']]}"))
            continue
        seen[values["number"]] = number
        rows.append((number, values))
    return rows, errors


def _values(fields: list[str | None], cells: list[str], delimiter: str) -> dict[str, str]:
    if len(cells) > len(fields) and any(cell.strip() for cell in cells[len(fields) :]):
        raise InvalidValue("there are more fields than headings")
    given = {f: cell for f, cell in zip(fields, cells, strict=False) if f is not None}
    if any(delimiter in cell and len(cell.splitlines()) > 1 for cell in given.values()):
        raise InvalidValue("more than one line in a field: a quotation mark is not closed")
    checked = checked_values(
        given.get("number", ""),
        given.get("first_name", ""),
        given.get("last_name", ""),
        given.get("phone", ""),
    )
    # A column that the file does not have is left as it is.
    return {name: value for name, value in checked.items() if name in fields}


def _lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of its first line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    before = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise InvalidValue(f"line {before + 1} cannot be read as CSV") from None
        if any(cell.strip() for cell in cells):
            yield before + 1, cells
        before = reader.line_num


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")
