"""A move in two halves, ready to be carried out, and what it means for the practice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from radicale_practice.practice.appointment_rows import Row, Rows, is_documented, is_private
from radicale_practice.practice.book import codec, plan, reach
from radicale_practice.practice.book.as_shown import as_shown
from radicale_practice.practice.book.permissions import CalendarFacts
from radicale_practice.practice.book.plan import Plan
from radicale_practice.practice.book.recognised_moves import Moved
from radicale_practice.practice.model import Actor, CalendarObject, Status
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.rules import brake
from radicale_practice.practice.series import recurrence, spans


@dataclass(frozen=True, slots=True)
class Transfer:
    """A recognised move, ready to be carried out.

    ``rows``: as they are, locked; ``restored``: changes by row that take the deletion back, if it came first.
    ``source``: the calendar it was deleted from. ``away``: it takes something out of the practice's reach.
    ``rest``: instances of the series are documented, and this is what moves. ``stale``: the practice has
    changed what the device changed, too; it must not be carried out. ``enters``: a private entry becomes one
    of the practice's.
    """

    practice: Practice
    actor: Actor
    rows: Rows
    restored: dict[int, Row]
    source: CalendarFacts
    target: CalendarFacts
    href: str
    uid: str
    moved: Moved
    made: Plan
    away: bool
    rest: CalendarObject | None = None
    stale: bool = False
    enters: bool = False

    @property
    def action(self) -> str:
        """The journal's word."""
        return "move-away" if self.away else brake.ENTERS if self.enters else "move"

    @property
    def as_held(self) -> dict[str, Any]:
        """The move, as the brake holds it."""
        return {
            "operation": "move",
            "to_calendar_id": self.target.id,
            "to_href": self.href,
            **codec.dump_upload(self.moved.desired, self.moved.findings),
        }


def prepare(
    practice: Practice,
    actor: Actor,
    rows: Rows,
    restored: dict[int, Row],
    source: CalendarFacts,
    target: CalendarFacts,
    href: str,
    uid: str,
    moved: Moved,
) -> Transfer | None:
    """The move of locked rows. None: it is none."""
    before = as_shown(rows.with_changes(restored))
    if source.id not in rows.calendars.get(rows.id, {}) or is_documented(before.master):
        return None
    if rows.master["series_id"] is not None and moved.desired.master and moved.desired.master.is_series:
        return None
    made = plan.make(moved.former, moved.desired, before)
    stale = made.stale or _both_changed(moved, before)
    away = not source.private and (target.private or _takes_away(practice, moved, made))
    documented = {i: r["recurrence_id"] for i, r in before.here().items() if is_documented(r)}
    rest = _rest(moved, documented) if documented else None
    if documented and rest is None:
        return None
    return Transfer(
        practice=practice,
        actor=actor,
        rows=rows,
        restored=restored,
        source=source,
        target=target,
        href=href,
        uid=uid,
        moved=moved,
        made=made,
        away=away,
        rest=rest,
        stale=stale,
        enters=enters(source, target, before),
    )


def enters(source: CalendarFacts, target: CalendarFacts, rows: Rows) -> bool:
    """Whether a private entry becomes one of the practice's; a patient's has been that all the time."""
    return is_private(source.private, rows) and not target.private


def _both_changed(moved: Moved, rows: Rows) -> bool:
    """Whether the device and somebody in the practice have changed of one series when it takes place."""
    former, desired = moved.former, moved.desired
    is_now = CalendarObject("", tuple(rows.entry(r) for r in (rows.master, *rows.here().values())))
    was = _dates(former)
    return _dates(desired) != was and _dates(is_now) != was


def _dates(entry: CalendarObject) -> object:
    """What decides about the dates of a series; of a single appointment the plan sees all."""
    master = entry.master
    rule: object = None
    if master is not None and master.is_series:
        times = (master.start, master.time_zone, master.all_day)
        rule = (*times, master.rrule, frozenset(master.rdate), frozenset(master.exdate))
    return rule, {(a.id, a.recurrence_id, a.status is Status.CANCELLED) for a in entry.overrides}


def _takes_away(practice: Practice, moved: Moved, made: Plan) -> bool:
    """Whether the upload takes away more than a change of place does: as for any other change."""
    former, desired = moved.former, moved.desired
    return (
        made.takes_away
        or reach.takes_place_of(former, desired)
        or reach.moves_far(practice, former, desired)
        or reach.cuts_off(former, desired)
    )


def _rest(moved: Moved, documented: dict[int, datetime]) -> CalendarObject | None:
    """What the device wants of the series but for the documented instances; None if nothing remains."""
    former, desired = moved.former, moved.desired
    kept = tuple(a for a in desired.appointments if a.id not in documented)
    if desired.master is not None:
        shift = desired.master.start - former.master.start if former.master else timedelta()
        named = {a.id: a.recurrence_id for a in desired.overrides}
        stays = {named.get(i, spans.moved(date, shift)) or date for i, date in documented.items()}
        stays |= desired.elsewhere
        master = replace(desired.master, exdate=tuple(sorted({*desired.master.exdate, *stays})))
        kept = (master, *kept[1:])
    found = replace(desired, appointments=kept, elsewhere=frozenset())
    return found if _takes_place(found) else None


def _takes_place(entry: CalendarObject) -> bool:
    if any(a.status is not Status.CANCELLED for a in entry.overrides):
        return True
    if entry.master is None:
        return False
    overridden = {a.recurrence_id for a in entry.overrides}
    dates = islice(recurrence.expand(entry.master), len(overridden) + 1)
    return any(date not in overridden for date in dates)
