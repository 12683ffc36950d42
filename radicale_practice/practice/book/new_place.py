"""An appointment in its new place: what a move in two halves writes, whichever half came first.

The upload is a change of the appointment like any other, compared by the same ``plan``: rule, exclusions and
instances of a series go together. What is documented does not move; the rest of its series becomes a series
of its own there (``rest_of_series``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from radicale_practice.practice import appointment_rows
from radicale_practice.practice.appointment_rows import Rows, is_private
from radicale_practice.practice.book import confirming, rest_of_series
from radicale_practice.practice.book.places import change_calendar
from radicale_practice.practice.book.title_findings import file_findings
from radicale_practice.practice.book.transfer import Transfer
from radicale_practice.practice.book.writing import SlotTaken, carry_out, state_after
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.notices import left_copies
from radicale_practice.practice.records import journal
from radicale_practice.practice.rules import double_booking, refusals
from radicale_practice.practice.rules.refusals import Outcome
from radicale_practice.practice.sync import identities, revisions


def take(uow: UnitOfWork, transfer: Transfer) -> Outcome:
    """Write the move; raises ``SlotTaken`` if the practice forbids it. To be called inside an ``attempt``."""
    t = transfer
    if t.rest is not None:
        after, object_id = rest_of_series.move(uow, t, t.rest)
    else:
        after, object_id = _move(uow, t)
    clash = double_booking.decide(uow, after, {t.target.id} if t.target.private else ())
    if double_booking.forbidden(t.practice, after, clash):
        raise SlotTaken
    if clash is not None:
        double_booking.file(uow, t.practice, after, clash, t.actor)
    findings, private = t.moved.findings, t.target.private
    file_findings(uow, t.practice, t.actor, t.target.id, after.id, findings, private=private)
    return Outcome("done", "", object_id, t.href, exact=False)


def _move(uow: UnitOfWork, t: Transfer) -> tuple[Rows, int]:
    """The rows themselves, in their new calendar under their new identity; drawn revisions."""
    after, before, object_id = place(uow, t)
    revisions.flush(uow)
    journal.write_of(
        uow,
        after,
        t.action,
        actor=t.actor,
        calendar_id=t.target.id,
        private=is_private(t.target.private and not t.away, t.rows, after),
        before=before,
        after=state_after(after, before, href=t.href, uid=t.uid),
    )
    return after, object_id


def place(uow: UnitOfWork, t: Transfer) -> tuple[Rows, dict[str, Any], int]:
    """Write the rows in their new calendar under their new identity: the rows afterwards, the journal's state
    before, the object. No revision is drawn yet; raises ``Conflict`` if the identity is taken."""
    placed = t.rows
    if t.source.id != t.target.id:
        placed = change_calendar(uow, t.rows, t.source.id, t.target)
    updates = {
        i: {**t.restored.get(i, {}), **t.made.updates.get(i, {})} for i in {*t.restored, *t.made.updates}
    }
    if confirming.is_unconfirmed(t.rows):
        updates = confirming.with_booking(t.rows, updates)
        refusals.unconfirmed_is_over(uow, t.practice, t.rows.master["created_by"], t.rows.id)
    made = replace(t.made, updates=updates)
    after, before = carry_out(uow, placed, made, t.actor)
    _touch_others(uow, t)
    if t.source.id not in after.calendars.get(t.rows.id, {}) and not is_private(t.source.private, t.rows):
        left_copies.note(uow, t.practice, t.actor, t.rows.id)
    object_id = identities.assign(uow, t.target.id, t.rows.id, t.href, t.uid)
    was = journal.state([], t.rows.calendars.get(t.rows.id, {}), t.rows.calendars)
    before |= {name: was[name] for name in ("calendars", "placed")}
    return after, before, object_id


def _touch_others(uow: UnitOfWork, t: Transfer) -> None:
    """What is beside the rows has changed in the other calendars too that show the appointment: rooms."""
    if not t.made.writes_extra:
        return
    for calendar_id, object_ids in sorted(appointment_rows.live_objects(uow, t.rows.id).items()):
        if calendar_id not in (t.source.id, t.target.id):
            revisions.touch(uow, calendar_id, object_ids)
