"""What a viewer's title, place and description change in an appointment, and what they leave alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from radicale_practice.event import title as titles_module
from radicale_practice.event import views
from radicale_practice.event.content_lines import clean_text
from radicale_practice.event.directory import Directory
from radicale_practice.event.title import Recognised, Titles
from radicale_practice.event.words import words_of
from radicale_practice.practice.model import (
    Appointment,
    FindingKind,
    Location,
    Patient,
    Projection,
    View,
)

_PHONE_LINE = re.compile(r"Tel\. (.*\d.*\d.*\d.*)\Z")
"""Our own line. Words alone ("Tel. Rückruf vereinbart") are somebody's note."""


@dataclass(frozen=True, slots=True)
class Base:
    """What an uploaded VEVENT is read against.

    ``appointment`` is the present state, for a new exception the series' master, None for a new event;
    ``subject_by`` is who wrote its subject.
    """

    appointment: Appointment | None = None
    subject_by: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class TitleRead:
    """What a title says. ``phone`` is "" if none was typed; ``unlinked`` drops the former phone and note."""

    patient: Patient | None
    subject: str
    phone: str = ""
    finding: FindingKind | None = None
    former_patient_id: int | None = None
    unlinked: bool = False
    typed_subject: bool = True


def title_changed(typed: str, base: Base, projection: Projection) -> bool:
    """Whether the title is another than the viewer was shown: only then is anybody looked up."""
    if base.appointment is None:
        return bool(typed.strip())
    return typed != views.title(base.appointment, projection, base.subject_by)


def bare_title(typed: str, base: Base, projection: Projection) -> str:
    """The title without our own "not booked" in front."""
    prefix = views.not_booked_prefix(base.appointment, projection) if base.appointment else ""
    return views.strip_not_booked(typed, prefix)


def read_title(typed: str, base: Base, projection: Projection, titles: Titles) -> TitleRead:
    """The patient and subject that the title means (see ``title`` for the rules)."""
    present = base.appointment
    if present is not None and not title_changed(typed, base, projection):
        return TitleRead(present.patient, present.subject, typed_subject=False)
    typed = bare_title(typed, base, projection)
    if present is None:
        return _new_title(typed, titles)
    if present.patient is None:
        return _block_title(typed, base, projection, titles)
    former = present.patient
    for text, phone in _with_and_without_phone(typed):
        rest = _without_patient(text, former, projection)
        if rest is not None:
            return _same_patient(_beside(rest, phone), present, base, projection)
    for text, phone in _with_and_without_phone(typed):
        found = titles.recognise(text, names=projection.view is View.FULL)
        if found is not None and found.patient.id == former.id:
            return _same_patient(_beside(found.rest, phone), present, base, projection)
        if found is not None:
            subject, phone = _subject_and_phone(_beside(found.rest, phone), base, projection)
            return TitleRead(
                found.patient, subject, phone, FindingKind.CHANGED_PATIENT, former.id, unlinked=True
            )
    if projection.view is View.FULL:
        return TitleRead(
            None, typed, finding=FindingKind.UNLINKED, former_patient_id=former.id, unlinked=True
        )
    return _same_patient(typed, present, base, projection)


def _with_and_without_phone(typed: str) -> list[tuple[str, str]]:
    """The title as it is, and without a phone number at its end, which is no part of anybody's name.

    Each with the number that was taken off.
    """
    bare, phone = titles_module.split_phone(typed)
    return [(typed, ""), (bare, phone)] if phone else [(typed, "")]


def _beside(rest: str, phone: str) -> str:
    return f"{rest} {phone}".strip() if phone else rest


def _new_title(typed: str, titles: Titles) -> TitleRead:
    found = titles.recognise(typed)
    if found is not None:
        subject, phone = titles_module.split_phone(found.rest)
        return TitleRead(found.patient, subject, phone)
    rest, phone = titles_module.split_phone(typed)
    found = titles.recognise(rest) if phone else None
    if found is not None:
        return TitleRead(found.patient, found.rest, phone)
    finding = FindingKind.UNLINKED if typed.strip() else None
    return TitleRead(None, rest, phone, finding)


def _block_title(typed: str, base: Base, projection: Projection, titles: Titles) -> TitleRead:
    rest, phone = titles_module.split_phone(typed)
    found: Recognised | None = titles.recognise(typed)
    if found is not None:
        subject, phone = _subject_and_phone(found.rest, base, projection)
        return TitleRead(found.patient, subject, phone)
    found = titles.recognise(rest) if phone else None
    if found is not None:
        return TitleRead(found.patient, found.rest, phone)
    assert base.appointment is not None
    if typed == views.shown_subject(base.appointment, projection, base.subject_by):
        return TitleRead(None, base.appointment.subject, typed_subject=False)
    subject, phone = _subject_and_phone(typed, base, projection)
    return TitleRead(None, subject, phone)


