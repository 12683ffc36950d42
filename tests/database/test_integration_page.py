"""The practice program's contract: every SQL block of docs/integration.md, by the bare driver, as written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from radicale_practice.practice import book, migrate
from radicale_practice.practice.database import Database
from radicale_practice.practice.model import Actor, Role, Status, Viewer
from radicale_practice.practice.reading import calendar_objects
from radicale_practice.practice.records import journal
from radicale_practice.practice.schema.practice_tables import appointment
from radicale_practice.practice.series import recurrence
from radicale_practice.practice.sync import revisions
from radicale_practice.practice.upkeep import check
from tests.database.acts import delete, document, master_id, put
from tests.database.book_world import HOUR, MONDAY, World, build, with_master
from tests.database.foreign import connect
from tests.database.house import book as entry
from tests.database.house import furnished, run

PAGE = (Path(__file__).parents[2] / "docs" / "integration.md").read_text(encoding="utf-8")


def statements(language: str = "sql") -> list[str]:
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.S | re.M)
    assert len(blocks) == {"sql": 6, "postgresql": 1}[language]
    return [part.strip() for block in blocks for part in re.split(r";\n", block) if part.strip()]


def listening() -> str:
    """The page's question for what phones changed."""
    (found,) = (s for s in statements() if "FROM phone_change" in s)
    return found


@contextmanager
def vendor(url: str, grants: list[str] | None = None) -> Iterator[Any]:
    """A practice program: on PostgreSQL with the rights that the page grants and no others."""
    if url.startswith("sqlite"):
        with closing(connect(url)) as connection:
            yield connection
        return
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("CREATE ROLE vendor LOGIN")
        try:
            for grant in grants or statements("postgresql"):
                owner.execute(grant)
            with closing(connect(url.replace("practice@", "vendor@"))) as connection:
                yield connection
        finally:
            owner.execute("DROP OWNED BY vendor")
            owner.execute("DROP ROLE vendor")


def test_every_statement_of_the_page(database: Database, database_url: str) -> None:
    with vendor(database_url) as program:
        for statement in statements():
            program.execute(statement)
        _as_the_page_says(database, program)


def _as_the_page_says(database: Database, program: Any) -> None:
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
    program.execute("UPDATE appointment SET external_id = 'other' WHERE external_id = 'A1'")
    with database.read() as uow:
        assert revisions.calendar_states(uow, calendars.values(), 1) == before


def test_defaults_make_a_short_insert_safe(database: Database, database_url: str) -> None:
    with closing(connect(database_url)) as program:
        program.execute("INSERT INTO practice (name) VALUES ('P')")
        program.execute(
            "INSERT INTO appointment (practice_id, starts_at, ends_at)"
            " SELECT id, '2026-03-02 09:00:00', '2026-03-02 09:30:00' FROM practice"
        )
        row = program.execute(
            "SELECT status, subject, note, rrule, time_zone, length(public_id) FROM appointment"
        ).fetchone()
        assert tuple(row) == ("booked", "", "", "", "Europe/Vienna", 32)


# hearing what phones changed


