"""Take back everything one device or person did since a time, from the journal's before and after.

The journal is read backwards over the rows as they are now, in memory; what somebody else changed meanwhile
is left alone and reported, together with all that belongs to it (``undo_groups``), and so is what would come
back to a time taken meanwhile, where the practice forbids that. A constant number of statements whatever the
number of changes, but for those that clash with another appointment.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from radicale_practice.practice import practices
from radicale_practice.practice.book.writing import attempt
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Actor
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal as book_journal
from radicale_practice.practice.records import undo_groups, undo_writing
from radicale_practice.practice.records.undo_rows import WantedRows
from radicale_practice.practice.rules import double_booking, refusals
from radicale_practice.practice.schema.sync_tables import journal

UNDOABLE = (
    "create",
    "change",
    "move",
    "move-away",
    "move-in",
    "cancel",
    "cancel-instance",
    "overwrite",
    "discard",
    "restore",
    "link",
    "status",
)

SLOT_TAKEN = refusals.SLOT_TAKEN


COPY_REMOVED = "copy-removed"


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the journal: taken back, or left alone with a ``reason``."""

    journal_id: int
    at: datetime
    action: str
    appointment_id: int
    reason: str = ""


@dataclass(slots=True)
class Report:
    """What was taken back (or would be), newest first, and what was left alone."""

    done: list[Step] = field(default_factory=list)
    skipped: list[Step] = field(default_factory=list)


def undo(
    uow: UnitOfWork,
    actor: Actor,
    practice_id: int,
    since: datetime | None = None,
    *,
    device_id: int | None = None,
    staff_id: int | None = None,
    program: str | None = None,
    journal_ids: Collection[int] | None = None,
    dry_run: bool = False,
) -> Report:
    """Undo what a device (``device_id``), a person (``staff_id``, with ``program`` one program of theirs)
    or the rows ``journal_ids`` did, from ``since`` (UTC) on.

    New appointments are cancelled, everything else is as it was before. Of changes that belong together all
    are taken back, or none. ``dry_run``: only the report. Raises ``InvalidValue`` if nobody is named.
    """
    wanted = _conditions(practice_id, since, device_id, staff_id, program, journal_ids)
    query = select(journal).where(*wanted).order_by(journal.c.id.desc())
    entries: list[Any] = list(uow.connection.execute(query).mappings())
    if journal_ids is not None:
        entries = undo_groups.with_halves(uow, practice_id, entries)
    entries = _standing(uow, practice_id, entries)
    report = Report()
    if not entries:
        return report
    left = _take_back(uow, actor, practices.get(uow, practice_id), entries, dry_run)
    for entry in entries:
        reason = left.get(entry["id"], "")
        step = Step(entry["id"], entry["at"], entry["action"], entry["appointment_id"], reason)
        (report.skipped if reason else report.done).append(step)
    return report


def _standing(uow: UnitOfWork, practice_id: int, entries: list[Any]) -> list[Any]:
    """Without what is history and stands in the way of nothing that came later: what was taken back before,
    and what became of a copy that the device itself removed again (the first half of a move)."""
    if not entries:
        return entries
    query = select(journal.c.id, journal.c.action, journal.c.appointment_id, journal.c.after).where(
        journal.c.practice_id == practice_id,
        journal.c.action.in_(("undo", COPY_REMOVED)),
        journal.c.id > min(e["id"] for e in entries),
    )
    undone: set[int] = set()
    removed: dict[int, int] = {}
    for row in uow.connection.execute(query):
        if row.action == COPY_REMOVED:
            removed[row.appointment_id] = max(row.id, removed.get(row.appointment_id, 0))
        undone.update(book_journal.parse(row.after).get("undone", ()))
    return [e for e in entries if e["id"] not in undone and e["id"] > removed.get(e["appointment_id"], 0)]


class _Again(Exception):  # noqa: N818 - no error: the attempt is to be rolled back
    """Rolls back what was written: some of it may not be (their appointments), or nothing was to be."""

    def __init__(self, taken: set[int]) -> None:
        super().__init__()
        self.taken = taken


def _take_back(
    uow: UnitOfWork, actor: Actor, practice: Practice, entries: list[Any], dry_run: bool
) -> dict[int, str]:
    """Take back what can be; by entry id why the others are left alone. Every round leaves out more."""
    group = undo_groups.groups(entries)
    book = WantedRows(uow, practice.id, entries)
    left: dict[int, str] = {}
    while True:
        going = [e for e in entries if group[e["id"]] not in left]
        found = book.take_back_all(going, group)
        if found:
            left.update(found)
            continue
        try:
            with attempt(uow):
                undo_writing.write(book, practice, actor)
                clashes = undo_writing.clashes(book, practice)
                taken = {r.id for r, clash in clashes if double_booking.forbidden(practice, r, clash)}
                if taken or dry_run:
                    raise _Again(taken)
        except _Again as again:
            left.update(
                (group[e["id"]], SLOT_TAKEN) for e in going if int(e["appointment_id"]) in again.taken
            )
            if again.taken:
                continue
            break
        for rows, clash in clashes:
            double_booking.file(uow, practice, rows, clash, actor)
        break
    return {e["id"]: left[group[e["id"]]] for e in entries if group[e["id"]] in left}


def _conditions(
    practice_id: int,
    since: datetime | None,
    device_id: int | None,
    staff_id: int | None,
    program: str | None,
    journal_ids: Collection[int] | None,
) -> list[ColumnElement[bool]]:
    if device_id is None and staff_id is None and journal_ids is None:
        raise InvalidValue("undo: name a device, a person or rows of the journal")
    wanted: list[ColumnElement[bool]] = [
        journal.c.practice_id == practice_id,
        journal.c.action.in_(UNDOABLE),
        journal.c.appointment_id.is_not(None),
    ]
    if since is not None:
        wanted.append(journal.c.at >= since)
    if device_id is not None:
        wanted.append(journal.c.device_id == device_id)
    if staff_id is not None:
        wanted.append(journal.c.staff_id == staff_id)
    if program is not None:
        wanted.append(journal.c.program == program)
    if journal_ids is not None:
        wanted.append(journal.c.id.in_(sorted(set(journal_ids))))
    return wanted
