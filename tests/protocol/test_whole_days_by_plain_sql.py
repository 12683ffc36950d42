"""Whole days that a practice program wrote in another form than from midnight to midnight."""

from __future__ import annotations

from typing import Any

import pytest

from radicale_practice.practice import book
from radicale_practice.practice.model import Actor
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, BEN, RITA, House
from tests.protocol.test_two_halves import DONE, ORDERS, names, sql, two_halves

FORMS = {
    "a clock time": ("2027-01-05 09:00:00", "2027-01-05 10:00:00"),
    "no length": ("2027-01-05 00:00:00", "2027-01-05 00:00:00"),
    "its last second": ("2027-01-05 00:00:00", "2027-01-05 23:59:59"),
}


def written(house: House, calendar_id: int, start: str, end: str, **more: Any) -> int:
    """A whole day by plain SQL; its id."""
    values = {"practice_id": house.practice_id, "starts_at": start, "ends_at": end, "all_day": True, **more}
    columns, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    statement = f"INSERT INTO appointment ({columns}) VALUES ({places}) RETURNING id"
    ((key,),) = sql(house, statement, **values)
    link = "INSERT INTO appointment_calendar (appointment_id, calendar_id) VALUES (:a, :c)"
    sql(house, link, a=key, c=calendar_id)
    return int(key)


def times(house: House, key: int, *columns: str) -> list[str]:
    """Columns of a row, as text."""
    (row,) = sql(house, f"SELECT {', '.join(columns)} FROM appointment WHERE id = :key", key=key)
    return [str(value)[:19] for value in row]


@pytest.mark.parametrize("form", FORMS)
def test_a_phone_moves_it(own: MakeClient, house: House, form: str) -> None:
    key = written(house, house.own(ANNA).id, *FORMS[form], subject="Kongress")
    client, path = own(), house.path(ANNA)
    (name,) = names(client, path)
    seen = client.request("GET", path + name)
    moved = seen.text.replace("20270105", "20270107")
    assert client.put(path + name, moved, if_match=seen.etag or "").status == 204
    assert client.request("GET", path + name).text == moved
    assert times(house, key, "starts_at")[0].startswith("2027-01-07")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("form", FORMS)
def test_a_program_takes_it_to_a_colleague_and_to_another_day(
    own: MakeClient, house: House, form: str, order: str
) -> None:
    key = written(house, house.own(ANNA).id, *FORMS[form], subject="Kongress")
    client = own(RITA, agent="DAVx5/4.5")
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    (name,) = names(client, old)
    moved = client.request("GET", old + name).text.replace("20270105", "20270107")
    assert all(a.status in DONE for a in two_halves(client, order, old + name, new + name, moved))
    assert (names(client, old), names(client, new)) == ([], [name])
    assert times(house, key, "starts_at", "status") == ["2027-01-07 00:00:00", "booked"]


def test_reading_and_sending_it_back_changes_nothing(own: MakeClient, house: House) -> None:
    excluded = {"exdate": "2027-01-12 09:00", "rdate": "2027-02-20 09:00", "rrule": "FREQ=WEEKLY;COUNT=4"}
    written(house, house.own(ANNA).id, *FORMS["a clock time"], **excluded)
    client, path = own(), house.path(ANNA)
    (name,) = names(client, path)
    token = client.token(path)
    answer = client.put(path + name, client.request("GET", path + name).text)
    assert answer.status == 204 and client.token(path) == token


def test_an_instance_at_the_colleagues_follows_the_series(own: MakeClient, house: House) -> None:
    series = written(house, house.own(ANNA).id, *FORMS["a clock time"], rrule="FREQ=WEEKLY;COUNT=4")
    there = ("2027-01-19 09:00:00", "2027-01-19 10:00:00")
    instance = written(house, house.own(BEN).id, *there, series_id=series, recurrence_id=there[0])
    client, path = own(), house.path(ANNA)
    (name,) = names(client, path)
    seen = client.request("GET", path + name).text
    assert "EXDATE;VALUE=DATE:20270119" in seen
    shifted = seen.replace("20270105", "20270106").replace("20270119", "20270120")
    assert client.put(path + name, shifted).status == 204
    assert client.request("GET", path + name).text == shifted
    assert times(house, instance, "starts_at", "recurrence_id")[0] == there[0]
    assert times(house, instance, "recurrence_id")[0].startswith("2027-01-20")


def test_the_practice_moves_such_a_series_too(own: MakeClient, house: House) -> None:
    series = written(house, house.own(ANNA).id, *FORMS["a clock time"], rrule="FREQ=WEEKLY;COUNT=4")
    with house.database.write() as uow:
        starts = book.show(uow, series).appointment.start
        book.reschedule(uow, Actor(), series, starts.replace(day=6, hour=0))
    client, path = own(), house.path(ANNA)
    (name,) = names(client, path)
    assert "DTSTART;VALUE=DATE:20270106" in client.request("GET", path + name).text
