"""Tokens, cut lists, names below the full view, and what only its author sees."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote, unquote

import pytest
from sqlalchemy import text

from radicale_practice.practice import book, calendars, practices
from radicale_practice.practice.model import Access, Actor
from radicale_practice.practice.sync import sync_token
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, BEN, RITA, Client, House, event, log_lines
from tests.protocol.test_statements import FULL, fill


def _statuses(answer) -> dict[str, str]:
    """Each path's status: of the response itself, else of its first propstat."""
    found = {}
    for path, response in answer.responses().items():
        status = response.findtext("{DAV:}status") or response.findtext(".//{DAV:}status") or ""
        found[path] = status[9:12]
    return found


def _token(answer) -> str:
    return answer.document.findtext("{DAV:}sync-token") or ""


def _in_parts(
    client: Client, path: str, most: int, token: str = "", meanwhile: Callable[[], None] | None = None
) -> tuple[dict[str, str], str, int]:
    """Read a list in parts: each path's status, the token at the end, how many parts.

    ``meanwhile`` happens after the first part.
    """
    seen: dict[str, str] = {}
    more, parts = True, 0
    while more and parts < 20:
        answer = client.sync(path, token, extra=f"<D:limit><D:nresults>{most}</D:nresults></D:limit>")
        statuses, token, parts = _statuses(answer), _token(answer), parts + 1
        more = statuses.pop(path, "") == "507"
        assert len(statuses) <= most
        seen.update(statuses)
        if parts == 1 and meanwhile is not None:
            meanwhile()
    return seen, token, parts


def test_long_lists_are_cut_and_continued(own: MakeClient, house: House) -> None:
    """What changed while the list was read is told at its end, not at the client's next visit."""
    client, path = own(), house.path(ANNA)
    fill(client, path, 0, 7)

    def change() -> None:
        assert client.request("DELETE", path + "0.ics").status == 204
        assert client.put(path + "late.ics", event("late@x")).status == 201

    seen, token, parts = _in_parts(client, path, 3, meanwhile=change)
    expected = {f"{n}.ics": "404" if n == 0 else "200" for n in range(7)} | {"late.ics": "200"}
    assert seen == {path + name: status for name, status in expected.items()}
    assert token == client.token(path) and parts == 4


def test_a_restored_backup_that_nobody_told_of(either: MakeClient, house: House) -> None:
    """A token of revisions that are still to come: the one trace that ``new-epoch`` was forgotten."""
    client, path = either(), house.path(ANNA)
    known = sync_token.decode(client.token(path))
    later = sync_token.encode(replace(known, revision=known.revision + 1))
    with log_lines(logging.INFO) as lines:
        assert client.sync(path, later).condition() == "{DAV:}valid-sync-token"
        assert len([line for line in lines if "new-epoch" in line]) == 1
        lines.clear()
        other = sync_token.encode(replace(known, epoch="0" * 32, revision=known.revision + 1))
        assert client.sync(path, other).condition() == "{DAV:}valid-sync-token"
        assert client.sync(path, sync_token.encode(known)).status == 207
        assert not [line for line in lines if "new-epoch" in line]


def test_what_a_person_may_not_see_any_more_goes_with_a_whole_list_too(own: MakeClient, house: House) -> None:
    """Not accepted meanwhile, and the client lists everything because a setting has changed."""
    anna, path = own(), house.path(ANNA)
    assert anna.put(path + "1.ics", event("1@x")).status == 201
    token = anna.token(path)
    with house.database.write() as uow:
        unconfirmed = "UPDATE appointment SET status = 'unconfirmed', created_by = :rita"
        uow.connection.execute(text(unconfirmed), {"rita": house.viewer(RITA).staff_id})
        practices.set_settings(uow, house.practice_id, {"title_with_patient": "{subject}: {patient}"})
    assert _statuses(anna.sync(path, token)) == {path + "1.ics": "404"}


def test_cut_changes_go_on_without_losing_any(own: MakeClient, house: House) -> None:
    client, path = own(), house.path(ANNA)
    token = client.token(path)
    fill(client, path, 0, 7)
    seen, token, _ = _in_parts(client, path, 2, token)
    assert set(seen) == {path + f"{n}.ics" for n in range(7)}
    assert token == client.token(path)


