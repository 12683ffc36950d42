"""Moves in two halves (PUT new, DELETE old, either order): nothing is lost, shifted or doubled on the way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import text

from radicale_practice.practice import book, calendars, clock, practices
from radicale_practice.practice.model import Actor, CalendarKind
from radicale_practice.practice.reading import calendar_objects
from radicale_practice.practice.records import undo
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, BEN, RITA, Answer, Client, House, event

ORDERS = ("put then delete", "delete then put")
DONE = (200, 201, 204)


def sql(house: House, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """Rows of a statement that a practice program could have sent."""
    with house.database.write() as uow:
        result = uow.connection.execute(text(statement), values)
        return [tuple(row) for row in result] if result.returns_rows else []


def setting(house: House, **values: Any) -> None:
    """Change settings of the practice."""
    with house.database.write() as uow:
        practices.set_settings(uow, house.practice_id, values)


def path_of(house: House, user: str, calendar_id: int) -> str:
    """The path of a calendar in the home of that user."""
    return house.path(user, next(c for c in house.calendars(user) if c.id == calendar_id))


def names(client: Client, path: str) -> list[str]:
    """What a client lists of a calendar."""
    found = client.propfind(path, "D:getetag", "1").responses()
    return sorted(p.removeprefix(path) for p in found if p != path)


def two_halves(client: Client, order: str, old: str, new: str, upload: str) -> list[Answer]:
    """The move, as a program that knows no MOVE makes it."""
    steps = {"put": lambda: client.put(new, upload), "delete": lambda: client.request("DELETE", old)}
    return [steps[half]() for half in order.split(" then ")]


def booked_by_sql(
    house: House, start: str, end: str, places: Sequence[tuple[int, str]], name: str = "X1"
) -> int:
    """An appointment of Maria's that the practice program has entered: nobody has created it."""
    sql(
        house,
        "INSERT INTO appointment"
        " (practice_id, external_id, subject, starts_at, ends_at, time_zone, patient_id)"
        " SELECT :practice, :name, 'Massage', :start, :end, 'UTC', id FROM patient WHERE number = '4711'",
        practice=house.practice_id,
        name=name,
        start=start,
        end=end,
    )
    ((key,),) = sql(house, "SELECT id FROM appointment WHERE external_id = :name", name=name)
    for calendar_id, role in places:
        sql(
            house,
            "INSERT INTO appointment_calendar (appointment_id, calendar_id, role) VALUES (:a, :c, :r)",
            a=key,
            c=calendar_id,
            r=role,
        )
    return int(key)


def roles(house: House, key: int) -> dict[str, str]:
    """The calendars an appointment is in."""
    found = sql(
        house,
        "SELECT c.name, l.role FROM appointment_calendar l JOIN calendar c ON c.id = l.calendar_id"
        " WHERE l.appointment_id = :key",
        key=key,
    )
    return dict(found)


def taking_place(house: House) -> list[tuple[Any, ...]]:
    """Status and number of appointments and instances with a row that are not cancelled, entries left out."""
    return sql(
        house,
        "SELECT status, count(*) FROM appointment WHERE status <> 'cancelled'"
        " AND (external_id IS NULL OR external_id NOT LIKE 'attention:%') GROUP BY status ORDER BY status",
    )


def open_rows(house: House) -> list[tuple[str, str, int]]:
    """The attention list: kind, reason, count."""
    return sql(  # type: ignore[return-value]
        house,
        "SELECT kind, reason, count FROM attention WHERE settled_at IS NULL ORDER BY kind, reason",
    )


# rooms


