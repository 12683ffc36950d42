"""One event for Radicale: everything but the text is given, the text is rendered when somebody reads it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from radicale import item as radicale_item
from radicale.item import filter as radicale_filter

from radicale_practice.plugins.storage.kinds import CalendarView

_FIRST_DAY = datetime(2000, 1, 1, tzinfo=UTC)


class EventItem(radicale_item.Item):
    """An event, rendered lazily from loaded data; vobject parses it only if a filter needs that.

    Attributes are set here and not by the base class, whose constructor walks the collection's path in an
    assertion for each of 10,000 items.
    """

    def __init__(
        self,
        collection: CalendarView,
        href: str,
        uid: str,
        etag: str,
        revision: int,
        render: Callable[[], str] | None,
    ) -> None:
        self._calendar: CalendarView = collection
        self.collection: Any = collection
        self.href = self._href = href
        self.last_modified = http_date(revision)
        self._collection_path = collection.path
        self._render = render
        self._text = None
        self._vobject_item = None
        self._etag = etag
        # vobject cuts a UID at a comma, and Radicale compares with vobject's reading: let it read ours.
        self._uid = None if any(c in uid for c in ",;\\") and render is not None else uid
        self._name = "VCALENDAR"
        self._component_name = "VEVENT"
        self._time_range = (radicale_filter.TIMESTAMP_MIN, radicale_filter.TIMESTAMP_MAX)

    @property
    def calendar(self) -> CalendarView:
        """The calendar this event was found in."""
        return self._calendar

    @property
    def name_in_calendar(self) -> str:
        """The resource's name."""
        return self._href

    def serialize(self) -> str:
        """The event's text; "" where the request asked for no content and none was loaded.

        Radicale calls this even for a REPORT of ``getetag`` alone.
        """
        if self._text is None:
            self._text = self._render() if self._render is not None else ""
        return self._text

    @property
    def vobject_item(self) -> Any:
        """The parsed text, for filters and expansion."""
        self.serialize()
        return super().vobject_item


def http_date(revision: int) -> str:
    """A Last-Modified that moves exactly when the revision does.

    The tables keep no instant of the last change (a foreign program's statement leaves none), and one
    made at read time would differ at each read.
    """
    moment = _FIRST_DAY + timedelta(seconds=revision % 2_000_000_000)
    return format_datetime(moment, usegmt=True)
