"""Calendar objects with everything they render from, for one viewer through one calendar.

A load issues the same few statements whatever the number of objects: the surroundings (accesses, rooms, the
practice's zone), the objects with their rows, the overridden instances; a range query two more that find the
candidates by index. Lists of hrefs and ids travel as one parameter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from radicale_practice.practice import candidates, clock, spans, stored_rows, zones
from radicale_practice.practice.accesses import Surroundings, access_map, limited, surroundings
from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.errors import NotFound
from radicale_practice.practice.model import Access, Appointment, CalendarObject, Status, Viewer
from radicale_practice.practice.schema.columns import BigId
from radicale_practice.practice.schema.practice_tables import appointment, appointment_calendar
from radicale_practice.practice.schema.sync_tables import calendar_object, event_extra, object_change

__all__ = ["StoredObject", "access_map", "load", "load_range"]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One live calendar object as one viewer sees it through one calendar.

    ``access`` is the least of the accesses to the calendar looked through and to the owner calendars, within
    the viewer's permission. ``revision``: newest change seen by all, ``personal_revision``: by the viewer
    alone (0: none). ``opaque``: href and UID were made by us. ``appointment_id``: the row it shows (the
    master's).
    """

    object_id: int
    calendar_id: int
    owner_calendar_id: int | None
    href: str
    uid: str
    opaque: bool
    revision: int
    personal_revision: int
    access: Access
    object: CalendarObject
    appointment_id: int


def load(
    uow: UnitOfWork,
    viewer: Viewer,
    calendar_id: int,
    *,
    hrefs: Iterable[str] | None = None,
    object_ids: Iterable[int] | None = None,
    windowed: bool = True,
    today: date | None = None,
) -> list[StoredObject]:
    """The live objects of a calendar, by object id: those of the hrefs or ids, or all.

    Unknown ones are left out. Unconfirmed entries are there for their author only. Objects wholly outside
    the viewer's window are left out unless ``windowed`` is False; ``today`` (default: the present day in the
    practice's zone) is its middle. Three statements. Raises ``NotFound`` if the viewer may not see the
    calendar, ``Unavailable`` if the database is away.
    """
    around = _visible(uow, viewer, calendar_id)
    found = _load(uow, viewer, around, calendar_id, hrefs=hrefs, object_ids=object_ids)
    window = window_range(viewer, around.time_zone, today) if windowed else None
    if window is None:
        return found
    return [stored for stored in found if any(spans.occurrences(stored.object, window, around.time_zone))]


def load_range(
    uow: UnitOfWork,
    viewer: Viewer,
    calendar_id: int,
    start: datetime | None,
    end: datetime | None,
    *,
    today: date | None = None,
) -> list[tuple[StoredObject, list[tuple[datetime, datetime]]]]:
    """The objects with an occurrence in a range of instants, with those occurrences (aware, UTC, ascending).

    ``start`` and ``end`` are aware, or naive in UTC; None is open (a series then names its first 400
    occurrences). RFC 4791 9.9: the end is exclusive, an entry without length counts at its start. Five
    statements. The window and errors are those of ``load``.
    """
    within = spans.make_range(start, end)
    around = _visible(uow, viewer, calendar_id)
    chosen = candidates.find(uow, viewer.practice_id, calendar_id, within, around.time_zone)
    window = window_range(viewer, around.time_zone, today)
    found = []
    for stored in _load(uow, viewer, around, calendar_id, object_ids=chosen.object_ids):
        instances = sorted(
            spans.occurrences(
                stored.object, within, around.time_zone, chosen.starts.get(stored.appointment_id)
            )
        )
        if not instances or (
            window is not None and not any(spans.occurrences(stored.object, window, around.time_zone))
        ):
            continue
        found.append((stored, [(b.replace(tzinfo=UTC), e.replace(tzinfo=UTC)) for b, e in instances]))
    return found


def window_range(viewer: Viewer, time_zone: str, today: date | None = None) -> spans.Range | None:
    """The instants the viewer's window covers: whole days of ``time_zone`` around today; None: no window."""
    window = viewer.window
    if window.days_back is None and window.days_ahead is None:
        return None
    middle = datetime.combine(today or clock.today(time_zone), time())

    def edge(days: int | None) -> datetime | None:
        if days is None or abs(days) > 1_000_000:
            return None
        return zones.to_utc(middle + timedelta(days=days), time_zone)

    back = None if window.days_back is None else -window.days_back
    ahead = None if window.days_ahead is None else window.days_ahead + 1
    return spans.make_range(edge(back), edge(ahead))


