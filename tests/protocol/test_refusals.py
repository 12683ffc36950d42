"""What a device may not do, and how it learns (``clients.md`` 1.3)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import text

from radicale_practice.plugins.rights import Rights
from radicale_practice.practice import calendars
from radicale_practice.practice.model import Access, CalendarKind
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, BEN, RITA, House, event
from tests.protocol.test_two_halves import setting

NEED_PRIVILEGES = "{DAV:}need-privileges"


def _document(house: House, subject: str) -> None:
    with house.database.write() as uow:
        uow.connection.execute(
            text("UPDATE appointment SET status = 'done' WHERE subject = :subject"), {"subject": subject}
        )


def test_a_documented_appointment_stays_and_comes_back_changed(own: MakeClient, house: House) -> None:
    client, path = own(), house.path(ANNA)
    assert client.put(path + "1.ics", event("1@x", "Massage")).status == 201
    _document(house, "Massage")
    for attempt in (
        lambda etag: client.put(path + "1.ics", event("1@x", "Anders"), if_match=etag),
        lambda etag: client.request("DELETE", path + "1.ics", b"", {"If-Match": etag}),
    ):
        before = client.request("GET", path + "1.ics")
        token = client.token(path)
        assert attempt(before.etag).status == 412
        after = client.request("GET", path + "1.ics")
        assert after.etag != before.etag and "SUMMARY:Massage" in after.text
        assert path + "1.ics" in client.sync(path, token).responses()
    overwrite = client.put(path + "1.ics", event("1@x", "Anders"))
    assert (overwrite.status, overwrite.condition()) == (403, NEED_PRIVILEGES)
    assert "SUMMARY:Massage" in client.request("GET", path + "1.ics").text


def test_under_stock_a_refused_change_answers_done_and_comes_back(stock: MakeClient, house: House) -> None:
    client, path = stock(), house.path(ANNA)
    assert client.put(path + "1.ics", event("1@x", "Massage")).status == 201
    _document(house, "Massage")
    before = client.request("GET", path + "1.ics")
    token = client.token(path)
    answer = client.put(path + "1.ics", event("1@x", "Anders"), if_match=before.etag)
    assert answer.status == 204
    after = client.request("GET", path + "1.ics")
    assert answer.etag not in (before.etag, after.etag) and "SUMMARY:Massage" in after.text
    assert path + "1.ics" in client.sync(path, token).responses()
    token = client.token(path)
    assert client.request("DELETE", path + "1.ics").status == 200
    assert path + "1.ics" in client.sync(path, token).responses()
    assert client.request("GET", path + "1.ics").status == 200


def _series_documented(house: House, dates: tuple[str, ...]) -> None:
    """The practice program has a series of three weeks and documents these instances of it."""
    columns = "practice_id, subject, starts_at, ends_at, time_zone"
    with house.database.write() as uow:
        values = {"practice": house.practice_id, "calendar": house.own(ANNA).id}
        uow.connection.execute(
            text(
                f"INSERT INTO appointment ({columns}, external_id, rrule) VALUES (:practice, 'Massage',"
                " '2027-01-05 09:00:00', '2027-01-05 09:30:00', 'UTC', 'S', 'FREQ=WEEKLY;COUNT=3')"
            ),
            values,
        )
        uow.connection.execute(
            text(
                "INSERT INTO appointment_calendar (appointment_id, calendar_id)"
                " SELECT id, :calendar FROM appointment WHERE external_id = 'S'"
            ),
            values,
        )
        for date in dates:
            uow.connection.execute(
                text(
                    f"INSERT INTO appointment ({columns}, status, series_id, recurrence_id)"
                    f" SELECT practice_id, subject, '{date} 09:00:00', '{date} 09:30:00', 'UTC', 'done', id,"
                    f" '{date} 09:00:00' FROM appointment WHERE external_id = 'S'"
                )
            )


@pytest.mark.parametrize("documented", ["one", "all"])
def test_what_is_left_of_a_series_is_documented_and_comes_back_after_each_deletion(
    either: MakeClient, house: House, documented: str
) -> None:
    """The second deletion finds nothing that it could cancel: the client has to hear of that as well."""
    dates = ("2027-01-12",) if documented == "one" else ("2027-01-05", "2027-01-12", "2027-01-19")
    _series_documented(house, dates)
    client, path = either(), house.path(ANNA)
    (name,) = (p for p in client.propfind(path, "D:getetag", "1").responses() if p != path)
    if documented == "one":
        assert client.request("DELETE", name).status in (200, 204)
    with house.database.read() as uow:
        done = "SELECT count(*) FROM journal WHERE action = 'cancel'"
        cancelled = uow.connection.execute(text(done)).scalar()
    before, token = client.request("GET", name), client.token(path)
    assert client.request("DELETE", name).status in (200, 403)
    assert name in client.sync(path, token).responses()
    after = client.request("GET", name)
    assert after.text == before.text and after.etag != before.etag
    with house.database.read() as uow:
        listed = "SELECT reason, count FROM attention WHERE settled_at IS NULL"
        assert [tuple(r) for r in uow.connection.execute(text(listed))] == [("documented", 1)]
        assert uow.connection.execute(text(done)).scalar() == cancelled


DAVX5 = "DAVx5/4.5.3-ose (at.bitfire.davdroid) Android/14"


@pytest.mark.parametrize("place", ["practice", "private"])
def test_davx5_lets_go_of_what_it_changed_of_an_event_that_has_gone(
    own: MakeClient, house: House, place: str
) -> None:
    """It never removes by a list what it could not upload: the cancelled event would stay on the phone for
    good, changed, and be sent at every synchronisation. Without an ETag it looks into the list."""
    kind = CalendarKind.PRACTITIONER if place == "practice" else CalendarKind.PRIVATE
    phone, other, path = own(agent=DAVX5), own(agent="iOS/26.5"), house.path(ANNA, house.own(ANNA, kind))
    assert phone.put(path + "1.ics", event("1@x", "Massage"), if_none_match="*").status == 201
    etag = phone.request("GET", path + "1.ics").etag or ""
    assert other.request("DELETE", path + "1.ics").status == 204
    changed = event("1@x", "Massage", "20270105T110000")
    answer = phone.put(path + "1.ics", changed, if_match=etag)
    assert (answer.status, answer.etag) == (204, None)
    assert path + "1.ics" not in phone.propfind(path, "D:getetag", "1").responses()
    with house.database.read() as uow:
        found = uow.connection.execute(text("SELECT status, starts_at FROM appointment")).all()
        assert [(status, str(start)[11:16]) for status, start in found if status == "cancelled"] == [
            ("cancelled", "09:00")
        ]
        listed = uow.connection.execute(text("SELECT kind, reason, staff_id FROM attention")).all()
        wanted = [("refused", "changed-meanwhile", house.viewer(ANNA).staff_id)]
        assert [tuple(r) for r in listed if r.kind == "refused"] == (wanted if place == "practice" else [])
        noted = uow.connection.execute(text("SELECT private FROM journal WHERE action = 'refused'")).all()
        assert [bool(r.private) for r in noted] == [place == "private"]


def test_nobody_else_is_told_that_a_change_of_what_has_gone_is_done(own: MakeClient, house: House) -> None:
    path = house.path(ANNA)
    changed = event("1@x", "Massage", "20270105T110000")
    # what was never there is lost nowhere: the phone keeps it
    assert own(agent=DAVX5).put(path + "1.ics", changed, if_match='"of another server"').status == 412
    for agent in ("iOS/26.5", "CalDavSynchronizer/4.5", "Thunderbird/140.0"):
        client = own(agent=agent)
        assert client.put(path + "1.ics", event("1@x", "Massage")).status == 201
        etag = client.request("GET", path + "1.ics").etag or ""
        assert client.request("DELETE", path + "1.ics").status == 204
        assert client.put(path + "1.ics", changed, if_match=etag).status == 412
    with house.database.read() as uow:
        assert uow.connection.execute(text("SELECT 1 FROM attention WHERE kind = 'refused'")).all() == []


def test_the_name_of_a_hidden_entry_tells_nobody_that_it_is_there(own: MakeClient, house: House) -> None:
    setting(house, double_booking="forbid")
    desk, phone, path = own(RITA), own(agent=DAVX5), house.path(ANNA)
    there = house.path(RITA, house.own(ANNA))
    assert phone.put(path + "1.ics", event("1@x", "Massage")).status == 201
    assert desk.put(there + "hidden.ics", event("2@x", "Massage")).status == 201
    assert path + "hidden.ics" not in phone.propfind(path, "D:getetag", "1").responses()
    for name in ("hidden.ics", "never-there.ics"):
        changed = event("2@x", "Massage", "20270105T110000")
        assert phone.put(path + name, changed, if_match='"guessed"').status == 412
    with house.database.read() as uow:
        assert uow.connection.execute(text("SELECT 1 FROM journal WHERE action = 'refused'")).all() == []


@pytest.mark.parametrize("agent", ["CalDavSynchronizer/4.5", "DAVx5/4.5"])
def test_who_keeps_what_it_sent_reads_again_where_a_part_was_refused(
    own: MakeClient, house: House, agent: str
) -> None:
    """Outlook asks for the tag alone after an upload; one that nothing has makes it read at its next list."""
    client, path = own(agent=agent), house.path(ANNA) + "s.ics"
    series = event("s@x", "Team", more="RRULE:FREQ=WEEKLY;COUNT=5\r\n")
    assert client.put(path, series).status == 201
    with house.database.write() as uow:
        uow.connection.execute(
            text(
                "INSERT INTO appointment (practice_id, subject, starts_at, ends_at, time_zone, status,"
                " series_id, recurrence_id) SELECT practice_id, subject, '2027-01-12 09:00:00',"
                " '2027-01-12 09:30:00', time_zone, 'done', id, '2027-01-12 09:00:00' FROM appointment"
            )
        )
    seen = client.request("GET", path)
    upload = seen.text.replace("SUMMARY:Team", "SUMMARY:Rat", 1)
    upload = upload.replace("DTSTART:20270112T090000Z", "DTSTART:20270112T110000Z")
    upload = upload.replace("DTEND:20270112T093000Z", "DTEND:20270112T113000Z")
    assert "DTSTART:20270112T11" in upload
    answer = client.put(path, upload, if_match=seen.etag or "")
    now = client.request("GET", path)
    assert answer.status == 204 and "SUMMARY:Rat" in now.text and "DTSTART:20270112T11" not in now.text
    assert answer.etag != now.etag
    assert (answer.etag is None) is agent.startswith("DAVx5")
    assert client.put(path, upload, if_match=answer.etag or '"none"').status == 412


def test_a_calendar_that_is_only_read(either: MakeClient, house: House) -> None:
    info = house.own(ANNA)
    with house.database.write() as uow:
        calendars.grant(uow, info.id, house.viewer(BEN).staff_id, Access.READ)
    anna, ben = either(ANNA), either(BEN)
    path = house.path(BEN, info)
    own_calendar = house.path(BEN)
    assert anna.put(house.path(ANNA) + "1.ics", event("1@x", "Massage")).status == 201
    assert "SUMMARY:Massage" in ben.request("GET", path + "1.ics").text
    for answer in (
        ben.put(path + "1.ics", event("1@x", "Anders")),
        ben.put(path + "2.ics", event("2@x", "Anders")),
        ben.request("DELETE", path + "1.ics"),
        ben.request("MOVE", path + "1.ics", b"", {"Destination": own_calendar + "1.ics"}),
    ):
        assert answer.status == 403
    assert anna.request("GET", house.path(ANNA) + "1.ics").text.count("Massage") == 1


def test_read_only_says_need_privileges(own: MakeClient, house: House) -> None:
    path = house.path(BEN, house.own(ANNA))
    answer = own(BEN).put(path + "2.ics", event("2@x", "Anders"))
    assert (answer.status, answer.condition()) == (403, NEED_PRIVILEGES)


def test_busy_access_shows_no_words(either: MakeClient, house: House) -> None:
    anna, ben = either(ANNA), either(BEN)
    name = "11111111-2222-3333-4444-555555555555.ics"
    more = "DESCRIPTION:Geheimnis\r\nLOCATION:Geheimort\r\n"
    assert anna.put(house.path(ANNA) + name, event("1@x", "Mustermann Maria", more=more)).status == 201
    path = house.path(BEN, house.own(ANNA))
    listed = ben.sync(path, props="D:getetag C:calendar-data")
    assert "BEGIN:VEVENT" in listed.text
    for word in ("Mustermann", "Maria", "Geheim", "4711"):
        assert word not in listed.text


def test_revoked_access_is_gone_at_the_next_request(either: MakeClient, house: House) -> None:
    info = house.own(ANNA)
    rita = either(RITA)
    path = house.path(RITA, info)
    assert rita.put(path + "1.ics", event("1@x", "Massage")).status == 201
    with house.database.write() as uow:
        calendars.grant(uow, info.id, house.viewer(RITA).staff_id, Access.READ)
    assert rita.put(path + "1.ics", event("1@x", "Anders")).status == 403
    assert rita.request("DELETE", path + "1.ics").status == 403
    assert "SUMMARY:Massage" in rita.request("GET", path + "1.ics").text


def test_access_taken_back_between_the_question_and_the_write(
    stock: MakeClient, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stock Radicale asks for the rights before the lock; the write asks once more (as ours does alone)."""
    info, rita = house.own(ANNA), stock(RITA)
    path = house.path(RITA, info)
    assert rita.put(path + "1.ics", event("1@x", "Massage")).status == 201
    staff_id, asked = house.viewer(RITA).staff_id, Rights.authorization

    def taken_back(self: Rights, *arguments: Any) -> str:
        answer = asked(self, *arguments)
        with house.database.write() as uow:
            calendars.grant(uow, info.id, staff_id, Access.READ)
        return answer

    elsewhere = {"Destination": quote(house.path(RITA, house.own(BEN)) + "1.ics")}
    for write in (
        lambda: rita.put(path + "1.ics", event("1@x", "Anders")),
        lambda: rita.put(path + "2.ics", event("2@x")),
        lambda: rita.request("MOVE", path + "1.ics", b"", elsewhere),
        lambda: rita.request("DELETE", path + "1.ics"),
    ):
        with house.database.write() as uow:
            calendars.grant(uow, info.id, staff_id, Access.WRITE)
        with monkeypatch.context() as patched:
            patched.setattr(Rights, "authorization", taken_back)
            assert write().status < 500
        assert "SUMMARY:Massage" in rita.request("GET", path + "1.ics").text
        assert path + "2.ics" not in rita.sync(path).responses()


