"""Expansion of series in reports (RFC 4791 9.6.5), and free-busy-query (7.10)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from http import client

from radicale_practice.event import expand
from radicale_practice.plugins import reading, replies, xml
from radicale_practice.plugins.call import Call
from radicale_practice.plugins.home import Home
from radicale_practice.plugins.replies import Reply
from radicale_practice.plugins.storage import filters
from radicale_practice.plugins.targets import Target
from radicale_practice.practice.calendars import CalendarInfo
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.series.spans import EARLIEST, LATEST, MOST, Range, make_range


class TooMany(Exception):  # noqa: N818 - an answer, not a failure
    """More instances than one reply may hold (``DAV:number-of-matches-within-limits``)."""


class Expansion:
    """Renders events as their instances in a range, up to a number of them in all."""

    def __init__(self, within: Range, most: int) -> None:
        self._within = within
        self._left = most

    def __call__(self, home: Home, info: CalendarInfo, stored: StoredObject) -> str:
        """The text of one event's instances. Raises ``TooMany``."""
        text, count = reading.expanded(home, info, stored, self._within)
        self._left -= count
        if self._left < 0 or count >= MOST:
            raise TooMany
        return text


def expansion_of(call: Call, document: ET.Element) -> Expansion | None:
    """What a report wants expanded; None if nothing. Raises ``BadFilter`` for a range that is none."""
    element = document.find(f".//{xml.clark('C:expand')}")
    return None if element is None else Expansion(_range_of(element), _most(call))


def free_busy(call: Call, document: ET.Element, target: Target, unit: UnitOfWork) -> Reply:
    """The busy times of one calendar: of each entry its time and nothing else.

    Raises ``TooMany``, ``BadFilter``.
    """
    assert target.info is not None
    element = document.find(xml.clark("C:time-range"))
    if element is None:
        raise filters.BadFilter("a free-busy-query without a time range")
    within = _range_of(element)
    home = call.home()
    busy: list[expand.Busy] = []
    for stored, spans in reading.in_range(unit, home, target.info, within.start, within.end):
        if len(spans) >= MOST or len(busy) > _most(call):
            raise TooMany
        busy += expand.busy_times(stored.object, home.practice.time_zone, within)
    text = expand.free_busy(busy, within)
    return client.OK, {"Content-Type": "text/calendar; charset=utf-8"}, text.encode(), None


def too_many() -> Reply:
    """The reply to a report that would hold too much."""
    return replies.failed(client.FORBIDDEN, "D:number-of-matches-within-limits")


def _range_of(element: ET.Element) -> Range:
    if not element.get("start") or not element.get("end"):
        raise filters.BadFilter("a range with an open end")
    span = filters.span_of(element)
    # The ends of the calendar are ends too: a range open at one side would name the first few only.
    return make_range(span.start or EARLIEST, span.end or LATEST)


def _most(call: Call) -> int:
    return int(call.application.configuration.get("reporting", "max_expand_occurrence"))
