"""What differs between the shown state and the desired one, as changes of rows: nothing is written here.

Documented instances are pinned: they keep their values whatever happens around them, and if the series is
shifted they follow as overrides of the instance that took their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from radicale_practice.practice import zones
from radicale_practice.practice.appointment_rows import (
    Row,
    Rows,
    booked,
    columns_of,
    is_documented,
    times_of,
    times_text,
)
from radicale_practice.practice.book.as_shown import as_shown
from radicale_practice.practice.model import Appointment, CalendarObject, Status
from radicale_practice.practice.schema.appointment_columns import CONTENT, MODELLED, RULE, TIMING
from radicale_practice.practice.series import recurrence
from radicale_practice.practice.series.spans import ending, moved

LONGEST_CUT = 400
"""Instances before a series' last documented one that are excluded one by one."""

_ENDS = ("COUNT", "UNTIL")

_CHECKED = frozenset(MODELLED) - {"exdate"}
"""Columns that must still hold what the client saw before its change of them is taken over: all but the
exclusions, most of which stand for rows of their own."""


@dataclass(slots=True)
class Plan:
    """Changes of rows by id, and what they mean.

    ``cancels``: instances that no longer take place. ``pinned``: the upload wanted to change something
    documented; ``dropped``: to add something of the client's to it. ``stale``: a row changed since the
    client's version was read. ``adjusted``: what will be stored is not exactly what was uploaded.
    """

    updates: dict[int, Row] = field(default_factory=dict)
    cancels: list[int] = field(default_factory=list)
    inserts: list[Appointment] = field(default_factory=list)
    deletes: list[int] = field(default_factory=list)
    extras: dict[int, str] = field(default_factory=dict)
    container: str | None = None
    personal: dict[int, str] = field(default_factory=dict)
    takes_away: bool = False
    pinned: bool = False
    dropped: bool = False
    stale: bool = False
    adjusted: bool = False

    @property
    def writes_rows(self) -> bool:
        """Whether a practice row changes."""
        return bool(any(self.updates.values()) or self.cancels or self.inserts or self.deletes)

    @property
    def writes_extra(self) -> bool:
        """Whether something changes that all people see beside the rows."""
        return bool(self.extras) or self.container is not None

    @property
    def retimes(self) -> bool:
        """Whether it changes when something takes place, so that slots have to be checked again."""
        changed = {name for change in self.updates.values() for name in change}
        return bool(self.inserts or changed & (TIMING | {"status", "transparent"}))


def make(current: CalendarObject, desired: CalendarObject, rows: Rows) -> Plan:
    """The plan from the state shown to the viewer to the one desired, over the locked rows."""
    return _Maker(current, desired, rows).make()


def cut_to_documented(master: Appointment, documented: set[datetime]) -> Row:
    """Columns of a master of whose instances the documented ones alone remain.

    The rule ends with the last of them and excludes the others before it, which every client understands;
    where that would be a very long list, the dates themselves (RDATE) with the start excluded.
    """
    last = max(documented)
    taking_place = list(islice(recurrence.expand(master, None, last + timedelta(seconds=1)), LONGEST_CUT + 1))
    if len(taking_place) > LONGEST_CUT or not master.rrule:
        return {
            "rrule": "",
            "rdate": times_text(documented - {master.start}),
            "exdate": times_text({master.start} - documented),
        }
    until = f"{last:%Y%m%d}"
    if not master.all_day:
        until = f"{zones.to_utc(last, master.time_zone):%Y%m%dT%H%M%SZ}"
    parts = [p for p in master.rrule.split(";") if p and p.split("=")[0].strip().upper() not in _ENDS]
    return {
        "rrule": ";".join([*parts, f"UNTIL={until}"]),
        "rdate": times_text(set(master.rdate) & documented | documented - set(taking_place)),
        "exdate": times_text(set(master.exdate) | set(taking_place) - documented),
    }