def test_a_refused_token_is_403_valid_sync_token(either: MakeClient, house: House) -> None:
    client, path = either(), house.path(ANNA)
    token = client.token(path)
    for bad in ("x", "http://radicale.org/ns/sync/abc", token[:-3], token.replace("p1_", "p1_x")):
        answer = client.sync(path, bad)
        assert (answer.status, answer.condition()) == (403, "{DAV:}valid-sync-token")


def test_a_token_stays_while_nothing_changes(either: MakeClient, house: House) -> None:
    client, path = either(), house.path(ANNA)
    fill(client, path, 0, 3)
    token = client.token(path)
    first, second = client.sync(path, props=FULL), client.sync(path, props=FULL)
    assert first.body == second.body
    assert client.token(path) == token == _token(client.sync(path, token))


def test_a_changed_template_lists_everything_under_new_etags(own: MakeClient, house: House) -> None:
    client, path = own(), house.path(ANNA)
    fill(client, path, 0, 3)
    token = client.token(path)
    before = client.request("GET", path + "1.ics").etag
    with house.database.write() as uow:
        practices.set_settings(uow, house.practice_id, {"title_with_patient": "{subject}: {patient}"})
    assert set(_statuses(client.sync(path, token)).values()) == {"200"}
    assert client.request("GET", path + "1.ics").etag != before


def test_below_the_full_view_names_are_aliases(either: MakeClient, house: House) -> None:
    anna, ben = either(ANNA), either(BEN)
    info = house.own(ANNA)
    mine, theirs = house.path(ANNA), house.path(BEN, info)
    name = "Maria Mustermann.ics"
    token = ben.token(theirs)
    assert anna.put(mine + name, event("Maria.Mustermann@x", "Team")).status == 201
    listed = ben.sync(theirs, token, FULL)
    (path,) = listed.responses()
    assert "Mustermann" not in listed.text and path.startswith(theirs + "o")
    alias = path.removeprefix(theirs)
    assert ben.request("GET", path).status == 200
    assert "BEGIN:VEVENT" in ben.multiget(theirs, alias).text
    assert ben.request("GET", theirs + name).status == 404
    assert set(_statuses(ben.multiget(theirs, name)).values()) == {"404"}
    token = ben.token(theirs)
    assert anna.request("DELETE", mine + name).status in (200, 204)
    assert _statuses(ben.sync(theirs, token)) == {path: "404"}


def test_an_alias_goes_when_its_events_file_name_is_used_again(either: MakeClient, house: House) -> None:
    """The colleague knows the former event under another name than the one that has its href now."""
    anna, ben = either(), either(BEN)
    path = house.path(ANNA)
    seen = house.path(BEN, house.own(ANNA))
    token = ben.token(seen)
    assert anna.put(path + "Maria.ics", event("first@x")).status == 201
    answer = ben.sync(seen, token)
    (alias,), token = _statuses(answer), _token(answer)
    assert anna.request("DELETE", path + "Maria.ics").status in (200, 204)
    assert anna.put(path + "Maria.ics", event("second@x")).status == 201
    told = _statuses(ben.sync(seen, token))
    assert told.pop(alias) == "404"
    assert list(told.values()) == ["200"]


def test_other_names_start_again(own: MakeClient, house: House) -> None:
    info = house.own(ANNA)
    anna, rita = own(ANNA), own(RITA)
    path = house.path(RITA, info)
    assert anna.put(house.path(ANNA) + "Maria.ics", event("1@x")).status == 201
    token = rita.token(path)
    with house.database.write() as uow:
        calendars.grant(uow, info.id, house.viewer(RITA).staff_id, Access.BUSY)
    assert rita.sync(path, token).condition() == "{DAV:}valid-sync-token"
    assert "Maria" not in rita.sync(path).text


