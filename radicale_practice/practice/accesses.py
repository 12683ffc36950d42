"""What a member of staff may do with each calendar of the practice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, select

from radicale_practice.practice import zones
from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.errors import NotFound
from radicale_practice.practice.model import Access, CalendarKind, Role, Viewer
from radicale_practice.practice.schema.practice_tables import calendar, calendar_access, practice


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What reading any object needs beside it: one statement a request.

    ``time_zone`` is the practice's, valid in any case; ``rooms`` are the names of all rooms by calendar id;
    ``calendars`` are the rows of all calendars of the practice, inactive ones too, by id.
    """

    practice_id: int
    accesses: Mapping[int, Access]
    rooms: Mapping[int, str]
    time_zone: str
    practice_name: str
    calendars: Sequence[Any]


@lru_cache(maxsize=1)
def _of_practice() -> Select[Any]:
    return _query().where(practice.c.id == bindparam("practice"))


@lru_cache(maxsize=1)
def _of_calendar() -> Select[Any]:
    its_practice = select(calendar.c.practice_id).where(calendar.c.id == bindparam("calendar"))
    return _query().where(practice.c.id == its_practice.scalar_subquery())


def _query() -> Select[Any]:
    mine = and_(
        calendar_access.c.calendar_id == calendar.c.id, calendar_access.c.staff_id == bindparam("staff")
    )
    return (
        select(
            practice.c.id.label("practice_id"),
            practice.c.time_zone,
            practice.c.name.label("practice_name"),
            calendar.c.id,
            calendar.c.public_id,
            calendar.c.kind,
            calendar.c.staff_id,
            calendar.c.name,
            calendar.c.color,
            calendar.c.sort_order,
            calendar.c.active,
            calendar_access.c.access,
        )
        .select_from(practice)
        .outerjoin(calendar, calendar.c.practice_id == practice.c.id)
        .outerjoin(calendar_access, mine)
        .order_by(calendar.c.id)
    )


def surroundings(uow: UnitOfWork, viewer: Viewer) -> Surroundings:
    """The viewer's accesses, the practice's rooms and time zone. One statement."""
    parameters = {"practice": viewer.practice_id, "staff": viewer.staff_id}
    with translated_errors():
        rows = uow.connection.execute(_of_practice(), parameters).all()
    accesses: dict[int, Access] = {}
    for row in rows:
        access = _access(viewer, row.kind, row.staff_id, row.access) if row.active else None
        if access is not None:
            accesses[row.id] = access
    return _surroundings(viewer.practice_id, accesses, rows)


def everything(uow: UnitOfWork, practice_id: int) -> Surroundings:
    """Surroundings without a viewer, for the practice's own programs: write on every calendar."""
    with translated_errors():
        rows = uow.connection.execute(_of_practice(), {"practice": practice_id, "staff": 0}).all()
    return _surroundings(practice_id, {row.id: Access.WRITE for row in rows if row.id is not None}, rows)


def everything_around(uow: UnitOfWork, calendar_id: int) -> Surroundings:
    """As ``everything``, of the practice that a calendar belongs to. Raises ``NotFound``."""
    with translated_errors():
        rows = uow.connection.execute(_of_calendar(), {"calendar": calendar_id, "staff": 0}).all()
    if not rows:
        raise NotFound(f"no calendar {calendar_id}")
    return _surroundings(rows[0].practice_id, {row.id: Access.WRITE for row in rows}, rows)


def _surroundings(practice_id: int, accesses: dict[int, Access], rows: Sequence[Any]) -> Surroundings:
    """From rows of ``_query``: a practice without calendars has one, without an id."""
    known = [row for row in rows if row.id is not None]
    return Surroundings(
        practice_id,
        accesses,
        {row.id: row.name for row in known if row.kind == CalendarKind.ROOM},
        (zones.canonical(rows[0].time_zone) if rows else None) or zones.FALLBACK,
        rows[0].practice_name if rows else "",
        known,
    )


def access_map(uow: UnitOfWork, viewer: Viewer) -> dict[int, Access]:
    """The viewer's access to each active calendar of the practice he may see, by calendar id.

    A row of ``calendar_access`` decides; without one: write on the own calendars, for receptionists on
    all practitioners' and rooms' calendars too (future ones included), busy on them for practitioners. The
    viewer's ``permission`` limits all of them.
    """
    return dict(surroundings(uow, viewer).accesses)


def limited(access: Access, limits: Iterable[Access | None]) -> Access:
    """The least of several accesses; a calendar that one may not see at all (None) counts as busy."""
    for limit in limits:
        least = limit or Access.BUSY
        if least.rank < access.rank:
            access = least
    return access


def _access(viewer: Viewer, kind: str, staff_id: int | None, granted: str | None) -> Access | None:
    own = staff_id is not None and staff_id == viewer.staff_id
    access: Access | None = None
    if own and kind == CalendarKind.PRIVATE:
        access = Access.WRITE
    elif granted in ("busy", "read", "write"):
        access = Access(granted)
    elif own or kind != CalendarKind.PRIVATE and viewer.role is Role.RECEPTIONIST:
        access = Access.WRITE
    elif kind != CalendarKind.PRIVATE and viewer.role is Role.PRACTITIONER:
        access = Access.BUSY
    return None if access is None else limited(access, [viewer.permission])
