"""Wall times and instants: IANA zones from one source, the ``tzdata`` package, on every machine.

The operating system's zone files are never read, so that the same event renders to the same bytes on
every worker and a changed rule comes with a changed package version (``version``).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata, resources
from zoneinfo import ZoneInfo

FALLBACK = "Europe/Vienna"
"""Of a practice whose own zone cannot be read; the schema's default."""

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+\-]*(/[A-Za-z0-9][A-Za-z0-9_+\-]*)*")
_LONGEST_KEY = 64
_EARLIEST = datetime(1, 1, 3)
_LATEST = datetime(9999, 12, 29)


def version() -> str:
    """Version of the zone data, for example ``2026.6``; part of every ETag."""
    return metadata.version("tzdata")


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """All IANA names and links that can be loaded."""
    text = resources.files("tzdata").joinpath("zones").read_text(encoding="ascii")
    return frozenset(line.strip() for line in text.splitlines() if line.strip()) - {"Factory"}


@lru_cache(maxsize=1)
def _names_by_lower_case() -> dict[str, str]:
    return {name.lower(): name for name in names()}


@lru_cache(maxsize=2048)
def canonical(key: str) -> str | None:
    """The IANA spelling of ``key`` whatever its case; links stay links. None if there is no such zone."""
    if not isinstance(key, str) or len(key) > _LONGEST_KEY:
        return None
    return _names_by_lower_case().get(key.lower())


def meant(name: str, practice_zone: str) -> str:
    """The zone that a row's ``time_zone`` means, in its IANA spelling; an unknown one is the practice's.

    Practice programs write what their own system calls it.
    """
    return canonical(name) or practice_zone


@lru_cache(maxsize=2048)
def load(key: str) -> ZoneInfo | None:
    """The zone of that name; None for anything that is not one (path tricks, control characters, "")."""
    name = canonical(key)
    if name is None or not _KEY.fullmatch(name):
        return None
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def data(key: str) -> bytes | None:
    """The zone's TZif data (RFC 8536); None if there is no such zone."""
    name = canonical(key)
    if name is None or not _KEY.fullmatch(name):
        return None
    return resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


def to_utc(wall: datetime, zone: str) -> datetime:
    """The instant (aware, UTC) of a naive wall time in ``zone``; an unknown zone counts as UTC.

    RFC 5545 3.3.5: a wall time that occurs twice is the first of the two; one that does not occur is
    taken with the offset in force before the gap. Times at the ends of the calendar are clamped.
    """
    return wall_to_utc(wall, load(zone))


def wall_to_utc(wall: datetime, zone: ZoneInfo | None) -> datetime:
    """As ``to_utc`` with the zone loaded already."""
    return wall_to_naive_utc(wall.replace(tzinfo=None, fold=0), zone).replace(tzinfo=UTC)


def wall_to_naive_utc(wall: datetime, zone: ZoneInfo | None) -> datetime:
    """As ``wall_to_utc`` for a naive wall time with ``fold`` 0, answering naive: for many of them."""
    if not _EARLIEST <= wall <= _LATEST:
        wall = min(max(wall, _EARLIEST), _LATEST)
    # fold=0 is both of RFC 5545's rules: first of two, and the offset before a gap
    offset = zone.utcoffset(wall) if zone is not None else None
    return wall - offset if offset else wall


def to_wall(instant: datetime, zone: str) -> datetime:
    """The naive wall time of an instant (aware, or naive in UTC) in ``zone``; unknown zones count as UTC."""
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    if not _EARLIEST <= instant.replace(tzinfo=None) <= _LATEST:
        instant = min(max(instant.replace(tzinfo=None), _EARLIEST), _LATEST).replace(tzinfo=UTC)
    return instant.astimezone(load(zone) or UTC).replace(tzinfo=None, fold=0)
