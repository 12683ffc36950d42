"""A move as PUT of a copy and deletion of the original; the practice changes the original in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import text

from radicale_practice.practice import book, clock
from radicale_practice.practice.model import Actor, CalendarKind
from radicale_practice.practice.notices import attention
from radicale_practice.practice.people import patient_erase
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, BEN, RITA, Client, House, event
from tests.protocol.test_two_halves import (
    names,
    occurrences,
    open_rows,
    roles,
    series,
    setting,
    sql,
    taking_place,
)

PRACTICE = Actor(program="practice program")

CHANGES = {
    "note": ("UPDATE appointment SET note = 'Krücken' WHERE id = :key", "note", "Krücken"),
    "phone": ("UPDATE appointment SET phone = '0660 9' WHERE id = :key", "phone", "0660 9"),
    "subject": ("UPDATE appointment SET subject = 'Laser' WHERE id = :key", "subject", "Laser"),
    "patient": (
        "UPDATE appointment SET patient_id = (SELECT id FROM patient WHERE number = '4712') WHERE id = :key",
        "(SELECT number FROM patient WHERE patient.id = patient_id)",
        "4712",
    ),
    "time": (
        "UPDATE appointment SET starts_at = '2027-01-05 11:00:00', ends_at = '2027-01-05 11:30:00'"
        " WHERE id = :key",
        "starts_at",
        "2027-01-05 11:00:00",
    ),
    "status": ("UPDATE appointment SET status = 'confirmed' WHERE id = :key", "status", "confirmed"),
}


@pytest.mark.parametrize("changed", CHANGES)
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("deletion", ["DELETE", "STATUS:CANCELLED"])
def test_what_the_practice_changed_between_the_halves_stays(
    own: MakeClient, house: House, changed: str, held: bool, deletion: str
) -> None:
    statement, column, value = CHANGES[changed]
    client = own(RITA, agent="CalDavSynchronizer/4.5")
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert client.put(old + "1.ics", event("1@x", "4711: Massage")).status == 201
    seen = client.request("GET", old + "1.ics").text
    if held:
        setting(house, brake_creations=1)
    assert client.put(new + "n.ics", seen).status == (403 if held else 201)
    ((key,),) = sql(house, "SELECT min(id) FROM appointment")
    sql(house, statement, key=key)
    if deletion == "DELETE":
        assert client.request("DELETE", old + "1.ics").status == 204
    else:
        now = client.request("GET", old + "1.ics").text
        gone = now.replace("END:VEVENT", "STATUS:CANCELLED\r\nEND:VEVENT")
        assert client.put(old + "1.ics", gone).status == 204
    ((found,),) = sql(house, f"SELECT {column} FROM appointment WHERE id = :key", key=key)
    assert str(found)[:19] == value
    assert roles(house, key) == {"Ben Berger": "owner"}
    assert (names(client, old), names(client, new)) == ([], ["n.ics"])
    assert [number for _, number in taking_place(house)] == [1]
    assert open_rows(house) == []


@pytest.mark.parametrize("changed", ["time", "subject"])
def test_where_both_changed_the_same_both_stay_and_somebody_is_told(
    own: MakeClient, house: House, changed: str
) -> None:
    statement, column, value = CHANGES[changed]
    client = own(RITA, agent="CalDavSynchronizer/4.5")
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert client.put(old + "1.ics", event("1@x", "4711: Massage")).status == 201
    seen = client.request("GET", old + "1.ics").text
    upload = seen.replace("T09", "T14") if changed == "time" else seen.replace("Massage", "Dehnen")
    assert client.put(new + "n.ics", upload).status == 201
    ((key,),) = sql(house, "SELECT min(id) FROM appointment")
    sql(house, statement, key=key)
    assert client.request("DELETE", old + "1.ics").status == 403
    ((found,),) = sql(house, f"SELECT {column} FROM appointment WHERE id = :key", key=key)
    assert str(found)[:19] == value
    assert (names(client, old), names(client, new)) == (["1.ics"], ["n.ics"])
    assert client.request("GET", new + "n.ics").text == upload
    assert taking_place(house) == [("booked", 2)]
    assert open_rows(house) == [("refused", "changed-meanwhile", 1)]


def test_what_each_changed_of_another_thing_is_both_there(own: MakeClient, house: House) -> None:
    client = own(RITA, agent="CalDavSynchronizer/4.5")
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert client.put(old + "1.ics", event("1@x", "4711: Massage")).status == 201
    seen = client.request("GET", old + "1.ics").text
    assert client.put(new + "n.ics", seen.replace("T09", "T14")).status == 201
    ((key,),) = sql(house, "SELECT min(id) FROM appointment")
    sql(house, CHANGES["note"][0], key=key)
    assert client.request("DELETE", old + "1.ics").status == 204
    found = sql(house, "SELECT note, starts_at FROM appointment WHERE status <> 'cancelled'")
    assert [(note, str(start)[:16]) for note, start in found] == [("Krücken", "2027-01-05 14:00")]


@pytest.mark.parametrize(
    "what", ["cancelled", "moved", "cancelled where it had moved", "restored", "shifted"]
)
@pytest.mark.parametrize("edited", [False, True])
def test_an_instance_the_practice_changed_between_the_halves(
    own: MakeClient, house: House, what: str, edited: bool
) -> None:
    client = own(RITA, agent="CalDavSynchronizer/4.5")
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert client.put(old + "s.ics", series(excluded="")).status == 201
    assert client.put(old + "s.ics", series(excluded="12")).status == 204
    seen = client.request("GET", old + "s.ics").text
    upload = seen.replace("20270120T09", "20270120T15") if edited else seen
    if edited:
        upload = upload.replace("RRULE", "EXDATE:20270209T090000Z\r\nRRULE")
    assert client.put(new + "s.ics", upload).status == 201
    with house.database.write(PRACTICE) as uow:
        key = uow.connection.execute(text("SELECT min(id) FROM appointment")).scalar_one()

        def on(day: int, *, cancelled: bool = False):
            return book.instance_on(uow, key, date(2027, 1, day), cancelled=cancelled)

        if what == "cancelled":
            book.cancel_appointment(uow, PRACTICE, key, on=on(26))
        elif what == "moved":
            moment = on(26).replace(hour=17)
            book.reschedule(uow, PRACTICE, key, moment, on=on(26))
        elif what == "cancelled where it had moved":
            book.cancel_appointment(uow, PRACTICE, key, on=on(20))
        elif what == "restored":
            book.restore(uow, PRACTICE, key, on=on(12, cancelled=True))
        else:
            book.reschedule(uow, PRACTICE, key, on(5).replace(hour=11))
    practices = occurrences(house, client, old)
    answer = client.request("DELETE", old + "s.ics")
    if edited:
        assert answer.status == 403
        assert occurrences(house, client, old) == practices
        assert client.request("GET", new + "s.ics").text == upload
        assert open_rows(house) == [("refused", "changed-meanwhile", 1)]
    else:
        assert answer.status == 204
        assert occurrences(house, client, old) == []
        assert occurrences(house, client, new) == practices
        assert open_rows(house) == []


@pytest.mark.parametrize("kind", [CalendarKind.PRIVATE, CalendarKind.PRACTITIONER])
def test_what_is_kept_of_an_original_goes_with_its_patient(
    own: MakeClient, house: House, kind: CalendarKind
) -> None:
    client = own(ANNA, agent="DAVx5/4.5")
    old = house.path(ANNA)
    new = house.path(ANNA, house.own(ANNA, kind))
    setting(house, appointment_link="https://praxis.example/{id}")
    assert client.put(old + "1.ics", event("1@x", "4711: Massage")).status == 201
    sql(house, "UPDATE appointment SET note = 'Krücken'")
    seen = client.request("GET", old + "1.ics").text.replace("UID:1@x", "UID:2@x")
    assert client.put(new + "2.ics", seen.replace("Krücken", "")).status == 201
    kept = "SELECT count(*) FROM journal WHERE after LIKE '%Krücken%'"
    assert sql(house, kept) == [(1,)]
    with house.database.write() as uow:
        patient_erase.erase(uow, house.practice_id, "4711")
    assert sql(house, kept) == [(0,)]


def test_dates_that_plain_sql_excludes_between_the_halves_stay_excluded(
    own: MakeClient, house: House
) -> None:
    client = own(RITA, agent="CalDavSynchronizer/4.5")
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert client.put(old + "s.ics", series(excluded="")).status == 201
    assert client.put(new + "s.ics", client.request("GET", old + "s.ics").text).status == 201
    ((key,),) = sql(house, "SELECT min(id) FROM appointment")
    sql(house, "UPDATE appointment SET exdate = '2027-01-12 09:00:00' WHERE id = :key", key=key)
    before = occurrences(house, client, old)
    assert client.request("DELETE", old + "s.ics").status == 204
    assert occurrences(house, client, new) == before and "2027-01-12T09:00" not in before


# what is there no more


def original_and_copy(own: MakeClient, house: House) -> tuple[Client, str, str, int, int]:
    """An appointment, and the copy that Outlook has made of it at another time in a colleague's calendar."""
    client = own(RITA, agent="CalDavSynchronizer/4.5")
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert client.put(old + "1.ics", event("1@x", "4711: Massage")).status == 201
    seen = client.request("GET", old + "1.ics").text
    assert client.put(new + "n.ics", seen.replace("T09", "T14")).status == 201
    ((key, copy),) = sql(house, "SELECT min(id), max(id) FROM appointment")
    return client, old + "1.ics", new + "n.ics", key, copy