def test_proppatch_is_never_a_plain_403(own: MakeClient, house: House) -> None:
    body = (
        '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:displayname>Mein</D:displayname>{}</D:prop>'
        "</D:set></D:propertyupdate>"
    )
    ben = own(BEN)
    readable = house.path(BEN, house.own(ANNA))
    assert ben.request("PROPPATCH", readable, body.format("")).status == 207
    assert "Mein" in ben.propfind(readable, "D:displayname").text
    mixed = ben.request("PROPPATCH", readable, body.format("<D:getetag>x</D:getetag>"))
    assert mixed.status == 207 and "403" in mixed.text and "424" in mixed.text
    assert ben.request("PROPPATCH", "/ben/", body.format("")).status == 207
    rich = body.replace("<D:displayname>", '<D:displayname xml:lang="de">').format("")
    assert ben.request("PROPPATCH", readable, rich).status == 207
    for answer in (ben.request("PROPFIND", readable), ben.propfind(readable, "D:displayname")):
        name = answer.document.find(".//{DAV:}displayname")
        assert name is not None and name.text == "Mein" and len(name.attrib) == 1


def test_same_uid_under_another_name_is_a_conflict_with_the_name(either: MakeClient, house: House) -> None:
    client, path = either(), house.path(ANNA)
    assert client.put(path + "1.ics", event("1@x")).status == 201
    answer = client.put(path + "2.ics", event("1@x"))
    assert (answer.status, answer.condition()) == (409, "{urn:ietf:params:xml:ns:caldav}no-uid-conflict")
    assert client.put(path + "1.ics", event("other@x")).status == 409
    assert set(client.sync(path).responses()) == {path + "1.ics"}


