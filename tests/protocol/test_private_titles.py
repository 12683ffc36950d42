"""An entry that comes from a private calendar: the practice reads its title, however it comes."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from sqlalchemy import text

from radicale_practice.practice.model import CalendarKind
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, Client, House, event

WAYS = ("move", "put then delete", "delete then put")


def crosses(client: Client, way: str, source: str, target: str) -> None:
    """The entry goes from one name to another, in one of the ways that clients know."""
    seen = client.request("GET", source).body
    for half in way.split(" then "):
        if half == "move":
            headers = {"Destination": "http://127.0.0.1" + quote(target)}
            answer = client.request("MOVE", source, headers=headers)
        elif half == "put":
            answer = client.put(target, seen, if_none_match="*")
        else:
            answer = client.request("DELETE", source)
        assert answer.status in (200, 201, 204)


def entries(house: House) -> list[tuple[str, str | None]]:
    """Subject and patient's number of what takes place, one row for each appointment or instance."""
    query = (
        "SELECT a.subject, p.number FROM appointment a LEFT JOIN patient p ON p.id = a.patient_id"
        " WHERE a.status <> 'cancelled' ORDER BY a.id"
    )
    with house.database.read() as uow:
        return [(row[0], row[1]) for row in uow.connection.execute(text(query))]


def listed(house: House) -> list[str]:
    """What is open on the attention list."""
    query = "SELECT kind FROM attention WHERE settled_at IS NULL ORDER BY id"
    with house.database.read() as uow:
        return list(uow.connection.execute(text(query)).scalars())


def places(house: House) -> tuple[str, str]:
    """Anna's private calendar and her calendar of the practice."""
    return house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE)), house.path(ANNA)


@pytest.mark.parametrize("way", WAYS)
def test_a_patient_is_recognised(either: MakeClient, house: House, way: str) -> None:
    client, (private, own) = either(ANNA, agent="DAVx5/4.5"), places(house)
    assert client.put(private + "1.ics", event("1@x", "Huber Josef - Knie")).status == 201
    assert entries(house) == [("Huber Josef - Knie", None)]
    crosses(client, way, private + "1.ics", own + "1.ics")
    assert entries(house) == [("Knie", "4712")]
    assert listed(house) == []
    assert "SUMMARY:Huber Josef – Knie\r\n" in client.request("GET", own + "1.ics").text


@pytest.mark.parametrize("way", WAYS)
def test_who_is_not_recognised_is_on_the_list(either: MakeClient, house: House, way: str) -> None:
    client, (private, own) = either(ANNA, agent="DAVx5/4.5"), places(house)
    assert client.put(private + "1.ics", event("1@x", "Hubr Josef - Knie")).status == 201
    crosses(client, way, private + "1.ics", own + "1.ics")
    assert entries(house) == [("Hubr Josef - Knie", None)]
    assert listed(house) == ["unlinked"]


@pytest.mark.parametrize("way", WAYS)
def test_instances_are_read_too(either: MakeClient, house: House, way: str) -> None:
    client, (private, own) = either(ANNA, agent="DAVx5/4.5"), places(house)
    series = event("1@x", "Mustermann Maria", more="RRULE:FREQ=WEEKLY;COUNT=3\r\n")
    start = next(line for line in series.split("\r\n") if line.startswith("DTSTART"))
    date = start.replace("DTSTART", "RECURRENCE-ID")
    instance = event("1@x", "4712: Massage", more=date + "\r\n")
    body = instance[instance.index("BEGIN:VEVENT") : instance.index("END:VCALENDAR")]
    assert (
        client.put(private + "1.ics", series.replace("END:VCALENDAR", body + "END:VCALENDAR")).status == 201
    )
    crosses(client, way, private + "1.ics", own + "1.ics")
    assert entries(house) == [("", "4711"), ("Massage", "4712")]


@pytest.mark.parametrize("way", WAYS)
def test_from_private_to_private_it_is_the_persons_own_affair(
    either: MakeClient, house: House, way: str
) -> None:
    client, (private, _) = either(ANNA, agent="DAVx5/4.5"), places(house)
    other = private.rstrip("/").rsplit("/", 1)[0] + "/more/"
    assert client.request("MKCALENDAR", other).status == 201
    assert client.put(private + "1.ics", event("1@x", "Huber Josef - Knie")).status == 201
    crosses(client, way, private + "1.ics", other + "1.ics")
    assert entries(house) == [("Huber Josef - Knie", None)]
    assert listed(house) == []
