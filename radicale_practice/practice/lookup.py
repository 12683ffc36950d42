"""From what a person types to the row that is meant, within one practice."""

from __future__ import annotations

from sqlalchemy import func, or_, select

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import NotFound
from radicale_practice.practice.records.programs import short_name
from radicale_practice.practice.schema.practice_tables import appointment, location
from radicale_practice.practice.schema.sync_tables import device, journal

_LARGEST_ID = 2**63 - 1


def appointment_id(uow: UnitOfWork, practice_id: int, typed: str) -> int:
    """The internal id of the appointment with this id, public id, or external id. Raises ``NotFound``."""
    named = [appointment.c.public_id == typed, appointment.c.external_id == typed]
    if typed.isascii() and typed.isdigit() and int(typed) <= _LARGEST_ID:
        named.append(appointment.c.id == int(typed))
    query = select(appointment.c.id).where(appointment.c.practice_id == practice_id, or_(*named))
    found = list(uow.connection.execute(query).scalars())
    if len(found) != 1:
        raise NotFound("no such appointment" if not found else "this names several appointments")
    return int(found[0])


def location_id(uow: UnitOfWork, practice_id: int, typed: str) -> int:
    """The internal id of the active location of this name, whatever the case. Raises ``NotFound``."""
    query = select(location.c.id).where(
        location.c.practice_id == practice_id,
        location.c.active,
        or_(location.c.name == typed, func.lower(location.c.name) == typed.lower()),
    )
    found = list(uow.connection.execute(query.order_by(location.c.id)).scalars())
    if not found:
        raise NotFound("no such location")
    return int(found[0])


def device_id(uow: UnitOfWork, practice_id: int, typed: str) -> int | None:
    """The internal id of the device with this name, id or public id, revoked or not; None if there is none.

    Raises ``NotFound`` if a name fits several.
    """
    named = [device.c.public_id == typed, device.c.name == typed]
    if typed.isascii() and typed.isdigit() and int(typed) <= _LARGEST_ID:
        named.append(device.c.id == int(typed))
    query = select(device.c.id).where(device.c.practice_id == practice_id, or_(*named))
    found = list(uow.connection.execute(query).scalars())
    if len(found) > 1:
        raise NotFound("this names several devices: give the id")
    return int(found[0]) if found else None


def device_names(uow: UnitOfWork, practice_id: int) -> dict[int, str]:
    """What the practice's devices are called, by internal id."""
    query = select(device.c.id, device.c.name).where(device.c.practice_id == practice_id)
    return {row.id: row.name for row in uow.connection.execute(query)}


def program(uow: UnitOfWork, practice_id: int, staff_id: int, typed: str) -> str:
    """What one of a person's programs calls itself (its User-Agent), from its short name ("DAVx5").

    Raises ``NotFound`` if the journal knows none or several (then the User-Agent has to be given).
    """
    query = (
        select(journal.c.program)
        .where(journal.c.practice_id == practice_id, journal.c.staff_id == staff_id)
        .distinct()
    )
    programs = list(uow.connection.execute(query).scalars())
    if typed in programs:
        return typed
    found = [name for name in programs if short_name(name).lower() == typed.lower()]
    if len(found) != 1:
        raise NotFound("no such program of this person" if not found else "several: name one in full")
    return str(found[0])
