"""The people who can sign in: who is asking, and the keeping of their accounts."""

from __future__ import annotations

import logging
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Select, bindparam, func, insert, select, update

from radicale_practice.practice import calendars, practices
from radicale_practice.practice.database import Database, UnitOfWork, translated_errors
from radicale_practice.practice.errors import Conflict, InvalidValue, NotFound, Unavailable
from radicale_practice.practice.model import CalendarKind, Role, Viewer
from radicale_practice.practice.people import passwords
from radicale_practice.practice.people.guesses import Guesses
from radicale_practice.practice.records import journal
from radicale_practice.practice.records.programs import same_program
from radicale_practice.practice.schema.practice_tables import staff as staff_table

logger = logging.getLogger(__name__)

LONGEST_USER_NAME = 200


@dataclass(frozen=True, slots=True)
class StaffMember:
    """One person of the practice."""

    id: int
    public_id: str
    practice_id: int
    user_name: str
    display_name: str
    role: Role
    active: bool
    email: str = ""

    @property
    def path_name(self) -> str:
        """The person's segment in paths: spaces as underscores."""
        return path_name(self.user_name)

    def viewer(self, program: str = "") -> Viewer:
        """The person as who is asking, signed in with the staff password through ``program``."""
        return Viewer(
            practice_id=self.practice_id,
            staff_id=self.id,
            user_name=self.user_name,
            display_name=self.display_name,
            role=self.role,
            program=program,
        )


def path_name(user_name: str) -> str:
    """The user name as it stands in paths: spaces as underscores, not yet percent-encoded."""
    return user_name.replace(" ", "_")


def authenticate(
    database: Database, user_name: str, password: str, program: str = "", address: str = ""
) -> Viewer | None:
    """Who this is, or None if name and password do not fit together or the account is not active.

    The name may be typed with spaces or underscores, composed or decomposed, or percent-encoded (some
    iOS versions). The staff row is read every time, so a changed password or a deactivated account is out
    at its next request; only the argon2 work is saved for a while. ``program``: the client's User-Agent;
    the viewer has it without versions, so that an update is no new device.
    ``address``: where the request came from, "" if that is not known; an address that guesses has to wait.
    Raises ``Unavailable`` for that, and when the database does not answer: that is never a wrong password.
    """
    with translated_errors(), database.look_up() as uow:
        row = _sign_in_row(uow, user_name)
    stored = row.password_hash if row is not None and row.active else None
    account = path_name(_searchable(user_name) or "") if row is None else str(row.id)
    checks, guesses = _good_checks(), _guesses()
    key = checks.key(0 if row is None else row.id, stored or account, password)
    if row is None or not stored or key not in checks:
        if guesses.is_known(address, key):
            return None
        if guesses.too_many(address, account):
            raise Unavailable("too many wrong passwords from one address")
        right, renewed = passwords.verify(password, stored)
        if row is None or not stored or not right:
            guesses.add(address, account, key)
            return None
        guesses.forget(address, account)
        checks.add(key)
        if renewed is not None and _store_renewed(database, row.id, stored, renewed):
            checks.add(checks.key(row.id, renewed, password))
    return _member(row).viewer(same_program(program))


def is_user_name(user_name: str) -> bool:
    """Whether it can stand in a path as it is; another program may have written anything."""
    try:
        return _checked_user_name(user_name) == user_name
    except InvalidValue:
        return False


def get(uow: UnitOfWork, practice_id: int, user_name: str) -> StaffMember:
    """The member of this practice with this user name (spaces or underscores). Raises ``NotFound``."""
    row = _sign_in_row(uow, user_name)
    if row is None or row.practice_id != practice_id:
        raise NotFound("no such user name in this practice")
    return _member(row)


def by_id(uow: UnitOfWork, staff_id: int) -> StaffMember:
    """One person by internal id. Raises ``NotFound``."""
    row = uow.connection.execute(_query().where(staff_table.c.id == staff_id)).one_or_none()
    if row is None:
        raise NotFound(f"staff {staff_id}")
    return _member(row)


def list_all(uow: UnitOfWork, practice_id: int) -> list[StaffMember]:
    """All people of the practice, by user name, the deactivated ones too."""
    query = _query().where(staff_table.c.practice_id == practice_id).order_by(staff_table.c.user_name)
    return [_member(row) for row in uow.connection.execute(query)]


def add(
    uow: UnitOfWork,
    practice_id: int,
    user_name: str,
    display_name: str,
    role: Role,
    password: str | None,
    email: str = "",
    public_ids: tuple[str | None, str | None, str | None] = (None, None, None),
) -> StaffMember:
    """Make an account; a practitioner gets a calendar of the practice, everyone a private one (by setting).

    ``password`` None: nobody can sign in yet. ``public_ids``: of person, calendar and private calendar,
    random unless given. Raises ``InvalidValue`` for a user name that cannot stand in a path or a password
    too short, ``Conflict`` if the user name (or its form in paths) is taken in this installation.
    """
    user_name = _checked_user_name(user_name)
    practice = practices.get(uow, practice_id)
    taken = select(staff_table.c.id).where(_path_form(staff_table.c.user_name) == path_name(user_name))
    if uow.connection.execute(taken.limit(1)).first() is not None:
        raise Conflict("this user name is taken")
    values: dict[str, Any] = {
        "practice_id": practice_id,
        "user_name": user_name,
        "display_name": display_name.strip() or user_name,
        "role": role.value,
        "email": email,
        "password_hash": None if password is None else passwords.hash_password(password),
    }
    if public_ids[0] is not None:
        values["public_id"] = public_ids[0]
    member = _member(uow.connection.execute(insert(staff_table).values(values).returning(staff_table)).one())
    _record(uow, "staff-add", member, role=role.value)
    if role is Role.PRACTITIONER:
        calendars.add(
            uow,
            practice_id,
            CalendarKind.PRACTITIONER,
            member.display_name,
            staff_id=member.id,
            public_id=public_ids[1],
        )
    if practice.settings.private_calendars:
        calendars.add(
            uow,
            practice_id,
            CalendarKind.PRIVATE,
            calendars.private_name(practice.language),
            staff_id=member.id,
            public_id=public_ids[2],
        )
    return member


