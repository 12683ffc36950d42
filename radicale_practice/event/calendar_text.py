"""Whole calendar texts: the UID of an upload, many objects as one VCALENDAR."""

from __future__ import annotations

from collections.abc import Iterable

from radicale_practice.event.content_lines import fold_line, parse
from radicale_practice.event.errors import UnsupportedComponent
from radicale_practice.event.read_event import uid_value
from radicale_practice.event.render import PRODUCT
from radicale_practice.event.values import escape

_BEGIN_ZONE, _END_ZONE = "BEGIN:VTIMEZONE\r\n", "END:VTIMEZONE\r\n"
_BEGIN_EVENT, _END_EVENT = "BEGIN:VEVENT\r\n", "END:VEVENT\r\n"


def uid_of(data: bytes) -> str:
    """The UID as it stands in the bytes of an upload. Raises ``InvalidCalendarData``."""
    for component in parse(data).components:
        if component.name != "VTIMEZONE":
            return uid_value(component)
    raise UnsupportedComponent("no VEVENT")


def calendar_of(objects: Iterable[str], name: str = "") -> str:
    """One VCALENDAR of many rendered ones, for a GET of the whole calendar.

    ``objects``: texts made by ``render``; ``name``: the calendar's, as X-WR-CALNAME. One VTIMEZONE a
    zone: the longest, since ours of an earlier year covers more.
    """
    zones: dict[str, str] = {}
    events: list[str] = []
    for text in objects:
        for block in _blocks(text, _BEGIN_ZONE, _END_ZONE):
            key = next((line for line in block.split("\r\n") if line.startswith("TZID")), "")
            if len(block) > len(zones.get(key, "")):
                zones[key] = block
        events += _blocks(text, _BEGIN_EVENT, _END_EVENT)
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", PRODUCT]
    if name:
        head.append(fold_line(f"X-WR-CALNAME:{escape(name)}"))
    return "\r\n".join([*head, ""]) + "".join(zones.values()) + "".join(events) + "END:VCALENDAR\r\n"


def _blocks(text: str, begin: str, end: str) -> Iterable[str]:
    start = text.find(begin)
    while start >= 0:
        stop = text.find(end, start)
        if stop < 0:
            return
        yield text[start : stop + len(end)]
        start = text.find(begin, stop)


__all__ = ["calendar_of", "uid_of"]
