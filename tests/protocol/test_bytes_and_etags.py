"""Whatever plain SQL changes: an event whose bytes are other ones has another ETag and is listed."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from radicale_practice.practice import book, practices
from radicale_practice.practice.model import Actor
from tests.protocol.conftest import MakeClient
from tests.protocol.house import ANNA, BEN, Client, House, event

ONE = "subject = 'one'"
INSTANCE = "subject = 'instance'"
CHANGES = (
    *(f"UPDATE appointment SET {change} WHERE {ONE}" for change in (
        "note = 'Knie'",
        "phone = '0664 7654321'",
        "location_text = 'Hof'",
        "location_id = NULL",
        "transparent = true",
        "status = 'confirmed'",
        "status = 'done'",
        "status = 'unconfirmed', unconfirmed_reason = 'slot-taken'",
        "status = 'booked', unconfirmed_reason = ''",
        "created_by = (SELECT id FROM staff WHERE user_name = 'ben')",
        "public_id = 'abcdef'",
        "starts_at = '2027-01-05 08:00:00'",
        "ends_at = '2027-01-05 12:00:00'",
        "time_zone = 'Europe/London'",
        "all_day = true, starts_at = '2027-01-05 00:00:00', ends_at = '2027-01-06 00:00:00'",
        "patient_id = (SELECT id FROM patient WHERE number = '4712')",
        "patient_id = NULL",
        "patient_id = (SELECT id FROM patient WHERE number = '4711')",
        "external_id = 'V-1', cancelled_by = 1",
        "rrule = 'FREQ=WEEKLY;COUNT=5'",
        "rdate = '2027-01-06 00:00:00'",
        "exdate = '2027-01-12 00:00:00'",
    )),
    *(f"UPDATE appointment SET {change} WHERE {INSTANCE}" for change in (
        "note = 'Schulter'",
        "starts_at = '2027-01-12 07:00:00'",
        "recurrence_id = '2027-01-19 09:00:00'",
        "patient_id = (SELECT id FROM patient WHERE number = '4711')",
        "status = 'cancelled'",
    )),
    "UPDATE patient SET last_name = 'Moser'",
    "UPDATE patient SET first_name = 'Eva', phone = '1'",
    "UPDATE patient SET number = '47110' WHERE number = '4711'",
    "UPDATE location SET name = 'Baden'",
    "UPDATE calendar SET name = 'Raum 9' WHERE kind = 'room'",
    "UPDATE calendar SET name = 'Anders' WHERE kind = 'practitioner'",
    "UPDATE practice SET name = 'Praxis am Park'",
    "UPDATE practice SET time_zone = 'Europe/London'",
    "UPDATE practice SET language = 'en'",
    """UPDATE practice SET settings = '{}'""",
    """UPDATE practice SET settings = '{"show_note": false}'""",
    """UPDATE practice SET settings = '{}'""",
    """UPDATE practice SET settings = '{"title_with_patient": "{subject}: {patient}"}'""",
    """UPDATE practice SET settings = '{}'""",
    """UPDATE practice SET settings = '{"appointment_link": "https://p.example/{id}"}'""",
    "DELETE FROM appointment_calendar WHERE role = 'resource'",
    f"UPDATE appointment SET subject = 'two' WHERE {ONE}",
)  # fmt: skip


def furnish(client: Client, house: House) -> None:
    """An appointment with all that can show of it, and a series with an altered instance."""
    path = house.path(ANNA)
    with house.database.write() as uow:
        practices.set_settings(uow, house.practice_id, {"appointment_link": "https://link.example/{id}"})
        place = "INSERT INTO location (practice_id, name) VALUES (:p, 'Mitte') RETURNING id"
        location = uow.connection.execute(text(place), {"p": house.practice_id}).scalar_one()
    assert client.put(path + "1.ics", event("1@x", "4711 – one")).status == 201
    rule = "RRULE:FREQ=WEEKLY;COUNT=5\r\n"
    assert (
        client.put(path + "2.ics", event("2@x", "4712 – series", "20270105T140000", more=rule)).status == 201
    )
    with house.database.write() as uow:
        run = uow.connection.execute
        run(text(f"UPDATE appointment SET location_id = :l, note = 'n' WHERE {ONE}"), {"l": location})
        one, series = (
            run(text("SELECT id FROM appointment WHERE subject = :s"), {"s": subject}).scalar_one()
            for subject in ("one", "series")
        )
        instance = (
            "INSERT INTO appointment (practice_id, series_id, recurrence_id, starts_at, ends_at, subject,"
            " time_zone) VALUES (:p, :s, '2027-01-12 14:00:00', '2027-01-12 15:00:00', '2027-01-12 16:00:00',"
            " 'instance', 'UTC')"
        )
        run(text(instance), {"p": house.practice_id, "s": series})
        for key in (one, series):
            book.reschedule(uow, Actor(), key, rooms=[house.room_id])


def seen(client: Client, path: str) -> dict[str, tuple[str | None, str]]:
    """ETag and bytes of each event."""
    names = [name for name in client.propfind(path, "D:getetag", "1").responses() if name != path]
    answers = {name: client.request("GET", name) for name in names}
    return {name: (answer.etag, answer.text) for name, answer in answers.items()}


@pytest.mark.parametrize("user", [ANNA, BEN])
def test_other_bytes_are_never_under_the_same_etag(own: MakeClient, house: House, user: str) -> None:
    furnish(own(ANNA), house)
    client, path = own(user), house.path(user, house.own(ANNA))
    others = 0
    for change in CHANGES:
        before, token = seen(client, path), client.token(path)
        with house.database.write() as uow:
            assert uow.connection.execute(text(change)).rowcount, change
        after, listed = seen(client, path), set(client.sync(path, token).responses())
        differing = {name for name in before | after if before.get(name) != after.get(name)}
        assert differing <= listed, change
        for name in before.keys() & after.keys():
            (old_etag, old), (new_etag, new) = before[name], after[name]
            assert old == new or old_etag != new_etag, (change, name)
            others += old != new
    assert others > (15 if user == ANNA else 5)