def set_password(uow: UnitOfWork, staff_id: int, password: str) -> None:
    """Give a new password; the old one is out at its next request. Raises ``InvalidValue``, ``NotFound``."""
    _record(uow, "staff-password", _change(uow, staff_id, password_hash=passwords.hash_password(password)))


def set_role(uow: UnitOfWork, staff_id: int, role: Role) -> None:
    """Give another role. Raises ``NotFound``."""
    _record(uow, "staff-role", _change(uow, staff_id, role=role.value), role=role.value)


def describe(
    uow: UnitOfWork, staff_id: int, display_name: str | None = None, email: str | None = None
) -> StaffMember:
    """Another display name or e-mail address; None leaves it. Raises ``InvalidValue``, ``NotFound``."""
    values = {"display_name": display_name, "email": email}
    wanted = {name: value.strip() for name, value in values.items() if value is not None}
    if not wanted or wanted.get("display_name") == "":
        raise InvalidValue("give a name or an e-mail address; the name cannot be empty")
    member = _change(uow, staff_id, **wanted)
    _record(uow, "staff-change", member, **wanted)
    return member


def deactivate(uow: UnitOfWork, staff_id: int) -> None:
    """Nobody signs in with this account any more; calendars and history stay. Raises ``NotFound``."""
    _record(uow, "staff-deactivate", _change(uow, staff_id, active=False))


def activate(uow: UnitOfWork, staff_id: int) -> None:
    """Undo ``deactivate``. Raises ``NotFound``."""
    _record(uow, "staff-activate", _change(uow, staff_id, active=True))


def _record(uow: UnitOfWork, action: str, member: StaffMember, **after: str) -> None:
    """Journal a change of an account; a password is never part of it."""
    content = {"staff_id": member.id, "user_name": member.user_name, **after}
    journal.write(uow, action, practice_id=member.practice_id, after=content)


@cache
def _good_checks() -> passwords.GoodChecks:
    return passwords.GoodChecks()


@cache
def _guesses() -> Guesses:
    return Guesses()


def _store_renewed(database: Database, staff_id: int, old: str, renewed: str) -> bool:
    """Keep the stronger hash; whatever goes wrong, the sign-in stands and the next one tries again."""
    try:
        with database.write() as uow:
            uow.connection.execute(
                update(staff_table)
                .where(staff_table.c.id == staff_id, staff_table.c.password_hash == old)
                .values(password_hash=renewed)
            )
    except Exception as error:
        logger.warning("password hash of staff %d not renewed: %s", staff_id, type(error).__name__)
        return False
    return True


def _query() -> Select[Any]:
    return select(staff_table)


@cache
def _by_name() -> Select[Any]:
    """Built once: it runs in every request."""
    return _query().where(staff_table.c.user_name == bindparam("name"))


def _path_form(column: Any) -> Any:
    return func.replace(column, " ", "_")


def _sign_in_row(uow: UnitOfWork, typed: str) -> Any | None:
    name = _searchable(typed)
    if name is None:
        return None
    row = uow.connection.execute(_by_name(), {"name": name}).one_or_none()
    if row is not None:
        return row
    if "%" in name:
        return _sign_in_row(uow, unquote(name)) if "%" not in unquote(name) else None
    # Not as it is stored: the form in paths. A practice's staff is a short table.
    query = _query().where(_path_form(staff_table.c.user_name) == path_name(name))
    return uow.connection.execute(query.order_by(staff_table.c.id).limit(1)).one_or_none()


def _searchable(typed: str) -> str | None:
    """The name composed, or None if no user name can look like this (PostgreSQL would refuse the text)."""
    name = unicodedata.normalize("NFC", typed)
    if not 0 < len(name) <= LONGEST_USER_NAME or any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        return None
    return name


def _checked_user_name(user_name: str) -> str:
    name = unicodedata.normalize("NFC", user_name.strip())
    if not name or len(name) > LONGEST_USER_NAME:
        raise InvalidValue(f"a user name has 1 to {LONGEST_USER_NAME} characters")
    # ":" ends the name in Basic authentication, "/" in a path; a "%" breaks macOS.
    if any(c in "/:%\\?#" or unicodedata.category(c)[0] in "CZ" and c != " " for c in name):
        raise InvalidValue("a user name has no '/', ':', '%', '\\', '?', '#' and no control characters")
    if name.startswith(".") or "  " in name:
        raise InvalidValue("a user name does not begin with a dot and has single spaces only")
    return name


def _change(uow: UnitOfWork, staff_id: int, **values: Any) -> StaffMember:
    changing = update(staff_table).where(staff_table.c.id == staff_id).values(values).returning(staff_table)
    row = uow.connection.execute(changing).one_or_none()
    if row is None:
        raise NotFound(f"staff {staff_id}")
    return _member(row)


def _member(row: Any) -> StaffMember:
    return StaffMember(
        id=row.id,
        public_id=row.public_id,
        practice_id=row.practice_id,
        user_name=row.user_name,
        display_name=row.display_name,
        role=Role(row.role),
        active=bool(row.active),
        email=row.email,
    )
