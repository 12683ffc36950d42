"""SQL statements of each request: bounded by a constant, and failing in turn, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from radicale_practice.plugins import configuration
from radicale_practice.plugins.databases import database_of
from radicale_practice.practice import practices
from radicale_practice.practice.model import CalendarKind
from radicale_practice.practice.schema import metadata
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, BEN, DECLARATIONS, Answer, Client, House, event


@dataclass
class Meter:
    """Counts statements; lets the one with number ``failing`` (from 1) fail as if the server had gone.

    It has gone for good where a ROLLBACK fails: nothing else makes one fail.
    """

    statements: list[str] = field(default_factory=list)
    failing: int = 0

    @property
    def failed(self) -> str | None:
        """The statement that has failed, if there were so many."""
        return self.statements[self.failing - 1] if 0 < self.failing <= len(self.statements) else None

    def __call__(self, conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        self.statements.append(statement)
        gone = self.failed is not None and self.failed.startswith("ROLLBACK")
        if gone or len(self.statements) == self.failing:
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
            for table in metadata.tables
        }


WEEK = (
    '<C:comp-filter name="VEVENT"><C:time-range start="20270104T000000Z" end="20270111T000000Z"/>'
    "</C:comp-filter>"
)
OPEN = '<C:comp-filter name="VEVENT"><C:time-range start="20270104T000000Z"/></C:comp-filter>'
TITLE = '<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"/></C:comp-filter>'
FULL = "D:getetag C:calendar-data"

SPAN = 'start="20270104T000000Z" end="20270301T000000Z"'
EXPANDED = (
    f"<C:calendar-query {DECLARATIONS}><D:prop><C:calendar-data><C:expand {SPAN}/></C:calendar-data></D:prop>"
    f'<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range {SPAN}/>'
    "</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
)
FREE_BUSY = f"<C:free-busy-query {DECLARATIONS}><C:time-range {SPAN}/></C:free-busy-query>"
FIRST = "<D:limit><D:nresults>1</D:nresults></D:limit>"

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

Read = Callable[[Client, str], Answer]


def reads(former: str, latest: str) -> dict[str, Read]:
    """All reads; those of a client that follows the calendar with a token of before and with the newest."""
    return {
        **READS,
        "changes": lambda c, p: c.sync(p, former),
        "changes with data": lambda c, p: c.sync(p, former, FULL),
        "changes, the first of them": lambda c, p: c.sync(p, former, extra=FIRST),
        "no changes": lambda c, p: c.sync(p, latest),
        "expanded": lambda c, p: c.request("REPORT", p, EXPANDED, {"Depth": "1"}),
        "free and busy": lambda c, p: c.request("REPORT", p, FREE_BUSY, {"Depth": "1"}),
    }


READ_LIMIT = 14
WRITE_LIMIT = 60
"""The second half of a move is the dearest: two appointments are looked at and changed."""


def fill(client: Client, path: str, first: int, last: int) -> None:
    """Single events and some series."""
    for number in range(first, last):
        more = "RRULE:FREQ=WEEKLY;COUNT=5\r\n" if number % 5 == 0 else ""
        day = f"202701{4 + number % 20:02d}T090000"
        answer = client.put(path + f"{number}.ics", event(f"{number}@x", f"Team {number}", day, more=more))
        assert answer.status == 201, answer.text


def followed(client: Client, path: str, first: int, last: int) -> str:
    """Fill the calendar; a token since which there is something new and something removed."""
    fill(client, path, first, first + 1)
    former = client.token(path)
    fill(client, path, first + 1, last)
    assert client.request("DELETE", f"{path}{first}.ics").status in (200, 204)
    return former


def test_reads_need_a_constant_number(either: MakeClient, house: House, database_url: str) -> None:
    client, path = either(), house.path(ANNA)
    counts: list[dict[str, int]] = []
    for first, last in ((0, 6), (6, 40)):
        former = followed(client, path, first, last)
        counts.append({})
        for name, read in reads(former, client.token(path)).items():
            read(client, path)
            with metered(database_url) as meter:
                assert read(client, path).status in (200, 207), name
            counts[-1][name] = len(meter.statements)
    assert counts[0] == counts[1]
    assert max(counts[1].values()) <= READ_LIMIT, counts[1]


def _nothing(client: Client, path: str, other: str) -> None:
    """No preparation."""


@dataclass(frozen=True)
class Write:
    """A write: the request, what comes before it, and the statuses it may be answered with.

    ``act`` and ``before`` get Anna's client, her calendar, and her private one, or a ``colleagues`` that she
    only sees as busy. ``settings`` are the practice's; ``sql`` is what a program did last.
    """

    act: Callable[[Client, str, str], Answer]
    before: Callable[[Client, str, str], object] = _nothing
    statuses: tuple[int, ...] = (200, 201, 204, 207)
    settings: Mapping[str, object] = field(default_factory=dict)
    sql: str = ""
    colleagues: bool = False


def _move(client: Client, path: str, private: str, **more: str) -> Answer:
    return client.request("MOVE", path + "0.ics", b"", {"Destination": quote(private + "0.ics"), **more})


MKCALENDAR = (
    '<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop>'
    "<D:displayname>Yoga</D:displayname><C:calendar-description>x</C:calendar-description>"
    "</D:prop></D:set></C:mkcalendar>"
)
PROPPATCH = (
    '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:displayname>Mein</D:displayname></D:prop></D:set>'
    "</D:propertyupdate>"
)
RULE = "RRULE:FREQ=WEEKLY;COUNT=5\r\n"
SERIES = event(
    "0@x", "Anders", "20270104T100000", more="RRULE:FREQ=WEEKLY;COUNT=5\r\nEXDATE:20270111T100000Z\r\n"
)
CUT_SHORT = event(
    "0@x", "Team 0", more="RRULE:FREQ=WEEKLY;UNTIL=20270112T000000Z\r\n", start="20270104T090000"
)
ONE = event("1@x", "Team 1", "20270105T090000")
OPAQUE = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"

WRITES: dict[str, Write] = {
    "new": Write(lambda c, p, q: c.put(p + "new.ics", event("new@x", "4711 – Massage"))),
    "new in a private calendar": Write(lambda c, p, q: c.put(q + "new.ics", event("new@x", "Arzt"))),
    "changed": Write(lambda c, p, q: c.put(p + "1.ics", event("1@x", "Anders", "20270107T110000"))),
    "changed series": Write(lambda c, p, q: c.put(p + "0.ics", SERIES)),
    "delete": Write(lambda c, p, q: c.request("DELETE", p + "1.ics")),
    "move": Write(_move),
    "move over another": Write(
        lambda c, p, q: _move(c, p, q, Overwrite="T"),
        before=lambda c, p, q: c.put(q + "0.ics", event("0@x", "Arzt")),
    ),
    "second half of a move: the new one": Write(
        lambda c, p, q: c.put(q + "1.ics", ONE), before=lambda c, p, q: c.request("DELETE", p + "1.ics")
    ),
    "second half of a move: the deletion": Write(
        lambda c, p, q: c.request("DELETE", p + "1.ics"), before=lambda c, p, q: c.put(q + "1.ics", ONE)
    ),
    "series cut short": Write(lambda c, p, q: c.put(p + "0.ics", CUT_SHORT)),
    "this and all following, made new": Write(
        lambda c, p, q: c.put(p + "rest.ics", event("rest@x", "Team", "20270118T110000", more=RULE)),
        before=lambda c, p, q: c.put(p + "0.ics", CUT_SHORT),
    ),
    "held by the brake": Write(
        lambda c, p, q: c.request("DELETE", p + "2.ics"),
        before=lambda c, p, q: c.request("DELETE", p + "1.ics"),
        statuses=(403,),
        settings={"brake_cancellations": 1},
    ),
    "not booked": Write(
        lambda c, p, q: c.put(p + "new.ics", event("new@x", "Team", "20270105T091000")),
        settings={"double_booking": "forbid"},
    ),
    "refused": Write(
        lambda c, p, q: c.put(p + "1.ics", event("1@x", "Anders", "20270107T110000")),
        sql="UPDATE appointment SET status = 'done' WHERE subject = 'Team 1'",
        statuses=(403,),
    ),
    "refused without write access": Write(
        lambda c, p, q: c.request("DELETE", f"{q}{OPAQUE}.ics"),
        before=lambda c, p, q: replace(c, user=BEN).put(
            f"/ben/{q.split('/')[2]}/{OPAQUE}.ics", event(OPAQUE, "Massage", "20270108T090000")
        ),
        statuses=(403,),
        colleagues=True,
    ),
    "cancelled by its status": Write(
        lambda c, p, q: c.put(
            p + "1.ics", event("1@x", "Team 1", "20270105T090000", more="STATUS:CANCELLED\r\n")
        )
    ),
    "calendar deleted": Write(
        lambda c, p, q: c.request("DELETE", q),
        before=lambda c, p, q: c.put(q + "1.ics", event("1@y", "Arzt")),
    ),
    "properties": Write(lambda c, p, q: c.request("PROPPATCH", p, PROPPATCH)),
    "new calendar": Write(lambda c, p, q: c.request("MKCALENDAR", "/anna_müller/neu/", MKCALENDAR)),
}


def prepared(house: House, client: Client, write: Write) -> tuple[str, str]:
    """The calendars that a write is about, with what it needs in them."""
    path, private = house.path(ANNA), house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE))
    other = house.path(ANNA, house.own(BEN)) if write.colleagues else private
    fill(client, path, 0, 3)
    with house.database.write() as uow:
        settings = {"brake_cancellations": 100, **write.settings}
        practices.set_settings(uow, house.practice_id, settings)
    write.before(client, path, other)
    with house.database.write() as uow:
        if write.sql:
            assert uow.connection.execute(text(write.sql)).rowcount == 1
    client.propfind("/", "D:resourcetype")
    return path, other


def waits(answer: Answer) -> bool:
    """Whether the client is told when to come again, in seconds."""
    return int(answer.headers.get("retry-after", 0)) > 0


def fails_whole(client: Client, house: House, url: str, write: Write, status: int) -> tuple[Answer, int]:
    """Let each statement of a write fail in turn; the answer when none does, and how many there are."""
    path, other = prepared(house, client, write)
    before = state(house)
    failing = 1
    while True:
        with metered(url, failing) as meter:
            answer = write.act(client, path, other)
        if meter.failed is None:
            break
        assert answer.status == status, (failing, meter.failed, answer.text)
        assert status != 503 or waits(answer)
        assert state(house) == before, (failing, meter.failed)
        failing += 1
    assert state(house) != before
    assert failing > 1
    return answer, failing - 1


@pytest.mark.parametrize("name", WRITES)
def test_writes_happen_completely_or_not_at_all(
    own: MakeClient, house: House, database_url: str, name: str
) -> None:
    answer, number = fails_whole(own(), house, database_url, WRITES[name], 503)
    assert answer.status in WRITES[name].statuses, answer.text
    assert number <= WRITE_LIMIT


UNDER_STOCK = [name for name, write in WRITES.items() if not write.colleagues]
"""Stock Radicale refuses a write without write access before it asks us."""


@pytest.mark.parametrize("name", UNDER_STOCK)
def test_writes_under_stock_happen_completely_or_not_at_all(
    stock: MakeClient, house: House, database_url: str, name: str
) -> None:
    answer, _ = fails_whole(stock(), house, database_url, WRITES[name], 500)
    assert answer.status in (200, 201, 204, 207), answer.text


def weekly(uid: str, title: str, altered: int) -> str:
    """A series of 60 days with so many altered instances."""
    master = event(uid, title, "20270301T090000", more="RRULE:FREQ=DAILY;COUNT=60\r\n")
    parts = [master.partition("END:VCALENDAR")[0]]
    for number in range(altered):
        day = f"{date(2027, 3, 2) + timedelta(days=number):%Y%m%d}"
        one = event(uid, f"{title} {number}", f"{day}T150000", more=f"RECURRENCE-ID:{day}T090000Z\r\n")
        parts.append(one.partition("VERSION:2.0\r\nPRODID:-//test//EN\r\n")[2].partition("END:VCALENDAR")[0])
    return "".join([*parts, "END:VCALENDAR\r\n"])


def measured(client: Client, url: str, path: str, private: str, size: int) -> dict[str, int]:
    """Statements of each write, of fresh events of their own; series with ``size`` altered instances."""
    one, two, series, moved = (f"{name}{size}.ics" for name in ("one", "two", "series", "moved"))
    move = {"Destination": quote(private + moved)}
    made = f"/anna_müller/made{size}/"
    acts: dict[str, Callable[[], Answer]] = {
        "new": lambda: client.put(path + one, event(f"1-{size}", "4711 – Massage", "20270105T060000")),
        "second": lambda: client.put(path + two, event(f"2-{size}", "Team", "20270106T060000")),
        "changed": lambda: client.put(path + one, event(f"1-{size}", "Anders", "20270107T060000")),
        "new series": lambda: client.put(path + series, weekly(f"3-{size}", "Kurs", size)),
        "all of a series": lambda: client.put(path + series, weekly(f"3-{size}", "Neu", size)),
        "series cut": lambda: client.put(path + series, weekly(f"3-{size}", "Neu", 1)),
        "series moved": lambda: client.request("MOVE", path + series, b"", move),
        "series deleted": lambda: client.request("DELETE", private + moved),
        "moved": lambda: client.request("MOVE", path + two, b"", {"Destination": quote(private + two)}),
        "deleted": lambda: client.request("DELETE", path + one),
        "new calendar": lambda: client.request("MKCALENDAR", made, MKCALENDAR),
        "properties": lambda: client.request("PROPPATCH", made, PROPPATCH),
    }
    counts = {name: _number(url, act) for name, act in acts.items()}
    fill(client, made, 0, size)
    counts["calendar deleted"] = _number(url, lambda: client.request("DELETE", made))
    return counts


def _number(url: str, act: Callable[[], Answer]) -> int:
    with metered(url) as meter:
        answer = act()
    assert answer.status in (200, 201, 204, 207), answer.text
    return len(meter.statements)


def crowd(house: House, events: int) -> None:
    """A calendar full of other appointments, by plain SQL."""
    calendar = house.own(ANNA).id
    days = (date(2028, 1, 1) + timedelta(days=number) for number in range(events))
    rows = [{"p": house.practice_id, "day": f"{day} 09:00:00"} for day in days]
    new = "INSERT INTO appointment (practice_id, starts_at, ends_at) VALUES (:p, :day, :day)"
    with house.database.write() as uow:
        uow.connection.execute(text(new), rows)
        placed = (
            "INSERT INTO appointment_calendar (appointment_id, calendar_id)"
            " SELECT a.id, :c FROM appointment a WHERE a.starts_at >= '2028-01-01' AND NOT EXISTS"
            " (SELECT 1 FROM appointment_calendar x WHERE x.appointment_id = a.id)"
        )
        uow.connection.execute(text(placed), {"c": calendar})


def test_writes_need_a_constant_number(either: MakeClient, house: House, database_url: str) -> None:
    """Whether the series has 2 altered instances or 40, and the calendar 3 events or 300."""
    client, path = either(), house.path(ANNA)
    private = house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE))
    with house.database.write() as uow:
        practices.set_settings(uow, house.practice_id, {"brake_cancellations": 100})
    crowd(house, 3)
    measured(client, database_url, path, private, 3)
    few = measured(client, database_url, path, private, 2)
    crowd(house, 297)
    many = measured(client, database_url, path, private, 40)
    assert many == few
    assert max(many.values()) <= WRITE_LIMIT, many


def test_a_database_that_goes_away_is_never_a_short_list(
    either: MakeClient, house: House, database_url: str, request: pytest.FixtureRequest
) -> None:
    status = 503 if request.node.callspec.params["either"] == "own" else 500
    client, path = either(), house.path(ANNA)
    former = followed(client, path, 0, 3)
    for name, read in reads(former, client.token(path)).items():
        read(client, path)
        failing = 1
        while True:
            with metered(database_url, failing) as meter:
                answer = read(client, path)
            if meter.failed is None:
                break
            assert answer.status == status, (name, failing, meter.failed, answer.text)
            assert status != 503 or waits(answer), (name, failing)
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
        for answer in (
            client.put(path + "new.ics", event("new@x")),
            client.request("DELETE", path + "1.ics"),
        ):
            assert answer.status == 503 and waits(answer)
    finally:
        database.commit = commit  # type: ignore[method-assign]
    assert state(house) == before
    assert client.put(path + "new.ics", event("new@x")).status == 201


def test_an_unmigrated_database_is_a_503(tmp_path: Any) -> None:
    from radicale_practice.plugins.application import Application
    from tests.protocol.house import wsgi_sender

    url = f"sqlite:///{tmp_path / 'empty.sqlite'}"
    client = Client(wsgi_sender(Application(configuration.load(None, url))))
    answer = client.propfind("/", "D:resourcetype")
    assert answer.status == 503 and waits(answer)
