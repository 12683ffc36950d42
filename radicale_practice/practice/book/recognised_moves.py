"""Moves that come in two halves: PUT of the new and DELETE of the old, in either order (Outlook, DAVx5).

What was uploaded under the new href is only a copy of what the client could see. When the other half comes
from the same device within minutes, the appointment itself takes the new place with everything hidden:
patient, note, phone number, extras, history. What the client changed on the way (``Moved``) is taken over.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from radicale_practice.practice import appointment_rows, clock
from radicale_practice.practice.appointment_rows import Row, Rows, columns_of, is_documented, is_private
from radicale_practice.practice.book import identity, moved_content, permissions, reach
from radicale_practice.practice.book.moved_content import Moved
from radicale_practice.practice.book.permissions import CalendarFacts
from radicale_practice.practice.book.title_findings import file_findings
from radicale_practice.practice.book.writing import SlotTaken, attempt, state_after
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor, CalendarObject, Status, Viewer
from radicale_practice.practice.notices import attention_entry, attention_rows
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading import calendar_objects
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.records import journal
from radicale_practice.practice.rules import brake, double_booking, refusals
from radicale_practice.practice.rules.refusals import Outcome
from radicale_practice.practice.schema.appointment_columns import RULE, TIMING
from radicale_practice.practice.schema.practice_tables import appointment, calendar
from radicale_practice.practice.schema.sync_tables import calendar_object
from radicale_practice.practice.schema.sync_tables import journal as journal_table
from radicale_practice.practice.sync import identities, revisions

_PUBLIC_ID = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{32}(?![0-9A-Za-z])")

_MOST_LINKS = 20


@dataclass(frozen=True, slots=True)
class Original:
    """The appointment an uploaded event looks like. ``cancelled_in``: the journal row of its deletion."""

    appointment_id: int
    cancelled_in: int | None = None
    before: dict[str, Any] | None = None


def original_of(
    uow: UnitOfWork, practice: Practice, actor: Actor, calendar_id: int, desired: CalendarObject
) -> Original | None:
    """The appointment with the same UID, or whose link the event carries: deleted just now by the same
    device (the second half of a move), or still there (a copy, or the first half)."""
    links = _links(desired)
    deleted = _deleted_by(uow, practice, actor, desired.uid, links)
    if deleted is not None:
        return deleted
    objects, entries = calendar_object, appointment
    theirs = select(calendar.c.id).where(calendar.c.practice_id == practice.id, calendar.c.id != calendar_id)
    by_uid = select(objects.c.appointment_id).where(
        objects.c.calendar_id.in_(theirs), objects.c.uid == desired.uid, objects.c.removed_revision.is_(None)
    )
    found = uow.connection.execute(by_uid.order_by(objects.c.id).limit(1)).scalar()
    if found is None and links:
        by_link = select(entries.c.id, entries.c.series_id).where(
            entries.c.practice_id == practice.id,
            entries.c.public_id.in_(sorted(links)),
            entries.c.status != str(Status.CANCELLED),
        )
        row = uow.connection.execute(by_link.order_by(entries.c.id).limit(1)).first()
        found = (row.series_id or row.id) if row is not None else None
    return Original(int(found)) if found is not None else None


def deleted_just_now(
    uow: UnitOfWork, viewer: Viewer, practice: Practice, desired: CalendarObject
) -> CalendarObject | None:
    """The appointment that the same device has just deleted and now uploads again, as the viewer saw it."""
    original = _deleted_by(uow, practice, refusals.actor_of(viewer), desired.uid, _links(desired))
    if original is None:
        return None
    return moved_content.as_before(
        uow, viewer, practice, original.appointment_id, original.before or {}, desired.uid
    )


def copy_made_just_now(
    uow: UnitOfWork, viewer: Viewer, practice: Practice, stored: StoredObject
) -> StoredObject | None:
    """The copy of an event that the same device has just uploaded to a calendar the viewer may write to."""
    made = _copy_made_by(uow, practice, refusals.actor_of(viewer), stored.appointment_id)
    if made is None:
        return None
    query = select(calendar_object.c.id, calendar_object.c.calendar_id).where(
        calendar_object.c.appointment_id == made, calendar_object.c.removed_revision.is_(None)
    )
    visible = calendar_objects.access_map(uow, viewer)
    for object_id, calendar_id in uow.connection.execute(query.order_by(calendar_object.c.id)).all():
        if calendar_id not in visible:
            continue
        for copy in calendar_objects.load(uow, viewer, calendar_id, object_ids=[object_id], windowed=False):
            if copy.owner_calendar_id == calendar_id:
                return copy
    return None


def revive(
    uow: UnitOfWork,
    practice: Practice,
    actor: Actor,
    target: CalendarFacts,
    original: Original,
    desired: CalendarObject,
    href: str,
    moved: Moved | None = None,
) -> Outcome | None:
    """DELETE came first: the appointment comes back in the new place. None: it is not to be had any more."""
    rows = appointment_rows.lock(uow, practice.id, original.appointment_id)
    if rows is None or rows.master["status"] != Status.CANCELLED or _is_kept(rows):
        return None
    changes = _statuses(rows, original.before or {})
    changes.setdefault(rows.id, {}).update(_times(rows.master, desired))
    return _move(uow, practice, actor, rows, changes, target, href, desired.uid, moved)


def take_over_copy(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    stored: StoredObject,
    rows: Rows,
    moved: Moved | None = None,
) -> Outcome | None:
    """PUT came first: the deleted appointment takes its copy's place, and the copy goes without a trace in
    the practice. None: there is no copy made just now by the same device."""
    actor = refusals.actor_of(viewer)
    made = _copy_made_by(uow, practice, actor, rows.id)
    if made is None or any(is_documented(r) for r in rows.here().values()):
        return None
    copy = appointment_rows.lock(uow, practice.id, made)
    if copy is None or copy.master["status"] == Status.CANCELLED or _is_kept(copy):
        return None
    target_id = copy.owner_calendar_id
    facts = permissions.facts(uow, viewer, [target_id] if target_id is not None else [])
    if target_id is None or not permissions.all_writable(facts, [target_id]):
        return None
    place = identity.live(uow, target_id, copy.id)
    if place is None:
        return None
    target = facts[target_id]
    entry = appointment_rows.entry_of(copy.master)
    changes = {rows.id: _times(rows.master, CalendarObject(place.uid, (entry,)))}
    if _leaves(uow, practice, rows, changes, target):
        held = brake.check(
            uow, practice, actor, brake.CANCELLATIONS, stored.calendar_id, appointment_id=rows.id
        )
        if held is not None:
            return None
    appointment_rows.delete_rows(uow, [*copy.overrides, copy.id])
    attention_rows.settle_moot(uow, practice.id, copy.id, refusals_too=True)
    attention_entry.update_entry(uow, practice, viewer.staff_id)
    journal.write(
        uow,
        "copy-removed",
        practice_id=practice.id,
        actor=actor,
        appointment_id=copy.id,
        calendar_id=target_id,
        private=is_private(target.private, copy),
    )
    return _move(uow, practice, actor, rows, changes, target, place.href, place.uid, moved)


def _move(
    uow: UnitOfWork,
    practice: Practice,
    actor: Actor,
    rows: Rows,
    changes: dict[int, Row],
    target: CalendarFacts,
    href: str,
    uid: str,
    moved: Moved | None,
) -> Outcome:
    """The appointment in its new place; where the practice forbids that, there and not booked."""
    known = {int(row["id"]) for row in rows.all}
    for row_id, change in moved_content.changes(moved).items():
        if row_id in known:
            changes.setdefault(row_id, {}).update(change)
    away = _leaves(uow, practice, rows, changes, target)
    clash = None
    unconfirmed = False
    try:
        with attempt(uow):
            after, clash, object_id = _replace(uow, rows, changes, target, href, uid)
            if double_booking.forbidden(practice, after, clash):
                raise SlotTaken
    except SlotTaken:
        unconfirmed, clash = True, None
        changes.setdefault(rows.id, {}).update(
            status=str(Status.UNCONFIRMED), unconfirmed_reason=refusals.SLOT_TAKEN
        )
        refusals.note_unconfirmed(uow, practice, actor, target.id, rows.id)
        after, _, object_id = _replace(uow, rows, changes, target, href, uid)
    _record_move(uow, practice, actor, rows, after, target, href, uid, changes, away)
    if clash is not None:
        double_booking.file(uow, practice, after, clash, actor)
    if moved is not None:
        file_findings(uow, practice, actor, target.id, rows.id, moved.findings, private=target.private)
    if unconfirmed:
        return Outcome("unconfirmed", refusals.SLOT_TAKEN, object_id, href, exact=False)
    return Outcome("done", "", object_id, href, exact=False)


def _links(desired: CalendarObject) -> set[str]:
    """What looks like one of our public ids in the UID or in what the event layer keeps of the client's."""
    texts = [desired.uid]
    for entry in desired.appointments:
        texts += [entry.extra, entry.note]
    found: list[str] = []
    for text in texts:
        found += _PUBLIC_ID.findall(text)
    return set(found[:_MOST_LINKS])


