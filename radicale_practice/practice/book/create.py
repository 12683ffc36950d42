"""A new event from a device."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from radicale_practice.practice.appointment_rows import Rows, is_private
from radicale_practice.practice.book import codec, permissions, reach, recognised_moves, reviving
from radicale_practice.practice.book.permissions import CalendarFacts
from radicale_practice.practice.book.recognised_moves import Moved, Original
from radicale_practice.practice.book.title_findings import file_findings
from radicale_practice.practice.book.writing import SlotTaken, attempt, insert_object, state_after
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import NotPermitted
from radicale_practice.practice.model import Actor, CalendarObject, Finding, Status, Viewer
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
    actor = refusals.actor_of(viewer)
    if not reach.in_window(viewer, practice, desired):
        raise NotPermitted("out of the device's window")
    if _is_cancelled(desired):
        return store(uow, practice, actor, calendar, desired, href)
    if moved is not None:
        outcome = _moved(uow, viewer, practice, calendar, desired, href, findings, moved)
        if outcome is not None:
            return outcome
    copy_of = recognised_moves.original_of(uow, viewer, practice, calendar_id, desired)
    if not calendar.private:
        held = brake.check(uow, practice, actor, brake.CREATIONS, calendar_id, href=href)
        if held is not None:
            return _hold(uow, viewer, practice, held, calendar_id, desired, href, findings, copy_of)
    return store(uow, practice, actor, calendar, desired, href, findings, copy_of)


def _moved(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    calendar: CalendarFacts,
    desired: CalendarObject,
    href: str,
    findings: Sequence[Finding],
    moved: Moved,
) -> Outcome | None:
    """The upload as the second half of a move; None if it is an event of its own.

    Where the practice forbids the move because the time is taken, what was deleted is back where it was, and
    the upload is not booked. That time was given away as well: the deletion stands.
    """
    made = reviving.prepare(uow, viewer, practice, calendar, href, moved)
    if made is None:
        return None
    with suppress(SlotTaken):
        return reviving.revive(uow, made)
    if not made.restored:
        return None
    with suppress(SlotTaken), attempt(uow):
        back = reviving.give_back(uow, made)
        copy_of = Original(made.rows.id, (made.source.id, moved.former))
        outcome = _unconfirmed(uow, practice, made.actor, calendar, desired, href, findings, copy_of)
        clash = double_booking.decide(uow, back, {made.source.id} if made.source.private else ())
        if double_booking.forbidden(practice, back, clash):
            raise SlotTaken
        return outcome
    return None


def store(
    uow: UnitOfWork,
    practice: Practice,
    actor: Actor,
    calendar: CalendarFacts,
    desired: CalendarObject,
    href: str,
    findings: Sequence[Finding] = (),
    copy_of: Original | None = None,
) -> Outcome:
    """Insert the event, decide double booking, write journal and attention list."""
    status = Status.CANCELLED if _is_cancelled(desired) else Status.BOOKED
    clash = None
    try:
        with attempt(uow):
            rows, object_id = _insert(uow, practice, actor, calendar, desired, href, status)
            revisions.flush(uow)
            clash = double_booking.decide(uow, rows, {calendar.id} if calendar.private else ())
            if double_booking.forbidden(practice, rows, clash):
                raise SlotTaken
    except SlotTaken:
        return _unconfirmed(uow, practice, actor, calendar, desired, href, findings, copy_of)
    if clash is not None:
        double_booking.file(uow, practice, rows, clash, actor, fresh=True)
    _record(uow, practice, actor, calendar, rows, desired, href, findings, copy_of)
    if object_id is None:
        tombstones.bury(uow, calendar.id, href, desired.uid)
    return Outcome("done", "", object_id, href)


def _is_cancelled(desired: CalendarObject) -> bool:
    """Whether nothing of it takes place: all of it is cancelled, or each of the instances that came alone."""
    entries = desired.overrides if desired.master is None else (desired.master,)
    return all(entry.status is Status.CANCELLED for entry in entries)


def _insert(
    uow: UnitOfWork,
    practice: Practice,
    actor: Actor,
    calendar: CalendarFacts,
    desired: CalendarObject,
    href: str,
    status: Status,
    reason: str = "",
) -> tuple[Rows, int | None]:
    rows = insert_object(
        uow, practice.id, {calendar.id: "owner"}, desired, actor, status=status, unconfirmed_reason=reason
    )
    if status is Status.CANCELLED:
        return rows, None
    return rows, identities.assign(uow, calendar.id, rows.id, href, desired.uid)


def _unconfirmed(
    uow: UnitOfWork,
    practice: Practice,
    actor: Actor,
    calendar: CalendarFacts,
    desired: CalendarObject,
    href: str,
    findings: Sequence[Finding],
    copy_of: Original | None,
) -> Outcome:
    """Keep what may not be booked; it blocks nothing, so nothing has to be decided again."""
    rows, object_id = _insert(
        uow, practice, actor, calendar, desired, href, Status.UNCONFIRMED, refusals.SLOT_TAKEN
    )
    _record(uow, practice, actor, calendar, rows, desired, href, findings, copy_of)
    refusals.note_unconfirmed(uow, practice, actor, calendar.id, rows.id)
    revisions.flush(uow)
    return Outcome("unconfirmed", refusals.SLOT_TAKEN, object_id, href, exact=False)


def _record(
    uow: UnitOfWork,
    practice: Practice,
    actor: Actor,
    calendar: CalendarFacts,
    rows: Rows,
    desired: CalendarObject,
    href: str,
    findings: Sequence[Finding],
    copy_of: Original | None,
) -> None:
    more: dict[str, object] = {"href": href, "uid": desired.uid}
    if copy_of is not None:
        more |= copy_of.as_kept
    journal.write(
        uow,
        "create",
        practice_id=practice.id,
        actor=actor,
        appointment_id=rows.id,
        calendar_id=calendar.id,
        patient_id=rows.master["patient_id"],
        private=is_private(calendar.private, rows),
        after=state_after(rows, None, **more),
    )
    file_findings(uow, practice, actor, calendar.id, rows.id, findings, private=calendar.private, fresh=True)


def _hold(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    held: brake.Held,
    calendar_id: int,
    desired: CalendarObject,
    href: str,
    findings: Sequence[Finding],
    copy_of: Original | None,
) -> Outcome:
    operation: dict[str, object] = {
        "operation": "create",
        "desired": codec.dump(desired),
        "findings": codec.dump_findings(findings),
    }
    if copy_of is not None:
        operation |= copy_of.as_kept
    patient = desired.master.patient if desired.master else None
    return refusals.hold(
        uow,
        viewer,
        practice,
        held,
        operation,
        calendar_id=calendar_id,
        href=href,
        patient_id=patient.id if patient else None,
        phantom=refusals.Phantom(calendar_id, href, desired.uid),
    )
