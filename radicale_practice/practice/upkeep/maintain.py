"""Housekeeping, to be run once a day. Everything works without it, only slower and with more rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from radicale_practice.practice import clock, practices
from radicale_practice.practice.database import Database, translated_errors
from radicale_practice.practice.notices import foreign_clashes, former_clashes, unreadable
from radicale_practice.practice.parts import parts
from radicale_practice.practice.people import directory
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import retention
from radicale_practice.practice.series import occurrences
from radicale_practice.practice.sync import housekeeping
from radicale_practice.practice.upkeep import left_over, private_entries
from radicale_practice.practice.upkeep.check_values import unreadable_appointments

EXPANDED_DAYS = 550
"""Days ahead of now for which occurrences of series are stored."""

REFRESHED_DAYS = 365
"""A series stored less far ahead than this is stored again."""

_BATCH = 200

Progress = Callable[[str, int, int], None]
"""Called with (step, done, all)."""


@dataclass(frozen=True, slots=True)
class Maintained:
    """What housekeeping did."""

    series_expanded: int
    names_kept: int
    journal_rows_emptied: int


def maintain(database: Database, now: datetime | None = None, progress: Progress | None = None) -> Maintained:
    """Do all of it, in short transactions of their own, for all practices. ``now``: UTC, naive.

    Prunes superseded changes, removed objects and what stood beside rows that have gone, empties journal
    contents past their time, forgets private entries that were deleted long ago, keeps keys of names, stores
    the occurrences of series, and puts on the attention list what cannot be read and what plain SQL has
    booked twice; what is booked twice no more it takes off. Raises ``Unavailable`` if the database is away.
    """
    now = now or clock.utc_now()
    report = progress or (lambda step, done, total: None)
    with translated_errors():
        expanded = _expand(database, now, report)
        with database.read() as uow:
            all_practices = practices.list_all(uow)
        names = emptied = 0
        for number, practice in enumerate(all_practices):
            report("journal and names", number, len(all_practices))
            with database.write() as uow:
                missing = directory.missing_names(uow, practice.id)
                directory.keep_names(uow, practice.id, missing)
            names += len(missing)
            emptied += retention.empty_expired(database, practice, now)
            _forget_private(database, practice, now)
        report("journal and names", len(all_practices), len(all_practices))
        report("changes", 0, 1)
        housekeeping.prune(database, now)
        report("changes", 1, 1)
        report("attention list", 0, 1)
        with database.read() as uow:
            reasons = unreadable_appointments(uow)
        with database.write() as uow:
            uow.forgets = True  # what was emptied and deleted above, too
            left_over.forget(uow)
            unreadable.note(uow, reasons)
        for practice in all_practices:
            foreign_clashes.note(database, practice, now)
            former_clashes.settle(database, practice, now)
        report("attention list", 1, 1)
    return Maintained(expanded, names, emptied)


def _forget_private(database: Database, practice: Practice, now: datetime) -> None:
    """What private entries said that were deleted long ago; batch by batch."""
    for step in (private_entries.forget, private_entries.empty_instances, private_entries.empty_calendars):
        found = private_entries.BATCH
        while found >= private_entries.BATCH:
            with database.write() as uow:
                found = step(uow, practice, now)


def _expand(database: Database, now: datetime, report: Progress) -> int:
    """Store occurrences of the series that have none, or not far enough ahead; how many were stored."""
    until = now + timedelta(days=EXPANDED_DAYS)
    wanted: list[int] = []
    with database.read() as uow:
        while part := occurrences.pending(
            uow, now + timedelta(days=REFRESHED_DAYS), after_id=wanted[-1] if wanted else 0
        ):
            wanted += part
    stored = tried = 0
    for batch in parts(wanted, _BATCH):
        report("series", tried, len(wanted))
        with database.write() as uow:
            stored += occurrences.store(uow, batch, until)
        tried += len(batch)
    report("series", len(wanted), len(wanted))
    return stored
