"""One line for one row of the journal, for a terminal; it holds names and never goes into a log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from radicale_practice.practice import zones
from radicale_practice.practice.records.journal_list import Entry
from radicale_practice.practice.records.programs import short_name
from radicale_practice.practice.schema.columns import WALL_TIME_FORMAT

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_NEAR_DAYS = 6
"""Of today and so many days to come a weekday says enough."""

_DONE = {
    "create": "added",
    "change": "changed",
    "cancel": "cancelled",
    "cancel-instance": "cancelled",
    "discard": "cancelled, it was not booked",
    "restore": "restored",
    "link": "linked to another patient",
    "overwrite": "overwritten",
    "refused": "refused, the practice's version comes back",
    "undo": "undone",
    "move-away": "moved to another calendar",
    "move-in": "moved into the practice's calendar",
    "rename": "has another file name",
    "copy-removed": "copied and the copy removed again: a move",
    "erase": "erased with all contents",
}

_PATIENTS = {
    "patient-add": "patient {who} added",
    "patient-change": "patient {who} changed",
    "patient-merge": "patient {who} merged with another number",
    "patient-import": "patients imported",
    "foreign": "patient {who} added or changed",
    "erase": "all contents of a patient erased",
}

_IMPORTED = {"added": "new", "updated": "changed"}

_OFFICE = {
    "looked": "looked for double bookings made by other programs",
    "practice-add": "practice {name} set up",
    "staff-add": "{user_name} can sign in, as {role}",
    "staff-password": "{user_name} has a new password",
    "staff-role": "{user_name} is now {role}",
    "staff-change": "{user_name} has another name or e-mail address",
    "staff-deactivate": "{user_name} cannot sign in any more",
    "staff-activate": "{user_name} can sign in again",
    "calendar-add": "calendar {name} added",
    "calendar-rename": "calendar is now called {name}",
    "calendar-deactivate": "calendar {name} taken away",
    "calendar-activate": "calendar {name} is there again",
    "access-grant": "{user_name} has {access} access to calendar {name}",
    "access-revoke": "{user_name} has {access} access to calendar {name} no more, but what the role gives",
    "location-add": "location {name} added",
}
"""What happens in the office, not in the book."""

_NEW = timedelta(seconds=2)
"""A row that a foreign program changed so soon after it was made was just added."""


class _Now(NamedTuple):
    """The moment of the change on the practice's wall clock, the practice's zone, and whether every day is
    told with its date."""

    wall: datetime
    zone: str
    dated: bool


class _Kept(dict[str, Any]):
    """What the journal still has; its contents go with time."""

    def __missing__(self, key: str) -> str:
        return "(no longer kept)"


def line(entry: Entry, time_zone: str, with_day: bool = False) -> str:
    """``10:42 anna müller, DAVx5: Huber Maria moved from Tue 09:00 to Tue 09:30``.

    Times of day are the practice's; ``with_day`` puts the date before the time and into every other one, for
    reading long afterwards.
    """
    at = zones.to_wall(entry.at.replace(tzinfo=UTC), time_zone)
    now = _Now(at, time_zone, with_day)
    return f"{at:{'%Y-%m-%d %H:%M' if with_day else '%H:%M'}} {_who(entry)}: {_what(entry, now)}"


def _who(entry: Entry) -> str:
    if entry.action == "foreign":
        return f"practice program ({entry.program})" if entry.program else "practice program"
    if not entry.user_name and entry.program.startswith("radicale-practice"):
        return entry.program  # the command line says who sits at the machine
    known = filter(None, (entry.user_name, entry.device or short_name(entry.program)))
    return ", ".join(known) or "another program"


def _what(entry: Entry, now: _Now) -> str:
    if entry.action == "settings":
        return _settings(entry)
    if entry.action in _OFFICE:
        kept = _Kept(entry.after)
        if entry.private:
            kept["name"] = "(private)"
        return _OFFICE[entry.action].format_map(kept)
    if entry.appointment_id is None and entry.action == "foreign" and not entry.patient:
        return "a patient erased or deleted"
    if entry.appointment_id is None and entry.action in _PATIENTS:
        said = _PATIENTS[entry.action].format(who=entry.patient or "(no longer kept)")
        return ": ".join(filter(None, (said, _about_patients(entry))))
    return _appointment(entry, now)


def _about_patients(entry: Entry) -> str:
    """What was changed of a patient, or how many were imported; empty if it is no longer kept."""
    if entry.action == "patient-import":
        return ", ".join(
            f"{entry.after[key]} {word}" for key, word in _IMPORTED.items() if key in entry.after
        )
    if entry.action != "patient-change":
        return ""
    return ", ".join(
        f"{name.replace('_', ' ')} from {entry.before.get(name) or '(none)'} to {value or '(none)'}"
        for name, value in entry.after.items()
    )


def _settings(entry: Entry) -> str:
    changed = ", ".join(f"{name} = {_value(value)}" for name, value in entry.after.items())
    return f"settings changed: {changed}" if changed else "settings changed"


def _value(value: Any) -> str:
    return "; ".join(str(v) for v in value) if isinstance(value, list) else str(value)


def _appointment(entry: Entry, now: _Now) -> str:
    former, present = _rows(entry)
    row = present or former
    name = "a private entry" if entry.private else entry.patient or str(row.get("subject", "")) or "an entry"
    start, end = _moment(former, now), _moment(present, now)
    in_series = " (series)" if row.get("rrule") else ""
    if entry.action == "held":
        return f"{name}: {_held(entry, start, end)} held back by the burst brake"
    if entry.action in ("change", "move", "overwrite", "undo") and start and end and start != end:
        return f"{name} moved from {start} to {end}{in_series}"
    if entry.action == "move" and former and present:
        return f"{name} moved to another calendar" + (f" ({end})" if end else "")
    when = end or start
    if when and in_series:
        when = f"series from {when}"
    return f"{name} {_done(entry, present)}" + (f" ({when})" if when else "")


def _held(entry: Entry, start: str, end: str) -> str:
    operation = str(entry.after.get("operation", "change"))
    if operation == "change" and start and end and start != end:
        return f"move from {start} to {end}"
    what = {"create": "new entry", "cancel": "cancellation", "move": "move to another calendar"}
    when = end or start
    return what.get(operation, operation) + (f" ({when})" if when else "")


def _kept_row(content: Any) -> Mapping[str, Any]:
    """The master of an object that the brake kept, as a row; empty if there is none or it was emptied."""
    found = content.get("appointments") if isinstance(content, Mapping) else None
    for values in found if isinstance(found, list) else ():
        if isinstance(values, Mapping) and values.get("recurrence_id") is None:
            return {**values, "starts_at": str(values.get("start", "")).replace("T", " ")}
    return {}


def _done(entry: Entry, present: Mapping[str, Any]) -> str:
    if entry.action == "foreign":
        if not present:
            return "deleted"
        if present.get("status") == "cancelled":
            return "cancelled"
        created = present.get("created_at")
        is_new = isinstance(created, datetime) and abs(entry.at - created) <= _NEW
        return "added" if is_new else "changed"
    if entry.action == "status" and present.get("status"):
        return f"is now {str(present['status']).replace('_', ' ')}"
    if entry.action == "link" and present and not present.get("patient_id"):
        return "linked to nobody"
    return _DONE.get(entry.action, entry.action.replace("-", " "))


def _rows(entry: Entry) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The row that changed, before and after: the master if it did, else the first instance that did."""
    kept = _kept_row(entry.after.get("current")), _kept_row(entry.after.get("desired"))
    if any(kept):
        return kept
    before, after = _by_id(entry.before), _by_id(entry.after)
    if not before and not after:
        return {}, entry.present or {}
    changed = [i for i in dict.fromkeys((*before, *after)) if before.get(i) != after.get(i)]
    ids = changed or list(before or after)
    masters = [i for i in ids if not (after.get(i) or before.get(i) or {}).get("recurrence_id")]
    if entry.action == "cancel-instance":
        masters = [] if len(masters) < len(ids) else masters
    chosen = (masters or ids)[0]
    former, present = before.get(chosen, {}), after.get(chosen, {})
    if before and not former and present.get("recurrence_id"):
        # An instance that had no row of its own: it was where the rule had it.
        former = {**present, "starts_at": present["recurrence_id"]}
    return former, present


def _by_id(content: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    rows = content.get("rows")
    if not isinstance(rows, Mapping):
        return {}
    return {str(i): row for i, row in rows.items() if isinstance(row, Mapping)}


def _moment(row: Mapping[str, Any], now: _Now) -> str:
    """``Tue 09:00`` in the week to come, else ``Tue 2026-12-01 09:00``."""
    try:
        start = datetime.strptime(str(row.get("starts_at", "")), WALL_TIME_FORMAT)
    except ValueError:
        return ""
    zone = zones.meant(str(row.get("time_zone", "")), now.zone)
    if zone != now.zone and not row.get("all_day"):
        start = zones.to_wall(zones.to_utc(start, zone), now.zone)
    day = _DAYS[start.weekday()]
    if now.dated or not 0 <= (start.date() - now.wall.date()).days <= _NEAR_DAYS:
        day += f" {start:%Y-%m-%d}"
    return day if row.get("all_day") else f"{day} {start:%H:%M}"
