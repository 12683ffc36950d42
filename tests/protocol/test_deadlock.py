"""A foreign program and our server in each other's way on PostgreSQL, driven step by step.

A program that changes many rows locks them in an order of its own; PostgreSQL then aborts one of the two.
Whichever it is, nothing is half done, and whoever tries again gets through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from radicale_practice.plugins import configuration
from radicale_practice.plugins.databases import database_of
from radicale_practice.practice.model import CalendarKind
from tests.database.failures import among_practice_rows, told
from tests.database.stepping import Step, wait_until_blocked, wait_until_somebody_is_blocked
from tests.protocol.conftest import MakeClient, fresh_house
from tests.protocol.house import ANNA, Answer, Client, House, event
from tests.protocol.test_statements import state

RULE = "RRULE:FREQ=WEEKLY;COUNT=5\r\n"
DAY = "20270105T090000"
INSTANCE = event("s@x", "Anders", "20270112T100000", more="RECURRENCE-ID:20270112T090000Z\r\n")
ALTERED = "BEGIN:VEVENT" + INSTANCE.partition("BEGIN:VEVENT")[2].partition("END:VCALENDAR")[0]


def series(title: str) -> str:
    """A series with one altered instance: two rows."""
    return event("s@x", title, DAY, more=RULE).replace("END:VCALENDAR", ALTERED + "END:VCALENDAR")


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """The practice on PostgreSQL; on SQLite there is one writer at a time."""
    with fresh_house(request, "postgresql", tmp_path) as made:
        yield made


@pytest.fixture
def url(database_url: str) -> str:
    return database_url.replace("+psycopg", "")


Request = Callable[[Client, str, str], Answer]

REQUESTS: dict[str, Request] = {
    "change": lambda c, path, _: c.put(path + "s.ics", series("Neu")),
    "delete": lambda c, path, _: c.request("DELETE", path + "s.ics"),
    "move": lambda c, path, private: c.request(
        "MOVE", path + "s.ics", headers={"Destination": quote(private + "s.ics")}
    ),
}


class Crossing:
    """The program holds the second row of the series, our server the first; each waits for the other's."""

    def __init__(self, url: str, request: Callable[[], Answer], victim: str) -> None:
        self.url = url
        patience = {"server": "1h", "program": "200ms"}[victim]
        self.program = psycopg.connect(url, autocommit=True, application_name="vendor")
        self.program.execute(f"SET deadlock_timeout = '{patience}'")
        helper = psycopg.connect(url, autocommit=True)
        self.first, self.second = (
            row[0] for row in helper.execute("SELECT id FROM appointment ORDER BY id LIMIT 2")
        )
        helper.execute("BEGIN")
        helper.execute("SELECT FROM appointment WHERE id = %s FOR UPDATE", (self.first,))
        self.program.execute("BEGIN")
        self.change(self.second)
        self.server = Step(request)
        assert wait_until_somebody_is_blocked(url, self.server)
        self.other = Step(lambda: self.change(self.first))
        assert wait_until_blocked(url, self.program, self.other)
        helper.execute("COMMIT")
        helper.close()

    def change(self, row: int) -> None:
        """What the program does to one row."""
        self.program.execute("UPDATE appointment SET location_text = 'Saal' WHERE id = %s", (row,))


@pytest.fixture(params=REQUESTS)
def request_of(request: pytest.FixtureRequest) -> Request:
    return REQUESTS[request.param]


def prepared(make: MakeClient, house: House, url: str, server_patience: str) -> tuple[Client, str, str]:
    """A client, its calendar with the series and its private calendar."""
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(f"ALTER DATABASE {owner.info.dbname} SET deadlock_timeout = '{server_patience}'")
    client, path = make(), house.path(ANNA)
    assert client.put(path + "s.ics", series("Alt")).status == 201
    return client, path, house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE))


@pytest.fixture(autouse=True)
def patient_server(database_url: str) -> None:
    """Only the deadlock ends the waiting, however slow this machine is."""
    database_of(configuration.load(None, database_url)).lock_timeout = 60


def test_our_server_is_aborted(
    either: MakeClient, house: House, url: str, request_of: Request, request: pytest.FixtureRequest
) -> None:
    client, path, private = prepared(either, house, url, "200ms")
    before = state(house)
    crossing = Crossing(url, lambda: request_of(client, path, private), "server")
    answer = crossing.server.finished()
    if request.node.callspec.params["either"] == "own":
        assert answer.status == 503 and answer.headers["retry-after"], answer.text
    else:
        assert answer.status == 500, answer.text
    assert state(house) == before
    crossing.other.finished()
    crossing.program.execute("COMMIT")
    assert client.request("GET", path + "s.ics").text.count("LOCATION:Saal") == 2
    assert request_of(client, path, private).status in (200, 201, 204)


def test_the_program_is_aborted(own: MakeClient, house: House, url: str, request_of: Request) -> None:
    client, path, private = prepared(own, house, url, "1h")
    crossing = Crossing(url, lambda: request_of(client, path, private), "program")
    with pytest.raises(psycopg.errors.DeadlockDetected) as failure:
        crossing.other.finished()
    crossing.program.execute("ROLLBACK")
    assert among_practice_rows(failure.value, crossing.program), told(failure.value)
    assert crossing.server.finished().status in (200, 201, 204)
    crossing.change(crossing.first)
    crossing.change(crossing.second)
