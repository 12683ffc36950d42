"""A device below the full view: the whole cycle over HTTP, and nothing hidden in any reply or log line.

No account can have such a view yet: it is given to a program by its User-Agent, at authentication.
"""

from __future__ import annotations

import logging
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

import pytest
from sqlalchemy import text

from radicale_practice.practice import practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.model import CalendarKind, View, Viewer
from radicale_practice.practice.people import staff
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, RITA, Answer, Client, House, event, log_lines, words_in

BELOW_FULL = [view for view in View if view is not View.FULL]
TITLES = {
    View.FIRST_NAME: ("Maria M.", "Josef H."),
    View.PSEUDONYM: ("MaMu 4711", "JoHu 4712"),
    View.INITIALS: ("M. M.", "J. H."),
    View.NUMBER: ("4711", "4712"),
    View.SUBJECT: ("", ""),
    View.BUSY: ("", ""),
}
"""How the view names Maria Mustermann and Josef Huber."""

EVERYWHERE = ("Mustermann", "Huber", "0660", "1234567", "Knie", "Bandscheibe", "Tante", "Erna", "Praxisnotiz")
"""Names, phone number, subjects and notes that no view below full shows."""

SINGLE = "Mustermann-Maria@huber.example"
SINGLE_FILE = "Mustermann Maria.ics"
SERIES = "Huber-Kurs@huber.example"
OWN = "0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0"

GOSSIP = (
    "DESCRIPTION:Praxisnotiz zu Mustermann\r\n"
    "LOCATION:Huberweg 3\r\n"
    "CONTACT:Tante Erna Mustermann\r\n"
    "COMMENT:Praxisnotiz\r\n"
    "CATEGORIES:Bandscheibe\r\n"
    "URL:https://example.org/Mustermann\r\n"
    "ATTACH:https://example.org/Huber/Bandscheibe.pdf\r\n"
    "ATTENDEE;CN=Erna Mustermann:mailto:Erna.Mustermann@example.org\r\n"
    "ORGANIZER;CN=Maria Huber:mailto:Maria.Huber@example.org\r\n"
    "X-ALT-DESC;FMTTYPE=text/html:<b>Mustermann</b>\r\n"
    "X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE=Huberweg:geo:48.2,16.4\r\n"
    "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nDESCRIPTION:Mustermann kommt\r\nEND:VALARM\r\n"
)
PROPERTIES = (
    "D:getetag D:getcontenttype D:displayname D:resourcetype D:owner D:sync-token CS:getctag"
    " C:calendar-description D:current-user-privilege-set C:calendar-data"
)


@dataclass
class Overheard:
    """Every reply that the device got, as far as a person or program could read it."""

    view: View
    replies: list[tuple[str, Answer]]

    def forbidden(self) -> list[str]:
        """Words that must be nowhere."""
        hidden = list(EVERYWHERE)
        if self.view is not View.FIRST_NAME:
            hidden += ["Maria", "Josef"]
        if self.view not in (View.PSEUDONYM, View.NUMBER):
            hidden += ["4711", "4712"]
        return hidden

    def leaks(self, lines: list[str]) -> list[tuple[str, str]]:
        """What was found where: request (or log line) and word, also percent-encoded, folded or in base64."""
        texts = [(request, f"{answer.headers} {_readable(answer)}") for request, answer in self.replies]
        texts += [(line, line) for line in lines]
        return [
            (where, word)
            for where, found in texts
            for word in words_in(
                f"{found} {unquote(found)}",
                (*self.forbidden(), *(b64encode(w.encode()).decode()[:-3] for w in EVERYWHERE)),
            )
        ]


def _readable(answer: Answer) -> str:
    return re.sub(r"\r?\n[ \t]", "", answer.body.decode()).replace("&#13;\n ", "")


@pytest.fixture(params=[("own", view) for view in BELOW_FULL] + [("stock", View.PSEUDONYM)], ids="-".join)
def front(request: pytest.FixtureRequest) -> tuple[MakeClient, View]:
    """Each view below full in turn with our Application, one of them with stock Radicale."""
    make: MakeClient = request.getfixturevalue(request.param[0])
    return make, request.param[1]


@pytest.fixture
def view(front: tuple[MakeClient, View]) -> View:
    """The device's view."""
    return front[1]


