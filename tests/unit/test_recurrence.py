"""Instances of series: against a walk over every day that tests each BY part by its definition; the limits.

The expansion itself is python-dateutil's, so the walk below shares nothing with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby, islice

import pytest
from dateutil import rrule as dateutil_rrule
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import Appointment
from radicale_practice.practice.series.recurrence import check_rule, expand, is_valid, last_start

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
            days = [f"{draw(st.sampled_from([1, 2, 3, 4, 5, -1, -2, -5, '']))}{day}" for day in days]
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
        parts.append(f"BYWEEKNO={draw(st.sampled_from([1, 2, 20, 51, 52, 53, -1, -2, -51, -52, -53]))}")
        parts.extend(draw(st.sampled_from([[], ["BYDAY=MO,WE,SU"]])))
    if draw(st.integers(0, 3)) == 0:
        parts.append(f"WKST={draw(st.sampled_from(DAYS))}")
    turn_of_year = any(part.startswith(("BYWEEKNO=5", "BYWEEKNO=-5")) for part in parts)
    if "BYDAY" in "".join(parts) and not turn_of_year and draw(st.integers(0, 2)) == 0:
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


def beginning(frequency: str, day: date, week_start: int) -> date:
    """The first day of the period that holds ``day``."""
    if frequency == "DAILY":
        return day
    if frequency == "WEEKLY":
        while day.weekday() != week_start:
            day -= timedelta(days=1)
        return day
    return day.replace(day=1) if frequency == "MONTHLY" else day.replace(month=1, day=1)


def number_of_period(frequency: str, first: date, start: date) -> int:
    if frequency in ("DAILY", "WEEKLY"):
        return (first - start).days // (1 if frequency == "DAILY" else 7)
    years = first.year - start.year
    return years if frequency == "YEARLY" else years * 12 + first.month - start.month


@lru_cache(maxsize=100_000)
def week_of(day: date, week_start: int) -> tuple[int, int]:
    """Number of the week from the first and from the last (-1): week one is the first with four days."""

    def week_one(year: int) -> date:
        return beginning("WEEKLY", date(year, 1, 4), week_start)

    year = max(y for y in (day.year - 1, day.year, day.year + 1) if week_one(y) <= day)
    return (day - week_one(year)).days // 7 + 1, (day - week_one(year + 1)).days // 7


def both_ways(day: date, first: date, after_last: date) -> set[int]:
    """Number of a day in a span, counted from its first and from its last day."""
    return {(day - first).days + 1, (day - after_last).days}


def passes(rule: dict[str, str], day: date, start: date, week_start: int) -> bool:
    """Every BY part of the rule (RFC 5545 3.3.10), with what is left open taken from the start."""
    frequency = rule["FREQ"]
    of_month = both_ways(day, day.replace(day=1), (day.replace(day=1) + timedelta(days=31)).replace(day=1))
    of_year = both_ways(day, date(day.year, 1, 1), date(day.year + 1, 1, 1))
    tests = {
        "BYMONTH": {day.month},
        "BYMONTHDAY": of_month,
        "BYYEARDAY": of_year,
        "BYWEEKNO": set(week_of(day, week_start)),
    }
    for name, numbers in tests.items():
        if name in rule and not numbers & {int(n) for n in rule[name].split(",")}:
            return False
    if "BYDAY" in rule:
        scope = of_month if frequency == "MONTHLY" or "BYMONTH" in rule else of_year
        numbered = {f"{(n + 6) // 7 if n > 0 else -((6 - n) // 7)}{DAYS[day.weekday()]}" for n in scope}
        return bool({DAYS[day.weekday()], *numbered} & {d.lstrip("+") for d in rule["BYDAY"].split(",")})
    if frequency == "DAILY" or "BYMONTHDAY" in rule or "BYYEARDAY" in rule:
        return True
    if frequency == "WEEKLY" or "BYWEEKNO" in rule:
        return day.weekday() == start.weekday()
    return day.day == start.day and (frequency == "MONTHLY" or "BYMONTH" in rule or day.month == start.month)


def walk_over_every_day(text: str, start: datetime, limit: datetime) -> Iterator[datetime]:
    """The instances before ``limit``; the start is the first in any case, and COUNT counts it."""
    rule = dict(part.split("=") for part in text.split(";"))
    frequency, week_start = rule["FREQ"], DAYS.index(rule.get("WKST", "MO"))
    hours = sorted(int(hour) for hour in rule.get("BYHOUR", str(start.hour)).split(","))
    left = int(rule.get("COUNT", 10_000)) - 1
    origin = beginning(frequency, start.date(), week_start)
    days = (origin + timedelta(days=n) for n in range((limit.date() - origin).days + 367))  # whole periods
    yield start
    for first, period in groupby(days, lambda day: beginning(frequency, day, week_start)):
        if number_of_period(frequency, first, origin) % int(rule.get("INTERVAL", 1)):
            continue
        chosen = [day for day in period if passes(rule, day, start.date(), week_start)]
        found = [datetime.combine(day, time(hour)) for day in chosen for hour in hours]
        if "BYSETPOS" in rule:
            positions = {
                int(p) - 1 if int(p) > 0 else len(found) + int(p) for p in rule["BYSETPOS"].split(",")
            }
            found = [instance for number, instance in enumerate(found) if number in positions]
        for instance in found:
            if instance <= start:
                continue
            if left == 0 or instance >= limit or f"{instance:%Y%m%dT%H%M%S}" > rule.get("UNTIL", "A"):
                return
            left -= 1
            yield instance


@given(rules(), start_times)
@settings(max_examples=400, deadline=None)
@example("FREQ=YEARLY;BYWEEKNO=52;BYDAY=SA,SU;WKST=MO", datetime(2010, 12, 27, 9))  # 1 January 2011
@example("FREQ=YEARLY;BYWEEKNO=53;BYDAY=SA,SU", datetime(2008, 12, 29, 9))
@example("FREQ=YEARLY;BYWEEKNO=-52;BYDAY=MO,TU", datetime(2000, 1, 3, 9))
@example("FREQ=YEARLY;BYWEEKNO=20", datetime(2026, 3, 4, 9))
@example("FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2", datetime(2026, 3, 4, 9))  # a Wednesday
@example("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,SA;BYSETPOS=-1", datetime(2026, 3, 4, 9))
@example("FREQ=MONTHLY;INTERVAL=5", datetime(2026, 1, 31, 9))
@example("FREQ=YEARLY;BYDAY=53TH,-53WE,TU;BYMONTHDAY=1,31", datetime(2026, 1, 1, 9))
@example("FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=29;COUNT=3", datetime(2026, 1, 1, 9))
@example("FREQ=DAILY;BYHOUR=9,15;BYSETPOS=-2;BYMONTH=3", datetime(2026, 3, 31, 12))
def test_expands_as_the_rules_say(rule: str, start: datetime) -> None:
    try:
        check_rule(rule, start, False)
    except InvalidValue:  # no instance within decades: only the start is served, which its own tests look at
        assume(False)
    limit = start + timedelta(days=365 * 12)
    expected = list(islice(walk_over_every_day(rule, start, limit), 60))
    assert list(islice(expand(series(rule, start), before=limit), 60)) == expected


@given(rules(), start_times)
@settings(max_examples=200, deadline=None)
def test_a_rule_is_refused_only_without_instances(rule: str, start: datetime) -> None:
    rule = ";".join(part for part in rule.split(";") if not part.startswith(("UNTIL", "COUNT")))
    try:
        check_rule(rule, start, False)
    except InvalidValue as error:
        assert "no occurrence" in str(error)
        assert list(walk_over_every_day(rule, start, start + timedelta(days=365 * 20))) == [start]


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
        ("FREQ=YEARLY;BYWEEKNO=20;COUNT=3", ["02", "11", "17"]),
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
        "FREQ=MONTHLY;BYDAY=MO,6TU",
        "FREQ=YEARLY;BYWEEKNO=52;BYDAY=MO,TU;BYSETPOS=1",
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


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the periods that python-dateutil walks through."""
    counted: Counter[str] = Counter()
    inner = dateutil_rrule._iterinfo
    for name in ("ydayset", "mdayset", "wdayset", "ddayset"):

        def step(*args: object, original: object = getattr(inner, name)) -> object:
            counted["periods"] += 1
            return original(*args)  # type: ignore[operator]

        monkeypatch.setattr(inner, name, step)
    return counted


