"""The statements behind ``calendar_objects``, made once a process."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, any_, bindparam, case, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from radicale_practice.practice.reading import candidates, stored_rows
from radicale_practice.practice.schema.columns import BigId
from radicale_practice.practice.schema.practice_tables import appointment, appointment_calendar
from radicale_practice.practice.schema.sync_tables import calendar_object, event_extra, object_change

OBJECT_COLUMNS = 9
OVERRIDE_COLUMNS = 4


@lru_cache(maxsize=8)
def objects_query(kind: str, dialect: str) -> Select[Any]:
    """Objects with the rows they show, by id; ``kind`` is "all", "hrefs" or "ids" (parameter of that name).

    Further parameters: ``practice``, ``calendar``, ``staff``. The first ``OBJECT_COLUMNS`` are object id,
    href, UID, opaque, appointment id, revision, personal revision, VCALENDAR extra and owner calendar; then
    those of ``stored_rows``.
    """
    o = calendar_object.c
    vcalendar = event_extra.alias()
    source = stored_rows.joined(
        calendar_object.join(appointment, appointment.c.id == _shown(dialect))
    ).outerjoin(
        vcalendar, and_(vcalendar.c.appointment_id == o.appointment_id, vcalendar.c.component == "VCALENDAR")
    )
    own = [o.id, o.href, o.uid, o.opaque, o.appointment_id]
    revisions = [_revision(0), _revision(bindparam("staff"))]
    query = select(*own, *revisions, vcalendar.c.content, stored_rows.owner(), *stored_rows.columns())
    return query.select_from(source).where(_chosen(kind, dialect)).order_by(o.id)


@lru_cache(maxsize=8)
def overrides_query(kind: str, dialect: str) -> Select[Any]:
    """The overridden instances of those objects; kinds and parameters as for ``objects_query``.

    The first ``OVERRIDE_COLUMNS`` are object id, own owner calendar, whether the row is in any calendar and
    whether in this one; then ``stored_rows``.
    """
    o = calendar_object.c
    link = appointment_calendar.alias()
    linked = (
        select(link.c.calendar_id).where(link.c.appointment_id == appointment.c.id).correlate(appointment)
    )
    source = stored_rows.joined(calendar_object.join(appointment, appointment.c.series_id == _shown(dialect)))
    query = select(
        o.id,
        stored_rows.owner(),
        linked.exists(),
        linked.where(link.c.calendar_id == bindparam("calendar")).exists(),
        *stored_rows.columns(),
    )
    return query.select_from(source).where(_chosen(kind, dialect)).order_by(appointment.c.id)


@lru_cache(maxsize=2)
def timing_query(dialect: str) -> Select[Any]:
    """Objects without content that can lie in a range, with the times of the rows they show; parameters are
    those of ``candidates`` and ``staff``.

    The columns of ``revisions.ObjectState``, whether it is a single entry that everybody sees, and its start,
    end, zone and whether it is all day.
    """
    o, a = calendar_object.c, appointment.c
    instance = appointment.alias()
    overridden = select(instance.c.id).where(instance.c.series_id == a.id).correlate(appointment).exists()
    single = and_(
        a.status.not_in(["cancelled", "unconfirmed"]),
        a.rrule == "",
        a.rdate == "",
        a.exdate == "",
        ~overridden,
    )
    return (
        select(
            o.id,
            o.href,
            o.uid,
            o.appointment_id,
            o.opaque,
            literal(True),
            _revision(0),
            _revision(bindparam("staff")),
            single,
            a.starts_at,
            a.ends_at,
            a.time_zone,
            a.all_day,
        )
        .select_from(calendar_object.join(appointment, a.id == _shown(dialect)))
        .where(candidates.condition(dialect), _is_of_practice())
    )


def _shown(dialect: str) -> ColumnElement[Any]:
    """The object's appointment; on SQLite so that its planner always goes from objects to appointments."""
    shown = calendar_object.c.appointment_id
    return shown + 0 if dialect == "sqlite" else shown


def _chosen(kind: str, dialect: str) -> ColumnElement[bool]:
    o = calendar_object.c
    calendar: ColumnElement[int] = bindparam("calendar", type_=BigId)
    live = and_(o.removed_revision.is_(None), _is_of_practice())
    if kind == "all":
        return and_(o.calendar_id == calendar, live)
    # "+ 0" keeps SQLite from walking through the calendar; PostgreSQL knows how long the list is
    here = o.calendar_id == calendar if dialect == "postgresql" else o.calendar_id + 0 == calendar
    if kind == "hrefs":
        return and_(live, here, _is_in(o.href, "hrefs", dialect, Text()))
    return and_(_is_in(o.id, "ids", dialect, BigId), live, here)


def _is_of_practice() -> ColumnElement[bool]:
    """Whether the appointment is the practice's: one that a program put into another's calendar is nobody's.

    Not an equation: the planners would take it for something that few rows fulfil, and begin with those.
    """
    return case((appointment.c.practice_id == bindparam("practice"), 1)).is_not(None)


def _revision(staff: Any) -> ColumnElement[Any]:
    change = object_change.alias()
    return (
        select(func.max(change.c.revision))
        .where(change.c.object_id == calendar_object.c.id, change.c.staff_id == staff)
        .correlate(calendar_object)
        .scalar_subquery()
    )


def _is_in(column: ColumnElement[Any], name: str, dialect: str, kind: Any) -> ColumnElement[bool]:
    """A list of any length as one parameter: JSON on SQLite, an array on PostgreSQL."""
    if dialect == "sqlite":
        return column.in_(select(func.json_each(bindparam(name)).table_valued("value").c.value))
    return column == any_(cast(bindparam(name), ARRAY(kind)))


def listed(dialect: str, values: Iterable[Any]) -> Any:
    """A list as the one parameter that ``objects_query`` expects."""
    unique = list(dict.fromkeys(values))
    return json.dumps(unique) if dialect == "sqlite" else unique
