"""Filters of calendar-query (RFC 4791 9.7) and what a request needs to load."""

from __future__ import annotations

import copy
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from defusedxml import ElementTree as SafeET
from radicale.app import report as radicale_report
from radicale.item import filter as radicale_filter

from radicale_practice.event.content_lines import unfolded
from radicale_practice.plugins import naming, reading, request, xml
from radicale_practice.plugins.storage.item import EventItem
from radicale_practice.plugins.storage.kinds import CalendarView
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.series.spans import EARLIEST, LATEST, make_range

_CONTENT_WORDS = (b"calendar-data", b"prop-filter", b"expand", b"getcontentlength", b"allprop", b"\0")
_COMP_FILTER = xml.clark("C:comp-filter")
_TIME_RANGE = xml.clark("C:time-range")
_PROP_FILTER = xml.clark("C:prop-filter")
_TEXT_MATCH = xml.clark("C:text-match")
_NOT_DEFINED = xml.clark("C:is-not-defined")
_TEXTS = frozenset({"CATEGORIES", "CLASS", "COMMENT", "DESCRIPTION", "LOCATION", "STATUS", "SUMMARY", "UID"})
"""Properties whose text stands in the event as vobject reads it, but for escapes."""
_EXPAND = xml.clark("C:expand")


class BadFilter(ValueError):
    """A filter or range that means nothing (RFC 4791 7.8, ``CALDAV:valid-filter``)."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time range in UTC; None is open."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plain:
    """A filter the database decides alone: events (or nothing), within a span or at any time."""

    events: bool = True
    span: Span | None = None


def needs_content(body: bytes, method: str) -> bool:
    """Whether a request can need the events' text; UTF-16 bodies (NUL bytes) are taken to need it."""
    if method not in ("PROPFIND", "REPORT"):
        return True
    return (method == "PROPFIND" and not body) or any(word in body for word in _CONTENT_WORDS)


def span_of(element: ET.Element) -> Span:
    """The UTC span of a time-range or expand element. Raises ``BadFilter`` if it is malformed."""
    try:
        start, end = radicale_filter.parse_time_range(element)
    except ValueError as error:
        raise BadFilter("not a time range") from error
    if start >= end:
        raise BadFilter("a time range ends before it starts")
    return Span(
        None if start == radicale_filter.DATETIME_MIN else start,
        None if end == radicale_filter.DATETIME_MAX else end,
    )


def plain(filters: Sequence[ET.Element]) -> Plain | None:
    """The filter if it only names VEVENT and a time range; None if Radicale has to judge the text."""
    if not filters or (len(filters) == 1 and len(filters[0]) == 0):
        return Plain()
    if len(filters) > 1 or len(filters[0]) > 1:
        return None
    outer = filters[0][0]
    if outer.tag != _COMP_FILTER or outer.get("name", "").upper() != "VCALENDAR" or len(outer) > 1:
        return None
    if len(outer) == 0:
        return Plain()
    inner = outer[0]
    if inner.tag == _TIME_RANGE:
        return Plain(span=span_of(inner))
    if inner.tag != _COMP_FILTER:
        return None
    name = inner.get("name", "").upper()
    if name != "VEVENT":
        return None if inner.find(_NOT_DEFINED) is not None else Plain(events=False)
    if len(inner) == 0:
        return Plain()
    if len(inner) == 1 and inner[0].tag == _TIME_RANGE:
        return Plain(span=span_of(inner[0]))
    return None


def filtered(calendar: CalendarView, filters: Sequence[ET.Element]) -> Iterator[tuple[EventItem, bool]]:
    """Events for Radicale, and whether the filter is decided already.

    For an expanding report Radicale has taken the time range out of the filter: it is read from the body
    again, so that not the whole calendar is parsed.
    """
    judged = plain(filters)
    if judged is not None and not judged.events:
        return
    span = judged.span if judged is not None else _widest_span(filters)
    body = request.current().data
    if judged is None and b"expand" not in body:
        for stored in matching(calendar, filters):
            yield calendar.item(stored), True
        return
    if b"expand" in body:
        span = span or _span_in(body)
    decided = judged is not None
    if span is not None:
        for item in within(calendar, span):
            if decided or _may_match(item, filters):
                yield item, decided
    elif decided:
        for item in calendar.items():
            yield item, True
    else:
        for stored in _candidates(calendar, filters, None):
            item = calendar.item(stored)
            if _may_match(item, filters):
                yield item, False


def within(calendar: CalendarView, span: Span) -> Iterator[EventItem]:
    """The events that have an occurrence in a span, exactly (RFC 4791 9.9)."""
    return map(calendar.item, _candidates(calendar, (), span))


def _candidates(
    calendar: CalendarView, filters: Sequence[ET.Element], span: Span | None
) -> Iterator[StoredObject]:
    """The events of a span, or those that the filter's UIDs leave."""
    calendar.load_head()
    unit, home, info = calendar.unit, calendar.home, calendar.info
    if span is not None:
        return (stored for stored, _ in reading.in_range(unit, home, info, span.start, span.end))
    return iter(reading.contents(unit, home, info, _names(calendar, filters)))


