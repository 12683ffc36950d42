"""What a practice may set, and that nothing unfit is taken or believed."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy import text

from radicale_practice.event.words import not_booked_prefixes, words_of
from radicale_practice.practice import practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.settings import (
    RANGES,
    PracticeSettings,
    change_settings,
    dump_settings,
    parse_settings,
)

UNFIT: list[tuple[str, Any]] = [
    ("title_with_patient", "hallo"),
    ("title_with_patient", "{patient}"),
    ("title_with_patient", "{patient}{subject}"),
    ("title_with_patient", "{patient} – {subject} {patient}"),
    ("title_with_patient", "{patient} {phone} {subject}"),
    ("title_with_patient", "{patient} { {subject}"),
    ("title_with_patient", "{patient}\n{subject}"),
    ("title_with_patient", "{patient} – {subject}" + "x" * 500),
    ("appointment_link", "practice.example/{id}"),
    ("appointment_link", "javascript:alert({id})"),
    ("appointment_link", "https:///{id}"),
    ("appointment_link", "https://{id}.example/"),
    ("appointment_link", "https://practice.example/{id}/{patient}"),
    ("appointment_link", "https://practice.example/{id}/{id}"),
    ("appointment_link", "https://practice.example/ {id}"),
    ("appointment_link", "https://practice.example:port/{id}"),
    ("appointment_link", "https://[practice/{id}"),
    ("double_booking", "maybe"),
    ("holiday_country", "XX"),
    ("holiday_country", "AT-99"),
    ("subjects", ["Massage", " "]),
    ("subjects", ["x" * 501]),
    ("subjects", "Massage"),
    ("show_note", 1),
    ("journal_days", "many"),
    ("journal_days", True),
    ("nonsense", 1),
    *((name, least - 1) for name, (least, _) in RANGES.items()),
    *((name, greatest + 1) for name, (_, greatest) in RANGES.items()),
]

FIT: list[tuple[str, Any]] = [
    ("title_with_patient", "{subject}: {patient}"),
    ("appointment_link", "https://practice.example:8443/appointments?id={id}"),
    ("appointment_link", "http://practice.example/a/"),
    ("appointment_link", ""),
    ("holiday_country", "de-by"),
    ("holiday_country", ""),
    ("subjects", ("Massage",)),
    ("removed_days", 1),
]


@pytest.mark.parametrize(("name", "value"), UNFIT)
def test_unfit_values_are_refused_in_words(name: str, value: Any) -> None:
    with pytest.raises(InvalidValue, match=name):
        change_settings(PracticeSettings(), {name: value})


@pytest.mark.parametrize(("name", "value"), UNFIT)
def test_unfit_values_that_are_stored_are_as_by_default(name: str, value: Any) -> None:
    stored = json.dumps({name: value, "private_calendars": False})
    assert parse_settings(stored) == PracticeSettings(private_calendars=False)


@pytest.mark.parametrize(("name", "value"), FIT)
def test_fit_values_are_kept(name: str, value: Any) -> None:
    changed = change_settings(PracticeSettings(), {name: value})
    assert getattr(changed, name) == value
    assert parse_settings(dump_settings(changed)) == changed


def test_every_number_has_a_range_and_every_default_is_fit() -> None:
    defaults = PracticeSettings()
    for field in fields(defaults):
        value = getattr(defaults, field.name)
        assert (type(value) is int) is (field.name in RANGES), field.name
        assert change_settings(defaults, {field.name: value}) == defaults


def test_what_a_practice_gets_that_sets_nothing() -> None:
    """What was promised: ten years of journal, ten cancellations in ten minutes, and so on."""
    defaults = PracticeSettings()
    assert (defaults.journal_days, defaults.journal_private_days, defaults.removed_days) == (3653, 90, 180)
    assert (defaults.brake_cancellations, defaults.brake_creations, defaults.brake_minutes) == (10, 100, 10)
    assert (defaults.move_minutes, defaults.double_booking) == (10, "allow")
    assert defaults.attention_entry and defaults.private_calendars and defaults.appointment_link == ""
    assert defaults.title_with_patient == "{patient} – {subject}"


@pytest.mark.parametrize("broken", ["", "broken", "[]", "null", '{"journal_days": null}'])
def test_broken_settings_are_the_defaults(broken: str) -> None:
    assert parse_settings(broken) == PracticeSettings()


def test_a_journal_is_not_emptied_by_a_stored_nonsense(database: Database, practice: Practice) -> None:
    with database.write() as uow:
        uow.connection.execute(text("""UPDATE practice SET settings = '{"journal_days": -1}'"""))
        assert practices.get(uow, practice.id).settings.journal_days == PracticeSettings().journal_days


def test_a_practice_can_have_the_languages_that_events_have_words_for() -> None:
    assert len({words_of(language).busy for language in practices.LANGUAGES}) == len(practices.LANGUAGES)
    assert len(not_booked_prefixes()) == len(practices.LANGUAGES)


def test_nobody_sets_the_mark_of_the_demonstration(database: Database, practice: Practice) -> None:
    with database.write() as uow:
        assert "demonstration" not in practices.settings_of(practice)
        for value in (True, False):
            with pytest.raises(InvalidValue):
                practices.set_settings(uow, practice.id, {"demonstration": value})
