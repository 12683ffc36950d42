"""What we keep of a client's VEVENT and VCALENDAR beyond the practice's own fields: versioned JSON text.

A *skeleton* holds the content lines of one VEVENT in their order, word for word, without the personal
ones. A line of a modelled property carries its *basis*: what it said when it came. It is sent back as long
as the model still says the same, otherwise it only marks the place of the line made in its stead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

BEHIND = 1_000_000
"""Position of a personal piece behind all shared ones, whatever others add to them."""

_VERSION = 1
_TEXT = {str}


class Entry(NamedTuple):
    """One kept piece. ``text``: its raw line (or component) without the final line end.

    ``name``: property in capitals, or ``+NAME`` for a component; ``zone``: IANA zone that its TZID needs.
    """

    name: str
    text: str
    basis: str = ""
    zone: str = ""


class Placed(NamedTuple):
    """A personal piece and the number of shared entries before it, or ``BEHIND``."""

    position: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Skeleton:
    """One VEVENT as it came; ``subject_by``: which person wrote which subject last."""

    entries: tuple[Entry, ...] = ()
    subject_by: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """The VCALENDAR around it. Items: ``L`` a line or component, ``Z`` a VTIMEZONE, ``E`` a VEVENT.

    An ``E`` has the recurrence id in ``name`` ("" for the master).
    """

    items: tuple[tuple[str, str, str], ...] = ()


def load_skeleton(text: str) -> Skeleton:
    """The skeleton from its text; an empty one for text that is none."""
    value = _load(text)
    by = value.get("subject_by")
    author = (by[0], by[1]) if isinstance(by, list) and len(by) == 2 else None
    return Skeleton(tuple(Entry(*item) for item in _strings(value.get("lines"), 2, 4)), author)


def dump_skeleton(skeleton: Skeleton) -> str:
    """The text of a skeleton, "" for an empty one."""
    if not skeleton.entries and skeleton.subject_by is None:
        return ""
    value: dict[str, Any] = {"v": _VERSION, "lines": [_short(entry) for entry in skeleton.entries]}
    if skeleton.subject_by is not None:
        value["subject_by"] = list(skeleton.subject_by)
    return _dump(value)


def load_personal(text: str) -> tuple[Placed, ...]:
    """The personal pieces from their text."""
    lines = _load(text).get("lines")
    if not isinstance(lines, list):
        return ()
    placed = []
    for item in lines:
        if isinstance(item, list) and item and isinstance(item[0], int):
            for strings in _strings([item[1:]], 2, 4):
                placed.append(Placed(item[0], Entry(*strings)))
    return tuple(placed)


def dump_personal(placed: tuple[Placed, ...]) -> str:
    """The text of personal pieces, "" if there are none."""
    if not placed:
        return ""
    return _dump({"v": _VERSION, "lines": [[item.position, *_short(item.entry)] for item in placed]})


def load_envelope(text: str) -> Envelope:
    """The envelope from its text; an empty one for text that is none."""
    value = _load(text)
    return Envelope(tuple((a, b, c) for a, b, c in _strings(value.get("items"), 3, 3)))


def dump_envelope(envelope: Envelope) -> str:
    """The text of an envelope."""
    return _dump({"v": _VERSION, "items": [list(item) for item in envelope.items]})


def _short(entry: Entry) -> list[str]:
    values = list(entry)
    while len(values) > 2 and not values[-1]:
        values.pop()
    return values


def _load(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) and value.get("v") == _VERSION else {}


def _strings(value: Any, least: int, most: int) -> list[list[str]]:
    if not isinstance(value, list):
        return []
    return [
        item
        for item in value
        if isinstance(item, list) and least <= len(item) <= most and set(map(type, item)) <= _TEXT
    ]


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