def cancel_by_command(house: House, own: MakeClient, key: int) -> None:
    with house.database.write(PRACTICE) as uow:
        book.cancel_appointment(uow, PRACTICE, key)


def move_by_command(house: House, own: MakeClient, key: int) -> None:
    with house.database.write(PRACTICE) as uow:
        book.reschedule(uow, PRACTICE, key, calendar_id=house.own(BEN, CalendarKind.PRIVATE).id)


def delete_at_the_desk(house: House, own: MakeClient, key: int) -> None:
    path = house.path(RITA, house.own(ANNA))
    assert own(RITA, agent="Thunderbird/140").request("DELETE", path + "1.ics").status == 204


def move_at_the_desk(house: House, own: MakeClient, key: int) -> None:
    path = house.path(ANNA)
    private = house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE))
    target = {"Destination": "http://127.0.0.1" + quote(private + "1.ics")}
    assert own(ANNA, agent="iOS/26.5").request("MOVE", path + "1.ics", headers=target).status == 201


def cancel_by_sql(house: House, own: MakeClient, key: int) -> None:
    sql(house, "UPDATE appointment SET status = 'cancelled' WHERE id = :key", key=key)


GONE = [cancel_by_command, move_by_command, delete_at_the_desk, move_at_the_desk, cancel_by_sql]


