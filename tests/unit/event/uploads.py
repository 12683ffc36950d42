"""Uploads of one event, and an appointment that somebody changes on a device."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from radicale_practice.event.absorb import Absorbed, absorb
from radicale_practice.practice.model import Appointment
from tests.unit.event.people import FULL, HUBER, MITTE, SmallDirectory

DAY = "DTSTART;VALUE=DATE:20260105"

STORED = Appointment(
    datetime(2026, 1, 5, 9),
    datetime(2026, 1, 5, 10),
    "UTC",
    subject="Physio",
    patient=HUBER,
    location=MITTE,
    room="Raum 1",
    note="Knie",
    phone="0664 1",
    id=1,
    public_id="abc123",
)


def event(*lines: str, envelope: tuple[str, ...] = ()) -> bytes:
    """An upload with one event of these lines."""
    text = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        *envelope,
        "BEGIN:VEVENT",
        *lines,
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(text).encode()


def put(*lines: str, **options: object) -> Absorbed:
    """A new event in full view."""
    projection = replace(FULL, **options)  # type: ignore[arg-type]
    return absorb(event("UID:1", *lines), None, projection, SmallDirectory())
