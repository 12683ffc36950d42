"""A changed event from a device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from radicale_practice.practice.appointment_rows import Rows, is_documented
from radicale_practice.practice.book import codec, confirming, opening, plan, reach
from radicale_practice.practice.book.cancel import cancel_rows
from radicale_practice.practice.book.opening import Event
from radicale_practice.practice.book.plan import Plan
from radicale_practice.practice.book.recognised_moves import Moved
from radicale_practice.practice.book.title_findings import file_findings
from radicale_practice.practice.book.writing import (
    SlotTaken,
    attempt,
    carry_out,
    state_after,
    touch_extras,
)
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor, CalendarObject, Finding, Status, Viewer
from radicale_practice.practice.notices import attention_entry
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.records import journal
from radicale_practice.practice.rules import brake, double_booking, refusals
from radicale_practice.practice.rules.refusals import Outcome
from radicale_practice.practice.sync import revisions


def change(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    calendar_id: int,
    current: StoredObject,
    desired: CalendarObject,
    findings: Sequence[Finding] = (),
    moved: Moved | None = None,
) -> Outcome:
    """Change exactly what differs between what the viewer saw and what was uploaded.

    Nothing differs: nothing is written. ``STATUS:CANCELLED`` on the whole cancels it, or is the second half
    of a move (``moved``).
    """
    return _Change(uow, viewer, practice, calendar_id, current, desired, findings, moved).run()


@dataclass(slots=True)
class _Change:
    """One upload over one object: the checks in their order."""

    uow: UnitOfWork
    viewer: Viewer
    practice: Practice
    calendar_id: int
    current: StoredObject
    desired: CalendarObject
    findings: Sequence[Finding]
    moved: Moved | None
    event: Event = field(init=False)
    rows: Rows = field(init=False)
    private: bool = field(init=False)
    action: str = field(init=False)

    @property
    def actor(self) -> Actor:
        """Who uploads it."""
        return self.event.actor

    def run(self) -> Outcome:
        """Check, then write."""
        self.event = opening.event(self.uow, self.viewer, self.practice, self.current)
        rows = opening.locked(self.event)
        if not isinstance(rows, Rows):
            return rows
        self.rows, self.private = rows, self.event.is_private(rows)
        master = self.desired.master
        if master is not None and master.status is Status.CANCELLED:
            return cancel_rows(self.event, rows, moved=self.moved)
        made = plan.make(self.current.object, self.desired, rows)
        if attention_entry.is_entry(rows.master) and (made.writes_rows or made.writes_extra):
            return self._give_back()
        return self._judged(made) or self._write(made)

    def _judged(self, made: Plan) -> Outcome | None:
        """The outcome if nothing is to be written or the change may not be."""
        if not (made.writes_rows or made.writes_extra or made.personal):
            if made.pinned or made.dropped:
                return self._refuse(refusals.DOCUMENTED)
            return Outcome(
                "done", "", self.current.object_id, self.current.href, exact=not made.adjusted, changed=False
            )
        if not made.writes_rows:
            return None
        if is_documented(self.rows.master):
            return self._refuse(refusals.DOCUMENTED)
        if made.stale:
            return self._refuse(refusals.CHANGED_MEANWHILE)
        if (
            self.rows.master["series_id"] is not None
            and self.desired.master
            and self.desired.master.is_series
        ):
            return self._refuse(refusals.NESTED_SERIES)
        if not reach.in_window(self.viewer, self.practice, self.desired):
            return self._refuse(refusals.WINDOW)
        self.action = self._action(made)
        if self.action != "change" and not self.event.in_private and not self._unconfirmed:
            return self._braked()
        return None

    @property
    def _unconfirmed(self) -> bool:
        return confirming.is_unconfirmed(self.rows)

    def _action(self, made: Plan) -> str:
        if reach.takes_place_of(self.current.object, self.desired):
            return "overwrite"
        if self._moves_far(made):
            return "move-away"
        cut = made.takes_away or reach.cuts_off(self.current.object, self.desired)
        return "cancel-instance" if cut else "change"

    def _moves_far(self, made: Plan) -> bool:
        shown = self.current.object
        if reach.moves_far(self.practice, shown, self.desired):
            return True
        if self.event.in_private or not made.retimes:
            return False
        found = brake.found_at(self.uow, self.practice, self.actor, self.rows.id)
        return reach.moves_far(self.practice, reach.starting_at(shown, found), self.desired)

    def _braked(self) -> Outcome | None:
        operation = {"operation": "change", **codec.dump_upload(self.desired, self.findings)}
        return self.event.braked(self.rows, operation)

    def _write(self, made: Plan) -> Outcome:
        retimed = made.writes_rows and made.retimes
        try:
            with attempt(self.uow):
                if self._unconfirmed and retimed:
                    booked = confirming.with_booking(self.rows, made.updates)
                    return self._attempt(replace(made, updates=booked), retimed)
                return self._attempt(made, retimed)
        except SlotTaken:
            if not self._unconfirmed:
                return self._refuse(refusals.SLOT_TAKEN)
        outcome = self._attempt(made, False)
        return Outcome("unconfirmed", refusals.SLOT_TAKEN, outcome.object_id, outcome.href, exact=False)

    def _attempt(self, made: Plan, retimed: bool) -> Outcome:
        was_unconfirmed = self._unconfirmed
        after, before = carry_out(self.uow, self.rows, made, self.actor)
        touch_extras(self.uow, self.rows.id, made, self.actor)
        booked_now = was_unconfirmed and after.master["status"] != Status.UNCONFIRMED
        if made.pinned and not self.private:
            refusals.note_refusal(
                self.uow,
                self.viewer,
                self.practice,
                refusals.DOCUMENTED_INSTANCES,
                calendar_id=self.calendar_id,
                appointment_id=self.rows.id,
            )
        if booked_now:
            refusals.unconfirmed_is_over(self.uow, self.practice, self.viewer.staff_id, self.rows.id)
        revisions.flush(self.uow)
        if retimed:
            clash = double_booking.decide(self.uow, after, self.event.private_calendars)
            if double_booking.forbidden(self.practice, after, clash):
                raise SlotTaken
            if clash is not None:
                double_booking.file(self.uow, self.practice, after, clash, self.actor)
        self._record(made, after, before)
        return Outcome(
            "done",
            refusals.DOCUMENTED_INSTANCES if made.pinned else "",
            self.current.object_id,
            self.current.href,
            exact=not made.adjusted,
        )

    def _record(self, made: Plan, after: Rows, before: dict[str, Any]) -> None:
        if not (made.writes_rows or made.writes_extra):
            return  # a person's own alarms are nobody else's business
        journal.write_of(
            self.uow,
            after,
            self.action if made.writes_rows else "change",
            actor=self.actor,
            calendar_id=self.calendar_id,
            private=self.event.is_private(self.rows, after),
            before=before,
            after=state_after(after, before),
        )
        file_findings(
            self.uow,
            self.practice,
            self.actor,
            self.calendar_id,
            after.id,
            self.findings,
            private=self.event.in_private,
        )

    def _give_back(self) -> Outcome:
        """The entry about changes that were not taken over: it is ours, and no change to tell of."""
        revisions.touch(self.uow, self.calendar_id, [self.current.object_id])
        return Outcome("refused", refusals.OWN_ENTRY, self.current.object_id, self.current.href, exact=False)

    def _refuse(self, reason: str) -> Outcome:
        return self.event.refuse(reason, self.rows)