@pytest.mark.parametrize("order", (*ORDERS, "move"))
def test_from_room_to_room_the_practitioner_keeps_the_appointment(
    own: MakeClient, house: House, order: str
) -> None:
    with house.database.write() as uow:
        other = calendars.add(uow, house.practice_id, CalendarKind.ROOM, "Raum 2")
    key = booked_by_sql(
        house,
        "2027-01-05 09:00:00",
        "2027-01-05 09:30:00",
        [(house.own(ANNA).id, "owner"), (house.room_id, "resource")],
    )
    client = own(RITA, agent="CalDavSynchronizer/4.5")
    first, second = path_of(house, RITA, house.room_id), path_of(house, RITA, other.id)
    (name,) = names(client, first)
    upload = client.request("GET", first + name).text
    if order == "move":
        target = {"Destination": "http://127.0.0.1" + quote(second + "n.ics")}
        answers = [client.request("MOVE", first + name, headers=target)]
    else:
        answers = two_halves(client, order, first + name, second + "n.ics", upload)
    assert all(a.status in DONE for a in answers)
    assert roles(house, key) == {"Anna Müller": "owner", "Raum 2": "resource"}
    assert names(client, first) == []
    assert len(names(client, house.path(RITA, house.own(ANNA)))) == 1
    assert taking_place(house) == [("booked", 1)]


@pytest.mark.parametrize("order", ORDERS)
def test_the_room_comes_along_to_the_colleague(own: MakeClient, house: House, order: str) -> None:
    key = booked_by_sql(
        house,
        "2027-01-05 09:00:00",
        "2027-01-05 09:30:00",
        [(house.own(ANNA).id, "owner"), (house.room_id, "resource")],
    )
    client = own(RITA, agent="DAVx5/4.5")
    anna, ben = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    (name,) = names(client, anna)
    upload = client.request("GET", anna + name).text
    assert all(a.status in DONE for a in two_halves(client, order, anna + name, ben + "n.ics", upload))
    assert roles(house, key) == {"Ben Berger": "owner", "Raum 1": "resource"}
    assert client.request("GET", ben + "n.ics").text == upload


# a taken time


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("author", ["nobody", ANNA, RITA])
def test_where_the_time_is_taken_the_appointment_stays_where_it_was(
    own: MakeClient, house: House, order: str, author: str
) -> None:
    setting(house, double_booking="forbid")
    rita, anna, ben = own(RITA, agent="DAVx5/4.5"), own(ANNA), own(BEN)
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert ben.put(house.path(BEN) + "b.ics", event("b@x", "Besetzt")).status == 201
    if author == "nobody":
        booked_by_sql(house, "2027-01-05 09:00:00", "2027-01-05 09:30:00", [(house.own(ANNA).id, "owner")])
    else:
        made = own(author).put(house.path(author, house.own(ANNA)) + "1.ics", event("1@x", "4711: Massage"))
        assert made.status == 201
    (name,) = names(rita, old)
    upload = rita.request("GET", old + name).text
    answers = two_halves(rita, order, old + name, new + "n.ics", upload)
    if order == "put then delete":
        assert [a.status for a in answers] == [201, 403]
    # it stays booked where it was, for everybody, and blocks its time
    assert names(anna, house.path(ANNA)) == [name]
    assert rita.request("GET", old + name).text == upload
    assert taking_place(house) == [("booked", 2), ("unconfirmed", 1)]
    # what was not booked is shown to its author, and on the list
    assert names(rita, new) == ["b.ics", "n.ics"]
    assert "⚠ nicht gebucht" in rita.request("GET", new + "n.ics").text
    assert names(ben, house.path(BEN)) == ["b.ics"]
    assert [r for r in open_rows(house) if r[0] == "refused"] == [("refused", "slot-taken", 1)]


def test_an_appointment_that_went_nowhere_does_not_come_back_to_a_time_given_away(
    own: MakeClient, house: House
) -> None:
    setting(house, double_booking="forbid")
    rita, anna, ben = own(RITA, agent="DAVx5/4.5"), own(ANNA), own(BEN)
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert ben.put(house.path(BEN) + "b.ics", event("b@x", "Besetzt")).status == 201
    assert rita.put(old + "1.ics", event("1@x", "4711: Massage")).status == 201
    upload = rita.request("GET", old + "1.ics").text
    assert rita.request("DELETE", old + "1.ics").status == 204
    assert anna.put(house.path(ANNA) + "2.ics", event("2@x", "Neu")).status == 201
    assert rita.put(new + "n.ics", upload).status == 201
    assert names(anna, house.path(ANNA)) == ["2.ics"]
    assert names(rita, new) == ["b.ics", "n.ics"]
    assert taking_place(house) == [("booked", 2), ("unconfirmed", 1)]


