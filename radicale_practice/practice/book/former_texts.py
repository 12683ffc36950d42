"""What stood beside a former patient: subject, phone and note, for the patient to come back with them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from radicale_practice.practice.appointment_rows import Row, Rows
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.records import journal
from radicale_practice.practice.schema import sync_tables

_TEXTS = ("subject", "phone", "note")


def of(uow: UnitOfWork, rows: Rows, patient_id: int) -> dict[int, Row]:
    """The texts that the rows had when they were last this patient's, by row id; only those that nobody has
    written anew since, and that are others. Nothing where the journal keeps no contents any more."""
    entries = sync_tables.journal
    query = select(entries.c.before, entries.c.after).where(entries.c.appointment_id == rows.id)
    found: dict[int, Row] = {}
    for entry in uow.connection.execute(query.order_by(entries.c.id.desc())):
        before, after = (journal.parse(kept).get("rows", {}) for kept in (entry.before, entry.after))
        for row in rows.all:
            row_id = int(row["id"])
            # an instance that had no row of its own was as its series
            was, left = before.get(str(row_id)) or before.get(str(rows.id)), after.get(str(row_id))
            if row_id not in found and was and left and _parted(was, left, patient_id):
                found[row_id] = _unwritten(row, was, left)
    return found


def _parted(was: dict[str, Any], left: dict[str, Any], patient_id: int) -> bool:
    return was.get("patient_id") == patient_id != left.get("patient_id")


def _unwritten(row: Row, was: dict[str, Any], left: dict[str, Any]) -> Row:
    texts = {name: was.get(name, "") for name in _TEXTS if left.get(name, "") == row[name]}
    return {name: text for name, text in texts.items() if text != row[name]}
