"""PUT and DELETE under stock Radicale.

Stock knows no refusal of one event: it answers "done", and the event comes back changed at the next sync.
What was not stored word for word gets an ETag that no read returns.
"""

from __future__ import annotations

from contextlib import suppress

from radicale_practice.event.calendar_text import uid_of
from radicale_practice.event.errors import InvalidCalendarData, UnsupportedComponent
from radicale_practice.plugins import request, writing
from radicale_practice.plugins.storage.item import EventItem
from radicale_practice.plugins.storage.kinds import CalendarView
from radicale_practice.practice.errors import Conflict, NotPermitted
from radicale_practice.practice.sync import identities

FORBIDDEN = "[Errno 13] "
"""Stock Radicale answers 403 to a ``ValueError`` with this text, 400 to any other."""


def upload(calendar: CalendarView, href: str) -> tuple[EventItem, EventItem | None]:
    """Take over the request's own bytes as ``href``. Raises ``ValueError`` as Radicale wants it."""
    current = calendar.stored(href)
    try:
        written = writing.put(
            calendar.unit, calendar.home, calendar.info, href, request.current().data, current
        )
    except (NotPermitted, UnsupportedComponent) as error:
        raise ValueError(f"{FORBIDDEN}{type(error).__name__}") from error
    except Conflict as error:
        raise ValueError(f"{type(error).__name__}") from error
    etag = written.etag if written.exact and written.etag is not None else written.etag_of_the_past
    former = calendar.item(current) if current is not None else None
    return EventItem(calendar, href, href, etag, 0, None), former


def delete(calendar: CalendarView, href: str | None) -> None:
    """Cancel an event, or delete a private calendar; one that may not be deleted comes back."""
    if href is None:
        with suppress(NotPermitted):
            writing.remove_calendar(calendar.unit, calendar.home, calendar.info)
        return
    stored = calendar.stored(href)
    if stored is not None:
        writing.cancel(calendar.unit, calendar.home, calendar.info, stored)


def has_uid(calendar: CalendarView, uid: str) -> bool:
    """Whether another resource has the UID.

    Radicale asks with vobject's reading of it (``UID:a,b`` is "a" there): the bytes are asked instead.
    """
    current = request.current()
    try:
        real = uid_of(current.data) if current.method == "PUT" else uid
    except InvalidCalendarData:
        return False
    return identities.by_uid(calendar.unit, calendar.info.id, real) is not None
