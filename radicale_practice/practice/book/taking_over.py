"""The deletion is the second half of a move: the appointment takes the place of the copy made before."""

from __future__ import annotations

from dataclasses import replace

from radicale_practice.practice import appointment_rows
from radicale_practice.practice.appointment_rows import Rows, is_documented, is_private
from radicale_practice.practice.book import confirming, new_place, permissions, transfer
from radicale_practice.practice.book.opening import CANCEL, Event
from radicale_practice.practice.book.recognised_moves import Copy, Moved
from radicale_practice.practice.book.transfer import Transfer
from radicale_practice.practice.book.writing import SlotTaken, attempt
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Status
from radicale_practice.practice.notices import attention_entry, attention_rows
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal
from radicale_practice.practice.rules import brake, burst_entries, refusals
from radicale_practice.practice.rules.refusals import Outcome


def take_over_copy(event: Event, rows: Rows, moved: Moved | None) -> Outcome | None:
    """Let the appointment take its copy's place; the copy goes without a trace in the practice.

    None: it is a deletion like any other. Where the practice forbids the move because the time is taken, the
    deletion is refused: the appointment stays booked where it is, the copy is an event that was not booked.
    It is refused as well where somebody in the practice has changed the same of it as the device: both stay.
    """
    if moved is None or not isinstance(moved.first, Copy):
        return None
    uow, practice, copy = event.uow, event.practice, moved.first
    there = permissions.facts(uow, event.viewer, [copy.stored.calendar_id])
    copied = None if copy.held else _locked(uow, practice, copy)
    if not permissions.all_writable(there, [copy.stored.calendar_id]) or not (copy.held or copied):
        return None
    source, target = event.facts[event.stored.calendar_id], there[copy.stored.calendar_id]
    href, uid = copy.stored.href, copy.stored.uid
    made = transfer.prepare(practice, event.actor, rows, {}, source, target, href, uid, moved)
    if made is not None and made.stale:
        return event.refuse(refusals.CHANGED_MEANWHILE, rows)
    if made is None or (made.away and event.judged(rows, CANCEL) is not None):
        return None  # what takes an appointment out of reach and is one too many: the deletion is held
    if made.enters and copy.held:
        held = _braked(event, rows, made)
        if held is not None:
            return held
    try:
        with attempt(uow):
            if copied is not None:
                _remove(uow, made, copied)
            burst_entries.take_out(uow, practice, event.actor, copy.journal_id)
            return new_place.take(uow, made)
    except SlotTaken:
        # that the copy is not booked is on the list already: one thing to look at
        listed = copied is None or not confirming.is_unconfirmed(copied)
        return event.refuse(refusals.SLOT_TAKEN, rows, listed=listed)


def _locked(uow: UnitOfWork, practice: Practice, copy: Copy) -> Rows | None:
    """The copy's rows, if they are still nothing but a copy in the calendar where they were read."""
    rows = appointment_rows.lock(uow, practice, copy.stored.appointment_id)
    if rows is None or rows.master["status"] == Status.CANCELLED:
        return None
    if any(is_documented(r) or r["external_id"] is not None for r in rows.all):
        return None
    return rows if rows.owner_calendar_id == copy.stored.owner_calendar_id else None


def _braked(event: Event, rows: Rows, made: Transfer) -> Outcome | None:
    """A private entry whose copy is held does not become the practice's by that: the move is held instead."""
    held = event.judged(rows, made.as_held, brake.CREATIONS)
    if held is None:
        return None
    burst_entries.take_out(event.uow, made.practice, made.actor, made.moved.first.journal_id)
    there = refusals.Phantom(made.target.id, made.href, made.uid)
    return replace(event, phantom=there).hold(held, made.as_held, rows)


def _remove(uow: UnitOfWork, made: Transfer, copy: Rows) -> None:
    appointment_rows.delete_rows(uow, [*copy.overrides, copy.id])
    attention_rows.settle_moot(uow, made.practice.id, copy.id, refusals_too=True)
    attention_entry.update_entry(uow, made.practice, made.actor.staff_id)
    journal.write(
        uow,
        "copy-removed",
        practice_id=made.practice.id,
        actor=made.actor,
        appointment_id=copy.id,
        calendar_id=made.target.id,
        private=is_private(made.target.private, copy),
    )