def test_a_booking_that_was_not_accepted_is_its_authors_alone(either: MakeClient, house: House) -> None:
    with house.database.write() as uow:
        practices.set_settings(uow, house.practice_id, {"double_booking": "forbid"})
    anna, rita = either(ANNA), either(RITA)
    info = house.own(ANNA)
    mine, hers = house.path(ANNA), house.path(RITA, info)
    assert anna.put(mine + "1.ics", event("1@x", "Erste")).status == 201
    second = rita.put(hers + "2.ics", event("2@x", "Zweite"))
    assert second.status == 201
    assert (second.etag is None) or "as-sent" in second.etag
    with house.database.read() as uow:
        states = uow.connection.execute(text("SELECT status FROM appointment WHERE subject <> ''")).scalars()
        assert "unconfirmed" in set(states)
    assert hers + "2.ics" in rita.sync(hers).responses()
    for props in ("D:getetag", FULL):
        listed = anna.sync(mine, props=props).responses()
        assert mine + "1.ics" in listed and mine + "2.ics" not in listed
    assert mine + "2.ics" not in anna.propfind(mine, "D:getetag", "1").responses()


def test_expansion_filters_and_free_busy_of_radicale_work_too(either: MakeClient, house: House) -> None:
    client, path = either(), house.path(ANNA)
    rule = "RRULE:FREQ=WEEKLY;COUNT=4\r\n"
    assert client.put(path + "s.ics", event("s@x", "Kurs", more=rule)).status == 201
    assert client.put(path + "1.ics", event("1@x", "Team", "20270106T090000")).status == 201
    title = (
        '<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"><C:text-match>kur</C:text-match>'
        "</C:prop-filter></C:comp-filter>"
    )
    assert set(client.query(path, title).responses()) == {path + "s.ics"}
    for words, expected in (
        ('<C:prop-filter name="UID"><C:text-match>S@X</C:text-match></C:prop-filter>', {"s.ics"}),
        ('<C:prop-filter name="UID"><C:text-match>nobody</C:text-match></C:prop-filter>', set()),
        ('<C:prop-filter name="RRULE"/>', {"s.ics"}),
        ('<C:prop-filter name="RRULE"><C:is-not-defined/></C:prop-filter>', {"1.ics"}),
        (
            '<C:prop-filter name="SUMMARY"><C:text-match negate-condition="yes">kurs</C:text-match>'
            "</C:prop-filter>",
            {"1.ics"},
        ),
    ):
        found = client.query(path, f'<C:comp-filter name="VEVENT">{words}</C:comp-filter>').responses()
        assert set(found) == {path + name for name in expected}, words
    span = 'start="20270104T000000Z" end="20270113T000000Z"'
    body = (
        '<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data>'
        f"<C:expand {span}/></C:calendar-data></D:prop><C:filter>"
        f'<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range {span}/></C:comp-filter>'
        "</C:comp-filter></C:filter></C:calendar-query>"
    )
    expanded = client.request("REPORT", path, body, {"Depth": "1"})
    assert expanded.status == 207 and expanded.text.count("BEGIN:VEVENT") == 3
    busy = (
        f'<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range {span}/>'
        "</C:free-busy-query>"
    )
    answer = client.request("REPORT", path, busy, {"Depth": "1"})
    assert answer.status == 200 and answer.text.count("FREEBUSY") >= 3


@pytest.mark.parametrize("fold", ["\r\n ", "\r\n\t"], ids=["space", "tab"])
def test_a_text_is_found_across_a_fold(either: MakeClient, house: House, fold: str) -> None:
    client, path = either(), house.path(ANNA)
    assert client.put(path + "1.ics", event("1@x", more=f"DESCRIPTION:Kranken{fold}stand\r\n")).status == 201
    match = '<C:prop-filter name="DESCRIPTION"><C:text-match>krankenstand</C:text-match></C:prop-filter>'
    assert set(client.query(path, f'<C:comp-filter name="VEVENT">{match}</C:comp-filter>').responses()) == {
        path + "1.ics"
    }


def test_the_whole_calendar_is_one_file(either: MakeClient, house: House) -> None:
    client, path = either(), house.path(ANNA)
    fill(client, path, 0, 4)
    answer = client.request("GET", path)
    assert answer.status == 200 and answer.text.count("BEGIN:VCALENDAR") == 1
    assert answer.text.count("BEGIN:VEVENT") == 4
    refused = client.put(path, answer.text)
    assert refused.status == 403
    assert client.request("GET", path).text.count("BEGIN:VEVENT") == 4


