"""Objects that only their author sees: bookings that were not accepted (``unconfirmed``)."""

from __future__ import annotations

from sqlalchemy import text

from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.model import Viewer

# "+ 0": from the few that are unconfirmed to their objects, never through a whole calendar
_QUERY = text("""
SELECT o.id FROM appointment a JOIN calendar_object o ON o.appointment_id = a.id
WHERE a.status = 'unconfirmed' AND o.calendar_id + 0 = :calendar AND o.removed_revision IS NULL
  AND (a.created_by IS NULL OR a.created_by <> :staff)
  AND NOT EXISTS (SELECT 1 FROM appointment i
    WHERE i.series_id = a.id AND i.status NOT IN ('cancelled', 'unconfirmed'))
""")


def objects(uow: UnitOfWork, viewer: Viewer, calendar_id: int) -> set[int]:
    """Ids of the live objects of a calendar that ``load`` hides from this viewer. One statement."""
    with translated_errors():
        found = uow.connection.execute(_QUERY, {"calendar": calendar_id, "staff": viewer.staff_id})
        return set(found.scalars())
