"""What people do to the book of ``book_world``, each in a unit of its own: devices, the reception, a practice
program."""

from __future__ import annotations

from sqlalchemy import update

from radicale_practice.practice import book
from radicale_practice.practice.model import Actor, CalendarObject, Viewer
from radicale_practice.practice.notices import attention
from radicale_practice.practice.rules.refusals import Outcome
from radicale_practice.practice.schema import practice_tables as t
from radicale_practice.practice.sync import revisions
from tests.database.book_world import HOUR, MONDAY, World, timed


def put(
    world: World,
    desired: CalendarObject,
    href: str = "a.ics",
    calendar_id: int | None = None,
    viewer=None,
    findings=(),
):
    """One PUT in a unit of its own, the second half of a move if it is one."""
    viewer = viewer or world.viewer()
    calendar_id = calendar_id or world.anna_calendar
    with world.write(viewer) as uow, uow.operation():
        found, practice = world.load(uow, href, calendar_id, viewer), world.practice(uow)
        first = None if found else book.deleted_just_now(uow, viewer, practice, desired)
        return book.apply(
            uow,
            viewer,
            practice,
            calendar_id,
            found[0] if found else None,
            desired,
            href,
            findings,
            first and book.Moved(first, first.former, timed(first.former, desired)),
        )


def delete(
    world: World, href: str = "a.ics", calendar_id: int | None = None, viewer: Viewer | None = None
) -> Outcome:
    """One DELETE in a unit of its own, the second half of a move if it is one."""
    viewer = viewer or world.viewer()
    with world.write(viewer) as uow, uow.operation():
        (stored,) = world.load(uow, href, calendar_id, viewer)
        practice = world.practice(uow)
        copy = book.copy_made_just_now(uow, viewer, practice, stored)
        moved = None
        if copy is not None:
            moved = book.Moved(copy, stored.object, timed(stored.object, copy.stored.object))
        return book.cancel(uow, viewer, practice, stored, moved=moved)


def move(
    world: World,
    to_calendar_id: int,
    href: str = "a.ics",
    calendar_id: int | None = None,
    viewer: Viewer | None = None,
    to_href: str | None = None,
) -> Outcome:
    """One MOVE in a unit of its own."""
    viewer = viewer or world.reception()
    with world.write(viewer) as uow, uow.operation():
        (stored,) = world.load(uow, href, calendar_id, viewer)
        return book.move(uow, viewer, world.practice(uow), stored, to_calendar_id, to_href or href)


def resolve(world: World, item: int, how: str, **more: int) -> attention.Resolution:
    viewer = world.reception()
    with world.write(viewer) as uow:
        return attention.resolve(uow, Actor(world.rita), item, how, **more)


def fill(world: World, number: int, calendar_id: int | None = None, viewer: Viewer | None = None) -> None:
    """Appointments of the practice, entered at the reception."""
    with world.write() as uow:
        for index in range(number):
            book.add(
                uow,
                Actor(),
                book.NewAppointment(
                    calendar_id or world.anna_calendar,
                    MONDAY + index * HOUR,
                    MONDAY + index * HOUR + HOUR,
                    patient_id=world.maria.id,
                ),
            )


def document(world: World, appointment_id: int, status: str = "done") -> None:
    """The practice program writes that it took place."""
    with world.write() as uow:
        a = t.appointment
        uow.connection.execute(update(a).where(a.c.id == appointment_id).values(status=status))


def master_id(world: World, href: str = "a.ics", calendar_id: int | None = None) -> int:
    stored = world.stored(href, calendar_id)
    entry = stored.object.appointments[0]
    assert entry.id is not None
    return entry.id


def removed(world: World, calendar_id: int, since: int) -> set[str]:
    """Hrefs that a sync reports as removed."""
    with world.database.read() as uow:
        changes = revisions.changes_since(uow, calendar_id, world.anna, since)
        return {c.href for c in changes if not c.live}