def _since(practice: Practice) -> Any:
    return clock.utc_now() - timedelta(minutes=practice.settings.move_minutes)


def _deleted_by(
    uow: UnitOfWork, practice: Practice, actor: Actor, uid: str, links: Collection[str]
) -> Original | None:
    table = journal_table
    query = (
        select(table.c.id, table.c.appointment_id, table.c.before, table.c.after)
        .where(
            *journal.by_source(actor),
            table.c.practice_id == practice.id,
            table.c.at >= _since(practice),
            table.c.action == "cancel",
        )
        .order_by(table.c.id.desc())
        .limit(200)
    )
    for row in uow.connection.execute(query):
        after = journal.parse(row.after)
        if after.get("uid") == uid or after.get("public_id") in links:
            return Original(int(row.appointment_id), int(row.id), journal.parse(row.before))
    return None


def _copy_made_by(uow: UnitOfWork, practice: Practice, actor: Actor, original_id: int) -> int | None:
    table = journal_table
    query = (
        select(table.c.id, table.c.appointment_id)
        .where(
            *journal.by_source(actor),
            table.c.practice_id == practice.id,
            table.c.at >= _since(practice),
            table.c.action == "create",
            table.c.after.like(f'%"copy_of":"{original_id}"%'),
        )
        .order_by(table.c.id.desc())
        .limit(1)
    )
    found = uow.connection.execute(query).first()
    if found is None:
        return None
    # A database may give the id of a copy that is gone to another appointment.
    gone = select(table.c.id).where(
        table.c.practice_id == practice.id,
        table.c.appointment_id == found.appointment_id,
        table.c.action == "copy-removed",
        table.c.id > found.id,
    )
    return None if uow.connection.execute(gone.limit(1)).first() else int(found.appointment_id)


