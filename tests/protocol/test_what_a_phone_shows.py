"""A phone that takes the bytes at their word shows exactly what takes place in the practice.

The phone here is python-dateutil and a few lines: EXDATE leaves out whatever it names, an UNTIL without "Z"
is UTC, as in several clients, and nothing of ours is used to read the text.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rruleset, rrulestr

from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, Client, House, event
from tests.protocol.test_two_halves import names, occurrences, sql

PRACTICE = ZoneInfo("Europe/Vienna")


def _instant(line: str, value: str) -> datetime:
    """A value of a line in UTC; days begin in the practice's zone."""
    zone = re.search(r"TZID=([^:;]+)", line)
    form = "%Y%m%dT%H%M%S" if "T" in value else "%Y%m%d"
    wall = datetime.strptime(value.rstrip("Z"), form)
    own = UTC if value.endswith("Z") else ZoneInfo(zone[1]) if zone else PRACTICE
    return wall.replace(tzinfo=own).astimezone(UTC)


def _lines(event_text: str, name: str) -> list[str]:
    return [line for line in event_text.split("\n") if re.match(f"{name}[:;]", line)]


def _instants(event_text: str, name: str) -> list[datetime]:
    return [
        _instant(line, v) for line in _lines(event_text, name) for v in line.rpartition(":")[2].split(",")
    ]


def phone_shows(text: str) -> list[str]:
    """The starts (UTC) of all that a phone shows of an event."""
    plain = re.sub(r"\r?\n[ \t]", "", text).replace("\r\n", "\n")
    events = re.findall(r"^BEGIN:VEVENT\n.*?^END:VEVENT", plain, re.MULTILINE | re.DOTALL)
    shown: set[datetime] = set()
    replaced: set[datetime] = set()
    excluded: set[datetime] = set()
    for one in events:
        (start,) = _instants(one, "DTSTART")
        replaces = _instants(one, "RECURRENCE-ID")
        if replaces:
            replaced.update(replaces)
            continue
        zone = re.search(r"TZID=([^:;]+)", _lines(one, "DTSTART")[0])
        own = ZoneInfo(zone[1]) if zone else UTC if "Z" in _lines(one, "DTSTART")[0] else PRACTICE
        rules = rruleset()
        for line in _lines(one, "RRULE"):
            until = next(iter(re.findall(r"UNTIL=(\w+)", line)), "")
            rule = re.sub(r";UNTIL=\w+", "", line.removeprefix("RRULE:"))
            wall = start.astimezone(own).replace(tzinfo=None)
            ends = (
                _instant("", until if "T" not in until or until[-1] == "Z" else until + "Z")
                if until
                else None
            )
            for found in rrulestr(rule, dtstart=wall):
                moment = found.replace(tzinfo=own).astimezone(UTC)
                if (ends is not None and moment > ends) or moment.year > 2028:
                    break
                rules.rdate(moment)
        for moment in (start, *_instants(one, "RDATE")):
            rules.rdate(moment)
        shown.update(rules)
        excluded.update(_instants(one, "EXDATE"))
    shown -= replaced
    for one in events:
        if not set(_instants(one, "RECURRENCE-ID")) & excluded and _lines(one, "RECURRENCE-ID"):
            shown.update(_instants(one, "DTSTART"))
    return sorted(f"{moment:%Y-%m-%dT%H:%M}" for moment in shown - excluded)


def read(client: Client, path: str) -> str:
    """The one event of a calendar."""
    (name,) = names(client, path)
    return client.request("GET", path + name).text


def agree(client: Client, house: House) -> list[str]:
    """What takes place, which the phone shows as well."""
    path = house.path(ANNA)
    takes_place = occurrences(house, client, path)
    assert phone_shows(read(client, path)) == takes_place
    return takes_place


def test_the_zone_of_a_series_changes_under_what_its_phone_excluded(own: MakeClient, house: House) -> None:
    """The EXDATE and RDATE that a phone wrote are in the zone the series had then."""
    client, path = own(), house.path(ANNA)
    more = "RRULE:FREQ=WEEKLY;COUNT=4\r\nEXDATE:20270112T090000Z\r\nRDATE:20270114T090000Z\r\n"
    assert client.put(path + "s.ics", event("s", more=more)).status == 201
    assert len(agree(client, house)) == 4
    sql(house, "UPDATE appointment SET time_zone = 'Asia/Tokyo'")
    assert "2027-01-12T00:00" not in agree(client, house)


