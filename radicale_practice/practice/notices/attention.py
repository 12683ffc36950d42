"""The attention list: what a person in the practice has to look at, and what can be done about it.

Filing is in ``attention_rows``; the one all-day entry that tells the person concerned in ``attention_entry``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from radicale_practice.practice import book, clock, practices
from radicale_practice.practice.book import carry_out
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import InvalidValue, NotFound
from radicale_practice.practice.model import Actor, Status
from radicale_practice.practice.notices import attention_entry, attention_rows
from radicale_practice.practice.notices.attention_rows import AttentionItem, item_of
from radicale_practice.practice.parts import parts
from radicale_practice.practice.records import undo
from radicale_practice.practice.rules import refusals
from radicale_practice.practice.schema.practice_tables import appointment
from radicale_practice.practice.schema.sync_tables import attention, journal

__all__ = ["RESOLUTIONS", "AttentionItem", "Resolution", "fitting", "get", "open_list", "resolve"]

RESOLUTIONS = ("accept", "discard", "link", "undo", "carry-out")

_FITTING = {
    attention_rows.UNLINKED: ("accept", "discard", "link", "undo"),
    attention_rows.CHANGED_PATIENT: ("accept", "link", "undo"),
    attention_rows.REFUSED: ("accept", "discard"),
    attention_rows.BURST: ("accept", "discard", "undo", "carry-out"),
    attention_rows.DOUBLE_BOOKING: ("accept", "discard"),
    attention_rows.ABSENCE: ("accept",),
    attention_rows.UNREADABLE: ("accept",),
}
"""What can have an effect on a row of each kind; whether it has, ``_lacking`` says."""


def fitting(uow: UnitOfWork, items: Sequence[AttentionItem]) -> dict[int, tuple[str, ...]]:
    """What each of these rows can be settled by, by the row's id: nothing that ``resolve`` would refuse."""
    unbooked = _unconfirmed_among(uow, items)
    return {
        item.id: tuple(how for how in _of_kind(item) if not _lacking(item, how, unbooked)) for item in items
    }


def _of_kind(item: AttentionItem) -> tuple[str, ...]:
    return _FITTING.get(item.kind, ("accept",))


@dataclass(slots=True)
class Resolution:
    """What became of a row: how many changes were carried out or taken back, and what was left alone.

    ``skipped`` holds pairs of appointment id (None for a new event) and reason.
    """

    done: int = 0
    skipped: list[tuple[int | None, str]] = field(default_factory=list)


def open_list(uow: UnitOfWork, practice_id: int, *, staff_id: int | None = None) -> list[AttentionItem]:
    """What is not settled yet, oldest first; of one person's devices if ``staff_id`` is given."""
    query = select(attention).where(attention.c.practice_id == practice_id, attention.c.settled_at.is_(None))
    if staff_id is not None:
        query = query.where(attention.c.staff_id == staff_id)
    return [item_of(dict(r)) for r in uow.connection.execute(query.order_by(attention.c.id)).mappings()]


def get(uow: UnitOfWork, item_id: int, practice_id: int | None = None) -> AttentionItem:
    """One row, settled or not; with ``practice_id`` only that practice's. Raises ``NotFound``."""
    query = select(attention).where(attention.c.id == item_id)
    if practice_id is not None:
        query = query.where(attention.c.practice_id == practice_id)
    row = uow.connection.execute(query).mappings().first()
    if row is None:
        raise NotFound(f"the attention list has no number {item_id}")
    return item_of(dict(row))


def resolve(
    uow: UnitOfWork, actor: Actor, item_id: int, how: str, *, patient_id: int | None = None
) -> Resolution:
    """Settle a row of the list, and do what that means.

    - ``accept``: it may stay as it is; an event that was not booked for a taken slot is booked.
    - ``discard``: what was held back is dropped; what is not booked, not linked or
      booked twice is cancelled.
    - ``link``: the appointment is linked to ``patient_id`` (not linked, or another patient).
    - ``undo``: the former patient again; of a burst, the part carried out is taken back as well.
    - ``carry-out``: what was held back of a burst is carried out.

    Raises ``NotFound`` if there is no such open row, also if somebody else settles it at this moment;
    ``InvalidValue`` if ``how`` does not fit its kind.
    """
    item = get(uow, item_id)
    if item.settled_at is not None:
        raise NotFound(f"number {item_id} of the attention list is settled already")
    _check(uow, item, how, patient_id)
    _lock_appointments(uow, item)
    item = _settle(uow, actor, item_id, how)
    # the entry is a practice row: before anything that takes the calendars' locks
    attention_entry.update_entry(uow, practices.get(uow, item.practice_id), item.staff_id)
    return _act(uow, actor, item, how, patient_id)


def _lock_appointments(uow: UnitOfWork, item: AttentionItem) -> None:
    """Practice rows come before the list's in every writer of ours: one that waited for the other way round
    would be aborted."""
    entries = [*item.details.get("first", []), *(held[0] for held in item.details.get("held", []))]
    named = select(journal.c.appointment_id).where(
        journal.c.id.in_(entries), journal.c.appointment_id.is_not(None)
    )
    ids = set(uow.connection.execute(named).scalars()) if entries else set()
    ids |= {item.appointment_id} - {None}
    for wanted in parts(sorted(ids)):
        locking = select(appointment.c.id).where(appointment.c.id.in_(wanted)).order_by(appointment.c.id)
        uow.connection.execute(locking.with_for_update(key_share=True))


