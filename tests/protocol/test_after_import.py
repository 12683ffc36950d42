"""Right after an import PostgreSQL knows nothing of its tables: no read may walk events times events.

Neither then nor when it knows them may a read of a few events walk through all of the calendar.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as hook
from sqlalchemy import text
from sqlalchemy.engine import Engine

from radicale_practice.plugins import configuration
from radicale_practice.plugins.application import Application
from radicale_practice.plugins.databases import database_of
from tests.protocol.conftest import fresh_house
from tests.protocol.house import ANNA, Client, House, wsgi_sender
from tests.protocol.test_statements import READS

MANY = ("list", "first sync", "open range", "title filter", "get all")
ROWS_AN_EVENT = 150
"""More than any read needs."""

FEW = ("poll", "week", "multiget", "get")
ROWS_OF_FEW = 600
"""A week or two of events with what belongs to them."""

IMPORT = """
WITH made AS (
  INSERT INTO appointment (practice_id, subject, starts_at, ends_at)
  SELECT :practice, 'Import ' || n, timestamp '2027-01-07 08:00' + (n - :count / 2) * interval '12 hours',
    timestamp '2027-01-07 08:30' + (n - :count / 2) * interval '12 hours' FROM generate_series(1, :count) n
  RETURNING id
) INSERT INTO appointment_calendar (appointment_id, calendar_id) SELECT id, :calendar FROM made
"""


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """The practice on PostgreSQL."""
    with fresh_house(request, "postgresql", tmp_path) as made:
        yield made


@contextmanager
def _statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _k: Any, statement: str, parameters: Any, *_more: Any) -> None:
        seen.append((statement, parameters))

    hook.listen(engine, "before_cursor_execute", note)
    yield seen
    hook.remove(engine, "before_cursor_execute", note)


def _rows_walked(plan: dict[str, Any]) -> int:
    """Rows that all steps of a plan gave or threw away."""
    own = plan["Actual Rows"] + sum(
        plan.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Join Filter")
    )
    return round(own * plan["Actual Loops"]) + sum(_rows_walked(part) for part in plan.get("Plans", ()))


def _import(house: House, count: int) -> None:
    with house.database.engine.begin() as connection:
        for table in ("appointment", "calendar_object", "object_change", "appointment_calendar"):
            connection.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = false)"))
    with house.database.engine.begin() as connection:
        values = {"practice": house.practice_id, "calendar": house.own(ANNA).id, "count": count}
        connection.execute(text(IMPORT), values)


def test_reads_without_statistics(house: House, database_url: str) -> None:
    count = 1000
    _import(house, count)
    walked = _walked(house, database_url, FEW + MANY)
    assert {name: rows for name, rows in walked.items() if rows > count * ROWS_AN_EVENT} == {}
    assert max(walked.values()) > count


def test_reads_of_a_few_events_do_not_walk_through_the_calendar(house: House, database_url: str) -> None:
    _import(house, 10_000)
    with house.database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    walked = _walked(house, database_url, FEW)
    assert {name: rows for name, rows in walked.items() if rows > ROWS_OF_FEW} == {}
    assert max(walked.values()) > 10


def _walked(house: House, database_url: str, names: Sequence[str]) -> dict[str, int]:
    """Rows walked by each statement of each read, as "read number"."""
    settings = configuration.load(None, database_url)
    client, path = Client(wsgi_sender(Application(settings)), ANNA), house.path(ANNA)
    engine = database_of(settings).engine
    walked: dict[str, int] = {}
    for name in names:
        with _statements(engine) as seen:
            assert READS[name](client, path).status in (200, 207, 404), name
        for number, (statement, parameters) in enumerate(seen):
            if statement.lstrip().upper().startswith(("SELECT", "WITH")):
                with engine.connect() as connection:
                    found = connection.exec_driver_sql(
                        f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters
                    ).scalar_one()
                walked[f"{name} {number}"] = _rows_walked(found[0]["Plan"])
    return walked
