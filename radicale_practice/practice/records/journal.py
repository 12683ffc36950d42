"""The append-only record of who changed what, when and from which device.

``before`` and ``after`` hold a compact JSON of the practice's fields; retention and the erasure of a patient
empty them, the fact that something was changed stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Required, TypedDict, Unpack

from sqlalchemy import insert

from radicale_practice.practice import clock
from radicale_practice.practice.appointment_rows import Rows
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor
from radicale_practice.practice.schema.appointment_columns import CANCELLATION, KEPT
from radicale_practice.practice.schema.columns import WALL_TIME_FORMAT
from radicale_practice.practice.schema.sync_tables import journal

_SNAPSHOT = (*KEPT, *CANCELLATION)
_MOMENTS = ("starts_at", "ends_at", "recurrence_id", "cancelled_at")
_KEYS = ("series_id", "patient_id", "location_id", "cancelled_by", "cancelled_device")


def snapshot(row: Mapping[str, Any]) -> dict[str, Any]:
    """The practice's fields of one appointment row and who cancelled it, empty ones left out."""
    found: dict[str, Any] = {}
    for name in _SNAPSHOT:
        value = row.get(name)
        if isinstance(value, datetime):
            value = value.strftime(WALL_TIME_FORMAT)
        if value not in (None, "", False):
            found[name] = value
    return found


def columns(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a row as a snapshot kept them, every field named."""
    found: dict[str, Any] = {}
    for name in _SNAPSHOT:
        value = kept.get(name)
        if name in _MOMENTS:
            value = datetime.strptime(value, WALL_TIME_FORMAT) if value else None
        elif name in ("all_day", "transparent"):
            value = bool(value)
        elif value is None and name not in _KEYS:
            value = ""
        found[name] = value
    return found


def state(
    rows: Iterable[Mapping[str, Any]],
    calendars: Mapping[int, str],
    placed: Mapping[int, Mapping[int, str]] | None = None,
) -> dict[str, Any]:
    """What ``before`` and ``after`` hold of an appointment: its calendars and the rows concerned.

    ``placed``: the calendars of all its rows, for a change of place: kept are those of instances that are not
    where their master is.
    """
    found: dict[str, Any] = {
        "calendars": _by_text(calendars),
        "rows": {str(row["id"]): snapshot(row) for row in rows},
    }
    if placed is not None:
        found["placed"] = {str(i): _by_text(c) for i, c in sorted(placed.items()) if c != calendars}
    return found


def _by_text(calendars: Mapping[int, str]) -> dict[str, str]:
    return {str(c): role for c, role in sorted(calendars.items())}


def dump(value: Mapping[str, Any] | None) -> str | None:
    """Compact JSON."""
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse(text: str | None) -> dict[str, Any]:
    """The contents of a journal column; empty if they were erased or never kept."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


_INSERT = insert(journal).returning(journal.c.id)


class About(TypedDict, total=False):
    """What a row of the journal says beside who did what."""

    practice_id: Required[int]
    appointment_id: int | None
    calendar_id: int | None
    patient_id: int | None
    private: bool
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def write(uow: UnitOfWork, action: str, *, actor: Actor | None = None, **about: Unpack[About]) -> int:
    """Append one row; its id. ``actor`` is who the unit of work says, unless another is named."""
    values = row(actor or uow.actor, action, **about)
    return int(uow.connection.execute(_INSERT, values).scalar_one())


def write_of(
    uow: UnitOfWork,
    rows: Rows,
    action: str,
    *,
    actor: Actor,
    calendar_id: int | None,
    private: bool = False,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> int:
    """Append one row about an appointment or series, as it is now; its id."""
    return write(
        uow,
        action,
        actor=actor,
        practice_id=rows.master["practice_id"],
        appointment_id=rows.id,
        calendar_id=calendar_id,
        patient_id=rows.master["patient_id"],
        private=private,
        before=before,
        after=after,
    )


def write_many(uow: UnitOfWork, rows: list[dict[str, Any]]) -> None:
    """Append rows made by ``row`` with one statement."""
    if rows:
        uow.connection.execute(insert(journal), rows)


def row(actor: Actor, action: str, **about: Unpack[About]) -> dict[str, Any]:
    """The columns of one journal row."""
    return {
        "at": clock.utc_now(),
        "practice_id": about["practice_id"],
        "staff_id": actor.staff_id,
        "device_id": actor.device_id,
        "program": actor.program,
        "action": action,
        "appointment_id": about.get("appointment_id"),
        "calendar_id": about.get("calendar_id"),
        "patient_id": about.get("patient_id"),
        "private": about.get("private", False),
        "before": dump(about.get("before")),
        "after": dump(about.get("after")),
    }


def in_minutes(practice_id: int, minutes: int) -> list[Any]:
    """Conditions: rows of one practice of the last minutes."""
    since = clock.utc_now() - timedelta(minutes=minutes)
    return [journal.c.practice_id == practice_id, journal.c.at >= since]


def by_source(actor: Actor) -> list[Any]:
    """Conditions: rows written for the same device (else the same person and program) as ``actor``."""
    conditions: list[Any] = [
        journal.c.staff_id.is_(None) if actor.staff_id is None else journal.c.staff_id == actor.staff_id
    ]
    if actor.device_id is not None:
        conditions.append(journal.c.device_id == actor.device_id)
    else:
        conditions += [journal.c.device_id.is_(None), journal.c.program == actor.program]
    return conditions
