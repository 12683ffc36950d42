"""Accounts and signing in, on both engines."""

from __future__ import annotations

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from radicale_practice.practice import calendars, practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.errors import Conflict, InvalidValue, NotFound, Unavailable
from radicale_practice.practice.model import Role
from radicale_practice.practice.people import passwords, staff
from radicale_practice.practice.projections import Practice


@pytest.fixture
def anna(database: Database, practice: Practice) -> staff.StaffMember:
    """A practitioner with a space and an umlaut in her user name."""
    with database.write() as uow:
        return staff.add(uow, practice.id, "anna müller", "Anna Müller", Role.PRACTITIONER, "ahorn-birke-1")


@pytest.mark.parametrize(
    "typed", ["anna müller", "anna_müller", "anna mu\u0308ller", "anna%20m%C3%BCller", "anna_m%C3%BCller"]
)
def test_the_name_in_all_its_forms(database: Database, anna: staff.StaffMember, typed: str) -> None:
    viewer = staff.authenticate(database, typed, "ahorn-birke-1", "DAVx5/4.5")
    assert viewer is not None
    assert (viewer.staff_id, viewer.user_name, viewer.program) == (anna.id, "anna müller", "DAVx5")
    assert viewer.role is Role.PRACTITIONER


@pytest.mark.parametrize(
    "typed", ["", "anna", "Anna Müller", "anna\0müller", "\ud800", "x" * 5000, "%", "%25", "anna%2520"]
)
def test_other_names_are_nobody(database: Database, anna: staff.StaffMember, typed: str) -> None:
    assert staff.authenticate(database, typed, "ahorn-birke-1") is None


