"""The practice program's contract: every SQL block of docs/integration.md, by the bare driver, as written."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from radicale_practice.practice.database import Database
from radicale_practice.practice.model import Role, Viewer
from radicale_practice.practice.reading import calendar_objects
from radicale_practice.practice.series import recurrence
from radicale_practice.practice.sync import revisions
from radicale_practice.practice.upkeep import check
from tests.database.foreign import connect

PAGE = Path(__file__).parents[2] / "docs" / "integration.md"


def statements() -> list[str]:
    blocks = re.findall(r"^```sql\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    assert len(blocks) == 6
    return [part.strip() for block in blocks for part in re.split(r";\n", block) if part.strip()]


def test_every_statement_of_the_page(database: Database, database_url: str) -> None:
    vendor = connect(database_url)
    for statement in statements():
        vendor.execute(statement)
    with database.read() as uow:
        ids = dict(
            uow.connection.exec_driver_sql("SELECT external_id, id FROM appointment").all()  # type: ignore[arg-type]
        )
        calendars = dict(
            uow.connection.exec_driver_sql("SELECT external_id, id FROM calendar").all()  # type: ignore[arg-type]
        )
        shown = {
            name: {s.appointment_id for s in revisions.object_states(uow, calendar, 1)}
            for name, calendar in calendars.items()
        }
        assert shown == {"C1": {ids["A1"], ids["A2"]}, "R1": {ids["A1"]}}
        assert check.check(uow) == []
        viewer = Viewer(1, 1, "anna", "Anna", Role.PRACTITIONER)
        series = calendar_objects.load(uow, viewer, calendars["C1"], object_ids=None)
        (shifted,) = [s.object for s in series if s.object.master and s.object.master.rrule]
        assert shifted.master is not None
        starts = set(recurrence.expand(shifted.master))
        instances = {o.recurrence_id: o.start for o in shifted.overrides}
        assert set(instances) <= starts
        assert len(starts) == 9
        assert {start.hour for start in starts} == {10}
        assert instances[datetime(2026, 3, 10, 10)] == datetime(2026, 3, 10, 9)
        before = revisions.calendar_states(uow, calendars.values(), 1)
    vendor.execute("UPDATE appointment SET external_id = 'other' WHERE external_id = 'A1'")
    with database.read() as uow:
        assert revisions.calendar_states(uow, calendars.values(), 1) == before
    vendor.close()


def test_defaults_make_a_short_insert_safe(database: Database, database_url: str) -> None:
    vendor = connect(database_url)
    vendor.execute("INSERT INTO practice (name) VALUES ('P')")
    vendor.execute(
        "INSERT INTO appointment (practice_id, starts_at, ends_at)"
        " SELECT id, '2026-03-02 09:00:00', '2026-03-02 09:30:00' FROM practice"
    )
    row = vendor.execute(
        "SELECT status, subject, note, rrule, time_zone, length(public_id) FROM appointment"
    ).fetchone()
    assert tuple(row) == ("booked", "", "", "", "Europe/Vienna", 32)
    vendor.close()
