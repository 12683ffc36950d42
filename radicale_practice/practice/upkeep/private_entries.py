"""Private entries that their owner has deleted go for good, after as many days as the journal keeps private
contents: nobody can bring them back from then on, so nothing is gained by keeping what they said.

Private is what is in private calendars only, and was never the practice's: no patient, no key of a practice
program, nothing in the journal that is not private.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select, update

from radicale_practice.practice import appointment_rows
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import CalendarKind, Status
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.schema.appointment_columns import TEXTS
from radicale_practice.practice.schema.practice_tables import appointment, appointment_calendar, calendar
from radicale_practice.practice.schema.sync_tables import calendar_property, event_extra, personal_extra
from radicale_practice.practice.schema.sync_tables import journal as journal_table

BATCH = 200

_CANCELLED = str(Status.CANCELLED)

_a = appointment
_instance = appointment.alias("instance")
_member = appointment.alias("member")
_family = or_(_member.c.id == _a.c.id, _member.c.series_id == _a.c.id)


def forget(uow: UnitOfWork, practice: Practice, now: datetime) -> int:
    """Delete up to ``BATCH`` entries (series with all instances) that were deleted so long ago, or whose
    private calendar was; how many. To be repeated until nothing is left. ``now``: UTC."""
    since = now - timedelta(days=practice.settings.journal_private_days)
    a = _a.c
    left_alone = exists().where(
        _family,
        or_(
            _member.c.status != _CANCELLED,
            func.coalesce(_member.c.cancelled_at, _member.c.created_at) >= since,
        ),
    )
    query = (
        select(a.id)
        .where(
            a.practice_id == practice.id,
            a.series_id.is_(None),
            *_is_private(practice.id),
            or_(~left_alone, _owned_by(_deleted_calendars(practice.id, since))),
        )
        .order_by(a.id)
        .limit(BATCH)
    )
    ids = list(uow.connection.execute(query).scalars())
    appointment_rows.delete_rows(uow, ids)
    return len(ids)


def empty_instances(uow: UnitOfWork, practice: Practice, now: datetime) -> int:
    """Let cancelled instances of private series that go on say what their series says; how many.

    ``now``: UTC.
    """
    since = now - timedelta(days=practice.settings.journal_private_days)
    i = _instance.c
    says_more = or_(
        *(i[name] != _a.c[name] for name in TEXTS),
        exists().where(event_extra.c.appointment_id == i.id),
        exists().where(personal_extra.c.appointment_id == i.id),
    )
    query = (
        select(i.id, *(_a.c[name] for name in TEXTS))
        .join(_a, _a.c.id == i.series_id)
        .where(
            _a.c.practice_id == practice.id,
            i.status == _CANCELLED,
            func.coalesce(i.cancelled_at, i.created_at) < since,
            *_is_private(practice.id),
            says_more,
        )
        .order_by(i.id)
        .limit(BATCH)
    )
    rows = uow.connection.execute(query).all()
    ids = [row.id for row in rows]
    for table in (event_extra, personal_extra):
        uow.connection.execute(delete(table).where(table.c.appointment_id.in_(ids)))
    texts = {row.id: {name: getattr(row, name) for name in TEXTS} for row in rows}
    appointment_rows.update_rows(uow, [{"id": i, **t} for i, t in texts.items()], texts)
    return len(rows)


def empty_calendars(uow: UnitOfWork, practice: Practice, now: datetime) -> int:
    """Take away the names of private calendars deleted so long ago; how many. ``now``: UTC."""
    since = now - timedelta(days=practice.settings.journal_private_days)
    gone = _deleted_calendars(practice.id, since)
    uow.connection.execute(delete(calendar_property).where(calendar_property.c.calendar_id.in_(gone)))
    result = uow.connection.execute(
        update(calendar).where(calendar.c.id.in_(gone), calendar.c.name != "").values(name="", color="")
    )
    return result.rowcount


def _deleted_calendars(practice_id: int, since: datetime) -> Select[tuple[int]]:
    """Private calendars that were deleted before ``since`` and have not been there since then."""
    deleted = (
        select(func.max(journal_table.c.at))
        .where(journal_table.c.calendar_id == calendar.c.id, journal_table.c.action == "calendar-deactivate")
        .scalar_subquery()
    )
    return select(calendar.c.id).where(
        calendar.c.practice_id == practice_id,
        calendar.c.kind == str(CalendarKind.PRIVATE),
        calendar.c.active.is_(False),
        deleted < since,
    )


def _owned_by(calendars: Select[tuple[int]]) -> ColumnElement[bool]:
    link = appointment_calendar.c
    owned = (link.appointment_id == _a.c.id, link.role == "owner", link.calendar_id.in_(calendars))
    return exists().where(*owned)


def _is_private(practice_id: int) -> list[ColumnElement[bool]]:
    """That a master or single entry is private, with all its instances."""
    private = select(calendar.c.id).where(
        calendar.c.practice_id == practice_id, calendar.c.kind == str(CalendarKind.PRIVATE)
    )
    link = appointment_calendar.c
    placed_elsewhere = exists().where(
        _family, link.appointment_id == _member.c.id, link.calendar_id.not_in(private)
    )
    the_practices = exists().where(
        _family, or_(_member.c.patient_id.is_not(None), _member.c.external_id.is_not(None))
    )
    told = exists().where(journal_table.c.appointment_id == _a.c.id, journal_table.c.private.is_(False))
    return [_owned_by(private), ~placed_elsewhere, ~the_practices, ~told]
