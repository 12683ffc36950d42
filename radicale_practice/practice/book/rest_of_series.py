"""A series of which something is documented does not move as a whole: that stays, the rest moves.

The rest becomes a series of its own with everything that belonged to the first: patient, notes, rooms, what
devices keep with it. What stays is the former series, cut to its documented instances.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from radicale_practice.practice import appointment_rows
from radicale_practice.practice.appointment_rows import Rows, is_private
from radicale_practice.practice.book.cancelling import cancel_all
from radicale_practice.practice.book.places import change_calendar
from radicale_practice.practice.book.restoring import REST_MOVED_TO
from radicale_practice.practice.book.transfer import Transfer
from radicale_practice.practice.book.writing import insert_object, state_after
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Appointment, CalendarObject, Status
from radicale_practice.practice.records import journal
from radicale_practice.practice.sync import identities, revisions


def move(uow: UnitOfWork, transfer: Transfer, remaining: CalendarObject) -> tuple[Rows, int]:
    """Cut the former series and insert the rest in its new place; its rows and object, revisions drawn."""
    t, actor = transfer, transfer.actor
    calendars = t.rows.calendars.get(t.rows.id, {})
    made = insert_object(uow, t.practice, calendars, remaining, actor)
    pairs = _with_their_ids(remaining, made)
    _keep_confirmed(uow, made, pairs)
    personal = {a.id: new for a, new in pairs if a.id is not None}
    appointment_rows.copy_personal(uow, personal, actor.staff_id)
    after = change_calendar(uow, made, t.source.id, t.target) if t.source.id != t.target.id else made
    _cut(uow, t, made.id)
    object_id = identities.assign(uow, t.target.id, made.id, t.href, t.uid)
    revisions.flush(uow)
    journal.write_of(
        uow,
        made,
        "create",
        actor=actor,
        calendar_id=t.target.id,
        private=is_private(t.target.private and not t.away, made),
        after=state_after(after, None, href=t.href, uid=t.uid),
    )
    return after, object_id


def _cut(uow: UnitOfWork, t: Transfer, moved_to: int) -> None:
    """Only what is documented remains of the former series; a deletion that came first has cut it already."""
    named: dict[str, Any] = {REST_MOVED_TO: moved_to}
    private = is_private(t.source.private, t.rows)
    if not t.restored:
        cancel_all(
            uow,
            t.practice,
            t.rows,
            t.actor,
            calendar_id=t.source.id,
            private=private,
            action=t.action,
            **named,
        )
        return
    state = journal.state([t.rows.master], t.rows.calendars.get(t.rows.id, {}))
    journal.write_of(
        uow,
        t.rows,
        t.action,
        actor=t.actor,
        calendar_id=t.source.id,
        private=private,
        before=state,
        after={**state, **named},
    )


def _with_their_ids(entry: CalendarObject, made: Rows) -> list[tuple[Appointment, int]]:
    """Each appointment of the object beside the id of the row that was inserted for it."""
    by_date: dict[datetime | None, int] = {r["recurrence_id"]: i for i, r in made.overrides.items()}
    by_date[None] = made.id
    return [(a, by_date[a.recurrence_id]) for a in entry.appointments]


def _keep_confirmed(uow: UnitOfWork, made: Rows, pairs: list[tuple[Appointment, int]]) -> None:
    confirmed = {new: {"status": str(a.status)} for a, new in pairs if a.status is Status.CONFIRMED}
    appointment_rows.update_rows(uow, made.all, dict(confirmed))
    for row in made.all:
        row.update(confirmed.get(int(row["id"]), {}))
