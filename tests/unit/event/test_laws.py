"""The laws of the lens over generated appointments, in every view."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from radicale_practice.event.absorb import absorb
from radicale_practice.event.content_lines import clean_text, fold_line, parse
from radicale_practice.event.directory import EmptyDirectory
from radicale_practice.event.errors import InvalidCalendarData
from radicale_practice.event.render import render
from radicale_practice.event.values import escape, unescape
from radicale_practice.practice.model import Appointment, CalendarObject, Projection, View
from tests.unit.event.people import FULL, HUBER, SmallDirectory, corpus
from tests.unit.event.strategies import objects, projections, singles, texts


def fields(obj: CalendarObject) -> tuple[object, ...]:
    """Everything the practice knows of an object: all but the kept lines."""
    rows = tuple(replace(a, extra="", personal="", rdate=tuple(sorted(a.rdate))) for a in obj.appointments)
    return obj.uid, rows, obj.elsewhere


def other_writer(text: str) -> bytes:
    """The same events as another program writes them: another PRODID, unfolded, LF, a line of its own."""
    flat = text.replace("\r\n ", "").replace("PRODID:", "PRODID:-//Other//").replace("\r\n", "\n")
    return flat.replace("BEGIN:VEVENT\n", "BEGIN:VEVENT\nX-OTHER:1\n").encode()


@settings(max_examples=400, deadline=None)
@given(objects(), projections())
def test_what_was_read_changes_nothing(obj: CalendarObject, projection: Projection) -> None:
    text = render(obj, projection)
    assert absorb(text.encode(), obj, projection, SmallDirectory()).object is obj
    directory = SmallDirectory()
    absorbed = absorb(other_writer(text), obj, projection, directory)
    assert absorbed.findings == ()
    assert directory.questions == []
    assert fields(absorbed.object) == fields(obj)
    again = render(absorbed.object, projection)
    assert unmarked(again) == unmarked(text)
    assert unfolded(again).replace("X-OTHER:1\r\n", "").replace("-//Other//", "") == unfolded(text)
    if projection.view is not View.FULL:
        full = replace(projection, view=View.FULL)
        assert unmarked(render(absorbed.object, full)) == unmarked(render(obj, full))


def unfolded(text: str) -> str:
    """Without folds: the other writer makes none."""
    return text.replace("\r\n ", "")


def unmarked(text: str) -> list[str]:
    """The lines of a text, without what the other writer added; the order is free."""
    flat = unfolded(text).replace("-//Other//", "").replace("X-OTHER:1\r\n", "")
    return sorted(flat.split("\r\n"))


@settings(max_examples=300, deadline=None)
@given(singles(), singles(), projections(), texts)
def test_what_is_hidden_is_not_touched(
    stored: Appointment, other: Appointment, projection: Projection, typed: str
) -> None:
    if projection.view is View.FULL:
        return
    stored = replace(stored, patient=HUBER, note="geheim", phone="0664 99", status=other.status)
    typed = clean_text(typed).replace("4712", "")
    text = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n"
        f"DTSTART:20260105T090000Z\r\nSUMMARY:{escape(typed)}\r\nDESCRIPTION:{escape(typed)}\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    absorbed = absorb(text.encode(), CalendarObject("1", (stored,)), projection, SmallDirectory(HUBER))
    row = absorbed.object.appointments[0]
    assert row.patient == HUBER
    assert row.phone == "0664 99"
    assert row.note.startswith("geheim")
    assert row.location_text == stored.location_text
    assert row.room == stored.room
    assert row.status == stored.status


@settings(max_examples=300, deadline=None)
@given(objects(), projections(), texts, texts)
def test_what_was_typed_in_full_comes_back(
    obj: CalendarObject, projection: Projection, title: str, note: str
) -> None:
    projection = replace(projection, view=View.FULL, appointment_link="", show_note=True)
    title, note = clean_text(title), clean_text(note)
    lines = [f"SUMMARY:{escape(title)}", f"DESCRIPTION:{escape(note)}", 'X-RAW;A="b,c;d:e":1,2;3']
    body = "\r\n".join(["UID:1", "DTSTART;VALUE=DATE:20260105", *lines])
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n{body}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    absorbed = absorb(text.encode(), None, projection, EmptyDirectory())
    out = render(absorbed.object, projection)
    assert lines[2] in out
    if not absorbed.object.appointments[0].phone and not title.startswith("⚠ "):
        assert out == text and absorbed.exact
    settled = absorb(out.encode(), absorbed.object, projection, EmptyDirectory())
    assert settled.exact and settled.object == absorbed.object


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_text_survives_escaping_and_folding(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    line = fold_line(f"SUMMARY:{escape(text)}")
    assert all(len(part.encode()) <= 75 for part in line.split("\r\n"))
    parsed = parse(f"BEGIN:VCALENDAR\r\n{line}\r\nEND:VCALENDAR\r\n".encode())
    assert unescape(parsed.lines[0].value) == clean_text(text)


SAMPLES = [path.read_bytes() for path in corpus()]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_are_refused_or_read(data: bytes) -> None:
    never_anything_else(data)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_damaged_uploads_are_refused_or_read(sample: bytes, data: st.DataObject) -> None:
    damaged = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        match data.draw(st.integers(0, 3)):
            case 0:
                damaged[at : at + data.draw(st.integers(1, 30))] = b""
            case 1:
                damaged[at:at] = data.draw(st.sampled_from(PIECES))
            case 2:
                damaged[at] = data.draw(st.integers(0, 255))
            case _:
                lines = bytes(damaged).split(b"\r\n")
                number = data.draw(st.integers(0, len(lines) - 1))
                lines.insert(data.draw(st.integers(0, len(lines) - 1)), lines[number])
                damaged = bytearray(b"\r\n".join(lines))
    never_anything_else(bytes(damaged))


def test_a_zone_with_two_names_is_refused() -> None:
    data = next(sample for sample in SAMPLES if b";TZID=Europe/Vienna:" in sample)
    never_anything_else(data.replace(b";TZID=Europe/Vienna:", b";TZID=Europe/Vienna,Europe/Vienna:", 1))


PIECES = [
    *(
        b"\r\n",
        b":",
        b";",
        b'"',
        b"\\",
        b"\r\n ",
        b"Z",
        b"T",
        b"99999999",
        b"-",
        b"0",
        b",",
        b"\x00",
        b"\xff",
    ),
    *(b"\r\nEXDATE:20260101\r\n", b"\r\nRRULE:FREQ=SECONDLY\r\n", b"\r\nDURATION:P99999W\r\n"),
    *(b"\r\nDTSTART:00010101T000000Z\r\n", b"\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\n", b";TZID=Mars/Base"),
    *(b";VALUE=DATE", b"\r\nRECURRENCE-ID:20260101\r\n", b"\r\nDTEND:99991231T235959Z\r\n", b";TZID="),
]


def never_anything_else(data: bytes) -> None:
    """An upload is read, and then settles at once, or is refused with one of our errors."""
    for projection in (FULL, replace(FULL, view=View.PSEUDONYM)):
        try:
            absorbed = absorb(data, None, projection, SmallDirectory())
        except InvalidCalendarData as error:
            assert error.precondition
            continue
        text = render(absorbed.object, projection)
        again = absorb(text.encode(), absorbed.object, projection, SmallDirectory())
        assert again.object == absorbed.object
        touched = text.replace("BEGIN:VEVENT\r\n", "BEGIN:VEVENT\r\nX-TOUCHED:1\r\n")
        changed = absorb(touched.encode(), absorbed.object, projection, SmallDirectory())
        assert render(changed.object, projection).replace("X-TOUCHED:1\r\n", "") == text


@settings(max_examples=400, deadline=None)
@given(objects(), projections(), st.sampled_from(SAMPLES), st.booleans())
def test_any_upload_over_any_event_settles(
    obj: CalendarObject, projection: Projection, sample: bytes, twice: bool
) -> None:
    try:
        absorbed = absorb(sample, obj, projection, SmallDirectory())
        if twice:
            other = replace(projection, staff_id=12, view=View.FULL)
            stored = absorbed.object
            absorbed = absorb(render(stored, other).encode(), stored, other, SmallDirectory())
            absorbed = absorb(sample, absorbed.object, projection, SmallDirectory())
    except InvalidCalendarData:
        return
    text = render(absorbed.object, projection)
    assert text == render(absorbed.object, projection)
    again = absorb(other_writer(text), absorbed.object, projection, SmallDirectory())
    assert fields(again.object) == fields(absorbed.object)
    assert again.findings == ()
    assert unmarked(render(again.object, projection)) == unmarked(text)
    assert text.count("BEGIN:VTIMEZONE") == len(set(re.findall("TZID:(.*)", text)))


@settings(max_examples=100, deadline=None)
@given(singles(), projections(), st.integers(-400, 400))
def test_a_moved_event_moves_and_nothing_else(stored: Appointment, projection: Projection, days: int) -> None:
    obj = CalendarObject("1", (stored,))
    moved = replace(stored, start=stored.start + timedelta(days=days), end=stored.end + timedelta(days=days))
    text = render(replace(obj, appointments=(moved,)), projection)
    absorbed = absorb(other_writer(text), obj, projection, SmallDirectory())
    assert fields(absorbed.object) == fields(replace(obj, appointments=(moved,)))
