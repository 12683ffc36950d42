"""Which changes of the journal belong together: they are taken back all, or none of them.

Changes of the same rows do; and so do the two halves of "this and future": a client ends a series and makes a
new one of what comes after, and nothing but the time, the patient and the calendar says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from radicale_practice.practice.book.restoring import REST_MOVED_TO
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Status
from radicale_practice.practice.records import beside
from radicale_practice.practice.records import journal as book_journal
from radicale_practice.practice.schema.sync_tables import journal

HALVES_WITHIN = timedelta(minutes=10)
"""How far apart the two halves of "this and future" are at most."""

Entry = Mapping[str, Any]


def with_halves(uow: UnitOfWork, practice_id: int, entries: Sequence[Entry]) -> list[Entry]:
    """``entries`` (newest first) with their other halves: the new series that the same device made of a
    series among them, and the deletion with which it began a move among them."""
    ended = [e for e in entries if _ends_series(e)]
    revived = [e for e in entries if _revives(e)]
    if not (ended or revived):
        return list(entries)
    times = [e["at"] for e in (*ended, *revived)]
    query = select(journal).where(
        journal.c.practice_id == practice_id,
        journal.c.action.in_(("create", "cancel")),
        journal.c.at.between(min(times) - HALVES_WITHIN, max(times) + HALVES_WITHIN),
        journal.c.id.not_in([e["id"] for e in entries]),
    )
    found = [dict(row) for row in uow.connection.execute(query.order_by(journal.c.id.desc())).mappings()]
    more = {e["id"]: e for e in found if e["action"] == "create" and any(_second_half(o, e) for o in ended)}
    for entry in revived:
        deletions = [e for e in found if e["action"] == "cancel" and _began(e, entry)]
        more |= {e["id"]: e for e in deletions[:1]}
    return sorted((*entries, *more.values()), key=lambda e: -int(e["id"]))


def rows_named(entries: Iterable[Entry]) -> set[int]:
    """Ids of all rows that the journal names in these entries."""
    return {i for e in entries for i in _rows_of(e)}


def rows_with_extras(entries: Iterable[Entry]) -> set[int]:
    """Ids of the rows of which the journal keeps, in these entries, what clients kept with them."""
    return {
        row_id
        for e in entries
        for text in (e["before"], e["after"])
        for row_id, _ in beside.of_json(book_journal.parse(text))
    }


def groups(entries: Sequence[Entry]) -> dict[int, int]:
    """Entry id to the number of its group."""
    parent: dict[int, int] = {}

    def root(row_id: int) -> int:
        while parent.setdefault(row_id, row_id) != row_id:
            parent[row_id] = row_id = parent[parent[row_id]]
        return row_id

    for entry in entries:
        for row_id in _rows_of(entry):
            parent[root(row_id)] = root(int(entry["appointment_id"]))
    created = [e for e in entries if e["action"] == "create"]
    for ended in (e for e in entries if _ends_series(e)):
        for new in created:
            if _second_half(ended, new):
                parent[root(int(new["appointment_id"]))] = root(int(ended["appointment_id"]))
    return {int(e["id"]): root(int(e["appointment_id"])) for e in entries}


def _rows_of(entry: Entry) -> set[int]:
    ids = {int(entry["appointment_id"])}
    for text in (entry["before"], entry["after"]):
        state = book_journal.parse(text)
        ids.update(int(i) for i in state.get("rows", {}))
        if state.get(REST_MOVED_TO):
            ids.add(int(state[REST_MOVED_TO]))
    return ids


def _ends_series(entry: Entry) -> bool:
    if entry["action"] == "create":
        return False
    was, now = _master(entry, "before"), _master(entry, "after")
    return bool(now.get("rrule") and was.get("rrule") and was["rrule"] != now["rrule"])


def _revives(entry: Entry) -> bool:
    """A move of what was deleted first."""
    if not entry["action"].startswith("move"):
        return False
    states = [_master(entry, column).get("status") for column in ("before", "after")]
    return states[0] == Status.CANCELLED != states[1]


def _began(deletion: Entry, moved: Entry) -> bool:
    if not _same_device(deletion, moved) or deletion["id"] > moved["id"]:
        return False
    return bool(deletion["appointment_id"] == moved["appointment_id"])


def _same_device(one: Entry, other: Entry) -> bool:
    return all(one[n] == other[n] for n in ("staff_id", "device_id", "program"))


def _second_half(ended: Entry, new: Entry) -> bool:
    if not _same_device(ended, new):
        return False
    if abs(ended["at"] - new["at"]) > HALVES_WITHIN:
        return False
    was, made = _master(ended, "before"), _master(new, "after")
    if was.get("patient_id") != made.get("patient_id") or made.get("starts_at", "") <= was["starts_at"]:
        return False
    if was.get("patient_id") is None and was.get("subject") != made.get("subject"):
        return False
    places = [book_journal.parse(text).get("calendars", {}) for text in (ended["before"], new["after"])]
    return bool(set(places[0]) & set(places[1]))


def _master(entry: Entry, column: str) -> dict[str, Any]:
    rows = book_journal.parse(entry[column]).get("rows", {})
    return dict(rows.get(str(entry["appointment_id"]), {}))