def matching(calendar: CalendarView, filters: Sequence[ET.Element]) -> Iterator[StoredObject]:
    """The events that a filter beyond ``plain`` finds. Raises ``BadFilter`` for one that cannot be judged.

    The time ranges of events and alarms are decided here (vobject walks an endless series to the end of the
    calendar, minutes each), what the text says by Radicale. An event whose text Radicale cannot read is found
    if it may be meant: it must not hide, nor break, the others.
    """
    span, alarms = _widest_span(filters), _alarm_filters(filters)
    texts = [_without_decided(filter_, span is not None) for filter_ in filters]
    for stored in _candidates(calendar, filters, span):
        if not all(_alarm_matches(calendar, stored, alarm) for alarm in alarms):
            continue
        item = calendar.item(stored)
        if _may_match(item, filters) and (not _readable(item) or _judged(item, texts)):
            yield stored


def _alarm_filters(filters: Sequence[ET.Element]) -> list[ET.Element]:
    """What is asked of alarms, as far as it is decided here: whether there are any, and when they ring.

    Radicale finds no event by the mere existence of an alarm.
    """
    parts = (p for f in filters for p in f.iterfind(f"{_COMP_FILTER}/{_COMP_FILTER}/{_COMP_FILTER}"))
    return [part for part in parts if _is_decided(part)]


def _is_decided(part: ET.Element) -> bool:
    here = part.get("name", "").upper() == "VALARM" and len(part) < 2
    return here and all(child.tag in (_TIME_RANGE, _NOT_DEFINED) for child in part)


def _alarm_matches(calendar: CalendarView, stored: StoredObject, part: ET.Element) -> bool:
    home, info = calendar.home, calendar.info
    found = part.find(_TIME_RANGE)
    if found is not None:
        span = span_of(found)
        return reading.rings(home, info, stored, make_range(span.start or EARLIEST, span.end or LATEST))
    has_alarm = "\r\nBEGIN:VALARM\r\n" in reading.text(home, info, stored)
    return has_alarm is (part.find(_NOT_DEFINED) is None)


def _without_decided(filter_: ET.Element, span_is: bool) -> ET.Element:
    """The filter without what is decided here."""
    rest = copy.deepcopy(filter_)
    for inner in rest.iterfind(f"{_COMP_FILTER}/{_COMP_FILTER}"):
        for part in list(inner):
            if (span_is and part.tag == _TIME_RANGE) or (part.tag == _COMP_FILTER and _is_decided(part)):
                inner.remove(part)
    return rest


def _readable(item: EventItem) -> bool:
    try:
        return item.vobject_item is not None
    except Exception:  # noqa: BLE001 - vobject raises what it likes over what it cannot read
        return False


def _judged(item: EventItem, filters: Sequence[ET.Element]) -> bool:
    try:
        return all(radicale_report.test_filter("VCALENDAR", item, filter_) for filter_ in filters)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise BadFilter("a filter that cannot be judged") from error


def _conditions(filters: Sequence[ET.Element]) -> Iterator[tuple[str, str]]:
    """Property names that an event must have, with a text (lower case) that must occur in it, or "".

    Necessary conditions only: what passes is judged by Radicale, but vobject takes milliseconds a parse.
    """
    for outer in (child for filter_ in filters for child in filter_):
        for inner in outer:
            if inner.get("name", "").upper() != "VEVENT" or "anyof" in (outer.get("test"), inner.get("test")):
                continue
            for prop in inner.findall(_PROP_FILTER):
                if prop.find(_NOT_DEFINED) is not None or prop.get("test") == "anyof":
                    continue
                name = prop.get("name", "").upper()
                match = prop.find(_TEXT_MATCH)
                positive = match is not None and match.get("negate-condition") != "yes"
                text = next(match.itertext(), "") if match is not None and positive else ""
                yield name, text.lower() if name in _TEXTS else ""


def _names(calendar: CalendarView, filters: Sequence[ET.Element]) -> list[str] | None:
    """The names of events whose UID can match, if the filter asks for one; None for all.

    python's caldav asks so before each new event.
    """
    wanted = [text for name, text in _conditions(filters) if name == "UID" and text]
    if not wanted:
        return None
    home, info = calendar.home, calendar.info
    return [
        naming.href(home, info, known)
        for known in reading.identities(calendar.unit, home, info)
        if all(text in naming.uid(home, info, known).lower() for text in wanted)
    ]


def _may_match(item: EventItem, filters: Sequence[ET.Element]) -> bool:
    text = unfolded(item.serialize()).lower()
    plain_text = re.sub(r"\\([\\,;])", r"\1", text.replace("\\n", "\n"))
    return all(
        (f"\n{name.lower()}:" in text or f"\n{name.lower()};" in text) and wanted in plain_text
        for name, wanted in _conditions(filters)
    )


def _widest_span(filters: Sequence[ET.Element]) -> Span | None:
    """The time range of VEVENT beside other conditions: all must hold, so it narrows safely."""
    for outer in (child for filter_ in filters for child in filter_):
        for inner in outer:
            if inner.get("name", "").upper() == "VEVENT" and outer.get("test", "allof") == "allof":
                found = inner.find(_TIME_RANGE)
                if found is not None and inner.get("test", "allof") == "allof":
                    return span_of(found)
    return None


def _span_in(body: bytes) -> Span | None:
    root = SafeET.fromstring(body)
    for tag in (_TIME_RANGE, _EXPAND):
        found = root.find(f".//{tag}")
        if found is not None:
            return span_of(found)
    return None