@pytest.mark.parametrize("frequency", ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
def test_an_endless_series_of_long_ago_costs_only_its_range(frequency: str, steps: Counter[str]) -> None:
    """Sixty years of a rule are not walked through for one week."""
    appointment = series(f"FREQ={frequency}", datetime(1966, 3, 2, 9))  # a Wednesday
    found = list(expand(appointment, datetime(2026, 3, 2), datetime(2026, 3, 9)))
    assert len(found) == (7 if frequency == "DAILY" else 1)
    assert 1 <= steps["periods"] <= 10


def test_a_series_that_is_over_costs_nothing(steps: Counter[str]) -> None:
    appointment = series("FREQ=DAILY;UNTIL=20200101T000000Z", datetime(2010, 3, 2, 9))
    assert list(expand(appointment, datetime(2026, 3, 2), datetime(2026, 3, 9))) == []
    assert not steps


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=FR",
        "FREQ=DAILY;BYSETPOS=2",
        "FREQ=WEEKLY;INTERVAL=3;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTH=4",
        "FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1",
        "FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=-30;COUNT=5",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
    ],
)
def test_a_rule_that_never_matches_is_found_out_once(rule: str, steps: Counter[str]) -> None:
    appointment = series(rule, START + timedelta(minutes=7))  # nothing else asked for this start before
    assert starts(appointment) == [appointment.start]
    assert 0 < steps["periods"] <= 96 * 366
    steps.clear()
    assert starts(appointment) == [appointment.start]
    assert list(expand(appointment, datetime(2036, 3, 2), datetime(2036, 3, 9))) == []
    assert not steps


