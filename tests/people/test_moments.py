"""Days and times as people type them, and names of programs."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from radicale_practice.cli.moments import parse_day, parse_end, parse_moment, shown
from radicale_practice.cli.record_commands import parse_since
from radicale_practice.practice import clock
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records.programs import short_name

SATURDAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        ("2026-11-24 09:00", datetime(2026, 11, 24, 9)),
        ("2026-11-24T09:00:00", datetime(2026, 11, 24, 9)),
        ("24.11.2026 9:05", datetime(2026, 11, 24, 9, 5)),
        ("tue 09:00", datetime(2026, 11, 24, 9)),
        ("Dienstag 09.30", datetime(2026, 11, 24, 9, 30)),
        ("di 9:00", datetime(2026, 11, 24, 9)),
        ("so 9:00", datetime(2026, 11, 22, 9)),
        ("sa 9:00", datetime(2026, 11, 21, 9)),
        ("today 23:59", datetime(2026, 11, 21, 23, 59)),
        ("morgen 00:00", datetime(2026, 11, 22)),
    ],
)
def test_moments(typed: str, moment: datetime) -> None:
    assert parse_moment(typed, SATURDAY) == moment


@pytest.mark.parametrize(
    "typed", ["", "09:00", "2026-11-24", "2026-02-30 09:00", "tue 25:00", "tue 9:60", "thing 9:00", "tue"]
)
def test_what_is_no_moment(typed: str) -> None:
    with pytest.raises(InvalidValue):
        parse_moment(typed, SATURDAY)


@pytest.mark.parametrize(
    ("typed", "utc"),
    [
        ("2026-11-01", datetime(2026, 10, 31, 23)),
        ("25.10.2026", datetime(2026, 10, 24, 22)),
        ("today", datetime(2026, 11, 20, 23)),
        ("2026-11-01 09:00", datetime(2026, 11, 1, 8)),
        ("2026-10-25T12:00", datetime(2026, 10, 25, 11)),
        ("90min", datetime(2026, 11, 21, 8, 30)),
    ],
)
def test_since_a_day_is_from_its_beginning_in_the_practices_zone(
    practice: Practice, monkeypatch: pytest.MonkeyPatch, typed: str, utc: datetime
) -> None:
    monkeypatch.setattr(clock, "utc_now", lambda: datetime(2026, 11, 21, 10))
    assert practice.time_zone == "Europe/Vienna"
    assert parse_since(typed, practice) == utc


def test_ends() -> None:
    start = datetime(2026, 11, 24, 9)
    assert parse_end("09:45", None, start) == start + timedelta(minutes=45)
    assert parse_end("2026-11-25 08:00", None, start) == datetime(2026, 11, 25, 8)
    assert parse_end(None, 20, start) == start + timedelta(minutes=20)
    assert parse_end(None, None, start) is None
    with pytest.raises(InvalidValue):
        parse_end("10:00", 20, start)


def test_days_and_how_they_are_shown() -> None:
    assert parse_day("tomorrow", SATURDAY) == date(2026, 11, 22)
    assert shown(datetime(2026, 11, 24, 9)) == "Tue 2026-11-24 09:00"


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("DAVx5/4.5.1-ose (dav4jvm; okhttp/5.1.0) Android/14", "DAVx5"),
        ("iOS/26.0 (23A341) dataaccessd/1.0", "iPhone"),
        ("macOS/15.1 (24B83) CalendarAgent/1200", "Mac"),
        ("CalDavSynchronizer/4.5", "Outlook CalDAV Synchronizer"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.5.0", "Thunderbird"),
        ("vdirsyncer/0.21.0", "vdirsyncer"),
        ("Evolution/3.46.4", "Evolution"),
        ("python-caldav/3.6.0", "caldav (Python)"),
        ("curl/8.0", "curl"),
        ("radicale-practice (anna)", "radicale-practice"),
        ("", ""),
        ("\x00\x1b[31m", ""),
    ],
)
def test_programs(program: str, name: str) -> None:
    assert short_name(program) == name
