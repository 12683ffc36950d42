"""Writes without write access: refused, listed as changed for that person, noted for the practice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import text

from radicale_practice.practice import calendars
from radicale_practice.practice.model import Access, CalendarKind
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, BEN, OTTO, Client, House, event

NEED_PRIVILEGES = "{DAV:}need-privileges"
ATTENTION = "SELECT kind, reason, count, settled_at FROM attention WHERE kind = 'refused'"
JOURNAL = "SELECT action FROM journal WHERE action = 'refused'"


def _rows(house: House, query: str) -> Sequence[Any]:
    with house.database.read() as uow:
        return uow.connection.execute(text(query)).all()


@pytest.fixture(params=[Access.BUSY, Access.READ])
def seen(request: pytest.FixtureRequest, own: MakeClient, house: House) -> str:
    """Anna's calendar with one event, as Ben sees it without write access."""
    info = house.own(ANNA)
    with house.database.write() as uow:
        calendars.grant(uow, info.id, house.viewer(BEN).staff_id, request.param)
    assert own(ANNA).put(house.path(ANNA) + "1.ics", event("1@x", "Massage")).status == 201
    return house.path(BEN, info)


def _only(client: Client, path: str) -> str:
    found = [name for name in client.sync(path).responses() if name != path]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("how", ["PUT", "PUT if", "DELETE", "DELETE if", "MOVE"])
def test_the_event_comes_back_under_a_new_etag(own: MakeClient, house: House, seen: str, how: str) -> None:
    anna, ben = own(ANNA), own(BEN)
    name = _only(ben, seen)
    before, others = ben.request("GET", name), anna.request("GET", house.path(ANNA) + "1.ics")
    token, others_token = ben.token(seen), anna.token(house.path(ANNA))
    headers = {"If-Match": before.etag or ""} if how.endswith("if") else {}
    target = house.path(BEN) + "moved.ics"
    if how == "MOVE":
        headers = {"Destination": quote(target)}
    body = event("1@x", "Anders") if how.startswith("PUT") else b""
    for _ in range(2):
        answer = ben.request(how.split()[0], name, body, headers)
        assert (answer.status, answer.condition()) == (403, NEED_PRIVILEGES)
        if headers.get("If-Match"):
            headers["If-Match"] = ben.request("GET", name).etag or ""
    after = ben.request("GET", name)
    assert after.body == before.body and after.etag != before.etag
    assert name in ben.sync(seen, token).responses()
    # Whoever may write to it is not disturbed.
    same = anna.request("GET", house.path(ANNA) + "1.ics")
    assert (same.etag, same.body) == (others.etag, others.body)
    assert anna.token(house.path(ANNA)) == others_token
    assert [tuple(row) for row in _rows(house, ATTENTION)] == [("refused", "read-only", 2, None)]
    assert len(_rows(house, JOURNAL)) == 2
    assert ben.request("GET", target).status == 404


def test_a_new_event_is_refused_outright(own: MakeClient, house: House, seen: str) -> None:
    ben = own(BEN)
    token = ben.token(seen)
    answer = ben.put(seen + "2.ics", event("2@x", "Anders"))
    assert (answer.status, answer.condition()) == (403, NEED_PRIVILEGES)
    source = house.path(BEN) + "3.ics"
    assert ben.put(source, event("3@x", "Meins")).status == 201
    before = ben.request("GET", source)
    answer = ben.request("MOVE", source, b"", {"Destination": quote(seen + "3.ics")})
    assert (answer.status, answer.condition()) == (403, NEED_PRIVILEGES)
    after = ben.request("GET", source)
    assert after.body == before.body and after.etag != before.etag
    assert ben.token(seen) == token


def test_nothing_is_told_of_what_one_cannot_see(own: MakeClient, house: House) -> None:
    private = house.own(ANNA, CalendarKind.PRIVATE)
    anna = own(ANNA)
    for info in (private, house.own(ANNA)):
        assert anna.put(house.path(ANNA, info) + "1.ics", event("1@x", "Massage")).status == 201
    before = {path: anna.token(path) for path in (house.path(ANNA), house.path(ANNA, private))}
    hidden = ((BEN, house.path(BEN, private)), (OTTO, house.path(OTTO, house.own(ANNA))))
    for user, path in (*hidden, (BEN, house.path(ANNA))):
        client = own(user)
        for name in ("1.ics", "2.ics"):
            answers = [
                client.put(path + name, event("1@x", "Anders")),
                client.request("DELETE", path + name),
                client.request("MOVE", path + name, b"", {"Destination": quote(house.path(user) + name)}),
            ]
            assert {answer.status for answer in answers} <= {403, 404, 409}
            if name == "1.ics":
                first = [(answer.status, answer.condition()) for answer in answers]
        assert [(answer.status, answer.condition()) for answer in answers] == first
    assert {path: anna.token(path) for path in before} == before
    assert not _rows(house, ATTENTION) and not _rows(house, JOURNAL)