@pytest.mark.parametrize(
    ("rule", "most"),
    [
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", 100),
        ("FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", 100),
        ("FREQ=MONTHLY;BYMONTHDAY=29;BYMONTH=2;BYDAY=MO", 1_000),
        ("FREQ=DAILY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", 50_000),
        ("FREQ=DAILY;INTERVAL=1000;BYMONTH=2;BYMONTHDAY=29", 50_000),
    ],
)
def test_rare_instances_are_reached_in_bounded_steps(rule: str, most: int, steps: Counter[str]) -> None:
    appointment = series(rule, datetime(2016, 2, 29, 9))  # a Monday
    assert starts(appointment, 1) == [appointment.start]
    list(expand(appointment, datetime(2026, 3, 2), datetime(2026, 3, 9)))
    assert steps["periods"] <= most


def test_counting_ends_after_so_many_periods(steps: Counter[str]) -> None:
    appointment = series(
        "FREQ=DAILY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29;COUNT=10000", datetime(2024, 2, 29, 9)
    )
    last = last_start(appointment)
    assert last is not None and last.year > 2500
    assert steps["periods"] < 150_000


def test_a_start_in_any_year_is_found_to_recur() -> None:
    for year in (1601, 1700, 1899, 1900, 1970, 2000, 2026, 2099, 2100, 9990):
        for day in (date(year, 1, 15), date(year, 12, 31)):
            weekday = DAYS[day.weekday()]
            check_rule(f"FREQ=DAILY;INTERVAL=7;BYDAY={weekday}", datetime.combine(day, time(9)), False)
            check_rule("FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", datetime.combine(day, time(2)), False)
