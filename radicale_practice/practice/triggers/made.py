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


UNTOLD = ("foreign", "held", "refused", "rename")
"""Actions of the journal that a practice program is not told of: its own changes, what was only tried, and
another file name."""

# No NOT IN: PostgreSQL would write it another way after each dump and restore, and ``check`` would complain.
_TOLD = " AND ".join(f"j.action <> '{action}'" for action in UNTOLD)


def phone_change_view(cursor: str, order: str = "") -> str:
    """SELECT of the view ``phone_change``: what was changed through us, by a device or one of our commands.

    For a practice program, which asks for the rows with a higher cursor than the last one it has seen: had it
    heard of a deletion and not of its undoing on the command line, its copy would be wrong for good. Cursors
    must appear in the order of commits.
    """
    return f"""
SELECT {cursor} AS cursor, j.at, j.action, j.practice_id, j.appointment_id, a.public_id, a.external_id,
       j.calendar_id, c.external_id AS calendar_external_id, j.staff_id, s.user_name, j.device_id, j.program
FROM journal j{order}
LEFT JOIN appointment a ON a.id = j.appointment_id
LEFT JOIN calendar c ON c.id = j.calendar_id
LEFT JOIN staff s ON s.id = j.staff_id
WHERE j.appointment_id IS NOT NULL AND {_TOLD} AND NOT j.private
"""


OPEN_VIEWS = ("phone_change", "practice_appointment", "practice_calendar")
"""The views for other programs: what may be read of them is granted by the practice, and stays granted."""

PRACTICE_CALENDARS = "SELECT c.* FROM calendar c WHERE c.kind <> 'private'"
"""Calendars without the private ones, whose names are their persons' own affair."""

_IN_PRIVATE = (
    "EXISTS (SELECT 1 FROM appointment_calendar x JOIN calendar c ON c.id = x.calendar_id"
    " WHERE x.appointment_id = {id} AND c.kind = 'private')"
)

PRACTICE_APPOINTMENTS = f"""
SELECT a.* FROM appointment a
WHERE a.patient_id IS NOT NULL OR a.external_id IS NOT NULL
   OR NOT ({_IN_PRIVATE.format(id="a.id")} OR {_IN_PRIVATE.format(id="a.series_id")})
   OR EXISTS (SELECT 1 FROM appointment m
              WHERE m.id = a.series_id AND (m.patient_id IS NOT NULL OR m.external_id IS NOT NULL))
"""
"""Appointments without private entries: those in a private calendar that are no patient's and not from the
practice's program. One table, so that PostgreSQL lets programs write the view."""

PRIVATE_ENTRY = (
    "coalesce({kind} = 'private', {no}) AND NOT EXISTS (SELECT 1 FROM appointment e"
    " WHERE (e.id = {id} OR e.series_id = {id}) AND (e.patient_id IS NOT NULL OR e.external_id IS NOT NULL))"
)
"""Whether a change in a calendar of that kind is its person's own affair: ``appointment_rows.is_private``."""
