"""The journal as people read it, and the demonstration's live lines; on both engines."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from radicale_practice.demo import live
from radicale_practice.practice import book, calendars, lookup, practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.model import Actor, CalendarKind, Role, Status
from radicale_practice.practice.people import patients, staff
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal, journal_list
from radicale_practice.practice.records.journal_text import line
from tests.database.foreign import connect

DAVX5 = "DAVx5/4.5.1-ose (dav4jvm) Android/14"


def rows(start: str) -> dict[str, object]:
    """What the book keeps of an appointment."""
    return {"calendars": {"1": "owner"}, "rows": {"9": {"subject": "Befund", "starts_at": f"{start}:00"}}}


@pytest.fixture
def actor(database: Database, practice: Practice) -> Actor:
    """Anna with her phone."""
    with database.write() as uow:
        anna = staff.add(uow, practice.id, "anna müller", "Anna", Role.PRACTITIONER, None)
        patients.add(uow, practice.id, "1", "Maria", "Huber")
    return Actor(staff_id=anna.id, program=DAVX5)


def write(database: Database, practice: Practice, actor: Actor, action: str, **values: object) -> None:
    """A journal row, at a known time."""
    with database.write(actor) as uow:
        number = journal.write(uow, action, practice_id=practice.id, **values)  # type: ignore[arg-type]
        uow.connection.execute(
            text("UPDATE journal SET at = '2026-11-23 09:42:00' WHERE id = :id"), {"id": number}
        )


def test_lines(database: Database, practice: Practice, actor: Actor) -> None:
    before, after = rows("2026-11-24 09:00"), rows("2026-11-24 09:30")
    with database.read() as uow:
        patient_id = patients.by_number(uow, practice.id, "1").id
        start = journal_list.newest(uow)
    write(database, practice, actor, "change", before=before, after=after, patient_id=patient_id)
    write(database, practice, actor, "create", after=after, patient_id=patient_id)
    write(database, practice, actor, "cancel", before=after)
    write(database, practice, actor, "change", before=before, after=after, private=True)
    write(database, practice, Actor(), "foreign")
    write(database, practice, actor, "refused", before=before, after=before)
    write(database, practice, actor, "cancel", before=rows("2026-12-01 09:00"))
    with database.read() as uow:
        found = journal_list.entries(uow, practice.id, after_id=start)
        assert [e.id for e in journal_list.entries(uow, practice.id, limit=2)] == [e.id for e in found[-2:]]
        since = datetime(2026, 11, 23, 9, 43)
        assert found[0].id not in [e.id for e in journal_list.entries(uow, practice.id, since=since)]
    assert [line(entry, practice.time_zone) for entry in found] == [
        "10:42 anna müller, DAVx5: Huber Maria moved from Tue 09:00 to Tue 09:30",
        "10:42 anna müller, DAVx5: Huber Maria added (Tue 09:30)",
        "10:42 anna müller, DAVx5: Befund cancelled (Tue 09:30)",
        "10:42 anna müller, DAVx5: a private entry moved from Tue 09:00 to Tue 09:30",
        "10:42 practice program: a patient erased or deleted",
        "10:42 anna müller, DAVx5: Befund refused, the practice's version comes back (Tue 09:00)",
        "10:42 anna müller, DAVx5: Befund cancelled (Tue 2026-12-01 09:00)",
    ]
    assert line(found[0], practice.time_zone, with_day=True) == (
        "2026-11-23 10:42 anna müller, DAVx5: Huber Maria moved"
        " from Tue 2026-11-24 09:00 to Tue 2026-11-24 09:30"
    )


def test_a_day_that_is_past_has_its_date(database: Database, practice: Practice, actor: Actor) -> None:
    with database.read() as uow:
        start = journal_list.newest(uow)
    for day in ("2026-11-22", "2026-11-23", "2026-11-29", "2026-11-30"):
        write(database, practice, actor, "cancel", before=rows(f"{day} 09:00"))
    with database.read() as uow:
        found = journal_list.entries(uow, practice.id, after_id=start)
    assert [line(entry, practice.time_zone).partition("cancelled ")[2] for entry in found] == [
        "(Sun 2026-11-22 09:00)",
        "(Mon 09:00)",
        "(Sun 09:00)",
        "(Mon 2026-11-30 09:00)",
    ]


def test_a_row_without_contents_is_a_line_too(database: Database, practice: Practice, actor: Actor) -> None:
    write(database, practice, actor, "change", before={"rows": {"1": None}}, after={"rows": []})
    write(database, practice, actor, "change", after={"rows": {"1": {"starts_at": "never"}}})
    with database.read() as uow:
        found = journal_list.entries(uow, practice.id, limit=2)
    assert [line(e, "Nowhere/AtAll")[6:] for e in found] == [
        "anna müller, DAVx5: an entry changed",
        "anna müller, DAVx5: an entry changed",
    ]


class Book:
    """A calendar with the lines that its journal gives, each without its time."""

    def __init__(self, database: Database, practice: Practice, actor: Actor, url: str) -> None:
        self.database, self.practice, self.actor = database, practice, actor
        self.vendor = connect(url)
        if database.dialect == "sqlite":
            self.vendor.execute("PRAGMA foreign_keys=ON")
        with database.write() as uow:
            self.calendar_id = calendars.find(uow, practice.id, "anna müller").id
            self.patient_id = patients.by_number(uow, practice.id, "1").id
            self.seen = journal_list.newest(uow)

    def add(self, start: datetime, **more: Any) -> int:
        """Book as a device does."""
        new = book.NewAppointment(self.calendar_id, start, start + timedelta(minutes=30), **more)
        with self.database.write(self.actor) as uow:
            return book.add(uow, self.actor, new)

    def lines(self) -> list[str]:
        """What is new since the last look."""
        with self.database.read() as uow:
            found = journal_list.entries(uow, self.practice.id, after_id=self.seen)
        self.seen = max([self.seen, *(entry.id for entry in found)])
        return [line(entry, self.practice.time_zone)[6:] for entry in found]


@pytest.fixture
def at(database: Database, practice: Practice, actor: Actor, database_url: str) -> Iterator[Book]:
    """Anna's calendar."""
    made = Book(database, practice, actor, database_url)
    yield made
    made.vendor.close()


