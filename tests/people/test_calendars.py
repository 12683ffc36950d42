"""What a person sees in the home collection, grants and private calendars; on both engines."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import text

from radicale_practice.practice import calendars, practices
from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.errors import InvalidValue, NotFound, NotPermitted
from radicale_practice.practice.model import Access, CalendarKind, Role, Viewer
from radicale_practice.practice.people import staff
from radicale_practice.practice.projections import Practice
from tests.people.test_directory import counted


@dataclass
class People:
    """Two practitioners, a receptionist, an administrator, and a room."""

    anna: Viewer
    bert: Viewer
    reception: Viewer
    admin: Viewer
    room: calendars.CalendarRow


@pytest.fixture
def people(database: Database, practice: Practice) -> People:
    """A small practice."""
    with database.write() as uow:
        anna, bert, reception, admin = (
            staff.add(uow, practice.id, name, name.title(), role, None).viewer()
            for name, role in (
                ("anna", Role.PRACTITIONER),
                ("bert", Role.PRACTITIONER),
                ("reception", Role.RECEPTIONIST),
                ("admin", Role.ADMINISTRATOR),
            )
        )
        room = calendars.add(uow, practice.id, CalendarKind.ROOM, "Raum 1")
    return People(anna, bert, reception, admin, room)


def seen(uow: UnitOfWork, viewer: Viewer) -> dict[str, str]:
    """Names of calendars and what the viewer may do with them."""
    return {info.name: info.access.value for info in calendars.list_for(uow, viewer)}


def test_what_roles_see(database: Database, people: People) -> None:
    with database.read() as uow:
        assert seen(uow, people.anna) == {
            "ST Praxis – Anna": "write",
            "Privat": "write",
            "ST Praxis – Bert": "busy",
            "ST Praxis – Raum 1": "busy",
        }
        assert calendars.list_for(uow, people.anna)[0].name == "ST Praxis – Anna"
        assert seen(uow, people.reception) == {
            "Privat": "write",
            "ST Praxis – Anna": "write",
            "ST Praxis – Bert": "write",
            "ST Praxis – Raum 1": "write",
        }
        assert seen(uow, people.admin) == {"Privat": "write"}


def test_grants(database: Database, practice: Practice, people: People) -> None:
    with database.write() as uow:
        berts = calendars.find(uow, practice.id, "bert")
        for access in (Access.READ, Access.WRITE):
            calendars.grant(uow, berts.id, people.anna.staff_id, access)
            calendars.grant(uow, berts.id, people.admin.staff_id, Access.READ)
            assert seen(uow, people.anna)["ST Praxis – Bert"] == access
        assert seen(uow, people.admin)["ST Praxis – Bert"] == "read"
        assert calendars.revoke(uow, berts.id, people.anna.staff_id)
        assert not calendars.revoke(uow, berts.id, people.anna.staff_id)
        assert seen(uow, people.anna)["ST Praxis – Bert"] == "busy"


def test_nothing_crosses_between_practices(database: Database, practice: Practice, people: People) -> None:
    with database.write() as uow:
        other = practices.create(uow, "Zweite")
        stranger = staff.add(uow, other.id, "zoe", "Zoe", Role.RECEPTIONIST, None)
        assert seen(uow, stranger.viewer()) == {"Privat": "write"}
        with pytest.raises(NotFound):
            calendars.find(uow, other.id, "anna")
        with pytest.raises(NotFound):
            calendars.grant(uow, people.room.id, stranger.id, Access.READ)


def test_listing_takes_a_constant_number_of_statements(
    database: Database, practice: Practice, people: People
) -> None:
    def statements() -> int:
        with database.read() as uow, counted(database) as found:
            infos = calendars.list_for(uow, people.anna)
            calendars.properties(uow, [info.id for info in infos], people.anna.staff_id)
            return len(found)

    few = statements()
    with database.write() as uow:
        for n in range(20):
            calendars.add(uow, practice.id, CalendarKind.ROOM, f"Raum {n + 2}")
    assert statements() == few


def test_colours_are_distinct_and_in_the_form_clients_read(
    database: Database, practice: Practice, people: People
) -> None:
    with database.write() as uow:
        for n in range(30):
            calendars.add(uow, practice.id, CalendarKind.ROOM, f"Raum {n + 2}")
        rows = calendars.list_all(uow, practice.id, with_private=True)
    colors = [row.color for row in rows]
    assert len(set(colors)) == len(colors)
    assert all(len(color) == 9 and color.startswith("#") and int(color[1:], 16) for color in colors)


def test_a_row_by_plain_sql_has_a_colour(database: Database, practice: Practice, people: People) -> None:
    with database.write() as uow:
        uow.connection.execute(
            text("INSERT INTO calendar (practice_id, kind, name) VALUES (:p, 'room', 'Turnsaal')"),
            {"p": practice.id},
        )
        found = [i for i in calendars.list_for(uow, people.reception) if i.name.endswith("Turnsaal")]
        assert found[0].color.startswith("#")
        assert found == [i for i in calendars.list_for(uow, people.reception) if i.name.endswith("Turnsaal")]


def test_private_calendars_of_the_same_path(database: Database, people: People) -> None:
    with database.write() as uow:
        first = calendars.create_private(uow, people.anna, "mine", "Meine Termine", "#112233FF")
        second = calendars.create_private(uow, people.bert, "mine")
        assert (first.path_name, second.path_name) == ("mine", "mine")
        assert first.public_id != second.public_id
        for viewer, info in ((people.anna, first), (people.bert, second)):
            assert info in calendars.list_for(uow, viewer)
        assert (first.name, first.color, second.name) == ("Meine Termine", "#112233FF", "Privat")
        assert "Meine Termine" not in seen(uow, people.reception)
        # A path that looks like one of ours with its tag comes back as it was typed.
        odd = calendars.create_private(uow, people.anna, "x~0123456789ab")
        assert odd.path_name == "x~0123456789ab"


def test_a_deleted_private_calendar_leaves_its_path_free(database: Database, people: People) -> None:
    with database.write() as uow:
        first = calendars.create_private(uow, people.anna, "mine")
        with pytest.raises(NotPermitted):
            calendars.delete_private(uow, people.bert, first.id)
        calendars.delete_private(uow, people.anna, first.id)
        with pytest.raises(NotPermitted):
            calendars.delete_private(uow, people.anna, first.id)
        again = calendars.create_private(uow, people.anna, "mine")
        assert again.id != first.id
        assert again.public_id == "mine"


def test_practice_calendars_cannot_be_deleted(database: Database, practice: Practice, people: People) -> None:
    with database.write() as uow:
        own = calendars.find(uow, practice.id, "anna")
        for calendar_id in (own.id, people.room.id):
            with pytest.raises(NotPermitted):
                calendars.delete_private(uow, people.anna, calendar_id)


def test_private_calendars_can_be_switched_off(
    database: Database, practice: Practice, people: People
) -> None:
    with database.write() as uow:
        practices.set_settings(uow, practice.id, {"private_calendars": False})
        with pytest.raises(NotPermitted):
            calendars.create_private(uow, people.anna, "mine")


@pytest.mark.parametrize(
    "segment", ["", ".", "..", ".hidden", "a/b", "a\\b", "a%2fb", "a\0", "a\n", "x" * 51, "a?b", "a:b", " a"]
)
def test_unfit_paths(database: Database, people: People, segment: str) -> None:
    with database.write() as uow, pytest.raises(InvalidValue):
        calendars.create_private(uow, people.anna, segment)


@pytest.mark.parametrize("color", ["red; }", "#" + "1" * 40, "<x>"])
def test_unfit_colours(database: Database, people: People, color: str) -> None:
    with database.write() as uow, pytest.raises(InvalidValue):
        calendars.create_private(uow, people.anna, "mine", "", color)


def test_properties_are_a_persons_own(database: Database, people: People) -> None:
    ours = {"name": "ST Praxis – Raum 1", "color": "#1F77B4FF"}
    room = people.room.id
    with database.write() as uow:
        values = {"name": "Mein Raum", "color": "#1F77B4FF", "order": "3"}
        calendars.set_properties(uow, room, people.anna.staff_id, values, ours)
        # A value equal to what we serve is no override.
        assert calendars.properties(uow, [room], people.anna.staff_id) == {
            room: {"name": "Mein Raum", "order": "3"}
        }
        assert calendars.properties(uow, [room], people.bert.staff_id) == {room: {}}
        calendars.set_properties(uow, room, people.anna.staff_id, {"name": ours["name"], "order": None}, ours)
        assert calendars.properties(uow, [room], people.anna.staff_id) == {room: {}}
        assert calendars.properties(uow, [], people.anna.staff_id) == {}


@pytest.mark.parametrize("values", [{"x" * 256: "a"}, {"name": "x" * 5000}, {"name": "a\0b"}])
def test_unfit_properties(database: Database, people: People, values: dict[str, str]) -> None:
    with database.write() as uow, pytest.raises(InvalidValue):
        calendars.set_properties(uow, people.room.id, people.anna.staff_id, values)


def test_names_that_fit_several(database: Database, practice: Practice, people: People) -> None:
    with database.write() as uow:
        calendars.add(uow, practice.id, CalendarKind.ROOM, "Raum 1")
        with pytest.raises(NotFound):
            calendars.find(uow, practice.id, "Raum 1")
        assert calendars.find(uow, practice.id, people.room.public_id) == people.room
        calendars.deactivate(uow, people.room.id)
        assert calendars.find(uow, practice.id, "Raum 1").id != people.room.id


def test_settings(database: Database, practice: Practice) -> None:
    with database.write() as uow:
        for name, typed in (
            ("private_calendars", "no"),
            ("brake_minutes", "20"),
            ("subjects", "Massage; Befund ;"),
            ("title_with_patient", "{subject}: {patient}"),
        ):
            practices.set_settings(uow, practice.id, {name: practices.setting_from_text(name, typed)})
        settings = practices.get(uow, practice.id).settings
        assert (settings.private_calendars, settings.brake_minutes) == (False, 20)
        assert settings.subjects == ("Massage", "Befund")
        assert settings.title_with_patient == "{subject}: {patient}"
    for name, typed in (("private_calendars", "perhaps"), ("brake_minutes", "many"), ("nonsense", "1")):
        with pytest.raises(InvalidValue):
            practices.setting_from_text(name, typed)


def test_practices(database: Database, practice: Practice) -> None:
    with database.write() as uow:
        assert practices.find(uow) == practice
        other = practices.create(uow, "Zweite", "America/New_York", "en")
        assert practices.find(uow, "Zweite") == practices.find(uow, other.public_id) == other
        assert practices.list_all(uow) == [practice, other]
        with pytest.raises(NotFound):
            practices.find(uow, "Dritte")
        for name, zone, language in (
            ("", "UTC", "de"),
            ("X", "Mars/Phobos", "de"),
            ("X", "UTC", "deutsch!!"),
        ):
            with pytest.raises(InvalidValue):
                practices.create(uow, name, zone, language)
        uow.connection.execute(text("UPDATE practice SET time_zone = 'Nowhere', settings = 'broken'"))
        served = practices.get(uow, practice.id)
        assert (served.time_zone, served.settings) == ("Europe/Vienna", practice.settings)