@pytest.fixture
def device(
    front: tuple[MakeClient, View], view: View, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Client, Overheard]]:
    """Anna's device with that view, and what it hears."""
    real = staff.authenticate

    def limited(
        database: Database, user_name: str, password: str, program: str = "", address: str = ""
    ) -> Viewer | None:
        viewer = real(database, user_name, password, program, address)
        return replace(viewer, view=view) if viewer and program.startswith("Device") else viewer

    monkeypatch.setattr(staff, "authenticate", limited)
    client = front[0](ANNA, agent="Device/1.0")
    heard = Overheard(view, [])
    send = client.send

    def listening(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        answer = send(method, path, body, headers)
        heard.replies.append((f"{method} #{len(heard.replies)}", answer))
        return answer

    client.send = listening
    with log_lines(logging.DEBUG) as lines:
        yield client, heard
    assert heard.leaks(lines) == []


def _series(title: str) -> str:
    override = (
        f"BEGIN:VEVENT\r\nUID:{SERIES}\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:20270119T140000Z\r\n"
        f"DTSTART:20270119T150000Z\r\nDTEND:20270119T153000Z\r\nSUMMARY:Mustermann Maria – Knie\r\n"
        f"{GOSSIP}END:VEVENT\r\n"
    )
    body = event(SERIES, title, "20270105T140000", more=f"RRULE:FREQ=WEEKLY;COUNT=5\r\n{GOSSIP}")
    return body.replace("END:VCALENDAR", f"{override}END:VCALENDAR")


@pytest.fixture
def mac(front: tuple[MakeClient, View], house: House) -> Client:
    """The reception's Mac with the full view, which has filled Anna's calendar."""
    client, path = front[0](RITA, agent="Mac/1.0"), house.path(RITA, house.own(ANNA))
    with house.database.write() as uow:
        practices.set_settings(uow, house.practice_id, {"appointment_link": "https://link.example/{id}"})
    single = event(SINGLE, "Mustermann Maria – Knie", more=GOSSIP)
    assert client.put(path + SINGLE_FILE, single).status == 201
    assert client.put(path + "Huber.ics", _series("Huber Josef – Bandscheibe")).status == 201
    assert client.put(path + "Erna.ics", event("Erna@x", "Tante Erna", "20270106T090000")).status == 201
    with house.database.write() as uow:
        uow.connection.execute(
            text("UPDATE appointment SET phone = '0660 1234567' WHERE patient_id IS NOT NULL")
        )
    return client


def _lines(body: str) -> list[str]:
    """Content lines, unfolded (RFC 5545 3.1)."""
    return re.sub(r"\r\n[ \t]", "", body).split("\r\n")


def _line(body: str, name: str) -> str:
    """The value of the first line of that name."""
    return next((line.partition(":")[2] for line in _lines(body) if re.match(rf"{name}[:;]", line)), "")


def _shown_at(client: Client, path: str, start: str) -> tuple[str, str, str]:
    """Path, ETag and text of the event whose first VEVENT starts then, as the device has it."""
    for name, response in client.propfind(path, "D:getetag", "1").responses().items():
        read = client.request("GET", name)
        if name != path and _line(read.text, "DTSTART").startswith(start):
            assert read.etag == response.findtext(".//{DAV:}getetag")
            return name, read.etag or "", read.text
    raise AssertionError(f"nothing starts at {start}")


def test_nothing_hidden_is_told(device: tuple[Client, Overheard], mac: Client, house: House) -> None:
    client, _ = device
    path, home = house.path(ANNA), "/anna_müller/"
    for place in ("/", home, path, house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE))):
        for depth in ("0", "1"):
            client.propfind(place, PROPERTIES, depth)
            client.request("PROPFIND", place, b"", {"Depth": depth})
    listed = client.sync(path, props="D:getetag C:calendar-data D:displayname").responses()
    assert len(listed) == 3
    names = [name.removeprefix(path) for name in listed]
    assert len(client.multiget(path, *names).responses()) == 3
    for name in names:
        for method in ("GET", "HEAD", "OPTIONS"):
            assert client.request(method, path + name).status == 200
    assert client.request("GET", path).text.count("BEGIN:VEVENT") == 4
    whole = client.query(path, '<C:comp-filter name="VEVENT"/>', PROPERTIES)
    assert len(whole.responses()) == 3
    expand = (
        '<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data>'
        '<C:expand start="20270101T000000Z" end="20270301T000000Z"/></C:calendar-data></D:prop><C:filter>'
        '<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">'
        '<C:time-range start="20270101T000000Z" end="20270301T000000Z"/>'
        "</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
    )
    assert client.request("REPORT", path, expand, {"Depth": "1"}).status == 207
    busy = (
        '<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav">'
        '<C:time-range start="20270101T000000Z" end="20270301T000000Z"/></C:free-busy-query>'
    )
    assert client.request("REPORT", path, busy, {"Depth": "1"}).status == 200
    client.put(path + "PUT.ics", "BEGIN:VCALENDAR\r\nhalf")


