"""The laws of the lens over uploads in the dialects of real clients."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from radicale_practice.event.absorb import absorb
from radicale_practice.event.calendar_text import calendar_of, uid_of
from radicale_practice.event.content_lines import parse
from radicale_practice.event.directory import EmptyDirectory
from radicale_practice.event.render import render
from radicale_practice.practice.model import Appointment, CalendarObject, View
from tests.unit.event.people import FULL, SmallDirectory, corpus, normalised_text, view

FILES = pytest.mark.parametrize("path", corpus(), ids=lambda p: p.stem)
WORD_FOR_WORD = {
    *("ios_new", "ios_acknowledged", "ios_all_day", "ios_series_exception", "macos_travel", "davx5_google"),
    *("davx5_series_exception", "davx5_all_day", "thunderbird_snoozed", "thunderbird_series"),
    *("google_series_utc", "zero_length", "orphan_instances"),
}


@FILES
def test_what_was_written_comes_back_in_normal_form(path: Path) -> None:
    data = path.read_bytes()
    absorbed = absorb(data, None, FULL, EmptyDirectory())
    text = render(absorbed.object, FULL)
    assert text == normalised_text(data, FULL.time_zone)
    assert absorbed.exact is (text.encode() == data)
    assert absorbed.exact is (path.stem in WORD_FOR_WORD)


@FILES
def test_normal_form_is_stable(path: Path) -> None:
    once = normalised_text(path.read_bytes(), FULL.time_zone)
    assert normalised_text(once.encode(), FULL.time_zone) == once


@FILES
@pytest.mark.parametrize("name", list(View))
def test_a_read_written_back_changes_nothing(path: Path, name: View) -> None:
    stored = absorb(path.read_bytes(), None, FULL, EmptyDirectory()).object
    projection = view(name)
    text = render(stored, projection)
    assert render(stored, projection) == text
    # A stamp that the client may change makes the upload differ, so that it is really read.
    touched = text.replace("VERSION:2.0", "VERSION:2.0\r\nX-TOUCHED:1").encode()
    directory = SmallDirectory()
    absorbed = absorb(touched, stored, projection, directory)
    assert absorbed.findings == ()
    assert directory.questions == []
    assert without_text(absorbed.object) == without_text(stored)
    if name is not View.FULL:
        assert render(absorbed.object, FULL) == render(stored, FULL)
    assert render(absorbed.object, projection).replace("X-TOUCHED:1\r\n", "") == text


def without_text(obj: CalendarObject) -> list[Appointment]:
    """The practice's own fields of an object."""
    return [replace(a, extra="", personal="") for a in obj.appointments]


@FILES
@pytest.mark.parametrize("name", [v for v in View if v is not View.FULL])
def test_below_full_an_upload_settles_at_once(path: Path, name: View) -> None:
    projection = view(name)
    first = absorb(path.read_bytes(), None, projection, EmptyDirectory()).object
    text = render(first, projection)
    again = absorb(text.encode(), first, projection, EmptyDirectory())
    assert again.exact and again.object == first


@FILES
def test_every_zone_in_use_has_one_definition(path: Path) -> None:
    for name in View:
        text = render(absorb(path.read_bytes(), None, FULL, EmptyDirectory()).object, view(name))
        defined = [line[5:] for line in text.split("\r\n") if line.startswith("TZID:")]
        used = {
            line.split("TZID=")[1].split(":")[0].split(";")[0]
            for line in text.split("\r\n")
            if "TZID=" in line
        }
        assert len(defined) == len(set(defined))
        assert used <= set(defined)


def test_the_uid_is_taken_from_the_bytes() -> None:
    data = next(p for p in corpus() if p.stem == "zero_length").read_bytes()
    assert uid_of(data) == "a,b"
    assert absorb(data, None, FULL, EmptyDirectory()).object.uid == "a,b"


def test_many_objects_as_one_calendar() -> None:
    texts = [render(absorb(p.read_bytes(), None, FULL, EmptyDirectory()).object, FULL) for p in corpus()]
    text = calendar_of(texts, "Praxis, Müller")
    assert text.count("BEGIN:VEVENT") == sum(t.count("BEGIN:VEVENT") for t in texts)
    assert text.count("TZID:Europe/Vienna\r\n") == 1
    assert "X-WR-CALNAME:Praxis\\, Müller\r\n" in text
    assert text.count("BEGIN:VCALENDAR") == text.count("END:VCALENDAR") == 1


def test_a_title_may_end_like_an_event() -> None:
    """Titles are one line of text: what it says there is no end of anything."""
    texts = []
    for uid, words in (("1", "BEGIN:VEVENT"), ("2", "END:VEVENT"), ("3", "END:VTIMEZONE")):
        lines = (f"UID:{uid}", "DTSTART:20260105T090000Z", f"SUMMARY:so {words}", "X-LAST:1")
        body = "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT"])
        data = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{body}\r\nEND:VCALENDAR\r\n".encode()
        texts.append(render(absorb(data, None, FULL, EmptyDirectory()).object, FULL))
    events = parse(calendar_of(texts).encode()).components
    assert [[line.name for line in event.lines][-1] for event in events] == ["X-LAST"] * 3