def test_what_leaves_a_rooms_calendar_goes_under_the_name_it_came(either: MakeClient, house: House) -> None:
    """Own events stand there beside colleagues'; a client's own name must not stay behind as a ghost."""
    with house.database.write() as uow:
        calendars.grant(uow, house.room_id, house.viewer(ANNA).staff_id, Access.READ)
    anna = either(ANNA)
    mine = house.path(ANNA)
    room = house.path(ANNA, next(c for c in house.calendars(ANNA) if c.id == house.room_id))
    token = anna.token(room)
    assert anna.put(mine + "a@x.ics", event("a@x")).status == 201
    with house.database.write() as uow:
        appointment = uow.connection.execute(text("SELECT max(id) FROM appointment")).scalar_one()
        book.reschedule(uow, Actor(), appointment, rooms=[house.room_id])
    (listed,) = anna.sync(room, token).responses()
    token = anna.token(room)
    assert anna.request("GET", listed).status == 200
    assert anna.request("DELETE", mine + "a@x.ics").status in (200, 204)
    assert _statuses(anna.sync(room, token)) == {listed: "404"}


def _of_a_colleague(rita: Client, house: House, uid: str) -> tuple[str, str]:
    """An entry with a patient's name as its file's in a room to which Anna may write: where it is for Rita,
    who has made it, and the room for Anna."""
    with house.database.write() as uow:
        calendars.grant(uow, house.room_id, house.viewer(ANNA).staff_id, Access.WRITE)
    room = next(c for c in house.calendars(RITA) if c.id == house.room_id)
    hidden = f"{house.path(RITA, room)}Mustermann Maria.ics"
    assert rita.put(hidden, event(uid, "Kurs")).status == 201
    return hidden, house.path(ANNA, room)


@pytest.mark.parametrize("way", ["PUT", "MOVE"])
def test_a_guessed_name_is_taken_like_any_other(either: MakeClient, house: House, way: str) -> None:
    """Who may write to a room could else find out of whom its colleagues' entries are."""
    rita, anna = either(RITA), either(ANNA)
    hidden, theirs = _of_a_colleague(rita, house, "1@example")
    mine = house.path(ANNA) + "mine.ics"
    guess = theirs + "Mustermann Maria.ics"
    if way == "PUT":
        answer = anna.put(guess, event("2@example", "Mein Kurs", "20270106T090000"))
        assert (answer.etag is None) or "as-sent" in answer.etag
    else:
        assert anna.put(mine, event("2@example", "Mein Kurs", "20270106T090000")).status == 201
        answer = anna.request("MOVE", mine, headers={"Destination": quote(guess), "Overwrite": "F"})
    assert answer.status == 201
    listed = [p for p in anna.propfind(theirs, "D:getetag", "1").responses() if p != theirs]
    titles = {line for p in listed for line in anna.request("GET", p).text.split("\r\n") if "SUMMARY" in line}
    assert len(listed) == 2 and "SUMMARY:Mein Kurs" in titles
    assert "SUMMARY:Kurs" in rita.request("GET", hidden).text


@pytest.mark.parametrize("way", ["onto it", "beside it"])
def test_a_refused_move_does_not_tell_a_hidden_name(own: MakeClient, house: House, way: str) -> None:
    rita, anna, uid = own(RITA), own(ANNA), "Mustermann-Maria@example"
    _, theirs = _of_a_colleague(rita, house, uid)
    (alias,) = (p for p in anna.propfind(theirs, "D:getetag", "1").responses() if p != theirs)
    mine = house.path(ANNA) + "mine.ics"
    assert anna.put(mine, event("mine" if way == "onto it" else uid, "Mein Kurs")).status == 201
    to = alias if way == "onto it" else theirs + "new.ics"
    answer = anna.request("MOVE", mine, headers={"Destination": quote(to), "Overwrite": "T"})
    assert (answer.status, answer.condition()) == (409, "{urn:ietf:params:xml:ns:caldav}no-uid-conflict")
    assert "Mustermann" not in unquote(answer.text)
    assert unquote(answer.document.findtext(".//{DAV:}href") or "") == alias
