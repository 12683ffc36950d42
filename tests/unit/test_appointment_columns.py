"""Every column of an appointment has its place in the one list that book, journal and triggers share."""

from __future__ import annotations

from radicale_practice.practice.appointment_rows import columns_of, entry_of
from radicale_practice.practice.schema import appointment_columns as columns
from radicale_practice.practice.schema.practice_tables import appointment


def test_every_column_has_exactly_one_place() -> None:
    named = [
        "id",
        "practice_id",
        *columns.CONTENT,
        *columns.TIMED,
        *columns.STANDING,
        *columns.ORIGIN,
        *columns.CANCELLATION,
    ]
    assert sorted(named) == sorted(appointment.columns.keys())


def test_what_an_upload_may_change_is_what_an_appointment_carries() -> None:
    empty = dict.fromkeys(appointment.columns.keys(), "") | {"patient_id": None, "status": "booked"}
    assert sorted(columns_of(entry_of(empty, "Europe/Vienna"))) == sorted(columns.MODELLED)
