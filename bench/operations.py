"""What is measured: the requests that phones and programs send."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape

from bench import content
from bench.client import Answer, Client

ONE_HUNDREDTH = 0.01
LESS = 1.0

_DAV = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:S="http://calendarserver.org/ns/"'
POLL = f"<propfind {_DAV}><prop><S:getctag/><sync-token/></prop></propfind>"
LISTING = f"<propfind {_DAV}><prop><getcontenttype/><getetag/></prop></propfind>"
SYNC = (
    f"<sync-collection {_DAV}><sync-token>%s</sync-token><sync-level>1</sync-level>"
    "<prop><getetag/></prop></sync-collection>"
)
MULTIGET = f"<C:calendar-multiget {_DAV}><prop><getetag/><C:calendar-data/></prop>%s</C:calendar-multiget>"
WEEK = (
    f'<C:calendar-query {_DAV}><prop><getetag/></prop><C:filter><C:comp-filter name="VCALENDAR">'
    '<C:comp-filter name="VEVENT"><C:time-range start="%s" end="%s"/></C:comp-filter></C:comp-filter>'
    "</C:filter></C:calendar-query>"
)


@dataclass
class Side:
    """One server under measurement and what its clients know of it."""

    name: str
    port: int
    place: content.Place
    hrefs: list[str] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    chance: random.Random = field(default_factory=lambda: random.Random(4711))

    def client(self) -> Client:
        """A new client of this server."""
        return Client(self.port, content.USER, content.PASSWORD)


class Session:
    """One client with its token and the event it writes to."""

    def __init__(self, side: Side):
        self.side = side
        self.client = side.client()
        self.token = ""
        self.uid = ""
        self.etag = ""

    @property
    def path(self) -> str:
        """The calendar's path."""
        return self.side.place.calendar

    def sync(self, token: str) -> Answer:
        """One sync-collection report; keeps the new token."""
        answer = self.client.request("REPORT", self.path, SYNC % token)
        found = re.search(rb"<(?:\w+:)?sync-token>([^<]*)<", answer.body)
        self.token = unescape(found.group(1).decode()) if found else ""
        return answer

    def put_new(self) -> Answer:
        """PUT an event that was not there."""
        number = next(self.side.numbers)
        self.uid = f"bench-{number}"
        start = content.FIRST_DAY + timedelta(days=600, minutes=number)
        text = content.event(self.uid, "Team", start)
        answer = self._put(text, 201, If_None_Match="*")
        self.etag = answer.etag
        return answer

    def put_changed(self) -> Answer:
        """PUT another text over the event of the last ``put_new``."""
        number = next(self.side.numbers)
        start = content.FIRST_DAY + timedelta(days=700, minutes=number)
        text = content.event(self.uid, f"Team {number}", start)
        answer = self._put(text, 204, If_Match=self.etag)
        self.etag = answer.etag
        return answer

    def delete(self) -> Answer:
        """DELETE the event of the last ``put_new``."""
        return self.client.request("DELETE", f"{self.path}{self.uid}.ics", expected=self.deleted_status)

    @property
    def deleted_status(self) -> int:
        """Stock Radicale answers a DELETE with 200 and XML, ours with 204."""
        return 200 if self.side.name == "stock" else 204

    def _put(self, text: str, expected: int, **headers: str) -> Answer:
        return self.client.request(
            "PUT",
            f"{self.path}{self.uid}.ics",
            text,
            expected,
            Content_Type="text/calendar; charset=utf-8",
            **headers,
        )


@dataclass(frozen=True)
class Operation:
    """A measured request; ``prepare`` is not measured. ``limit``: our time over stock's."""

    name: str
    run: Callable[[Session], Answer]
    limit: float = LESS
    prepare: Callable[[Session], object] = lambda session: None
    members: int | None = None
    """How many members the answer lists; checked once, None for any number."""

    @property
    def shared_preparation(self) -> bool:
        """Whether one client can prepare for all: true of listings, not of an event that is written to."""
        return self.run not in (Session.put_changed, Session.delete)


def _multiget(session: Session) -> Answer:
    chosen = session.side.chance.sample(session.side.hrefs, 50)
    lines = "".join(f"<href>{session.path}{href}</href>" for href in chosen)
    return session.client.request("REPORT", session.path, MULTIGET % lines, Depth="1")


def _week(count: int) -> Callable[[Session], Answer]:
    body = WEEK % tuple(f"{moment:%Y%m%dT%H%M%SZ}" for moment in content.week(count))
    return lambda session: session.client.request("REPORT", session.path, body, Depth="1")


def _change(session: Session) -> None:
    session.sync(session.token)
    other = Session(session.side)
    other.put_new()
    other.client.close()


def operations(count: int) -> list[Operation]:
    """All of them, for a calendar of ``count`` appointments (140, a week, at least)."""
    return [
        Operation(
            "poll",
            lambda s: s.client.request("PROPFIND", s.path, POLL, Depth="0"),
            ONE_HUNDREDTH,
        ),
        Operation(
            "sync unchanged",
            lambda s: s.sync(s.token),
            ONE_HUNDREDTH,
            lambda s: s.sync(s.token),
            members=0,
        ),
        Operation("sync after one change", lambda s: s.sync(s.token), ONE_HUNDREDTH, _change, members=1),
        Operation("one week", _week(count), ONE_HUNDREDTH, members=7 * content.A_DAY),
        Operation("multiget of 50", _multiget, members=50),
        Operation("first sync", lambda s: s.sync("")),
        Operation("PROPFIND 1", lambda s: s.client.request("PROPFIND", s.path, LISTING, Depth="1")),
        Operation("whole calendar", lambda s: s.client.request("GET", s.path, expected=200)),
        Operation("PUT new", Session.put_new),
        Operation("PUT changed", Session.put_changed, prepare=Session.put_new),
        Operation("DELETE", Session.delete, prepare=Session.put_new),
    ]


def members_in(answer: Answer) -> int:
    """How many responses a multistatus has."""
    return len(re.findall(rb"<(?:\w+:)?response>", answer.body))
