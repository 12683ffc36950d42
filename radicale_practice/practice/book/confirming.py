"""Booking what was kept without being booked: its time is free by now, or somebody has decided so."""

from __future__ import annotations

from collections.abc import Mapping

from radicale_practice.practice.appointment_rows import Row, Rows
from radicale_practice.practice.model import Status


def is_unconfirmed(rows: Rows) -> bool:
    """Whether the appointment or series is not booked."""
    return bool(rows.master["status"] == Status.UNCONFIRMED)


def with_booking(rows: Rows, changes: Mapping[int, Row], status: Status = Status.BOOKED) -> dict[int, Row]:
    """``changes`` by row id, and by them all of an appointment or series booked that is not, instances too.

    ``status``: what it is then.
    """
    found = {i: dict(c) for i, c in changes.items()}
    for row in (rows.master, *rows.here().values()):
        change: Row = {"status": str(status)} if row["status"] == Status.UNCONFIRMED else {}
        change |= {"unconfirmed_reason": ""} if row["unconfirmed_reason"] else {}
        if change:
            found[int(row["id"])] = {**change, **found.get(int(row["id"]), {})}
    return found
