"""The book's reasons and the event layer's words for them are the same ones."""

from __future__ import annotations

from radicale_practice.event import words
from radicale_practice.practice.rules import refusals


def test_every_reason_of_the_book_has_words_in_every_language_and_no_others_have() -> None:
    assert set(words._REASONS) == set(words._WORDS)
    for known in words._REASONS.values():
        assert set(known) == set(refusals.UNCONFIRMED_REASONS)
        assert all(text.strip() for text in known.values())


def test_reasons_are_told_in_the_practices_language() -> None:
    assert words.reason_in("de-AT", refusals.SLOT_TAKEN) == "Termin ist schon vergeben"
    assert words.reason_in("fr", refusals.SLOT_TAKEN) == "the time is already taken"
    assert words.reason_in("de", "Urlaub") == "Urlaub"
