"""Public holidays of the country a practice is in, from the ``holidays`` library."""

from __future__ import annotations

import importlib.resources
from datetime import date, timedelta
from functools import cache

from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.series import holiday_countries


def between(practice: Practice, first: date, last: date) -> frozenset[date]:
    """The public holidays from ``first`` to ``last`` (both included) in the practice's country.

    The country is the setting ``holiday_country`` ("AT", or with a part of it "DE-BY"), else that of
    the practice's time zone; none known, no holidays. Raises ``InvalidValue`` for a setting that the library
    does not know.
    """
    chosen = practice.settings.holiday_country or country_of_zone(practice.time_zone)
    if not chosen or last < first:
        return frozenset()
    found = holiday_countries.of(chosen, range(first.year, last.year + 1))
    if found is None:
        if not practice.settings.holiday_country:
            return frozenset()
        raise InvalidValue("holiday_country is not a country whose holidays are known")
    days = (last - first).days + 1
    return frozenset(day for day in (first + timedelta(n) for n in range(days)) if day in found)


@cache
def country_of_zone(zone: str) -> str:
    """ISO 3166 code of the country a zone is in by the zone data's own table; empty if in none."""
    table = importlib.resources.files("tzdata").joinpath("zoneinfo", "zone.tab")
    for line in table.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#") and line.split("\t")[2] == zone:
            return line.split("\t")[0]
    return ""