def test_a_move_within_a_calendar_that_forbids_double_booking(own: MakeClient, house: House) -> None:
    """The copy clashes with its own original until that one goes; its title does not keep the warning."""
    setting(house, double_booking="forbid", appointment_link="https://praxis.example/{id}")
    rita = own(RITA, agent="CalDavSynchronizer/4.5")
    path = house.path(RITA, house.own(ANNA))
    assert rita.put(path + "1.ics", event("1@x", "4711: Massage")).status == 201
    seen = rita.request("GET", path + "1.ics").text
    moved = seen.replace("T0900", "T0915").replace("UID:1@x", "UID:2@x")
    assert rita.put(path + "2.ics", moved).status == 201
    assert "⚠ nicht gebucht" in rita.request("GET", path + "2.ics").text
    assert rita.request("DELETE", path + "1.ics").status == 204
    assert rita.request("GET", path + "2.ics").text == moved
    assert taking_place(house) == [("booked", 1)]
    assert open_rows(house) == []


# series


def series(
    hour: int = 9, *, excluded: str = "12", moved: str = "20T09", more: str = "", uid: str = "s@x"
) -> str:
    """Six Tuesdays: the second left out, the third moved to Wednesday (``moved``: day and hour)."""
    hh = f"{hour:02d}"
    exdates = "".join(f"EXDATE:202701{day}T{hh}0000Z\r\n" for day in excluded.split())
    master = event(uid, "4711: Kurs", f"20270105T{hh}0000", more=f"RRULE:FREQ=WEEKLY;COUNT=6\r\n{exdates}")
    instance = event(uid, "4711: Kurs", f"202701{moved}0000", more=f"RECURRENCE-ID:20270119T{hh}0000Z\r\n")
    body = instance[instance.index("BEGIN:VEVENT") :]
    return master.replace("END:VCALENDAR\r\n", more + body)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("place", ["colleague", "private"])
def test_a_series_with_another_start_takes_place_as_it_was_uploaded(
    own: MakeClient, house: House, order: str, place: str
) -> None:
    user = RITA if place == "colleague" else ANNA
    client = own(user, agent="DAVx5/4.5")
    old = house.path(user, house.own(ANNA))
    new = house.path(RITA, house.own(BEN))
    if place == "private":
        new = next(house.path(ANNA, c) for c in house.calendars(ANNA) if c.kind is CalendarKind.PRIVATE)
    assert client.put(old + "s.ics", series().replace("4711: Kurs", "Kurs")).status == 201
    upload = series(10, moved="20T10").replace("4711: Kurs", "Kurs")
    assert all(a.status in DONE for a in two_halves(client, order, old + "s.ics", new + "s.ics", upload))
    assert client.request("GET", new + "s.ics").text == upload
    assert names(client, old) == []
    assert taking_place(house) == [("booked", 2)]


@pytest.mark.parametrize("order", ORDERS)
def test_a_cancelled_instance_of_a_shifted_series_stays_cancelled(
    own: MakeClient, house: House, order: str
) -> None:
    client = own(RITA, agent="DAVx5/4.5")
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert client.put(old + "s.ics", series(excluded="")).status == 201
    assert client.put(old + "s.ics", series(excluded="12")).status == 204
    seen = client.request("GET", old + "s.ics").text
    upload = re.sub("T09(..00)", r"T10\1", seen)
    assert all(a.status in DONE for a in two_halves(client, order, old + "s.ics", new + "s.ics", upload))
    assert client.request("GET", new + "s.ics").text == upload
    found = sql(house, "SELECT status, recurrence_id FROM appointment WHERE series_id IS NOT NULL ORDER BY 2")
    assert [(status, str(when)[:16]) for status, when in found] == [
        ("cancelled", "2027-01-12 10:00"),
        ("booked", "2027-01-19 10:00"),
    ]


