"""Double bookings on the attention list that are none any more: one side has moved away, whoever moved it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select

from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.notices import attention_rows, foreign_clashes
from radicale_practice.practice.notices.attention_rows import AttentionItem, item_of
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading import availability
from radicale_practice.practice.schema.sync_tables import attention
from radicale_practice.practice.series import spans
from radicale_practice.practice.sync import housekeeping

_BEFORE = timedelta(days=31)
"""What took place so long before it came on the list nobody can do anything about."""


def settle(database: Database, practice: Practice, now: datetime) -> int:
    """Settle what the list says of double bookings and absences that are over. ``now``: UTC, naive.

    How many rows were settled. What only says that a copy stands beside its original stays: no time tells
    which of the two is meant. A few statements, and a constant number for each calendar concerned.
    """
    with database.read() as uow:
        seen = {item.id for item in _over(uow, practice, now)}
    if not seen:
        return 0
    with database.write() as uow:
        # Under the lock that double booking is decided under: who books there again at this moment either is
        # seen here or files a row of his own.
        housekeeping.lock_practices(uow, practice.id)
        over = _over(uow, practice, now, seen)
        for item in over:
            attention_rows.settle(uow, item.id, attention_rows.OVER)
    return len(over)


def _over(
    uow: UnitOfWork, practice: Practice, now: datetime, only: Collection[int] | None = None
) -> list[AttentionItem]:
    open_rows = [item for item in _open(uow, practice.id) if only is None or item.id in only]
    concerned = {item.appointment_id for item in open_rows if item.appointment_id is not None}
    if not concerned:
        return []
    first = min(item.created_at for item in open_rows) - _BEFORE
    within = spans.make_range(min(first, now), now + availability.AHEAD)
    clashing = {
        (kind, one.id) for _, kind, one, _ in foreign_clashes.overlapping(uow, practice.id, concerned, within)
    }
    return [item for item in open_rows if (item.kind, item.appointment_id) not in clashing]


def _open(uow: UnitOfWork, practice_id: int) -> list[AttentionItem]:
    query = select(attention).where(
        attention.c.practice_id == practice_id,
        attention.c.settled_at.is_(None),
        attention.c.kind.in_(foreign_clashes.KINDS),
        attention.c.kind == attention.c.reason,
        attention.c.appointment_id.is_not(None),
    )
    return [item_of(dict(row)) for row in uow.connection.execute(query).mappings()]
