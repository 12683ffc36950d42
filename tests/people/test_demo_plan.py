"""The demonstration practice: believable, the same for the same day, nobody booked twice."""

from __future__ import annotations

import itertools
import json
import stat
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from sqlalchemy import select, text

from radicale_practice.demo import accounts, schedule
from radicale_practice.demo import practice as demo
from radicale_practice.demo.schedule import Planned, plan
from radicale_practice.practice import practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.errors import Conflict
from radicale_practice.practice.people import staff
from radicale_practice.practice.schema.practice_tables import appointment, patient

DAYS = [date(2026, 11, 21), date(2026, 11, 23), date(2026, 3, 27), date(2026, 1, 1), date(2028, 2, 29)]
CLOSED = frozenset({date(2026, 12, 8), date(2026, 12, 9), date(2026, 12, 16)})
"""A Tuesday, and Wednesdays on which there would be a team meeting."""


def made(today: date) -> list[Planned]:
    """The plan for a day."""
    return plan(today, Random(f"x{today}"), CLOSED)


def spans(planned: Planned, until: datetime) -> list[tuple[datetime, datetime]]:
    """When an appointment or series takes place."""
    if planned.status == "cancelled":
        return []
    if not planned.rrule:
        return [(planned.start, planned.end)]
    length = planned.end - planned.start
    replaced = {instance.recurrence_id for instance in planned.instances} | set(planned.exdate)
    rule = rrulestr(planned.rrule, dtstart=planned.start)
    starts = [s for s in rule.between(planned.start, until, inc=True) if s not in replaced]
    own = [(start, start + length) for start in starts]
    return own + [(i.start, i.end) for i in planned.instances if i.status != "cancelled"]


@pytest.mark.parametrize("today", DAYS)
def test_nobody_and_no_room_is_booked_twice(today: date) -> None:
    books: dict[tuple[str, int], list[tuple[datetime, datetime]]] = defaultdict(list)
    until = datetime.combine(today + timedelta(weeks=13), datetime.min.time())
    for planned in made(today):
        for span in spans(planned, until):
            books["private" if planned.private else "person", planned.practitioner].append(span)
            if planned.room is not None:
                books["room", planned.room].append(span)
            if planned.patient is not None:
                books["patient", planned.patient].append(span)
    for taken in books.values():
        for one, other in itertools.pairwise(sorted(taken)):
            assert one[1] <= other[0]


@pytest.mark.parametrize("today", DAYS)
def test_what_a_person_expects(today: date) -> None:
    planned = made(today)
    appointments = [p for p in planned if p.patient is not None]
    single = [p for p in appointments if not p.rrule]
    assert all(p.start.weekday() < 5 for p in appointments)
    assert min(p.start.date() for p in planned) >= today - timedelta(weeks=9)
    assert timedelta(weeks=7) < today - min(p.start.date() for p in single) < timedelta(weeks=9)
    assert timedelta(weeks=11) < max(p.start.date() for p in single) - today <= timedelta(weeks=12)
    past = {p.status for p in single if p.start.date() < today}
    assert past == {"done", "invoiced", "no_show", "cancelled"}
    assert {p.status for p in single if p.start.date() >= today} == {"booked", "confirmed", "cancelled"}
    assert {p.room for p in single} == {None, 0, 1}
    assert {p.location for p in single} == {0, 1}
    assert sum(p.subject == "Mittagspause" for p in planned) == 3
    series = [p for p in appointments if p.rrule]
    assert len(series) == 9
    assert all(p.instances for p in series)
    assert any(i.status == "cancelled" for p in series for i in p.instances)
    assert any(i.start != i.recurrence_id for p in series for i in p.instances)


@pytest.mark.parametrize("today", DAYS)
def test_one_place_a_day_and_nothing_on_holidays(today: date) -> None:
    until = datetime.combine(today + timedelta(weeks=12), datetime.max.time())
    places = defaultdict(set)
    for planned in made(today):
        for start, _ in spans(planned, until):
            assert planned.private or start.date() not in CLOSED, planned.subject
            if planned.location is not None:
                places[planned.practitioner, start.date()].add(planned.location)
    assert {len(found) for found in places.values()} == {1}


def rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Everything of the practice that must not differ."""
    with database.read() as uow:
        found: dict[str, list[tuple[Any, ...]]] = {}
        for table in (appointment, patient):
            columns = [c for c in table.c if c.name != "created_at"]
            found[table.name] = [tuple(r) for r in uow.connection.execute(select(*columns).order_by("id"))]
        people = text("SELECT public_id, user_name, display_name FROM staff ORDER BY id")
        places = text("SELECT public_id, name, color FROM calendar ORDER BY id")
        found["staff"] = [tuple(r) for r in uow.connection.execute(people)]
        found["calendar"] = [tuple(r) for r in uow.connection.execute(places)]
        return found


def test_beside_a_practice_of_somebody_there_is_none(database: Database) -> None:
    demo.create(database, date(2026, 11, 21))
    with database.write() as uow:
        practices.create(uow, "Praxis am Park")
    with pytest.raises(Conflict, match="holds a practice"):
        demo.find(database)


def test_in_the_database(database: Database) -> None:
    today = date(2026, 11, 21)
    made = demo.create(database, today)
    assert demo.find(database) == made
    with database.write() as uow:
        practices.set_settings(uow, made.practice.id, {"name": "Umbenannt", "brake_days": 8})
        uow.connection.execute(text("UPDATE practice SET external_id = 'P1'"))
    renamed = demo.find(database)
    assert renamed is not None
    assert (renamed.practice.name, renamed.accounts) == ("Umbenannt", made.accounts)
    assert demo.is_about(renamed, today)
    found = rows(database)
    assert len(found["patient"]) == 200
    assert 1500 < len(found["appointment"]) < 4000
    assert len(found["staff"]) == 4
    for account in made.accounts:
        assert staff.authenticate(database, account.person.user_name, account.password) is not None
    names = [account.person.user_name for account in made.accounts]
    assert any(" " in name for name in names)
    assert any(not name.isascii() for name in names)
    with database.read() as uow:
        count = text(
            "SELECT (SELECT count(*) FROM calendar_object WHERE removed_revision IS NULL),"
            " (SELECT count(*) FROM appointment a JOIN appointment_calendar c ON c.appointment_id = a.id"
            "  WHERE a.status <> 'cancelled' AND a.series_id IS NULL)"
        )
        objects, served = uow.connection.execute(count).one()
        assert objects == served


def test_same_seed_and_day_same_practice(sqlite_url: str, postgresql_url: str) -> None:
    today = date(2026, 11, 21)
    both = []
    for url in (sqlite_url, postgresql_url):
        database = Database(url)
        demo.create(database, today)
        both.append(rows(database))
        database.dispose()
    assert both[0] == both[1]


def test_another_day_is_another_practice(sqlite_url: str) -> None:
    assert made(DAYS[0]) != made(DAYS[1])
    assert schedule.plan(DAYS[0], Random(1), frozenset()) != schedule.plan(DAYS[0], Random(2), frozenset())
    with_none = demo.find(Database(sqlite_url))
    assert with_none is None


def test_accounts_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = accounts.write(tmp_path, {"url": "x", "accounts": []})
    path = accounts.write(tmp_path, {"url": "y", "accounts": []})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text(encoding="utf-8"))["url"] == "y"
    assert [p.name for p in tmp_path.iterdir()] == ["accounts.json"]
