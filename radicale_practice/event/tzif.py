"""The days of change of a zone: TZif data (RFC 8536) with its footer, the rule that holds from now on."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from radicale_practice.practice import zones

_EPOCH = datetime(1970, 1, 1)
_HEADER = struct.Struct(">4sc15x6L")
_NAME = r"(<[^>]+>|[A-Za-z]+)"
_OFFSET = r"([+-]?\d{1,3}(?::\d{2}(?::\d{2})?)?)"
_FOOTER = re.compile(rf"{_NAME}{_OFFSET}(?:{_NAME}{_OFFSET}?,([^,]+),([^,]+))?")
_MONTH_RULE = re.compile(rf"M(\d{{1,2}})\.([1-5])\.([0-6])(?:/{_OFFSET})?")


@dataclass(frozen=True, slots=True)
class LocalType:
    """Local time of one kind: seconds east of UTC, whether the zone calls it daylight saving, its name."""

    offset: int
    daylight: bool
    name: str


@dataclass(frozen=True, slots=True)
class Onset:
    """The moment (naive UTC) at which local time goes over from one kind to another."""

    at: datetime
    before: LocalType
    after: LocalType

    @property
    def wall(self) -> datetime:
        """The moment on the clock that is about to be changed, as RFC 5545 3.6.5 wants it."""
        return self.at + timedelta(seconds=self.before.offset)


@dataclass(frozen=True, slots=True)
class YearlyChange:
    """A footer's rule for one change: ``week`` 1 to 5 (5 is the last) of a weekday (0 is Sunday) in a month.

    ``seconds`` of local time since that day's midnight; less than 0 or more than a day is possible.
    """

    month: int
    week: int
    weekday: int
    seconds: int
    before: LocalType
    after: LocalType

    def onset(self, year: int) -> Onset:
        """The change of that year."""
        first = date(year, self.month, 1)
        day = first + timedelta(days=(self.weekday - first.isoweekday()) % 7 + 7 * (self.week - 1))
        if day.month != self.month:
            day -= timedelta(days=7)
        wall = datetime(day.year, day.month, day.day) + timedelta(seconds=self.seconds)
        return Onset(wall - timedelta(seconds=self.before.offset), self.before, self.after)


@dataclass(frozen=True, slots=True)
class ZoneHistory:
    """A zone: the kind of local time at the beginning, the listed changes, and the yearly ones after them.

    ``yearly`` is empty without daylight saving time at present, or if the footer has another form than
    the one all zones use.
    """

    first: LocalType
    onsets: tuple[Onset, ...]
    yearly: tuple[YearlyChange, ...]
    yearly_from: int


@lru_cache(maxsize=1024)
def history(zone: str) -> ZoneHistory | None:
    """The changes of an IANA zone; None if there is no such zone."""
    content = zones.data(zone)
    return None if content is None else _read(content)


def _read(content: bytes) -> ZoneHistory:
    _, _, isut, isstd, leap, times, types, chars = _HEADER.unpack_from(content, 0)
    skip = _HEADER.size + times * 5 + types * 6 + chars + leap * 8 + isstd + isut
    _, _, isut, isstd, leap, times, types, chars = _HEADER.unpack_from(content, skip)
    position = skip + _HEADER.size
    moments = struct.unpack_from(f">{times}q", content, position)
    position += times * 8
    indexes = content[position : position + times]
    position += times
    raw = [struct.unpack_from(">lBB", content, position + 6 * i) for i in range(types)]
    position += types * 6
    names = content[position : position + chars]
    position += chars + leap * 12 + isstd + isut
    kinds = [
        LocalType(offset, bool(daylight), names[at : names.index(0, at)].decode("ascii"))
        for offset, daylight, at in raw
    ]
    onsets, before = [], kinds[0]
    for moment, index in zip(moments, indexes, strict=True):
        after = kinds[index]
        if moment > -(2**40) and after != before:
            onsets.append(Onset(_EPOCH + timedelta(seconds=moment), before, after))
        before = after
    yearly = _yearly(content[position:].decode("ascii").strip())
    last = _EPOCH + timedelta(seconds=moments[-1]) if moments else datetime(1969, 12, 31)
    return ZoneHistory(kinds[0], *_without_repetition(onsets, yearly, last))


def _without_repetition(
    onsets: list[Onset], yearly: tuple[YearlyChange, ...], last: datetime
) -> tuple[tuple[Onset, ...], tuple[YearlyChange, ...], int]:
    """Listed changes, yearly rule, and the first year from which the rule alone says everything.

    ``last``: the last moment listed, from which on the rule holds. It need not be a change on the clock: in
    Riga the rule began again on a day in winter.
    """
    if not yearly:
        return tuple(onsets), (), 0
    year = last.year + 1
    # the rule holds after the last listed change, perhaps from the middle of that year on
    onsets = list(onsets)
    for onset in _of_year(yearly, last.year):
        if onsets and onset.at > last and onset.after != onsets[-1].after:
            onsets.append(Onset(onset.at, onsets[-1].after, onset.after))
    while onsets and [o for o in onsets if o.wall.year == year - 1] == _of_year(yearly, year - 1):
        year -= 1
    return tuple(o for o in onsets if o.wall.year < year), yearly, year


def _of_year(yearly: tuple[YearlyChange, ...], year: int) -> list[Onset]:
    return sorted((change.onset(year) for change in yearly), key=lambda onset: onset.at)


def _yearly(footer: str) -> tuple[YearlyChange, ...]:
    match = _FOOTER.fullmatch(footer)
    if match is None or match[3] is None:
        return ()
    standard = LocalType(-_seconds(match[2]), False, match[1].strip("<>"))
    offset = -_seconds(match[4]) if match[4] else standard.offset + 3600
    daylight = LocalType(offset, True, match[3].strip("<>"))
    changes = []
    for text, before, after in ((match[5], standard, daylight), (match[6], daylight, standard)):
        rule = _MONTH_RULE.fullmatch(text)
        if rule is None:
            return ()
        month, week, weekday = int(rule[1]), int(rule[2]), int(rule[3])
        changes.append(YearlyChange(month, week, weekday, _seconds(rule[4] or "2"), before, after))
    return tuple(changes)


def _seconds(text: str) -> int:
    hours, *rest = text.lstrip("+-").split(":")
    minutes, seconds = ([int(part) for part in rest] + [0, 0])[:2]
    return (int(hours) * 3600 + minutes * 60 + seconds) * (-1 if text.startswith("-") else 1)
