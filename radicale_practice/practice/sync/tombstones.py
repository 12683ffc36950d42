"""Telling devices that an href they believe in holds nothing.

A new event that the brake holds back, or a move that is refused, leaves an entry on the device under an href
that never existed here. A calendar object that is dead from the start makes the next sync list it as removed
(RFC 6578 3.4), so that device and practice agree again.
"""

from __future__ import annotations

from sqlalchemy import func, insert, select, update

from radicale_practice.practice import clock
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.schema.sync_tables import calendar_object, object_change
from radicale_practice.practice.sync import identities, revisions


def bury(uow: UnitOfWork, calendar_id: int, href: str, uid: str) -> int | None:
    """List ``href`` as removed from now on; the dead object's id. None if something lives there.

    Flushes: no practice row may be written afterwards.
    """
    if identities.by_href(uow, calendar_id, href) is not None:
        return None
    statement = (
        insert(calendar_object)
        .values(
            calendar_id=calendar_id,
            href=href,
            uid=uid,
            appointment_id=0,
            removed_revision=0,
            removed_at=clock.utc_now(),
        )
        .returning(calendar_object.c.id)
    )
    object_id = int(uow.connection.execute(statement).scalar_one())
    bury_again(uow, calendar_id, object_id)
    return object_id


def bury_again(uow: UnitOfWork, calendar_id: int, object_id: int) -> None:
    """List a dead object as removed once more, because the device has tried again. Flushes."""
    revisions.touch(uow, calendar_id, [object_id])
    revisions.flush(uow)
    newest = (
        select(func.max(object_change.c.revision))
        .where(object_change.c.object_id == object_id)
        .scalar_subquery()
    )
    uow.connection.execute(
        update(calendar_object)
        .where(calendar_object.c.id == object_id)
        .values(
            removed_revision=newest,
            removed_at=clock.utc_now(),
            created_revision=newest,
            live_revision=newest,
        )
    )
