"""The upload is the second half of a move: what the same device has just deleted is in its new place."""

from __future__ import annotations

from radicale_practice.practice import appointment_rows
from radicale_practice.practice.appointment_rows import Row, Rows, is_private
from radicale_practice.practice.book import codec, new_place, permissions, restoring, transfer
from radicale_practice.practice.book.permissions import CalendarFacts
from radicale_practice.practice.book.recognised_moves import Deletion, Moved
from radicale_practice.practice.book.transfer import Transfer
from radicale_practice.practice.book.writing import attempt, state_after
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Viewer
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal
from radicale_practice.practice.rules import brake, burst_entries, refusals
from radicale_practice.practice.rules.refusals import Outcome


def prepare(
    uow: UnitOfWork, viewer: Viewer, practice: Practice, target: CalendarFacts, href: str, moved: Moved
) -> Transfer | None:
    """The move of what was deleted, or was to be deleted, to where it was uploaded. None: it is not to be had
    any more, the upload is a new event."""
    deletion = moved.first
    if not isinstance(deletion, Deletion):
        return None
    rows = appointment_rows.lock(uow, practice, deletion.appointment_id)
    if rows is None:
        return None
    restored: dict[int, Row] = {}
    if not deletion.held:
        restored = restoring.changes(uow, rows, deletion.journal_id)
    if not (rows.is_shown if deletion.held else restored):
        return None
    source = _source(uow, viewer, rows, deletion)
    if source is None:
        return None
    actor, uid = refusals.actor_of(viewer), moved.desired.uid
    made = transfer.prepare(practice, actor, rows, restored, source, target, href, uid, moved)
    # what is held and would go out of reach stays held
    return None if made is None or made.stale or (made.away and deletion.held) else made


def braked(uow: UnitOfWork, viewer: Viewer, made: Transfer) -> Outcome | None:
    """Hold back what is one too many of private entries that become the practice's: what was deleted is back
    where it was. None: go on."""
    operation, href = made.as_held, made.href
    held = brake.check(
        uow,
        made.practice,
        made.actor,
        brake.CREATIONS,
        made.source.id,
        operation,
        appointment_id=made.rows.id,
    )
    if held is None:
        return None
    give_back(uow, made)
    return refusals.hold(
        uow,
        viewer,
        made.practice,
        held,
        {**operation, "current": codec.dump(made.moved.former)},
        calendar_id=made.source.id,
        href=href,
        appointment_id=made.rows.id,
        phantom=refusals.Phantom(made.target.id, href, made.uid),
    )


def revive(uow: UnitOfWork, made: Transfer) -> Outcome:
    """Carry the move out; raises ``SlotTaken``, with nothing written, if the practice forbids it."""
    with attempt(uow):
        burst_entries.take_out(uow, made.practice, made.actor, made.moved.first.journal_id)
        return new_place.take(uow, made)


def give_back(uow: UnitOfWork, made: Transfer) -> Rows:
    """Let what was deleted be where it was before, as it was; the rows. Whether the time is still free has to
    be decided after the flush."""
    rows, calendars = made.rows, made.rows.calendars.get(made.rows.id, {})
    before = journal.state([r for r in rows.all if r["id"] in made.restored], calendars)
    appointment_rows.update_rows(uow, rows.all, made.restored)
    after = rows.with_changes(made.restored)
    journal.write_of(
        uow,
        rows,
        "restore",
        actor=made.actor,
        calendar_id=made.source.id,
        private=is_private(made.source.private, rows),
        before=before,
        after=state_after(after, before),
    )
    return after


def _source(uow: UnitOfWork, viewer: Viewer, rows: Rows, deletion: Deletion) -> CalendarFacts | None:
    """The calendar it was deleted from; for what is still there the viewer must be allowed to write it."""
    calendars = {c for c in (deletion.calendar_id, rows.owner_calendar_id) if c is not None}
    facts = permissions.facts(uow, viewer, calendars)
    if deletion.held and not permissions.all_writable(facts, calendars):
        return None
    return facts.get(deletion.calendar_id)