def test_an_instance_with_a_row_of_its_own_takes_place_whatever_the_series_excludes(
    own: MakeClient, house: House
) -> None:
    """A phone moves one instance; a program that knows nothing of it leaves the date out of the series."""
    client, path = own(), house.path(ANNA)
    assert client.put(path + "s.ics", event("s", more="RRULE:FREQ=WEEKLY;COUNT=4\r\n")).status == 201
    moved = event("s", start="20270113T150000", more="RECURRENCE-ID:20270112T090000Z\r\n")
    both = read(client, path).replace("END:VCALENDAR\r\n", moved[moved.index("BEGIN:VEVENT") :])
    assert client.put(path + "s.ics", both).status == 204
    sql(house, "UPDATE appointment SET exdate = '2027-01-12 09:00:00' WHERE series_id IS NULL")
    assert agree(client, house) == [f"2027-01-{day}:00" for day in ("05T09", "13T15", "19T09", "26T09")]
    # another program writes the event anew, with its own change: what it was not shown stays
    changed = read(client, path).replace("PRODID:-//test//EN", "PRODID:-//other//EN").replace("Team", "Kurs")
    assert client.put(path + "s.ics", changed).status == 204
    (excluded,) = sql(house, "SELECT exdate FROM appointment WHERE series_id IS NULL")
    assert excluded == ("2027-01-12 09:00:00",)


@pytest.mark.parametrize("zone", ["Europe/Vienna", "America/New_York", "UTC"])
@pytest.mark.parametrize("until", ["20270119", "20270119T090000"])
def test_the_last_day_of_a_series_by_plain_sql_is_the_last_on_the_phone(
    own: MakeClient, house: House, zone: str, until: str
) -> None:
    """RFC 5545 3.3.10 has UNTIL in UTC where the start has a zone; practice programs write local times."""
    rule = f"FREQ=WEEKLY;UNTIL={until};WKST=MO"
    columns = {"practice_id": house.practice_id, "time_zone": zone, "rrule": rule, "subject": "Kurs"}
    statement = (
        f"INSERT INTO appointment ({', '.join(columns)}, starts_at, ends_at) VALUES"
        f" ({', '.join(f':{name}' for name in columns)}, '2027-01-05 09:00:00', '2027-01-05 10:00:00')"
        " RETURNING id"
    )
    ((key,),) = sql(house, statement, **columns)
    link = "INSERT INTO appointment_calendar (appointment_id, calendar_id) VALUES (:a, :c)"
    sql(house, link, a=key, c=house.own(ANNA).id)
    client, path = own(), house.path(ANNA)
    assert len(agree(client, house)) == 3
    # what a device sends back as it was shown changes no column
    (name,) = names(client, path)
    written = read(client, path).replace("PRODID:", "PRODID:other ").replace("Kurs", "Gruppe")
    assert client.put(path + name, written).status == 204
    assert sql(house, "SELECT rrule, subject FROM appointment") == [(rule, "Gruppe")]


@pytest.mark.parametrize("until", ["20270119", "20270119T100000"])
def test_an_end_that_a_client_wrote_in_local_time_is_the_same_for_all_clients(
    own: MakeClient, house: House, until: str
) -> None:
    client, path = own(), house.path(ANNA)
    written = event("s", more=f"RRULE:FREQ=WEEKLY;UNTIL={until}\r\n").replace("00Z\r\nDT", "00\r\nDT")
    answer = client.put(path + "s.ics", written.replace("00Z\r\nSUM", "00\r\nSUM"))
    assert answer.status == 201 and answer.etag is None
    assert len(agree(client, house)) == 3
    seen = client.request("GET", path + "s.ics")
    assert client.put(path + "s.ics", seen.text, if_match=seen.etag or "").etag == seen.etag


@pytest.mark.parametrize("all_day", [False, True])
def test_an_instance_named_in_another_form_is_not_shown_twice(
    own: MakeClient, house: House, all_day: bool
) -> None:
    """A day for a series with clock times, or a time for one of whole days: other programs do not find it."""
    client, path = own(), house.path(ANNA)
    original = "RECURRENCE-ID:20270112T000000Z" if all_day else "RECURRENCE-ID;VALUE=DATE:20270112"
    master = event("s", more="RRULE:FREQ=WEEKLY;COUNT=3\r\n")
    if all_day:
        master = re.sub(r"DTSTART:(\d+)T\w+\r\nDTEND:\w+", r"DTSTART;VALUE=DATE:\1", master)
    moved = event("s", start="20270113T150000", more=f"{original}\r\n")
    both = master.replace("END:VCALENDAR\r\n", moved[moved.index("BEGIN:VEVENT") :])
    answer = client.put(path + "s.ics", both)
    assert answer.status == 201 and answer.etag is None
    assert len(agree(client, house)) == 3


