"""The burst brake: one device that suddenly cancels or creates a lot is stopped, and somebody is asked.

What a device did lately is read from the journal with one query; what it was refused in a burst that nobody
has settled yet is remembered by the attention row, so that repeating it later does not wear the brake down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, or_, select

from radicale_practice.practice import clock
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor
from radicale_practice.practice.notices import attention_rows
from radicale_practice.practice.notices.attention_rows import AttentionItem
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import journal as book_journal
from radicale_practice.practice.schema.sync_tables import journal

CANCELLATIONS = "burst-cancellations"
CREATIONS = "burst-creations"

ENTERS = "move-in"
"""The journal's word for a private entry that becomes one of the practice's."""

_COUNTED = {
    CANCELLATIONS: frozenset({"cancel", "cancel-instance", "overwrite", "move-away"}),
    CREATIONS: frozenset({"create", ENTERS}),
}
"""Actions that count: what takes an appointment out of the practice's reach; what is new to the practice."""

CARRIED_OUT_BY = "carried_out_by"
"""In the journal's ``after``: the person who had a held operation carried out."""

_GIVING_BACK = {
    CANCELLATIONS: frozenset({"restore", "move", ENTERS}),
    CREATIONS: frozenset({"copy-removed"}),
}
"""Actions after which an appointment counts no longer."""

_TAKING_BACK = frozenset({"restore", "undo"})
"""What takes back or brings back, whoever does it."""

_STILL_MEANT = timedelta(days=7)
"""What was turned down may be meant after so long, if it is an operation on an appointment."""

_NEVER_MEANT = timedelta(days=365)
"""The same upload again: a client that cannot let go of an entry, never a person."""


@dataclass(frozen=True, slots=True)
class Held:
    """Why an operation is not carried out: the burst it belongs to, or begins.

    ``again``: the entry under which this very operation is held already.
    """

    reason: str
    burst: AttentionItem | None
    first: tuple[int, ...] = ()
    again: list[Any] | None = None


def check(
    uow: UnitOfWork,
    practice: Practice,
    actor: Actor,
    reason: str,
    calendar_id: int,
    operation: Mapping[str, Any],
    *,
    appointment_id: int | None = None,
    href: str = "",
) -> Held | None:
    """Whether ``actor``'s next operation on an appointment, or upload as ``href``, is one too many.

    What somebody has turned down (a burst settled in any way but by carrying it out) is held again when it is
    repeated, however little the device does now: an operation is asked about again, an upload is not.
    ``reason`` is ``CANCELLATIONS`` or ``CREATIONS``; ``operation`` is what would be held, by which a
    repetition is known. None: go on. A series counts once. Not to be asked for private calendars.
    """
    now = clock.utc_now()
    since = now - timedelta(minutes=practice.settings.brake_minutes)
    settled_since = min(since, now - (_NEVER_MEANT if appointment_id is None else _STILL_MEANT))
    known_bursts = attention_rows.bursts(uow, practice.id, actor, settled_since)
    bursts = [b for b in known_bursts if b.reason == reason and b.settled_at is None]
    recent = next((b for b in bursts if (b.last_at or b.created_at) >= since), None)
    wanted = key(calendar_id, appointment_id, href)
    again = _held_already(uow, bursts, wanted, operation)
    if again is not None:
        return Held(reason, again[0], again=again[1])
    turned_down = [b for b in known_bursts if b.reason == reason and _is_turned_down(b)]
    again = _held_already(uow, turned_down, wanted, operation)
    if again is not None and appointment_id is None:
        return Held(reason, again[0], again=again[1])
    if again is not None or (appointment_id is not None and _undone(uow, turned_down, appointment_id)):
        return Held(reason, recent)
    # somebody has looked at a settled burst, whatever was decided; one that is over has settled itself
    looked_at = (b for b in known_bursts if b.settled_at is not None and b.resolution != attention_rows.OVER)
    dealt_with = {i for b in looked_at for i in _rows_of(b)}
    counted, first = _counted(uow, practice.id, actor, reason, since, dealt_with)
    if appointment_id is not None:
        counted.add(appointment_id)
        number = len(counted)
    else:
        number = len(counted) + 1
    limit = (
        practice.settings.brake_creations if reason == CREATIONS else practice.settings.brake_cancellations
    )
    if number <= limit:
        return None
    return Held(reason, recent, tuple(first))


def found_at(uow: UnitOfWork, practice: Practice, actor: Actor, appointment_id: int) -> dict[int, datetime]:
    """Where (wall time, by row) an appointment's rows began before ``actor`` moved them in the last minutes.

    Somebody who moves a day in small steps has moved it as far as in one.
    """
    query = (
        select(journal.c.before)
        .where(
            *book_journal.in_minutes(practice.id, practice.settings.brake_minutes),
            *book_journal.by_source(actor),
            journal.c.appointment_id == appointment_id,
            journal.c.before.is_not(None),
        )
        .order_by(journal.c.id.desc())
    )
    found: dict[int, datetime] = {}
    for text in uow.connection.execute(query).scalars():
        for row_id, kept in book_journal.parse(text).get("rows", {}).items():
            start = book_journal.columns(kept)["starts_at"]
            if start is not None:
                found[int(row_id)] = start
    return found


