"""One VEVENT: made new from the practice's fields, or from the client's lines where they still hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from radicale_practice.event import views
from radicale_practice.event.content_lines import clean_text, fold_line
from radicale_practice.event.extra import Entry, load_personal, load_skeleton
from radicale_practice.event.harmless import harmless_line, harmless_parameters, neutral_alarm
from radicale_practice.event.values import (
    UTC,
    escape,
    format_date_time,
    time_property,
)
from radicale_practice.event.words import words_of
from radicale_practice.practice.model import Appointment, Projection, Status, View

STAMP = "DTSTAMP:20000101T000000Z"
"""Required, and the same at every read: a stamp of the reading would change the bytes each time."""

SINGLE = frozenset(
    (
        *("UID", "DTSTART", "DTEND", "SUMMARY", "LOCATION", "DESCRIPTION", "URL", "STATUS", "TRANSP"),
        *("RRULE", "RECURRENCE-ID"),
    )
)
LISTS = frozenset(("EXDATE", "RDATE"))
_TIMES = ("RECURRENCE-ID", "DTSTART", "DTEND", "RRULE")
_TEXTS = ("SUMMARY", "LOCATION", "DESCRIPTION", "URL", "TRANSP", "STATUS")
OWN = "own"
"""Basis of a URL that is the client's own."""


class EventTimes(NamedTuple):
    """The zone of start and end, the zone and form of the series' dates, its rule, dates and exceptions."""

    zone: str
    series_zone: str
    series_all_day: bool
    rrule: str
    rdate: tuple[datetime, ...]
    exdate: tuple[datetime, ...]


def moment_basis(wall: datetime, zone: str, all_day: bool) -> str:
    """What a time says, as text."""
    return f"{format_date_time(wall)}{'D' if all_day else zone}"


def date_bases(dates: Iterable[datetime], zone: str, all_day: bool) -> str:
    """What a list of dates says: wall times, and the zone they are in (``D`` for days)."""
    return f"{','.join(format_date_time(wall) for wall in sorted(dates))}/{'D' if all_day else zone}"


class Wanted:
    """What each modelled property of one VEVENT has to say under a projection, and the line that says it."""

    def __init__(
        self,
        uid: str,
        appointment: Appointment,
        projection: Projection,
        times: EventTimes,
        subject_by: tuple[int, str] | None,
    ) -> None:
        self._uid = uid
        self._appointment = appointment
        self._times = times
        self._shown = views.shown(appointment, projection, subject_by)

    def bases(self) -> dict[str, str]:
        """What each property has to say, in the words that are kept with a client's line."""
        appointment, times, shown = self._appointment, self._times, self._shown
        start = moment_basis(appointment.start, times.zone, appointment.all_day)
        wanted = {
            "UID": self._uid,
            "DTSTART": start,
            "DTEND": f"{start}/{format_date_time(appointment.end)}",
            "SUMMARY": shown.title,
            "LOCATION": shown.location,
            "DESCRIPTION": shown.description,
            "URL": f"link {shown.link}" if shown.link else "",
            "RRULE": times.rrule,
            "TRANSP": "TRANSPARENT" if appointment.transparent else "OPAQUE",
            "STATUS": "CANCELLED" if appointment.status is Status.CANCELLED else "",
        }
        if appointment.recurrence_id is not None:
            wanted["RECURRENCE-ID"] = moment_basis(
                appointment.recurrence_id, times.series_zone, times.series_all_day
            )
        return wanted

    def line(self, name: str) -> str:
        """Our own line of a property, "" where its absence says the same."""
        appointment, times = self._appointment, self._times
        match name:
            case "UID":
                return f"UID:{self._uid if self._uid.isprintable() else _one_line(self._uid)}"
            case "DTSTART":
                return time_property(name, appointment.start, times.zone, appointment.all_day)
            case "DTEND":
                return _end_line(appointment, times.zone)
            case "SUMMARY":
                return text_line(name, self._shown.title)
            case "LOCATION":
                return text_line(name, self._shown.location)
            case "DESCRIPTION":
                return text_line(name, self._shown.description)
            case "URL":
                return fold_line(f"URL:{_one_line(self._shown.link)}") if self._shown.link else ""
            case "RRULE":
                return f"RRULE:{_one_line(times.rrule).strip()}" if times.rrule else ""
            case "TRANSP":
                return "TRANSP:TRANSPARENT" if appointment.transparent else ""
            case "STATUS":
                return "STATUS:CANCELLED" if appointment.status is Status.CANCELLED else ""
            case _:
                wall = appointment.recurrence_id
                return _series_time(name, wall, times) if wall is not None else ""