@pytest.mark.parametrize("gone", GONE)
def test_the_copy_of_what_the_practice_took_away_is_listed(
    own: MakeClient, house: House, gone: Callable[[House, MakeClient, int], None]
) -> None:
    """The practice's decision stands, the device's copy too: somebody has to say which one is right."""
    client, old, new, key, copy = original_and_copy(own, house)
    gone(house, own, key)
    before = sql(house, "SELECT status FROM appointment ORDER BY id")
    assert client.request("DELETE", old).status == 404
    assert sql(house, "SELECT status FROM appointment ORDER BY id") == before
    assert client.request("GET", new).status == 200
    assert open_rows(house) == [("double-booking", "original-gone", 1)]
    ((item, concerned, person),) = sql(house, "SELECT id, appointment_id, staff_id FROM attention")
    assert (concerned, person) == (copy, house.viewer(RITA).staff_id)
    with house.database.write(PRACTICE) as uow:
        attention.resolve(uow, PRACTICE, item, "discard")
    assert client.request("GET", new).status == 404
    # and it is not listed again
    assert client.request("DELETE", old).status == 404
    assert open_rows(house) == []


@pytest.mark.parametrize("then", ["deleted all the same", "the copy deleted"])
def test_the_copy_of_what_a_client_may_not_delete_for_its_old_version_is_listed(
    own: MakeClient, house: House, then: str
) -> None:
    """DAVx5 and Outlook do not ask: the original comes back to the phone, beside the copy."""
    client, old, new, key, copy = original_and_copy(own, house)
    read = client.request("GET", old).etag
    sql(house, CHANGES["status"][0], key=key)
    assert client.request("DELETE", old, headers={"If-Match": read or ""}).status == 412
    assert taking_place(house) == [("booked", 1), ("confirmed", 1)]
    assert open_rows(house) == [("double-booking", "original-gone", 1)]
    assert sql(house, "SELECT appointment_id FROM attention") == [(copy,)]
    # Thunderbird's person says "delete", or the copy was a mistake
    assert client.request("DELETE", old if then == "deleted all the same" else new).status == 204
    assert open_rows(house) == []
    kept = ("confirmed", 1)
    assert taking_place(house) == [kept]
    assert roles(house, key) == {"Ben Berger" if then == "deleted all the same" else "Anna Müller": "owner"}


@pytest.mark.parametrize("then", ["nothing", "deleted all the same", "the copy deleted"])
def test_the_copy_uploaded_after_a_deletion_for_an_old_version_is_listed(
    own: MakeClient, house: House, then: str
) -> None:
    client = own(RITA, agent="DAVx5/4.5")
    old, new = house.path(RITA, house.own(ANNA)) + "1.ics", house.path(RITA, house.own(BEN)) + "1.ics"
    assert client.put(old, event("1@x", "4711: Massage")).status == 201
    seen = client.request("GET", old)
    ((key,),) = sql(house, "SELECT id FROM appointment")
    sql(house, CHANGES["status"][0], key=key)
    assert client.request("DELETE", old, headers={"If-Match": seen.etag or ""}).status == 412
    assert open_rows(house) == []
    assert client.put(new, seen.text.replace("T09", "T14")).status == 201
    assert taking_place(house) == [("booked", 1), ("confirmed", 1)]
    assert open_rows(house) == [("double-booking", "original-gone", 1)]
    assert sql(house, "SELECT appointment_id FROM attention") != [(key,)]
    if then != "nothing":
        assert client.request("DELETE", old if then == "deleted all the same" else new).status == 204
        assert open_rows(house) == []
        assert [number for _, number in taking_place(house)] == [1]


