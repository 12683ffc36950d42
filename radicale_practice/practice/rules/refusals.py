"""The one place where a change is not taken over, and where that is made known.

A refusal leaves the practice's version as it is, and writes three things in the same transaction: the journal
row, a new revision of the object (so that its ETag and the calendar's token move and every client takes the
practice's version again), and the row on the attention list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor, Viewer
from radicale_practice.practice.notices import attention_entry, attention_rows
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal
from radicale_practice.practice.rules import brake, burst_entries
from radicale_practice.practice.sync import revisions, tombstones

READ_ONLY = "read-only"
DOCUMENTED = "documented"
DOCUMENTED_INSTANCES = "documented-instances"
WINDOW = "window"
SLOT_TAKEN = "slot-taken"
CHANGED_MEANWHILE = "changed-meanwhile"
NESTED_SERIES = "instance-of-a-series"
OWN_ENTRY = "attention-entry"

UNCONFIRMED_REASONS = (SLOT_TAKEN,)
"""What the book writes into ``unconfirmed_reason``; the event layer has the words for them."""

Kind = Literal["done", "refused", "held", "unconfirmed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an operation.

    ``reason`` is one of this module's words (or the brake's). ``exact``: what is stored is what was uploaded;
    else the reply carries no ETag, so that the client reads again. ``changed``: something was written.
    """

    kind: Kind
    reason: str = ""
    object_id: int | None = None
    href: str = ""
    exact: bool = True
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Phantom:
    """An entry that is on the device under an href that holds nothing here."""

    calendar_id: int
    href: str
    uid: str


def actor_of(viewer: Viewer) -> Actor:
    """Who acts, from who is asking."""
    return Actor(viewer.staff_id, viewer.device_id, viewer.program)


def refuse(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    reason: str,
    *,
    calendar_id: int,
    object_id: int | None,
    appointment_id: int | None,
    href: str = "",
    private: bool = False,
    phantom: Phantom | None = None,
    listed: bool = True,
) -> Outcome:
    """Refuse a change to an existing event. The caller has undone whatever it wrote before.

    The new revision is everybody's; only who may not write at all is told alone, and disturbs nobody.
    ``phantom``: where the device believes the event to be now. ``listed``: the attention list is told.
    """
    note_refusal(
        uow,
        viewer,
        practice,
        reason,
        calendar_id=calendar_id,
        appointment_id=appointment_id,
        private=private,
        listed=listed,
    )
    if object_id is not None:
        revisions.touch(uow, calendar_id, [object_id], viewer.staff_id if reason == READ_ONLY else 0)
    attention_entry.update_entry(uow, practice, viewer.staff_id)
    if phantom is not None:
        tombstones.bury(uow, phantom.calendar_id, phantom.href, phantom.uid)
    return Outcome("refused", reason, object_id, href, exact=False)


def note_refusal(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    reason: str,
    *,
    calendar_id: int,
    appointment_id: int | None,
    private: bool = False,
    listed: bool = True,
    operation: str = "",
) -> None:
    """Journal and attention list of a refusal, also where only a part of a change was refused.

    ``operation``: what was refused, where somebody will ask.
    """
    actor = actor_of(viewer)
    journal.write(
        uow,
        "refused",
        practice_id=practice.id,
        actor=actor,
        appointment_id=appointment_id,
        calendar_id=calendar_id,
        private=private,
        after={"reason": reason, **({"operation": operation} if operation else {})},
    )
    if listed:
        attention_rows.file_refusal(
            uow, practice.id, reason, actor=actor, calendar_id=calendar_id, appointment_id=appointment_id
        )


def note_unconfirmed(
    uow: UnitOfWork, practice: Practice, actor: Actor, calendar_id: int, appointment_id: int
) -> None:
    """A new event is kept without being booked: attention list and the person's own entry."""
    attention_rows.file_refusal(
        uow, practice.id, SLOT_TAKEN, actor=actor, calendar_id=calendar_id, appointment_id=appointment_id
    )
    attention_entry.update_entry(uow, practice, actor.staff_id)


def unconfirmed_is_over(
    uow: UnitOfWork, practice: Practice, staff_id: int | None, appointment_id: int
) -> None:
    """An unconfirmed event was moved, confirmed or deleted: nothing is left to look at."""
    attention_rows.settle_for(uow, practice.id, attention_rows.REFUSED, appointment_id, attention_rows.OVER)
    attention_entry.update_entry(uow, practice, staff_id)


def hold(
    uow: UnitOfWork,
    viewer: Viewer,
    practice: Practice,
    held: brake.Held,
    operation: Mapping[str, Any],
    *,
    calendar_id: int,
    href: str,
    object_id: int | None = None,
    appointment_id: int | None = None,
    patient_id: int | None = None,
    phantom: Phantom | None = None,
) -> Outcome:
    """Hold an operation back as part of a burst; ``operation`` is all that it takes to carry it out later.

    The same one again is noted once. Of several on one appointment the last is what its device wants.
    """
    actor = actor_of(viewer)
    if object_id is not None:
        revisions.touch(uow, calendar_id, [object_id])
    if held.again is not None and held.burst is not None:
        burst_entries.put_last(uow, held.burst, held.again)
        if phantom is not None and held.again[4] is not None:
            tombstones.bury_again(uow, phantom.calendar_id, held.again[4])
        return Outcome("held", held.reason, object_id, href, exact=False)
    entry = journal.write(
        uow,
        "held",
        practice_id=practice.id,
        actor=actor,
        appointment_id=appointment_id,
        calendar_id=calendar_id,
        patient_id=patient_id,
        after={"reason": held.reason, "href": href, **operation},
    )
    known = [entry, *brake.key(calendar_id, appointment_id, href)]
    filed_in = phantom.calendar_id if phantom and held.reason == brake.CREATIONS else calendar_id
    item_id, details = _add_to_burst(uow, practice, actor, held, [*known, None], filed_in)
    attention_entry.update_entry(uow, practice, viewer.staff_id)
    if phantom is not None:
        # it may be repeated at every sync
        details["held"][-1][-1] = tombstones.bury(uow, phantom.calendar_id, phantom.href, phantom.uid)
        burst_entries.amend(uow, item_id, details)
    return Outcome("held", held.reason, object_id, href, exact=False)


def _add_to_burst(
    uow: UnitOfWork, practice: Practice, actor: Actor, held: brake.Held, entry: list[Any], calendar_id: int
) -> tuple[int, dict[str, Any]]:
    burst = held.burst and attention_rows.lock_open(uow, held.burst.id)
    if burst is None:
        first: dict[str, Any] = {"first": list(held.first), "held": [entry]}
        item_id = attention_rows.file(
            uow,
            practice.id,
            attention_rows.BURST,
            held.reason,
            actor=actor,
            calendar_id=calendar_id,
            details=first,
        )
        return item_id, first
    details: dict[str, Any] = dict(burst.details)
    details["first"] = sorted({*details.get("first", []), *held.first})
    details["held"] = [*details.get("held", []), entry]
    burst_entries.amend(uow, burst.id, details)
    return burst.id, details