def fresh_event(
    uid: str, appointment: Appointment, projection: Projection, times: EventTimes
) -> tuple[str, tuple[str, ...]]:
    """(text of the VEVENT, zones it needs) without any line of a client."""
    wanted = Wanted(uid, appointment, projection, times, None)
    lines = ["BEGIN:VEVENT", wanted.line("UID"), STAMP]
    lines += [line for name in _TIMES if (line := wanted.line(name))]
    lines += [_series_time("RDATE", wall, times) for wall in times.rdate]
    lines += [_series_time("EXDATE", wall, times) for wall in times.exdate]
    lines += [line for name in _TEXTS if (line := wanted.line(name))]
    lines.append("END:VEVENT\r\n")
    return "\r\n".join(lines), _zones(appointment, times)


def kept_event(
    uid: str, appointment: Appointment, projection: Projection, times: EventTimes
) -> tuple[str, tuple[str, ...]]:
    """(text of the VEVENT, zones it needs) from the client's lines."""
    skeleton = load_skeleton(appointment.extra)
    wanted = Wanted(uid, appointment, projection, times, skeleton.subject_by)
    bases = wanted.bases()
    entries = skeleton.entries or _fresh_entries(uid, appointment, projection, times, bases)
    lists = {"EXDATE": set(times.exdate), "RDATE": set(times.rdate)}
    writer = _Writer(projection, wanted, list(_zones(appointment, times)))
    personal = list(load_personal(appointment.personal))
    for index, entry in enumerate(entries):
        while personal and personal[0].position <= index:
            writer.personal(personal.pop(0).entry)
        name = "DTEND" if entry.name == "DURATION" else entry.name
        if name in SINGLE:
            if name in bases:
                writer.single(name, bases.pop(name), entries[index:])
        elif name in LISTS:
            writer.dates(entry, lists[name], times)
        else:
            writer.passed(entry, appointment, projection)
    for item in personal:
        writer.personal(item.entry)
    made = [line for name in bases if (line := wanted.line(name))]
    for name in ("RDATE", "EXDATE"):
        made += [_series_time(name, wall, times) for wall in sorted(lists[name])]
    writer.insert(made)
    return "BEGIN:VEVENT\r\n" + "\r\n".join(writer.lines) + "\r\nEND:VEVENT\r\n", tuple(writer.zones)


