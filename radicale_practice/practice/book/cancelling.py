"""Cancelling rows: they stay, with who, when and from which device; what is documented does not change."""

from __future__ import annotations

from typing import Any

from radicale_practice.practice import appointment_rows, clock
from radicale_practice.practice.appointment_rows import Row, Rows, is_documented
from radicale_practice.practice.book import plan
from radicale_practice.practice.book.writing import state_after
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor, Status
from radicale_practice.practice.notices import attention_rows, left_copies
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal


def cancel_all(
    uow: UnitOfWork,
    practice: Practice,
    rows: Rows,
    actor: Actor,
    *,
    calendar_id: int | None,
    private: bool = False,
    action: str = "cancel",
    **more: Any,
) -> bool:
    """Cancel an appointment, or all of a series that is not documented; whether documented ones remain.

    Documented instances stay, and the object with them: the master's rule is cut to their dates.
    What it was before is in the journal, from where ``restore`` takes it. Instances that live in another
    calendar are objects of their own and stay as they are.
    """
    gone = appointment_rows.cancelled(actor, clock.utc_now())
    here = {i: r for i, r in rows.here().items() if r["status"] != Status.CANCELLED}
    documented = {i: r for i, r in here.items() if is_documented(r)}
    changes: dict[int, Row] = {i: dict(gone) for i in here if i not in documented}
    if not documented:
        changes[rows.id] = dict(gone)
    elif rows.master["status"] != Status.CANCELLED:
        dates = {r["recurrence_id"] for r in documented.values()}
        changes[rows.id] = plan.cut_to_documented(rows.entry(rows.master), dates)
    concerned = [r for r in rows.all if r is rows.master or r["id"] in changes]
    calendars = rows.calendars.get(rows.id, {})
    before = journal.state(concerned, calendars)
    appointment_rows.update_rows(uow, rows.all, changes)
    if not documented:
        attention_rows.settle_moot(uow, practice.id, rows.id)
        if not private:
            left_copies.note(uow, practice, actor, rows.id)
    after = rows.with_changes(changes)
    journal.write_of(
        uow,
        rows,
        action,
        actor=actor,
        calendar_id=calendar_id,
        private=private,
        before=before,
        after=state_after(after, before, public_id=rows.master["public_id"], **more),
    )
    return bool(documented)
