"""The demonstration practice in the database: believable, and the same for the same seed and day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from sqlalchemy import Table, insert, select

from radicale_practice.demo import schedule
from radicale_practice.demo.names import FAMILIES, MEN, TREATMENTS, WOMEN
from radicale_practice.demo.schedule import Planned
from radicale_practice.practice import calendars, practices
from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.errors import Conflict
from radicale_practice.practice.model import Actor, CalendarKind, Role
from radicale_practice.practice.people import directory, staff
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.schema.practice_tables import (
    appointment,
    appointment_calendar,
    calendar,
    location,
    patient,
)
from radicale_practice.practice.series import holidays

PRACTICE_NAME = "ST Praxis"
SEED = 4711
ZONE = "Europe/Vienna"

_PEOPLE = (
    ("anna müller", "Anna Müller", Role.PRACTITIONER),
    ("jürgen", "Jürgen Hofer", Role.PRACTITIONER),
    ("sophie.gruber", "Sophie Gruber", Role.PRACTITIONER),
    ("empfang", "Petra Leitner", Role.RECEPTIONIST),
)
_LOCATIONS = ("Praxis Landstraße", "Praxis Baden")
_WORDS = ("ahorn", "birke", "donau", "enzian", "fichte", "gams", "hafen", "insel", "kiesel", "lampe", "nebel")


@dataclass(frozen=True, slots=True)
class Account:
    """One person of the demonstration. The password is no secret: it follows from the seed."""

    person: staff.StaffMember
    password: str


@dataclass(frozen=True, slots=True)
class Demonstration:
    """The practice and the people that can sign in."""

    practice: Practice
    accounts: tuple[Account, ...]


def create(database: Database, today: date, seed: int = SEED) -> Demonstration:
    """Make the demonstration practice in a migrated database: one transaction, bulk inserts.

    3 practitioners and a receptionist, 2 rooms, 2 locations, 200 patients, appointments from 8 weeks before
    ``today`` to 12 weeks after it. Names, times, public ids and passwords follow from ``seed`` and ``today``.
    """
    rng = _random(seed, today)
    with database.write(Actor(program="radicale-practice demo")) as uow:
        practice = practices.create(
            uow,
            PRACTICE_NAME,
            ZONE,
            "de",
            {"subjects": list(TREATMENTS), practices.DEMONSTRATION: True},
            public_id=_id(rng),
        )
        accounts = tuple(_person(uow, practice, person, seed, rng) for person in _PEOPLE)
        rooms = [
            calendars.add(uow, practice.id, CalendarKind.ROOM, f"Raum {number}", public_id=_id(rng)).id
            for number in range(1, schedule.ROOMS + 1)
        ]
        places = _insert(
            uow,
            location,
            [{"practice_id": practice.id, "name": name, "public_id": _id(rng)} for name in _LOCATIONS],
        )
        people = _insert(uow, patient, _patients(practice.id, rng))
        directory.keep_names(uow, practice.id, directory.missing_names(uow, practice.id))
        closed = holidays.between(
            practice,
            today - timedelta(weeks=schedule.WEEKS_BACK + 1),
            today + timedelta(weeks=schedule.WEEKS_AHEAD + 1),
        )
        book = _Book(uow, practice, accounts, rooms, places, people, rng)
        book.insert(schedule.plan(today, rng, closed))
    return Demonstration(practice, accounts)


def find(database: Database, seed: int = SEED) -> Demonstration | None:
    """The demonstration practice that is in the database already, None if there is no practice at all.

    Raises ``Conflict`` if there is somebody's practice: the demonstration's passwords are known to everybody.
    """
    with database.read() as uow:
        there = practices.list_all(uow)
        if not all(practice.settings.demonstration for practice in there):
            raise Conflict("this database holds a practice: the demonstration needs one of its own")
        if not there:
            return None
        practice = there[0]
        members = {member.user_name: member for member in staff.list_all(uow, practice.id)}
    accounts = [Account(members[name], password_of(name, seed)) for name, *_ in _PEOPLE if name in members]
    return Demonstration(practice, tuple(accounts))


def is_about(demonstration: Demonstration, today: date, seed: int = SEED) -> bool:
    """Whether the practice was made about this day: its public id, the first number drawn, says so."""
    return demonstration.practice.public_id == _id(_random(seed, today))


def _random(seed: int, today: date) -> Random:
    return Random(f"{seed}:{today.isoformat()}")


def password_of(user_name: str, seed: int = SEED) -> str:
    """The password of a demonstration account: the same on every machine."""
    rng = Random(f"{seed}:{user_name}")
    return "-".join([*rng.sample(_WORDS, 2), str(rng.randrange(1000, 10000))])


def _person(
    uow: UnitOfWork, practice: Practice, person: tuple[str, str, Role], seed: int, rng: Random
) -> Account:
    user_name, display_name, role = person
    password = password_of(user_name, seed)
    ids = (_id(rng), _id(rng), _id(rng))
    member = staff.add(uow, practice.id, user_name, display_name, role, password, public_ids=ids)
    return Account(member, password)


def _patients(practice_id: int, rng: Random) -> list[dict[str, Any]]:
    """Each full name once: a title with a name finds its patient."""
    names: dict[tuple[str, str], None] = {}
    while len(names) < schedule.PATIENTS:
        names[rng.choice(WOMEN + MEN), rng.choice(FAMILIES)] = None
    return [
        {
            "practice_id": practice_id,
            "public_id": _id(rng),
            "number": str(1001 + index),
            "first_name": first,
            "last_name": last,
            "phone": f"+43 {rng.choice((650, 660, 664, 676, 699))} {rng.randrange(1000000, 10000000)}",
        }
        for index, (first, last) in enumerate(names)
    ]


class _Book:
    """Turns the plan's numbers into rows: masters and single ones first, then instances."""

    def __init__(
        self,
        uow: UnitOfWork,
        practice: Practice,
        accounts: Sequence[Account],
        rooms: Sequence[int],
        places: Sequence[int],
        patients: Sequence[int],
        rng: Random,
    ) -> None:
        self._uow, self._practice, self._rng = uow, practice, rng
        self._rooms, self._places, self._patients = rooms, places, patients
        self._created_by = accounts[-1].person.id
        people = [a.person.id for a in accounts if a.person.role is Role.PRACTITIONER]
        rows = uow.connection.execute(
            select(calendar.c.id, calendar.c.staff_id, calendar.c.kind).where(
                calendar.c.practice_id == practice.id
            )
        )
        self._calendars = {
            (people.index(row.staff_id), row.kind): row.id for row in rows if row.staff_id in people
        }

    def insert(self, planned: Sequence[Planned]) -> None:
        """All rows of the plan and the calendars they stand in."""
        ids = _insert(self._uow, appointment, [self._row(p) for p in planned])
        instances = [(i, master) for p, master in zip(planned, ids, strict=True) for i in p.instances]
        instance_ids = _insert(
            self._uow, appointment, [self._row(i) | {"series_id": master} for i, master in instances]
        )
        places = [
            place
            for p, row_id in zip([*planned, *(i for i, _ in instances)], ids + instance_ids, strict=True)
            for place in self._places_of(p, row_id)
        ]
        self._uow.connection.execute(insert(appointment_calendar), places)

    def _row(self, planned: Planned) -> dict[str, Any]:
        return {
            "public_id": _id(self._rng),
            "practice_id": self._practice.id,
            "patient_id": None if planned.patient is None else self._patients[planned.patient],
            "location_id": None if planned.location is None else self._places[planned.location],
            "subject": planned.subject,
            "starts_at": planned.start,
            "ends_at": planned.end,
            "time_zone": ZONE,
            "status": planned.status,
            "note": planned.note,
            "rrule": planned.rrule,
            "exdate": ",".join(moment.isoformat(" ") for moment in planned.exdate),
            "recurrence_id": planned.recurrence_id,
            "created_by": self._created_by,
            "series_id": None,
        }

    def _places_of(self, planned: Planned, row_id: int) -> list[dict[str, Any]]:
        kind = CalendarKind.PRIVATE if planned.private else CalendarKind.PRACTITIONER
        own = self._calendars[planned.practitioner, kind.value]
        made: list[dict[str, Any]] = [{"appointment_id": row_id, "calendar_id": own, "role": "owner"}]
        if planned.room is not None:
            room = self._rooms[planned.room]
            made.append({"appointment_id": row_id, "calendar_id": room, "role": "resource"})
        return made


def _insert(uow: UnitOfWork, table: Table, rows: list[dict[str, Any]]) -> list[int]:
    """Insert rows of one practice in bulk; the new ids in the order of the rows."""
    if not rows:
        return []
    uow.connection.execute(insert(table), rows)
    query = select(table.c.public_id, table.c.id).where(table.c.practice_id == rows[0]["practice_id"])
    ids: dict[str, int] = {row.public_id: row.id for row in uow.connection.execute(query)}
    return [ids[row["public_id"]] for row in rows]


def _id(rng: Random) -> str:
    return f"{rng.getrandbits(128):032x}"
