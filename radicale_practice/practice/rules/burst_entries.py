"""What an open burst holds back: ``[journal id, calendar, appointment or None, href, dead object]`` each.

Of several operations on one appointment, or uploads under one href, the last is what the device wants.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor
from radicale_practice.practice.notices import attention_entry, attention_rows
from radicale_practice.practice.notices.attention_rows import AttentionItem
from radicale_practice.practice.projections import Practice


def latest(details: Mapping[str, Any]) -> list[int]:
    """Of what a burst holds, the journal rows that count, in the order they were held."""
    return sorted({_subject(entry): int(entry[0]) for entry in details.get("held", [])}.values())


def amend(uow: UnitOfWork, item_id: int, details: Mapping[str, Any]) -> None:
    """Give an open burst new details; it counts what it holds."""
    attention_rows.amend(uow, item_id, details, len(latest(details)))


def put_last(uow: UnitOfWork, burst: AttentionItem, entry: list[Any]) -> None:
    """Let what is held already be the last again of what its device wanted of an appointment."""
    if entry[0] in latest(burst.details):
        return
    now = attention_rows.lock_open(uow, burst.id)
    if now is not None:
        others = [known for known in now.details.get("held", []) if known[0] != entry[0]]
        amend(uow, now.id, {**now.details, "held": [*others, entry]})


def is_held(uow: UnitOfWork, practice_id: int, actor: Actor, journal_id: int) -> bool:
    """Whether that operation of the device is still held back: nobody has settled its burst."""
    bursts = attention_rows.bursts(uow, practice_id, actor)
    return any(entry[0] == journal_id for burst in bursts for entry in burst.details.get("held", []))


def take_out(uow: UnitOfWork, practice: Practice, actor: Actor, journal_id: int) -> None:
    """Let the device's open bursts no longer name an operation, held or carried out, nor what else they hold
    of the same appointment.

    A burst that holds nothing any more is settled. Writes a practice row (the person's entry): never after
    the calendars' locks are taken.
    """
    for burst in attention_rows.bursts(uow, practice.id, actor):
        if not _names(burst.details, journal_id):
            continue
        now = attention_rows.lock_open(uow, burst.id)
        if now is None:
            continue
        details: dict[str, Any] = dict(now.details)
        details["first"] = [i for i in details.get("first", []) if i != journal_id]
        gone = {_subject(entry) for entry in details.get("held", []) if entry[0] == journal_id}
        details["held"] = [entry for entry in details.get("held", []) if _subject(entry) not in gone]
        amend(uow, now.id, details)
        if not details["held"]:
            attention_rows.settle(uow, now.id, attention_rows.OVER)
        attention_entry.update_entry(uow, practice, actor.staff_id)


def _names(details: dict[str, Any], journal_id: int) -> bool:
    return journal_id in details.get("first", []) or any(
        entry[0] == journal_id for entry in details.get("held", [])
    )


def _subject(entry: list[Any]) -> Any:
    """The appointment, by whatever calendar it was reached, or the place of a new event."""
    return entry[2] if entry[2] is not None else (entry[1], entry[3] or entry[0])
