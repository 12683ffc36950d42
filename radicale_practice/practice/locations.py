"""The practice's places, which appointments name and devices recognise."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import Conflict, InvalidValue
from radicale_practice.practice.people.names import fold
from radicale_practice.practice.records import journal
from radicale_practice.practice.schema.practice_tables import location


@dataclass(frozen=True, slots=True)
class LocationRow:
    """One place of a practice; an inactive one is not offered any more."""

    id: int
    public_id: str
    name: str
    active: bool


def list_all(uow: UnitOfWork, practice_id: int) -> list[LocationRow]:
    """All places of a practice by name, inactive ones too."""
    query = select(location).where(location.c.practice_id == practice_id).order_by(location.c.name)
    rows = uow.connection.execute(query)
    return [LocationRow(row.id, row.public_id, row.name, bool(row.active)) for row in rows]


def add(uow: UnitOfWork, practice_id: int, name: str) -> LocationRow:
    """A new place. Raises ``InvalidValue`` without a name, ``Conflict`` if an active one has it already."""
    name = " ".join(name.split())
    if not name:
        raise InvalidValue("a location needs a name")
    if any(row.active and fold(row.name) == fold(name) for row in list_all(uow, practice_id)):
        raise Conflict("there is a location of this name")
    values = {"practice_id": practice_id, "name": name}
    row = uow.connection.execute(
        insert(location).values(values).returning(location.c.id, location.c.public_id)
    ).one()
    journal.write(uow, "location-add", practice_id=practice_id, after={"name": name})
    return LocationRow(row.id, row.public_id, name, True)
