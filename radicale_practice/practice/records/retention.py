"""How long contents are kept in the journal and on the attention list.

That something happened stays; what it said goes. What is private (see ``appointment_rows.is_private``) goes
sooner.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, exists, func, or_, select, update

from radicale_practice.practice.database import Database
from radicale_practice.practice.model import CalendarKind
from radicale_practice.practice.parts import parts
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.schema.practice_tables import appointment, calendar
from radicale_practice.practice.schema.sync_tables import attention, journal

_last = func.coalesce(attention.c.last_at, attention.c.created_at)


def empty_expired(database: Database, practice: Practice, now: datetime) -> int:
    """Empty contents of journal and attention list older than the practice keeps them; how many journal rows.

    ``now`` is UTC. Rows of the attention list count from when they were settled, or last happened. In
    transactions of a few rows each: however much has gathered (a shorter time was set), nobody waits for it.
    """
    settings = practice.settings
    emptied = 0
    for private, days in ((False, settings.journal_days), (True, settings.journal_private_days)):
        since = now - timedelta(days=days)
        emptied += _empty(
            database,
            journal,
            {"before": None, "after": None},
            journal.c.practice_id == practice.id,
            journal.c.at < since,
            journal.c.private.is_(private),
            or_(journal.c.before.is_not(None), journal.c.after.is_not(None)),
        )
        _empty(
            database,
            attention,
            {"details": "{}"},
            attention.c.practice_id == practice.id,
            or_(attention.c.settled_at < since, attention.c.settled_at.is_(None) & (_last < since)),
            attention.c.details != "{}",
            *(_is_private(practice.id) if private else ()),
        )
    return emptied


def _empty(
    database: Database, table: Table, values: Mapping[str, Any], *conditions: ColumnElement[bool]
) -> int:
    query = select(table.c.id).where(*conditions).order_by(table.c.id)
    with database.read() as uow:
        ids = uow.connection.execute(query).scalars().all()
    emptied = 0
    for some in parts(ids):
        with database.write() as uow:
            # a row of the attention list may have happened again meanwhile
            emptying = update(table).where(table.c.id.in_(some), *conditions).values(values)
            emptied += uow.connection.execute(emptying).rowcount
    return emptied


def _is_private(practice_id: int) -> list[ColumnElement[bool]]:
    """Rows of the attention list about a private calendar, and not about an entry that is the practice's."""
    private = select(calendar.c.id).where(
        calendar.c.practice_id == practice_id, calendar.c.kind == str(CalendarKind.PRIVATE)
    )
    a = appointment.c
    the_practices = exists().where(
        a.id == attention.c.appointment_id, or_(a.patient_id.is_not(None), a.external_id.is_not(None))
    )
    return [attention.c.calendar_id.in_(private), ~the_practices]
