"""Instances of series: against python-dateutil as an independent evaluator, and its limits."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import islice, takewhile

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from radicale_practice.practice import recurrence
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Appointment
from radicale_practice.practice.recurrence import check_rule, expand, is_valid, last_start

START = datetime(2026, 3, 2, 9, 0)  # a Monday
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def series(rrule: str, start: datetime = START, **values: object) -> Appointment:
    return Appointment(
        start=start,
        end=start + timedelta(hours=1),
        time_zone=str(values.pop("time_zone", "Europe/Vienna")),
        rrule=rrule,
        **values,  # type: ignore[arg-type]
    )


def starts(appointment: Appointment, count: int = 50) -> list[datetime]:
    return list(islice(expand(appointment), count))


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}"]
    interval = draw(st.sampled_from([1, 1, 1, 2, 3, 5]))
    if interval > 1:
        parts.append(f"INTERVAL={interval}")
    if draw(st.booleans()):
        days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=3, unique=True))
        if frequency in ("MONTHLY", "YEARLY") and draw(st.booleans()):
            days = [f"{draw(st.sampled_from([1, 2, 3, 4, 5, -1, -2]))}{day}" for day in days]
        parts.append("BYDAY=" + ",".join(days))
    if frequency != "WEEKLY" and draw(st.integers(0, 3)) == 0:
        numbers = draw(
            st.lists(st.sampled_from([1, 2, 13, 15, 28, 29, 30, 31, -1, -2]), min_size=1, max_size=3)
        )
        parts.append("BYMONTHDAY=" + ",".join(map(str, numbers)))
    if draw(st.integers(0, 3)) == 0:
        months = draw(st.lists(st.integers(1, 12), min_size=1, max_size=4, unique=True))
        parts.append("BYMONTH=" + ",".join(map(str, months)))
    if frequency == "YEARLY" and draw(st.integers(0, 3)) == 0:
        numbers = draw(
            st.lists(st.sampled_from([1, 59, 60, 100, 365, 366, -1, -366]), min_size=1, max_size=3)
        )
        parts.append("BYYEARDAY=" + ",".join(map(str, numbers)))
    if frequency == "YEARLY" and "BYDAY" not in "".join(parts) and draw(st.integers(0, 4)) == 0:
        parts.append(f"BYWEEKNO={draw(st.sampled_from([1, 2, 20, 52, 53, -1]))};BYDAY=MO,WE,SU")
    if draw(st.integers(0, 3)) == 0:
        parts.append(f"WKST={draw(st.sampled_from(DAYS))}")
    if "BYDAY" in "".join(parts) and frequency in ("MONTHLY", "YEARLY") and draw(st.integers(0, 2)) == 0:
        parts.append(f"BYSETPOS={draw(st.sampled_from(['1', '-1', '1,-1', '2']))}")
    if draw(st.integers(0, 4)) == 0:
        parts.append("BYHOUR=9,15")
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 30))}")
    elif draw(st.booleans()):
        parts.append(f"UNTIL={START.year + draw(st.integers(0, 8))}0810T{draw(st.integers(0, 23)):02}0000")
    return ";".join(parts)


start_times = st.datetimes(datetime(2019, 1, 1), datetime(2028, 12, 31)).map(
    lambda d: d.replace(minute=0, second=0, microsecond=0)
)


@given(rules(), start_times)
@settings(max_examples=400, deadline=None)
def test_expands_as_dateutil_does(rule: str, start: datetime) -> None:
    try:
        check_rule(rule, start, False)
    except InvalidValue:  # no instance at all: dateutil would look for one until the year 9999
        assume(False)
    limit = start + timedelta(days=365 * 40)
    expected = list(islice(takewhile(lambda instance: instance < limit, rrulestr(rule, dtstart=start)), 60))
    counted_out = "COUNT" in rule and len(expected) == int(rule.partition("COUNT=")[2])
    if expected[:1] != [start]:  # the start is the first instance in any case, and COUNT counts it
        expected.insert(0, start)
        if counted_out:
            expected.pop()
    mine = list(islice(expand(series(rule, start), before=limit), 60))
    assert mine == expected[:60]


@given(rules(), start_times, st.integers(-400, 4000), st.integers(0, 400))
@settings(max_examples=300, deadline=None)
def test_a_range_is_a_part_of_the_whole(rule: str, start: datetime, offset: int, length: int) -> None:
    after = start + timedelta(days=offset)
    before = after + timedelta(days=length)
    whole = [s for s in expand(series(rule, start), before=before) if s >= after]
    assert list(expand(series(rule, start), after, before)) == whole


@given(rules(), start_times)
@settings(max_examples=150, deadline=None)
def test_last_start(rule: str, start: datetime) -> None:
    last = last_start(series(rule, start))
    if "COUNT" not in rule and "UNTIL" not in rule:
        assert last is None
    else:
        assert last == list(expand(series(rule, start)))[-1]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=WEEKLY;COUNT=3", ["02", "09", "16"]),
        ("FREQ=DAILY;INTERVAL=10;COUNT=3", ["02", "12", "22"]),
        ("FREQ=WEEKLY;BYDAY=MO,TH;COUNT=4", ["02", "05", "09", "12"]),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,MO;COUNT=4", ["02", "15", "16", "29"]),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=2,-1;COUNT=3", ["02", "09", "30"]),
        ("FREQ=WEEKLY;BYDAY=TU,WE;BYSETPOS=-1;COUNT=3", ["02", "04", "11"]),
        ("freq=weekly;count=2;", ["02", "09"]),
        ("FREQ=MONTHLY;BYDAY=1MO,TU;COUNT=3", ["02", "03", "10"]),
    ],
)
def test_examples(rule: str, expected: list[str]) -> None:
    assert [f"{s:%d}" for s in starts(series(rule))] == expected


def test_day_by_day_brute_force_of_a_mixed_rule() -> None:
    rule = "FREQ=MONTHLY;BYMONTHDAY=-1,15;BYDAY=MO,TU,WE,TH,FR"
    mine = starts(series(rule), 30)[1:]
    day, naive = date(2026, 3, 3), []
    while len(naive) < 29:
        last_of_month = (day + timedelta(days=1)).day == 1
        if (day.day == 15 or last_of_month) and day.weekday() < 5:
            naive.append(datetime.combine(day, START.time()))
        day += timedelta(days=1)
    assert mine == naive


def test_the_start_counts_even_if_the_rule_does_not_match_it() -> None:
    assert [f"{s:%m-%d}" for s in starts(series("FREQ=WEEKLY;BYDAY=WE;COUNT=3"))] == [
        "03-02",
        "03-04",
        "03-11",
    ]


def test_rdates_and_exdates() -> None:
    appointment = series(
        "FREQ=WEEKLY;COUNT=3",
        rdate=(datetime(2026, 3, 4, 9), datetime(2026, 3, 9, 9), datetime(2026, 2, 1, 9)),
        exdate=(datetime(2026, 3, 2, 9), datetime(2026, 3, 4, 12)),
    )
    assert [f"{s:%m-%d}" for s in starts(appointment)] == ["02-01", "03-04", "03-09", "03-16"]
    only_dates = series("", rdate=(datetime(2026, 5, 1, 9),))
    assert starts(only_dates) == [START, datetime(2026, 5, 1, 9)]
    assert last_start(only_dates) == datetime(2026, 5, 1, 9)


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20260330T070000Z", "03-30"),  # 09:00 in Vienna, summer time since the day before
        ("20260330T065959Z", "03-23"),
        ("20260323T080000Z", "03-23"),
        ("20260330T090000", "03-30"),
        ("20260330T085959", "03-23"),
        ("20260330", "03-30"),
        ("20260101T000000Z", "03-02"),
    ],
)
def test_until_in_every_form(until: str, last: str) -> None:
    assert f"{starts(series(f'FREQ=WEEKLY;UNTIL={until}'))[-1]:%m-%d}" == last
    assert f"{last_start(series(f'FREQ=WEEKLY;UNTIL={until}')):%m-%d}" == last


@pytest.mark.parametrize("until", ["20260304", "20260304T000000", "20260303T230000Z", "20260304T225959Z"])
def test_until_of_an_all_day_series(until: str) -> None:
    appointment = series(f"FREQ=DAILY;UNTIL={until}", datetime(2026, 3, 2), all_day=True)
    assert [s.day for s in starts(appointment)] == [2, 3, 4]


def test_until_inside_a_gap_is_judged_by_the_instant() -> None:
    daily = datetime(2026, 3, 27, 2, 30)  # 02:30 on 29 March does not exist: 01:30 UTC
    before = series("FREQ=DAILY;UNTIL=20260329T011500Z", daily)
    after = series("FREQ=DAILY;UNTIL=20260329T013000Z", daily)
    assert [s.day for s in starts(before)] == [27, 28]
    assert [s.day for s in starts(after)] == [27, 28, 29]


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "nonsense",
        "FREQ=",
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;INTERVAL=30",
        "FREQ=HOURLY;COUNT=3",
        "FREQ=FORTNIGHTLY",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;COUNT=10001",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=-1",
        "FREQ=DAILY;COUNT=٣",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=100000",
        "FREQ=DAILY;COUNT=999999999999999999999",
        "FREQ=DAILY;UNTIL=2026",
        "FREQ=DAILY;UNTIL=20261332",
        "FREQ=DAILY;UNTIL=20260101T250000Z",
        "FREQ=DAILY;X-PART=1",
        "FREQ=YEARLY;BYEASTER=1",
        "RSCALE=CHINESE;FREQ=YEARLY",
        "FREQ=YEARLY;SKIP=OMIT",
        "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=0,30",
        "FREQ=DAILY;BYSECOND=" + ",".join(map(str, range(60))),
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;BYDAY=99MO",
        "FREQ=MONTHLY;BYDAY=0MO",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=YEARLY;BYMONTH=13",
        "FREQ=YEARLY;BYSETPOS=0",
        "FREQ=WEEKLY;WKST=1",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYMONTHDAY=30;BYMONTH=2;BYHOUR=3",
        "FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1",
        "FREQ=DAILY;BYDAY=" + ",".join(["MO"] * 2000),
    ],
)
def test_rules_that_are_refused(rule: str) -> None:
    with pytest.raises(InvalidValue):
        check_rule(rule, START, False)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=WEEKLY;UNTIL=20250101T000000Z",
        "FREQ=DAILY;BYHOUR=9,15;BYMINUTE=0",
        "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
        "FREQ=MONTHLY;BYMONTHDAY=31",
        "FREQ=DAILY;COUNT=10000",
        "FREQ=WEEKLY;INTERVAL=52;WKST=SU",
    ],
)
def test_rules_that_are_taken(rule: str) -> None:
    check_rule(rule, START, False)
    check_rule(rule, datetime(2026, 3, 2), True)


@pytest.mark.parametrize(
    "rule", ["FREQ=SECONDLY", "garbage \x00 \n", "FREQ=DAILY;COUNT=99999999", "=", ";;;", "x" * 9999]
)
def test_a_bad_rule_from_plain_sql_leaves_the_start(rule: str) -> None:
    appointment = series(rule, rdate=(datetime(2026, 4, 1, 9),), id=7)
    assert starts(appointment) == [START, datetime(2026, 4, 1, 9)]
    assert not is_valid(appointment)
    assert last_start(appointment) == datetime(2026, 4, 1, 9)


@pytest.mark.parametrize(
    "start", [datetime(1, 1, 1), datetime(1, 1, 1, 12), datetime(1800, 1, 31, 9), datetime(9999, 12, 31, 22)]
)
@pytest.mark.parametrize("frequency", ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
@pytest.mark.parametrize(
    "rest",
    [
        "",
        ";COUNT=10000",
        ";UNTIL=99991231T235959Z",
        ";UNTIL=00010101",
        ";BYMONTH=2;BYMONTHDAY=30",
        ";WKST=SU;BYDAY=SU",
    ],
)
def test_the_ends_of_the_calendar(start: datetime, frequency: str, rest: str) -> None:
    appointment = series(f"FREQ={frequency}{rest}", start, time_zone="America/New_York")
    assert next(expand(appointment)) == start
    before = datetime(2026, 3, 9)
    assert all(s < before for s in expand(appointment, datetime(2026, 3, 2), before))
    last_start(appointment)


def test_an_endless_series_of_long_ago_costs_only_its_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty years of a daily rule are not walked through for one week."""
    walked = []
    matching = recurrence._matching
    monkeypatch.setattr(recurrence, "_matching", lambda *args: walked.append(1) or matching(*args))
    appointment = series("FREQ=DAILY", datetime(1966, 3, 2, 9))
    assert len(list(expand(appointment, datetime(2026, 3, 2), datetime(2026, 3, 9)))) == 7
    assert len(walked) < 12
