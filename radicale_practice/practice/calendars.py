"""Calendars: what a person sees in the home collection, who may do what, and private calendars."""

from __future__ import annotations

import colorsys
import re
import secrets
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, column, delete, func, insert, or_, select, table, update

from radicale_practice.practice import practices
from radicale_practice.practice.accesses import Surroundings, surroundings
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import InvalidValue, NotFound, NotPermitted
from radicale_practice.practice.model import Access, CalendarKind, Status, Viewer
from radicale_practice.practice.notices import attention_entry
from radicale_practice.practice.records import journal
from radicale_practice.practice.schema.practice_tables import (
    appointment_calendar,
    calendar,
    calendar_access,
    staff,
)
from radicale_practice.practice.schema.sync_tables import calendar_property

_PRACTICE_APPOINTMENT = table(
    "practice_appointment", column("id"), column("series_id"), column("status"), column("external_id")
)
"""The view that leaves private entries out (``triggers.made``)."""

PALETTE = (
    "#1F77B4FF",
    "#D95F02FF",
    "#2CA02CFF",
    "#9467BDFF",
    "#E7298AFF",
    "#17BECFFF",
    "#8C564BFF",
    "#BCBD22FF",
    "#D62728FF",
    "#66A61EFF",
    "#7570B3FF",
    "#A6761DFF",
)
"""First colours of a practice's calendars, ``#RRGGBBAA``."""

_PRIVATE_NAMES = {"de": "Privat", "en": "Private", "fr": "Privé", "it": "Privato", "es": "Privado"}

_TAGGED = re.compile(r"(.+)~[0-9a-f]{12}")
LONGEST_SEGMENT = 50
_LONGEST_COLOR = 32
_LONGEST_VALUE = 4096


@dataclass(frozen=True, slots=True)
class CalendarInfo:
    """One calendar as one person sees it. ``path_name`` is its segment under that person's home."""

    id: int
    public_id: str
    kind: CalendarKind
    name: str
    color: str
    sort_order: int
    staff_id: int | None
    access: Access
    path_name: str


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """One calendar of a practice, whoever looks. ``name`` is the plain one ("Anna Müller", "Room 1")."""

    id: int
    public_id: str
    kind: CalendarKind
    name: str
    color: str
    staff_id: int | None
    active: bool


def private_name(language: str) -> str:
    """What a person's own private calendar is called in a language."""
    return _PRIVATE_NAMES.get(language[:2], "Private")


def list_for(uow: UnitOfWork, viewer: Viewer) -> list[CalendarInfo]:
    """The calendars this person may see, own ones first; one statement.

    Practice calendars are called ``<practice> – <calendar>``. What the person's clients have set otherwise
    is in ``properties``.
    """
    return infos(surroundings(uow, viewer), viewer)


def infos(around: Surroundings, viewer: Viewer) -> list[CalendarInfo]:
    """As ``list_for``, of surroundings that were read already."""
    found = []
    for row in around.calendars:
        if row.id not in around.accesses:
            continue
        kind = CalendarKind(row.kind)
        own = row.staff_id == viewer.staff_id
        found.append(
            CalendarInfo(
                id=row.id,
                public_id=row.public_id,
                kind=kind,
                name=row.name if kind is CalendarKind.PRIVATE else f"{around.practice.name} – {row.name}",
                color=row.color or _color_number(row.id),
                sort_order=row.sort_order,
                staff_id=row.staff_id,
                access=around.accesses[row.id],
                path_name=_path_name(row.public_id, kind is CalendarKind.PRIVATE and own),
            )
        )
    ranks = {CalendarKind.PRACTITIONER: 0, CalendarKind.PRIVATE: 1, CalendarKind.ROOM: 2}
    found.sort(key=lambda i: (i.staff_id != viewer.staff_id, i.sort_order, ranks[i.kind], i.id))
    return found


@cache
def _properties() -> Select[Any]:
    """Built once: it runs in many requests."""
    return select(calendar_property).where(
        calendar_property.c.staff_id == bindparam("staff"),
        calendar_property.c.calendar_id.in_(bindparam("calendars", expanding=True)),
    )