def test_a_remembered_check_saves_argon2_but_not_the_look_at_the_row(
    database: Database, anna: staff.StaffMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert staff.authenticate(database, "anna müller", "ahorn-birke-1") is not None
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    monkeypatch.setattr(passwords, "verify", lambda *_: pytest.fail("argon2 again"))
    assert staff.authenticate(database, "anna müller", "ahorn-birke-1") is not None
    assert len([s for s in statements if "FROM staff" in s]) == 1


def test_a_changed_password_is_out_at_the_next_request(database: Database, anna: staff.StaffMember) -> None:
    assert staff.authenticate(database, "anna müller", "ahorn-birke-1") is not None
    # Another process does it: this one's memory hears nothing.
    with Database(str(database.url.render_as_string(hide_password=False))).write() as uow:
        staff.set_password(uow, anna.id, "enzian-fichte-2")
    assert staff.authenticate(database, "anna müller", "ahorn-birke-1") is None
    assert staff.authenticate(database, "anna müller", "enzian-fichte-2") is not None


def test_a_deactivated_account_is_out_at_the_next_request(
    database: Database, anna: staff.StaffMember
) -> None:
    assert staff.authenticate(database, "anna müller", "ahorn-birke-1") is not None
    with database.write() as uow:
        staff.deactivate(uow, anna.id)
    assert staff.authenticate(database, "anna müller", "ahorn-birke-1") is None
    with database.write() as uow:
        staff.activate(uow, anna.id)
    assert staff.authenticate(database, "anna müller", "ahorn-birke-1") is not None


def test_raised_parameters_renew_the_hash_at_sign_in(
    database: Database, anna: staff.StaffMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "TIME_COST", 2)
    assert staff.authenticate(database, "anna müller", "ahorn-birke-1") is not None
    with database.read() as uow:
        stored = uow.connection.execute(text("SELECT password_hash FROM staff")).scalar_one()
    assert "t=2" in stored
    assert staff.authenticate(database, "anna müller", "ahorn-birke-1") is not None


def test_a_hash_that_cannot_be_renewed_lets_the_person_in(
    database: Database, anna: staff.StaffMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "TIME_COST", 2)

    def away(*_: object) -> None:
        raise Unavailable("the database is read-only")

    monkeypatch.setattr(database, "write", away)
    assert staff.authenticate(database, "anna müller", "ahorn-birke-1") is not None


def test_an_account_without_a_password_is_closed(database: Database, practice: Practice) -> None:
    with database.write() as uow:
        staff.add(uow, practice.id, "berta", "Berta", Role.RECEPTIONIST, None)
    assert staff.authenticate(database, "berta", "") is None
    assert staff.authenticate(database, "berta", "whatever-it-is") is None


def test_a_database_away_is_never_a_wrong_password() -> None:
    away = Database("sqlite:////nonexistent/folder/practice.db")
    with pytest.raises(Unavailable):
        staff.authenticate(away, "anna müller", "ahorn-birke-1")


def test_a_database_not_migrated_is_never_a_wrong_password(tmp_path: object) -> None:
    with pytest.raises(Unavailable):
        staff.authenticate(Database(f"sqlite:///{tmp_path}/empty.db"), "anna müller", "ahorn-birke-1")


@pytest.mark.parametrize(
    "name", ["", " ", "a/b", "a:b", "a%b", "a\nb", "a\0b", "..", ".hidden", "a\u2003b", "a?b", "x" * 201]
)
def test_unfit_user_names(database: Database, practice: Practice, name: str) -> None:
    with database.write() as uow, pytest.raises(InvalidValue):
        staff.add(uow, practice.id, name, "", Role.PRACTITIONER, "ahorn-birke-1")


def test_user_names_are_unique_in_paths_and_in_the_installation(
    database: Database, anna: staff.StaffMember
) -> None:
    with database.write() as uow:
        other = practices.create(uow, "Zweite Praxis")
        for name in ("anna müller", "anna_müller", "anna mu\u0308ller"):
            with pytest.raises(Conflict):
                staff.add(uow, other.id, name, "", Role.PRACTITIONER, "ahorn-birke-1")
        with pytest.raises(NotFound):
            staff.get(uow, other.id, "anna müller")


def test_found_by_the_name_in_paths(database: Database, anna: staff.StaffMember) -> None:
    with database.read() as uow:
        assert anna.path_name == "anna_müller"
        assert staff.get(uow, anna.practice_id, anna.path_name) == anna
        with pytest.raises(NotFound):
            staff.get(uow, anna.practice_id, "nobody")


def test_a_practitioner_gets_calendars(database: Database, practice: Practice) -> None:
    with database.write() as uow:
        member = staff.add(uow, practice.id, "carl", "Carl", Role.PRACTITIONER, None)
        staff.add(uow, practice.id, "dora", "Dora", Role.RECEPTIONIST, None)
        practices.set_settings(uow, practice.id, {"private_calendars": False})
        staff.add(uow, practice.id, "emil", "Emil", Role.PRACTITIONER, None)
        rows = calendars.list_all(uow, practice.id, with_private=True)
        names = [(row.name, row.kind.value) for row in rows]
        assert names == [
            ("Carl", "practitioner"),
            ("Privat", "private"),
            ("Privat", "private"),
            ("Emil", "practitioner"),
        ]
        assert rows[0].staff_id == member.id
        assert len({row.color for row in rows}) == 4


def test_roles_and_lists(database: Database, practice: Practice, anna: staff.StaffMember) -> None:
    with database.write() as uow:
        staff.set_role(uow, anna.id, Role.ADMINISTRATOR)
        assert [m.role for m in staff.list_all(uow, practice.id)] == [Role.ADMINISTRATOR]
        with pytest.raises(NotFound):
            staff.set_role(uow, anna.id + 1000, Role.RECEPTIONIST)


def test_rows_by_plain_sql_sign_in_too(database: Database, practice: Practice) -> None:
    row = text(
        "INSERT INTO staff (practice_id, user_name, display_name, password_hash)"
        " VALUES (:practice, :name, 'One', :stored)"
    )
    values = {"practice": practice.id, "stored": passwords.hash_password("ahorn-birke-1")}
    with database.write() as uow:
        uow.connection.execute(row, values | {"name": "a b"})
    for typed in ("a_b", "a b"):
        viewer = staff.authenticate(database, typed, "ahorn-birke-1")
        assert viewer is not None
        assert viewer.display_name == "One"
    # one path for two people: nobody could tell whose it is
    with pytest.raises(IntegrityError), database.write() as uow:
        uow.connection.execute(row, values | {"name": "a_b"})