def _is_kept(rows: Rows) -> bool:
    """Whether something documented keeps these rows where they are."""
    return any(is_documented(r) for r in rows.all)


def _leaves(
    uow: UnitOfWork, practice: Practice, rows: Rows, changes: dict[int, Row], target: CalendarFacts
) -> bool:
    """Whether a move takes an appointment of the practice out of its reach: to a private calendar, or far."""
    source = rows.owner_calendar_id
    if source is None or not _counts(uow, source):
        return False
    new_start = changes.get(rows.id, {}).get("starts_at", rows.master["starts_at"])
    return target.private or reach.is_far(practice, new_start - rows.master["starts_at"])


def _counts(uow: UnitOfWork, calendar_id: int) -> bool:
    kind = uow.connection.execute(select(calendar.c.kind).where(calendar.c.id == calendar_id)).scalar()
    return kind != "private"


def _statuses(rows: Rows, before: dict[str, Any]) -> dict[int, Row]:
    """The rows' statuses as they were before their cancellation."""
    known = before.get("rows", {})
    changes: dict[int, Row] = {}
    for row in rows.all:
        kept = known.get(str(row["id"]))
        if kept is None or kept.get("status") == Status.CANCELLED or row["status"] != Status.CANCELLED:
            continue
        changes[int(row["id"])] = appointment_rows.booked(kept.get("status", str(Status.BOOKED)))
    if not known:
        changes[rows.id] = appointment_rows.booked()
    return changes


def _times(row: Row, desired: CalendarObject) -> Row:
    """When the uploaded event takes place, as far as the row says otherwise."""
    entry = desired.master
    if entry is None:
        return {}
    wanted = columns_of(entry)
    names = TIMING - set(RULE) if entry.is_series == bool(row["rrule"] or row["rdate"]) else TIMING
    if entry.is_series:
        names = names | {"rrule"}
    return {n: wanted[n] for n in names if wanted[n] != row[n]}


def _replace(
    uow: UnitOfWork,
    rows: Rows,
    changes: dict[int, Row],
    target: CalendarFacts,
    href: str,
    uid: str,
) -> tuple[Rows, double_booking.Clash | None, int]:
    """Write changes and calendar, give the rows the client's new identity, and look for clashes."""
    here, source = [rows.id, *rows.here()], rows.owner_calendar_id
    appointment_rows.update_rows(uow, rows.all, changes)
    if source is None:
        appointment_rows.put_into_calendars(uow, here, {target.id: "owner"})
    elif source != target.id:
        appointment_rows.move_between_calendars(uow, here, source, target.id, "owner")
    after = Rows(
        {**rows.master, **changes.get(rows.id, {})},
        {i: {**r, **changes.get(i, {})} for i, r in rows.overrides.items()},
        dict(rows.calendars),
    )
    for row_id in here:
        kept = {c: r for c, r in rows.calendars.get(row_id, {}).items() if c != source}
        after.calendars[row_id] = {**kept, target.id: "owner"}
    object_id = identities.assign(uow, target.id, rows.id, href, uid)
    revisions.flush(uow)
    clash = double_booking.decide(uow, after, {target.id} if target.private else ())
    return after, clash, object_id


def _record_move(
    uow: UnitOfWork,
    practice: Practice,
    actor: Actor,
    rows: Rows,
    after: Rows,
    target: CalendarFacts,
    href: str,
    uid: str,
    changes: dict[int, Row],
    away: bool,
) -> None:
    concerned = [r for r in rows.all if r is rows.master or r["id"] in changes]
    before = journal.state(concerned, rows.calendars.get(rows.id, {}), rows.calendars)
    journal.write(
        uow,
        "move-away" if away else "move",
        practice_id=practice.id,
        actor=actor,
        appointment_id=rows.id,
        calendar_id=target.id,
        patient_id=after.master["patient_id"],
        private=is_private(target.private and not away, rows, after),
        before=before,
        after=state_after(after, before, href=href, uid=uid),
    )