def list_all(uow: UnitOfWork, practice_id: int, with_private: bool = False) -> list[CalendarRow]:
    """All calendars of a practice by id, inactive ones too; private ones only if asked for."""
    query = select(calendar).where(calendar.c.practice_id == practice_id).order_by(calendar.c.id)
    if not with_private:
        query = query.where(calendar.c.kind != CalendarKind.PRIVATE.value)
    return [_row(r) for r in uow.connection.execute(query)]


def find(uow: UnitOfWork, practice_id: int, name: str, active: bool = True) -> CalendarRow:
    """The calendar with this public id, name, or user name of its person: one that is shown, or (``active``
    False) one that was taken away. A private one has its public id alone.

    Raises ``NotFound``, also if a name fits more than one.
    """
    query = (
        select(calendar)
        .outerjoin(staff, staff.c.id == calendar.c.staff_id)
        .where(
            calendar.c.practice_id == practice_id,
            calendar.c.active.is_(active),
            (calendar.c.public_id == name)
            | (calendar.c.kind != CalendarKind.PRIVATE.value)
            & ((calendar.c.name == name) | (staff.c.user_name == name)),
        )
    )
    rows = uow.connection.execute(query.order_by(calendar.c.id)).all()
    if len(rows) != 1:
        raise NotFound("no such calendar" if not rows else "the name fits several calendars: give its id")
    return _row(rows[0])


def add(
    uow: UnitOfWork,
    practice_id: int,
    kind: CalendarKind,
    name: str,
    staff_id: int | None = None,
    color: str = "",
    public_id: str | None = None,
) -> CalendarRow:
    """Make a calendar; without ``color`` it gets one that no other calendar of the practice has.

    ``staff_id``: the person, needed unless it is a room. Raises ``InvalidValue``.
    """
    if not name.strip():
        raise InvalidValue("a calendar needs a name")
    if kind is not CalendarKind.ROOM and staff_id is None:
        raise InvalidValue("only a room's calendar has no person")
    values: dict[str, Any] = {
        "practice_id": practice_id,
        "kind": kind.value,
        "name": name.strip(),
        "staff_id": staff_id,
        "color": color or _free_color(uow, practice_id),
    }
    if public_id is not None:
        values["public_id"] = public_id
    added = _row(uow.connection.execute(insert(calendar).values(values).returning(calendar)).one())
    _record(uow, "calendar-add", practice_id, added)
    return added


def rename(uow: UnitOfWork, calendar_id: int, name: str) -> None:
    """Another name for a calendar. Raises ``InvalidValue`` if it is empty, ``NotFound``."""
    if not name.strip():
        raise InvalidValue("a calendar needs a name")
    _change(uow, "calendar-rename", calendar.c.id == calendar_id, name=name.strip())


def grant(uow: UnitOfWork, calendar_id: int, staff_id: int, access: Access) -> None:
    """Let a person of the same practice do this with the calendar, instead of what the role gives.

    Raises ``NotFound`` if calendar and person are not of one practice.
    """
    named = _named(uow, calendar_id, staff_id)
    values = {"calendar_id": calendar_id, "staff_id": staff_id, "access": access.value}
    keys = [calendar_access.c.calendar_id, calendar_access.c.staff_id]
    statement = uow.insert(calendar_access).values(values)
    uow.connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_={"access": access.value})
    )
    _record_access(uow, "access-grant", calendar_id, staff_id, named, access)


def revoke(uow: UnitOfWork, calendar_id: int, staff_id: int) -> bool:
    """Take a grant back: what the role gives counts again. Returns whether there was a grant."""
    deleted = uow.connection.execute(
        delete(calendar_access)
        .where(calendar_access.c.calendar_id == calendar_id, calendar_access.c.staff_id == staff_id)
        .returning(calendar_access.c.access)
    ).scalar_one_or_none()
    if deleted is None:
        return False
    named = _named(uow, calendar_id, staff_id)
    _record_access(uow, "access-revoke", calendar_id, staff_id, named, Access(deleted))
    return True