def test_a_uid_with_commas_is_kept(either: MakeClient, house: House) -> None:
    client, path = either(), house.path(ANNA)
    assert client.put(path + "1.ics", event("a,b")).status == 201
    assert client.put(path + "2.ics", event("a,c")).status == 201
    assert client.put(path + "3.ics", event("a")).status == 201
    etag = client.request("GET", path + "1.ics").etag
    assert client.put(path + "1.ics", event("a,b", "Neu"), if_match=etag).status == 204
    assert "UID:a" in client.request("GET", path + "1.ics").text


def test_overwriting_by_move_needs_permission(own: MakeClient, house: House) -> None:
    client, path = own(), house.path(ANNA)
    assert client.put(path + "1.ics", event("1@x", "Eins")).status == 201
    assert client.put(path + "2.ics", event("2@x", "Zwei")).status == 201
    for overwrite, status in (("F", 412), ("T", 409)):
        headers = {
            "Destination": "/anna_m%C3%BCller/" + path.split("/")[2] + "/2.ics",
            "Overwrite": overwrite,
        }
        assert client.request("MOVE", path + "1.ics", b"", headers).status == status
    assert "SUMMARY:Zwei" in client.request("GET", path + "2.ics").text
    far = {"Destination": "https://elsewhere.example/anna/x.ics"}
    assert client.request("MOVE", path + "1.ics", b"", far).status == 502


def test_a_swiped_day_comes_back(either: MakeClient, house: House) -> None:
    client, path = either(), house.path(ANNA)
    names = [f"{n}.ics" for n in range(13)]
    for number, name in enumerate(names):
        assert (
            client.put(path + name, event(f"{number}@x", start=f"202702{number + 1:02d}T090000")).status
            == 201
        )
    token = client.token(path)
    for name in names:
        assert client.request("DELETE", path + name).status in (200, 204, 403)
    answer = client.sync(path, token)
    there = {p for p, r in answer.responses().items() if r.find("{DAV:}propstat") is not None}
    # Ten are gone, the rest comes back changed: the calendar's own practice entry may be there too.
    assert {path + name for name in names[10:]} <= there
    assert not {path + name for name in names[:10]} & there