def _settle(uow: UnitOfWork, actor: Actor, item_id: int, how: str) -> AttentionItem:
    """The row as it is now, settled by this unit and no other."""
    statement = (
        update(attention)
        .where(attention.c.id == item_id, attention.c.settled_at.is_(None))
        .values(settled_at=clock.utc_now(), settled_by=actor.staff_id, resolution=how)
        .returning(attention)
    )
    row = uow.connection.execute(statement).mappings().first()
    if row is None:
        raise NotFound(f"number {item_id} of the attention list is settled already")
    return item_of(dict(row))


def _check(uow: UnitOfWork, item: AttentionItem, how: str, patient_id: int | None) -> None:
    """Refuse what would settle the row without doing what its name says."""
    if how not in RESOLUTIONS:
        raise InvalidValue(f"resolution is one of {', '.join(RESOLUTIONS)}")
    fits = _of_kind(item)
    if how not in fits:
        raise InvalidValue(f"{how} does nothing for a row of kind {item.kind}: {' or '.join(fits)}")
    if how == "link" and patient_id is None:
        raise InvalidValue("link needs a patient")
    lacking = _lacking(item, how, _unconfirmed_among(uow, [item]))
    if lacking:
        raise InvalidValue(f"{how}: {lacking}")


def _lacking(item: AttentionItem, how: str, unbooked: Collection[int]) -> str:
    """Why a resolution of the row's kind has no effect on this one, "" if it has; ``unbooked``: ids of
    appointments that are kept without being booked."""
    if item.kind == attention_rows.BURST or how == "accept":
        return ""
    if item.appointment_id is None:
        return "the row names no appointment"
    if how == "undo" and item.details.get("former_patient_id") is None:
        return "there was no former patient, or that is not known any more"
    if _not_booked(item) and item.appointment_id in unbooked:
        return ""
    return "nothing of a refused change is kept: accept" if item.kind == attention_rows.REFUSED else ""


def _not_booked(item: AttentionItem) -> bool:
    """Whether the row is about an event kept without being booked, if that is so still."""
    return item.kind == attention_rows.REFUSED and item.reason == refusals.SLOT_TAKEN


def _unconfirmed_among(uow: UnitOfWork, items: Sequence[AttentionItem]) -> set[int]:
    """The ids of those appointments that are not booked still."""
    ids = sorted(
        {item.appointment_id for item in items if item.appointment_id is not None and _not_booked(item)}
    )
    found: set[int] = set()
    for wanted in parts(ids):
        query = select(appointment.c.id).where(
            appointment.c.id.in_(wanted), appointment.c.status == Status.UNCONFIRMED
        )
        found.update(uow.connection.execute(query).scalars())
    return found


def _act(uow: UnitOfWork, actor: Actor, item: AttentionItem, how: str, patient_id: int | None) -> Resolution:
    done = Resolution()
    appointment_id = item.appointment_id
    if item.kind == attention_rows.BURST:
        return _burst(uow, actor, item, how)
    if appointment_id is None:
        return done
    if how in ("link", "undo"):
        wanted: Any = patient_id if how == "link" else item.details.get("former_patient_id")
        for on in about(item):
            book.link_patient(uow, actor, appointment_id, wanted, on=on, again=how == "undo")
            done.done += 1
    elif appointment_id in _unconfirmed_among(uow, [item]):
        _decide(uow, actor, appointment_id, how)
        done.done = 1
    elif how == "discard" and item.kind in (attention_rows.UNLINKED, attention_rows.DOUBLE_BOOKING):
        named = about(item)
        for on in [None] if None in named else named:
            book.cancel_appointment(uow, actor, appointment_id, on=on)
            done.done += 1
    return done


def about(item: AttentionItem) -> list[datetime | None]:
    """What of an appointment a row is about: instances by their original start, None the whole."""
    named = item.details.get("instances") or [None]
    return [datetime.fromisoformat(on) if on else None for on in named]


def _decide(uow: UnitOfWork, actor: Actor, appointment_id: int, how: str) -> None:
    """Book an event that was kept without being booked, or cancel it."""
    if how == "accept":
        book.set_status(uow, actor, appointment_id, Status.BOOKED)
    else:
        book.cancel_appointment(uow, actor, appointment_id)


def _burst(uow: UnitOfWork, actor: Actor, item: AttentionItem, how: str) -> Resolution:
    if how == "carry-out":
        report = carry_out.carry_out(uow, actor, item)
        return Resolution(report.done, report.skipped)
    if how == "undo":
        undone = undo.undo(uow, actor, item.practice_id, journal_ids=item.details.get("first", []))
        return Resolution(len(undone.done), [(s.appointment_id, s.reason) for s in undone.skipped])
    return Resolution()
