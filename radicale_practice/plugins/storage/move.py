"""MOVE under stock Radicale."""

from __future__ import annotations

from radicale_practice.plugins import writing
from radicale_practice.plugins.storage.item import EventItem
from radicale_practice.plugins.storage.kinds import CalendarView
from radicale_practice.plugins.storage.upload import FORBIDDEN
from radicale_practice.practice.errors import Conflict, NotPermitted


def move(item: EventItem, target: CalendarView, to_href: str) -> None:
    """Move an event to another name or calendar. Raises ``ValueError`` as Radicale wants it."""
    source = item.calendar
    stored = source.stored(item.name_in_calendar)
    if stored is None:
        raise ValueError("the event is gone")
    if source.info.id == target.info.id and item.name_in_calendar == to_href:
        return
    overwritten = target.stored(to_href)
    try:
        writing.move(source.unit, source.home, source.info, stored, target.info, to_href, overwritten)
    except NotPermitted as error:
        raise ValueError(f"{FORBIDDEN}{type(error).__name__}") from error
    except Conflict as error:
        raise ValueError(type(error).__name__) from error
