"""One line for one row of the journal, for a terminal; it holds names and never goes into a log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from radicale_practice.practice import zones
from radicale_practice.practice.journal_list import Entry
from radicale_practice.practice.programs import short_name
from radicale_practice.practice.schema.columns import WALL_TIME_FORMAT

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_NEAR_DAYS = 6
"""Within these days of now a weekday says enough."""

_DONE = {
    "create": "added",
    "change": "changed",
    "cancel": "cancelled",
    "cancel-instance": "cancelled",
    "restore": "restored",
    "status": "status changed",
    "link": "patient linked",
    "overwrite": "changed",
    "refused": "refused, the practice's version comes back",
    "held": "held back by the burst brake",
    "undo": "undone",
    "move-away": "moved to another calendar",
    "copy-removed": "copy removed",
    "erase": "contents erased",
    "patient-add": "patient added",
    "patient-change": "patient changed",
    "patient-merge": "patients merged",
    "patient-import": "patients imported",
}


def line(entry: Entry, time_zone: str, with_day: bool = False) -> str:
    """``10:42 anna müller, DAVx5: Huber Maria moved from Tue 09:00 to Tue 09:30``.

    Times of day are the practice's; ``with_day`` puts the date before the time.
    """
    at = zones.to_wall(entry.at.replace(tzinfo=UTC), time_zone)
    who = ", ".join(filter(None, (entry.user_name, entry.device or short_name(entry.program))))
    return f"{at:{'%Y-%m-%d %H:%M' if with_day else '%H:%M'}} {who or 'another program'}: {_what(entry, at)}"


def _what(entry: Entry, now: datetime) -> str:
    former, present = _main_row(entry.before), _main_row(entry.after)
    row = present or former
    name = "a private entry" if entry.private else entry.patient or str(row.get("subject", "")) or "an entry"
    start, end = _moment(former, now), _moment(present, now)
    if entry.action in ("change", "move", "overwrite") and start and end and start != end:
        return f"{name} moved from {start} to {end}"
    if entry.action == "move" and former and present:
        return f"{name} moved to another calendar" + (f" ({end})" if end else "")
    done = _DONE.get(entry.action, entry.action)
    when = end or start
    return f"{name} {done}" + (f" ({when})" if when else "")


def _main_row(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row that changed: an instance if there is one, else the appointment or the series' master."""
    rows = content.get("rows")
    if not isinstance(rows, Mapping):
        return {}
    found = [row for row in rows.values() if isinstance(row, Mapping)]
    instances = [row for row in found if row.get("recurrence_id")]
    return (instances or found or [{}])[0]


def _moment(row: Mapping[str, Any], now: datetime) -> str:
    """``Tue 09:00`` in the week around now, else with the date."""
    try:
        start = datetime.strptime(str(row.get("starts_at", "")), WALL_TIME_FORMAT)
    except ValueError:
        return ""
    day = _DAYS[start.weekday()]
    if abs((start.date() - now.date()).days) > _NEAR_DAYS:
        day += f" {start.day}.{start.month}.{start.year}"
    return day if row.get("all_day") else f"{day} {start:%H:%M}"
