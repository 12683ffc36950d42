"""The viewer's access, asked once more by every write."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from radicale_practice.practice import accesses
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import NotPermitted
from radicale_practice.practice.model import Access, CalendarKind, Viewer


@dataclass(frozen=True, slots=True)
class CalendarFacts:
    """What a write has to know of a calendar; ``access`` None: not for this viewer."""

    id: int
    kind: CalendarKind
    staff_id: int | None
    access: Access | None

    @property
    def private(self) -> bool:
        """Whether it is a person's private calendar."""
        return self.kind is CalendarKind.PRIVATE

    @property
    def writable(self) -> bool:
        """Whether the viewer may write to it."""
        return self.access is Access.WRITE


def facts(uow: UnitOfWork, viewer: Viewer, calendar_ids: Collection[int]) -> dict[int, CalendarFacts]:
    """The calendars of the viewer's practice among ``calendar_ids``, with the viewer's access; by id.

    One statement. The device's permission is in the access already.
    """
    around = accesses.surroundings(uow, viewer)
    return {
        row.id: CalendarFacts(row.id, CalendarKind(row.kind), row.staff_id, around.accesses.get(row.id))
        for row in around.calendars
        if row.id in calendar_ids
    }


def require_write(found: dict[int, CalendarFacts], calendar_id: int) -> CalendarFacts:
    """The calendar, if the viewer may write to it; raises ``NotPermitted``."""
    known = found.get(calendar_id)
    if known is None or not known.writable:
        raise NotPermitted(f"no write access to calendar {calendar_id}")
    return known


def all_writable(found: dict[int, CalendarFacts], calendar_ids: Collection[int]) -> bool:
    """Whether the viewer may write to every one of them."""
    return all(c in found and found[c].writable for c in calendar_ids)