def as_its_rule(series: Appointment, master: Row, date: datetime) -> Row:
    """The columns of an instance's row that says nothing but what its series says of that date.

    ``master``: the series' row, of which only the status counts.
    """
    plain = replace(series, start=date, end=ending(series, date), rrule="", rdate=(), exdate=())
    hollow = master["status"] == Status.CANCELLED
    status = str(Status.BOOKED) if hollow else master["status"]
    return {**columns_of(plain), **booked(status), "unconfirmed_reason": master["unconfirmed_reason"]}


class _Maker:
    """One comparison; collects into ``self.plan``."""

    def __init__(self, current: CalendarObject, desired: CalendarObject, rows: Rows) -> None:
        self.current, self.desired, self.rows = current, desired, as_shown(rows)
        self.plan = Plan()
        self.shown = {a.id: a for a in current.appointments if a.id is not None}
        here = self.rows.here()
        self.live = {i: r for i, r in here.items() if r["status"] != Status.CANCELLED and i in self.shown}
        self.gone = {i: r for i, r in here.items() if r["status"] == Status.CANCELLED and i in self.shown}
        self.old, self.new = current.master, desired.master
        self.shift = self._shift()

    def _shift(self) -> timedelta:
        if self.old is None or self.new is None:
            return timedelta()
        return self.new.start - self.old.start

    def make(self) -> Plan:
        self._match()
        self._pin()
        self._overrides()
        self._elsewhere()
        self._dropped()
        self._master()
        if self.desired.extra != self.current.extra:
            if is_documented(self.rows.master):
                self.plan.dropped = self.plan.adjusted = True
            else:
                self.plan.container = self.desired.extra
        return self.plan

    def _match(self) -> None:
        """Which desired override is which row: by id, by date, by date after a shift of the series."""
        self.by_date = by_date = {r["recurrence_id"]: i for i, r in (self.gone | self.live).items()}
        self.matched: dict[int, Appointment] = {}
        self.fresh: list[Appointment] = []
        for entry in self.desired.overrides:
            if (entry.id in self.live or entry.id in self.gone) and entry.id not in self.matched:
                self.matched[entry.id] = entry
        known = {id(entry) for entry in self.matched.values()}
        for entry in (e for e in self.desired.overrides if id(e) not in known):
            row_id = by_date.get(entry.recurrence_id)
            if row_id is None or row_id in self.matched:
                row_id = self._shifted(entry)
            if row_id is None or row_id in self.matched:
                self.fresh.append(entry)
            else:
                self.matched[row_id] = entry

    def _shifted(self, entry: Appointment) -> int | None:
        """A documented or cancelled instance that the client names by its date after the shift."""
        if not self.shift or entry.recurrence_id is None:
            return None
        row_id = self.by_date.get(moved(entry.recurrence_id, -self.shift))
        if row_id in self.gone and entry.status is Status.CANCELLED:
            return row_id
        return row_id if row_id in self.live and is_documented(self.live[row_id]) else None

    def _pin(self) -> None:
        """Dates of the documented instances under the desired rule, and those the rule must be given."""
        documented = {i: r["recurrence_id"] for i, r in self.live.items() if is_documented(r)}
        self.pins: dict[int, datetime] = dict(documented)
        self.more_dates: set[datetime] = set()
        if not documented or self.new is None or not self._rule_changed():
            return
        taken = {e.recurrence_id for i, e in self.matched.items() if i not in documented}
        taken |= {e.recurrence_id for e in self.fresh}
        dates = self._dates([*documented.values(), *(moved(d, self.shift) for d in documented.values())])
        for row_id, date in documented.items():
            fits = [d for d in (moved(date, self.shift), date) if d in dates and d not in taken]
            self.pins[row_id] = fits[0] if fits else date
            taken.add(self.pins[row_id])
            if not fits:
                self.more_dates.add(date)
                self.plan.adjusted = True

    def _rule_changed(self) -> bool:
        return (self.old is None) != (self.new is None) or any(
            getattr(self.old, n) != getattr(self.new, n)
            for n in ("start", "time_zone", "all_day", "rrule", "rdate")
        )

    def _dates(self, wanted: list[datetime]) -> set[datetime]:
        """Those of ``wanted`` on which the desired rule has an instance, excluded ones included."""
        if self.new is None or not wanted:
            return set()
        rule = replace(self.new, exdate=())
        found = set(recurrence.expand(rule, min(wanted), max(wanted) + timedelta(seconds=1)))
        return found & set(wanted)

    def _overrides(self) -> None:
        for row_id, entry in self.matched.items():
            row = self.rows.overrides[row_id]
            if row_id in self.pins:
                self._documented(row_id, entry)
            elif entry.status is Status.CANCELLED:
                if row["status"] != Status.CANCELLED and not self._shown_cancelled(row_id):
                    self._cancel(row_id)
                if entry.recurrence_id != self.shown[row_id].recurrence_id:
                    self._change(row_id, {"recurrence_id": entry.recurrence_id})
            else:
                change = self._difference(row_id, entry)
                if row["status"] == Status.CANCELLED and self._shown_cancelled(row_id):
                    change |= booked()
                if entry.recurrence_id != self.shown[row_id].recurrence_id:
                    change["recurrence_id"] = entry.recurrence_id
                self._change(row_id, change)
                self._extras(row_id, entry)
        for row_id, date in self.pins.items():
            if date != self.rows.overrides[row_id]["recurrence_id"]:
                self._change(row_id, {"recurrence_id": date})
        self.plan.inserts = self.fresh
        self.plan.takes_away |= any(e.status is Status.CANCELLED for e in self.fresh)

    def _shown_cancelled(self, row_id: int) -> bool:
        """Whether the viewer saw it cancelled: if not, somebody else has cancelled it since."""
        return self.shown[row_id].status is Status.CANCELLED

    def _elsewhere(self) -> None:
        """Instances in another calendar stay those of their series: a shift has moved their dates."""
        if not self.shift or self.desired.elsewhere == self.current.elsewhere:
            return
        for row_id, row in self.rows.overrides.items():
            date = row["recurrence_id"]
            other = row_id not in self.live and row_id not in self.gone
            later = moved(date, self.shift)
            if other and date in self.current.elsewhere and later in self.desired.elsewhere:
                self._change(row_id, {"recurrence_id": later})

    def _documented(self, row_id: int, entry: Appointment) -> None:
        if entry.status is Status.CANCELLED or self._difference(row_id, entry):
            self.plan.pinned = self.plan.adjusted = True
        self._extras(row_id, entry)

    def _dropped(self) -> None:
        """Overrides that the upload no longer names."""
        if self.new is None and self.old is not None:
            # instances alone, uploaded over a whole series: they are taken over, nothing else is dropped
            self.plan.adjusted = True
            return
        excluded = set(self.new.exdate) if self.new else set()
        left = {i: r for i, r in (self.live | self.gone).items() if i not in self.matched}
        dates = self._dates([r["recurrence_id"] for r in left.values()])
        for row_id, row in left.items():
            date = row["recurrence_id"]
            if row_id in self.pins:
                self.plan.adjusted = True
                self.plan.pinned |= date in excluded and not self._rule_changed()
            elif date in excluded:
                if row_id in self.live:
                    self._cancel(row_id)
            elif date in dates and (row_id in self.live or self._is_like_its_rule(row)):
                self._follows_its_rule(row_id, row)
            else:
                # no instance of the rule any more, but somebody's appointment: it stays as a cancelled one
                self._change(row_id, {"series_id": None, "recurrence_id": None})
                if row_id in self.live:
                    self._cancel(row_id)

    def _follows_its_rule(self, row_id: int, row: Row) -> None:
        """The row goes; one that is a practice program's own stays and says what its series says."""
        if row["external_id"] is None or self.new is None:
            self.plan.deletes.append(row_id)
            return
        values = as_its_rule(self.new, self.rows.master, row["recurrence_id"])
        self._change(row_id, {n: v for n, v in values.items() if row[n] != v})
        self.plan.extras[row_id], self.plan.personal[row_id] = self.new.extra, self.new.personal
        self.plan.adjusted = True

    def _is_like_its_rule(self, row: Row) -> bool:
        """Whether a row says nothing but that its instance is cancelled."""
        master = self.rows.master
        same = all(row[n] == master[n] for n in CONTENT)
        length = master["ends_at"] - master["starts_at"]
        return (
            same and row["starts_at"] == row["recurrence_id"] and row["ends_at"] - row["starts_at"] == length
        )

    def _master(self) -> None:
        if self.old is None or self.new is None:
            if self.new is not None:  # a hollow master becomes a real one
                self._change(self.rows.id, columns_of(self.new) | booked())
                self._extras(self.rows.id, self.new)
            return
        change = self._difference(self.rows.id, self.new)
        exdate = self._exdate()
        if exdate != set(times_of(self.rows.master["exdate"])):
            change["exdate"] = times_text(exdate)
        if self.more_dates:
            change["rdate"] = times_text({*self.new.rdate, *self.more_dates})
        self._change(self.rows.id, change)
        self._extras(self.rows.id, self.new)

    def _exdate(self) -> set[datetime]:
        """The exclusions to store: not those that stand for a row of their own, never a documented one.

        What somebody else has excluded or given back since the device read them stays so.
        """
        assert self.old is not None and self.new is not None
        kept = set(self.old.exdate)
        stand_for = {self._date_after(i) for i in self.gone} | set(self.desired.elsewhere)
        stand_for |= {self._date_after(i) for i in self.plan.cancels}
        wanted = set(self.new.exdate) - (stand_for - kept) - set(self.pins.values())
        along = {moved(date, self.shift) for date in kept}
        self.plan.takes_away |= bool(wanted - kept - along)
        now = set(times_of(self.rows.master["exdate"]))
        given_back = {later for date in kept - now for later in (date, moved(date, self.shift))}
        return wanted - given_back | {moved(date, self.shift) for date in now - kept}

    def _date_after(self, row_id: int) -> datetime | None:
        """The date an instance stands for once the plan is carried out: a shift has moved it."""
        date: datetime | None = self.plan.updates.get(row_id, {}).get(
            "recurrence_id", self.rows.overrides[row_id]["recurrence_id"]
        )
        return date

    def _difference(self, row_id: int, entry: Appointment) -> Row:
        """The columns in which ``entry`` differs from what was shown."""
        have = columns_of(self.shown[row_id]) if row_id in self.shown else dict(self._row(row_id))
        want = columns_of(entry)
        names = [n for n in MODELLED if n != "exdate" and not (n in RULE and row_id != self.rows.id)]
        change = {n: want[n] for n in names if want[n] != have[n]}
        row = self._row(row_id)
        self.plan.stale |= any(row[n] != have[n] for n in change if n in _CHECKED)
        return change

    def _row(self, row_id: int) -> Mapping[str, Any]:
        return self.rows.master if row_id == self.rows.id else self.rows.overrides[row_id]

    def _change(self, row_id: int, change: Row) -> None:
        if change:
            self.plan.updates.setdefault(row_id, {}).update(change)

    def _cancel(self, row_id: int) -> None:
        self.plan.cancels.append(row_id)
        self.plan.takes_away = True

    def _extras(self, row_id: int, entry: Appointment) -> None:
        shown = self.shown.get(row_id)
        if shown is None or shown.extra != entry.extra:
            if is_documented(self._row(row_id)):
                self.plan.dropped = self.plan.adjusted = True
            else:
                self.plan.extras[row_id] = entry.extra
        if shown is None or shown.personal != entry.personal:
            self.plan.personal[row_id] = entry.personal
