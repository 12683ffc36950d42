"""Moves that come in two halves: PUT of the new and DELETE of the old, in either order (Outlook, DAVx5).

What is uploaded under the new href is only a copy of what the client could see. When the other half comes
from the same device within minutes, the appointment itself takes the new place with everything hidden:
patient, note, phone number, extras, rooms, history. This module finds the other half, in the journal;
``reviving`` and ``taking_over`` make the move of it. A half that the brake held back is a half as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from radicale_practice.practice import accesses
from radicale_practice.practice.book import codec, former_state
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor, CalendarObject, Finding, Status, Viewer
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.reading import calendar_objects
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.records import journal
from radicale_practice.practice.rules import burst_entries, refusals
from radicale_practice.practice.schema.practice_tables import appointment, calendar
from radicale_practice.practice.schema.sync_tables import calendar_object
from radicale_practice.practice.schema.sync_tables import journal as journal_table

_PUBLIC_ID = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{32}(?![0-9A-Za-z])")

_MOST_LINKS = 20


@dataclass(frozen=True, slots=True)
class Deletion:
    """The first half: what the same device has just deleted, in which calendar, as its viewer saw it.

    ``held``: the brake held the deletion back, so the appointment is still there. ``journal_id``: its row.
    """

    former: CalendarObject
    appointment_id: int
    calendar_id: int
    journal_id: int
    held: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """The first half: the copy that the same device has just uploaded of what it deletes now.

    ``held``: the brake held the upload back, so there is nothing but what the journal keeps of it. ``seen``:
    the original when the copy came, if known: what it says now beyond that, somebody else has changed.
    """

    stored: StoredObject
    journal_id: int
    held: bool = False
    seen: CalendarObject | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """The appointment an upload is a copy of; ``seen``: in which calendar and how its viewer sees it now."""

    appointment_id: int
    seen: tuple[int, CalendarObject] | None = None

    @property
    def as_kept(self) -> dict[str, Any]:
        """For the journal's ``after``."""
        found: dict[str, Any] = {"copy_of": str(self.appointment_id)}
        if self.seen is not None:
            calendar_id, entry = self.seen
            found["original"] = {"calendar_id": calendar_id, **codec.dump(entry)}
        return found


@dataclass(frozen=True, slots=True)
class Moved:
    """A move's first half, what its viewer saw of the appointment, and what became of it in the new place.

    ``desired`` is the upload read over ``former``, so that what the viewer cannot see is in both.
    """

    first: Deletion | Copy
    former: CalendarObject
    desired: CalendarObject
    findings: tuple[Finding, ...] = ()


def original_of(
    uow: UnitOfWork, viewer: Viewer, practice: Practice, calendar_id: int, desired: CalendarObject
) -> Original | None:
    """The appointment an uploaded event is a copy of, in another calendar or under another UID: the one with
    the same UID, or whose link the event carries."""
    objects, entries = calendar_object, appointment
    theirs = select(calendar.c.id).where(calendar.c.practice_id == practice.id, calendar.c.id != calendar_id)
    by_uid = select(objects.c.appointment_id).where(
        objects.c.calendar_id.in_(theirs), objects.c.uid == desired.uid, objects.c.removed_revision.is_(None)
    )
    found = uow.connection.execute(by_uid.order_by(objects.c.id).limit(1)).scalar()
    links = _links(desired)
    if found is None and links:
        by_link = select(entries.c.id, entries.c.series_id).where(
            entries.c.practice_id == practice.id,
            entries.c.public_id.in_(sorted(links)),
            entries.c.status != str(Status.CANCELLED),
        )
        row = uow.connection.execute(by_link.order_by(entries.c.id).limit(1)).first()
        found = (row.series_id or row.id) if row is not None else None
    if found is None:
        return None
    seen = _where_it_is_owned(uow, viewer, int(found))
    return Original(int(found), (seen.calendar_id, seen.object) if seen is not None else None)


def deleted_just_now(
    uow: UnitOfWork, viewer: Viewer, practice: Practice, desired: CalendarObject
) -> Deletion | None:
    """The appointment that the same device has just deleted, or tried to, and now uploads again."""
    actor = refusals.actor_of(viewer)
    links = _links(desired)
    table = journal_table
    query = (
        select(table.c.id, table.c.action, table.c.appointment_id, table.c.calendar_id, table.c.after)
        .where(
            *_lately_by(practice, actor),
            table.c.action.in_(("cancel", "held")),
            table.c.appointment_id.is_not(None),
            _mentions(desired.uid, links),
        )
        .order_by(table.c.id.desc())
    )
    for row in uow.connection.execute(query).all():
        after = journal.parse(row.after)
        if row.action == "held":
            after = _held_deletion(after)
        if after.get("uid") != desired.uid and after.get("public_id") not in links:
            continue
        if row.action == "cancel":
            former = former_state.as_before(uow, viewer, practice, row.appointment_id, row.id, desired.uid)
        elif burst_entries.is_held(uow, practice.id, actor, row.id):
            former = _still_there(uow, viewer, row.calendar_id, row.appointment_id)
        else:
            former = None
        if former is None:
            return None
        held = bool(row.action == "held")
        return Deletion(former, int(row.appointment_id), int(row.calendar_id), int(row.id), held)
    return None


