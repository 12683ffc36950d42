"""What is done to accounts, calendars, access, places and settings is journalled: who, what, no passwords."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from radicale_practice.practice import calendars, locations, practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.errors import Conflict, InvalidValue, NotFound, NotPermitted
from radicale_practice.practice.model import Access, Actor, CalendarKind, Role, Viewer
from radicale_practice.practice.people import staff
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal_list
from radicale_practice.practice.records.journal_text import line

OFFICE = Actor(program="radicale-practice (petra)")
FIRST, SECOND = "ahorn-birke-1", "enzian-fichte-2"


def told(database: Database, practice: Practice) -> list[str]:
    """The journal's lines without their times."""
    with database.read() as uow:
        return [line(e, practice.time_zone)[6:] for e in journal_list.entries(uow, practice.id)]


def test_everything_about_accounts(database: Database, practice: Practice) -> None:
    with database.write(OFFICE) as uow:
        anna = staff.add(uow, practice.id, "anna müller", "Anna", Role.RECEPTIONIST, FIRST)
        staff.set_password(uow, anna.id, SECOND)
        staff.set_role(uow, anna.id, Role.ADMINISTRATOR)
        staff.describe(uow, anna.id, display_name="Anna Huber", email="anna@practice.example")
        staff.deactivate(uow, anna.id)
        staff.activate(uow, anna.id)
        for wrong in ({}, {"display_name": " "}):
            with pytest.raises(InvalidValue):
                staff.describe(uow, anna.id, **wrong)
        with pytest.raises(NotFound):
            staff.set_role(uow, anna.id + 1, Role.PRACTITIONER)
        kept = uow.connection.execute(text("SELECT before, after, program FROM journal")).all()
    assert told(database, practice) == [
        "another program: practice ST Praxis set up",
        "radicale-practice (petra): anna müller can sign in, as receptionist",
        "radicale-practice (petra): calendar (private) added",
        "radicale-practice (petra): anna müller has a new password",
        "radicale-practice (petra): anna müller is now administrator",
        "radicale-practice (petra): anna müller has another name or e-mail address",
        "radicale-practice (petra): anna müller cannot sign in any more",
        "radicale-practice (petra): anna müller can sign in again",
    ]
    assert not any(secret in str(kept) for secret in (FIRST, SECOND, "argon2"))


def test_everything_about_calendars(database: Database, practice: Practice) -> None:
    with database.write() as uow:
        anna = staff.add(uow, practice.id, "anna müller", "Anna", Role.PRACTITIONER, None)
        uow.connection.execute(text("DELETE FROM journal"))
    with database.write(OFFICE) as uow:
        room = calendars.add(uow, practice.id, CalendarKind.ROOM, "Raum 1")
        calendars.grant(uow, room.id, anna.id, Access.READ)
        calendars.grant(uow, room.id, anna.id, Access.WRITE)
        assert calendars.revoke(uow, room.id, anna.id)
        assert not calendars.revoke(uow, room.id, anna.id)
        calendars.rename(uow, room.id, " Raum 2 ")
        assert calendars.find(uow, practice.id, "Raum 2").id == room.id
        calendars.deactivate(uow, room.id)
        for name, error in (("", InvalidValue), ("X", NotFound)):
            with pytest.raises(error):
                calendars.rename(uow, room.id + 1000, name)
        viewer = Viewer(practice.id, anna.id, anna.user_name, "Anna", Role.PRACTITIONER)
        made = calendars.create_private(uow, viewer, "Huber-Maria", "Huber Maria")
        calendars.delete_private(uow, viewer, made.id)
        with pytest.raises(NotPermitted):
            calendars.delete_private(uow, viewer, room.id)
        kept = uow.connection.execute(text("SELECT before, after FROM journal")).all()
    assert [said.partition(": ")[2] for said in told(database, practice)] == [
        "calendar Raum 1 added",
        "anna müller has read access to calendar Raum 1",
        "anna müller has write access to calendar Raum 1",
        "anna müller has write access to calendar Raum 1 no more, but what the role gives",
        "calendar is now called Raum 2",
        "calendar Raum 2 taken away",
        "calendar (private) added",
        "calendar (private) taken away",
    ]
    assert "Huber" not in str(kept)


def test_settings_of_a_practice(database: Database, practice: Practice) -> None:
    with database.write(OFFICE) as uow:
        practices.set_settings(uow, practice.id, {"double_booking": "forbid", "subjects": ["A", "B"]})
        practices.set_settings(uow, practice.id, {"double_booking": "forbid"})
        changed = practices.set_settings(
            uow, practice.id, {"name": " Praxis Süd ", "time_zone": "Europe/Berlin", "language": "EN"}
        )
        assert (changed.name, changed.time_zone, changed.language) == ("Praxis Süd", "Europe/Berlin", "en")
        assert changed.settings.double_booking == "forbid"
        for name, value in (
            ("name", " "),
            ("time_zone", "Mars/Olympus"),
            ("language", "deutsch"),
            ("name", 1),
        ):
            with pytest.raises(InvalidValue):
                practices.set_settings(uow, practice.id, {name: value})
    assert [said.partition(": ")[2] for said in told(database, practice)[1:]] == [
        "settings changed: subjects = A; B, double_booking = forbid",
        "settings changed: name = Praxis Süd, time_zone = Europe/Berlin, language = en",
    ]


def test_places(database: Database, practice: Practice) -> None:
    with database.write(OFFICE) as uow:
        added = locations.add(uow, practice.id, " Praxis  Baden ")
        with pytest.raises(Conflict):
            locations.add(uow, practice.id, "praxis baden")
        with pytest.raises(InvalidValue):
            locations.add(uow, practice.id, "  ")
        other = practices.create(uow, "Zweite")
        locations.add(uow, other.id, "Praxis Baden")
        assert locations.list_all(uow, practice.id) == [added]
    assert added.name == "Praxis Baden"
    assert told(database, practice)[-1] == "radicale-practice (petra): location Praxis Baden added"


def test_contents_that_are_no_longer_kept(database: Database, practice: Practice) -> None:
    with database.write(OFFICE) as uow:
        calendars.add(uow, practice.id, CalendarKind.ROOM, "Raum 1")
        practices.set_settings(uow, practice.id, {"brake_minutes": 20})
        uow.connection.execute(text("UPDATE journal SET before = NULL, after = NULL"))
    assert [said.partition(": ")[2] for said in told(database, practice)[1:]] == [
        "calendar (no longer kept) added",
        "settings changed",
    ]
