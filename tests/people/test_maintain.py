"""Housekeeping, on both engines."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import psycopg
from sqlalchemy import text

from radicale_practice.demo import practice as demo
from radicale_practice.practice import clock, practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal
from radicale_practice.practice.upkeep import check, maintain
from tests.database.acts import put
from tests.database.book_world import build
from tests.database.statements import by_transaction


def count(database: Database, query: str) -> int:
    """One number."""
    with database.read() as uow:
        return int(uow.connection.execute(text(query)).scalar_one())


def test_series_are_expanded_once(database: Database) -> None:
    demo.create(database, date(2026, 11, 21))
    now = datetime(2026, 11, 21, 8)
    steps: list[str] = []
    done = maintain.maintain(database, now, lambda step, *_: steps.append(step))
    assert done.series_expanded == count(database, "SELECT count(*) FROM appointment WHERE rrule <> ''")
    assert count(database, "SELECT count(*) FROM occurrence") > 100
    assert set(steps) == {"series", "journal and names", "changes", "attention list"}
    assert maintain.maintain(database, now).series_expanded == 0
    # A year later the endless ones are expanded further, the others are complete.
    later = maintain.maintain(database, now + timedelta(days=300)).series_expanded
    assert 0 < later < done.series_expanded


def test_names_are_kept(database: Database, practice: Practice) -> None:
    with database.write() as uow:
        uow.connection.execute(
            text(
                "INSERT INTO patient (practice_id, number, first_name, last_name)"
                " VALUES (:p, '1', 'Maria', 'Huber')"
            ),
            {"p": practice.id},
        )
    assert maintain.maintain(database).names_kept == 1
    assert count(database, "SELECT count(*) FROM patient_name") == 1
    assert maintain.maintain(database).names_kept == 0


def test_journal_contents_go_by_age(database: Database, practice: Practice) -> None:
    now = clock.utc_now()
    with database.write() as uow:
        practices.set_settings(uow, practice.id, {"journal_days": 100, "journal_private_days": 10})
        for private in (False, True):
            journal.write(uow, "change", practice_id=practice.id, private=private, after={"a": 1})
    kept = "SELECT count(*) FROM journal WHERE after IS NOT NULL AND action = 'change'"
    for days, left in ((5, 2), (50, 1), (150, 0)):
        maintain.maintain(database, now + timedelta(days=days))
        assert count(database, kept) == left
    assert count(database, "SELECT count(*) FROM journal WHERE action = 'change'") == 2


def test_years_of_journal_are_emptied_in_small_transactions(database: Database, practice: Practice) -> None:
    """A shorter time was set: what has gathered must not keep a phone waiting for it."""
    with database.write() as uow:
        row = journal.row(uow.actor, "change", practice_id=practice.id, after={"a": 1})
        journal.write_many(uow, [row] * 1201)
    kept = "SELECT count(*) FROM journal WHERE after IS NOT NULL"
    with by_transaction(database, "UPDATE journal") as emptied:
        done = maintain.maintain(database, clock.utc_now() + timedelta(days=4000))
    assert count(database, kept) == 0
    assert sum(emptied) == done.journal_rows_emptied >= 1201
    assert max(emptied) <= 500


def test_what_a_program_could_not_take_with_it_goes(postgresql_url: str) -> None:
    """Its snapshot was older than the newest alarm: the deletion went through, what stood beside it stayed,
    and no erasing would ever find it."""
    database = Database(postgresql_url)
    world = build(database)
    put(world, world.event(patient=world.maria, extra="X-A:Maria"))
    (entry,) = world.stored("a.ics").object.appointments
    with psycopg.connect(postgresql_url) as vendor:
        vendor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        vendor.execute("SELECT count(*) FROM patient")
        with database.write() as uow:
            uow.connection.execute(text("UPDATE event_extra SET content = 'X-A:Maria Muster'"))
        vendor.execute("DELETE FROM appointment WHERE id = %s", (entry.id,))
    left = "SELECT count(*) FROM event_extra"
    assert count(database, left) == 1
    maintain.maintain(database)
    assert count(database, left) == 0
    with database.read() as uow:
        assert check.check(uow) == []
    database.dispose()
