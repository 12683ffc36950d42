"""SQL statements of each request: bounded by a constant, and failing in turn, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from radicale_practice.plugins import configuration
from radicale_practice.plugins.databases import database_of
from radicale_practice.practice.model import CalendarKind
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, Answer, Client, House, event

TABLES = (
    "appointment",
    "appointment_calendar",
    "attention",
    "calendar",
    "calendar_object",
    "calendar_property",
    "event_extra",
    "journal",
    "object_change",
    "personal_extra",
)


@dataclass
class Meter:
    """Counts statements; lets the one with number ``failing`` (from 1) fail as if the server had gone."""

    statements: list[str] = field(default_factory=list)
    failing: int = 0

    def __call__(self, conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        self.statements.append(statement)
        if len(self.statements) == self.failing:
            raise OperationalError("gone", None, Exception("server closed the connection"))


@contextmanager
def metered(url: str, failing: int = 0) -> Iterator[Meter]:
    """Watch the application's engine."""
    engine = database_of(configuration.load(None, url)).engine
    meter = Meter(failing=failing)
    sqlalchemy_event.listen(engine, "before_cursor_execute", meter)
    try:
        yield meter
    finally:
        sqlalchemy_event.remove(engine, "before_cursor_execute", meter)


def state(house: House) -> dict[str, list[tuple[object, ...]]]:
    """All rows that a write can touch."""
    with house.database.read() as uow:
        return {
            table: sorted(
                (tuple(row) for row in uow.connection.execute(text(f"SELECT * FROM {table}"))), key=repr
            )
            for table in TABLES
        }


WEEK = (
    '<C:comp-filter name="VEVENT"><C:time-range start="20270104T000000Z" end="20270111T000000Z"/>'
    "</C:comp-filter>"
)
OPEN = '<C:comp-filter name="VEVENT"><C:time-range start="20270104T000000Z"/></C:comp-filter>'
TITLE = '<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"/></C:comp-filter>'
FULL = "D:getetag C:calendar-data"

READS: dict[str, Callable[[Client, str], Answer]] = {
    "root": lambda c, p: c.propfind("/", "D:current-user-principal"),
    "home": lambda c, p: c.propfind("/anna_müller/", "D:displayname CS:getctag D:sync-token", "1"),
    "poll": lambda c, p: c.propfind(p, "CS:getctag D:sync-token"),
    "list": lambda c, p: c.propfind(p, "D:getetag", "1"),
    "list all": lambda c, p: c.request("PROPFIND", p, b"", {"Depth": "1"}),
    "first sync": lambda c, p: c.sync(p),
    "first sync with data": lambda c, p: c.sync(p, props=FULL),
    "query": lambda c, p: c.query(p, '<C:comp-filter name="VEVENT"/>'),
    "query with data": lambda c, p: c.query(p, '<C:comp-filter name="VEVENT"/>', FULL),
    "week": lambda c, p: c.query(p, WEEK, FULL),
    "open range": lambda c, p: c.query(p, OPEN),
    "title filter": lambda c, p: c.query(p, TITLE, FULL),
    "multiget": lambda c, p: c.multiget(p, *(f"{n}.ics" for n in range(50))),
    "get": lambda c, p: c.request("GET", p + "1.ics"),
    "get all": lambda c, p: c.request("GET", p),
}

READ_LIMIT = 14
WRITE_LIMIT = 50


def fill(client: Client, path: str, first: int, last: int) -> None:
    """Single events and some series."""
    for number in range(first, last):
        more = "RRULE:FREQ=WEEKLY;COUNT=5\r\n" if number % 5 == 0 else ""
        day = f"202701{4 + number % 20:02d}T090000"
        answer = client.put(path + f"{number}.ics", event(f"{number}@x", f"Team {number}", day, more=more))
        assert answer.status == 201, answer.text


def test_reads_need_a_constant_number(either: MakeClient, house: House, database_url: str) -> None:
    client, path = either(), house.path(ANNA)
    counts: list[dict[str, int]] = []
    for first, last in ((0, 6), (6, 40)):
        fill(client, path, first, last)
        counts.append({})
        for name, read in READS.items():
            read(client, path)
            with metered(database_url) as meter:
                assert read(client, path).status in (200, 207), name
            counts[-1][name] = len(meter.statements)
    assert counts[0] == counts[1]
    assert max(counts[1].values()) <= READ_LIMIT, counts[1]


@dataclass(frozen=True)
class Write:
    """A write: what must be there before, and the request."""

    act: Callable[[Client, str, str], Answer]


def _move(client: Client, path: str, private: str) -> Answer:
    return client.request("MOVE", path + "0.ics", b"", {"Destination": quote(private + "0.ics")})


