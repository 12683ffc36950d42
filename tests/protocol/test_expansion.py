"""Expanded series and free-busy time over HTTP; one odd event spoils nothing."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
import sqlalchemy

from radicale_practice.practice.model import CalendarKind
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, DECLARATIONS, Answer, Client, House, event

VIENNA = "TZID=Europe/Vienna"
FAR = 'start="00010101T000000Z" end="99991231T235959Z"'
SPAN = 'start="20270320T000000Z" end="20270420T000000Z"'


def calendar(*events: list[str]) -> str:
    """A VCALENDAR of these VEVENTs."""
    body = [line for lines in events for line in ("BEGIN:VEVENT", *lines, "END:VEVENT")]
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", *body, "END:VCALENDAR", ""]
    return "\r\n".join(lines)


COURSE = calendar(
    [
        "UID:course",
        f"DTSTART;{VIENNA}:20270323T090000",
        f"DTEND;{VIENNA}:20270323T100000",
        "RRULE:FREQ=WEEKLY;COUNT=5",
        f"EXDATE;{VIENNA}:20270406T090000",
        f"RDATE;{VIENNA}:20270325T150000",
        "SUMMARY:Kurs",
    ],
    [
        "UID:course",
        f"RECURRENCE-ID;{VIENNA}:20270413T090000",
        f"DTSTART;{VIENNA}:20270414T110000",
        f"DTEND;{VIENNA}:20270414T113000",
        "SUMMARY:Kurs verschoben",
    ],
)
ORPHAN = calendar(
    [
        "UID:orphan",
        f"RECURRENCE-ID;{VIENNA}:20270401T090000",
        f"DTSTART;{VIENNA}:20270401T100000",
        f"DTEND;{VIENNA}:20270401T110000",
        "SUMMARY:Einladung",
    ]
)
DAYS = calendar(
    [
        "UID:days",
        "DTSTART;VALUE=DATE:20270327",
        "RRULE:FREQ=DAILY;COUNT=3",
        "EXDATE;VALUE=DATE:20270328",
        "SUMMARY:Urlaub",
    ]
)


def expand(client: Client, path: str, span: str = SPAN, conditions: str = "") -> Answer:
    """A calendar-query with expansion."""
    body = (
        f"<C:calendar-query {DECLARATIONS}><D:prop><D:getetag/><C:calendar-data><C:expand {span}/>"
        f'</C:calendar-data></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">'
        f"<C:time-range {span}/>{conditions}</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
    )
    return client.request("REPORT", path, body, {"Depth": "1"})


def free_busy(client: Client, path: str, inner: str) -> Answer:
    """A free-busy-query."""
    return client.request("REPORT", path, f"<C:free-busy-query {DECLARATIONS}>{inner}</C:free-busy-query>")


def filled(client: Client, path: str) -> None:
    """The three events above, and a single one."""
    for name, text in (("course", COURSE), ("orphan", ORPHAN), ("days", DAYS)):
        assert client.put(f"{path}{name}.ics", text).status == 201
    assert client.put(path + "single.ics", event("single", "Team", "20270402T080000")).status == 201


def instances(text: str) -> list[tuple[str, str, str]]:
    """(RECURRENCE-ID, DTSTART, SUMMARY) of each VEVENT, whole lines but for the names."""
    found = []
    for block in text.split("BEGIN:VEVENT")[1:]:
        lines = dict(re.findall(r"^(RECURRENCE-ID|DTSTART|SUMMARY)[:;](.*?)\r?$", block, re.MULTILINE))
        found.append((lines.get("RECURRENCE-ID", ""), lines["DTSTART"], lines["SUMMARY"]))
    return sorted(found, key=lambda instance: instance[1])


@pytest.mark.parametrize("conditions", ["", '<C:prop-filter name="SUMMARY"/>'])
def test_expanded_instances(own: MakeClient, house: House, conditions: str) -> None:
    client, path = own(), house.path(ANNA)
    filled(client, path)
    answer = expand(client, path, conditions=conditions)
    assert answer.status == 207
    assert instances(answer.text) == [
        ("20270323T080000Z", "20270323T080000Z", "Kurs"),
        ("20270325T140000Z", "20270325T140000Z", "Kurs"),
        # summer time has begun
        ("20270330T070000Z", "20270330T070000Z", "Kurs"),
        ("20270401T070000Z", "20270401T080000Z", "Einladung"),
        ("", "20270402T080000Z", "Team"),
        ("20270413T070000Z", "20270414T090000Z", "Kurs verschoben"),
        ("VALUE=DATE:20270327", "VALUE=DATE:20270327", "Urlaub"),
        ("VALUE=DATE:20270329", "VALUE=DATE:20270329", "Urlaub"),
    ]
    for word in ("RRULE", "RDATE", "EXDATE", "VTIMEZONE"):
        assert word not in answer.text
    assert len(answer.responses()) == 4
    got = client.request("GET", path + "course.ics").etag
    assert answer.responses()[path + "course.ics"].findtext(".//{DAV:}getetag") == got


def test_only_utc_whatever_the_client_wrote(own: MakeClient, house: House) -> None:
    client, path = own(), house.path(ANNA)
    lines = ["UID:utc", "DTSTART;TZID=UTC:20270323T080000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2"]
    override = [
        "UID:utc",
        f"RECURRENCE-ID;{VIENNA}:20270330T100000",
        "DTSTART;TZID=Etc/UTC:20270330T090000",
        "DURATION:PT1H",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "TRIGGER:-PT5M",
        "END:VALARM",
    ]
    assert client.put(path + "utc.ics", calendar(lines, override)).status == 201
    text = expand(client, path).text
    assert set(re.findall(r"^(?:RECURRENCE-ID|DTSTART|DTEND|DURATION).*?(?=\r?$)", text, re.MULTILINE)) == {
        *("RECURRENCE-ID:20270323T080000Z", "DTSTART:20270323T080000Z", "DTEND:20270323T090000Z"),
        *("RECURRENCE-ID:20270330T080000Z", "DTSTART:20270330T090000Z", "DTEND:20270330T100000Z"),
    }
    assert "VTIMEZONE" not in text and text.index("DTEND:20270330T1") < text.index("BEGIN:VALARM")


def test_expansion_by_name(own: MakeClient, house: House) -> None:
    client, path = own(), house.path(ANNA)
    filled(client, path)
    hrefs = "".join(f"<D:href>{quote(path + name)}</D:href>" for name in ("course.ics", "none.ics"))
    body = (
        f"<C:calendar-multiget {DECLARATIONS}><D:prop><C:calendar-data>"
        '<C:expand start="20270330T000000Z" end="20270331T000000Z"/></C:calendar-data></D:prop>'
        f"{hrefs}</C:calendar-multiget>"
    )
    answer = client.request("REPORT", path, body)
    assert instances(answer.text) == [("20270330T070000Z", "20270330T070000Z", "Kurs")]
    assert set(answer.responses()) == {path + "course.ics", path + "none.ics"}


def test_free_busy(own: MakeClient, house: House) -> None:
    client, path = own(), house.path(ANNA)
    filled(client, path)
    free = event("free", "Frei", "20270402T090000", more="TRANSP:TRANSPARENT\r\n")
    assert client.put(path + "free.ics", free).status == 201
    perhaps = event("perhaps", "Vielleicht", "20270403T080000", more="STATUS:TENTATIVE\r\n")
    assert client.put(path + "perhaps.ics", perhaps).status == 201
    answer = free_busy(client, path, f"<C:time-range {SPAN}/>")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/calendar")
    assert re.findall(r"FREEBUSY;FBTYPE=([A-Z-]+):(\S+)", answer.text) == [
        ("BUSY", "20270323T080000Z/20270323T090000Z"),
        ("BUSY", "20270325T140000Z/20270325T150000Z"),
        # a day is a day of the practice's zone
        ("BUSY", "20270326T230000Z/20270327T230000Z"),
        ("BUSY", "20270328T220000Z/20270329T220000Z"),
        ("BUSY", "20270330T070000Z/20270330T080000Z"),
        ("BUSY", "20270401T080000Z/20270401T090000Z"),
        ("BUSY", "20270402T080000Z/20270402T083000Z"),
        ("BUSY-TENTATIVE", "20270403T080000Z/20270403T083000Z"),
        ("BUSY", "20270414T090000Z/20270414T093000Z"),
    ]
    for word in ("Kurs", "Urlaub", "Team", "UID:course"):
        assert word not in answer.text
    assert answer.text == free_busy(client, path, f"<C:time-range {SPAN}/>").text


def test_too_much_or_nonsense_is_refused(own: MakeClient, house: House) -> None:
    client, path = own(), house.path(ANNA)
    filled(client, path)
    endless = event("endless", more="RRULE:FREQ=DAILY\r\n")
    assert client.put(path + "endless.ics", endless).status == 201
    for conditions in ("", '<C:prop-filter name="SUMMARY"/>'):
        answer = expand(client, path, FAR, conditions)
        assert (answer.status, answer.condition()) == (403, "{DAV:}number-of-matches-within-limits")
    answer = free_busy(client, path, f"<C:time-range {FAR}/>")
    assert (answer.status, answer.condition()) == (403, "{DAV:}number-of-matches-within-limits")
    backwards = 'start="20270420T000000Z" end="20270320T000000Z"'
    for span in ('start="x" end="y"', backwards, 'start="20270320T000000Z"', ""):
        assert expand(client, path, span).condition().endswith("valid-filter"), span
        assert free_busy(client, path, f"<C:time-range {span}/>").condition().endswith("valid-filter")
    assert free_busy(client, path, "").condition().endswith("valid-filter")


def ringing(client: Client, path: str, start: str, end: str) -> list[str]:
    """Names of the events with an alarm in a range."""
    inner = f'<C:comp-filter name="VALARM"><C:time-range start="{start}" end="{end}"/></C:comp-filter>'
    answer = client.query(path, f'<C:comp-filter name="VEVENT">{inner}</C:comp-filter>')
    return sorted(name.rpartition("/")[2] for name in answer.responses())


def alarm(*lines: str) -> str:
    """A VALARM of these lines."""
    return "\r\n".join(["BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", *lines, "END:VALARM", ""])


def test_alarms_in_a_range_without_walking_to_the_end_of_the_calendar(
    either: MakeClient, house: House
) -> None:
    client, path = either(), house.path(ANNA)
    for name, more in {
        "before": "RRULE:FREQ=DAILY\r\n" + alarm("TRIGGER:-PT30M"),
        "end": alarm("TRIGGER;RELATED=END:PT0S"),
        "fixed": alarm("TRIGGER;VALUE=DATE-TIME:20270301T120000Z"),
        "again": alarm("TRIGGER:-P1D", "REPEAT:2", "DURATION:PT1H"),
        "none": "",
    }.items():
        assert client.put(f"{path}{name}.ics", event(name, more=more)).status == 201
    for inner, found in {"": 4, "<C:is-not-defined/>": 1}.items():
        filter_ = f'<C:comp-filter name="VEVENT"><C:comp-filter name="VALARM">{inner}</C:comp-filter>'
        assert len(client.query(path, f"{filter_}</C:comp-filter>").responses()) == found
    assert ringing(client, path, "20270106T082900Z", "20270106T083100Z") == ["before.ics"]
    assert ringing(client, path, "20270106T084000Z", "20270106T090000Z") == []
    assert ringing(client, path, "20270105T093000Z", "20270105T093001Z") == ["end.ics"]
    assert ringing(client, path, "20270301T115900Z", "20270301T120100Z") == ["fixed.ics"]
    assert ringing(client, path, "20270104T105900Z", "20270104T110100Z") == ["again.ics"]
    # An endless series: both took vobject a minute each.
    assert ringing(client, path, "20000101T000000Z", "20010101T000000Z") == []
    assert ringing(client, path, "29990101T000000Z", "29990102T000000Z") == ["before.ics"]


def test_a_report_that_is_not_offered_says_so(own: MakeClient, house: House) -> None:
    for path in (house.path(ANNA), "/anna_müller/", "/"):
        for body in ('<D:acl-principal-prop-set xmlns:D="DAV:"/>', '<X xmlns="y"/>'):
            answer = own().request("REPORT", path, body)
            assert (answer.status, answer.condition()) == (403, "{DAV:}supported-report")


@pytest.mark.parametrize(("start", "rule"), [("2027-01-05", "FREQ=DAILY"), ("0001-01-02", "FREQ=YEARLY")])
def test_a_row_to_the_end_of_the_calendar(own: MakeClient, house: House, start: str, rule: str) -> None:
    client, path = own(), house.path(ANNA)
    filled(client, path)
    with house.database.write() as uow:
        uow.connection.execute(
            sqlalchemy.text(
                f"UPDATE appointment SET rrule = '{rule}', all_day = true,"
                f" starts_at = '{start} 00:00:00', ends_at = '9999-12-29 00:00:00' WHERE subject = 'Team'"
            )
        )
    assert {path + "course.ics", path + "days.ics"} <= set(expand(client, path).responses())
    assert free_busy(client, path, f"<C:time-range {SPAN}/>").status == 200
    away = house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE)) + "single.ics"
    for source, target in ((path + "single.ics", away), (away, path + "single.ics")):
        assert client.request("MOVE", source, b"", {"Destination": quote(target)}).status == 201
