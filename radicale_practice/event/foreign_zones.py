"""A VTIMEZONE with a name nobody knows: the IANA zone that has the same offsets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from radicale_practice.event import zone_definitions
from radicale_practice.practice import zones

COMMON = (
    "Europe/Vienna",
    "Europe/Berlin",
    "Europe/Zurich",
    "Europe/Paris",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Athens",
    "Europe/Helsinki",
    "Europe/Istanbul",
    "Europe/Moscow",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/Halifax",
    "America/Sao_Paulo",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Asia/Kolkata",
    "Asia/Jerusalem",
)
"""Tried before all others, so that the answer is the zone a person would name."""


def judge(lines: Sequence[str], prefer: str, year: int) -> str | None:
    """The zone whose offsets in ``year`` and the next are those of the VTIMEZONE in ``lines`` (unfolded).

    ``X-LIC-LOCATION`` is believed. ``prefer`` comes first, then a constant offset as ``Etc/GMT±n``, then
    the common zones. None if nothing fits or the component cannot be read.
    """
    for line in lines:
        name, _, value = line.partition(":")
        if name.upper() == "X-LIC-LOCATION" and (known := zones.canonical(value.strip())):
            return known
    steps = zone_definitions.read(lines, year, year + 1)
    if not steps.onsets:
        return None
    instants = [datetime(year, 1, 1) + timedelta(days=7 * week) for week in range(104)]
    for onset in steps.onsets:
        if year <= onset.at.year <= year + 1:
            instants += [onset.at - timedelta(seconds=1), onset.at]
    wanted = [steps.offset_at(at) for at in instants]
    if _fits(prefer, instants, wanted):
        return zones.canonical(prefer)
    if len(set(wanted)) == 1 and (known := constant(wanted[0])):
        return known
    others = sorted(zones.names())
    return next((zone for zone in (*COMMON, *others) if _fits(zone, instants, wanted)), None)


def constant(offset: timedelta) -> str | None:
    """``Etc/GMT±n`` (POSIX signs: east is minus) for whole hours, ``UTC`` for none, else None."""
    hours, rest = divmod(offset, timedelta(hours=1))
    if rest:
        return None
    return "UTC" if not hours else zones.canonical(f"Etc/GMT{-hours:+}")


def _fits(zone: str, instants: list[datetime], wanted: list[timedelta]) -> bool:
    # most zones are out at the first comparison
    info = zones.load(zone)
    return info is not None and all(
        at.replace(tzinfo=UTC).astimezone(info).utcoffset() == offset
        for at, offset in zip(instants, wanted, strict=True)
    )
