"""A phone deletes a private calendar: what is the practice's must not go with it unseen."""

from __future__ import annotations

from urllib.parse import quote

from sqlalchemy import text

from radicale_practice.practice.model import CalendarKind
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, RITA, Client, House, event


def test_one_with_a_patients_appointment_stays(either: MakeClient, house: House) -> None:
    """It would be booked and in nobody's sight, and neither the reception nor a program would hear of it."""
    client, path = either(), house.path(ANNA)
    private = house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE))
    assert client.put(private + "own.ics", event("own@x", "Zahnarzt", "20270106T090000")).status == 201
    assert client.put(path + "1.ics", event("1@x", "4711 – Massage")).status == 201
    there = {"Destination": quote(private + "1.ics")}
    assert client.request("MOVE", path + "1.ics", b"", there).status == 201

    assert client.request("DELETE", private).status in (200, 403)
    assert private in client.propfind("/anna_müller/", "D:displayname", "1").responses()
    assert set(client.sync(private).responses()) == {private + "1.ics", private + "own.ics"}

    back = {"Destination": quote(path + "1.ics")}
    assert client.request("MOVE", private + "1.ics", b"", back).status == 201
    assert client.request("DELETE", private).status in (200, 204)
    assert private not in client.propfind("/anna_müller/", "D:displayname", "1").responses()
    assert client.request("GET", path + "1.ics").status == 200


def test_one_with_a_series_of_which_an_instance_is_a_patients_stays(own: MakeClient, house: House) -> None:
    client = own()
    private = house.path(ANNA, house.own(ANNA, CalendarKind.PRIVATE))
    rule = "RRULE:FREQ=WEEKLY;COUNT=3\r\n"
    assert client.put(private + "s.ics", event("s@x", "Kurs", more=rule)).status == 201
    with house.database.write() as uow:
        instance = (
            "INSERT INTO appointment (practice_id, series_id, recurrence_id, patient_id, starts_at, ends_at)"
            " SELECT practice_id, id, '2027-01-12 09:00:00', (SELECT min(id) FROM patient),"
            " '2027-01-12 10:00:00', '2027-01-12 11:00:00' FROM appointment"
        )
        uow.connection.execute(text(instance))
    refused = client.request("DELETE", private)
    assert (refused.status, refused.condition()) == (403, "{DAV:}need-privileges")
    with house.database.write() as uow:
        uow.connection.execute(
            text("UPDATE appointment SET status = 'cancelled' WHERE series_id IS NOT NULL")
        )
    assert client.request("DELETE", private).status == 204


def test_our_own_entry_is_no_obstacle(own: MakeClient, house: House) -> None:
    """The one about changes that were not taken over: the receptionist has no other calendar for it."""
    rita, private = own(RITA), house.path(RITA, house.own(RITA, CalendarKind.PRIVATE))
    be_refused_a_deletion(rita, house)
    assert len(rita.sync(private).responses()) == 1
    assert rita.request("DELETE", private).status == 204


def test_our_own_entry_goes_to_another_of_the_persons_calendars(own: MakeClient, house: House) -> None:
    """It was left behind in the deleted one, and never showed again."""
    rita, private = own(RITA), house.path(RITA, house.own(RITA, CalendarKind.PRIVATE))
    assert rita.request("MKCALENDAR", "/rita/second/").status == 201
    be_refused_a_deletion(rita, house)
    assert len(rita.sync(private).responses()) == 1
    assert rita.request("DELETE", private).status == 204
    assert "1 Änderung" in rita.request("GET", "/rita/second/").text


def be_refused_a_deletion(rita: Client, house: House) -> None:
    """The receptionist deletes a documented appointment, and gets the entry that says so."""
    path = house.path(RITA, house.own(ANNA)) + "1.ics"
    assert rita.put(path, event("1@x", "Massage")).status == 201
    with house.database.write() as uow:
        uow.connection.execute(text("UPDATE appointment SET status = 'done'"))
    assert rita.request("DELETE", path).status == 403