def _visible(uow: UnitOfWork, viewer: Viewer, calendar_id: int) -> Surroundings:
    around = surroundings(uow, viewer)
    if calendar_id not in around.accesses:
        raise NotFound(f"no calendar {calendar_id} for this viewer")
    return around


def _load(
    uow: UnitOfWork,
    viewer: Viewer,
    around: Surroundings,
    calendar_id: int,
    *,
    hrefs: Iterable[str] | None = None,
    object_ids: Iterable[int] | None = None,
) -> list[StoredObject]:
    parameters: dict[str, Any] = {"calendar": calendar_id, "staff": viewer.staff_id}
    if hrefs is not None:
        kind, parameters["hrefs"] = "hrefs", _listed(uow, hrefs)
    elif object_ids is not None:
        kind, parameters["ids"] = "ids", _listed(uow, object_ids)
    else:
        kind = "all"
    with translated_errors():
        rows = uow.connection.execute(_objects_query(kind, uow.dialect), parameters).all()
        overrides = uow.connection.execute(_overrides_query(kind, uow.dialect), parameters).all()
    reader = stored_rows.Reader(around.time_zone, dict(around.rooms))
    by_object: dict[int, list[Sequence[Any]]] = {}
    for row in overrides:
        by_object.setdefault(row[0], []).append(row)
    found = []
    for row in rows:
        stored = _stored(row, by_object.get(row[0], ()), reader, viewer, around, calendar_id)
        if stored is not None:
            found.append(stored)
    return found


def _stored(
    row: Sequence[Any],
    override_rows: Sequence[Sequence[Any]],
    reader: stored_rows.Reader,
    viewer: Viewer,
    around: Surroundings,
    calendar_id: int,
) -> StoredObject | None:
    object_id, href, uid, opaque, appointment_id, revision, personal, extra, owner = row[:_OBJECT_COLUMNS]
    master = reader.read(row[_OBJECT_COLUMNS:])
    if master.recurrence_id is not None:
        # an instance that lives in this calendar, its series in another: an entry of its own here
        master = replace(master, recurrence_id=None)
    overrides, elsewhere, owners = _overrides(override_rows, reader, viewer, master, owner)
    living = [o for o in overrides if o.status is not Status.CANCELLED]
    shown = [master, *overrides]
    if not _is_seen(master, viewer) or _is_hollow(master):
        shown = overrides if living else []
    if not shown:
        return None
    limits = [around.accesses.get(i) if i is not None else None for i in owners if i != calendar_id]
    return StoredObject(
        object_id=object_id,
        calendar_id=calendar_id,
        owner_calendar_id=owner,
        href=href,
        uid=uid,
        opaque=bool(opaque),
        revision=revision or 0,
        personal_revision=personal or 0,
        access=limited(around.accesses[calendar_id], limits),
        object=CalendarObject(uid, tuple(shown), frozenset(elsewhere), extra or ""),
        appointment_id=appointment_id,
    )


def _is_seen(entry: Appointment, viewer: Viewer) -> bool:
    if entry.status is Status.UNCONFIRMED:
        return entry.author_staff_id == viewer.staff_id
    return entry.status is not Status.CANCELLED


def _is_hollow(master: Appointment) -> bool:
    """The master the book makes for instances that came without one: it takes place never."""
    return not master.is_series and master.start in master.exdate


def _overrides(
    rows: Sequence[Sequence[Any]],
    reader: stored_rows.Reader,
    viewer: Viewer,
    master: Appointment,
    owner: int | None,
) -> tuple[list[Appointment], set[datetime], set[int | None]]:
    """Instances within the object by recurrence id, original starts of those elsewhere, all owner calendars.

    An instance without calendars of its own is where its master is (a vendor inserts just the row).
    """
    within: dict[datetime, Appointment] = {}
    elsewhere: set[datetime] = set()
    owners = {owner}
    for row in rows:
        _, own_owner, linked, linked_here = row[:_OVERRIDE_COLUMNS]
        entry = reader.read(row[_OVERRIDE_COLUMNS:])
        original = entry.recurrence_id or entry.start
        if master.all_day:
            original = stored_rows.midnight(original)
        if linked and not (linked_here and own_owner in (owner, None)):
            elsewhere.add(original)
            continue
        if entry.status is Status.UNCONFIRMED and not _is_seen(entry, viewer):
            continue
        known = within.get(original)
        if known is not None:
            # iCalendar has one component for an instance: the living one, else the first
            stored_rows.note_once(entry.id or 0, "its instance is overridden twice")
            if known.status is not Status.CANCELLED:
                continue
        room = entry.room if linked else master.room
        within[original] = replace(entry, recurrence_id=original, room=room)
        owners.add(own_owner if own_owner is not None else owner)
    return [within[original] for original in sorted(within)], elsewhere, owners