def copy_made_just_now(
    uow: UnitOfWork, viewer: Viewer, practice: Practice, stored: StoredObject
) -> Copy | None:
    """The copy of an event that the same device has just uploaded to a calendar the viewer may see."""
    table = journal_table
    actor = refusals.actor_of(viewer)
    query = (
        select(table.c.id, table.c.action, table.c.appointment_id, table.c.calendar_id, table.c.after)
        .where(
            *_lately_by(practice, actor),
            table.c.action.in_(("create", "held")),
            table.c.after.contains(f'"copy_of":"{stored.appointment_id}"', autoescape=True),
        )
        .order_by(table.c.id.desc())
        .limit(1)
    )
    row = uow.connection.execute(query).first()
    if row is None:
        return None
    after = journal.parse(row.after)
    seen = _as_seen(uow, practice, stored, after.get("original"))
    if row.action == "held":
        held = burst_entries.is_held(uow, practice.id, actor, row.id)
        copy = _held_copy(uow, viewer, practice, row.calendar_id, after) if held else None
        return Copy(copy, int(row.id), held=True, seen=seen) if copy is not None else None
    # A database may give the id of a copy that is gone to another appointment.
    gone = select(table.c.id).where(
        table.c.practice_id == practice.id,
        table.c.appointment_id == row.appointment_id,
        table.c.action == "copy-removed",
        table.c.id > row.id,
    )
    if uow.connection.execute(gone.limit(1)).first() is not None:
        return None
    made = _where_it_is_owned(uow, viewer, int(row.appointment_id))
    return Copy(made, int(row.id), seen=seen) if made is not None else None


def _as_seen(
    uow: UnitOfWork, practice: Practice, stored: StoredObject, kept: dict[str, Any] | None
) -> CalendarObject | None:
    """The original as it was when its copy came. What is an instance elsewhere depends on the calendar."""
    if not kept:
        return None
    seen = former_state.with_names(uow, practice.id, codec.load(kept))
    plain = not any(o.overrides or o.elsewhere for o in (seen, stored.object))
    return seen if plain or kept["calendar_id"] == stored.calendar_id else None


def _links(desired: CalendarObject) -> set[str]:
    """What looks like one of our public ids in the UID or in what the event layer keeps of the client's."""
    texts = [desired.uid]
    for entry in desired.appointments:
        texts += [entry.extra, entry.note]
    found: list[str] = []
    for text in texts:
        found += _PUBLIC_ID.findall(text)
    return set(found[:_MOST_LINKS])


def _lately_by(practice: Practice, actor: Actor) -> list[Any]:
    """Conditions: journal rows of the same device within the minutes that make two halves a move."""
    return [*journal.in_minutes(practice.id, practice.settings.move_minutes), *journal.by_source(actor)]


def _mentions(uid: str, links: Collection[str]) -> ColumnElement[bool]:
    """Rows whose ``after`` may name the UID or one of the links; to be looked at more closely."""
    texts = [f'"uid":{json.dumps(uid, ensure_ascii=False)}']
    texts += [f'"public_id":"{link}"' for link in sorted(links)]
    return or_(*(journal_table.c.after.contains(text, autoescape=True) for text in texts))


def _held_deletion(after: dict[str, Any]) -> dict[str, Any]:
    """UID and public id of an event whose deletion the brake held back; empty for anything else held."""
    if after.get("operation") != "cancel":
        return {}
    current = after.get("current", {})
    entries = current.get("appointments") or [{}]
    return {"uid": current.get("uid"), "public_id": entries[0].get("public_id")}


def _still_there(
    uow: UnitOfWork, viewer: Viewer, calendar_id: int, appointment_id: int
) -> CalendarObject | None:
    found = _shown_in(uow, viewer, calendar_id, appointment_id)
    return found.object if found is not None else None


def _shown_in(uow: UnitOfWork, viewer: Viewer, calendar_id: int, appointment_id: int) -> StoredObject | None:
    """The appointment as the viewer sees it in one calendar now."""
    if calendar_id not in accesses.access_map(uow, viewer):
        return None
    query = select(calendar_object.c.id).where(
        calendar_object.c.appointment_id == appointment_id,
        calendar_object.c.calendar_id == calendar_id,
        calendar_object.c.removed_revision.is_(None),
    )
    ids = list(uow.connection.execute(query).scalars())
    found = calendar_objects.load(uow, viewer, calendar_id, object_ids=ids, windowed=False) if ids else []
    return found[0] if found else None


def _where_it_is_owned(uow: UnitOfWork, viewer: Viewer, appointment_id: int) -> StoredObject | None:
    query = select(calendar_object.c.calendar_id).where(
        calendar_object.c.appointment_id == appointment_id, calendar_object.c.removed_revision.is_(None)
    )
    for calendar_id in sorted(uow.connection.execute(query).scalars()):
        copy = _shown_in(uow, viewer, int(calendar_id), appointment_id)
        if copy is not None and copy.owner_calendar_id == calendar_id:
            return copy
    return None


def _held_copy(
    uow: UnitOfWork, viewer: Viewer, practice: Practice, calendar_id: int, after: dict[str, Any]
) -> StoredObject | None:
    """What the brake held back of a copy, as if it were there."""
    access = accesses.access_map(uow, viewer).get(calendar_id)
    if access is None or after.get("operation") != "create":
        return None
    desired = former_state.with_names(uow, practice.id, codec.load(after["desired"]))
    return StoredObject(
        object_id=0,
        calendar_id=int(calendar_id),
        owner_calendar_id=int(calendar_id),
        href=after["href"],
        uid=desired.uid,
        opaque=False,
        revision=0,
        personal_revision=0,
        access=access,
        object=desired,
        appointment_id=0,
    )