def test_what_plain_sql_did_reads_as_sentences(at: Book) -> None:
    who = "practice program (sql)" if at.database.dialect == "sqlite" else "practice program ("
    appointment_id = at.add(datetime(2036, 11, 25, 9), patient_id=at.patient_id)
    assert at.lines() == ["anna müller, DAVx5: Huber Maria added (Tue 2036-11-25 09:00)"]
    at.vendor.execute("UPDATE appointment SET created_at = '2026-01-01 00:00:00'")
    at.lines()
    told = []
    for statement in (
        "UPDATE appointment SET starts_at = '2036-11-25 10:00:00', ends_at = '2036-11-25 10:30:00'",
        "UPDATE appointment SET status = 'cancelled'",
        f"DELETE FROM appointment WHERE id = {appointment_id}",
        "UPDATE patient SET phone = '1'",
    ):
        at.vendor.execute(statement)
        told.append(at.lines())
        at.vendor.execute("UPDATE journal SET at = '2026-01-01 00:00:00'")  # one row a second is enough
    assert all(said[0].startswith(who) for said in told if said)
    assert [[said.partition(": ")[2] for said in lines] for lines in told] == [
        ["Huber Maria changed (Tue 2036-11-25 10:00)"],
        ["Huber Maria cancelled (Tue 2036-11-25 10:00)"],
        ["an entry deleted"],
        ["patient Huber Maria added or changed"],
    ]
    at.vendor.execute(
        "INSERT INTO appointment (practice_id, subject, starts_at, ends_at)"
        " SELECT id, 'Befund', '2036-11-26 09:00:00', '2036-11-26 09:30:00' FROM practice"
    )
    at.vendor.execute(
        "INSERT INTO appointment_calendar (appointment_id, calendar_id)"
        f" SELECT id, {at.calendar_id} FROM appointment WHERE subject = 'Befund'"
    )
    assert "Befund added (Wed 2036-11-26 09:00)" in at.lines()[-1]