def test_filters_do_not_answer_questions(device: tuple[Client, Overheard], mac: Client, house: House) -> None:
    """Asking for a hidden text finds as little as asking for any other; names and UIDs are no way in."""
    client, heard = device
    path = house.path(ANNA)
    condition = (
        '<C:comp-filter name="VEVENT"><C:prop-filter name="{}"><C:text-match>{}</C:text-match>'
        "</C:prop-filter></C:comp-filter>"
    )
    for name, value in (
        ("SUMMARY", "Mustermann"),
        ("SUMMARY", "Bandscheibe"),
        ("DESCRIPTION", "Praxisnotiz"),
        ("LOCATION", "Huberweg"),
        ("ATTENDEE", "Erna"),
        ("CATEGORIES", "Bandscheibe"),
        ("UID", SINGLE),
        ("X-ALT-DESC", "Mustermann"),
    ):
        assert client.query(path, condition.format(name, value)).responses() == {}, name
    defined = '<C:comp-filter name="VEVENT"><C:prop-filter name="ATTENDEE"/></C:comp-filter>'
    assert client.query(path, defined).responses() == {}
    assert heard.leaks([]) == []
    assert client.request("GET", path + SINGLE_FILE).status == 404
    assert client.request("DELETE", path + SINGLE_FILE).status == 404
    asked = client.multiget(path, SINGLE_FILE, "Nobody.ics").responses()
    assert len(asked) == 2
    assert {(response.findtext("{DAV:}status") or "")[9:12] for response in asked.values()} == {"404"}
    heard.replies.clear()  # a multiget's reply names what was asked for


def test_cycle(device: tuple[Client, Overheard], mac: Client, house: House, view: View) -> None:
    """Create, edit, 412, move, delete: each works on what is shown, and what is hidden stays as it was."""
    client, _ = device
    path, private = house.path(ANNA), house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE))
    token = client.token(path)

    desk = house.path(RITA, house.own(ANNA))

    # A new one, the patient named as this view names patients.
    assert (
        client.put(
            path + f"{OWN}.ics", event(OWN, "4712 – Turnen", "20270107T090000"), if_none_match="*"
        ).status
        == 201
    )
    assert set(client.sync(path, token).responses()) == {path + f"{OWN}.ics"}
    assert "SUMMARY:Huber Josef – Turnen" in mac.request("GET", desk + f"{OWN}.ics").text
    mine, etag, body = _shown_at(client, path, "20270107T090000")
    shown = " – ".join(part for part in (TITLES[view][1], "Turnen") if part)
    assert _line(body, "SUMMARY") == (shown if view is not View.BUSY else "Belegt")

    # Another's, which it sees under another name: the time moves, and only the time.
    theirs, etag, body = _shown_at(client, path, "20270105T090000")
    assert theirs.startswith(path + "o") and "Mustermann" not in body
    assert TITLES[view][0] in _line(body, "SUMMARY")
    before = mac.request("GET", desk + SINGLE_FILE).text
    assert {"Knie", "0660", "Praxisnotiz"} <= {word for word in EVERYWHERE if word in before}
    moved = body.replace("20270105T090000Z", "20270105T100000Z").replace(
        "20270105T093000Z", "20270105T103000Z"
    )
    assert client.put(theirs, moved, if_match='"stale"').status == 412
    assert client.put(theirs, moved, if_match=etag).status == 204
    full = mac.request("GET", desk + SINGLE_FILE)
    expected = before.replace("20270105T0900", "20270105T1000").replace("20270105T0930", "20270105T1030")
    assert sorted(_lines(full.text)) == sorted(_lines(expected))

    # The Mac changes it unseen: 412, and the device gets the new state.
    theirs, etag, body = _shown_at(client, path, "20270105T100000")
    later = full.text.replace("20270105T10", "20270105T11")
    assert mac.put(desk + SINGLE_FILE, later, if_match=full.etag or "").status == 204
    assert client.put(theirs, moved, if_match=etag).status == 412
    assert client.request("DELETE", theirs, b"", {"If-Match": etag}).status == 412
    assert set(client.sync(path, token).responses()) == {theirs, path + f"{OWN}.ics"}

    # To another calendar and back.
    for source, target in ((path, private), (private, path)):
        name, _, _ = _shown_at(client, source, "20270105T110000")
        there = target + name.rpartition("/")[2]
        moved_away = client.request("MOVE", name, b"", {"Destination": quote(there), "Overwrite": "F"})
        assert moved_away.status == 201, moved_away.text
        assert name not in client.propfind(source, "D:getetag", "1").responses()
    back, etag, body = _shown_at(client, path, "20270105T110000")
    assert set(_all_texts(mac, desk)) >= set(_lines(later)) - {"PRODID:-//test//EN"}

    # Gone, on both sides.
    token = client.token(path)
    assert client.request("DELETE", back, b"", {"If-Match": etag}).status in (200, 204)
    gone = client.sync(path, token).responses()
    assert (gone[back].findtext("{DAV:}status") or "")[9:12] == "404"
    assert client.request("GET", back).status == 404
    assert not {"DTSTART:20270105T110000Z", "CATEGORIES:Bandscheibe"} <= set(_all_texts(mac, desk))
    with house.database.read() as uow:
        kept = "SELECT status, patient_id FROM appointment WHERE subject = 'Knie' AND recurrence_id IS NULL"
        assert [tuple(row) for row in uow.connection.execute(text(kept))] == [("cancelled", 1)]


