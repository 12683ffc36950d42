"""An uploaded calendar object to the state the viewer wants: the way back through the lens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from radicale_practice.event import read_event
from radicale_practice.event.absorb_event import Reader, Uploaded
from radicale_practice.event.content_lines import Component, Line, parse
from radicale_practice.event.directory import Directory
from radicale_practice.event.errors import (
    InvalidCalendarData,
    InvalidCalendarObject,
    TooManyInstances,
    UnsupportedComponent,
)
from radicale_practice.event.extra import Envelope, dump_envelope, load_envelope
from radicale_practice.event.merge import rebuilder
from radicale_practice.event.normal import normalise, ours
from radicale_practice.event.render import key_of, render, years
from radicale_practice.event.series import Elsewhere, elsewhere, exceptions, former_rows
from radicale_practice.event.values import UTC
from radicale_practice.practice import zones
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.model import (
    Appointment,
    CalendarObject,
    Finding,
    Projection,
    View,
)
from radicale_practice.practice.series.recurrence import check_rule

MAX_EVENTS = 1000
"""VEVENTs in one object: a master and its overridden instances."""


@dataclass(frozen=True, slots=True)
class Absorbed:
    """The desired state, what somebody should look at, and whether a read returns the uploaded bytes."""

    object: CalendarObject
    findings: tuple[Finding, ...]
    exact: bool


def absorb(
    data: bytes, current: CalendarObject | None, projection: Projection, directory: Directory
) -> Absorbed:
    """What the viewer wants who uploads ``data`` over ``current`` (None: a new object).

    Works from the client's bytes. What the projection hides is not touched; what is uploaded as it was
    rendered changes nothing. Overridden instances that the upload leaves out are not in the result;
    an instance excluded by an EXDATE is a row with status cancelled.
    ``directory`` is asked at most once by number, once by name and once for locations.
    Raises subclasses of ``InvalidCalendarData`` with reason, line number and CalDAV precondition.
    """
    if current is not None and render(current, projection).encode() == data:
        return Absorbed(current, (), True)
    calendar = parse(data)
    events = _checked_events(calendar)
    normalise(calendar, _zone(projection))
    masters = [event for event in events if event.first("RECURRENCE-ID") is None]
    if len(masters) > 1:
        raise InvalidCalendarObject("two events without RECURRENCE-ID", masters[1].begin.number)
    uploads, uid = _uploaded(events, masters, current, projection)
    reader = Reader(projection, directory, rebuilder(calendar), uploads)
    appointments, findings, others = _appointments(uploads, current, reader)
    wanted = CalendarObject(
        uid=uid,
        appointments=appointments,
        elsewhere=others,
        extra=_envelope(calendar, uploads, current, projection, appointments),
    )
    exact = _is_exact(wanted, projection, data)
    return Absorbed(wanted, findings, exact)


def _is_exact(wanted: CalendarObject, projection: Projection, data: bytes) -> bool:
    # The link of an event that has no id yet will stand in it at the first read.
    if projection.appointment_link and any(not a.public_id for a in wanted.appointments):
        return False
    return render(wanted, projection).encode() == data


def _zone(projection: Projection) -> str:
    return zones.canonical(projection.time_zone) or UTC


def _checked_events(calendar: Component) -> list[Component]:
    """The VEVENTs, if they are one CalDAV object (RFC 4791 4.1)."""
    events = []
    for component in calendar.components:
        if component.name == "VEVENT":
            events.append(component)
        elif component.name in ("VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY", "VPOLL"):
            raise UnsupportedComponent(f"{component.name} is not supported", component.begin.number)
    if not events:
        raise UnsupportedComponent("no VEVENT")
    if len(events) > MAX_EVENTS:
        raise TooManyInstances(f"more than {MAX_EVENTS} events in one object")
    return events


def _uploaded(
    events: list[Component], masters: list[Component], current: CalendarObject | None, projection: Projection
) -> tuple[list[Uploaded], str]:
    """What each VEVENT says, the master first, the exceptions by date; and their one UID."""
    former = current.master if current is not None else None
    all_day_zone = former.time_zone if former is not None and former.all_day else _zone(projection)
    series: read_event.SeriesForm | None = None
    if former is not None and not masters:
        series = read_event.SeriesForm(former.time_zone, former.all_day, former.start.time())
    uploads: list[Uploaded] = []
    uid = read_event.uid_value(events[0])
    seen: set[datetime | None] = set()
    for event in sorted(events, key=lambda e: e.first("RECURRENCE-ID") is not None):
        if read_event.uid_value(event) != uid:
            raise InvalidCalendarObject("two UIDs in one object", event.begin.number)
        facts = read_event.read_facts(event, all_day_zone, series)
        if facts.recurrence_id in seen:
            raise InvalidCalendarObject("two events for one instance", event.begin.number)
        seen.add(facts.recurrence_id)
        if event in masters:
            series = read_event.SeriesForm(facts.zone, facts.all_day, facts.start.time())
            _check_rule(event, facts, former)
        entries, personal = read_event.pieces_of(event, facts, projection, series)
        zone = series.zone if series is not None else facts.zone
        uploads.append(Uploaded(facts, entries, personal, event.begin.number, zone))
    return sorted(uploads, key=lambda u: u.facts.recurrence_id or datetime.min), uid


def _check_rule(event: Component, facts: read_event.Facts, former: Appointment | None) -> None:
    same = former is not None and (former.rrule, former.start) == (facts.rrule, facts.start)
    if not facts.rrule or same:
        return
    line = event.first("RRULE")
    try:
        check_rule(facts.rrule, facts.start, facts.all_day)
    except InvalidCalendarData:
        raise
    except InvalidValue as error:
        raise InvalidCalendarObject(str(error), line.number if line else None) from None


def _appointments(
    uploads: list[Uploaded], current: CalendarObject | None, reader: Reader
) -> tuple[tuple[Appointment, ...], tuple[Finding, ...], frozenset[datetime]]:
    """The desired rows, the master first; every uploaded instance becomes one. And the dates of the instances
    that live in another calendar."""
    findings: list[Finding] = []
    rows: list[Appointment] = []
    former = current.master if current is not None else None
    master: Appointment | None = None
    of_master = uploads[0].facts.recurrence_id is None
    top = uploads[0].facts
    instances = {u.facts.recurrence_id for u in uploads if u.facts.recurrence_id is not None}
    before = former_rows(current, top.start if of_master else None, instances, top.exdate)
    reader.look_up(before)
    if of_master:
        # An override that lives here alone, without its master, is a single event to the client.
        master = reader.read(uploads[0], former, None, findings)
        rows.append(master)
    overrides = uploads[1:] if master is not None else uploads
    recurring = master is None or master.is_series
    if overrides and not recurring:
        raise InvalidCalendarObject("an instance of an event that does not recur", overrides[0].line)
    others = Elsewhere(current.elsewhere if current is not None else frozenset())
    if master is not None:
        others = elsewhere(current, master, top.exdate)
    for upload in overrides:
        instance = upload.facts.recurrence_id
        assert instance is not None
        if instance in others.dates:
            raise InvalidCalendarObject("this instance is in another calendar", upload.line)
        row = before.row(instance, upload.series_zone)
        rows.append(reader.read(upload, row, master, findings))
    if master is not None and master.is_series:
        settled = exceptions(before, master, top.exdate, instances, others)
        rows[0] = replace(master, exdate=settled.exdate)
        rows += settled.cancelled
    found = (*rows[:1], *sorted(rows[1:], key=lambda r: r.recurrence_id or datetime.min))
    return found, tuple(findings), others.dates


def _envelope(
    calendar: Component,
    uploads: list[Uploaded],
    current: CalendarObject | None,
    projection: Projection,
    appointments: tuple[Appointment, ...],
) -> str:
    """The VCALENDAR as it came; below full the one before stays, since its viewer never saw it."""
    if projection.view is not View.FULL and current is not None and current.extra:
        return current.extra
    first, _ = years(CalendarObject("", appointments))
    keys = {upload.line: key_of(upload.facts.recurrence_id) for upload in uploads}
    items: list[tuple[str, str, str]] = []
    for item in calendar.items:
        if isinstance(item, Line):
            items.append(("L", item.name, item.raw))
        elif item.name == "VEVENT":
            items.append(("E", keys[item.begin.number], ""))
        elif item.name == "VTIMEZONE":
            identifier = item.first("TZID")
            zone = identifier.value.strip() if identifier is not None else ""
            items.append(("Z", zone, item.raw if item.raw != ours(zone, first).raw else ""))
        else:
            items.append(("L", f"+{item.name}", item.raw))
    if current is not None and load_envelope(current.extra).items == tuple(items):
        return current.extra
    return dump_envelope(Envelope(tuple(items)))
