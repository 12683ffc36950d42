"""Carrying out what the burst brake held back, when somebody in the practice says so.

Each held operation is kept with the state its device saw: where the practice changed the appointment since,
it is left alone and reported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from radicale_practice.practice import appointment_rows, practices
from radicale_practice.practice.appointment_rows import Rows, columns_of, is_documented
from radicale_practice.practice.book import codec, new_place, plan, series_as_seen, transfer, writing
from radicale_practice.practice.book.as_shown import as_shown
from radicale_practice.practice.book.cancelling import cancel_all
from radicale_practice.practice.book.permissions import CalendarFacts
from radicale_practice.practice.book.recognised_moves import Deletion, Moved
from radicale_practice.practice.book.title_findings import file_findings
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import Conflict
from radicale_practice.practice.model import Actor, CalendarKind, CalendarObject
from radicale_practice.practice.notices.attention_rows import AttentionItem
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal
from radicale_practice.practice.records.left_alone import CHANGED_MEANWHILE, CONTENTS_GONE, IDENTITY_TAKEN
from radicale_practice.practice.rules import brake, burst_entries, double_booking
from radicale_practice.practice.schema.practice_tables import calendar
from radicale_practice.practice.schema.sync_tables import journal as journal_table
from radicale_practice.practice.sync import identities, revisions


@dataclass(slots=True)
class Report:
    """How many were carried out; the others as (appointment id or None, reason)."""

    done: int = 0
    skipped: list[tuple[int | None, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Work:
    """What all operations of one burst share; ``written`` are the rows to look for clashes, and whose."""

    uow: UnitOfWork
    actor: Actor
    practice: Practice
    calendars: dict[int, CalendarFacts]
    written: list[tuple[Rows, Actor]] = field(default_factory=list)

    @property
    def carried_out_by(self) -> dict[str, Any]:
        """What the journal's ``after`` says beside the device, which is the row's actor."""
        return {brake.CARRIED_OUT_BY: self.actor.staff_id}


def carry_out(uow: UnitOfWork, actor: Actor, item: AttentionItem) -> Report:
    """Carry out everything a burst holds. One flush, at the end."""
    query = select(journal_table).where(journal_table.c.id.in_(burst_entries.latest(item.details)))
    found = list(uow.connection.execute(query).mappings())
    work = _Work(uow, actor, practices.get(uow, item.practice_id), _calendars(uow, item.practice_id))
    report = Report()
    # rows are locked by id, whatever the order of their holding
    for entry in sorted(found, key=lambda e: (e["appointment_id"] or 0, e["id"])):
        reason = _one(work, entry)
        if reason:
            report.skipped.append((entry["appointment_id"], reason))
        else:
            report.done += 1
    revisions.flush(uow)
    private = {c for c, f in work.calendars.items() if f.private}
    for rows, author in work.written:
        clash = double_booking.decide(uow, rows, private)
        if clash is not None:
            double_booking.file(uow, work.practice, rows, clash, author)
    return report


def _one(work: _Work, entry: Any) -> str:
    kept = journal.parse(entry["after"])
    operation = kept.get("operation")
    if operation is None:
        return CONTENTS_GONE
    if operation == "create":
        return _create(work, entry, kept)
    rows = appointment_rows.lock(work.uow, work.practice, entry["appointment_id"])
    current = codec.load(kept["current"])
    if rows is None or not rows.is_shown or not _is_as(as_shown(rows), current):
        return CHANGED_MEANWHILE
    # a change names what it changes, the others take everything away
    if operation != "change" and not series_as_seen.takes_place_as(as_shown(rows), current):
        return CHANGED_MEANWHILE
    steps: dict[str, Callable[[_Work, Any, dict[str, Any], Rows, CalendarObject], str]] = {
        "cancel": _cancel,
        "change": _change,
        "move": _move,
    }
    return steps[operation](work, entry, kept, rows, current)


def _is_as(rows: Rows, current: CalendarObject) -> bool:
    """Whether the appointment is what the device saw, and not documented since."""
    if is_documented(rows.master):
        return False
    master = current.master
    if master is None:
        return True
    seen = columns_of(master)
    return all(rows.master[n] == seen[n] for n in ("patient_id", "starts_at", "ends_at", "time_zone"))


def _create(work: _Work, entry: Any, kept: dict[str, Any]) -> str:
    calendar_id = int(entry["calendar_id"])
    if calendar_id not in work.calendars:
        return IDENTITY_TAKEN
    desired = codec.load(kept["desired"])
    author = _author(entry)
    if not _stands(work, author, kept):
        return CHANGED_MEANWHILE
    try:
        with writing.attempt(work.uow):
            rows = writing.insert_object(work.uow, work.practice, {calendar_id: "owner"}, desired, author)
            identities.assign(work.uow, calendar_id, rows.id, kept["href"], desired.uid)
    except Conflict:
        return IDENTITY_TAKEN
    more = {"href": kept["href"], "uid": desired.uid}
    _record(work, author, "create", calendar_id, rows, None, writing.state_after(rows, None, **more))
    _file_findings(work, author, calendar_id, rows, kept)
    work.written.append((rows, author))
    return ""


def _stands(work: _Work, author: Actor, kept: dict[str, Any]) -> bool:
    """Whether what an upload is a copy of is where it was, or its own device has deleted it since.

    What somebody else has cancelled or moved is not to be booked by its copy once more.
    """
    original = kept.get("original")
    if original is None:
        return True
    rows = appointment_rows.lock(work.uow, work.practice, int(kept["copy_of"]), locking=False)
    if rows is None or rows.is_shown:
        return rows is not None and original["calendar_id"] in rows.calendars.get(rows.id, {})
    gone = rows.master
    return (gone["cancelled_by"], gone["cancelled_device"]) == (author.staff_id, author.device_id)


def _cancel(work: _Work, entry: Any, kept: dict[str, Any], rows: Rows, current: CalendarObject) -> str:
    cancel_all(
        work.uow,
        work.practice,
        rows,
        _author(entry),
        calendar_id=entry["calendar_id"],
        uid=current.uid,
        **work.carried_out_by,
    )
    return ""


def _change(work: _Work, entry: Any, kept: dict[str, Any], rows: Rows, current: CalendarObject) -> str:
    made = plan.make(current, codec.load(kept["desired"]), rows)
    if made.stale:
        return CHANGED_MEANWHILE
    author = _author(entry)
    after, before = writing.carry_out(work.uow, rows, made, author)
    writing.touch_extras(work.uow, rows.id, made, author)
    _record(work, author, "change", entry["calendar_id"], after, before, writing.state_after(after, before))
    _file_findings(work, author, entry["calendar_id"], after, kept)
    if made.retimes:
        work.written.append((after, author))
    return ""


def _move(work: _Work, entry: Any, kept: dict[str, Any], rows: Rows, current: CalendarObject) -> str:
    source, target = (work.calendars.get(int(i)) for i in (entry["calendar_id"], kept["to_calendar_id"]))
    if source is None or target is None:
        return CHANGED_MEANWHILE
    desired, author = codec.load(kept.get("desired", kept["current"])), _author(entry)
    moved = Moved(Deletion(current, rows.id, source.id, entry["id"], held=True), current, desired)
    t = transfer.prepare(work.practice, author, rows, {}, source, target, kept["to_href"], desired.uid, moved)
    if t is None or t.stale or t.rest is not None:
        return CHANGED_MEANWHILE
    try:
        with writing.attempt(work.uow):
            after, before, _ = new_place.place(work.uow, t)
    except Conflict:
        return IDENTITY_TAKEN
    _record(work, author, t.action, target.id, after, before, writing.state_after(after, before))
    _file_findings(work, author, target.id, after, kept)
    work.written.append((after, author))
    return ""


def _author(entry: Any) -> Actor:
    """Whose operation it was: the practice hears of it, and undoes it, as the device's."""
    return Actor(entry["staff_id"], entry["device_id"], entry["program"])


def _file_findings(work: _Work, author: Actor, calendar_id: int, rows: Rows, kept: dict[str, Any]) -> None:
    calendar = work.calendars.get(calendar_id)
    findings = codec.load_findings(kept.get("findings", []))
    file_findings(
        work.uow,
        work.practice,
        author,
        calendar_id,
        rows.id,
        findings,
        private=calendar is not None and calendar.private,
    )


def _record(
    work: _Work,
    author: Actor,
    action: str,
    calendar_id: int,
    rows: Rows,
    before: dict[str, Any] | None,
    after: dict[str, Any],
) -> None:
    journal.write_of(
        work.uow,
        rows,
        action,
        actor=author,
        calendar_id=calendar_id,
        before=before,
        after={**after, **work.carried_out_by},
    )


def _calendars(uow: UnitOfWork, practice_id: int) -> dict[int, CalendarFacts]:
    query = select(calendar.c.id, calendar.c.kind, calendar.c.staff_id).where(
        calendar.c.practice_id == practice_id, calendar.c.active
    )
    return {
        r.id: CalendarFacts(r.id, CalendarKind(r.kind), r.staff_id, None)
        for r in uow.connection.execute(query)
    }
