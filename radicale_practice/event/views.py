"""What each of the seven views shows of an appointment's own fields: one place decides.

===========  =====================================  ==================  =====================
view         title                                  place               description
===========  =====================================  ==================  =====================
full         template: full name and subject        location, room      phone, link, note
first-name   "Maria M." and subject                 known location      link
pseudonym    "MaMu 4711" and subject                known location      link
initials     "M. M." and subject                    known location      link
number       "4711" and subject                     known location      link
subject      subject                                known location      link
busy         the language's word                    nothing             nothing
===========  =====================================  ==================  =====================
"""

from __future__ import annotations

import re
from typing import NamedTuple

from radicale_practice.event.content_lines import clean_text
from radicale_practice.event.title import initials_pair
from radicale_practice.event.words import not_booked_prefixes, reason_in, words_of
from radicale_practice.practice.model import Appointment, Patient, Projection, Status, View

DEFAULT_TEMPLATE = "{patient} – {subject}"
_FIELD = re.compile(r"\{(patient|subject)\}")


class Shown(NamedTuple):
    """The texts a view shows. ``link``: the appointment's link, "" for none."""

    title: str
    location: str
    description: str
    link: str


def shown(appointment: Appointment, projection: Projection, subject_by: tuple[int, str] | None) -> Shown:
    """Everything a view shows as text. ``subject_by``: who wrote which subject, as the skeleton says."""
    if projection.view is View.BUSY:
        return Shown(_prefixed(words_of(projection.language).busy, appointment, projection), "", "", "")
    link = link_of(appointment, projection)
    return Shown(
        title(appointment, projection, subject_by),
        location(appointment, projection),
        description(appointment, projection, link),
        link,
    )


def title(appointment: Appointment, projection: Projection, subject_by: tuple[int, str] | None) -> str:
    """The title, with the reason in front of an event that could not be booked."""
    if projection.view is View.BUSY:
        return _prefixed(words_of(projection.language).busy, appointment, projection)
    subject = shown_subject(appointment, projection, subject_by)
    patient = patient_part(appointment.patient, projection.view) if appointment.patient else ""
    return _prefixed(compose(patient, subject, projection.title_with_patient), appointment, projection)


def shown_subject(
    appointment: Appointment, projection: Projection, subject_by: tuple[int, str] | None
) -> str:
    """The subject as the view shows it: below full only a listed one or one written by this viewer."""
    subject = clean_text(appointment.subject)
    if projection.view is View.FULL or subject in projection.subjects:
        return subject
    if not subject and appointment.patient is not None and projection.view is not View.SUBJECT:
        return ""
    if subject_by is not None:
        own = subject_by == (projection.staff_id, appointment.subject)
    else:
        own = not appointment.extra and appointment.author_staff_id == projection.staff_id
    return subject if own and subject else words_of(projection.language).appointment


def patient_part(patient: Patient, view: View) -> str:
    """How a view names the patient; "" where it shows none."""
    first, last = clean_text(patient.first_name).strip(), clean_text(patient.last_name).strip()
    match view:
        case View.FULL:
            return f"{last} {first}".strip() or patient.number
        case View.FIRST_NAME:
            return f"{first} {last[:1]}{'.' if last else ''}".strip() or patient.number
        case View.PSEUDONYM:
            return f"{initials_pair(patient)} {patient.number}".strip()
        case View.INITIALS:
            return " ".join(f"{name[0]}." for name in (first, last) if name) or patient.number
        case View.NUMBER:
            return patient.number
        case _:
            return ""


def compose(patient: str, subject: str, template: str) -> str:
    """The title from its two parts; the template holds only where there are both."""
    if not patient or not subject:
        return patient or subject
    if "{patient}" not in template or "{subject}" not in template:
        template = DEFAULT_TEMPLATE
    return _FIELD.sub(lambda m: patient if m.group(1) == "patient" else subject, template)


def subject_from(typed: str, patient: str, template: str) -> str | None:
    """The subject in a title that is the template with this patient's part; None if it is not."""
    if typed == patient:
        return ""
    if "{patient}" not in template or "{subject}" not in template:
        template = DEFAULT_TEMPLATE
    before, _, after = template.partition("{subject}")
    before, after = before.replace("{patient}", patient), after.replace("{patient}", patient)
    if len(typed) > len(before) + len(after) and typed.startswith(before) and typed.endswith(after):
        return typed[len(before) : len(typed) - len(after)]
    return None


def location(appointment: Appointment, projection: Projection) -> str:
    """The place: location and room, or location and free text; below full a known location only."""
    name = clean_text(appointment.location.name) if appointment.location else ""
    if projection.view is not View.FULL:
        return "" if projection.view is View.BUSY else name
    detail = clean_text(appointment.location_text or appointment.room)
    return f"{name}, {detail}" if name and detail else name or detail


def description(appointment: Appointment, projection: Projection, link: str) -> str:
    """Our own lines (phone, link), then the note."""
    if projection.view is not View.FULL:
        return link
    lines = []
    if appointment.phone:
        lines.append(phone_line(appointment, projection))
    if link:
        lines.append(link)
    if appointment.note and projection.show_note:
        lines.append(clean_text(appointment.note))
    return "\n".join(lines)


def phone_line(appointment: Appointment, projection: Projection) -> str:
    """Our line with the phone number, "" without one."""
    phone = clean_text(appointment.phone).replace("\n", " ")
    return f"{words_of(projection.language).phone} {phone}" if appointment.phone else ""


def link_of(appointment: Appointment, projection: Projection) -> str:
    """The link, with the opaque id only: ``{id}`` in the practice's template; "" without template or id."""
    template = projection.appointment_link
    if not template or not appointment.public_id or projection.view is View.BUSY:
        return ""
    if "{id}" in template:
        return template.replace("{id}", appointment.public_id)
    return template + appointment.public_id


def strip_not_booked(typed: str, prefix: str) -> str:
    """A title without our "not booked" in front; ``prefix`` is the present one, "" for a new event."""
    if prefix and typed.startswith(prefix):
        return typed[len(prefix) :]
    if typed.startswith(not_booked_prefixes()):
        return typed.partition(" – ")[2]
    return typed


def not_booked_prefix(appointment: Appointment, projection: Projection) -> str:
    """What stands in front of the title of an event that could not be booked, else ""."""
    if appointment.status is not Status.UNCONFIRMED:
        return ""
    reason = clean_text(reason_in(projection.language, appointment.unconfirmed_reason))
    return f"⚠ {words_of(projection.language).not_booked}: {reason} – "


def _prefixed(text: str, appointment: Appointment, projection: Projection) -> str:
    return not_booked_prefix(appointment, projection) + text