def test_a_series(device: tuple[Client, Overheard], mac: Client, house: House, view: View) -> None:
    """One occurrence moved and one deleted by the device; the hidden parts of all of them stay."""
    client, _ = device
    path = house.path(ANNA)
    desk = house.path(RITA, house.own(ANNA)) + "Huber.ics"
    before = mac.request("GET", desk).text
    name, etag, body = _shown_at(client, path, "20270105T140000")
    uid = _line(body, "UID")
    assert uid != SERIES and body.count("BEGIN:VEVENT") == 2
    summary = _line(body, "SUMMARY")
    override = (
        f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:20270126T140000Z\r\n"
        f"DTSTART:20270126T170000Z\r\nDTEND:20270126T173000Z\r\nSUMMARY:{summary}\r\nEND:VEVENT\r\n"
    )
    rule = "RRULE:" + _line(body, "RRULE") + "\r\n"
    edited = body.replace(rule, rule + "EXDATE:20270112T140000Z\r\n", 1)
    edited = edited.replace("END:VCALENDAR", f"{override}END:VCALENDAR")
    assert client.put(name, edited, if_match=etag).status == 204
    full = mac.request("GET", desk).text
    assert "EXDATE:20270112T140000Z" in full and "DTSTART:20270126T170000Z" in full
    assert full.count("SUMMARY:Huber Josef – Bandscheibe") == 2 and "SUMMARY:Mustermann Maria – Knie" in full
    assert set(_lines(full)) >= set(_lines(before))
    after = client.request("GET", name).text
    assert after.count("BEGIN:VEVENT") == 3 and "EXDATE:20270112T140000Z" in after


def test_a_refused_change_comes_back(device: tuple[Client, Overheard], mac: Client, house: House) -> None:
    client, _ = device
    path = house.path(ANNA)
    with house.database.write() as uow:
        uow.connection.execute(text("UPDATE appointment SET status = 'invoiced' WHERE subject = 'Knie'"))
    name, etag, body = _shown_at(client, path, "20270105T090000")
    token = client.token(path)
    client.put(name, body.replace("20270105T09", "20270105T08"), if_match=etag)
    client.request("DELETE", name)
    assert name in client.sync(path, token).responses()  # beside the note for the person concerned
    assert client.request("GET", path).text.count("BEGIN:VEVENT") == 5
    assert _shown_at(client, path, "20270105T090000")[2] == body


def _all_texts(client: Client, path: str) -> list[str]:
    """The lines of the whole calendar."""
    return _lines(client.request("GET", path).text)
