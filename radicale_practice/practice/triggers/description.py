"""Which columns are visible in an event, and how a changed row leads to calendar objects.

The one description both engines' triggers are generated from. A lead is a SELECT of
``(calendar_id, appointment_id)``: the object of that appointment or series in that calendar. ``{changed}``
stands for the changed rows (old and new) with the table's ``carried`` columns.

A ``touch`` lead says that the object's bytes may differ now. A ``settle`` lead says only that it may have
begun or ceased to be an object of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from radicale_practice.practice.schema.appointment_columns import SHOWN


@dataclass(frozen=True, slots=True)
class TrackedTable:
    """One practice table whose rows show in events.

    ``unique``: keys besides the primary key by which INSERT OR REPLACE may silently delete another row
    (SQLite). ``journal_key``: the journal's column for a foreign program's change that is not already
    journalled with its objects.
    """

    name: str
    key: tuple[str, ...]
    visible: tuple[str, ...]
    carried: tuple[str, ...]
    touch: tuple[str, ...]
    settle: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    journals_objects: bool = False
    journal_key: str | None = None


def _in_calendars(column: str) -> str:
    return (
        "SELECT ac.calendar_id, ac.appointment_id FROM {changed} c"
        f" JOIN appointment_calendar ac ON ac.appointment_id = c.{column}"
    )


def _live(column: str) -> str:
    return (
        "SELECT o.calendar_id, o.appointment_id FROM {changed} c"
        f" JOIN calendar_object o ON o.appointment_id = c.{column} AND o.removed_revision IS NULL"
    )


def _live_showing(column: str) -> tuple[str, str]:
    """Live objects of the appointments, or of the masters of the overrides, that refer to the row."""
    start = (
        f"SELECT o.calendar_id, o.appointment_id FROM {{changed}} c JOIN appointment a ON a.{column} = c.id"
    )
    return (
        f"{start} JOIN calendar_object o ON o.appointment_id = a.id AND o.removed_revision IS NULL",
        f"{start} JOIN calendar_object o ON o.appointment_id = a.series_id AND o.removed_revision IS NULL",
    )


_OVERRIDES = (
    "SELECT {o}.calendar_id, {o}.appointment_id FROM {{changed}} c JOIN appointment a ON a.series_id = c.{k}"
)


def _overrides(column: str) -> tuple[str, str]:
    """The overrides of a master, wherever they are or were."""
    return (
        _OVERRIDES.format(o="ac", k=column) + " JOIN appointment_calendar ac ON ac.appointment_id = a.id",
        _OVERRIDES.format(o="o", k=column)
        + " JOIN calendar_object o ON o.appointment_id = a.id AND o.removed_revision IS NULL",
    )


APPOINTMENT = TrackedTable(
    name="appointment",
    key=("id",),
    visible=SHOWN,
    carried=("id", "series_id"),
    touch=(_in_calendars("id"), _live("id"), _in_calendars("series_id"), _live("series_id")),
    settle=_overrides("id"),
    unique=(("public_id",), ("practice_id", "external_id")),
    journals_objects=True,
)

APPOINTMENT_CALENDAR = TrackedTable(
    name="appointment_calendar",
    key=("appointment_id", "calendar_id"),
    visible=("role",),
    carried=("appointment_id", "calendar_id"),
    touch=(
        "SELECT c.calendar_id, c.appointment_id FROM {changed} c",
        _in_calendars("appointment_id"),
        "SELECT ac.calendar_id, ac.appointment_id FROM {changed} c"
        " JOIN appointment a ON a.id = c.appointment_id"
        " JOIN appointment_calendar ac ON ac.appointment_id = a.series_id",
    ),
    settle=_overrides("appointment_id"),
    journals_objects=True,
)

PATIENT = TrackedTable(
    name="patient",
    key=("id",),
    visible=("number", "first_name", "last_name", "phone"),
    carried=("id",),
    touch=_live_showing("patient_id"),
    unique=(("public_id",), ("practice_id", "number"), ("practice_id", "external_id")),
    journal_key="patient_id",
)

LOCATION = TrackedTable(
    name="location",
    key=("id",),
    visible=("name",),
    carried=("id",),
    touch=_live_showing("location_id"),
    unique=(("public_id",), ("practice_id", "external_id")),
)

CALENDAR = TrackedTable(
    name="calendar",
    key=("id",),
    visible=("name",),
    carried=("id",),
    touch=(
        # A room's name is part of LOCATION wherever its appointments are seen.
        "SELECT o.calendar_id, o.appointment_id FROM {changed} c"
        " JOIN appointment_calendar r ON r.calendar_id = c.id AND r.role = 'resource'"
        " JOIN calendar_object o ON o.appointment_id = r.appointment_id AND o.removed_revision IS NULL",
        "SELECT o.calendar_id, o.appointment_id FROM {changed} c"
        " JOIN appointment_calendar r ON r.calendar_id = c.id AND r.role = 'resource'"
        " JOIN appointment a ON a.id = r.appointment_id"
        " JOIN calendar_object o ON o.appointment_id = a.series_id AND o.removed_revision IS NULL",
    ),
    unique=(("public_id",), ("practice_id", "external_id")),
)

TRACKED = (APPOINTMENT, APPOINTMENT_CALENDAR, PATIENT, LOCATION, CALENDAR)

NUMBERED = ("practice", "staff")
"""Tables that do not show in events, whose numbers a program may choose as those of the others."""

NAME_COLUMNS = ("first_name", "last_name")
"""A change of one of these makes the stored folded name of a patient stale."""

_OWNER = (
    "(SELECT min(w.calendar_id) FROM appointment_calendar w"
    " WHERE w.appointment_id = {a} AND w.role = 'owner')"
)


def _same_owner(override: str, master: str) -> str:
    mine = _OWNER.format(a=override)
    masters = _OWNER.format(a=master)
    return f"COALESCE({mine}, {masters}, 0) = COALESCE({masters}, 0)"


def _within_master(override: str, master: str, calendar: str) -> str:
    """Whether the override's rows (or their absence) place it within the master's object in a calendar."""
    own = f"SELECT 1 FROM appointment_calendar xc WHERE xc.appointment_id = {override}"
    return (
        f"(NOT EXISTS ({own}) OR (EXISTS ({own} AND xc.calendar_id = {calendar})"
        f" AND {_same_owner(override, master)}))"
    )


SERVED_VIEW = f"""
SELECT sc.calendar_id, sc.appointment_id, sa.public_id, sa.practice_id
FROM appointment_calendar sc JOIN appointment sa ON sa.id = sc.appointment_id
WHERE (sa.status <> 'cancelled' AND sa.series_id IS NULL)
   OR (sa.status <> 'cancelled' AND sa.series_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM appointment m
        JOIN appointment_calendar mc ON mc.appointment_id = m.id AND mc.calendar_id = sc.calendar_id
        WHERE m.id = sa.series_id AND m.series_id IS NULL AND {_same_owner("sa.id", "m.id")}))
   OR (sa.status = 'cancelled' AND sa.series_id IS NULL AND EXISTS (
        SELECT 1 FROM appointment x
        WHERE x.series_id = sa.id AND x.status <> 'cancelled'
          AND {_within_master("x.id", "sa.id", "sc.calendar_id")}))
"""
"""Which appointments are an object of their own in which calendar.

A single appointment or master that is not cancelled; a cancelled master that still has instances within it;
an override that is in another calendar than its master, or has another owner. An override without rows in
``appointment_calendar`` is where its master is.
"""
