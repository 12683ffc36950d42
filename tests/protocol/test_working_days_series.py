"""Whole days with series: what phones do to them, and what is there afterwards."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import text

from radicale_practice.practice import book
from radicale_practice.practice.model import Actor
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, House, event

WEEKLY = "RRULE:FREQ=WEEKLY;COUNT=6\r\n"
EXDATE = "EXDATE:20270112T090000Z\r\n"


def _with_exception(series: str, summary: str, start: str) -> str:
    """The series with its second instance moved and renamed."""
    moved = event("s@x", summary, start, more="RECURRENCE-ID:20270112T090000Z\r\n")
    return series.replace("END:VCALENDAR\r\n", moved[moved.index("BEGIN:VEVENT") :])


def test_an_instance_moved_then_deleted_then_given_back_follows_its_series(
    either: MakeClient, house: House
) -> None:
    """A client that takes an EXDATE back shows the instance of the rule, so that is what takes place."""
    client, path = either(ANNA), house.path(ANNA)
    plain = event("s@x", "Team", more=WEEKLY)
    assert client.put(path + "s.ics", plain).status == 201
    for upload in (
        _with_exception(plain, "Anders", "20270112T140000"),
        event("s@x", "Team", more=WEEKLY + EXDATE),
        plain,
    ):
        etag = client.request("GET", path + "s.ics").etag
        answer = client.put(path + "s.ics", upload, if_match=etag)
        assert answer.status == 204
        read = client.request("GET", path + "s.ics")
        assert (read.text, read.etag) == (upload, answer.etag)
    with house.database.read() as uow:
        rows = uow.connection.execute(text("SELECT subject, status, series_id FROM appointment ORDER BY id"))
        # The moved instance was an appointment of its own: it stays in the records, as a cancelled one.
        assert [tuple(row) for row in rows] == [("Team", "booked", None), ("Anders", "cancelled", None)]


def test_an_instance_that_the_practice_moves_keeps_what_the_phone_wrote(
    either: MakeClient, house: House
) -> None:
    """The reception moves one instance: it comes with category and alarm, and without rule or exclusions."""
    client, path = either(ANNA), house.path(ANNA)
    alarm = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Team\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\n"
    series = event("s@x", "Team", more=WEEKLY + EXDATE + "CATEGORIES:Besprechung\r\n" + alarm)
    assert client.put(path + "s.ics", series).status == 201
    with house.database.write(Actor(program="practice program")) as uow:
        key = uow.connection.execute(text("SELECT id FROM appointment WHERE subject = 'Team'")).scalar_one()
        original = book.instance_on(uow, key, date(2027, 1, 19))
        book.reschedule(uow, uow.actor, key, original + timedelta(hours=2), on=original)
    read = client.request("GET", path + "s.ics").text
    master, moved = (part for part in read.split("BEGIN:VEVENT")[1:])
    for kept in ("UID:s@x", "CATEGORIES:Besprechung", "TRIGGER:-PT15M"):
        assert kept in master
        assert kept in moved
    assert "RECURRENCE-ID" in moved
    for of_the_series in ("RRULE", "EXDATE"):
        assert of_the_series in master
        assert of_the_series not in moved
    # and the phone may send it back as it is
    etag = client.request("GET", path + "s.ics").etag
    assert client.put(path + "s.ics", read, if_match=etag).status == 204
    assert client.request("GET", path + "s.ics").text == read