def test_what_phones_changed_by_the_pages_own_question(database: Database, database_url: str) -> None:
    """Over a journal of all kinds: what was done is told, once, in order, and what was not is not."""
    world = build(database)
    phone, desk = world.viewer(program="iOS"), world.reception(program="Thunderbird")
    with world.write() as uow:
        run(uow, "UPDATE calendar SET external_id = 'C-1' WHERE id = :c", c=world.anna_calendar)
        theirs = book.add(
            uow,
            Actor(program="cli"),
            book.NewAppointment(world.anna_calendar, MONDAY, MONDAY + HOUR, external_id="K-1"),
        )
    (href,) = world.hrefs()
    put(world, world.event("new", MONDAY + 3 * HOUR, patient=world.maria), "new.ics", viewer=phone)
    mine = master_id(world, "new.ics")
    put(world, with_master(world.stored(href).object, note="seen"), href, viewer=phone)
    put(world, world.event("p", subject="x"), "p.ics", calendar_id=world.private, viewer=phone)
    document(world, mine)
    assert delete(world, "new.ics", viewer=desk).kind == "refused"
    with closing(connect(database_url)) as other:
        other.execute("UPDATE appointment SET note = 'by SQL'")
    assert delete(world, href, viewer=desk).kind == "done"
    with world.write() as uow:
        book.restore(uow, Actor(program="cli"), theirs)
        book.set_status(uow, Actor(program="cli"), theirs, Status.CONFIRMED)
    with vendor(database_url) as program:
        found = [tuple(row) for row in program.execute(listening()).fetchall()]
        cursors = [row[0] for row in found]
        (seen,) = program.execute("SELECT max(cursor) FROM phone_change").fetchone()
        assert program.execute(listening().replace("cursor > 0", f"cursor > {seen}")).fetchall() == []
    public = {row["id"]: row["public_id"] for row in world.rows(appointment)}
    assert cursors == sorted(set(cursors))
    assert [row[2:] for row in found] == [
        ("create", theirs, public[theirs], "K-1", "C-1", None, "cli"),
        ("create", mine, public[mine], None, "C-1", "anna", "iOS"),
        ("change", theirs, public[theirs], "K-1", "C-1", "anna", "iOS"),
        ("cancel", theirs, public[theirs], "K-1", "C-1", "rita", "Thunderbird"),
        ("restore", theirs, public[theirs], "K-1", "C-1", None, "cli"),
        ("status", theirs, public[theirs], "K-1", "C-1", None, "cli"),
    ]
    (listed,) = re.findall(r"`action` is one of (.*?); there may be more", PAGE, re.S)
    assert {row[2] for row in found} <= set(re.findall(r"`([a-z-]+)`", listed))
    now = datetime.now(UTC).replace(tzinfo=None)
    for row in found:
        at = row[1] if isinstance(row[1], datetime) else datetime.fromisoformat(row[1])
        assert timedelta(minutes=-1) < now - at < timedelta(minutes=10)


# what a program on PostgreSQL does not see


@pytest.fixture
def world(postgresql_url: str) -> Iterator[World]:
    """A private entry, a private series with an instance, a patient's appointment in a private calendar."""
    database = Database(postgresql_url)
    world = build(database)
    with world.write() as uow:
        entry(uow, world.private, subject="secret")
        series = entry(uow, world.private, subject="secret series", rrule="FREQ=WEEKLY")
        run(
            uow,
            "INSERT INTO appointment (practice_id, starts_at, ends_at, series_id, recurrence_id, subject)"
            " VALUES (1, '2026-03-10 09:00:00', '2026-03-10 09:00:00', :s, '2026-03-09 09:00:00',"
            " 'secret too')",
            s=series,
        )
        entry(uow, world.private, subject="kept", patient_id=world.maria.id)
        entry(uow, world.anna_calendar, subject="open", external_id="A")
        run(uow, "UPDATE staff SET password_hash = 'hash'")
    yield world
    database.dispose()


