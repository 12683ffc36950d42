"""One view, function or trigger as the catalogue should have it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Made:
    """``statement`` creates it; ``text`` is what the catalogue shows of it if nobody changed it."""

    kind: str
    name: str
    table: str
    statement: str
    text: str


def phone_change_view(cursor: str, order: str = "") -> str:
    """SELECT of the view ``phone_change``: what people changed through a device or program of ours.

    For a practice program, which asks for the rows with a higher cursor than the last one it has seen.
    Cursors must appear in the order of commits.
    """
    return f"""
SELECT {cursor} AS cursor, j.at, j.action, j.practice_id, j.appointment_id, a.public_id, a.external_id,
       j.calendar_id, c.external_id AS calendar_external_id, j.staff_id, s.user_name, j.device_id, j.program
FROM journal j{order}
LEFT JOIN appointment a ON a.id = j.appointment_id
LEFT JOIN calendar c ON c.id = j.calendar_id
LEFT JOIN staff s ON s.id = j.staff_id
WHERE j.appointment_id IS NOT NULL AND j.staff_id IS NOT NULL AND j.action <> 'foreign' AND NOT j.private
"""
