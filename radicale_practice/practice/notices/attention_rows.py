"""Filing and counting rows of the attention list (what may be done about them: ``attention``)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, func, insert, or_, select, update

from radicale_practice.practice import clock
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor
from radicale_practice.practice.schema.sync_tables import attention

UNLINKED = "unlinked"
CHANGED_PATIENT = "changed-patient"
REFUSED = "refused"
BURST = "burst"
DOUBLE_BOOKING = "double-booking"
ABSENCE = "absence"
UNREADABLE = "unreadable"

CARRIED_OUT = "carry-out"
UNDONE = "undo"
"""Resolutions of bursts that matter afterwards."""

OVER = "over"
"""The resolution of what nobody has settled, because it is no longer so."""

ORIGINAL_GONE = "original-gone"
"""A reason of double bookings: a device's copy of what somebody else changed or took away just then."""

NOT_TAKEN_OVER = (REFUSED, BURST)
"""The kinds that the person at the device has to know of."""


@dataclass(frozen=True, slots=True)
class AttentionItem:
    """One row: what happened to which object, by whom, why, how often. Times are UTC."""

    id: int
    public_id: str
    practice_id: int
    kind: str
    reason: str
    count: int
    created_at: datetime
    last_at: datetime | None
    staff_id: int | None
    device_id: int | None
    source: str
    calendar_id: int | None
    appointment_id: int | None
    settled_at: datetime | None
    resolution: str
    details: dict[str, Any] = field(default_factory=dict)


def item_of(row: Mapping[str, Any]) -> AttentionItem:
    """An item from its row; details that are no JSON object read as empty."""
    known = {name: row[name] for name in AttentionItem.__slots__ if name != "details"}
    try:
        details = json.loads(row["details"] or "{}")
    except ValueError:
        details = {}
    return AttentionItem(**known, details=details if isinstance(details, dict) else {})


_INSERT = insert(attention).returning(attention.c.id)

_OPEN = and_(attention.c.practice_id == bindparam("practice"), attention.c.settled_at.is_(None))

_BURSTS = (
    select(attention)
    .where(
        attention.c.practice_id == bindparam("practice"),
        or_(attention.c.settled_at.is_(None), attention.c.settled_at >= bindparam("since")),
        attention.c.kind == BURST,
        attention.c.source == bindparam("source"),
    )
    .order_by(attention.c.id.desc())
)

_OPEN_ABOUT = (
    select(attention.c.id)
    .where(
        _OPEN,
        attention.c.kind == bindparam("kind"),
        attention.c.appointment_id == bindparam("appointment"),
    )
    .limit(1)
)


