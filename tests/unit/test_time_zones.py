"""VTIMEZONE against two independent evaluators, and names of zones in every dialect."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical
from hypothesis import given, settings
from hypothesis import strategies as st

from radicale_practice.event import client_zones, tzif
from radicale_practice.event.time_zones import resolve, vtimezone
from radicale_practice.event.windows_zones import WINDOWS_ZONES
from radicale_practice.practice import zones
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Appointment
from radicale_practice.practice.series import recurrence

CHOSEN = [
    "Europe/Vienna",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Moscow",
    "Europe/Istanbul",
    "Europe/Kyiv",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Nuuk",
    "America/Santiago",
    "America/Havana",
    "America/Phoenix",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Gaza",
    "Asia/Jerusalem",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Pacific/Easter",
    "Antarctica/Troll",
    "UTC",
    "Etc/GMT-14",
    "Etc/GMT+12",
    "EST5EDT",
    "CET",
]


def evaluated(text: str, first_year: int, last_year: int) -> list[tuple[datetime, timedelta, timedelta]]:
    """Changes of a VTIMEZONE by a plain reading of RFC 5545 3.6.5: (naive UTC, from, to)."""

    def offset(value: str) -> timedelta:
        size = timedelta(hours=int(value[1:3]), minutes=int(value[3:5]), seconds=int(value[5:7] or 0))
        return -size if value[0] == "-" else size

    changes = []
    for block in text.split("BEGIN:")[2:]:
        lines = [line.partition(":") for line in block.splitlines()[1:]]
        value = {name: content for name, _, content in lines}
        start = datetime.strptime(value["DTSTART"], "%Y%m%dT%H%M%S")
        dates = [d for n, _, c in lines if n == "RDATE" for d in c.split(",")]
        walls = [start, *(datetime.strptime(d, "%Y%m%dT%H%M%S") for d in dates)]
        if "RRULE" in value:
            series = Appointment(start=start, end=start, time_zone="UTC", rrule=value["RRULE"])
            walls += list(recurrence.expand(series, None, datetime(last_year + 1, 1, 1)))[1:]
        before, after = offset(value["TZOFFSETFROM"]), offset(value["TZOFFSETTO"])
        changes += [(wall - before, before, after) for wall in walls]
    return sorted(changes)


def assert_right(zone: str, first_year: int, last_year: int) -> None:
    info = zones.load(zone)
    assert info is not None
    changes = evaluated(vtimezone(zone, first_year), first_year, last_year)
    begin = datetime(first_year, 1, 1, tzinfo=info).astimezone(UTC).replace(tzinfo=None)
    instants = [begin + timedelta(days=13 * n) for n in range((last_year - first_year) * 28)]
    for at, before, after in changes:
        if at > begin and at.year <= last_year:
            instants += [at - timedelta(seconds=1), at]
            real = at.replace(tzinfo=UTC).astimezone(info).utcoffset()
            assert after == real, (zone, at)
            assert before == (at - timedelta(seconds=1)).replace(tzinfo=UTC).astimezone(info).utcoffset()
    for at in sorted(instants):
        mine = [after for moment, _, after in changes if moment <= at][-1]
        assert mine == at.replace(tzinfo=UTC).astimezone(info).utcoffset(), (zone, first_year, at)


@pytest.mark.parametrize("first_year", [1975, 2005, 2026])
@pytest.mark.parametrize("zone", CHOSEN)
def test_every_instant_has_the_right_offset(zone: str, first_year: int) -> None:
    assert_right(zone, first_year, first_year + 12)


@pytest.mark.parametrize("zone", sorted(zones.names()))
def test_every_zone_of_the_world_is_right_now(zone: str) -> None:
    assert_right(zone, 2025, 2030)


@pytest.mark.parametrize("zone", CHOSEN)
def test_dateutil_reads_the_same(zone: str) -> None:
    read = tzical(io.StringIO(vtimezone(zone, 2020))).get(zone)
    info = zones.load(zone)
    for day in range(0, 365 * 8, 5):
        wall = datetime(2020, 2, 3, 12) + timedelta(days=day)
        assert wall.replace(tzinfo=read).utcoffset() == wall.replace(tzinfo=info).utcoffset(), (zone, wall)


@pytest.mark.parametrize("zone", [z for z in CHOSEN if z not in ("Etc/GMT-14", "Etc/GMT+12")])
def test_far_future(zone: str) -> None:
    assert_right(zone, 2050, 2052)


def test_the_text_of_vienna() -> None:
    assert vtimezone("Europe/Vienna", 2026) == (
        "BEGIN:VTIMEZONE\r\nTZID:Europe/Vienna\r\n"
        "BEGIN:DAYLIGHT\r\nDTSTART:19960331T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:CEST\r\n"
        "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\n"
        "BEGIN:STANDARD\r\nDTSTART:19961027T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nTZNAME:CET\r\n"
        "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\n"
        "END:VTIMEZONE\r\n"
    )
    assert vtimezone("Europe/Vienna", 2026) is vtimezone("Europe/Vienna", 2040)


def test_dublin_calls_summer_daylight() -> None:
    text = vtimezone("Europe/Dublin", 2026)
    assert "BEGIN:DAYLIGHT\r\nDTSTART:19960331T010000\r\nTZOFFSETFROM:+0000\r\nTZOFFSETTO:+0100" in text


def test_a_zone_without_daylight_saving_is_one_observance() -> None:
    for zone in ("Asia/Kolkata", "UTC", "America/Phoenix"):
        text = vtimezone(zone, 2026)
        assert text.count("BEGIN:STANDARD") == 1 and "DAYLIGHT" not in text and "RDATE" not in text


@pytest.mark.parametrize("zone", sorted(zones.names()))
def test_lines_are_short_and_no_zone_needs_more_than_the_known_forms(zone: str) -> None:
    text = vtimezone(zone, 1990)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    content = zones.data(zone)
    assert content is not None
    history = tzif.history(zone)
    assert history is not None and bool(history.yearly) == (b"," in content.rsplit(b"\n", 2)[1])


def test_every_zone_of_the_world_is_right_since_1970() -> None:
    """Also where the yearly rule began anew after years without it (Riga 2000, Norfolk 2015)."""
    texts = {zone: vtimezone(zone, 1970).removesuffix("\r\n") for zone in zones.names()}
    assert [z for z, text in sorted(texts.items()) if not client_zones.is_right(text, z, 1970, 2046)] == []


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "", "../../etc/passwd", "Europe/../Europe/Vienna"])
def test_no_such_zone(zone: str) -> None:
    with pytest.raises(InvalidValue):
        vtimezone(zone, 2026)


@pytest.mark.parametrize(
    ("tzid", "zone"),
    [
        ("Europe/Vienna", "Europe/Vienna"),
        ("europe/vienna", "Europe/Vienna"),
        (' "Europe/Vienna" ', "Europe/Vienna"),
        ("Europe/Kiev", "Europe/Kiev"),
        ("US/Eastern", "US/Eastern"),
        ("UTC", "UTC"),
        ("W. Europe Standard Time", "Europe/Vienna"),
        ("w. europe standard time", "Europe/Vienna"),
        ("W. Europe Standard Time 1", "Europe/Vienna"),
        ("Romance Standard Time", "Europe/Vienna"),
        ("GMT Standard Time", "Europe/London"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("/freeassociation.sourceforge.net/Europe/Vienna", "Europe/Vienna"),
        ("/freeassociation.sourceforge.net/Tzfile/Europe/Vienna", "Europe/Vienna"),
        ("/mozilla.org/20050126_1/Europe/Berlin", "Europe/Berlin"),
        ("/mozilla.org/20070129_1/America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("/softwarestudio.org/Tzfile/Europe/Vienna", "Europe/Vienna"),
        ("Europe/Vienna 1", "Europe/Vienna"),
        ("Europe/Vienna-2", "Europe/Vienna"),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Vienna"),
        ("(UTC+01:00) Brussels, Copenhagen, Madrid, Paris", "Europe/Brussels"),
        ("(GMT+01:00) Amsterdam, Berlin, Bern, Rom, Stockholm, Wien", "Europe/Amsterdam"),
        ("UTC+01:00", "Etc/GMT-1"),
        ("GMT-0500", "Etc/GMT+5"),
        ("GMT+1", "Etc/GMT-1"),
        ("+00:00", "UTC"),
        ("Etc/GMT-1", "Etc/GMT-1"),
        ("Customized Time Zone", None),
        ("Nowhere/Land", None),
        ("", None),
        ("../../etc/passwd", None),
        ("/etc/passwd", None),
        ("Europe/Vienna\x00", None),
        ("Europe\nVienna", None),
        ("x" * 100000, None),
        ("Europe", None),
        ("/", None),
    ],
)
def test_names(tzid: str, zone: str | None) -> None:
    assert resolve(tzid, None) == zone


def test_a_windows_name_is_the_practices_own_zone_where_clocks_agree() -> None:
    for prefer, zone in [
        ("Europe/Zurich", "Europe/Zurich"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/vienna", "Europe/Vienna"),
        ("Europe/London", "Europe/Berlin"),
        ("Africa/Algiers", "Europe/Berlin"),
        ("UTC", "Europe/Berlin"),
        ("Mars/Base", "Europe/Berlin"),
    ]:
        assert resolve("W. Europe Standard Time", prefer=prefer) == zone
        assert resolve("Europe/Berlin", prefer=prefer) == "Europe/Berlin"
    assert resolve("GMT Standard Time", prefer="Europe/Dublin") == "Europe/Dublin"


def observance(kind: str, start: str, before: str, after: str, rule: str = "") -> list[str]:
    lines = [f"BEGIN:{kind}", f"DTSTART:{start}", f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}"]
    return [*lines, *([f"RRULE:{rule}"] if rule else []), f"END:{kind}"]


OUTLOOK_VIENNA = [
    "BEGIN:VTIMEZONE",
    "TZID:Customized Time Zone",
    *observance("STANDARD", "16010101T030000", "+0200", "+0100", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"),
    *observance("DAYLIGHT", "16010101T020000", "+0100", "+0200", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"),
    "END:VTIMEZONE",
]


def test_an_unknown_name_is_judged_by_its_offsets() -> None:
    assert resolve("Customized Time Zone", OUTLOOK_VIENNA) == "Europe/Vienna"
    assert resolve("Customized Time Zone", OUTLOOK_VIENNA, prefer="Europe/Zurich") == "Europe/Zurich"
    assert resolve("Customized Time Zone", OUTLOOK_VIENNA, prefer="Asia/Tokyo") == "Europe/Vienna"
    for zone in (
        "America/New_York",
        "Europe/London",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "Asia/Kathmandu",
    ):
        lines = vtimezone(zone, 2020).replace(zone, "My zone").splitlines()
        found = resolve("My zone", lines, year=2026)
        assert found is not None
        assert_same_offsets(found, zone)


def assert_same_offsets(one: str, other: str) -> None:
    for day in range(700):
        wall = datetime(2026, 1, 1, 12) + timedelta(days=day)
        assert zones.to_utc(wall, one) == zones.to_utc(wall, other)


@pytest.mark.parametrize("zone", CHOSEN)
def test_every_zone_is_found_again_by_its_vtimezone(zone: str) -> None:
    found = resolve("?", vtimezone(zone, 2024).splitlines(), year=2026)
    assert found is not None
    assert_same_offsets(found, zone)


def test_constant_offsets() -> None:
    lines = ["BEGIN:VTIMEZONE", *observance("STANDARD", "19700101T000000", "+0300", "+0300"), "END:VTIMEZONE"]
    assert resolve("Plus three", lines) == "Etc/GMT-3"
    assert resolve("Plus three", lines, prefer="Europe/Moscow") == "Europe/Moscow"
    zero = [line.replace("+0300", "+0000") for line in lines]
    assert resolve("Zero", zero) == "UTC"


def test_a_location_named_by_libical_is_believed() -> None:
    assert resolve("x", ["BEGIN:VTIMEZONE", "X-LIC-LOCATION:Europe/Rome", "END:VTIMEZONE"]) == "Europe/Rome"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["garbage", ":", "BEGIN:STANDARD"],
        observance("STANDARD", "nonsense", "+0100", "+0100"),
        observance("STANDARD", "20260101T000000", "+0100", "99:99"),
        observance("STANDARD", "20260101T000000", "+0137", "+0142"),
        observance("STANDARD", "00010101T000000", "+9900", "+9900", "FREQ=SECONDLY"),
        observance("STANDARD", "99991231T235959", "-9900", "-9900", "FREQ=DAILY;BYHOUR=1"),
        observance("STANDARD", "00010101T000000", "+2200", "+2300", "FREQ=YEARLY;COUNT=10000") * 50,
    ],
)
def test_broken_definitions_are_unknown(lines: list[str]) -> None:
    assert resolve("unknown", lines) is None


def test_windows_names_lead_to_zones() -> None:
    assert len(WINDOWS_ZONES) > 135
    assert all(zones.canonical(zone) == zone for zone in WINDOWS_ZONES.values())


def test_windows_names_against_another_table() -> None:
    table = pytest.importorskip("icalendar.timezone.windows_to_olson").WINDOWS_TO_OLSON
    for name, zone in table.items():
        mine = WINDOWS_ZONES.get(name.lower())
        assert mine is not None, name
        if name not in (
            "Central Asia Standard Time",
            "Mid-Atlantic Standard Time",
            "Kamchatka Standard Time",
        ):
            assert_same_offsets(mine, zone)


@pytest.mark.parametrize(
    ("wall", "zone", "utc"),
    [
        ("2026-03-29 01:59", "Europe/Vienna", "2026-03-29 00:59"),
        ("2026-03-29 02:30", "Europe/Vienna", "2026-03-29 01:30"),
        ("2026-03-29 03:00", "Europe/Vienna", "2026-03-29 01:00"),
        ("2026-10-25 02:30", "Europe/Vienna", "2026-10-25 00:30"),
        ("2026-10-25 03:00", "Europe/Vienna", "2026-10-25 02:00"),
        ("2026-03-08 02:30", "America/New_York", "2026-03-08 07:30"),
        ("2026-11-01 01:30", "America/New_York", "2026-11-01 05:30"),
        ("2026-06-01 12:00", "No/Zone", "2026-06-01 12:00"),
        ("2026-06-01 12:00", "UTC", "2026-06-01 12:00"),
    ],
)
def test_gaps_and_folds(wall: str, zone: str, utc: str) -> None:
    assert zones.to_utc(datetime.fromisoformat(wall), zone) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59)), st.sampled_from(CHOSEN))
@settings(max_examples=300, deadline=None)
def test_there_and_back(wall: datetime, zone: str) -> None:
    wall = wall.replace(microsecond=0)
    back = zones.to_wall(zones.to_utc(wall, zone), zone)
    if date(1, 1, 5) < wall.date() < date(9999, 12, 27):
        assert abs(back - wall) <= timedelta(hours=24)
        if zones.to_utc(wall, zone) == wall.replace(tzinfo=zones.load(zone)).astimezone(UTC) and back != wall:
            assert back > wall  # a gap is left forwards


@given(st.text(max_size=40))
def test_no_text_makes_loading_raise(text: str) -> None:
    assert zones.load(text) is None or zones.canonical(text) in zones.names()


def test_zones_come_from_the_package() -> None:
    info = zones.load("Europe/Vienna")
    assert isinstance(info, ZoneInfo) and info.key == "Europe/Vienna"
    assert zones.version()
