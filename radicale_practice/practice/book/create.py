"""A new event from a device."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from radicale_practice.practice.appointment_rows import Rows, is_private
from radicale_practice.practice.book import codec, permissions, reach, recognised_moves, reviving
from radicale_practice.practice.book.permissions import CalendarFacts
from radicale_practice.practice.book.recognised_moves import Moved, Original
from radicale_practice.practice.book.title_findings import file_findings
from radicale_practice.practice.book.writing import SlotTaken, attempt, insert_object, state_after
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import NotPermitted
from radicale_practice.practice.model import Actor, CalendarObject, Finding, Status, Viewer
from radicale_practice.practice.notices import left_copies
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal
from radicale_practice.practice.rules import brake, double_booking, refusals
from radicale_practice.practice.rules.refusals import Outcome
from radicale_practice.practice.sync import identities, revisions, tombstones


def create(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    calendar_id: int,
    desired: CalendarObject,
    href: str,
    findings: Sequence[Finding] = (),
    moved: Moved | None = None,
) -> Outcome:
    """Store a new event under the identity its client chose.

    Raises ``NotPermitted`` without write access or out of the device's window, ``Conflict`` if the identity
    is taken. May end as a recognised move, as ``held`` by the brake or as ``unconfirmed``. What arrives
    cancelled is kept as such, and its href is listed as removed: the device believes that it is here.
    """
    calendar = permissions.require_write(permissions.facts(uow, viewer, [calendar_id]), calendar_id)
    if not reach.in_window(viewer, practice, desired):
        raise NotPermitted("out of the device's window")
    new = _New(uow, viewer, practice, calendar, desired, href, findings)
    if new.is_cancelled:
        return new.store()
    if moved is not None:
        outcome = _moved(new, moved)
        if outcome is not None:
            return outcome
    new = replace(new, copy_of=recognised_moves.original_of(uow, viewer, practice, calendar_id, desired))
    if not calendar.private:
        held = new.braked()
        if held is not None:
            return held
    return new.store()


def _moved(new: _New, moved: Moved) -> Outcome | None:
    """The upload as the second half of a move; None if it is an event of its own.

    Where the practice forbids the move because the time is taken, what was deleted is back where it was, and
    the upload is not booked. That time was given away as well: the deletion stands.
    """
    uow, practice = new.uow, new.practice
    made = reviving.prepare(uow, new.viewer, practice, new.calendar, new.href, moved)
    if made is None:
        return None
    held = reviving.braked(uow, new.viewer, made) if made.enters else None
    if held is not None:
        return held
    with suppress(SlotTaken):
        return reviving.revive(uow, made)
    if not made.restored:
        return None
    with suppress(SlotTaken), attempt(uow):
        back = reviving.give_back(uow, made)
        copy = replace(new, copy_of=Original(made.rows.id, (made.source.id, moved.former)))
        outcome = copy.keep_unconfirmed()
        clash = double_booking.decide(uow, back, {made.source.id} if made.source.private else ())
        if double_booking.forbidden(practice, back, clash):
            raise SlotTaken
        return outcome
    return None


@dataclass(frozen=True, slots=True)
class _New:
    """An event uploaded under an identity that is free; ``copy_of``: the appointment it is a copy of."""

    uow: UnitOfWork
    viewer: Viewer
    practice: Practice
    calendar: CalendarFacts
    desired: CalendarObject
    href: str
    findings: Sequence[Finding] = ()
    copy_of: Original | None = None

    @property
    def actor(self) -> Actor:
        """Who uploads it."""
        return refusals.actor_of(self.viewer)

    @property
    def is_cancelled(self) -> bool:
        """Whether nothing of it takes place: all is cancelled, or each of the instances that came alone."""
        entries = self.desired.overrides if self.desired.master is None else (self.desired.master,)
        return all(entry.status is Status.CANCELLED for entry in entries)

    def store(self) -> Outcome:
        """Insert the event, decide double booking, write journal and attention list."""
        uow, calendar = self.uow, self.calendar
        clash = None
        try:
            with attempt(uow):
                rows, object_id = self._insert(Status.CANCELLED if self.is_cancelled else Status.BOOKED)
                revisions.flush(uow)
                clash = double_booking.decide(uow, rows, {calendar.id} if calendar.private else ())
                if double_booking.forbidden(self.practice, rows, clash):
                    raise SlotTaken
        except SlotTaken:
            return self.keep_unconfirmed()
        if clash is not None:
            double_booking.file(uow, self.practice, rows, clash, self.actor, fresh=True)
        self._record(rows)
        if object_id is None:
            tombstones.bury(uow, calendar.id, self.href, self.desired.uid)
        return Outcome("done", "", object_id, self.href)

    def keep_unconfirmed(self) -> Outcome:
        """Keep what may not be booked; it blocks nothing, so nothing has to be decided again."""
        rows, object_id = self._insert(Status.UNCONFIRMED, refusals.SLOT_TAKEN)
        self._record(rows)
        refusals.note_unconfirmed(self.uow, self.practice, self.actor, self.calendar.id, rows.id)
        revisions.flush(self.uow)
        return Outcome("unconfirmed", refusals.SLOT_TAKEN, object_id, self.href, exact=False)

    def braked(self) -> Outcome | None:
        """Hold the event back if it is one too many of a burst. None: go on."""
        operation = {"operation": "create", **codec.dump_upload(self.desired, self.findings)}
        calendar_id, href = self.calendar.id, self.href
        held = brake.check(
            self.uow, self.practice, self.actor, brake.CREATIONS, calendar_id, operation, href=href
        )
        if held is None:
            return None
        if self.copy_of is not None:
            operation |= self.copy_of.as_kept
        patient = self.desired.master.patient if self.desired.master else None
        return refusals.hold(
            self.uow,
            self.viewer,
            self.practice,
            held,
            operation,
            calendar_id=calendar_id,
            href=href,
            patient_id=patient.id if patient else None,
            phantom=refusals.Phantom(calendar_id, href, self.desired.uid),
        )

    def _insert(self, status: Status, reason: str = "") -> tuple[Rows, int | None]:
        rows = insert_object(
            self.uow,
            self.practice,
            {self.calendar.id: "owner"},
            self.desired,
            self.actor,
            status=status,
            unconfirmed_reason=reason,
        )
        if status is Status.CANCELLED:
            return rows, None
        return rows, identities.assign(self.uow, self.calendar.id, rows.id, self.href, self.desired.uid)

    def _record(self, rows: Rows) -> None:
        uow, practice, private = self.uow, self.practice, self.calendar.private
        more: dict[str, object] = {"href": self.href, "uid": self.desired.uid}
        if self.copy_of is not None:
            more |= self.copy_of.as_kept
        journal.write_of(
            uow,
            rows,
            "create",
            actor=self.actor,
            calendar_id=self.calendar.id,
            private=is_private(private, rows),
            after=state_after(rows, None, **more),
        )
        file_findings(
            uow,
            practice,
            self.actor,
            self.calendar.id,
            rows.id,
            self.findings,
            private=private,
            fresh=True,
        )
        if self.copy_of is not None and not private:
            left_copies.note_restored(uow, practice, self.actor, self.copy_of.appointment_id, rows.id)
