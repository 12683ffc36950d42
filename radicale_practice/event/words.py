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
    "de": {
        "double booking": "Doppelbuchung",
        "calendar is closed": "Kalender geschlossen",
        "not allowed": "nicht erlaubt",
    }
}


def words_of(language: str) -> Words:
    """The words of a language tag (RFC 5646); English for one we do not have."""
    return _WORDS.get(language[:2].lower(), _ENGLISH)


def reason_in(language: str, reason: str) -> str:
    """Why an event is not booked, in the practice's language where we know the reason."""
    return _REASONS.get(language[:2].lower(), {}).get(reason, reason)


def not_booked_prefixes() -> tuple[str, ...]:
    """How our own prefix of an unconfirmed event begins, in every language."""
    return tuple(f"⚠ {words.not_booked}: " for words in _WORDS.values())
