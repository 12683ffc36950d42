"""Writing a whole calendar object: a new one, or the plan of a change; the rows as they are afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from radicale_practice.practice import appointment_rows as book_rows
from radicale_practice.practice import clock
from radicale_practice.practice.appointment_rows import Row, Rows
from radicale_practice.practice.book.plan import Plan
from radicale_practice.practice.database import UnitOfWork, savepoint
from radicale_practice.practice.model import Actor, Appointment, CalendarObject, Status
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import beside, journal
from radicale_practice.practice.sync import revisions


class SlotTaken(Exception):  # noqa: N818 - says what is the case, is no error of the program
    """The practice forbids double booking and the time is taken; rolls the attempt back."""


@contextmanager
def attempt(uow: UnitOfWork) -> Iterator[None]:
    """A savepoint of the book's own: what was written inside can be undone by an exception."""
    with savepoint(uow.connection):
        yield


def insert_object(
    uow: UnitOfWork,
    practice: Practice,
    calendars: Mapping[int, str],
    entry: CalendarObject,
    actor: Actor,
    *,
    status: Status = Status.BOOKED,
    unconfirmed_reason: str = "",
    fields: Mapping[str, Any] | None = None,
) -> Rows:
    """Insert a new object's rows with their extras; the rows as written.

    ``calendars``: id to role. ``fields``: further columns of the master (``external_id``). Instances without
    a master get a *hollow* one: cancelled, so that it stands for nothing but their series.
    """
    common = {
        "practice_id": practice.id,
        "created_by": actor.staff_id,
        "status": str(status),
        "unconfirmed_reason": unconfirmed_reason,
    }
    if status is Status.CANCELLED:
        common |= book_rows.cancelled(actor, clock.utc_now())
    master = entry.master or _hollow(entry.overrides[0])
    values = {**common, **book_rows.columns_of(master), **(fields or {})}
    if entry.master is None:
        values["status"] = str(Status.CANCELLED)
    (master_id,) = book_rows.insert_rows(uow, [values])
    rows = Rows(_written(values, master_id), practice.time_zone, {}, {master_id: dict(calendars)})
    book_rows.put_into_calendars(uow, [master_id], calendars)
    extras = {master_id: entry.master.extra} if entry.master else {}
    personal = {master_id: entry.master.personal} if entry.master else {}
    _insert_overrides(uow, rows, entry.overrides, common, actor, extras, personal)
    _write_extras(uow, rows, extras, entry.extra, personal, actor, fresh=True)
    return rows


def carry_out(uow: UnitOfWork, rows: Rows, plan: Plan, actor: Actor) -> tuple[Rows, dict[str, Any]]:
    """Write a plan over locked rows; the rows afterwards, and the journal's state before of what changed.

    The caller says ``revisions.touch`` for extras (``touch_extras``), and flushes.
    """
    now = clock.utc_now()
    updates = {i: dict(c) for i, c in plan.updates.items()}
    for row_id in plan.cancels:
        updates.setdefault(row_id, {}).update(book_rows.cancelled(actor, now))
    changed = [r for r in rows.all if r["id"] in updates or r["id"] in plan.deletes or r is rows.master]
    before = journal.state(changed, rows.calendars.get(rows.id, {}))
    before |= _beside_before(uow, rows, plan, actor)
    book_rows.update_rows(uow, rows.all, updates)
    book_rows.delete_rows(uow, plan.deletes)
    after = Rows({**rows.master, **updates.get(rows.id, {})}, rows.time_zone, {}, dict(rows.calendars))
    if "extras" in before:
        after.extras = beside.as_json(_extras_after(rows.id, plan, actor))
    for row_id, row in rows.overrides.items():
        if row_id not in plan.deletes:
            after.overrides[row_id] = {**row, **updates.get(row_id, {})}
    unconfirmed = after.master["status"] == Status.UNCONFIRMED
    common = {
        "practice_id": rows.master["practice_id"],
        "created_by": actor.staff_id,
        "status": str(Status.UNCONFIRMED if unconfirmed else Status.BOOKED),
        "unconfirmed_reason": after.master["unconfirmed_reason"] if unconfirmed else "",
    }
    extras, personal = dict(plan.extras), dict(plan.personal)
    _insert_overrides(uow, after, plan.inserts, common, actor, extras, personal)
    _write_extras(uow, after, extras, plan.container, personal, actor)
    return after, before


def state_after(rows: Rows, before: Mapping[str, Any] | None, **more: Any) -> dict[str, Any]:
    """The journal's ``after``: the master, what ``before`` names, and rows that were not there before."""
    known = set((before or {}).get("rows", {}))
    wanted = [
        r
        for r in rows.all
        if r is rows.master or str(r["id"]) in known or r.get("new_in_this_operation") or before is None
    ]
    placed = rows.calendars if "placed" in (before or {}) else None
    kept = {"extras": rows.extras} if rows.extras else {}
    return {**journal.state(wanted, rows.calendars.get(rows.id, {}), placed), **kept, **more}


