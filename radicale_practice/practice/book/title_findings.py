"""What titles mean to the practice; what was noticed in them goes on the attention list."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from radicale_practice.practice.appointment_rows import Row, Rows, columns_of
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor, CalendarObject, Finding, FindingKind
from radicale_practice.practice.notices import attention_rows
from radicale_practice.practice.projections import Practice

MOST_NAMED = 1_000
"""Instances that one row of the list names."""


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
        same = [f for f in findings if f.kind == kind]
        former = next((f.former_patient_id for f in same if f.former_patient_id), None)
        named = [f.recurrence_id.isoformat() if f.recurrence_id else None for f in same]
        known = [] if fresh else attention_rows.lock_open_about(uow, practice.id, str(kind), appointment_id)
        if _joined(uow, known, named, former):
            continue
        details: dict[str, object] = {"instances": named[:MOST_NAMED]}
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


def _joined(
    uow: UnitOfWork,
    known: Sequence[attention_rows.AttentionItem],
    named: Sequence[str | None],
    former: int | None,
) -> bool:
    """Whether an open row tells of these instances, or of others of the same former patient and now of all.

    With another former patient a row of its own is needed, so that *undo* gives each the right one back.
    """
    if any(set(named) <= set(item.details.get("instances", [])) for item in known):
        return True
    for item in known:
        if item.details.get("former_patient_id") == former:
            after = list(dict.fromkeys([*item.details.get("instances", []), *named]))[:MOST_NAMED]
            attention_rows.amend(uow, item.id, {**item.details, "instances": after}, item.count)
            return True
    return False


def settle(
    uow: UnitOfWork, practice: Practice, appointment_id: int, dates: Collection[datetime | None]
) -> None:
    """Somebody has said which patient these are for: what the list says of other instances stays.

    ``dates``: instances by their original start, None the appointment or series itself.
    """
    linked = {date.isoformat() if date else None for date in dates}
    for kind in FindingKind:
        for item in attention_rows.lock_open_about(uow, practice.id, str(kind), appointment_id):
            named = item.details.get("instances") or [None]
            left = [date for date in named if date not in linked]
            if not left:
                attention_rows.settle(uow, item.id, "link")
            elif left != named:
                attention_rows.amend(uow, item.id, {**item.details, "instances": left}, item.count)
