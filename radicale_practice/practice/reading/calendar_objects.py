"""Calendar objects with everything they render from, for one viewer through one calendar.

A load issues the same few statements whatever the number of objects: the surroundings (accesses, rooms, the
practice's zone), the objects with their rows, the overridden instances; a range query two more that find the
candidates by index. Lists of hrefs and ids travel as one parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from radicale_practice.practice import clock, zones
from radicale_practice.practice.accesses import Surroundings, everything, limited, surroundings
from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.errors import NotFound
from radicale_practice.practice.model import Access, Appointment, CalendarObject, Status, Viewer
from radicale_practice.practice.reading import candidates, stored_rows
from radicale_practice.practice.reading.object_queries import (
    OBJECT_COLUMNS,
    OVERRIDE_COLUMNS,
    listed,
    objects_query,
    overrides_query,
)
from radicale_practice.practice.series import spans


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
    around: Surroundings | None = None,
) -> list[StoredObject]:
    """The live objects of a calendar, by object id: those of the hrefs or ids, or all.

    Unknown ones are left out. Unconfirmed entries are there for their author only. Objects wholly outside
    the viewer's window are left out unless ``windowed`` is False; ``today`` (default: the present day in the
    practice's zone) is its middle. ``around``: the viewer's surroundings, if this transaction has read them.
    Three statements at most. Raises ``NotFound`` if the viewer may not see the calendar, ``Unavailable`` if
    the database is away.
    """
    around = visible(uow, viewer, calendar_id, around)
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
    around: Surroundings | None = None,
) -> list[tuple[StoredObject, list[tuple[datetime, datetime]]]]:
    """The objects with an occurrence in a range of instants, with those occurrences (aware, UTC, ascending).

    ``start`` and ``end`` are aware, or naive in UTC; None is open (a series then names its first 400
    occurrences). RFC 4791 9.9: the end is exclusive, an entry without length counts at its start. At
    most five statements. The window, ``around`` and errors are those of ``load``.
    """
    wanted = search(uow, viewer, calendar_id, start, end, today, around)
    zone = wanted.around.time_zone
    return load_found(uow, wanted, candidates.find(uow, viewer.practice_id, calendar_id, wanted.within, zone))


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for in a calendar.

    ``within``: the range asked for; ``window``: the viewer's (None: all days).
    """

    viewer: Viewer
    calendar_id: int
    around: Surroundings
    within: spans.Range
    window: spans.Range | None


def search(
    uow: UnitOfWork,
    viewer: Viewer,
    calendar_id: int,
    start: datetime | None,
    end: datetime | None,
    today: date | None,
    around: Surroundings | None,
) -> Search:
    """Where to look for what ``load_range`` finds. One statement at most."""
    within = spans.make_range(start, end)
    around = visible(uow, viewer, calendar_id, around)
    return Search(viewer, calendar_id, around, within, window_range(viewer, around.time_zone, today))


def load_found(
    uow: UnitOfWork, wanted: Search, chosen: candidates.Candidates
) -> list[tuple[StoredObject, list[tuple[datetime, datetime]]]]:
    """Those of the candidates that ``load_range`` finds. Two statements."""
    zone, ids = wanted.around.time_zone, chosen.object_ids
    found = []
    for stored in _load(uow, wanted.viewer, wanted.around, wanted.calendar_id, object_ids=ids):
        known = chosen.starts.get(stored.appointment_id)
        instances = sorted(spans.occurrences(stored.object, wanted.within, zone, known))
        shown = wanted.window is None or any(spans.occurrences(stored.object, wanted.window, zone))
        if instances and shown:
            found.append((stored, [(b.replace(tzinfo=UTC), e.replace(tzinfo=UTC)) for b, e in instances]))
    return found


