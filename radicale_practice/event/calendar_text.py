"""Whole calendar texts: the UID of an upload, many objects as one VCALENDAR."""

from __future__ import annotations

from collections.abc import Iterable

from radicale_practice.event.content_lines import fold_line, parse
from radicale_practice.event.errors import UnsupportedComponent
from radicale_practice.event.read_event import uid_value
from radicale_practice.event.render import PRODUCT
from radicale_practice.event.values import escape


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
        for block in _blocks(text, "VTIMEZONE"):
            key = next((line for line in block.split("\r\n") if line.startswith("TZID")), "")
            if len(block) > len(zones.get(key, "")):
                zones[key] = block
        events += _blocks(text, "VEVENT")
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", PRODUCT]
    if name:
        head.append(fold_line(f"X-WR-CALNAME:{escape(name)}"))
    return "\r\n".join([*head, ""]) + "".join(zones.values()) + "".join(events) + "END:VCALENDAR\r\n"


def _blocks(text: str, component: str) -> Iterable[str]:
    """The components of this name; a title may end like one, but no line begins inside of it."""
    begin, end = f"\r\nBEGIN:{component}\r\n", f"\r\nEND:{component}\r\n"
    start = text.find(begin)
    while start >= 0 and (stop := text.find(end, start)) >= 0:
        yield text[start + 2 : stop + len(end)]
        start = text.find(begin, stop + len(end) - 2)