def file(
    uow: UnitOfWork,
    practice_id: int,
    kind: str,
    reason: str = "",
    *,
    actor: Actor | None = None,
    calendar_id: int | None = None,
    appointment_id: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> int:
    """A new row of the list; its id. Only an INSERT, so it may follow the calendars' locks."""
    actor = actor or uow.actor
    now = clock.utc_now()
    values = {
        "created_at": now,
        "last_at": now,
        "practice_id": practice_id,
        "kind": kind,
        "reason": reason,
        "staff_id": actor.staff_id,
        "device_id": actor.device_id,
        "source": actor.source,
        "calendar_id": calendar_id,
        "appointment_id": appointment_id,
        "details": _dump(details or {}),
    }
    return int(uow.connection.execute(_INSERT, values).scalar_one())


def file_refusal(
    uow: UnitOfWork,
    practice_id: int,
    reason: str,
    *,
    actor: Actor,
    calendar_id: int | None,
    appointment_id: int | None,
) -> None:
    """A refused change; equal ones of one day are one row with a count."""
    now = clock.utc_now()
    same_day = now.replace(hour=0, minute=0, second=0)
    query = (
        select(attention.c.id)
        .where(
            attention.c.practice_id == practice_id,
            attention.c.settled_at.is_(None),
            attention.c.kind == REFUSED,
            attention.c.reason == reason,
            attention.c.source == actor.source,
            attention.c.created_at >= same_day,
            attention.c.appointment_id.is_(None)
            if appointment_id is None
            else attention.c.appointment_id == appointment_id,
        )
        .limit(1)
    )
    known = uow.connection.execute(query).scalar()
    if known is None:
        file(
            uow,
            practice_id,
            REFUSED,
            reason,
            actor=actor,
            calendar_id=calendar_id,
            appointment_id=appointment_id,
        )
        return
    uow.connection.execute(
        update(attention).where(attention.c.id == known).values(count=attention.c["count"] + 1, last_at=now)
    )


def amend(uow: UnitOfWork, item_id: int, details: Mapping[str, Any], count: int) -> None:
    """Give an open row new details and a new count."""
    uow.connection.execute(
        update(attention)
        .where(attention.c.id == item_id)
        .values(details=_dump(details), count=count, last_at=clock.utc_now())
    )


def set_details(uow: UnitOfWork, item_id: int, details: Mapping[str, Any]) -> None:
    """Give a row new details and nothing else, settled or not."""
    uow.connection.execute(update(attention).where(attention.c.id == item_id).values(details=_dump(details)))


def bursts(
    uow: UnitOfWork, practice_id: int, actor: Actor, settled_since: datetime | None = None
) -> list[AttentionItem]:
    """The bursts of one device that nobody has settled yet, and those settled since (UTC); newest first."""
    parameters = {"practice": practice_id, "source": actor.source, "since": settled_since}
    return [item_of(dict(r)) for r in uow.connection.execute(_BURSTS, parameters).mappings()]


def lock_open(uow: UnitOfWork, item_id: int) -> AttentionItem | None:
    """A row as it is now, to be amended: nobody else changes or settles it before this unit ends. None if it
    is settled."""
    query = select(attention).where(attention.c.id == item_id, attention.c.settled_at.is_(None))
    row = uow.connection.execute(query.with_for_update()).mappings().first()
    return item_of(dict(row)) if row is not None else None


def has_open(uow: UnitOfWork, practice_id: int, kind: str, appointment_id: int) -> bool:
    """Whether an open row of that kind names the appointment already."""
    parameters = {"practice": practice_id, "kind": kind, "appointment": appointment_id}
    return uow.connection.execute(_OPEN_ABOUT, parameters).first() is not None


def lock_open_about(uow: UnitOfWork, practice_id: int, kind: str, appointment_id: int) -> list[AttentionItem]:
    """The open rows of that kind that name the appointment, to be amended, oldest first."""
    query = select(attention).where(
        attention.c.practice_id == practice_id,
        attention.c.settled_at.is_(None),
        attention.c.kind == kind,
        attention.c.appointment_id == appointment_id,
    )
    found = uow.connection.execute(query.order_by(attention.c.id).with_for_update()).mappings()
    return [item_of(dict(row)) for row in found]


def settle(uow: UnitOfWork, item_id: int, resolution: str) -> None:
    """Settle one row, because what it says is over."""
    uow.connection.execute(
        update(attention)
        .where(attention.c.id == item_id)
        .values(settled_at=clock.utc_now(), settled_by=uow.actor.staff_id, resolution=resolution)
    )


def settle_for(uow: UnitOfWork, practice_id: int, kind: str, appointment_id: int, resolution: str) -> None:
    """Settle the open rows of a kind about one appointment, because what they say is over."""
    uow.connection.execute(
        update(attention)
        .where(
            attention.c.practice_id == practice_id,
            attention.c.settled_at.is_(None),
            attention.c.kind == kind,
            attention.c.appointment_id == appointment_id,
        )
        .values(settled_at=clock.utc_now(), settled_by=uow.actor.staff_id, resolution=resolution)
    )


def settle_moot(uow: UnitOfWork, practice_id: int, *appointment_ids: int, refusals_too: bool = False) -> None:
    """Settle what the list says of appointments that are cancelled or gone."""
    kept = [BURST] if refusals_too else [BURST, REFUSED]
    uow.connection.execute(
        update(attention)
        .where(
            attention.c.practice_id == practice_id,
            attention.c.settled_at.is_(None),
            attention.c.kind.not_in(kept),
            attention.c.appointment_id.in_(appointment_ids),
        )
        .values(settled_at=clock.utc_now(), settled_by=uow.actor.staff_id, resolution=OVER)
    )


def settle_filed_by(
    uow: UnitOfWork,
    practice_id: int,
    appointment_ids: Collection[int],
    sources: Collection[str],
    since: datetime | None,
) -> None:
    """Settle what was put on the list because of changes that these devices made since then (UTC), and that
    are taken back; a refused change is none."""
    conditions = [attention.c.created_at >= since] if since is not None else []
    uow.connection.execute(
        update(attention)
        .where(
            attention.c.practice_id == practice_id,
            attention.c.settled_at.is_(None),
            attention.c.kind.not_in([BURST, REFUSED, UNREADABLE]),
            attention.c.source.in_(sorted(sources)),
            attention.c.appointment_id.in_(appointment_ids),
            *conditions,
        )
        .values(settled_at=clock.utc_now(), settled_by=uow.actor.staff_id, resolution=OVER)
    )


def not_taken_over(uow: UnitOfWork, practice_id: int, staff_id: int) -> int:
    """How many changes of one person were not taken over and are not settled yet."""
    number = case((attention.c.kind == BURST, attention.c["count"]), else_=1)
    query = select(func.coalesce(func.sum(number), 0)).where(
        attention.c.practice_id == practice_id,
        attention.c.settled_at.is_(None),
        attention.c.staff_id == staff_id,
        attention.c.kind.in_(NOT_TAKEN_OVER),
    )
    return int(uow.connection.execute(query).scalar_one())


def _dump(details: Mapping[str, Any]) -> str:
    return json.dumps(details, ensure_ascii=False, separators=(",", ":"))
