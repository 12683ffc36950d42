"""Forget what no client needs any more: superseded log rows, and objects removed long ago."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, exists, func, or_, select, text, tuple_, update
from sqlalchemy.sql.elements import ColumnElement

from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.schema.practice_tables import appointment_calendar, calendar, practice
from radicale_practice.practice.schema.sync_tables import calendar_object, calendar_sync, object_change
from radicale_practice.practice.settings import parse_settings
from radicale_practice.practice.triggers.postgresql_flush import PRACTICE_LOCK


def prune(uow: UnitOfWork, now: datetime) -> None:
    """Drop superseded rows of the log, and what was removed longer ago than each practice's setting.

    ``now`` in UTC. Never drops the newest row of an object for each person. Forgetting a removal raises the
    calendar's floor: older sync tokens are then refused.
    """
    with translated_errors():
        lock_practices(uow)
        _drop_superseded(uow)
        for practice_id, settings in uow.connection.execute(select(practice.c.id, practice.c.settings)).all():
            days = parse_settings(settings).removed_days
            _forget_removed(uow, practice_id, now - timedelta(days=days))


def lock_practices(uow: UnitOfWork) -> None:
    """All practices' locks, ascending, before anything under them is changed (PostgreSQL)."""
    if uow.dialect != "postgresql":
        return
    keys = text("SELECT DISTINCT (id & 2147483647)::integer FROM practice ORDER BY 1")
    for key in uow.connection.execute(keys).scalars().all():
        uow.connection.execute(
            text("SELECT pg_advisory_xact_lock(:class, :key)"), {"class": PRACTICE_LOCK, "key": key}
        )


def _drop_superseded(uow: UnitOfWork) -> None:
    newer = object_change.alias()
    uow.connection.execute(
        delete(object_change).where(
            exists().where(
                newer.c.object_id == object_change.c.object_id,
                newer.c.staff_id == object_change.c.staff_id,
                newer.c.revision > object_change.c.revision,
            )
        )
    )


def _forget_removed(uow: UnitOfWork, practice_id: int, before: datetime) -> None:
    old = (
        calendar_object.c.removed_revision.is_not(None),
        calendar_object.c.removed_at < before,
        calendar_object.c.calendar_id.in_(select(calendar.c.id).where(calendar.c.practice_id == practice_id)),
    )
    # Personal changes noted after the removal count too: no token may be ahead of the calendar's state.
    newest = func.max(func.coalesce(object_change.c.revision, calendar_object.c.removed_revision))
    floors = uow.connection.execute(
        select(calendar_object.c.calendar_id, newest)
        .outerjoin(object_change, object_change.c.object_id == calendar_object.c.id)
        .where(*old)
        .group_by(calendar_object.c.calendar_id)
    ).all()
    for calendar_id, floor in floors:
        uow.connection.execute(
            update(calendar_sync)
            .where(calendar_sync.c.calendar_id == calendar_id, calendar_sync.c.floor < floor)
            .values(floor=floor)
        )
    forgotten = select(calendar_object.c.id).where(*old)
    uow.connection.execute(delete(object_change).where(object_change.c.object_id.in_(forgotten)))
    uow.connection.execute(delete(calendar_object).where(*old, _never_restored()))


def _never_restored() -> ColumnElement[bool]:
    # A cancelled appointment keeps its identity for as long as its row is in that calendar.
    placed = select(appointment_calendar.c.appointment_id, appointment_calendar.c.calendar_id)
    return or_(
        calendar_object.c.appointment_id == 0,
        tuple_(calendar_object.c.appointment_id, calendar_object.c.calendar_id).not_in(placed),
    )