def test_what_became_a_private_entry_says_no_more_in_older_lines(at: Book, actor: Actor) -> None:
    """The journal looks up what a program's row is now: that is its person's own affair by then."""
    at.add(datetime(2036, 11, 25, 9), subject="Team")
    at.vendor.execute("UPDATE appointment SET created_at = '2026-01-01 00:00:00'")
    at.vendor.execute("UPDATE appointment SET starts_at = '2036-11-25 08:30:00'")
    at.seen += 1
    assert [said.partition(": ")[2] for said in at.lines()] == ["Team changed (Tue 2036-11-25 08:30)"]
    with at.database.write() as uow:
        private = calendars.add(uow, at.practice.id, CalendarKind.PRIVATE, "Privat", staff_id=actor.staff_id)
        uow.connection.execute(text("UPDATE appointment_calendar SET calendar_id = :p"), {"p": private.id})
        uow.connection.execute(text("UPDATE appointment SET subject = 'Scheidung', note = 'Scheidung'"))
    with at.database.read() as uow:
        (told,) = (e for e in journal_list.entries(uow, at.practice.id) if e.action == "foreign")
    assert "Scheidung" not in str(told)
    assert line(told, at.practice.time_zone).endswith(": a private entry changed (Tue 2036-11-25 08:30)")


def test_nothing_of_another_practice_is_told(at: Book) -> None:
    """A program has put another practice's appointment into this one's calendar: it is shown to nobody."""
    with at.database.write() as uow:
        other = practices.create(uow, "Other House").id
        patients.add(uow, other, "1", "Xaver", "Fremd")
    at.vendor.execute(
        "INSERT INTO appointment (practice_id, patient_id, subject, starts_at, ends_at)"
        " SELECT practice_id, id, 'Befund', '2036-11-26 09:00:00', '2036-11-26 09:30:00' FROM patient"
        " WHERE last_name = 'Fremd'"
    )
    at.lines()
    at.vendor.execute(
        "INSERT INTO appointment_calendar (appointment_id, calendar_id)"
        f" SELECT id, {at.calendar_id} FROM appointment WHERE subject = 'Befund'"
    )
    with at.database.read() as uow:
        found = journal_list.entries(uow, at.practice.id)
    assert found[-1].action == "foreign" and found[-1].appointment_id is not None
    assert not any(word in str(found) for word in ("Fremd", "Xaver", "Befund"))


def test_another_practices_patient_is_not_named(at: Book) -> None:
    """A program has linked one: no event shows it, and nor does the attention list."""
    appointment_id = at.add(datetime(2036, 11, 25, 9))
    with at.database.write() as uow:
        other = practices.create(uow, "Other House").id
        stranger = patients.add(uow, other, "1", "Xaver", "Fremd")
        uow.connection.execute(text("UPDATE appointment SET patient_id = :p"), {"p": stranger.id})
        named = lookup.appointments(uow, at.practice.id, [appointment_id])
        found = journal_list.entries(uow, at.practice.id)
        shown = book.show(uow, appointment_id)
    assert "Fremd" not in str(named) + str(found)
    assert "Fremd" not in str(shown)


def test_what_was_done_to_series(at: Book, actor: Actor) -> None:
    start = datetime(2036, 11, 25, 9)
    first = book.NewAppointment(
        at.calendar_id, start, start + timedelta(minutes=30), patient_id=at.patient_id
    )
    with at.database.write(actor) as uow:
        series = book.add_series(uow, actor, book.NewSeries(first, "FREQ=WEEKLY;COUNT=5"))
        book.cancel_appointment(uow, actor, series)
        book.restore(uow, actor, series)
        book.set_status(uow, actor, series, Status.CONFIRMED)
        book.link_patient(uow, actor, series, None)
    assert [said.partition(": ")[2] for said in at.lines()] == [
        "Huber Maria added (series from Tue 2036-11-25 09:00)",
        "Huber Maria cancelled (series from Tue 2036-11-25 09:00)",
        "Huber Maria restored (series from Tue 2036-11-25 09:00)",
        "Huber Maria is now confirmed (series from Tue 2036-11-25 09:00)",
        "an entry linked to nobody (series from Tue 2036-11-25 09:00)",
    ]