def test_what_was_changed_in_the_copy_is_not_lost(own: MakeClient, house: House) -> None:
    client = own(RITA, agent="DAVx5/4.5")
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert client.put(old + "s.ics", series(excluded="")).status == 201
    seen = client.request("GET", old + "s.ics").text
    assert client.put(new + "s.ics", seen).status == 201
    last = seen.replace("RRULE", "EXDATE:20270112T090000Z\r\nRRULE").replace("20270120T09", "20270120T16")
    assert client.put(new + "s.ics", last).status == 204
    assert client.request("DELETE", old + "s.ics").status == 204
    assert client.request("GET", new + "s.ics").text == last
    assert names(client, old) == []
    assert taking_place(house) == [("booked", 2)]


@pytest.mark.parametrize("order", ORDERS)
def test_what_has_taken_place_stays_and_the_rest_goes(own: MakeClient, house: House, order: str) -> None:
    """A series with a documented instance is handed over: that one stays, the others take place once."""
    client = own(RITA, agent="DAVx5/4.5")
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert client.put(old + "s.ics", series(excluded="", moved="19T10")).status == 201
    sql(house, "UPDATE appointment SET status = 'done' WHERE series_id IS NOT NULL")
    sql(
        house,
        "INSERT INTO appointment_calendar (appointment_id, calendar_id, role)"
        " SELECT id, :room, 'resource' FROM appointment",
        room=house.room_id,
    )
    upload = client.request("GET", old + "s.ics").text
    assert all(a.status in DONE for a in two_halves(client, order, old + "s.ics", new + "s.ics", upload))
    assert occurrences(house, client, old) == ["2027-01-19T10:00"]
    assert occurrences(house, client, new) == [
        f"2027-{day}T09:00" for day in ("01-05", "01-12", "01-26", "02-02", "02-09")
    ]
    ((key,),) = sql(
        house,
        "SELECT a.id FROM appointment a JOIN appointment_calendar l ON l.appointment_id = a.id"
        " WHERE a.series_id IS NULL AND a.status = 'booked' AND l.calendar_id = :ben",
        ben=house.own(BEN).id,
    )
    assert roles(house, key) == {"Ben Berger": "owner", "Raum 1": "resource"}
    patients = sql(house, "SELECT count(*) FROM appointment WHERE patient_id IS NULL")
    assert patients == [(0,)]
    assert open_rows(house) == []


def occurrences(house: House, client: Client, path: str) -> list[str]:
    """When something takes place in a calendar, in the first months of 2027 (UTC)."""
    info = next(c for c in house.calendars(client.user) if house.path(client.user, c) == path)
    with house.database.read() as uow:
        found = calendar_objects.load_range(
            uow,
            house.viewer(client.user),
            info.id,
            datetime(2027, 1, 1, tzinfo=UTC),
            datetime(2027, 4, 1, tzinfo=UTC),
        )
    return sorted(f"{start:%Y-%m-%dT%H:%M}" for _, spans in found for start, _ in spans)


# many at once


@pytest.mark.parametrize("order", ORDERS)
def test_a_batch_of_moves_is_moved(own: MakeClient, house: House, order: str) -> None:
    """Two profiles synchronise one after the other: first all of one half, then all of the other.

    The brake holds some of the first halves back, deletions as well as uploads.
    """
    number = 20
    client = own(RITA, agent="CalDavSynchronizer/4.5")
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    events = {
        f"{i}.ics": event(f"{i}@x", "4711: Massage", f"202701{5 + i % 20:02d}T{8 + i // 20:02d}0000")
        for i in range(number)
    }
    for name, upload in events.items():
        assert client.put(old + name, upload).status == 201
    sql(house, "UPDATE appointment SET phone = '0660 1'")
    seen = {name: client.request("GET", old + name).text for name in events}
    setting(house, brake_creations=15)
    sql(house, "UPDATE journal SET at = '2026-01-01 00:00:00'")
    for half in order.split(" then "):
        for name, upload in seen.items():
            if half == "put":
                client.put(new + name, upload)
            else:
                client.request("DELETE", old + name)
    assert names(client, old) == []
    assert names(client, new) == sorted(events)
    assert all(client.request("GET", new + name).text == upload for name, upload in seen.items())
    assert taking_place(house) == [("booked", number)]
    assert sql(house, "SELECT count(*) FROM appointment WHERE phone = '0660 1'") == [(number,)]
    assert open_rows(house) == []


