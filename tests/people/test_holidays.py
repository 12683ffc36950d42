"""Public holidays by country."""

from __future__ import annotations

from datetime import date

import pytest

from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.series import holidays
from radicale_practice.practice.settings import PracticeSettings

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


def practice(zone: str, country: str = "") -> Practice:
    """A practice in a zone."""
    return Practice(1, "x", "P", zone, "de", PracticeSettings(holiday_country=country))


def test_the_country_of_the_zone() -> None:
    assert holidays.country_of_zone("Europe/Vienna") == "AT"
    assert holidays.country_of_zone("Europe/Berlin") == "DE"
    assert holidays.country_of_zone("UTC") == ""


def test_austria() -> None:
    found = holidays.between(practice("Europe/Vienna"), date(2026, 12, 1), date(2027, 1, 6))
    assert date(2026, 12, 8) in found
    assert date(2027, 1, 6) in found
    assert date(2026, 12, 9) not in found


def test_a_part_of_a_country() -> None:
    assert date(2026, 1, 6) not in holidays.between(practice("Europe/Berlin"), FIRST, LAST)
    assert date(2026, 1, 6) in holidays.between(practice("Europe/Berlin", "DE-BY"), FIRST, LAST)


def test_no_country_no_holidays() -> None:
    assert holidays.between(practice("UTC"), FIRST, LAST) == frozenset()
    assert holidays.between(practice("Europe/Vienna"), LAST, FIRST) == frozenset()


@pytest.mark.parametrize("country", ["XX", "AT-99", "Atlantis"])
def test_an_unknown_setting_is_said(country: str) -> None:
    with pytest.raises(InvalidValue):
        holidays.between(practice("Europe/Vienna", country), FIRST, LAST)
