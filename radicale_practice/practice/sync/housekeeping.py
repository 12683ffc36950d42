"""Forget what no client needs any more: superseded log rows, and objects removed long ago.

In transactions of a few rows each: phones and practice programs that commit at the same time wait for none of
it longer than a moment, and a practice that is busy keeps only its own rows waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Row, bindparam, delete, exists, func, or_, select, text, tuple_, update
from sqlalchemy.sql.elements import ColumnElement

from radicale_practice.practice.database import Database, UnitOfWork, translated_errors
from radicale_practice.practice.parts import parts
from radicale_practice.practice.schema.practice_tables import appointment_calendar, calendar, practice
from radicale_practice.practice.schema.sync_tables import (
    calendar_object,
    calendar_property,
    calendar_sync,
    object_change,
)
from radicale_practice.practice.settings import parse_settings
from radicale_practice.practice.triggers.postgresql_flush import PRACTICE_LOCK

BATCH = 500
"""Most rows of one table that one transaction deletes."""

_ROUND = 40
"""Batches that are looked for at a time."""


def prune(database: Database, now: datetime) -> None:
    """Drop superseded rows of the log, and what was removed longer ago than each practice's setting.

    ``now`` in UTC. Never drops the newest row of an object for each person. Forgetting a removal raises the
    calendar's floor: older sync tokens are then refused. Raises ``Unavailable`` if a practice's lock is not
    free within seconds; what was done until then stays done.
    """
    with translated_errors():
        _drop_superseded(database)
        _forget_calendars(database)
        with database.read() as uow:
            found = uow.connection.execute(select(practice.c.id, practice.c.settings).order_by(practice.c.id))
            limits = [(i, now - timedelta(days=parse_settings(s).removed_days)) for i, s in found]
        for practice_id, before in limits:
            with database.read() as uow:
                old = old_removals(uow, practice_id, before)
            for ids in parts(old, BATCH):
                with database.write() as uow:
                    lock_practices(uow, practice_id)
                    _forget_removed(uow, ids, before)


def lock_practices(uow: UnitOfWork, practice_id: int | None = None) -> None:
    """One practice's lock, or all of them, ascending, before anything under them is changed (PostgreSQL)."""
    if uow.dialect != "postgresql":
        return
    keys = text(
        "SELECT DISTINCT (id & 2147483647)::integer FROM practice"
        " WHERE id = :one OR CAST(:one AS bigint) IS NULL ORDER BY 1"
    )
    for key in uow.connection.execute(keys, {"one": practice_id}).scalars().all():
        uow.connection.execute(
            text("SELECT pg_advisory_xact_lock(:class, :key)"), {"class": PRACTICE_LOCK, "key": key}
        )


_LOG_KEY = tuple(object_change.primary_key.columns)

_NEWER = func.lead(object_change.c.revision).over(
    partition_by=(object_change.c.object_id, object_change.c.staff_id), order_by=object_change.c.revision
)

_LOG = select(*_LOG_KEY, _NEWER.label("newer")).subquery()

_SUPERSEDED = select(*(_LOG.c[column.name] for column in _LOG_KEY)).where(_LOG.c.newer.is_not(None))

_DROP = delete(object_change).where(*(column == bindparam(f"old_{column.name}") for column in _LOG_KEY))


def _drop_superseded(database: Database) -> None:
    """Needs no lock: what is superseded stays so, and nobody changes a row of the log."""
    while True:
        with database.read() as uow:
            found = uow.connection.execute(_SUPERSEDED.limit(_ROUND * BATCH)).all()
        for part in parts(found, BATCH):
            with database.write() as uow:
                uow.connection.execute(_DROP, [_named(row) for row in part])
        if len(found) < _ROUND * BATCH:
            return


def _named(row: Row[tuple[int, ...]]) -> dict[str, int]:
    return {f"old_{name}": value for name, value in row._mapping.items()}


def _forget_calendars(database: Database) -> None:
    """What is left of calendars whose row is gone: nobody can ask for it any more."""
    known = select(calendar.c.id)
    for table in (calendar_object, calendar_sync, calendar_property):
        with database.read() as uow:
            gone = select(table.c.calendar_id).where(table.c.calendar_id.not_in(known)).distinct()
            ids = uow.connection.execute(gone).scalars().all()
        for calendar_id in ids:
            _forget_calendar(database, calendar_id)


def _forget_calendar(database: Database, calendar_id: int) -> None:
    with database.read() as uow:
        query = select(calendar_object.c.id).where(calendar_object.c.calendar_id == calendar_id)
        objects = uow.connection.execute(query).scalars().all()
    for ids in parts(objects, BATCH):
        with database.write() as uow:
            unknown = calendar_object.c.calendar_id.not_in(select(calendar.c.id))
            _forget(uow, ids, unknown, _never_restored())
    with database.write() as uow:
        for table in (calendar_sync, calendar_property):
            unknown = table.c.calendar_id.not_in(select(calendar.c.id))
            uow.connection.execute(delete(table).where(table.c.calendar_id == calendar_id, unknown))


def old_removals(uow: UnitOfWork, practice_id: int, before: datetime) -> list[int]:
    """Ids of the practice's objects that were removed before that instant and of which something is left."""
    logged = exists().where(object_change.c.object_id == calendar_object.c.id)
    query = (
        select(calendar_object.c.id)
        .join(calendar, calendar.c.id == calendar_object.c.calendar_id)
        .where(calendar.c.practice_id == practice_id, *_removed(before), or_(logged, _never_restored()))
    )
    return list(uow.connection.execute(query.order_by(calendar_object.c.id)).scalars())


def _removed(before: datetime) -> tuple[ColumnElement[bool], ...]:
    return calendar_object.c.removed_revision.is_not(None), calendar_object.c.removed_at < before


def _forget_removed(uow: UnitOfWork, ids: Sequence[int], before: datetime) -> None:
    """Forget those of the objects that are still removed; under the practice's lock."""
    old = (calendar_object.c.id.in_(ids), *_removed(before))
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
    _forget(uow, ids, *_removed(before))


def _forget(uow: UnitOfWork, ids: Sequence[int], *conditions: ColumnElement[bool]) -> None:
    """Drop the log of these objects, and the objects themselves unless they may come back."""
    concerned = select(calendar_object.c.id).where(calendar_object.c.id.in_(ids), *conditions)
    uow.connection.execute(delete(object_change).where(object_change.c.object_id.in_(concerned)))
    uow.connection.execute(
        delete(calendar_object).where(calendar_object.c.id.in_(ids), *conditions, _never_restored())
    )


def _never_restored() -> ColumnElement[bool]:
    # A cancelled appointment keeps its identity for as long as its row is in that calendar.
    placed = select(appointment_calendar.c.appointment_id, appointment_calendar.c.calendar_id)
    return or_(
        calendar_object.c.appointment_id == 0,
        tuple_(calendar_object.c.appointment_id, calendar_object.c.calendar_id).not_in(placed),
    )