def test_one_instance_moved_and_one_cancelled(at: Book, practice: Practice, actor: Actor) -> None:
    master = {"subject": "Kurs", "starts_at": "2036-11-25 09:00:00", "rrule": "FREQ=WEEKLY"}
    moved = {
        "subject": "Kurs",
        "series_id": 9,
        "recurrence_id": "2036-12-02 09:00:00",
        "starts_at": "2036-12-02 10:00:00",
    }
    rows = {"9": master, "12": moved}
    cancelled = {**moved, "starts_at": moved["recurrence_id"], "status": "cancelled"}
    write(at.database, practice, actor, "change", before={"rows": {"9": master}}, after={"rows": rows})
    gone = {"rows": {"9": master, "12": cancelled}}
    write(at.database, practice, actor, "cancel-instance", before={"rows": {"9": master}}, after=gone)
    assert [said.partition(": ")[2] for said in at.lines()] == [
        "Kurs moved from Tue 2036-12-02 09:00 to Tue 2036-12-02 10:00",
        "Kurs cancelled (Tue 2036-12-02 09:00)",
    ]


def test_following_survives_whatever_happens(
    at: Book, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop, shown, looks = threading.Event(), [], []  # type: ignore[var-annotated]

    def broken(entry: journal_list.Entry, zone: str) -> str:
        if entry.appointment_id in bad:
            raise KeyError("Huber Maria")
        return line(entry, zone)

    def wait(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 1:
            at.add(datetime(2036, 11, 25, 11), subject="Vorhang")
            bad.append(at.add(datetime(2036, 11, 25, 9), patient_id=at.patient_id))
            at.add(datetime(2036, 11, 25, 10), subject="Danach")
        if len(looks) == 2:
            stop.set()

    bad: list[int] = []
    monkeypatch.setattr(live, "line", broken)
    stop.wait = wait  # type: ignore[method-assign,assignment]
    live.follow(at.database, at.practice, stop, shown.append)
    assert [said.partition(": ")[2] for said in shown] == [
        "Vorhang added (Tue 2036-11-25 11:00)",
        "(KeyError)",
        "Danach added (Tue 2036-11-25 10:00)",
    ]
    assert "KeyError" in caplog.text
    assert "Huber" not in caplog.text


def test_following_shows_what_comes_and_ends(
    database: Database, practice: Practice, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    shown: list[str] = []
    looks: list[float] = []

    class Stop:
        """Something happens between the first look and the second, and nothing after the third."""

        def is_set(self) -> bool:
            return stop.is_set()

        def wait(self, seconds: float) -> None:
            looks.append(seconds)
            if len(looks) == 1:
                write(database, practice, actor, "create", after=rows("2026-11-24 09:00"))
            if len(looks) == 3:
                stop.set()

    write(database, practice, actor, "create", after=rows("2026-11-20 09:00"))
    live.follow(database, practice, Stop(), shown.append)  # type: ignore[arg-type]
    assert shown == ["10:42 anna müller, DAVx5: Befund added (Tue 09:00)"]
    assert timedelta(seconds=looks[0]) <= timedelta(seconds=2)


def test_following_waits_for_a_database_that_is_away(practice: Practice) -> None:
    away = Database("sqlite:////nonexistent/folder/practice.db")
    stop = threading.Event()
    stop.wait = lambda seconds=None: stop.set() or True  # type: ignore[method-assign,assignment,func-returns-value]
    live.follow(away, practice, stop, lambda said: pytest.fail(said))
