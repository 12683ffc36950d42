"""What an open burst holds back, and taking out of it what turned out to be half of a move."""

from __future__ import annotations

from typing import Any

from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Actor
from radicale_practice.practice.notices import attention_entry, attention_rows
from radicale_practice.practice.projections import Practice


def is_held(uow: UnitOfWork, practice_id: int, actor: Actor, journal_id: int) -> bool:
    """Whether that operation of the device is still held back: nobody has settled its burst."""
    bursts = attention_rows.bursts(uow, practice_id, actor)
    return any(entry[0] == journal_id for burst in bursts for entry in burst.details.get("held", []))


def take_out(uow: UnitOfWork, practice: Practice, actor: Actor, journal_id: int) -> None:
    """Let the device's open bursts no longer name an operation, held or carried out.

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
        details["held"] = [entry for entry in details.get("held", []) if entry[0] != journal_id]
        attention_rows.amend(uow, now.id, details, len(details["held"]))
        if not details["held"]:
            attention_rows.settle(uow, now.id, "over")
        attention_entry.update_entry(uow, practice, actor.staff_id)


def _names(details: dict[str, Any], journal_id: int) -> bool:
    return journal_id in details.get("first", []) or any(
        entry[0] == journal_id for entry in details.get("held", [])
    )
