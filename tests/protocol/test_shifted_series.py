"""A series at another time while one of its instances is in a colleague's calendar."""

from __future__ import annotations

import re
from datetime import date, datetime
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


WEEKLY = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:s\r\n"
    "DTSTAMP:20260101T000000Z\r\nDTSTART:20270105T090000Z\r\nDTEND:20270105T093000Z\r\n"
    "RRULE:FREQ=WEEKLY;COUNT=5\r\nSUMMARY:4711: Massage\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def a_week_later(seen: str) -> str:
    """The whole series, with the dates that name its instances; each of these takes place when it did."""
    lines = seen.split("\r\n")
    instance = False
    for number, line in enumerate(lines):
        instance = line.startswith("RECURRENCE-ID") or (instance and line != "BEGIN:VEVENT")
        if line.startswith(("RECURRENCE-ID", "EXDATE")) or line.startswith("DT") and not instance:
            lines[number] = re.sub(r"202701(\d\d)T", lambda m: f"202701{int(m[1]) + 7:02}T", line)
    return "\r\n".join(lines)


def instance_of_its_own(house: House, start: str, date: str, status: str = "booked", note: str = "") -> int:
    """A practice program writes a row for one instance; its id."""
    statement = (
        "INSERT INTO appointment (practice_id, patient_id, subject, starts_at, ends_at, time_zone, status,"
        " series_id, recurrence_id, note) SELECT practice_id, patient_id, subject, :start, :end, time_zone,"
        " :status, id, :date, :note FROM appointment WHERE series_id IS NULL RETURNING id"
    )
    end = f"{start[:14]}{int(start[14:16]) + 30}:00"
    values = {"start": start, "end": end, "date": date, "status": status, "note": note}
    with house.database.write() as uow:
        return int(uow.connection.execute(text(statement), house_times(house, values)).scalar_one())


def house_times(house: House, values: dict[str, str]) -> dict[str, Any]:
    """As each engine takes them."""
    if house.database.engine.dialect.name == "sqlite":
        return values
    moments = {name: datetime.fromisoformat(values[name]) for name in ("start", "end", "date")}
    return {**values, **moments}


@pytest.mark.parametrize("named", ["by the new date", "by the former date"])
def test_a_week_later_a_documented_instance_is_not_there_twice(
    own: MakeClient, house: House, named: str
) -> None:
    """The date it is named by now is that of another instance, which somebody has cancelled."""
    client = own(RITA, agent="DAVx5/4.5")
    path = house.path(RITA, house.own(ANNA))
    assert client.put(path + "s.ics", WEEKLY).status == 201
    seen = client.request("GET", path + "s.ics").text
    cancelled = seen.replace("RRULE", "EXDATE:20270112T090000Z\r\nRRULE")
    assert client.put(path + "s.ics", cancelled).status == 204
    done = instance_of_its_own(house, "2027-01-05 09:00:00", "2027-01-05 09:00:00", "done")
    upload = a_week_later(client.request("GET", path + "s.ics").text)
    if named == "by the former date":
        upload = upload.replace("RECURRENCE-ID:20270112", "RECURRENCE-ID:20270105")
    assert client.put(path + "s.ics", upload).status == 204
    assert occurrences(house, client, path) == [
        f"2027-{day}T09:00" for day in ("01-05", "01-26", "02-02", "02-09")
    ]
    assert rows_of_instances(house) == [
        ("done", "2027-01-12 09:00", done),
        ("cancelled", "2027-01-19 09:00", done - 1),
    ]


def rows_of_instances(house: House) -> list[tuple[str, str, int]]:
    """Status, date and id of the rows that belong to a series."""
    statement = "SELECT status, recurrence_id, id FROM appointment WHERE series_id IS NOT NULL ORDER BY 2, 3"
    with house.database.read() as uow:
        return [(r[0], str(r[1])[:16], int(r[2])) for r in uow.connection.execute(text(statement))]


def test_a_week_later_each_instance_keeps_its_own_row(own: MakeClient, house: House) -> None:
    """Two weeks running were moved by themselves; neither gets the other's note, and nothing is left over."""
    client = own(RITA, agent="DAVx5/4.5")
    path = house.path(RITA, house.own(ANNA))
    assert client.put(path + "s.ics", WEEKLY).status == 201
    first = instance_of_its_own(house, "2027-01-05 11:00:00", "2027-01-05 09:00:00", note="first")
    second = instance_of_its_own(house, "2027-01-12 12:00:00", "2027-01-12 09:00:00", note="second")
    upload = a_week_later(client.request("GET", path + "s.ics").text)
    assert client.put(path + "s.ics", upload).status == 204
    assert rows_of_instances(house) == [
        ("booked", "2027-01-12 09:00", first),
        ("booked", "2027-01-19 09:00", second),
    ]
    with house.database.read() as uow:
        assert uow.connection.execute(text("SELECT count(*) FROM appointment")).scalar_one() == 3
    assert client.request("GET", path + "s.ics").text == upload
