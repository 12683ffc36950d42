"""Responses for many events of one calendar from one template."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from radicale_practice.plugins import naming, reading, xml
from radicale_practice.plugins.home import Home
from radicale_practice.plugins.storage.item import http_date
from radicale_practice.practice.calendars import CalendarInfo
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.sync.revisions import CalendarState, ObjectState

ALLPROP = ("D:resourcetype", "D:getetag", "D:getcontenttype", "D:getcontentlength", "D:getlastmodified")
"""What ``allprop`` means for an event."""

DATA = xml.clark("C:calendar-data")
_ETAG = xml.clark("D:getetag")
_LENGTH = xml.clark("D:getcontentlength")
_DATE = xml.clark("D:getlastmodified")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")
"""Most names need no escaping; to find that out costs half of ``quote``, for each of 10,000 events."""

_OWN = (_ETAG, _LENGTH, _DATE, DATA)


Render = Callable[[Home, CalendarInfo, StoredObject], str]


class Template:
    """A ``D:response`` with holes for name, ETag, date, size and text.

    ``prefix``: the calendar's absolute path; ``tags``: what was asked; ``table``: what all events share;
    ``render``: what makes an event's text.
    """

    def __init__(
        self,
        prefix: str,
        tags: Sequence[str],
        table: Mapping[str, Callable[[], str | None]],
        names_only: bool = False,
        render: Render = reading.text,
    ) -> None:
        self._render = render
        self._start = f"<D:response><D:href>{quote(prefix)}"
        self._holes: list[tuple[str, str]] = []
        literal = "</D:href>"
        missing = []
        found = False
        for tag in tags:
            if tag in _OWN and not names_only:
                opening, closing = xml.element(tag, "\0").split("\0")
                literal += opening if found else f"<D:propstat><D:prop>{opening}"
                self._holes.append((literal, tag))
                literal, found = closing, True
                continue
            value = table[tag]() if tag in table else ("" if tag in _OWN else None)
            if value is None:
                missing.append(tag)
                continue
            inner = xml.element(tag, "" if names_only else value)
            literal += inner if found else f"<D:propstat><D:prop>{inner}"
            found = True
        if found:
            literal += f"</D:prop><D:status>{xml.STATUS[200]}</D:status></D:propstat>"
        if missing:
            literal += xml.propstat(404, "".join(map(xml.element, missing)))
        if not found and not missing:
            literal += f"<D:status>{xml.STATUS[200]}</D:status>"
        self._end = literal + "</D:response>"
        self.needs_text = any(tag in (DATA, _LENGTH) for _, tag in self._holes)

    def of(
        self, home: Home, info: CalendarInfo, state: CalendarState, known: StoredObject | ObjectState
    ) -> str:
        """The response for one event; content is rendered only if the template has room for it."""
        name = naming.href(home, info, known)
        parts = [self._start, name if _UNRESERVED.fullmatch(name) else quote(name)]
        content: str | None = None
        for literal, tag in self._holes:
            parts.append(literal)
            if tag == _ETAG:
                parts.append(reading.etag(home, state, known.revision, known.personal_revision))
            elif tag == _DATE:
                parts.append(http_date(known.revision))
            else:
                if content is None:
                    assert isinstance(known, StoredObject)
                    content = self._render(home, info, known)
                parts.append(xml.text(content) if tag == DATA else str(len(content.encode())))
        parts.append(self._end)
        return "".join(parts)
