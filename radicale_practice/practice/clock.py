"""What time it is, in one place so that tests can say so."""

from __future__ import annotations

from datetime import UTC, date, datetime

from radicale_practice.practice import zones


def utc_now() -> datetime:
    """The present instant in UTC as a naive wall time, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0, tzinfo=None)


def today(time_zone: str) -> date:
    """The present day in ``time_zone``; in UTC if the zone is not known."""
    return utc_now().replace(tzinfo=UTC).astimezone(zones.load(time_zone) or UTC).date()