def create_private(
    uow: UnitOfWork, viewer: Viewer, segment: str, displayname: str = "", color: str = ""
) -> CalendarInfo:
    """A private calendar of the viewer at ``/<user>/<segment>/`` (MKCALENDAR, RFC 4791 5.3.1).

    ``segment`` is percent-decoded. Raises ``NotPermitted`` if the practice wants no private calendars,
    ``InvalidValue`` if the segment or the colour is unfit; that the path is free is the caller's check.
    """
    practice = practices.get(uow, viewer.practice_id)
    if not practice.settings.private_calendars:
        raise NotPermitted("private calendars are switched off in this practice")
    row = add(
        uow,
        viewer.practice_id,
        CalendarKind.PRIVATE,
        displayname.strip() or private_name(practice.language),
        staff_id=viewer.staff_id,
        color=_checked_color(color),
        public_id=_public_id_for(uow, _checked_segment(segment)),
    )
    return CalendarInfo(
        id=row.id,
        public_id=row.public_id,
        kind=row.kind,
        name=row.name,
        color=row.color,
        sort_order=0,
        staff_id=row.staff_id,
        access=Access.WRITE,
        path_name=_path_name(row.public_id, True),
    )


def delete_private(uow: UnitOfWork, viewer: Viewer, calendar_id: int) -> None:
    """Take the viewer's own private calendar away. The rows stay; the path is free again.

    Raises ``NotPermitted`` for any other calendar, and while something of the practice's is booked in it.
    """
    if _holds_appointments(uow, calendar_id):
        raise NotPermitted("a calendar that holds the practice's appointments is not deleted")
    mine = (
        (calendar.c.id == calendar_id)
        & (calendar.c.kind == CalendarKind.PRIVATE.value)
        & (calendar.c.staff_id == viewer.staff_id)
    )
    try:
        _change(
            uow,
            "calendar-deactivate",
            mine & calendar.c.active,
            active=False,
            public_id=secrets.token_hex(16),
        )
    except NotFound:
        raise NotPermitted("only one's own private calendar can be deleted") from None
    attention_entry.leave(uow, viewer.practice_id, viewer.staff_id, calendar_id)


def _holds_appointments(uow: UnitOfWork, calendar_id: int) -> bool:
    """Whether a patient's appointment, or an entry of a practice program, is in a private calendar.

    It would go out of everybody's sight and still be booked.
    """
    link, its = appointment_calendar.c, _PRACTICE_APPOINTMENT.c
    found = (
        select(its.id)
        .join(appointment_calendar, or_(its.id == link.appointment_id, its.series_id == link.appointment_id))
        .where(
            link.calendar_id == calendar_id,
            its.status != Status.CANCELLED.value,
            func.coalesce(its.external_id, "").not_like(f"{attention_entry.PREFIX}%"),
        )
    )
    return uow.connection.execute(found.limit(1)).first() is not None


def deactivate(uow: UnitOfWork, calendar_id: int) -> None:
    """Show a calendar to nobody any more; its appointments stay. Raises ``NotFound``."""
    _change(uow, "calendar-deactivate", calendar.c.id == calendar_id, active=False)


def activate(uow: UnitOfWork, calendar_id: int) -> None:
    """Undo ``deactivate``, for a practitioner's or a room's calendar. Raises ``NotFound``."""
    which = and_(calendar.c.id == calendar_id, calendar.c.kind != CalendarKind.PRIVATE.value)
    _change(uow, "calendar-activate", which, active=True)


def properties(uow: UnitOfWork, calendar_ids: Collection[int], staff_id: int) -> dict[int, dict[str, str]]:
    """What this person's clients have set on these calendars, by calendar id; one statement."""
    found: dict[int, dict[str, str]] = {calendar_id: {} for calendar_id in calendar_ids}
    if not found:
        return found
    for row in uow.connection.execute(_properties(), {"staff": staff_id, "calendars": list(found)}):
        found[row.calendar_id][row.name] = row.value
    return found


def set_properties(
    uow: UnitOfWork,
    calendar_id: int,
    staff_id: int,
    values: Mapping[str, str | None],
    served: Mapping[str, str] | None = None,
) -> None:
    """Keep what a person's client sets on a calendar, for that person alone; None takes it away.

    ``served``: what we serve by default, by name: an equal value is no override, so that the practice's
    later change still shows. Raises ``InvalidValue`` if a name or value is too long.
    """
    served = served or {}
    if any(len(n) > 255 or len(v or "") > _LONGEST_VALUE or "\0" in (v or "") for n, v in values.items()):
        raise InvalidValue("a calendar property is too long")
    if not values:
        return
    uow.connection.execute(
        delete(calendar_property).where(
            calendar_property.c.calendar_id == calendar_id,
            calendar_property.c.staff_id == staff_id,
            calendar_property.c.name.in_(list(values)),
        )
    )
    kept = [
        {"calendar_id": calendar_id, "staff_id": staff_id, "name": name, "value": value}
        for name, value in values.items()
        if value is not None and served.get(name) != value
    ]
    if kept:
        uow.connection.execute(insert(calendar_property), kept)