def test_private_entries_and_passwords_are_out_of_sight(world: World, postgresql_url: str) -> None:
    with vendor(postgresql_url) as program:
        found = program.execute("SELECT subject FROM practice_appointment ORDER BY 1").fetchall()
        assert [s for (s,) in found] == ["kept", "open"]
        assert program.execute("SELECT count(*) FROM practice_calendar").fetchone() == (4,)
        for hidden in (
            "SELECT subject FROM appointment",
            "SELECT name FROM calendar",
            "SELECT password_hash FROM staff",
            "UPDATE staff SET password_hash = 'mine'",
            "UPDATE appointment SET note = 'x' WHERE subject = 'secret'",
            "UPDATE appointment SET note = subject WHERE external_id = 'A'",
            "SELECT content FROM event_extra",
            "SELECT after FROM journal",
            "SELECT reason FROM attention",
            "DELETE FROM object_change",
            "UPDATE sync_journal_order SET journal_id = 1",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                program.execute(hidden)
        program.execute("UPDATE staff SET active = false WHERE user_name = 'ben'")
        theirs = "WHERE id IN (SELECT id FROM practice_appointment WHERE subject = 'open')"
        assert program.execute(f"UPDATE appointment SET note = 'x' {theirs}").rowcount == 1
        program.execute("DELETE FROM appointment WHERE external_id = 'A'")
    assert {r["subject"] for r in world.rows(appointment)} == {
        "secret",
        "secret series",
        "secret too",
        "kept",
    }


def test_through_the_view_private_entries_cannot_be_touched(world: World, postgresql_url: str) -> None:
    grants = statements("postgresql")
    grants[1] = "GRANT SELECT, INSERT, UPDATE, DELETE ON practice_calendar, practice_appointment TO vendor"
    with world.database.read() as uow:
        before = revisions.calendar_states(uow, [world.anna_calendar, world.private], world.anna)
    with vendor(postgresql_url, grants) as program:
        program.execute("UPDATE practice_appointment SET note = 'seen'")
        program.execute(
            "INSERT INTO practice_appointment (practice_id, external_id, starts_at, ends_at)"
            " VALUES (1, 'A', now(), now()) ON CONFLICT (practice_id, external_id)"
            " DO UPDATE SET subject = 'upserted'"
        )
        program.execute("DELETE FROM practice_appointment WHERE subject LIKE 'secret%'")
        with pytest.raises(errors.InsufficientPrivilege):
            program.execute("DELETE FROM appointment")
    rows = {r["subject"]: r["note"] for r in world.rows(appointment)}
    assert rows == {"secret": "", "secret series": "", "secret too": "", "kept": "seen", "upserted": "seen"}
    with world.database.read() as uow:
        after = revisions.calendar_states(uow, [world.anna_calendar, world.private], world.anna)
        assert check.check(uow) == []
    assert all(after[c].revision > before[c].revision for c in after)


@pytest.mark.parametrize("view", ["phone_change", "practice_appointment", "practice_calendar"])
def test_no_function_of_the_programs_own_is_shown_what_a_view_leaves_out(
    world: World, postgresql_url: str, view: str
) -> None:
    column = {"phone_change": "action", "practice_appointment": "subject"}.get(view, "name")
    with world.write() as uow:
        about = {"practice_id": world.practice_id, "appointment_id": 1, "calendar_id": world.private}
        for action, private in (("refused", False), ("secret", True), ("told", False)):
            journal.write(uow, action, private=private, **about)
        run(uow, "UPDATE calendar SET name = 'secret' WHERE kind = 'private'")
    with vendor(postgresql_url) as program:
        program.execute("CREATE TEMP TABLE shown (said text)")
        program.execute(
            "CREATE FUNCTION pg_temp.look(said text) RETURNS boolean LANGUAGE plpgsql COST 0.0001"
            " AS 'BEGIN INSERT INTO shown VALUES (said); RETURN true; END'"
        )
        program.execute(f"SELECT * FROM {view} WHERE pg_temp.look({column})")
        shown = {said for (said,) in program.execute("SELECT said FROM shown").fetchall()}
    assert shown and not shown & {"refused", "secret", "secret series", "secret too"}


def test_what_was_granted_stays_granted(world: World, postgresql_url: str) -> None:
    with vendor(postgresql_url) as program:
        migrate.upgrade(world.database)
        program.execute(listening())
        with psycopg.connect(postgresql_url, autocommit=True) as owner:
            owner.execute("DROP TRIGGER sync_patient_update ON patient")
        with world.write() as uow:
            assert check.repair(uow) != []
        program.execute(listening())
        program.execute("SELECT subject FROM practice_appointment")


def test_the_status_words_of_the_page(database: Database) -> None:
    """All of them are on the page, and the database knows no other."""
    furnished(database)
    (line,) = re.findall(r"^- \*\*Status\*\*: (.*?)\.", PAGE, re.M)
    words = re.findall(r"`(\w+)`", line)
    assert len(words) == 8
    with database.write() as uow:
        for word in words:
            entry(uow, 1, status=word)
    with database.read() as uow:
        assert run(uow, "SELECT count(DISTINCT status) FROM appointment") == 8
