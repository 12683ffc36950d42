"""The few words the lens writes itself, by language. Another language is one more table here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """What stands in an event that nobody typed."""

    busy: str
    appointment: str
    phone: str
    reminder: str
    not_booked: str


_ENGLISH = Words("Busy", "Appointment", "Tel.", "Reminder", "not booked")
_WORDS = {
    "en": _ENGLISH,
    "de": Words("Belegt", "Termin", "Tel.", "Erinnerung", "nicht gebucht"),
}

_REASONS = {
    "en": {"slot-taken": "the time is already taken"},
    "de": {"slot-taken": "Termin ist schon vergeben"},
}


def words_of(language: str) -> Words:
    """The words of a language tag (RFC 5646); English for one we do not have."""
    return _WORDS.get(language[:2].lower(), _ENGLISH)


def reason_in(language: str, reason: str) -> str:
    """Why an event is not booked: the book's own reasons in the practice's language (else English), any
    other, which a practice program wrote, as it is."""
    known = _REASONS.get(language[:2].lower(), _REASONS["en"])
    return known.get(reason, reason)


def not_booked_prefixes() -> tuple[str, ...]:
    """How our own prefix of an unconfirmed event begins, in every language."""
    return tuple(f"⚠ {words.not_booked}: " for words in _WORDS.values())