def key(calendar_id: int, appointment_id: int | None, href: str) -> list[Any]:
    """What a held operation is done to, and through which calendar."""
    return [calendar_id, appointment_id, "" if appointment_id is not None else href]


def _held_already(
    uow: UnitOfWork, bursts: Iterable[AttentionItem], wanted: list[Any], operation: Mapping[str, Any]
) -> tuple[AttentionItem, list[Any]] | None:
    """The burst and its entry that hold the very same operation; one statement if there may be one.

    Another operation on the same appointment is no repetition: a deletion after a move is what counts.
    """
    named = {
        entry[0]: (burst, entry)
        for burst in bursts
        for entry in burst.details.get("held", [])
        if entry[1:4] == wanted
    }
    if not named:
        return None
    query = select(journal.c.id, journal.c.after).where(journal.c.id.in_(sorted(named)))
    for row_id, after in uow.connection.execute(query.order_by(journal.c.id.desc())):
        if _essence(book_journal.parse(after)) == _essence(operation):
            return named[row_id]
    return None


def _is_turned_down(burst: AttentionItem) -> bool:
    return burst.settled_at is not None and burst.resolution not in (
        attention_rows.OVER,
        attention_rows.CARRIED_OUT,
    )


def _undone(uow: UnitOfWork, bursts: Iterable[AttentionItem], appointment_id: int) -> bool:
    """Whether what these bursts had carried out of the appointment was taken back with them."""
    first = [
        i
        for burst in bursts
        if burst.resolution == attention_rows.UNDONE
        for i in burst.details.get("first", [])
    ]
    if not first:
        return False
    query = select(journal.c.id).where(journal.c.id.in_(first), journal.c.appointment_id == appointment_id)
    return uow.connection.execute(query.limit(1)).first() is not None


def _essence(operation: Mapping[str, Any]) -> list[Any]:
    """What makes an operation another one: not a client's own stamps and alarms, which are new every time."""
    entries = operation.get("desired", {}).get("appointments", ())
    bare = [{n: v for n, v in entry.items() if n not in ("extra", "personal")} for entry in entries]
    return [*(operation.get(n) for n in ("operation", "to_calendar_id", "to_href")), bare]


def _counted(
    uow: UnitOfWork, practice_id: int, actor: Actor, reason: str, since: datetime, dealt_with: set[int]
) -> tuple[set[Any], list[int]]:
    """What counts since then (appointments, and journal ids of held creations), and the rows carried out.

    ``dealt_with``: rows of the journal that count no longer.
    """
    wanted, giving_back = _COUNTED[reason], _GIVING_BACK[reason]
    by_device = and_(
        *book_journal.by_source(actor),
        journal.c.private.is_(False),
        or_(
            journal.c.action.in_(sorted(wanted | giving_back)),
            and_(journal.c.action == "held", journal.c.after.like(f'%"reason":"{reason}"%')),
        ),
        # what somebody in the practice has carried out is no haste of the device's
        or_(journal.c.after.is_(None), journal.c.after.not_like(f'%"{CARRIED_OUT_BY}":%')),
    )
    taken_back = case((journal.c.action == "undo", journal.c.after))
    query = (
        select(journal.c.id, journal.c.action, journal.c.appointment_id, taken_back)
        .where(
            journal.c.practice_id == practice_id,
            journal.c.at >= since,
            or_(by_device, journal.c.action.in_(sorted(_TAKING_BACK))),
        )
        .order_by(journal.c.id)
    )
    counted: dict[Any, dict[int, bool]] = {}
    for row_id, action, appointment_id, after in uow.connection.execute(query):
        if action == "undo":
            dealt_with = dealt_with | set(book_journal.parse(after).get("undone", ()))
        if action in giving_back:
            counted.pop(appointment_id, None)
        elif action == "held":
            counted.setdefault(appointment_id or f"held:{row_id}", {})[row_id] = False
        elif action in wanted:
            counted.setdefault(appointment_id, {})[row_id] = True
    standing = {what: ids for what, ids in counted.items() if not dealt_with.issuperset(ids)}
    done = [i for ids in standing.values() for i, carried_out in ids.items() if carried_out]
    return set(standing), sorted(set(done) - dealt_with)


def _rows_of(burst: AttentionItem) -> set[int]:
    """The journal's rows of a burst: its first part, and what was held."""
    details = burst.details
    return {*details.get("first", []), *(known[0] for known in details.get("held", []))}
