"""Range queries against brute force over the rows as they were written, on both engines."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from sqlalchemy import text

from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.model import Role, Viewer
from radicale_practice.practice.reading import range_states
from radicale_practice.practice.reading.calendar_objects import StoredObject, load_range
from radicale_practice.practice.series import occurrences
from radicale_practice.practice.sync.revisions import ObjectState
from tests import chance
from tests.database.house import book, furnish, place, run

VIEWER = Viewer(1, 1, "person1", "Person 1", Role.RECEPTIONIST)
ZONES = ["Europe/Vienna"] * 4 + [
    "America/New_York",
    "Pacific/Auckland",
    "Pacific/Kiritimati",
    "UTC",
    "Not/Known",
]
RULES = [
    "FREQ=WEEKLY",
    "FREQ=WEEKLY;COUNT=6",
    "FREQ=DAILY;INTERVAL=3;UNTIL=20260420T120000Z",
    "FREQ=MONTHLY",
    "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=9",
    "FREQ=DAILY",
    "",
]
BEGIN = datetime(2026, 2, 1)


@dataclass
class Expected:
    """Objects of a calendar by public id of the row they show: instants of their occurrences, naive UTC."""

    spans: dict[str, list[tuple[datetime, datetime]]] = field(default_factory=dict)

    def add(self, key: str, start: datetime, end: datetime, time_zone: str, all_day: bool) -> None:
        known = "Europe/Vienna" if all_day or time_zone == "Not/Known" else time_zone
        begin, finish = (
            wall.replace(tzinfo=ZoneInfo(known)).astimezone(UTC).replace(tzinfo=None) for wall in (start, end)
        )
        self.spans.setdefault(key, []).append((begin, max(begin, finish)))

    def within(self, start: datetime, end: datetime) -> dict[str, list[tuple[datetime, datetime]]]:
        found = {}
        for key, spans in self.spans.items():
            hit = sorted((b, e) for b, e in spans if (b < end and e > start) or (b == e and start <= b < end))
            if hit:
                found[key] = hit
        return found


def key_of(uow: UnitOfWork, row: int) -> str:
    return str(run(uow, "SELECT public_id FROM appointment WHERE id = :id", id=row))


def row_values(rnd: random.Random) -> dict[str, Any]:
    all_day = rnd.random() < 0.15
    start = BEGIN + timedelta(days=rnd.randrange(80), minutes=0 if all_day else 15 * rnd.randrange(96))
    if all_day:
        length = timedelta(days=rnd.choice([1, 1, 2, 9]))
    else:
        length = timedelta(minutes=rnd.choice([0, 30, 60, 60, 600, 60 * 24 * 5]))
    return {"start": start, "end": start + length, "time_zone": rnd.choice(ZONES), "all_day": all_day}


def insert(uow: UnitOfWork, calendar: int | None, values: dict[str, Any], **more: Any) -> int:
    columns = {
        "starts_at": values["start"].isoformat(" "),
        "ends_at": values["end"].isoformat(" "),
        "time_zone": values["time_zone"],
        "all_day": values["all_day"],
        **more,
    }
    if calendar is None:
        names = ", ".join(["practice_id", *columns])
        places = ", ".join(["1", *(f":{name}" for name in columns)])
        return int(run(uow, f"INSERT INTO appointment ({names}) VALUES ({places}) RETURNING id", **columns))
    return book(uow, calendar, columns.pop("starts_at"), **columns)


def starts_of(values: dict[str, Any], rule: str) -> list[datetime]:
    start = values["start"]
    if not rule:
        return [start]
    if "UNTIL" in rule:  # dateutil wants an aware start for an aware end: compare in wall time
        zone = "UTC" if values["time_zone"] == "Not/Known" else values["time_zone"]
        zone = "Europe/Vienna" if values["time_zone"] == "Not/Known" else zone
        limit = datetime(2026, 4, 20, 12, tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        if values["all_day"]:
            limit = datetime.combine(limit.date(), datetime.max.time())
        rule = rule.partition(";UNTIL")[0]
    else:
        limit = datetime(2027, 3, 1)
    limit = min(limit, datetime(2027, 3, 1))
    found = list(takewhile(lambda s: s <= limit, rrulestr(rule, dtstart=start)))
    return sorted({start, *found})[: int(rule.partition("COUNT=")[2]) if "COUNT" in rule else None]


def fill(uow: UnitOfWork, rnd: random.Random) -> dict[int, Expected]:
    expected = {1: Expected(), 2: Expected()}
    for _ in range(40):
        values = row_values(rnd)
        row = insert(uow, 1, values)
        expected[1].add(key_of(uow, row), **values)
    for _ in range(14):
        add_series(uow, rnd, expected)
    return expected


def add_series(uow: UnitOfWork, rnd: random.Random, expected: dict[int, Expected]) -> None:
    values, rule = row_values(rnd), rnd.choice(RULES)
    starts = starts_of(values, rule)
    length = values["end"] - values["start"]
    rdates = [values["start"] + timedelta(days=rnd.randrange(1, 60)) for _ in range(rnd.choice([0, 0, 2]))]
    starts = sorted({*starts, *rdates})
    exdates = rnd.sample(starts, min(len(starts) - 1, rnd.choice([0, 0, 1, 2])))
    master = insert(
        uow,
        1,
        values,
        rrule=rule,
        rdate=",".join(str(d) for d in rdates) if rdates or rule else str(values["start"]),
        exdate=",".join(str(d) for d in exdates),
    )
    key = key_of(uow, master)
    living = [s for s in starts if s not in exdates]
    for original in rnd.sample(living, min(len(living), rnd.choice([0, 1, 3]))):
        living.remove(original)
        moved = row_values(rnd)
        kind = rnd.choice(["within", "unlinked", "cancelled", "elsewhere"])
        row = insert(
            uow,
            {"within": 1, "unlinked": None, "cancelled": 1, "elsewhere": 2}[kind],
            moved,
            series_id=master,
            recurrence_id=str(original),
            status="cancelled" if kind == "cancelled" else "booked",
        )
        if kind in ("within", "unlinked"):
            expected[1].add(key, **moved)
        elif kind == "elsewhere":
            expected[2].add(key_of(uow, row), **moved)
    for start in living:
        expected[1].add(key, start, start + length, values["time_zone"], values["all_day"])


def identity_of(known: ObjectState | StoredObject) -> tuple[object, ...]:
    return known.object_id, known.href, known.uid, known.opaque, known.revision, known.personal_revision


def asked(uow: UnitOfWork, calendar: int, start: datetime, end: datetime | None) -> dict[str, Any]:
    found = load_range(uow, VIEWER, calendar, start, end)
    listed = range_states.in_range(uow, VIEWER, calendar, start, end)
    assert [identity_of(known) for known in listed] == [identity_of(stored) for stored, _ in found]
    return {
        (stored.object.master or stored.object.appointments[0]).public_id: [
            (b.replace(tzinfo=None), e.replace(tzinfo=None)) for b, e in spans
        ]
        for stored, spans in found
    }


def ranges(rnd: random.Random) -> list[tuple[datetime, datetime]]:
    found = []
    for _ in range(25):
        start = BEGIN + timedelta(days=rnd.randrange(-10, 120), minutes=15 * rnd.randrange(96))
        found.append(
            (start, start + rnd.choice([timedelta(minutes=15), timedelta(1), timedelta(7), timedelta(40)]))
        )
    return found


def compare(uow: UnitOfWork, expected: dict[int, Expected], rnd: random.Random) -> None:
    for start, end in ranges(rnd):
        for calendar in (1, 2):
            assert asked(uow, calendar, start, end) == expected[calendar].within(start, end), (start, end)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, chance.choose()], ids=["1", "2", "3", "4", "random"])
def test_ranges_are_exact_with_and_without_stored_occurrences(database: Database, seed: int) -> None:
    rnd = random.Random(seed)
    with database.write() as uow:
        furnish(uow)
        expected = fill(uow, rnd)
    with database.read() as uow:
        compare(uow, expected, rnd)
    with database.write() as uow:
        ids = list(uow.connection.execute(text("SELECT id FROM appointment")).scalars())
        assert occurrences.store(uow, ids, datetime(2026, 3, 20)) > 0
    with database.read() as uow:
        compare(uow, expected, rnd)
    with database.write() as uow:
        occurrences.store(uow, occurrences.pending(uow, datetime(2027, 1, 1)), datetime(2027, 1, 1))
        unknown = text("SELECT id FROM appointment WHERE time_zone = 'Not/Known'")
        left = set(occurrences.pending(uow, datetime(2027, 1, 1)))
        assert left <= set(uow.connection.execute(unknown).scalars())
    with database.read() as uow:
        compare(uow, expected, rnd)


def test_stored_occurrences_of_an_earlier_rule_are_not_believed(database: Database) -> None:
    with database.write() as uow:
        furnish(uow)
        series = book(uow, 1, "2026-03-02 09:00:00", ends_at="2026-03-02 10:00:00", rrule="FREQ=WEEKLY")
        occurrences.store(uow, [series], datetime(2027, 1, 1))
        stored = run(uow, "SELECT count(*) FROM occurrence")
        assert stored == 44
        run(uow, "UPDATE appointment SET starts_at = '2026-03-03 09:00:00', ends_at = '2026-03-03 10:00:00'")
        # as if another transaction had stored the old ones after the trigger ran
        run(
            uow,
            "INSERT INTO series_expansion (series_id, expanded_until, complete, basis)"
            " VALUES (:id, '2027-01-01 00:00:00', :yes, 'other') ",
            id=series,
            yes=True,
        )
    with database.read() as uow:
        assert asked(uow, 1, datetime(2026, 6, 1), datetime(2026, 6, 2)) == {}
        assert len(asked(uow, 1, datetime(2026, 6, 2), datetime(2026, 6, 3))) == 1
        assert occurrences.pending(uow, datetime(2026, 1, 1)) == [series]


def test_open_ranges(database: Database) -> None:
    with database.write() as uow:
        furnish(uow)
        book(uow, 1, "2026-03-02 09:00:00", ends_at="2026-03-02 10:00:00")
        book(uow, 1, "2026-01-02 09:00:00", ends_at="2026-01-02 10:00:00", rrule="FREQ=DAILY")
        book(uow, 1, "2026-01-02 09:00:00", ends_at="2026-01-02 10:00:00", rrule="FREQ=DAILY;COUNT=3")
    for _ in range(2):
        with database.read() as uow:
            after = load_range(uow, VIEWER, 1, datetime(2026, 3, 2, 8, 30, tzinfo=UTC), None)
            assert [len(spans) for _, spans in after] == [1, 400]
            before = load_range(uow, VIEWER, 1, None, datetime(2026, 1, 5))
            assert [len(spans) for _, spans in before] == [3, 3]
            assert len(load_range(uow, VIEWER, 1, None, None)) == 3
        with database.write() as uow:
            occurrences.store(uow, [2, 3], datetime(2026, 12, 1))


def test_days_of_change(database: Database) -> None:
    with database.write() as uow:
        furnish(uow)
        book(uow, 1, "2026-03-22 02:30:00", ends_at="2026-03-22 03:30:00", rrule="FREQ=WEEKLY;COUNT=2")
        book(uow, 1, "2026-10-18 02:30:00", ends_at="2026-10-18 03:30:00", rrule="FREQ=WEEKLY;COUNT=2")
    with database.read() as uow:
        found = load_range(uow, VIEWER, 1, datetime(2026, 3, 1), datetime(2026, 12, 1))
    assert [[f"{b:%d %H:%M}-{e:%H:%M}" for b, e in spans] for _, spans in found] == [
        ["22 01:30-02:30", "29 01:30-01:30"],  # 02:30 is 03:30 that day, and 03:30 is 03:30 too
        ["18 00:30-01:30", "25 00:30-02:30"],
    ]


def test_hostile_ranges_and_rows_cost_little(database: Database) -> None:
    with database.write() as uow:
        furnish(uow)
        book(uow, 1, "1600-01-01 00:00:00", ends_at="9990-01-01 00:00:00", rrule="FREQ=DAILY;COUNT=10000")
        book(uow, 1, "2026-01-01 00:00:00", rrule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
        place(uow, 2, 2)
    with database.read() as uow:
        for start, end in ((datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59)), (None, None)):
            found = load_range(uow, VIEWER, 1, start, end)
            assert len(found) == 2 and all(len(spans) <= 10_000 for _, spans in found)
