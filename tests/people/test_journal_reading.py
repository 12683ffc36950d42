"""The journal as people read it, and the demonstration's live lines; on both engines."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from radicale_practice.demo import live
from radicale_practice.practice import journal, journal_list, patients, staff
from radicale_practice.practice.database import Database
from radicale_practice.practice.journal_text import line
from radicale_practice.practice.model import Actor, Role
from radicale_practice.practice.projections import Practice

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
        "10:42 another program: an entry foreign",
        "10:42 anna müller, DAVx5: Befund refused, the practice's version comes back (Tue 09:00)",
        "10:42 anna müller, DAVx5: Befund cancelled (Tue 1.12.2026 09:00)",
    ]
    assert line(found[0], practice.time_zone, with_day=True).startswith("2026-11-23 10:42 ")


def test_a_row_without_contents_is_a_line_too(database: Database, practice: Practice, actor: Actor) -> None:
    write(database, practice, actor, "change", before={"rows": {"1": None}}, after={"rows": []})
    write(database, practice, actor, "change", after={"rows": {"1": {"starts_at": "never"}}})
    with database.read() as uow:
        found = journal_list.entries(uow, practice.id, limit=2)
    assert [line(e, "Nowhere/AtAll")[6:] for e in found] == [
        "anna müller, DAVx5: an entry changed",
        "anna müller, DAVx5: an entry changed",
    ]


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
