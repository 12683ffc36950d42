"""What the stored occurrences of a series were computed from, as one SQL text.

A trigger cannot delete what another transaction stores at the same moment from the old values; comparing
the basis catches that.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, String, Text, cast, literal

from radicale_practice.practice.schema.appointment_columns import TIMED
from radicale_practice.practice.schema.practice_tables import appointment


def series_basis() -> ColumnElement[str]:
    """Text of all columns of ``appointment`` that decide a series' occurrences (to store and to compare)."""
    first, *others = TIMED
    text: ColumnElement[str] = cast(appointment.c[first], Text)
    for name in others:
        text = text + literal("|") + cast(appointment.c[name], String)
    return text
