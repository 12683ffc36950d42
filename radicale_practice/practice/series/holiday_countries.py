"""Which countries and parts of countries the ``holidays`` library knows."""

from __future__ import annotations

from functools import cache
from typing import Any


def of(country: str, years: range) -> Any:
    """The library's container of public holidays for "AT" or "DE-BY"; None if it knows no such place."""
    import holidays  # a large library, needed by few commands and by no request

    name, _, part = country.partition("-")
    for subdivision in {part, part.upper()}:
        try:
            return holidays.country_holidays(name.upper(), subdiv=subdivision or None, years=years)
        except NotImplementedError:
            continue
    return None


@cache
def is_known(country: str) -> bool:
    """Whether the public holidays of this place ("AT", "DE-BY") are known."""
    return of(country, range(0)) is not None