class _Writer:
    """Collects the lines of one VEVENT and the zones they need."""

    def __init__(self, projection: Projection, wanted: Wanted, zones: list[str]) -> None:
        self._wanted = wanted
        self.lines: list[str] = []
        self.zones = zones
        self._full = projection.view is View.FULL
        self._reminder = words_of(projection.language).reminder
        self._components_at: int | None = None

    def single(self, name: str, basis: str, candidates: Sequence[Entry]) -> None:
        """The first of the client's lines of this property that says what is wanted, else ours."""
        if name == "URL" and self._full:
            candidates = sorted(candidates, key=lambda entry: entry.basis != OWN)
        for entry in candidates:
            same = entry.name == name or (name == "DTEND" and entry.name == "DURATION")
            if same and self._says(entry, basis):
                if not entry.text:
                    return
                if self._full or harmless_parameters(entry.text):
                    self._add(entry)
                    return
                break
        line = self._wanted.line(name)
        if line or name == "TRANSP":
            self.lines.append(line or "TRANSP:OPAQUE")

    def _says(self, entry: Entry, basis: str) -> bool:
        if entry.name == "STATUS":
            kept = entry.basis != "CANCELLED" if self._full else entry.basis in ("TENTATIVE", "CONFIRMED")
            return entry.basis == basis or (basis == "" and kept)
        if entry.name == "URL" and self._full and entry.basis == OWN:
            return True
        return entry.basis == basis

    def dates(self, entry: Entry, left: set[datetime], times: EventTimes) -> None:
        """A line of EXDATE or RDATE if all it says holds, else those of its dates that do.

        The line names instants, the practice wall times: in another zone, or of whole days, it holds no more.
        """
        walls, _, form = entry.basis.partition("/")
        said = {datetime.strptime(text, "%Y%m%dT%H%M%S") for text in walls.split(",") if text}
        same_form = form == ("D" if times.series_all_day else times.series_zone)
        if same_form and said <= left and (self._full or harmless_parameters(entry.text)):
            self._add(entry)
        else:
            self.lines += [_series_time(entry.name, wall, times) for wall in sorted(said & left)]
        left -= said

    def passed(self, entry: Entry, appointment: Appointment, projection: Projection) -> None:
        """A line or component that is not modelled."""
        if self._full:
            if entry.basis and entry.basis != _companion(entry.name, appointment, projection):
                return
        elif entry.name.startswith("+") or not harmless_line(entry.text):
            if entry.name == "DTSTAMP":
                self.lines.append(STAMP)
            return
        self._add(entry)

    def personal(self, entry: Entry) -> None:
        """One of the viewer's own pieces; neutral below full."""
        if self._full:
            self._add(entry)
        elif entry.name == "+VALARM":
            text = neutral_alarm(entry.text, self._reminder)
            if text:
                self._add(entry._replace(text=text, zone=""))
        elif harmless_line(entry.text):
            self._add(entry)

    def insert(self, made: list[str]) -> None:
        """Lines that had no place: before the alarms and other components."""
        at = len(self.lines) if self._components_at is None else self._components_at
        self.lines[at:at] = made

    def _add(self, entry: Entry) -> None:
        if entry.name.startswith("+") and self._components_at is None:
            self._components_at = len(self.lines)
        self.lines.append(entry.text)
        for zone in entry.zone.split():
            if zone not in self.zones:
                self.zones.append(zone)


def _companion(name: str, appointment: Appointment, projection: Projection) -> str:
    """What a line that repeats another property (HTML of the note, place on the map) has to fit."""
    if name == "X-ALT-DESC":
        link = views.link_of(appointment, projection)
        return companion_basis(views.description(appointment, projection, link))
    return companion_basis(views.location(appointment, projection))


def companion_basis(text: str) -> str:
    """Basis of a line that repeats another property; never empty."""
    return f"={text}"


def text_line(name: str, text: str) -> str:
    """A line with a TEXT value, folded; "" for no text."""
    return fold_line(f"{name}:{escape(text)}") if text else ""


def _one_line(text: str) -> str:
    return clean_text(text).replace("\n", "")


def _end_line(appointment: Appointment, zone: str) -> str:
    """DTEND, or nothing where its absence says the same (RFC 5545 3.6.1)."""
    if appointment.all_day:
        if appointment.end - appointment.start <= timedelta(days=1):
            return ""
    elif appointment.end <= appointment.start:
        return ""
    return time_property("DTEND", appointment.end, zone, appointment.all_day)


def _series_time(name: str, wall: datetime, times: EventTimes) -> str:
    return time_property(name, wall, times.series_zone, times.series_all_day)


def _zones(appointment: Appointment, times: EventTimes) -> tuple[str, ...]:
    """The zones of lines made by us; a client's line that says the same may need another one beside."""
    found = []
    if not appointment.all_day and times.zone != UTC:
        found.append(times.zone)
    other = appointment.recurrence_id is not None and not times.series_all_day
    if other and times.series_zone not in (UTC, *found):
        found.append(times.series_zone)
    return tuple(found)


def _fresh_entries(
    uid: str, appointment: Appointment, projection: Projection, times: EventTimes, bases: dict[str, str]
) -> tuple[Entry, ...]:
    """Personal pieces around an event without a client's lines: ours in the order of a fresh event."""
    text, _ = fresh_event(uid, appointment, projection, times)
    entries: list[Entry] = []
    for line in text.split("\r\n")[1:-2]:
        name = line.partition(":")[0].partition(";")[0]
        if line.startswith(" ") and entries:
            entries[-1] = entries[-1]._replace(text=f"{entries[-1].text}\r\n{line}")
        elif name in LISTS:
            value = line.rpartition(":")[2].rstrip("Z")
            wall = value if "T" in value else f"{value}T000000"
            entries.append(Entry(name, line, f"{wall}/{'D' if times.series_all_day else times.series_zone}"))
        else:
            entries.append(Entry(name, line, bases.get(name, "")))
    return tuple(entries)
