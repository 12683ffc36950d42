"""Copies that a device made of an appointment of which somebody else decided otherwise at the same time.

A program that knows no MOVE uploads a copy and deletes the original, or the other way round. Where somebody
else cancels the original between the two halves, or puts it into another calendar, the deletion finds nothing
to delete; where somebody changes it, a client that says which version it knows (If-Match) may not delete it;
where somebody restores it, the upload finds nothing to move. What the device made of it is booked
beside what the practice has decided: both stand, and somebody has to look at the copy.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor, Status
from radicale_practice.practice.notices import attention_rows
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal
from radicale_practice.practice.schema.practice_tables import appointment
from radicale_practice.practice.schema.sync_tables import attention
from radicale_practice.practice.schema.sync_tables import journal as journal_table
from radicale_practice.practice.sync import identities

DELETION = "cancel"
"""The ``operation`` that the journal names of a deletion that was refused."""

_PLACED = ("cancel", "restore", "move", "move-away", "move-in")


def note(uow: UnitOfWork, practice: Practice, actor: Actor, appointment_id: int) -> None:
    """``actor`` cancels an appointment or puts it into another calendar: list what other devices made of it
    just now. One statement where there is no copy."""
    copies = _copies(uow, practice, appointment_id)
    _file(uow, practice, appointment_id, [c for c in copies if _author(c).source != actor.source])


def note_missed(uow: UnitOfWork, practice: Practice, actor: Actor, calendar_id: int, href: str) -> None:
    """``actor`` deletes what is not there any more, or not as it knows it: list the copy that it made of it
    just now, if it did."""
    original = identities.last_appointment_at(uow, calendar_id, href)
    if original:
        copies = _copies(uow, practice, original)
        _file(uow, practice, original, [c for c in copies if _author(c).source == actor.source])


def note_restored(uow: UnitOfWork, practice: Practice, actor: Actor, original: int, copy: int) -> None:
    """``actor`` has uploaded a copy of an appointment that it deleted just now, and that somebody else has
    restored since, or that it tried to delete in an old version: list the copy. One statement where that is
    not so."""
    table = journal_table.c
    deletion = table.after.contains(f'"operation":"{DELETION}"', autoescape=True)
    query = (
        select(table.action)
        .where(*_just_now(practice), *journal.by_source(actor))
        .where(table.appointment_id == original)
        .where(table.action.in_(_PLACED) | (table.action == "refused") & deletion)
        .order_by(table.id.desc())
    )
    if uow.connection.execute(query.limit(1)).scalar() in ("cancel", "refused"):
        _file(
            uow, practice, original, [c for c in _copies(uow, practice, original) if c.appointment_id == copy]
        )


def _copies(uow: UnitOfWork, practice: Practice, original: int) -> list[Any]:
    """The journal's rows of copies made just now; a database may give the id of a former one to another."""
    table = journal_table.c
    query = (
        select(
            table.action,
            table.appointment_id,
            table.calendar_id,
            table.staff_id,
            table.device_id,
            table.program,
        )
        .where(*_just_now(practice), table.private.is_(False))
        .where(
            (table.action == "copy-removed")
            | (table.action == "create") & table.after.contains(f'"copy_of":"{original}"', autoescape=True)
        )
        .order_by(table.id)
    )
    found: dict[int, Any] = {}
    for row in uow.connection.execute(query):
        found.pop(row.appointment_id, None)
        if row.action == "create":
            found[row.appointment_id] = row
    return list(found.values())


def _file(uow: UnitOfWork, practice: Practice, original: int, copies: list[Any]) -> None:
    """Put those of the copies on the list that are booked and were not on it."""
    entry, listed = appointment.c, attention.c
    told = select(listed.id).where(
        listed.appointment_id == entry.id, listed.reason == attention_rows.ORIGINAL_GONE
    )
    booked = select(entry.id).where(
        entry.id.in_([copy.appointment_id for copy in copies]),
        entry.status.not_in([str(Status.CANCELLED), str(Status.UNCONFIRMED)]),
        ~told.exists(),
    )
    open_copies = set(uow.connection.execute(booked).scalars()) if copies else set()
    for copy in copies:
        if copy.appointment_id in open_copies:
            attention_rows.file(
                uow,
                practice.id,
                attention_rows.DOUBLE_BOOKING,
                attention_rows.ORIGINAL_GONE,
                actor=_author(copy),
                calendar_id=copy.calendar_id,
                appointment_id=copy.appointment_id,
                details={"with": [original]},
            )


def _just_now(practice: Practice) -> list[Any]:
    """Conditions: journal rows of the minutes that make two halves a move."""
    return journal.in_minutes(practice.id, practice.settings.move_minutes)


def _author(copy: Any) -> Actor:
    return Actor(copy.staff_id, copy.device_id, copy.program)
