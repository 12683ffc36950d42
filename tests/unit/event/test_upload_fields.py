"""What is typed into an event's place, note and link."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radicale_practice.event.absorb import Absorbed, absorb
from radicale_practice.event.render import render
from radicale_practice.practice.model import CalendarObject, View
from tests.unit.event.people import FULL, MITTE, SmallDirectory, view
from tests.unit.event.uploads import DAY, STORED, event, put

LINK = "https://practice.example/a/{id}"


def change(before: str, after: str, view_name: View = View.FULL, **options: object) -> Absorbed:
    """Write the stored appointment back with one change."""
    projection = view(view_name, **options)
    obj = CalendarObject("1", (STORED,))
    text = render(obj, projection)
    assert before in text
    return absorb(text.replace(before, after, 1).encode(), obj, projection, SmallDirectory())


@pytest.mark.parametrize(
    ("typed", "location", "text", "room"),
    [
        ("LOCATION:Praxis Mitte\\, Raum 1", MITTE, "", "Raum 1"),
        ("LOCATION:Praxis Mitte", MITTE, "", "Raum 1"),
        ("LOCATION:Praxis Mitte\\, Hof", MITTE, "Hof", "Raum 1"),
        ("LOCATION:Zuhause", None, "Zuhause", "Raum 1"),
        ("X-A:1", None, "", "Raum 1"),
    ],
)
def test_places(typed: str, location: object, text: str, room: str) -> None:
    (row,) = change("LOCATION:Praxis Mitte\\, Raum 1", typed).object.appointments
    assert (row.location, row.location_text, row.room) == (location, text, room)


def test_our_lines_in_the_description_are_recognised() -> None:
    link = LINK.replace("{id}", "abc123")
    line = f"DESCRIPTION:Tel. 0664 1\\n{link}\\nKnie"
    for after, phone, note in [
        (f"DESCRIPTION:Tel. 0664 2\\n{link}\\nKnie", "0664 2", "Knie"),
        (f"DESCRIPTION:Tel. 0664 1\\n{link}\\nSchulter\\nlinks", "0664 1", "Schulter\nlinks"),
        ("DESCRIPTION:Schulter", "", "Schulter"),
    ]:
        result = change(line, after, appointment_link=LINK)
        (row,) = result.object.appointments
        assert (row.phone, row.note) == (phone, note)
        shown = render(result.object, replace(FULL, appointment_link=LINK))
        assert shown.count(link) == 2


def test_our_lines_are_recognised_wherever_they_stand() -> None:
    link = LINK.replace("{id}", "abc123")
    line = f"DESCRIPTION:Tel. 0664 1\\n{link}\\nKnie"
    for after, phone, note in [
        (f"Heute wichtig\\nTel. 0664 1\\n{link}\\nKnie", "0664 1", "Heute wichtig\nKnie"),
        (f"{link}\\nTel. 0664 1\\nKnie", "0664 1", "Knie"),
        (f"{link}\\nTel. 0664 2\\nKnie", "0664 2", "Knie"),
        (f"Tel. 0664 1\\n\\n{link}\\nKnie", "0664 1", "\nKnie"),
        (f"Tel. 0664 1\\nKnie\\n{link}", "0664 1", "Knie"),
        ("Knie\\nTel. der Mutter erfragen", "", "Knie\nTel. der Mutter erfragen"),
        (f"Tel. der Mutter erfragen\\n{link}", "", "Tel. der Mutter erfragen"),
        (f"{link}\\nKnie\\nsiehe {link}", "", f"Knie\nsiehe {link}"),
    ]:
        result = change(line, f"DESCRIPTION:{after}", appointment_link=LINK)
        (row,) = result.object.appointments
        assert (row.phone, row.note) == (phone, note)
        settled = render(result.object, replace(FULL, appointment_link=LINK))
        assert settled.replace("\r\n ", "").count(f"{link}\\n") + settled.count(f"URL:{link}") <= 2
        again = absorb(settled.encode(), None, replace(FULL, appointment_link=LINK), SmallDirectory())
        assert (again.object.appointments[0].phone, again.object.appointments[0].note) == (phone, note)


def test_a_first_line_that_only_sounds_like_a_phone_number_is_a_note() -> None:
    (row,) = put(DAY, "DESCRIPTION:Tel. Rückruf vereinbart").object.appointments
    assert (row.phone, row.note) == ("", "Tel. Rückruf vereinbart")


def test_outlook_does_not_move_an_appointment_to_another_zone() -> None:
    stored = replace(STORED, time_zone="Europe/Vienna")
    data = event(
        "UID:1",
        "DTSTART;TZID=W. Europe Standard Time:20260105T090000",
        "DTEND;TZID=W. Europe Standard Time:20260105T100000",
        "SUMMARY:Huber Maria – Physio",
        "LOCATION:Praxis Mitte\\, Raum 1",
        envelope=("PRODID:-//ddaysoftware.com//NONSGML DDay.iCal 1.0//EN",),
    )
    (row,) = absorb(data, CalendarObject("1", (stored,)), FULL, SmallDirectory()).object.appointments
    assert replace(row, extra="") == stored


def test_a_note_that_is_not_shown_is_added_to() -> None:
    result = change("SUMMARY", "DESCRIPTION:neu\r\nSUMMARY", View.PSEUDONYM)
    assert result.object.appointments[0].note == "Knie\nneu"
    assert "neu" not in render(result.object, view(View.PSEUDONYM)) and not result.exact
    again = absorb(
        render(result.object, view(View.PSEUDONYM)).replace("SUMMARY", "DESCRIPTION:neu\r\nSUMMARY").encode(),
        result.object,
        view(View.PSEUDONYM),
        SmallDirectory(),
    )
    assert again.object.appointments[0].note == "Knie\nneu"


def test_the_clients_own_url_wins_over_the_link() -> None:
    link = f"URL:{LINK.replace('{id}', 'abc123')}"
    result = change(link, "URL:https://example.org/x,y;z", appointment_link=LINK)
    shown = replace(FULL, appointment_link=LINK)
    assert "URL:https://example.org/x,y;z\r\n" in render(result.object, shown)
    assert f"{link}\r\n" in render(result.object, view(View.PSEUDONYM, appointment_link=LINK))
    # A copy of an event carries the link of the original: it is not taken for the copy's own.
    copy = absorb(event("UID:2", DAY, link), None, shown, SmallDirectory())
    assert not copy.exact
    row = replace(copy.object.appointments[0], public_id="new1")
    assert "URL:https://practice.example/a/new1\r\n" in render(
        replace(copy.object, appointments=(row,)), shown
    )


def test_a_new_event_that_will_get_a_link_is_not_exact() -> None:
    assert put(DAY, "SUMMARY:x").exact
    assert not put(DAY, "SUMMARY:x", appointment_link=LINK).exact


def test_html_and_map_go_with_the_text_they_repeat() -> None:
    lines = (
        "LOCATION:A",
        "X-APPLE-STRUCTURED-LOCATION;X-TITLE=A:geo:1,2",
        "DESCRIPTION:b",
        "X-ALT-DESC:<b>b</b>",
    )
    obj = put(DAY, *lines).object
    assert all(line in render(obj, FULL) for line in lines)
    (row,) = obj.appointments
    moved = render(replace(obj, appointments=(replace(row, location_text="C", note="d"),)), FULL)
    assert "geo:1,2" not in moved and "<b>" not in moved
    assert "LOCATION:C" in moved and "DESCRIPTION:d" in moved