def _extras_after(master_id: int, plan: Plan, actor: Actor) -> dict[beside.Key, str]:
    """What a plan makes of that which clients keep beside the rows that stay."""
    found = {(row_id, "VEVENT"): text for row_id, text in plan.extras.items()}
    if plan.container is not None:
        found[master_id, "VCALENDAR"] = plan.container
    if actor.staff_id is not None:
        found |= {(row_id, beside.person(actor.staff_id)): text for row_id, text in plan.personal.items()}
    return found


def _beside_before(uow: UnitOfWork, rows: Rows, plan: Plan, actor: Actor) -> dict[str, Any]:
    """What the journal's ``before`` holds beside the columns: of what the plan changes there, or deletes."""
    changed = _extras_after(rows.id, plan, actor)
    if not (plan.deletes or changed) or not (plan.writes_rows or plan.writes_extra):
        return {}
    known = beside.kept(uow, {*plan.deletes, *(row_id for row_id, _ in changed)})
    going = {key: text for key, text in known.items() if key[0] in plan.deletes}
    found: dict[str, Any] = {"extras": beside.as_json({k: known.get(k, "") for k in changed} | going)}
    if plan.deletes:
        found["gone"] = beside.gone([rows.overrides[i] for i in plan.deletes], rows.calendars)
    return found


def touch_extras(uow: UnitOfWork, appointment_id: int, plan: Plan, actor: Actor) -> None:
    """New revisions for changes beside the rows: seen by all, or by one person only."""
    if not (plan.writes_extra or plan.personal):
        return
    for calendar_id, object_ids in sorted(book_rows.live_objects(uow, appointment_id).items()):
        if plan.writes_extra:
            revisions.touch(uow, calendar_id, object_ids)
        elif actor.staff_id is not None:
            revisions.touch(uow, calendar_id, object_ids, actor.staff_id)


def insert_override(uow: UnitOfWork, rows: Rows, instance: Row, actor: Actor) -> Row:
    """Give one instance of a series a row of its own, with what devices keep with the series; the row.

    ``instance``: the row as it shall be, its id excepted, with the series' zone as that is written; ``rows``
    has it afterwards.
    """
    entry = replace(rows.entry({**instance, "id": None}), time_zone=instance["time_zone"])
    common = {
        "practice_id": rows.master["practice_id"],
        "created_by": actor.staff_id,
        "status": str(instance["status"]),
        "unconfirmed_reason": "",
    }
    (row_id,) = book_rows.insert_rows(uow, [_override_values(rows.id, entry, common, actor, clock.utc_now())])
    calendars = rows.calendars.get(rows.id, {})
    book_rows.put_into_calendars(uow, [row_id], calendars)
    book_rows.copy_extras(uow, rows.id, row_id)
    rows.overrides[row_id] = {**instance, "id": row_id, "new_in_this_operation": True}
    rows.calendars[row_id] = dict(calendars)
    return rows.overrides[row_id]


def _hollow(first: Appointment) -> Appointment:
    return Appointment(
        start=first.start,
        end=first.end,
        time_zone=first.time_zone,
        all_day=first.all_day,
        transparent=True,
        exdate=(first.start,),
    )


def _insert_overrides(
    uow: UnitOfWork,
    rows: Rows,
    entries: tuple[Appointment, ...] | list[Appointment],
    common: Mapping[str, Any],
    actor: Actor,
    extras: dict[int, str],
    personal: dict[int, str],
) -> None:
    if not entries:
        return
    now = clock.utc_now()
    values = [_override_values(rows.id, entry, common, actor, now) for entry in entries]
    ids = book_rows.insert_rows(uow, values)
    calendars = rows.calendars.get(rows.id, {})
    book_rows.put_into_calendars(uow, ids, calendars)
    for row_id, entry, value in zip(ids, entries, values, strict=True):
        rows.overrides[row_id] = {**_written(value, row_id), "new_in_this_operation": True}
        rows.calendars[row_id] = dict(calendars)
        extras[row_id] = entry.extra
        personal[row_id] = entry.personal


def _override_values(
    series_id: int, entry: Appointment, common: Mapping[str, Any], actor: Actor, now: datetime
) -> Row:
    plain = replace(entry, rrule="", rdate=(), exdate=())
    gone = {"cancelled_at": None, "cancelled_by": None, "cancelled_device": None}
    if entry.status is Status.CANCELLED:
        gone = book_rows.cancelled(actor, now)
    return {
        **common,
        **book_rows.columns_of(plain),
        "series_id": series_id,
        "recurrence_id": entry.recurrence_id,
        **gone,
    }


def _written(values: Row, row_id: int) -> Row:
    empty = {"series_id": None, "recurrence_id": None, "external_id": None}
    return {**empty, **values, "id": row_id}


def _write_extras(
    uow: UnitOfWork,
    rows: Rows,
    extras: Mapping[int, str],
    container: str | None,
    personal: Mapping[int, str],
    actor: Actor,
    *,
    fresh: bool = False,
) -> None:
    contents = {(row_id, "VEVENT"): text for row_id, text in extras.items()}
    if container is not None:
        contents[rows.id, "VCALENDAR"] = container
    book_rows.write_extras(uow, contents, fresh=fresh)
    if actor.staff_id is not None:
        book_rows.write_personal(uow, actor.staff_id, personal, fresh=fresh)
