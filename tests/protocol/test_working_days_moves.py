"""Whole days with moves in two halves (DAVx5, Outlook): what the person changed on the way is not lost."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from tests.protocol.conftest import MakeClient
from tests.protocol.house import BEN, RITA, Client, House, event

ORDERS = ("put then delete", "delete then put")


def _rows(house: House) -> list[tuple[str, str | None, str, str]]:
    """Subject, patient's number, note and status of all appointments that take place."""
    query = (
        "SELECT a.subject, p.number, a.note, a.status FROM appointment a"
        " LEFT JOIN patient p ON p.id = a.patient_id WHERE a.status <> 'cancelled' ORDER BY a.id"
    )
    with house.database.read() as uow:
        return [tuple(row) for row in uow.connection.execute(text(query))]  # type: ignore[misc]


def _two_halves(client: Client, order: str, old: str, new: str, upload: str) -> None:
    for half in order.split(" then "):
        if half == "put":
            answer = client.put(new, upload, if_none_match="*")
        else:
            answer = client.request("DELETE", old)
        assert answer.status in (200, 201, 204)


@pytest.mark.parametrize("order", ORDERS)
def test_a_new_title_comes_along(either: MakeClient, house: House, order: str) -> None:
    client = either(RITA, agent="DAVx5/4.5")
    anna, ben = house.path(RITA, house.own("anna müller")), house.path(RITA, house.own(BEN))
    assert client.put(anna + "1.ics", event("1@x", "Mustermann Maria – Massage")).status == 201
    seen = client.request("GET", anna + "1.ics")
    changed = re.sub("SUMMARY:.*\r\n", "SUMMARY:Mustermann Maria – Lymphdrainage\r\n", seen.text)
    _two_halves(client, order, anna + "1.ics", ben + "1.ics", changed)
    assert _rows(house) == [("Lymphdrainage", "4711", "", "booked")]
    assert client.request("GET", ben + "1.ics").text == changed
    assert client.request("GET", anna + "1.ics").status == 404


@pytest.mark.parametrize("order", ORDERS)
def test_another_patient_and_the_note_come_along(either: MakeClient, house: House, order: str) -> None:
    client = either(RITA, agent="CalDavSynchronizer/4.5")
    anna, ben = house.path(RITA, house.own("anna müller")), house.path(RITA, house.own(BEN))
    first = event("1@x", "4711: Massage", more="DESCRIPTION:Knie\r\n")
    assert client.put(anna + "1.ics", first).status == 201
    seen = client.request("GET", anna + "1.ics")
    changed = seen.text.replace("Mustermann Maria", "Huber Josef").replace("Knie", "Schulter")
    assert changed != seen.text
    _two_halves(client, order, anna + "1.ics", ben + "1.ics", changed)
    assert _rows(house) == [("Massage", "4712", "Schulter", "booked")]


@pytest.mark.parametrize("order", ORDERS)
def test_what_was_not_changed_stays_as_it_was(either: MakeClient, house: House, order: str) -> None:
    """Two patients of one name: the title alone could not say which one it is."""
    client = either(RITA, agent="DAVx5/4.5")
    anna, ben = house.path(RITA, house.own("anna müller")), house.path(RITA, house.own(BEN))
    assert client.put(anna + "1.ics", event("1@x", "4711: Massage")).status == 201
    with house.database.write() as uow:
        uow.connection.execute(
            text("UPDATE patient SET first_name = 'Maria', last_name = 'Mustermann' WHERE number = '4712'")
        )
    seen = client.request("GET", anna + "1.ics")
    _two_halves(client, order, anna + "1.ics", ben + "1.ics", seen.text)
    assert _rows(house) == [("Massage", "4711", "", "booked")]


def test_deleted_and_uploaded_again_with_another_title(either: MakeClient, house: House) -> None:
    client = either(BEN, agent="Thunderbird/140")
    path = house.path(BEN)
    assert client.put(path + "1.ics", event("1@x", "Eins")).status == 201
    assert client.request("DELETE", path + "1.ics").status in (200, 204)
    assert client.put(path + "1.ics", event("1@x", "Zwei")).status == 201
    assert "SUMMARY:Zwei" in client.request("GET", path + "1.ics").text
    assert [row[0] for row in _rows(house)] == ["Zwei"]


@pytest.mark.parametrize("order", ORDERS)
def test_moved_there_and_back_again(own: MakeClient, house: House, order: str) -> None:
    client = own(RITA, agent="Thunderbird/140")
    anna, ben = house.path(RITA, house.own("anna müller")), house.path(RITA, house.own(BEN))
    assert client.put(anna + "1.ics", event("1@x", "4711: Massage")).status == 201
    text = client.request("GET", anna + "1.ics").text.replace("Massage", "Kontrolle")
    _two_halves(client, "put then delete", anna + "1.ics", ben + "1.ics", text)
    _two_halves(client, order, ben + "1.ics", anna + "1.ics", text)
    assert _rows(house) == [("Kontrolle", "4711", "", "booked")]


def test_an_event_made_after_a_move_is_not_taken_for_its_copy(own: MakeClient, house: House) -> None:
    """The copy of a move is gone; SQLite gives its number to the next appointment."""
    client = own(RITA, agent="Thunderbird/140")
    anna, ben = house.path(RITA, house.own("anna müller")), house.path(RITA, house.own(BEN))
    assert client.put(anna + "1.ics", event("1@x", "Eins")).status == 201
    text = client.request("GET", anna + "1.ics").text
    _two_halves(client, "put then delete", anna + "1.ics", ben + "1.ics", text)
    assert client.put(anna + "2.ics", event("2@x", "Zwei", "20270107T090000")).status == 201
    assert client.request("DELETE", ben + "1.ics").status == 204
    assert [row[0] for row in _rows(house)] == ["Zwei"]
    assert "SUMMARY:Zwei" in client.request("GET", anna + "2.ics").text
