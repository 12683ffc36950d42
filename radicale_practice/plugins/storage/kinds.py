"""What the storage's operations need of a calendar; ``collection.Calendar`` is it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from radicale_practice.plugins.home import Home
from radicale_practice.plugins.reading import Head
from radicale_practice.practice.calendars import CalendarInfo
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.sync.revisions import ObjectState


class CalendarView(Protocol):
    """One calendar as one viewer sees it, inside one unit of work."""

    home: Home
    info: CalendarInfo
    unit: UnitOfWork

    @property
    def path(self) -> str:
        """Without slashes at the ends."""
        ...

    def load_head(self) -> Head:
        """State, token and the person's own properties."""
        ...

    def stored(self, href: str) -> StoredObject | None:
        """One event with its content."""
        ...

    def item(self, known: StoredObject | ObjectState) -> Any:
        """An item for Radicale."""
        ...

    def items(self, hrefs: list[str] | None = None) -> Iterator[Any]:
        """Items of these names, or all."""
        ...
