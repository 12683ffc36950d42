"""Whether a VTIMEZONE that a client sent tells the truth about an IANA zone, for the years it is used.

The two are compared as step functions: at every change that one of them has in those years. What is not
understood whole is replaced by our own VTIMEZONE, so a rule bomb in here does nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from radicale_practice.event import tzif, zone_definitions
from radicale_practice.event.content_lines import unfolded
from radicale_practice.practice import zones

YEARS_AHEAD = 20
"""How far an endless series has to be right."""


@lru_cache(maxsize=1024)
def is_right(text: str, zone: str, first_year: int, last_year: int) -> bool:
    """Whether the VTIMEZONE in ``text`` has the offsets of the IANA ``zone`` in these years (UTC).

    False for a text that cannot be read. Kept in memory: a client sends few different ones.
    """
    iana = zones.load(zone)
    if iana is None or last_year - first_year > 200 or not 2 <= first_year <= last_year <= 9990:
        return False
    steps = zone_definitions.read(unfolded(text).split("\r\n"), first_year, last_year)
    if not steps.whole or not steps.onsets:
        return False
    begin, end = datetime(first_year, 1, 1), datetime(last_year + 1, 1, 1)
    probes = {begin, end - timedelta(hours=1)}
    for onset in steps.onsets:
        if begin < onset.at < end:
            probes |= {onset.at - timedelta(seconds=1), onset.at}
    for change in _changes(zone, first_year, last_year):
        probes |= {change - timedelta(seconds=1), change}
    for probe in probes:
        offset = iana.utcoffset(probe.replace(tzinfo=UTC).astimezone(iana))
        if steps.offset_at(probe) != offset:
            return False
    return True


def _changes(zone: str, first_year: int, last_year: int) -> list[datetime]:
    """The instants (naive UTC) at which the zone's offset changes in these years."""
    history = tzif.history(zone)
    assert history is not None
    years = range(max(first_year, history.yearly_from), last_year + 1)
    yearly = [change.onset(year) for change in history.yearly for year in years]
    return [o.at for o in (*history.onsets, *yearly) if first_year <= o.at.year <= last_year]