def _without_patient(typed: str, patient: Patient, projection: Projection) -> str | None:
    """What remains if the patient's part is still there, as shown or in another spelling that names them."""
    shown = views.patient_part(patient, projection.view)
    if shown:
        subject = views.subject_from(typed, shown, projection.title_with_patient)
        if subject is not None:
            return subject
    return titles_module.names_patient(typed, patient, shown)


def _same_patient(rest: str, present: Appointment, base: Base, projection: Projection) -> TitleRead:
    """The patient stays; a hidden subject stays too if its word, or nothing, stands in its place."""
    visible = views.shown_subject(present, projection, base.subject_by)
    hidden = visible != clean_text(present.subject)
    subject, phone = (rest, "") if rest == visible else _subject_and_phone(rest, base, projection)
    if subject == visible or (hidden and not subject.strip()):
        return TitleRead(present.patient, present.subject, phone, typed_subject=False)
    return TitleRead(present.patient, subject, phone)


def _subject_and_phone(text: str, base: Base, projection: Projection) -> tuple[str, str]:
    """A phone number moves to the phone field unless that would overwrite one the viewer cannot see."""
    present = base.appointment
    if present is not None and present.phone and projection.view is not View.FULL:
        return text, ""
    return titles_module.split_phone(text)


def read_location(
    typed: str, present: Appointment | None, projection: Projection, directory: Directory
) -> tuple[Location | None, str]:
    """(location, free text) that a typed place means; the room is the practice's matter and stays."""
    if present is not None and typed == views.location(present, projection):
        return present.location, present.location_text
    hidden = "" if present is None or projection.view is View.FULL else present.location_text
    if not typed.strip():
        return None, hidden or (typed if projection.view is View.FULL else "")
    if projection.view is View.BUSY and present is not None:
        return present.location, _added(hidden, typed, " / ")
    location, rest = _known_location(typed, present, directory.locations())
    if projection.view is View.FULL:
        return location, rest
    return location, _added(hidden, rest, " / ")


def _known_location(
    typed: str, present: Appointment | None, locations: Sequence[Location]
) -> tuple[Location | None, str]:
    for location in locations:
        name = clean_text(location.name)
        if typed == name:
            return location, ""
        if name and typed.startswith(f"{name}, "):
            rest = typed[len(name) + 2 :]
            return location, "" if present is not None and rest == present.room else rest
    return None, typed


def read_description(typed: str, present: Appointment | None, projection: Projection) -> tuple[str, str]:
    """(phone, note) after the viewer's description.

    Our own lines are recognised: as they were shown wherever somebody has typed around them, others (a copied
    event's, a changed number) at the beginning.
    """
    phone, note = (present.phone, present.note) if present is not None else ("", "")
    link = views.link_of(present, projection) if present is not None else ""
    if present is not None and typed == views.description(present, projection, link):
        return phone, note
    lines = typed.split("\n")
    if link and link in lines:
        lines.remove(link)
    if projection.view is View.FULL:
        shown = views.phone_line(present, projection) if present is not None else ""
        match = _PHONE_LINE.match(lines[0]) if lines else None
        if shown and shown in lines:
            lines.remove(shown)
        elif match is not None:
            phone, lines = match.group(1), lines[1:]
        else:
            phone = ""
    if lines and is_link(lines[0], projection):
        lines = lines[1:]
    rest = "\n".join(lines)
    if projection.view is View.FULL and projection.show_note:
        return phone, rest
    return phone, _added(note, rest, "\n")


def _added(hidden: str, typed: str, between: str) -> str:
    """What is hidden stays whole; what was typed is added once."""
    if not typed.strip() or typed in hidden:
        return hidden
    return f"{hidden}{between}{typed}" if hidden else typed


def is_link(text: str, projection: Projection) -> bool:
    """Whether a text is the practice's link to some appointment (a copied event carries another's)."""
    template = projection.appointment_link
    if not template:
        return False
    before, _, after = template.partition("{id}")
    middle = text.strip()[len(before) : len(text.strip()) - len(after) or None]
    fits = text.strip().startswith(before) and text.strip().endswith(after)
    return fits and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", middle, re.ASCII) is not None


def with_fields(
    present: Appointment,
    base: Base,
    read: TitleRead,
    place: tuple[Location | None, str],
    phone_and_note: tuple[str, str],
) -> Appointment:
    """``present`` with what was read. A former patient's phone and note go with the patient."""
    phone, note = phone_and_note
    if read.unlinked and base.appointment is not None:
        phone = "" if phone == base.appointment.phone else phone
        note = "" if note == base.appointment.note else note
    return replace(
        present,
        patient=read.patient,
        subject=read.subject,
        phone=read.phone or phone,
        location=place[0],
        location_text=place[1],
        note=note,
    )


def neutral_reminder(projection: Projection) -> str:
    """The text of a neutral alarm in the practice's language."""
    return words_of(projection.language).reminder