_OBJECT_COLUMNS = 9
_OVERRIDE_COLUMNS = 4


@lru_cache(maxsize=8)
def _objects_query(kind: str, dialect: str) -> Select[Any]:
    o = calendar_object.c
    vcalendar = event_extra.alias()
    source = stored_rows.joined(
        calendar_object.join(appointment, appointment.c.id == o.appointment_id)
    ).outerjoin(
        vcalendar, and_(vcalendar.c.appointment_id == o.appointment_id, vcalendar.c.component == "VCALENDAR")
    )
    own = [o.id, o.href, o.uid, o.opaque, o.appointment_id]
    if kind == "all":
        changes = _all_revisions()
        source = source.outerjoin(changes, changes.c.object_id == o.id)
        revisions = [changes.c.common, changes.c.mine]
    else:
        revisions = [_revision(0), _revision(bindparam("staff"))]
    query = select(*own, *revisions, vcalendar.c.content, stored_rows.owner(), *stored_rows.columns())
    return query.select_from(source).where(_chosen(kind, dialect)).order_by(o.id)


@lru_cache(maxsize=8)
def _overrides_query(kind: str, dialect: str) -> Select[Any]:
    o = calendar_object.c
    link = appointment_calendar.alias()
    linked = (
        select(link.c.calendar_id).where(link.c.appointment_id == appointment.c.id).correlate(appointment)
    )
    source = stored_rows.joined(
        calendar_object.join(appointment, appointment.c.series_id == o.appointment_id)
    )
    query = select(
        o.id,
        stored_rows.owner(),
        linked.exists(),
        linked.where(link.c.calendar_id == bindparam("calendar")).exists(),
        *stored_rows.columns(),
    )
    return query.select_from(source).where(_chosen(kind, dialect)).order_by(appointment.c.id)


def _chosen(kind: str, dialect: str) -> ColumnElement[bool]:
    o = calendar_object.c
    here: ColumnElement[int] = bindparam("calendar", type_=BigId)
    live = o.removed_revision.is_(None)
    if kind == "hrefs":
        return and_(o.calendar_id == here, live, o.href.in_(_list("hrefs", dialect, Text())))
    if kind == "ids":
        # "+ 0" keeps SQLite from walking through the calendar's index instead of looking the ids up
        return and_(o.id.in_(_list("ids", dialect, BigId)), live, o.calendar_id + 0 == here)
    return and_(o.calendar_id == here, live)


def _revision(staff: Any) -> ColumnElement[Any]:
    change = object_change.alias()
    return (
        select(func.max(change.c.revision))
        .where(change.c.object_id == calendar_object.c.id, change.c.staff_id == staff)
        .correlate(calendar_object)
        .scalar_subquery()
    )


def _all_revisions() -> Any:
    change = object_change.c
    return (
        select(
            change.object_id,
            func.max(change.revision).filter(change.staff_id == 0).label("common"),
            func.max(change.revision).filter(change.staff_id != 0).label("mine"),
        )
        .where(change.calendar_id == bindparam("calendar"), change.staff_id.in_([0, bindparam("staff")]))
        .group_by(change.object_id)
        .subquery()
    )


def _list(name: str, dialect: str, kind: Any) -> Select[Any]:
    """A list of any length as one parameter: JSON on SQLite, an array on PostgreSQL."""
    if dialect == "sqlite":
        return select(func.json_each(bindparam(name)).table_valued("value").c.value)
    return select(func.unnest(cast(bindparam(name), ARRAY(kind))))


def _listed(uow: UnitOfWork, values: Iterable[Any]) -> Any:
    unique = list(dict.fromkeys(values))
    return json.dumps(unique) if uow.dialect == "sqlite" else unique