def _row(row: Any) -> CalendarRow:
    return CalendarRow(
        id=row.id,
        public_id=row.public_id,
        kind=CalendarKind(row.kind),
        name=row.name,
        color=row.color or _color_number(row.id),
        staff_id=row.staff_id,
        active=bool(row.active),
    )


def _path_name(public_id: str, own_private: bool) -> str:
    """The segment that the person's client chose, if somebody else had it before."""
    tagged = _TAGGED.fullmatch(public_id) if own_private else None
    return tagged[1] if tagged else public_id


def _checked_segment(segment: str) -> str:
    name = unicodedata.normalize("NFC", segment)
    if not 0 < len(name) <= LONGEST_SEGMENT or name[0] in ". " or name[-1] in ". ":
        raise InvalidValue(f"a calendar's address has 1 to {LONGEST_SEGMENT} characters, no dots at its ends")
    if any(c in '/\\%?#:*"<>|' or unicodedata.category(c)[0] == "C" for c in name):
        raise InvalidValue("a calendar's address has no special and no control characters")
    return name


def _public_id_for(uow: UnitOfWork, segment: str) -> str:
    """Public ids are unique in the installation, paths only in a home: a taken one gets a hidden tag."""
    taken = select(calendar.c.id).where(calendar.c.public_id == segment)
    if _TAGGED.fullmatch(segment) is None and uow.connection.execute(taken).first() is None:
        return segment
    return f"{segment}~{secrets.token_hex(6)}"


def _checked_color(color: str) -> str:
    if color and (len(color) > _LONGEST_COLOR or not re.fullmatch(r"#?\w+", color)):
        raise InvalidValue("a colour is written #RRGGBB or #RRGGBBAA")
    return color


def _change(uow: UnitOfWork, action: str, which: Any, **values: Any) -> None:
    changing = update(calendar).where(which).values(values).returning(calendar)
    row = uow.connection.execute(changing).one_or_none()
    if row is None:
        raise NotFound("no such calendar")
    _record(uow, action, row.practice_id, _row(row))


def _record(uow: UnitOfWork, action: str, practice_id: int, row: CalendarRow) -> None:
    """Journal what was done to a calendar; a private one's name is its person's own affair."""
    private = row.kind is CalendarKind.PRIVATE
    after = {"kind": row.kind.value} | ({} if private else {"name": row.name})
    journal.write(uow, action, practice_id=practice_id, calendar_id=row.id, private=private, after=after)


def _record_access(
    uow: UnitOfWork, action: str, calendar_id: int, staff_id: int, named: Any, access: Access
) -> None:
    after = {"name": named.name, "staff_id": staff_id, "user_name": named.user_name, "access": access.value}
    journal.write(uow, action, practice_id=named.practice_id, calendar_id=calendar_id, after=after)


def _named(uow: UnitOfWork, calendar_id: int, staff_id: int) -> Any:
    """The names of a calendar and a person of the same practice, for the journal."""
    query = (
        select(calendar.c.practice_id, calendar.c.name, staff.c.user_name)
        .join(staff, staff.c.practice_id == calendar.c.practice_id)
        .where(calendar.c.id == calendar_id, staff.c.id == staff_id)
    )
    row = uow.connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("calendar and person are not of one practice")
    return row


def _free_color(uow: UnitOfWork, practice_id: int) -> str:
    query = select(calendar.c.color).where(calendar.c.practice_id == practice_id)
    used = set(uow.connection.execute(query).scalars())
    number = 0
    while _color_number(number) in used:
        number += 1
    return _color_number(number)


def _color_number(number: int) -> str:
    """The palette first, then hues spread by the golden ratio."""
    if number < len(PALETTE):
        return PALETTE[number]
    rgb = colorsys.hls_to_rgb(number * 0.618033988749895 % 1.0, 0.42, 0.62)
    return "#" + "".join(f"{round(part * 255):02X}" for part in rgb) + "FF"
