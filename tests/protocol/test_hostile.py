"""Hostile and broken input: a 4xx with the right condition, nothing changed, no content in the log."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from sqlalchemy import text

from radicale_practice.practice import practices
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, Client, House, event

CALDAV = "{urn:ietf:params:xml:ns:caldav}"
SECRET = "Xaverius Geheimnis"
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    '<D:propfind xmlns:D="DAV:"><D:prop><D:displayname>&b;</D:displayname></D:prop></D:propfind>'
)
EXTERNAL = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    '<D:propfind xmlns:D="DAV:"><D:prop>&e;</D:prop></D:propfind>'
)


@pytest.fixture
def quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """After the test: nothing of the secret in any record."""
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.records:
        message = record.getMessage() + (record.exc_text or "")
        assert not any(word in message for word in SECRET.split()), record.name


def _state(house: House) -> list[tuple[object, ...]]:
    with house.database.read() as uow:
        tables = ("appointment", "calendar_object", "object_change", "calendar_property", "calendar")
        return [
            tuple(row)
            for table in tables
            for row in uow.connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2"))
        ]


BAD_BODIES: dict[str, bytes] = {
    "empty": b"",
    "spaces": b" \r\n ",
    "bom only": b"\xef\xbb\xbf",
    "garbage": SECRET.encode() * 10,
    "binary": bytes(range(256)),
    "latin-1": event("1@x", SECRET + " \xfc").encode("latin-1"),
    "nul": event("1@x", SECRET + "\0").encode(),
    "html": f"<html><body>{SECRET}</body></html>".encode(),
    "no end": event("1@x", SECRET)[:-20].encode(),
    "no event": b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
    "no uid": event("1@x", SECRET).replace("UID:1@x\r\n", "").encode(),
    "two uids": (event("1@x", SECRET)[:-15] + event("2@x")[29:]).encode(),
    "no start": event("1@x", SECRET).replace("DTSTART:20270105T090000Z\r\n", "").encode(),
    "bad start": event("1@x", SECRET).replace("20270105T090000Z", "20271305T090000Z").encode(),
    "year zero": event("1@x", SECRET).replace("DTSTART:2027", "DTSTART:0000").encode(),
    "bad rule": event("1@x", SECRET, more="RRULE:FREQ=SOMETIMES\r\n").encode(),
    "rule bomb": event("1@x", SECRET, more="RRULE:FREQ=SECONDLY\r\n").encode(),
    "rule without end": event("1@x", SECRET, more="RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31\r\n").encode(),
    "todo": event("1@x", SECRET).replace("VEVENT", "VTODO").encode(),
    "journal": event("1@x", SECRET).replace("VEVENT", "VJOURNAL").encode(),
    "card": f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nFN:{SECRET}\r\nN:x;y;;;\r\nEND:VCARD\r\n".encode(),
    "unparsable line": event("1@x", "a", more=f"{SECRET}\r\n").encode(),
    "huge uid": event("u" * 100_000, SECRET).encode(),
}


def test_bad_calendar_data(either: MakeClient, house: House, quiet_log: None) -> None:
    client, path = either(), house.path(ANNA)
    before = _state(house)
    for name, body in BAD_BODIES.items():
        answer = client.put(path + "x.ics", body)
        assert 400 <= answer.status < 500, (name, answer.status, answer.text)
        assert _state(house) == before, name
        assert SECRET not in answer.text, name


CONDITIONS = [
    ("empty", "valid-calendar-data"),
    ("garbage", "valid-calendar-data"),
    ("binary", "valid-calendar-data"),
    ("todo", "supported-calendar-component"),
    ("journal", "supported-calendar-component"),
    ("no uid", "valid-calendar-object-resource"),
    ("two uids", "valid-calendar-object-resource"),
]


def test_conditions(own: MakeClient, house: House) -> None:
    for name, condition in CONDITIONS:
        answer = own().put(house.path(ANNA) + "x.ics", BAD_BODIES[name])
        assert answer.condition() == CALDAV + condition, (name, answer.text)


def test_the_log_says_why(own: MakeClient, house: House, caplog: pytest.LogCaptureFixture) -> None:
    own().put(house.path(ANNA) + "x.ics", BAD_BODIES["bad start"])
    own().put(house.path(ANNA) + "x.ics", BAD_BODIES["unparsable line"])
    text_of_log = " ".join(record.getMessage() for record in caplog.records)
    assert "line 7: not a date or date-time" in text_of_log and "line 10: no colon" in text_of_log
    assert not any(word in text_of_log for word in SECRET.split())


def test_a_byte_order_mark_is_no_reason(own: MakeClient, house: House) -> None:
    client, path = own(), house.path(ANNA)
    answer = client.put(path + "x.ics", b"\xef\xbb\xbf" + event("1@x", "Team").encode())
    assert (answer.status, answer.etag) == (201, None)
    assert client.request("GET", path + "x.ics").text == event("1@x", "Team")


def test_large_bodies(own: MakeClient, house: House, quiet_log: None) -> None:
    client, path = own(), house.path(ANNA)
    before = _state(house)
    padding = f"DESCRIPTION:{SECRET}" + "x" * 3_000_000 + "\r\n"
    answer = client.put(path + "x.ics", event("1@x", more=padding))
    assert (answer.status, answer.condition()) == (413, CALDAV + "max-resource-size")
    beyond = client.put(path + "x.ics", b"x" * 10_000_001)
    assert (beyond.status, beyond.condition()) == (413, CALDAV + "max-resource-size")
    listing = client.request("PROPFIND", path, b"<x>" * 3_400_000)
    assert (listing.status, listing.condition()) == (413, "")
    assert _state(house) == before


def test_bad_xml(own: MakeClient, house: House, quiet_log: None) -> None:
    before = _state(house)
    for method in ("PROPFIND", "REPORT", "PROPPATCH", "MKCALENDAR", "MKCOL"):
        path = house.path(ANNA) if method not in ("MKCALENDAR", "MKCOL") else "/anna_müller/neu/"
        for body in ("<D:propfind", BOMB, EXTERNAL, "\x00\x01", "<a>" * 100_000, SECRET):
            answer = own().request(method, path, body)
            assert answer.status == 400, (method, body[:50], answer.status, answer.text)
    assert _state(house) == before


ROOTS = {
    "PROPFIND": "propfind",
    "PROPPATCH": "propertyupdate",
    "MKCALENDAR": "mkcalendar",
    "MKCOL": "mkcol",
}


def test_another_methods_document_is_refused(own: MakeClient, house: House) -> None:
    """RFC 4918 9.1 and 9.2, RFC 4791 5.3.1, RFC 5689 3: each body has its own root, in its own namespace."""
    before = _state(house)
    made = "<D:set><D:prop><D:resourcetype><D:collection/><C:calendar/></D:resourcetype></D:prop></D:set>"
    spaces = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
    roots = [f"{prefix}{name}" for prefix in ("", "D:", "C:") for name in ("a", *ROOTS.values())]
    for method, right in ROOTS.items():
        prefix = "C:" if method == "MKCALENDAR" else "D:"
        path = "/anna_müller/neu/" if method.startswith("MK") else house.path(ANNA)
        for root in roots:
            if root == prefix + right:
                continue
            answer = own().request(method, path, f"<{root} {spaces}>{made}</{root}>")
            assert answer.status == 400, (method, root, answer.status, answer.text)
    assert _state(house) == before


def test_ios_writes_the_namespaces_its_own_way(own: MakeClient) -> None:
    body = (
        '<B:mkcalendar xmlns:B="urn:ietf:params:xml:ns:caldav"><A:set xmlns:A="DAV:"><A:prop>'
        "<A:displayname>Privat</A:displayname></A:prop></A:set></B:mkcalendar>"
    )
    assert own().request("MKCALENDAR", "/anna_müller/neu/", body).status == 201


def test_bad_xml_under_stock(stock: MakeClient, house: House, quiet_log: None) -> None:
    cases = itertools.product(("PROPFIND", "REPORT", "PROPPATCH"), ("<D:propfind", "\x00\x01", SECRET))
    for method, body in cases:
        assert stock().request(method, house.path(ANNA), body).status == 400


NAMES = [
    "Maria Mustermann.ics",
    "a,b.ics",
    "a:b;c'd\"e.ics",
    "ümläut ☃ 😀.ics",
    "a&b<c>d.ics",
    "100%.ics",
    "%2e%2e.ics",
    "x" * 200 + ".ics",
    "no-suffix",
    "a+b=c?d#e.ics",
    "-.ics",
]


def test_weird_names_are_kept(either: MakeClient, house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client, path = either(), house.path(ANNA)
    with house.database.write() as uow:
        practices.set_settings(uow, house.practice_id, {"brake_cancellations": 1000})
    for name in NAMES:
        answer = client.put(path + name, event(f"{name[:20].encode().hex()}@x", "Team"))
        assert answer.status == 201, (name, answer.text)
        assert set(client.sync(path).responses()) == {path + name}
        assert client.multiget(path, name).responses()[path + name].find(".//{DAV:}getetag") is not None
        assert client.request("GET", path + name).status == 200, name
        assert client.request("DELETE", path + name).status in (200, 204), name
    assert "Mustermann" not in caplog.text


TRICKS = (
    "../../etc/passwd",
    "..",
    ".",
    "a/b.ics",
    "a\n.ics",
    "\x7f.ics",
    "y" * 300 + ".ics",
    "a\u200f\ud7ff.ics",
)


def test_path_tricks(either: MakeClient, house: House) -> None:
    client, path = either(), house.path(ANNA)
    before = _state(house)
    for name in TRICKS:
        answer = client.put(path + name, event("1@x", "Team"))
        assert 400 <= answer.status < 500, (name, answer.text)
    assert _state(house) == before


def _raw(client: Client, **headers: str) -> int:
    return client.request("PROPFIND", "/", b"", {k.replace("_", "-"): v for k, v in headers.items()}).status


def test_broken_headers(own: MakeClient, house: House) -> None:
    client = own()
    assert _raw(client, Authorization="Basic !!!") == 401
    assert _raw(client, Authorization="Basic " + "QUJD") == 401
    assert _raw(client, Authorization="Bearer x") == 401
    assert _raw(client, Content_Length="-5") == 400
    assert _raw(client, Content_Length="x") == 400
    assert _raw(client, Content_Length="50") == 400
    assert client.propfind("/", "D:resourcetype", depth="infinity").status == 207
    assert client.put(house.path(ANNA) + "x.ics", event("1@x"), content_type="image/png").status == 415


@pytest.mark.parametrize("charset", ["x-unknown", "hex", "undefined", "", "iso-8859-1", "utf-16"])
def test_a_bodys_charset_says_nothing_of_the_password(either: MakeClient, house: House, charset: str) -> None:
    client, path = either(), house.path(ANNA)
    headers = {"Content-Type": f"application/xml; charset={charset}"}
    assert client.request("PROPFIND", path, b"", headers).status == 207
    assert client.request("GET", path, b"", headers).status == 200
    assert (
        client.put(path + "1.ics", event("1@x"), content_type=f"text/calendar; charset={charset}").status
        == 201
    )


NO_ADDRESSES = ("https://[::1", "https://[x]/a.ics", "http://h:port/a.ics", "//[", "mailto:a@b")


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_addresses_that_are_none(own: MakeClient, house: House, address: str) -> None:
    client, path = own(), house.path(ANNA)
    assert client.put(path + "1.ics", event("1@x")).status == 201
    before = _state(house)
    body = (
        f'<C:calendar-multiget xmlns:D="DAV:" xmlns:C="{CALDAV[1:-1]}"><D:prop><D:getetag/></D:prop>'
        f"<D:href>{address}</D:href><D:href>{quote(path)}1.ics</D:href></C:calendar-multiget>"
    )
    found = client.request("REPORT", path, body).responses()
    assert found[path + "1.ics"].find(".//{DAV:}getetag") is not None and len(found) == 2
    moved = client.request("MOVE", path + "1.ics", b"", {"Destination": address})
    assert moved.status in (400, 403, 502), moved.text
    strange = {"Host": "[::1", "Destination": f"http://[::1{quote(path)}2.ics"}
    assert client.request("MOVE", path + "1.ics", b"", strange).status == 400
    strange["Destination"] = f"http://example.org{quote(path)}2.ics"
    assert client.request("MOVE", path + "1.ics", b"", strange).status == 502
    assert _state(house) == before


def test_methods_we_do_not_offer(either: MakeClient, house: House) -> None:
    for method in ("LOCK", "UNLOCK", "COPY", "POST", "PATCH", "ACL", "TRACE"):
        assert either().request(method, house.path(ANNA)).status in (405,), method


BAD_REPORTS: dict[str, Callable[[Client, str], int]] = {
    "unknown token": lambda c, p: c.sync(p, "http://example.org/token/1").status,
    "token of words": lambda c, p: c.sync(p, SECRET).status,
    "bad time range": lambda c, p: (
        c.query(p, '<C:comp-filter name="VEVENT"><C:time-range start="yesterday"/></C:comp-filter>').status
    ),
    "time range backwards": lambda c, p: (
        c.query(
            p,
            '<C:comp-filter name="VEVENT"><C:time-range start="20270101T000000Z" end="20260101T000000Z"/>'
            "</C:comp-filter>",
        ).status
    ),
}


def test_bad_reports(either: MakeClient, house: House, quiet_log: None) -> None:
    for name, send in BAD_REPORTS.items():
        assert 400 <= send(either(), house.path(ANNA)) < 500, name


def test_names_that_no_database_takes(either: MakeClient, house: House) -> None:
    client, path = either(), house.path(ANNA)
    assert client.put(path + "1.ics", event("1@x")).status == 201
    answer = client.multiget(path, "a\0b.ics", "1.ics", "\ufffe.ics")
    assert answer.responses()[path + "1.ics"].find(".//{DAV:}getetag") is not None


BAD_ROWS = {
    "unknown zone": "time_zone = 'Mars/Olympus'",
    "broken rule": "rrule = 'FREQ=SOMETIMES'",
    "rule bomb": "rrule = 'FREQ=SECONDLY'",
    "broken rdate": "rdate = 'yesterday'",
    "controls": "subject = 'a' || char(1) || char(11) || 'b'",
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows_are_served_around(own: MakeClient, house: House, name: str) -> None:
    client, path = own(), house.path(ANNA)
    for number in range(3):
        assert client.put(path + f"{number}.ics", event(f"{number}@x", f"Team {number}")).status == 201
    change = BAD_ROWS[name]
    if house.database.dialect == "postgresql":
        change = change.replace("char(", "chr(")
    with house.database.write() as uow:
        uow.connection.execute(text(f"UPDATE appointment SET {change} WHERE subject = 'Team 1'"))
    listed = client.sync(path, props="D:getetag C:calendar-data")
    assert {path + f"{n}.ics" for n in range(3)} == set(listed.responses())
    everything = '<C:comp-filter name="VEVENT"><C:time-range start="20270101T000000Z"/></C:comp-filter>'
    found = client.query(path, everything, "D:getetag C:calendar-data").responses()
    assert {path + "0.ics", path + "2.ics"} <= set(found)
    assert client.request("GET", path).status == 200


@pytest.mark.parametrize("start", ["20261106", "20270306", "00020106", "99890106"])
@pytest.mark.parametrize("way", ["phone", "plain SQL"])
def test_a_series_is_moved_whatever_dates_it_leaves_out(
    own: MakeClient, house: House, way: str, start: str
) -> None:
    client, path = own(), house.path(ANNA)
    ends = "EXDATE:00010101T000000Z,99991231T235959Z\r\n" if way == "phone" else ""
    instance = event("1@x", "Team 2", "20270106T100000", more="RECURRENCE-ID:20270106T090000Z\r\n")
    series = event("1@x", "Team", more="RRULE:FREQ=DAILY;COUNT=9\r\n" + ends)
    series = series.replace("END:VCALENDAR\r\n", instance[instance.index("BEGIN:VEVENT") :])
    assert client.put(path + "1.ics", series).status == 201
    if way == "plain SQL":
        with house.database.write() as uow:
            dates = "0001-01-01 00:00:00,9999-12-31 23:59:59"
            uow.connection.execute(text(f"UPDATE appointment SET exdate = '{dates}' WHERE rrule <> ''"))
    got = client.request("GET", path + "1.ics")
    moved = got.text.replace(":20270105T", f":{start}T")
    assert client.put(path + "1.ics", moved, if_match=got.etag or "").status in (201, 204)
    assert f"DTSTART:{start}T" in client.request("GET", path + "1.ics").text