def test_an_upload_refused_before_has_nothing_to_do_with_a_copy(own: MakeClient, house: House) -> None:
    """Only a deletion is half of a move; and one by another device is none of this one's."""
    client, other = own(RITA, agent="DAVx5/4.5"), own(RITA, agent="CalDavSynchronizer/4.5")
    old, new = house.path(RITA, house.own(ANNA)) + "1.ics", house.path(RITA, house.own(BEN)) + "1.ics"
    assert client.put(old, event("1@x", "4711: Massage")).status == 201
    seen = client.request("GET", old)
    sql(house, "UPDATE appointment SET status = 'confirmed'")
    stale = seen.etag or ""
    assert other.request("DELETE", old, headers={"If-Match": stale}).status == 412
    assert client.put(old, seen.text.replace("T09", "T10"), if_match=stale).status == 412
    assert client.put(new, seen.text.replace("T09", "T14")).status == 201
    assert open_rows(house) == []


def test_the_upload_of_what_the_practice_restored_meanwhile_is_listed(own: MakeClient, house: House) -> None:
    client = own(RITA, agent="DAVx5/4.5")
    old, new = house.path(RITA, house.own(ANNA)), house.path(RITA, house.own(BEN))
    assert client.put(old + "1.ics", event("1@x", "4711: Massage")).status == 201
    seen = client.request("GET", old + "1.ics").text
    ((key,),) = sql(house, "SELECT id FROM appointment")
    assert client.request("DELETE", old + "1.ics").status == 204
    with house.database.write(PRACTICE) as uow:
        book.restore(uow, PRACTICE, key)
    assert client.put(new + "1.ics", seen.replace("T09", "T14")).status == 201
    assert taking_place(house) == [("booked", 2)]
    assert open_rows(house) == [("double-booking", "original-gone", 1)]
    assert sql(house, "SELECT appointment_id FROM attention") != [(key,)]


@pytest.mark.parametrize(
    "why", ["too late", "a copy of their own", "moved on by the device itself", "a room"]
)
def test_copies_that_are_nobodys_concern(
    own: MakeClient, house: House, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "moved on by the device itself":
        client = own(RITA, agent="CalDavSynchronizer/4.5")
        old, new = house.path(RITA, house.own(ANNA)) + "1.ics", house.path(RITA, house.own(BEN)) + "n.ics"
        assert client.put(old, event("1@x", "4711: Massage")).status == 201
        assert client.put(new, client.request("GET", old).text).status == 201
        assert client.request("DELETE", old).status == 204
    else:
        client, old, new, key, _ = original_and_copy(own, house)
        if why == "too late":
            later = clock.utc_now() + timedelta(minutes=11)
            monkeypatch.setattr(clock, "utc_now", lambda: later)
            cancel_by_command(house, own, key)
        elif why == "a room":
            with house.database.write(PRACTICE) as uow:
                book.reschedule(uow, PRACTICE, key, calendar_id=house.room_id)
            assert open_rows(house) == []
            assert client.request("DELETE", old).status == 204
        else:
            assert client.request("DELETE", new).status == 204
            cancel_by_command(house, own, key)
    assert client.request("DELETE", old).status == 404
    assert open_rows(house) == []


def test_private_titles_are_read_when_a_held_move_into_the_practice_is_carried_out(
    own: MakeClient, house: House
) -> None:
    setting(house, brake_creations=0)
    client = own(ANNA, agent="iOS/26.5")
    old, new = house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE)), house.path(ANNA)
    assert client.put(old + "p.ics", event("p@x", "Huber Josef - Knie")).status == 201
    target = {"Destination": "http://127.0.0.1" + quote(new + "p.ics")}
    assert client.request("MOVE", old + "p.ics", headers=target).status == 403
    assert names(client, old) == ["p.ics"]
    assert "p.ics" not in names(client, new)
    ((item,),) = sql(house, "SELECT id FROM attention WHERE settled_at IS NULL")
    with house.database.write(PRACTICE) as uow:
        attention.resolve(uow, PRACTICE, item, "carry-out")
    assert (names(client, old), names(client, new)) == ([], ["p.ics"])
    found = sql(house, "SELECT p.number, a.subject FROM appointment a JOIN patient p ON p.id = a.patient_id")
    assert found == [("4712", "Knie")]