def taking_place(
    uow: UnitOfWork,
    practice_id: int,
    calendar_id: int,
    within: spans.Range,
    viewer: Viewer | None = None,
    around: Surroundings | None = None,
) -> list[tuple[StoredObject, spans.Placed]]:
    """What takes place in a calendar in a range, by instance, for the practice's own programs.

    Without a viewer nothing is hidden and nothing asked for; unconfirmed entries are there too. Instants
    are naive UTC; all-day entries count in the practice's zone. ``around`` as in ``load``.
    Raises ``NotFound`` for another practice's calendar.
    """
    if around is None:
        around = everything(uow, practice_id) if viewer is None else surroundings(uow, viewer)
    if calendar_id not in around.accesses:
        raise NotFound(f"no calendar {calendar_id} here")
    chosen = candidates.find(uow, practice_id, calendar_id, within, around.time_zone)
    found = []
    for stored in _load(uow, viewer, around, calendar_id, object_ids=chosen.object_ids):
        starts = chosen.starts.get(stored.appointment_id)
        for placed in spans.placed(stored.object, within, around.time_zone, starts):
            found.append((stored, placed))
    return sorted(found, key=lambda pair: (pair[1].start, pair[0].object_id))


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


def visible(uow: UnitOfWork, viewer: Viewer, calendar_id: int, around: Surroundings | None) -> Surroundings:
    """The viewer's surroundings, read unless given; ``NotFound`` if the calendar is not among them."""
    around = around or surroundings(uow, viewer)
    if calendar_id not in around.accesses:
        raise NotFound(f"no calendar {calendar_id} for this viewer")
    return around


def _load(
    uow: UnitOfWork,
    viewer: Viewer | None,
    around: Surroundings,
    calendar_id: int,
    *,
    hrefs: Iterable[str] | None = None,
    object_ids: Iterable[int] | None = None,
) -> list[StoredObject]:
    parameters: dict[str, Any] = {
        "practice": around.practice.id,
        "calendar": calendar_id,
        "staff": viewer.staff_id if viewer else 0,
    }
    if hrefs is not None:
        kind, parameters["hrefs"] = "hrefs", listed(uow.dialect, hrefs)
    elif object_ids is not None:
        kind, parameters["ids"] = "ids", listed(uow.dialect, object_ids)
    else:
        kind = "all"
    with translated_errors():
        rows = uow.connection.execute(objects_query(kind, uow.dialect), parameters).all()
        if not rows:
            return []
        overrides = uow.connection.execute(overrides_query(kind, uow.dialect), parameters).all()
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
    viewer: Viewer | None,
    around: Surroundings,
    calendar_id: int,
) -> StoredObject | None:
    object_id, href, uid, opaque, appointment_id, revision, personal, extra, owner = row[:OBJECT_COLUMNS]
    master = reader.read(row[OBJECT_COLUMNS:])
    if master.recurrence_id is not None:
        # an instance that lives in this calendar, its series in another: an entry of its own here
        master = replace(master, recurrence_id=None)
    seen = _is_seen(master, viewer)
    shown: Sequence[Appointment] = [master] if seen else []
    elsewhere: Iterable[datetime] = ()
    owners: Iterable[int | None] = (owner,)
    if override_rows:
        overrides, elsewhere, owners = _overrides(override_rows, reader, viewer, master, owner)
        if any(o.status is not Status.CANCELLED for o in overrides):
            shown = list(overrides) if _is_hollow(master) else [*shown, *overrides]
        else:
            shown = [*shown, *overrides] if seen else []
    if not shown:
        return None
    limits = [around.accesses.get(i) for i in owners if i is not None and i != calendar_id]
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


def _is_seen(entry: Appointment, viewer: Viewer | None) -> bool:
    if entry.status is Status.UNCONFIRMED:
        return viewer is None or entry.author_staff_id == viewer.staff_id
    return entry.status is not Status.CANCELLED


def _is_hollow(master: Appointment) -> bool:
    """The master the book makes for instances that came without one: it takes place never."""
    return not master.is_series and master.start in master.exdate


def _overrides(
    rows: Sequence[Sequence[Any]],
    reader: stored_rows.Reader,
    viewer: Viewer | None,
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
        _, own_owner, linked, linked_here = row[:OVERRIDE_COLUMNS]
        entry = reader.read(row[OVERRIDE_COLUMNS:])
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
