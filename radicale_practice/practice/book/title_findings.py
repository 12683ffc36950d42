"""What titles mean to the practice; what was noticed in them goes on the attention list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from radicale_practice.practice.appointment_rows import Row, Rows, columns_of
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor, CalendarObject, Finding
from radicale_practice.practice.notices import attention_rows
from radicale_practice.practice.projections import Practice


@dataclass(frozen=True, slots=True)
class Titles:
    """What the titles of an event mean to the practice, and what somebody should look at."""

    desired: CalendarObject
    findings: tuple[Finding, ...] = ()

    def changes(self, rows: Rows) -> dict[int, Row]:
        """The columns that titles decide, where they differ from the rows; by row id."""
        known = {int(row["id"]): row for row in rows.all}
        found: dict[int, Row] = {}
        for entry in self.desired.appointments:
            if entry.id is not None and entry.id in known:
                row, wanted = known[entry.id], columns_of(entry)
                names = ("patient_id", "subject", "phone")
                found[entry.id] = {n: wanted[n] for n in names if wanted[n] != row[n]}
        return {i: change for i, change in found.items() if change}


def file_findings(
    uow: UnitOfWork,
    practice: Practice,
    actor: Actor,
    calendar_id: int,
    appointment_id: int,
    findings: Sequence[Finding],
    *,
    private: bool = False,
    fresh: bool = False,
) -> None:
    """What was noticed in the titles, one open row of the attention list for each kind.

    ``private``: in a private calendar titles are the person's own words, and it is the practice's business
    only that an appointment is no longer its patient's. ``fresh``: the appointment is new in this transaction
    and on no list yet.
    """
    if private:
        findings = [f for f in findings if f.former_patient_id]
    for kind in sorted({f.kind for f in findings}):
        if not fresh and attention_rows.has_open(uow, practice.id, str(kind), appointment_id):
            continue
        same = [f for f in findings if f.kind == kind]
        former = next((f.former_patient_id for f in same if f.former_patient_id), None)
        details: dict[str, object] = {
            "instances": [f.recurrence_id.isoformat() if f.recurrence_id else None for f in same][:50]
        }
        if former is not None:
            details["former_patient_id"] = former
        attention_rows.file(
            uow,
            practice.id,
            str(kind),
            str(kind),
            actor=actor,
            calendar_id=calendar_id,
            appointment_id=appointment_id,
            details=details,
        )
