"""What a member of staff may do with each calendar of the practice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, select

from radicale_practice.practice import practices
from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.errors import NotFound
from radicale_practice.practice.model import Access, CalendarKind, Role, Viewer
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.schema.practice_tables import calendar, calendar_access, practice
from radicale_practice.practice.sync import revisions
from radicale_practice.practice.sync.revisions import CalendarState


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What reading any object needs beside it: one statement a request.

    ``rooms`` are the names of all rooms by calendar id; ``calendars`` are the rows of all calendars of the
    practice, inactive ones too, by id; ``states`` says how far each was for the viewer when this was read.
    """

    practice: Practice
    accesses: Mapping[int, Access]
    rooms: Mapping[int, str]
    calendars: Sequence[Any]
    states: Mapping[int, CalendarState]

    @property
    def time_zone(self) -> str:
        """The practice's, valid in any case."""
        return self.practice.time_zone


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
            *practices.COLUMNS,
            calendar.c.id,
            calendar.c.public_id,
            calendar.c.kind,
            calendar.c.staff_id,
            calendar.c.name,
            calendar.c.color,
            calendar.c.sort_order,
            calendar.c.active,
            calendar_access.c.access,
            *revisions.state_columns(),
        )
        .select_from(practice)
        .outerjoin(revisions.WITH_SYNC, calendar.c.practice_id == practice.c.id)
        .outerjoin(calendar_access, mine)
        .order_by(calendar.c.id)
    )


def surroundings(uow: UnitOfWork, viewer: Viewer) -> Surroundings:
    """The viewer's practice, its calendars and his accesses. One statement. Raises ``NotFound``."""
    parameters = {"practice": viewer.practice_id, "staff": viewer.staff_id}
    with translated_errors():
        rows = uow.connection.execute(_of_practice(), parameters).all()
    accesses: dict[int, Access] = {}
    for row in rows:
        access = _access(viewer, row.kind, row.staff_id, row.access) if row.active else None
        if access is not None:
            accesses[row.id] = access
    return _surroundings(accesses, rows)


def everything(uow: UnitOfWork, practice_id: int) -> Surroundings:
    """Surroundings without a viewer, for the practice's own programs: write on every calendar.

    Raises ``NotFound``.
    """
    with translated_errors():
        rows = uow.connection.execute(_of_practice(), {"practice": practice_id, "staff": 0}).all()
    return _surroundings({row.id: Access.WRITE for row in rows if row.id is not None}, rows)


def everything_around(uow: UnitOfWork, calendar_id: int) -> Surroundings:
    """As ``everything``, of the practice that a calendar belongs to. Raises ``NotFound``."""
    with translated_errors():
        rows = uow.connection.execute(_of_calendar(), {"calendar": calendar_id, "staff": 0}).all()
    return _surroundings({row.id: Access.WRITE for row in rows}, rows)


def _surroundings(accesses: dict[int, Access], rows: Sequence[Any]) -> Surroundings:
    """From rows of ``_query``: a practice without calendars has one, without an id."""
    if not rows:
        raise NotFound("no such practice or calendar")
    known = [row for row in rows if row.id is not None]
    rooms = {row.id: row.name for row in known if row.kind == CalendarKind.ROOM}
    states = {row.id: revisions.calendar_state(row.id, row) for row in known}
    return Surroundings(practices.of_row(rows[0]), accesses, rooms, known, states)


def access_map(uow: UnitOfWork, viewer: Viewer) -> dict[int, Access]:
    """The viewer's access to each active calendar of the practice he may see, by calendar id.

    A row of ``calendar_access`` decides; without one: write on the own calendars, for receptionists on
    all practitioners' and rooms' calendars too (future ones included), busy on them for practitioners. The
    viewer's ``permission`` limits all of them. Raises ``NotFound`` if there is no such practice.
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
