"""Whole days with series: what phones do to them, and what is there afterwards."""

from __future__ import annotations

from sqlalchemy import text

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
