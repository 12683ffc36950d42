"""MOVE between calendars (RFC 4918 9.9): the appointment keeps everything, only its place changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from radicale_practice.practice import appointment_rows
from radicale_practice.practice.appointment_rows import Row, Rows, is_documented, is_private
from radicale_practice.practice.book import codec, confirming, opening, permissions
from radicale_practice.practice.book.cancel import cancel
from radicale_practice.practice.book.opening import Event
from radicale_practice.practice.book.permissions import CalendarFacts
from radicale_practice.practice.book.places import change_calendar
from radicale_practice.practice.book.title_findings import Titles, file_findings
from radicale_practice.practice.book.writing import SlotTaken, attempt, state_after
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Viewer
from radicale_practice.practice.notices import left_copies
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.records import journal
from radicale_practice.practice.rules import brake, double_booking, refusals
from radicale_practice.practice.rules.refusals import Outcome
from radicale_practice.practice.sync import identities, revisions


def move(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    stored: StoredObject,
    to_calendar_id: int,
    to_href: str,
    overwritten: StoredObject | None = None,
    titles: Titles | None = None,
) -> Outcome:
    """Move an object to another calendar (or to another href in its own).

    ``overwritten``: what lives there now. It is cancelled, unless the move is not carried out. ``titles``:
    what the titles of a private entry mean to the practice, if it comes from a private calendar.
    Raises ``NotPermitted`` without write access to the target, ``Conflict`` if something lives there under
    that href or UID. Documented appointments are refused. A move out of the practice counts for the brake,
    and so does one of a private entry into it.
    """
    phantom = refusals.Phantom(to_calendar_id, to_href, stored.uid)
    event = opening.event(uow, viewer, practice, stored, [to_calendar_id], phantom)
    target = permissions.require_write(event.facts, to_calendar_id)
    rows = opening.locked(event)
    if not isinstance(rows, Rows):
        return rows
    if any(is_documented(r) for r in (rows.master, *rows.here().values())):
        return event.refuse(refusals.DOCUMENTED, rows)
    made = _Move(event, rows, target, to_href, overwritten, titles)
    return made.braked() or made.run() or event.refuse(refusals.SLOT_TAKEN, rows)


@dataclass(frozen=True, slots=True)
class _Move:
    """A move that may be made, if the time is free there."""

    event: Event
    rows: Rows
    target: CalendarFacts
    href: str
    overwritten: StoredObject | None
    titles: Titles | None

    def braked(self) -> Outcome | None:
        """Hold it back if it is one too many out of the practice, or into it. None: go on."""
        operation: dict[str, Any] = {
            "operation": "move",
            "to_calendar_id": self.target.id,
            "to_href": self.href,
        }
        if self._titles is not None:
            operation |= codec.dump_upload(self._titles.desired, self._titles.findings)
        if self._action == brake.ENTERS:
            return self.event.braked(self.rows, operation, brake.CREATIONS)
        return self.event.braked(self.rows, operation) if self._action == "move-away" else None

    @property
    def _action(self) -> str:
        """The journal's word."""
        event, target = self.event, self.target
        if target.private and not event.in_private and not confirming.is_unconfirmed(self.rows):
            return "move-away"
        enters = event.is_private(self.rows) and not target.private
        return brake.ENTERS if enters else "move"

    def run(self) -> Outcome | None:
        """None: the practice forbids it because the time is taken there; then nothing is overwritten either.

        What is not booked is booked in a new calendar; if the time is taken there too, it is there as it was.
        """
        unconfirmed = confirming.is_unconfirmed(self.rows) and self._elsewhere
        for booking in (True, False) if unconfirmed else (False,):
            try:
                with attempt(self.event.uow):
                    outcome = self._attempt(booking=booking)
            except SlotTaken:
                continue
            if unconfirmed and not booking and outcome.kind == "done":
                return replace(outcome, kind="unconfirmed", reason=refusals.SLOT_TAKEN, exact=False)
            return outcome
        return None

    @property
    def _elsewhere(self) -> bool:
        return self.target.id != self.event.stored.calendar_id

    @property
    def _titles(self) -> Titles | None:
        return self.titles if self.event.in_private and not self.target.private else None

    def _attempt(self, *, booking: bool) -> Outcome:
        uow, practice = self.event.uow, self.event.practice
        if self.overwritten is not None:
            gone = cancel(uow, self.event.viewer, practice, self.overwritten, overwritten=True)
            if gone.kind != "done":
                return gone
        changes = self._changes(booking)
        after = self._placed(changes)
        left_it = self.event.stored.calendar_id not in after.calendars.get(after.id, {})
        if left_it and not self.event.is_private(self.rows):
            left_copies.note(uow, practice, self.event.actor, self.rows.id)
        if booking:
            refusals.unconfirmed_is_over(uow, practice, self.event.viewer.staff_id, self.rows.id)
        object_id = identities.assign(uow, self.target.id, self.rows.id, self.href, self.event.stored.uid)
        revisions.flush(uow)
        if self._elsewhere:
            clash = double_booking.decide(uow, after, self.event.private_calendars)
            if double_booking.forbidden(practice, after, clash):
                raise SlotTaken
            if clash is not None:
                double_booking.file(uow, practice, after, clash, self.event.actor)
            self._record(after, changes)
        elif self.href != self.event.stored.href:
            self._record_rename(after)
        return Outcome("done", "", object_id, self.href, exact=not changes)

    def _changes(self, booking: bool) -> dict[int, Row]:
        changes: dict[int, Row] = {}
        if self._titles is not None:
            changes = self._titles.changes(self.rows)
        return confirming.with_booking(self.rows, changes) if booking else changes

    def _placed(self, changes: dict[int, Row]) -> Rows:
        """The rows in their new calendar, and changed."""
        after = self.rows
        if self._elsewhere:
            after = change_calendar(self.event.uow, after, self.event.stored.calendar_id, self.target)
        appointment_rows.update_rows(self.event.uow, self.rows.all, changes)
        return after.with_changes(changes)

    def _record_rename(self, after: Rows) -> None:
        """Nothing of the appointment has changed: practice programs are not told of it."""
        event = self.event
        journal.write_of(
            event.uow,
            after,
            "rename",
            actor=event.actor,
            calendar_id=self.target.id,
            private=event.is_private(after),
            before={"href": event.stored.href},
            after={"href": self.href},
        )

    def _record(self, after: Rows, changes: dict[int, Row]) -> None:
        event, rows = self.event, self.rows
        concerned = [r for r in rows.all if r is rows.master or r["id"] in changes]
        before = journal.state(concerned, rows.calendars.get(rows.id, {}), rows.calendars)
        journal.write_of(
            event.uow,
            after,
            self._action,
            actor=event.actor,
            calendar_id=self.target.id,
            private=is_private(self.target.private and event.in_private, rows),
            before=before,
            after=state_after(after, before),
        )
        if self._titles is not None:
            findings = self._titles.findings
            file_findings(event.uow, event.practice, event.actor, self.target.id, rows.id, findings)