MKCALENDAR = (
    '<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop>'
    "<D:displayname>Yoga</D:displayname><C:calendar-description>x</C:calendar-description>"
    "</D:prop></D:set></C:mkcalendar>"
)
PROPPATCH = (
    '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:displayname>Mein</D:displayname></D:prop></D:set>'
    "</D:propertyupdate>"
)
SERIES = event(
    "0@x", "Anders", "20270104T100000", more="RRULE:FREQ=WEEKLY;COUNT=5\r\nEXDATE:20270111T100000Z\r\n"
)

WRITES: dict[str, Write] = {
    "new": Write(lambda c, p, q: c.put(p + "new.ics", event("new@x", "4711 – Massage"))),
    "new in a private calendar": Write(lambda c, p, q: c.put(q + "new.ics", event("new@x", "Arzt"))),
    "changed": Write(lambda c, p, q: c.put(p + "1.ics", event("1@x", "Anders", "20270107T110000"))),
    "changed series": Write(lambda c, p, q: c.put(p + "0.ics", SERIES)),
    "delete": Write(lambda c, p, q: c.request("DELETE", p + "1.ics")),
    "move": Write(_move),
    "properties": Write(lambda c, p, q: c.request("PROPPATCH", p, PROPPATCH)),
    "new calendar": Write(lambda c, p, q: c.request("MKCALENDAR", "/anna_müller/neu/", MKCALENDAR)),
}


@pytest.mark.parametrize("name", WRITES)
def test_writes_happen_completely_or_not_at_all(
    own: MakeClient, house: House, database_url: str, name: str
) -> None:
    client, path = own(), house.path(ANNA)
    private = house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE))
    fill(client, path, 0, 3)
    client.propfind("/", "D:resourcetype")
    before = state(house)
    act = WRITES[name].act
    failing = 1
    while True:
        with metered(database_url, failing) as meter:
            answer = act(client, path, private)
        if len(meter.statements) < failing:
            break
        statement = meter.statements[failing - 1]
        assert answer.status == 503, (failing, statement, answer.text)
        assert answer.headers["retry-after"]
        assert state(house) == before, (failing, statement)
        failing += 1
    assert answer.status in (201, 204, 207), answer.text
    assert state(house) != before
    assert failing <= WRITE_LIMIT


@pytest.mark.parametrize("name", ["new", "changed series", "delete", "move", "new calendar"])
def test_writes_under_stock_happen_completely_or_not_at_all(
    stock: MakeClient, house: House, database_url: str, name: str
) -> None:
    client, path = stock(), house.path(ANNA)
    private = house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE))
    fill(client, path, 0, 3)
    client.propfind("/", "D:resourcetype")
    before = state(house)
    failing = 1
    while True:
        with metered(database_url, failing) as meter:
            answer = WRITES[name].act(client, path, private)
        if len(meter.statements) < failing:
            break
        assert answer.status == 500, (failing, meter.statements[failing - 1])
        assert state(house) == before, (failing, meter.statements[failing - 1])
        failing += 1
    assert answer.status in (200, 201, 204, 207), answer.text


def test_a_database_that_goes_away_is_never_a_short_list(
    either: MakeClient, house: House, database_url: str, request: pytest.FixtureRequest
) -> None:
    status = 503 if request.node.callspec.params["either"] == "own" else 500
    client, path = either(), house.path(ANNA)
    fill(client, path, 0, 3)
    for name, read in READS.items():
        read(client, path)
        failing = 1
        while True:
            with metered(database_url, failing) as meter:
                answer = read(client, path)
            if len(meter.statements) < failing:
                break
            assert answer.status == status, (name, failing, meter.statements[failing - 1], answer.text)
            failing += 1
        assert answer.status in (200, 207), name


def test_a_failing_commit_is_a_503(own: MakeClient, house: House, database_url: str) -> None:
    client, path = own(), house.path(ANNA)
    fill(client, path, 0, 2)
    before = state(house)
    database = database_of(configuration.load(None, database_url))
    commit = database.commit

    def failing(connection: Any) -> None:
        raise OperationalError("gone", None, Exception("server closed the connection"))

    database.commit = failing  # type: ignore[method-assign]
    try:
        assert client.put(path + "new.ics", event("new@x")).status == 503
        assert client.request("DELETE", path + "1.ics").status == 503
    finally:
        database.commit = commit  # type: ignore[method-assign]
    assert state(house) == before
    assert client.put(path + "new.ics", event("new@x")).status == 201


def test_an_unmigrated_database_is_a_503(tmp_path: Any) -> None:
    from radicale_practice.plugins.application import Application
    from tests.protocol.house import wsgi_sender

    url = f"sqlite:///{tmp_path / 'empty.sqlite'}"
    client = Client(wsgi_sender(Application(configuration.load(None, url))))
    assert client.propfind("/", "D:resourcetype").status == 503
