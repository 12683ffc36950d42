"""MOVE with ``Overwrite: T``: completely or not at all."""

from __future__ import annotations

from urllib.parse import quote

from sqlalchemy import text

from radicale_practice.practice import practices
from radicale_practice.practice.model import CalendarKind
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, Client, House, event


def _both_places(client: Client, house: House) -> tuple[str, str]:
    """The same event in Anna's calendar, with a patient, and copied to her private one."""
    here = house.path(ANNA) + "x.ics"
    there = house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE)) + "copy.ics"
    assert client.put(here, event("1@x", "Mustermann Maria")).status == 201
    assert client.put(there, event("1@x", "Kopie")).status == 201
    return here, there


def _move(client: Client, source: str, target: str) -> int:
    headers = {"Destination": quote(target), "Overwrite": "T"}
    return client.request("MOVE", source, b"", headers).status


def _settings(house: House, **values: object) -> None:
    with house.database.write() as uow:
        practices.set_settings(uow, house.practice_id, values)


def test_a_refused_move_leaves_what_it_would_overwrite(either: MakeClient, house: House) -> None:
    client = either()
    here, there = _both_places(client, house)
    before = client.request("GET", there)
    with house.database.write() as uow:
        uow.connection.execute(text("UPDATE appointment SET status = 'done' WHERE patient_id IS NOT NULL"))
    token = client.token(house.path(ANNA))
    assert _move(client, here, there) in (201, 204, 403)
    after = client.request("GET", there)
    assert (after.status, after.body) == (200, before.body)
    assert client.request("GET", here).status == 200
    assert here in client.sync(house.path(ANNA), token).responses()


def test_a_held_move_leaves_what_it_would_overwrite(either: MakeClient, house: House) -> None:
    client = either()
    here, there = _both_places(client, house)
    _settings(house, brake_cancellations=1)
    first = house.path(ANNA) + "first.ics"
    assert client.put(first, event("first@x", start="20270106T090000")).status == 201
    assert client.request("DELETE", first).status in (200, 204)
    assert _move(client, here, there) in (201, 204, 403)
    assert "Kopie" in client.request("GET", there).text
    assert "Mustermann" in client.request("GET", here).text


def test_a_move_into_a_taken_slot_leaves_what_it_would_overwrite(either: MakeClient, house: House) -> None:
    client = either()
    private = house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE)) + "p.ics"
    here = house.path(ANNA) + "x.ics"
    assert client.put(here, event("1@x", "Original", start="20270105T120000")).status == 201
    assert client.put(private, event("1@x", "Privates", start="20270105T090000")).status == 201
    assert client.put(house.path(ANNA) + "other.ics", event("2@x", "Besetzt")).status == 201
    _settings(house, double_booking="forbid")
    assert _move(client, private, here) in (201, 204, 403)
    assert "Original" in client.request("GET", here).text
    assert "Privates" in client.request("GET", private).text


def test_an_accepted_move_overwrites(either: MakeClient, house: House) -> None:
    client = either()
    here, there = _both_places(client, house)
    assert _move(client, there, here) in (201, 204)
    assert "Kopie" in client.request("GET", here).text
    assert client.request("GET", there).status == 404
