"""How long contents are kept in the journal and on the attention list.

That something happened stays; what it said goes. What is private (see ``appointment_rows.is_private``) goes
sooner.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, func, or_, select, update

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import CalendarKind
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.schema.practice_tables import appointment, calendar
from radicale_practice.practice.schema.sync_tables import attention, journal

_last = func.coalesce(attention.c.last_at, attention.c.created_at)


def empty_expired(uow: UnitOfWork, practice: Practice, now: datetime) -> int:
    """Empty contents of journal and attention list older than the practice keeps them; how many journal rows.

    ``now`` is UTC. Rows of the attention list count from when they were settled, or last happened.
    """
    settings = practice.settings
    emptied = 0
    for private, days in ((False, settings.journal_days), (True, settings.journal_private_days)):
        since = now - timedelta(days=days)
        result = uow.connection.execute(
            update(journal)
            .where(
                journal.c.practice_id == practice.id,
                journal.c.at < since,
                journal.c.private.is_(private),
                or_(journal.c.before.is_not(None), journal.c.after.is_not(None)),
            )
            .values(before=None, after=None)
        )
        emptied += result.rowcount
        uow.connection.execute(
            update(attention)
            .where(
                attention.c.practice_id == practice.id,
                or_(
                    attention.c.settled_at < since,
                    attention.c.settled_at.is_(None) & (_last < since),
                ),
                attention.c.details != "{}",
                *(_is_private(practice.id) if private else ()),
            )
            .values(details="{}")
        )
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
