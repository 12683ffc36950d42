"""What one viewer's requests need of the practice: its settings and the calendars the viewer may see."""

from __future__ import annotations

from dataclasses import dataclass, field

from radicale_practice.event.version import RENDERER_VERSION
from radicale_practice.practice import calendars
from radicale_practice.practice.accesses import Surroundings, surroundings
from radicale_practice.practice.calendars import CalendarInfo
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Access, Projection, Viewer
from radicale_practice.practice.people import staff
from radicale_practice.practice.projections import Practice, fingerprint, projection_for


@dataclass(frozen=True, slots=True)
class Home:
    """A viewer's practice and calendars as one unit of work saw them."""

    viewer: Viewer
    practice: Practice
    calendars: dict[str, CalendarInfo]
    fingerprint: str
    unit: UnitOfWork
    surroundings: Surroundings
    _projections: dict[Access, Projection] = field(default_factory=dict)

    @property
    def user(self) -> str:
        """The path component of the viewer's principal."""
        return staff.path_name(self.viewer.user_name)

    def access(self, calendar: CalendarInfo) -> Access:
        """What the viewer may do with a calendar, limited by the device's permission."""
        return min(calendar.access, self.viewer.permission, key=lambda a: a.rank)

    def projection(self, access: Access) -> Projection:
        """What the viewer gets of objects with this access."""
        known = self._projections.get(access)
        if known is None:
            known = self._projections[access] = projection_for(self.viewer, self.practice, access)
        return known

    def surroundings_in(self, unit: UnitOfWork) -> Surroundings | None:
        """What was read of accesses in this very unit; None if it was another one that read them."""
        return self.surroundings if unit is self.unit else None

    @property
    def may_create(self) -> bool:
        """Whether the viewer may make private calendars."""
        return self.practice.settings.private_calendars and self.viewer.permission is Access.WRITE


def load_home(unit: UnitOfWork, viewer: Viewer) -> Home:
    """The viewer's practice and calendars: one statement. Raises ``NotFound``."""
    around = surroundings(unit, viewer)
    practice = around.practice
    infos = calendars.infos(around, viewer)
    return Home(
        viewer=viewer,
        practice=practice,
        calendars={info.path_name: info for info in infos},
        fingerprint=fingerprint(viewer, practice, {i.id: i.access for i in infos}, RENDERER_VERSION),
        unit=unit,
        surroundings=around,
    )
