"""Titles of an entry that comes from a private calendar, where nobody has read them."""

from __future__ import annotations

from dataclasses import replace

from radicale_practice.event.absorb_fields import Base, read_title
from radicale_practice.event.directory import Directory
from radicale_practice.event.title import Titles
from radicale_practice.practice.model import Appointment, CalendarObject, Finding, Projection, Status


def read_anew(
    entry: CalendarObject, projection: Projection, directory: Directory
) -> tuple[CalendarObject, tuple[Finding, ...]]:
    """The entry with its titles read as if they were typed just now, and what somebody should look at.

    Appointments that have a patient already, and cancelled instances, stay as they are.
    """
    unread = {a.subject for a in entry.appointments if _is_unread(a)}
    if not unread:
        return entry, ()
    titles = Titles(directory, unread)
    found: list[Appointment] = []
    findings: list[Finding] = []
    for appointment in entry.appointments:
        if not _is_unread(appointment):
            found.append(appointment)
            continue
        title = read_title(appointment.subject, Base(), projection, titles)
        phone = appointment.phone or title.phone
        found.append(replace(appointment, patient=title.patient, subject=title.subject, phone=phone))
        if title.finding is not None:
            findings.append(Finding(title.finding, appointment.recurrence_id))
    return replace(entry, appointments=tuple(found)), tuple(findings)


def _is_unread(appointment: Appointment) -> bool:
    return (
        appointment.patient is None
        and bool(appointment.subject.strip())
        and appointment.status is not Status.CANCELLED
    )
