"""What every request asks for is looked up by an index, whatever has gathered in the years; both engines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from radicale_practice.practice.database import Database
from radicale_practice.practice.model import Actor, Role, Viewer
from radicale_practice.practice.notices import attention_rows
from radicale_practice.practice.reading import unseen
from tests.database.foreign import connect
from tests.database.house import furnished, run

ME = Viewer(1, 1, "person1", "Person 1", Role.PRACTITIONER)
OTHER = Viewer(1, 2, "person2", "Person 2", Role.RECEPTIONIST)
NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"


@pytest.fixture(params=["analyzed", "just filled"])
def house(request: pytest.FixtureRequest, database: Database) -> Database:
    """Thousands of appointments and rows of the attention list."""
    with furnished(database).write() as uow:
        run(
            uow,
            "INSERT INTO appointment (practice_id, starts_at, ends_at, created_by, status)"
            f" {NUMBERS} SELECT 1, p.created_at, p.created_at, 2, CASE WHEN i < 3 THEN 'unconfirmed'"
            " ELSE 'booked' END FROM n CROSS JOIN practice p",
        )
        run(
            uow,
            "INSERT INTO appointment_calendar (appointment_id, calendar_id) SELECT id, 1 FROM appointment",
        )
        run(
            uow,
            "INSERT INTO attention (practice_id, kind, source, settled_at)"
            f" {NUMBERS} SELECT 1, CASE WHEN i < 3 THEN 'burst' ELSE 'refused' END, 'me', CASE WHEN i % 2 = 0"
            " THEN p.created_at END FROM n CROSS JOIN practice p",
        )
    if request.param == "analyzed":
        with database.write() as uow:
            run(uow, "ANALYZE")
    return database


@contextmanager
def planned(database: Database) -> Iterator[list[str]]:
    """The plans of the statements in the block."""
    plans: list[str] = []
    how = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"

    def explain(_: object, cursor: Any, statement: str, parameters: Any, *__: object) -> None:
        if statement.lstrip().startswith("SELECT"):
            rows = cursor.connection.execute(f"{how} {statement}", parameters).fetchall()
            plans.append(str([tuple(row) for row in rows]))

    event.listen(database.engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(database.engine, "before_cursor_execute", explain)


def test_what_only_its_author_sees(house: Database) -> None:
    """Asked for with every list."""
    with house.read() as uow, planned(house) as plans:
        assert [len(unseen.objects(uow, viewer, 1)) for viewer in (ME, OTHER)] == [2, 0]
    assert all("ix_appointment_unconfirmed" in plan for plan in plans)


def test_bursts_of_a_device(house: Database) -> None:
    """Asked for with every write."""
    with house.read() as uow, planned(house) as plans:
        actor = Actor(1, None, "x")
        assert attention_rows.bursts(uow, 1, actor) == []
    assert all("ix_attention_kind" in plan for plan in plans)


IMPORT = """
WITH made AS (
  INSERT INTO appointment (practice_id, starts_at, ends_at)
  SELECT 1, timestamp '2027-01-04 08:00', timestamp '2027-01-04 09:00' FROM generate_series(1, {}) n
  RETURNING id
) INSERT INTO appointment_calendar (appointment_id, calendar_id) SELECT id, 1 FROM made
"""
WALKED = """
SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)
  + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)
"""


def test_an_import_after_a_small_beginning(postgresql_url: str) -> None:
    """PostgreSQL keeps a session's plans: those of the triggers must do for thousands of rows as well."""
    furnished(Database(postgresql_url)).dispose()
    events, rows_an_event = 2000, 150
    with closing(connect(postgresql_url)) as vendor:
        # the plans of PostgreSQL's own check of the key are not ours
        vendor.execute(
            "ALTER TABLE appointment_calendar DROP CONSTRAINT fk_appointment_calendar_appointment_id"
        )
        vendor.execute(IMPORT.format(5))
        vendor.execute("VACUUM ANALYZE")
        for _ in range(8):
            vendor.execute(IMPORT.format(1))
        vendor.execute(IMPORT.format(events))
        vendor.execute("SELECT pg_stat_force_next_flush()")
        assert vendor.execute(WALKED).fetchone()[0] < events * rows_an_event