def test_an_event_with_two_ends_has_one_for_all(own: MakeClient, house: House) -> None:
    """DTEND and DURATION exclude each other (RFC 5545 3.6.1); the practice believes the DTEND."""
    client, path = own(), house.path(ANNA)
    both = event("s").replace("DTEND:", "DURATION:PT3H\r\nDTEND:")
    assert client.put(path + "s.ics", both).status == 201
    assert re.findall("DTEND.*|DURATION.*", read(client, path)) == ["DTEND:20270105T093000Z\r"]
    assert [str(end)[11:16] for (end,) in sql(house, "SELECT ends_at FROM appointment")] == ["09:30"]


@pytest.mark.parametrize("status", ["booked", "done"])
def test_a_series_in_another_zone_keeps_its_instances(own: MakeClient, house: House, status: str) -> None:
    """From Vienna to UTC over the day of change: what was moved is the same instant at another wall time."""
    client, path = own(), house.path(ANNA)
    moved = event("s", start="20270331T150000", more="RECURRENCE-ID:20270330T070000Z\r\n")
    weekly = event("s", start="20270302T080000", more="RRULE:FREQ=WEEKLY;COUNT=5\r\n")
    weekly = weekly.replace("DTSTART:20270302T080000Z", "DTSTART;TZID=Europe/Vienna:20270302T090000")
    both = weekly.replace("END:VCALENDAR\r\n", moved[moved.index("BEGIN:VEVENT") :])
    assert client.put(path + "s.ics", both).status == 201
    statement = "UPDATE appointment SET status = :status, note = 'Knie' WHERE series_id IS NOT NULL"
    sql(house, statement, status=status)
    before = sql(house, "SELECT id, public_id FROM appointment ORDER BY id")
    seen = client.request("GET", path + "s.ics")
    in_utc = seen.text.replace("DTSTART;TZID=Europe/Vienna:20270302T090000", "DTSTART:20270302T080000Z")
    assert client.put(path + "s.ics", in_utc, if_match=seen.etag or "").status in (204, 412)
    assert sql(house, "SELECT id, public_id FROM appointment ORDER BY id") == before
    assert agree(client, house).count("2027-03-31T15:00") == 1


def test_an_instance_sent_alone_from_another_zone_is_that_of_its_series(
    own: MakeClient, house: House
) -> None:
    client, path = own(), house.path(ANNA)
    weekly = event("s", start="20270105T080000", more="RRULE:FREQ=WEEKLY;COUNT=3\r\n")
    weekly = weekly.replace("DTSTART:20270105T080000Z", "DTSTART;TZID=Europe/Vienna:20270105T090000")
    assert client.put(path + "s.ics", weekly).status == 201
    alone = event("s", start="20270113T150000", more="RECURRENCE-ID:20270112T080000Z\r\n")
    alone = alone.replace("DTSTART:20270113T150000Z", "DTSTART;TZID=America/New_York:20270113T100000")
    assert client.put(path + "s.ics", alone).status == 204
    assert agree(client, house) == ["2027-01-05T08:00", "2027-01-13T15:00", "2027-01-19T08:00"]


@pytest.mark.parametrize("left", ["row", "exdate"])
def test_what_is_left_of_a_series_without_its_rule(own: MakeClient, house: House, left: str) -> None:
    """A program takes the rule away, not the cancellation of the first date: nothing takes place any more."""
    client, path = own(), house.path(ANNA)
    assert client.put(path + "s.ics", event("s", more="RRULE:FREQ=WEEKLY;COUNT=4\r\n")).status == 201
    seen = read(client, path).replace("COUNT=4\r\n", "COUNT=4\r\nEXDATE:20270105T090000Z\r\n")
    assert client.put(path + "s.ics", seen).status == 204
    if left == "exdate":
        sql(house, "DELETE FROM appointment WHERE series_id IS NOT NULL")
        sql(house, "UPDATE appointment SET exdate = '2027-01-05 09:00:00'")
    sql(house, "UPDATE appointment SET rrule = '' WHERE series_id IS NULL")
    assert agree(client, house) == []
    again = read(client, path).replace("PRODID:", "PRODID:other ")
    assert client.put(path + "s.ics", again).status == 204
    assert agree(client, house) == []
