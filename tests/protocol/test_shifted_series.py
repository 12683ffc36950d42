"""A series at another time while one of its instances is in a colleague's calendar."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from radicale_practice.practice import book
from radicale_practice.practice.model import Actor, Role
from radicale_practice.practice.people import staff
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, BEN, PASSWORD, RITA, Client, House
from tests.protocol.test_two_halves import DONE, names, occurrences, series, two_halves

ORDERS = ("put", "put then delete", "delete then put")


def handed_over(house: House, day: date) -> None:
    """The reception gives one instance to the colleague."""
    with house.database.write(Actor(program="practice program")) as uow:
        key = uow.connection.execute(text("SELECT min(id) FROM appointment")).scalar_one()
        original = book.instance_on(uow, key, day)
        book.reschedule(uow, uow.actor, key, on=original, calendar_id=house.own(BEN).id)


def instances(house: House) -> list[tuple[str, str]]:
    """Status and date of the rows that belong to a series."""
    statement = "SELECT status, recurrence_id FROM appointment WHERE series_id IS NOT NULL ORDER BY 2"
    with house.database.read() as uow:
        return [(status, str(when)[:16]) for status, when in uow.connection.execute(text(statement))]


def actions(house: House) -> list[str]:
    """What the journal says devices did, the last first."""
    with house.database.read() as uow:
        found: Any = uow.connection.execute(text("SELECT action FROM journal ORDER BY id DESC"))
        return list(found.scalars())


def shifted(client: Client, house: House, order: str, upload: str, old: str) -> str:
    """Upload the series, or move it to another practitioner's calendar; where it is."""
    if order == "put":
        assert client.put(old + "s.ics", upload).status == 204
        return old
    with house.database.write() as uow:
        staff.add(uow, house.practice_id, "dora", "Dora", Role.PRACTITIONER, PASSWORD)
    new = house.path(RITA, house.own("dora"))
    assert all(a.status in DONE for a in two_halves(client, order, old + "s.ics", new + "s.ics", upload))
    assert names(client, old) == []
    return new


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("exclusion", ["shifted", "as it was", "left out"])
def test_an_instance_at_the_colleagues_stays_that_of_its_week(
    own: MakeClient, house: House, order: str, exclusion: str
) -> None:
    client = own(RITA, agent="DAVx5/4.5")
    old, ben = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert client.put(old + "s.ics", series(excluded="")).status == 201
    handed_over(house, date(2027, 1, 26))
    seen = client.request("GET", old + "s.ics").text
    assert "EXDATE:20270126T090000Z" in seen
    whole = re.sub("T09(..00)", r"T10\1", seen)
    upload = whole
    if exclusion == "as it was":
        upload = whole.replace("EXDATE:20270126T10", "EXDATE:20270126T09")
    if exclusion == "left out":
        upload = whole.replace("EXDATE:20270126T100000Z\r\n", "")
    place = shifted(client, house, order, upload, old)
    assert instances(house) == [("booked", "2027-01-19 10:00"), ("booked", "2027-01-26 10:00")]
    assert client.request("GET", place + "s.ics").text == whole
    assert occurrences(house, client, ben) == ["2027-01-26T09:00"]
    assert occurrences(house, client, place) == [
        f"2027-{day}T10:00" for day in ("01-05", "01-12", "01-20", "02-02", "02-09")
    ]
    assert actions(house)[0] in ("change", "move")


def test_a_series_that_begins_a_week_later_leaves_the_colleagues_instance_where_it_is(
    own: MakeClient, house: House
) -> None:
    """The first instance goes; the dates of the others are the same."""
    client = own(RITA, agent="DAVx5/4.5")
    path, ben = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert client.put(path + "s.ics", series(excluded="")).status == 201
    handed_over(house, date(2027, 1, 26))
    seen = client.request("GET", path + "s.ics").text
    upload = seen.replace("20270105T", "20270112T").replace("COUNT=6", "COUNT=5")
    assert client.put(path + "s.ics", upload).status == 204
    assert instances(house) == [("booked", "2027-01-19 09:00"), ("booked", "2027-01-26 09:00")]
    assert client.request("GET", path + "s.ics").text == upload
    assert occurrences(house, client, ben) == ["2027-01-26T09:00"]
