"""Objects that only their author sees: bookings that were not accepted (``unconfirmed``)."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import bindparam, text

from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.model import Viewer
from radicale_practice.practice.parts import CHUNK

_QUERY = """
SELECT o.id FROM calendar_object o JOIN appointment a ON a.id = o.appointment_id
WHERE o.calendar_id = :calendar AND o.removed_revision IS NULL AND a.status = 'unconfirmed'
  AND (a.created_by IS NULL OR a.created_by <> :staff)
  AND NOT EXISTS (SELECT 1 FROM appointment i
    WHERE i.series_id = a.id AND i.status NOT IN ('cancelled', 'unconfirmed'))
"""


def objects(
    uow: UnitOfWork, viewer: Viewer, calendar_id: int, object_ids: Collection[int] | None = None
) -> set[int]:
    """Ids of live objects of a calendar (of these, or all) that ``calendar_objects.load`` hides.

    One statement; several hundred ids are cheaper asked as all.
    """
    parameters: dict[str, object] = {"calendar": calendar_id, "staff": viewer.staff_id}
    statement = text(_QUERY)
    if object_ids is not None and len(object_ids) <= CHUNK:
        if not object_ids:
            return set()
        statement = text(f"{_QUERY} AND o.id IN :ids").bindparams(bindparam("ids", expanding=True))
        parameters["ids"] = sorted(object_ids)
    with translated_errors():
        return set(uow.connection.execute(statement, parameters).scalars())
