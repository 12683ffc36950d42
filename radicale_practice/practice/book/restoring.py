"""What a restoration brings back: from what the journal kept of the last cancellation, if it still stands."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_, select

from radicale_practice.practice import appointment_rows
from radicale_practice.practice.appointment_rows import Row, Rows
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Status
from radicale_practice.practice.records import journal
from radicale_practice.practice.rules import brake
from radicale_practice.practice.schema.appointment_columns import RULE
from radicale_practice.practice.schema.sync_tables import calendar_object
from radicale_practice.practice.schema.sync_tables import journal as journal_table

REST_MOVED_TO = "rest_moved_to"
"""In the journal's ``after``: the series that the rest of a documented one has become elsewhere."""


def changes(uow: UnitOfWork, rows: Rows, cancelled_in: int | None = None) -> dict[int, Row]:
    """Changes by row id that bring back what is cancelled, a series cut to its documented instances too.

    Empty if nothing of it is cancelled. An instance that was cancelled before or after stays so.
    ``cancelled_in``: only what that row of the journal tells of, as long as the row has its contents.
    """
    kept = _standing_cancellation(uow, rows, cancelled_in)
    if cancelled_in is not None and not kept:
        return {}
    found: dict[int, Row] = {}
    for row in rows.all:
        known = kept.get(str(row["id"]))
        change: Row = {}
        if row["status"] == Status.CANCELLED and (known is not None or row is rows.master):
            status = (known or {}).get("status", str(Status.BOOKED))
            if status != Status.CANCELLED:
                change |= appointment_rows.booked(status)
        if row is rows.master and known is not None:
            was = journal.columns(known)
            change |= {n: was[n] for n in RULE if was[n] != row[n]}
        if change:
            found[int(row["id"])] = change
    return found


def identities(uow: UnitOfWork, appointment_id: int, live: bool = False) -> set[tuple[int, str, str]]:
    """Calendar, href and UID of every object that shows or showed an appointment."""
    table = calendar_object
    query = select(table.c.calendar_id, table.c.href, table.c.uid).where(
        table.c.appointment_id == appointment_id
    )
    if live:
        query = query.where(table.c.removed_revision.is_(None))
    return {(r.calendar_id, r.href, r.uid) for r in uow.connection.execute(query)}


def _standing_cancellation(uow: UnitOfWork, rows: Rows, cancelled_in: int | None) -> dict[str, Any]:
    """The rows before the last cancellation, if nothing has brought them back since."""
    columns = journal_table.c
    query = (
        select(columns.id, columns.action, columns.before, columns.after)
        .where(
            columns.appointment_id == rows.id,
            or_(
                columns.action.in_(("cancel", "discard", "restore", "undo")),
                columns.action.in_(("move", "move-away", brake.ENTERS))
                & columns.after.like(f'%"{REST_MOVED_TO}":%'),
            ),
        )
        .order_by(columns.id.desc())
        .limit(1)
    )
    last = uow.connection.execute(query).first()
    if last is None or last.action not in ("cancel", "discard", "undo"):
        return {}
    if cancelled_in not in (None, last.id):
        return {}
    before, after = (journal.parse(text).get("rows", {}) for text in (last.before, last.after))
    left = after.get(str(rows.id))
    if left is None:
        return {}
    left_columns = journal.columns(left)
    if last.action == "undo" and left_columns["status"] != Status.CANCELLED:
        return {}  # it has brought something back; one that took back a creation is a cancellation
    stands = left_columns["status"] == Status.CANCELLED or any(
        before.get(str(rows.id), {}).get(n, "") != left_columns[n] for n in RULE
    )
    same = all(rows.master[n] == left_columns[n] for n in RULE)
    same &= (rows.master["status"] == Status.CANCELLED) == (left_columns["status"] == Status.CANCELLED)
    return dict(before) if stands and same else {}
