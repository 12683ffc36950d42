"""Each client's way through create, read, change, move and delete, against real server processes."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from sqlalchemy import text

from radicale_practice.practice.model import CalendarKind
from tests.protocol.conftest import Served
from tests.protocol.house import ANNA, event

STYLES = {
    "ios": ("iOS/26.5 (23F77) dataaccessd/1.0", "0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0"),
    "davx5": ("DAVx5/4.5 (at.bitfire.davdroid)", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"),
    "outlook": ("CalDavSynchronizer/4.5", "11111111-2222-3333-4444-555555555555"),
    "thunderbird": ("Thunderbird/140", "66666666-7777-8888-9999-000000000000"),
}


@pytest.mark.parametrize("style", STYLES)
def test_cycle(served: Served, style: str) -> None:
    server, house = served.client, served.house
    agent, uid = STYLES[style]
    client = server(ANNA, agent=agent)
    path = house.path(ANNA)
    name = f"{uid}.ics"
    token = client.token(path)
    assert client.sync(path, token).responses() == {}

    created = client.put(path + name, event(uid, "Besprechung"), if_none_match="*")
    assert created.status == 201, created.text
    assert client.put(path + name, event(uid), if_none_match="*").status == 412
    changed = client.sync(path, token)
    assert set(changed.responses()) == {path + name}
    listed = changed.document.findtext(".//{DAV:}getetag")
    got = client.multiget(path, name)
    assert "Besprechung" in got.text
    assert got.document.findtext(".//{DAV:}getetag") == listed
    read = client.request("GET", path + name)
    assert (read.status, read.etag) == (200, listed)
    if created.etag and "as-sent" not in created.etag:
        assert created.etag == listed and read.text == event(uid, "Besprechung")

    assert client.put(path + name, event(uid, "Neu"), if_match='"stale"').status == 412
    edited = client.put(path + name, event(uid, "Neu", "20270105T100000"), if_match=listed)
    assert edited.status == 204, edited.text
    now = client.request("GET", path + name)
    assert "SUMMARY:Neu" in now.text and now.etag != listed

    token = client.token(path)
    with house.database.write() as uow:
        uow.connection.execute(text("UPDATE appointment SET subject = 'Verschoben' WHERE subject = 'Neu'"))
    by_sql = client.sync(path, token)
    assert set(by_sql.responses()) == {path + name}
    assert client.put(path + name, event(uid, "Alt"), if_match=now.etag).status == 412
    assert "SUMMARY:Verschoben" in client.request("GET", path + name).text

    token = client.token(path)
    etag = client.request("GET", path + name).etag
    headers = {} if style == "ios" else {"If-Match": etag or ""}
    assert client.request("DELETE", path + name, b"", headers).status in (200, 204)
    gone = client.sync(path, token).responses()
    assert (gone[path + name].findtext("{DAV:}status") or "")[9:12] == "404"
    assert client.request("GET", path + name).status == 404
    assert client.request("DELETE", path + name).status == 404


def test_move_between_calendars(served: Served) -> None:
    server, house = served.client, served.house
    client = server(ANNA, agent="iOS/26.5 (23F77) dataaccessd/1.0")
    source, target = house.path(ANNA), house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE))
    uid = "AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE"
    assert client.put(target + f"{uid}.ics", event(uid, "Arzt")).status == 201
    tokens = client.token(source), client.token(target)
    moved = client.request(
        "MOVE", target + f"{uid}.ics", b"", {"Destination": quote(source + f"{uid}.ics"), "Overwrite": "F"}
    )
    assert moved.status == 201, moved.text
    assert set(client.sync(source, tokens[0]).responses()) == {source + f"{uid}.ics"}
    left = client.sync(target, tokens[1]).responses()
    assert (left[target + f"{uid}.ics"].findtext("{DAV:}status") or "")[9:12] == "404"
    assert "SUMMARY:Arzt" in client.request("GET", source + f"{uid}.ics").text


def test_series_with_a_moved_and_a_deleted_instance(served: Served) -> None:
    server, house = served.client, served.house
    client = server(ANNA)
    path = house.path(ANNA)
    uid = "99999999-8888-7777-6666-555555555555"
    rule = "RRULE:FREQ=WEEKLY;COUNT=5\r\n"
    assert client.put(path + "s.ics", event(uid, "Kurs", more=rule)).status == 201
    etag = client.request("GET", path + "s.ics").etag
    override = (
        "BEGIN:VEVENT\r\n"
        f"UID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:20270112T090000Z\r\n"
        "DTSTART:20270112T130000Z\r\nDTEND:20270112T133000Z\r\nSUMMARY:Kurs\r\nEND:VEVENT\r\n"
    )
    body = event(uid, "Kurs", more=rule + "EXDATE:20270119T090000Z\r\n").replace(
        "END:VCALENDAR", override + "END:VCALENDAR"
    )
    answer = client.put(path + "s.ics", body, if_match=etag or "")
    assert answer.status == 204, answer.text
    span = '<C:comp-filter name="VEVENT"><C:time-range start="{}" end="{}"/></C:comp-filter>'
    for start, end, expected in (
        ("20270112T130000Z", "20270112T133000Z", 1),
        ("20270112T090000Z", "20270112T093000Z", 0),
        ("20270119T000000Z", "20270120T000000Z", 0),
        ("20270126T000000Z", "20270127T000000Z", 1),
        ("20280101T000000Z", "20280201T000000Z", 0),
    ):
        found = client.query(path, span.format(start, end)).responses()
        assert len(found) == expected, (start, end)


def test_private_calendars_come_and_go(served: Served) -> None:
    server, house = served.client, served.house
    client = server(ANNA)
    home = "/anna_müller/"
    tasks = (
        '<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop>'
        '<C:supported-calendar-component-set><C:comp name="{}"/></C:supported-calendar-component-set>'
        "<D:displayname>Yoga</D:displayname></D:prop></D:set></C:mkcalendar>"
    )
    path = home + "5D3C2B1A-0000-4000-8000-000000000000/"
    before = set(client.propfind(home, "D:displayname", depth="1").responses())
    refused = client.request("MKCALENDAR", path, tasks.format("VTODO"))
    assert refused.status == 403
    if served.kind == "own":
        assert refused.condition() == "{urn:ietf:params:xml:ns:caldav}supported-calendar-component"
    assert set(client.propfind(home, "D:displayname", depth="1").responses()) == before
    assert client.request("MKCALENDAR", path, tasks.format("VEVENT")).status == 201
    assert client.request("MKCALENDAR", path, tasks.format("VEVENT")).status in (405, 409)
    listed = client.propfind(home, "D:displayname", depth="1")
    assert path in listed.responses() and "Yoga" in listed.text
    assert client.put(path + "1.ics", event("one@x", "Matte")).status == 201
    assert client.request("DELETE", path).status in (200, 204)
    assert set(client.propfind(home, "D:displayname", depth="1").responses()) == before
    assert client.request("DELETE", house.path(ANNA)).status == 403
    assert client.request("DELETE", home).status == 403


def test_properties_are_each_persons_own(served: Served) -> None:
    server, house = served.client, served.house
    path = house.path(ANNA)
    set_color = (
        '<D:propertyupdate xmlns:D="DAV:" xmlns:I="http://apple.com/ns/ical/"><D:set><D:prop>'
        '<I:calendar-color symbolic-color="red">#FF0000FF</I:calendar-color>'
        "<D:displayname>Mein</D:displayname></D:prop></D:set></D:propertyupdate>"
    )
    client = server(ANNA)
    answer = client.request("PROPPATCH", path, set_color)
    assert answer.status == 207 and "200 OK" in answer.text
    mine = client.propfind(path, "I:calendar-color D:displayname").text
    assert "#FF0000FF" in mine and "Mein" in mine
    theirs = server("rita").propfind(house.path("rita", house.own(ANNA)), "D:displayname").text
    assert "ST Praxis – Anna Müller" in theirs
    hazard = (
        '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:resourcetype/></D:prop></D:set>'
        "</D:propertyupdate>"
    )
    client.request("PROPPATCH", path, hazard)
    after = client.propfind(path, "D:resourcetype D:displayname").text
    assert "calendar" in after and "Mein" in after
    gone = set_color.replace("D:set", "D:remove")
    assert client.request("PROPPATCH", path, gone).status == 207
    assert "ST Praxis – Anna Müller" in client.propfind(path, "D:displayname").text
