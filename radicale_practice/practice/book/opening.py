"""What is asked before a device changes, moves or deletes an event: may it, and is it still what was read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from radicale_practice.practice.appointment_rows import Rows, is_private
from radicale_practice.practice.book import codec, identity, permissions
from radicale_practice.practice.book.permissions import CalendarFacts
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor, Viewer
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.rules import brake, refusals
from radicale_practice.practice.rules.refusals import Outcome, Phantom

CANCEL = {"operation": "cancel"}
"""A deletion, as the brake holds it."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event that a device wants to do something to.

    ``facts``: the calendars concerned, by id. ``phantom``: where the device believes it to be afterwards.
    """

    uow: UnitOfWork
    viewer: Viewer
    practice: Practice
    stored: StoredObject
    facts: dict[int, CalendarFacts]
    phantom: Phantom | None = None

    @property
    def actor(self) -> Actor:
        """Who wants it."""
        return refusals.actor_of(self.viewer)

    @property
    def places(self) -> set[int]:
        """The calendar it is seen through, and its owner's."""
        return {c for c in (self.stored.calendar_id, self.stored.owner_calendar_id) if c is not None}

    @property
    def in_private(self) -> bool:
        """Whether it is in somebody's private calendar."""
        return any(self.facts[c].private for c in self.places if c in self.facts)

    @property
    def private_calendars(self) -> set[int]:
        """Which of the calendars concerned are private ones."""
        return {c for c, f in self.facts.items() if f.private}

    def is_private(self, *versions: Rows) -> bool:
        """Whether it is its person's own affair, given its rows (before and after, once they are known)."""
        return is_private(self.in_private, *versions)

    def refuse(self, reason: str, rows: Rows | None = None, *, listed: bool = True) -> Outcome:
        """Refuse whatever was wanted. ``rows``: as far as they are known. ``listed``: not on the list yet."""
        return refusals.refuse(
            self.uow,
            self.viewer,
            self.practice,
            reason,
            calendar_id=self.stored.calendar_id,
            object_id=self.stored.object_id,
            appointment_id=self.stored.appointment_id,
            href=self.stored.href,
            private=self.is_private() if rows is None else self.is_private(rows),
            phantom=self.phantom,
            listed=listed,
        )

    def braked(
        self, rows: Rows, operation: Mapping[str, Any], reason: str = brake.CANCELLATIONS
    ) -> Outcome | None:
        """Hold back what is one too many; ``operation`` says how to carry it out later. None: go on."""
        held = self.judged(rows, operation, reason)
        return self.hold(held, operation, rows) if held is not None else None

    def judged(
        self, rows: Rows, operation: Mapping[str, Any], reason: str = brake.CANCELLATIONS
    ) -> brake.Held | None:
        """What the brake says of ``operation`` (see ``brake.check``)."""
        return brake.check(
            self.uow,
            self.practice,
            self.actor,
            reason,
            self.stored.calendar_id,
            operation,
            appointment_id=rows.id,
        )

    def hold(self, held: brake.Held, operation: Mapping[str, Any], rows: Rows) -> Outcome:
        """Hold back what was wanted."""
        return refusals.hold(
            self.uow,
            self.viewer,
            self.practice,
            held,
            {**operation, "current": codec.dump(self.stored.object)},
            calendar_id=self.stored.calendar_id,
            href=self.stored.href,
            object_id=self.stored.object_id,
            appointment_id=rows.id,
            patient_id=rows.master["patient_id"],
            phantom=self.phantom,
        )


def event(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    stored: StoredObject,
    also: Collection[int] = (),
    phantom: Phantom | None = None,
) -> Event:
    """The event with what is known of its calendars and of those in ``also``."""
    opened = Event(uow, viewer, practice, stored, {}, phantom)
    opened.facts.update(permissions.facts(uow, viewer, {*opened.places, *also}))
    return opened


def locked(event: Event) -> Rows | Outcome:
    """The event's rows, locked; the refusal if the viewer may not write it, or it is not what was read."""
    if not permissions.all_writable(event.facts, event.places):
        return event.refuse(refusals.READ_ONLY)
    rows = identity.lock(event.uow, event.stored, event.practice)
    return rows if rows is not None else event.refuse(refusals.CHANGED_MEANWHILE)