def test_deletions_that_were_held_and_moved_are_no_burst_any_more(own: MakeClient, house: House) -> None:
    """Some of what was deleted is uploaded elsewhere: the burst is what remains."""
    client = own(RITA, agent="CalDavSynchronizer/4.5")
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    for i in range(14):
        assert (
            client.put(old + f"{i}.ics", event(f"{i}@x", "4711", f"202701{5 + i:02d}T090000")).status == 201
        )
    seen = {f"{i}.ics": client.request("GET", old + f"{i}.ics").text for i in range(14)}
    assert [client.request("DELETE", old + name).status for name in seen] == [204] * 10 + [403] * 4
    for name in ("11.ics", "12.ics"):
        assert client.put(new + name, seen[name]).status == 201
    assert names(client, old) == ["10.ics", "13.ics"]
    assert names(client, new) == ["11.ics", "12.ics"]
    assert open_rows(house) == [("burst", "burst-cancellations", 2)]


# from a private calendar


@pytest.mark.parametrize("order", (*ORDERS, "move"))
@pytest.mark.parametrize(
    ("title", "number", "listed"),
    [("Huber Josef – Knie", "4712", []), ("Kino", None, [("unlinked", "unlinked", 1)])],
)
def test_a_private_entrys_title_is_read_in_the_practice(
    own: MakeClient, house: House, order: str, title: str, number: str | None, listed: list[object]
) -> None:
    client = own(ANNA, agent="DAVx5/4.5")
    old, new = house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE)), house.path(ANNA)
    assert client.put(old + "1.ics", event("1@x", title)).status == 201
    upload = client.request("GET", old + "1.ics").text
    if order == "move":
        target = {"Destination": "http://127.0.0.1" + quote(new + "1.ics")}
        answers = [client.request("MOVE", old + "1.ics", headers=target)]
    else:
        answers = two_halves(client, order, old + "1.ics", new + "1.ics", upload)
    assert all(a.status in DONE for a in answers)
    found = sql(house, "SELECT p.number FROM appointment a LEFT JOIN patient p ON p.id = a.patient_id")
    assert found == [(number,)]
    assert open_rows(house) == listed


# what comes after


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("documented", [False, True])
def test_undo_takes_both_halves_back(
    own: MakeClient, house: House, order: str, documented: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = own(RITA, agent="DAVx5/4.5")
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert client.put(old + "s.ics", series(excluded="", moved="19T10")).status == 201
    if documented:
        sql(house, "UPDATE appointment SET status = 'done' WHERE series_id IS NOT NULL")
    before, upload = occurrences(house, client, old), client.request("GET", old + "s.ics").text
    since = clock.utc_now() + timedelta(hours=1)
    monkeypatch.setattr(clock, "utc_now", lambda: since)
    two_halves(client, order, old + "s.ics", new + "s.ics", upload)
    with house.database.write() as uow:
        staff_id = house.viewer(RITA).staff_id
        report = undo.undo(uow, Actor(), house.practice_id, since, staff_id=staff_id)
    assert report.skipped == []
    assert occurrences(house, client, old) == before
    assert occurrences(house, client, new) == []


@pytest.mark.parametrize("order", ORDERS)
def test_a_series_joins_its_instance_at_the_colleagues(own: MakeClient, house: House, order: str) -> None:
    """One instance was handed over before: it takes place once, beside the series that follows it."""
    client = own(RITA, agent="DAVx5/4.5")
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert client.put(old + "s.ics", series(excluded="")).status == 201
    with house.database.write(Actor(program="practice program")) as uow:
        key = uow.connection.execute(text("SELECT min(id) FROM appointment")).scalar_one()
        original = book.instance_on(uow, key, date(2027, 1, 26))
        book.reschedule(uow, uow.actor, key, on=original, calendar_id=house.own(BEN).id)
    before = occurrences(house, client, old) + occurrences(house, client, new)
    upload = client.request("GET", old + "s.ics").text
    assert all(a.status in DONE for a in two_halves(client, order, old + "s.ics", new + "s.ics", upload))
    assert occurrences(house, client, old) == []
    assert occurrences(house, client, new) == sorted(before)
    assert names(client, new) == ["s.ics"]
