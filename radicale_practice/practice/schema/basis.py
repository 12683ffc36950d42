"""What stored derivations (occurrences, folded names) were computed from, as one SQL text each.

A trigger cannot delete what another transaction stores at the same moment from the old values; comparing
the basis catches that.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, String, Text, cast, literal

from radicale_practice.practice.schema.appointment_columns import TIMED
from radicale_practice.practice.schema.practice_tables import appointment, patient


def series_basis() -> ColumnElement[str]:
    """Text of all columns of ``appointment`` that decide a series' occurrences (to store and to compare)."""
    return _joined(tuple(cast(appointment.c[name], String) for name in TIMED))


def name_basis() -> ColumnElement[str]:
    """Text of the columns of ``patient`` that decide the folded name (to store and to compare)."""
    return _joined((patient.c.first_name, patient.c.last_name))


def _joined(parts: tuple[ColumnElement[str], ...]) -> ColumnElement[str]:
    text: ColumnElement[str] = cast(parts[0], Text)
    for part in parts[1:]:
        text = text + literal("|") + part
    return text
