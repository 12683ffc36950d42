"""Bringing the practice's rows to what an undo wants, journalling it, and looking for taken times."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select, tuple_

from radicale_practice.practice import appointment_rows, clock
from radicale_practice.practice.appointment_rows import Row, Rows, entry_of
from radicale_practice.practice.book.plan import as_its_rule
from radicale_practice.practice.model import Actor, CalendarKind, Status
from radicale_practice.practice.notices import attention_entry, attention_rows
from radicale_practice.practice.parts import parts
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.records import beside
from radicale_practice.practice.records import journal as book_journal
from radicale_practice.practice.records.undo_rows import Calendars, WantedRows
from radicale_practice.practice.rules import double_booking
from radicale_practice.practice.schema.appointment_columns import ORIGIN, TIMED
from radicale_practice.practice.schema.practice_tables import appointment, appointment_calendar, calendar
from radicale_practice.practice.sync import revisions


def write(book: WantedRows, practice: Practice, actor: Actor) -> None:
    """Bring the rows to what is wanted, and journal it: one row for each appointment."""
    _keep_what_others_own(book, practice)
    changes = {
        i: _change(book, i, kept, actor)
        for i, kept in book.wanted.items()
        if i in book.rows and kept is not None and kept != book.is_now[i]
    }
    gone = [i for i, kept in book.wanted.items() if kept is None and i in book.rows]
    back = {i: kept for i, kept in book.wanted.items() if kept is not None and i not in book.rows}
    cancelled = {i: c for i, c in changes.items() if c.get("status") == Status.CANCELLED}
    others = {i: c for i, c in changes.items() if i not in cancelled}
    # what leaves a place does so before something else comes back to it, under the same href
    appointment_rows.update_rows(book.uow, book.rows.values(), cancelled)
    appointment_rows.delete_rows(book.uow, gone)
    _place(book, set(gone) | set(back))
    appointment_rows.update_rows(book.uow, book.rows.values(), others)
    _insert_again(book, back)
    _write_extras(book)
    _settle(book, practice)
    _record(book, actor, {*changes, *gone, *back})


def clashes(book: WantedRows, practice: Practice) -> list[tuple[Rows, double_booking.Clash]]:
    """What has come back to a time that is taken, with what stands in its way. Draws the revisions."""
    revisions.flush(book.uow)
    members: dict[int, list[int]] = {}
    for row_id in book.wanted:
        members.setdefault(book.master_of(row_id), []).append(row_id)
    back = [
        _rows_after(book, practice, m, members.get(m, [m]))
        for m in sorted(book.undone)
        if book.wanted.get(m) and _comes_back(book, m, members.get(m, [m]))
    ]
    if not back:
        return []
    query = select(calendar.c.id).where(
        calendar.c.practice_id == book.practice_id, calendar.c.kind == str(CalendarKind.PRIVATE)
    )
    private = set(book.uow.connection.execute(query).scalars())
    return double_booking.decide_many(book.uow, back, private)


def _keep_what_others_own(book: WantedRows, practice: Practice) -> None:
    """A row that a practice program has taken for its own is not deleted: it follows its series again."""
    for row_id, kept in book.wanted.items():
        row = book.rows.get(row_id)
        if kept is not None or row is None or row["external_id"] is None:
            continue
        master = book.wanted.get(int(row["series_id"] or 0))
        if master is None:
            book.cancel(row_id, book.is_now[row_id])
            continue
        series = {**book.rows.get(int(row["series_id"]), row), **book_journal.columns(master)}
        plain = as_its_rule(entry_of(series, practice.time_zone), series, row["recurrence_id"])
        as_written = {"time_zone": series["time_zone"]}
        book.wanted[row_id] = book_journal.snapshot({**row, **plain, **as_written})


def _change(book: WantedRows, row_id: int, kept: dict[str, Any], actor: Actor) -> Row:
    was = book_journal.columns(kept)
    if row_id in book.cancelled_now:
        was |= appointment_rows.cancelled(actor, clock.utc_now())
    return {n: v for n, v in was.items() if v != book.rows[row_id][n]}


def _place(book: WantedRows, left_out: set[int]) -> None:
    """Take rows out of calendars and enter them into others: only where that differs, all leaving first."""
    link = appointment_calendar
    leaving: list[tuple[int, int]] = []
    entering: list[dict[str, Any]] = []
    for row_id in sorted(set(book.rows) - left_out):
        now, wanted = book.calendars.get(row_id, {}), book.wanted_calendars.get(row_id, {})
        leaving += [(row_id, int(c)) for c, role in now.items() if wanted.get(c) != role]
        entering += _links(row_id, {c: role for c, role in wanted.items() if now.get(c) != role})
    for keys in parts(leaving):
        book.uow.connection.execute(
            delete(link).where(tuple_(link.c.appointment_id, link.c.calendar_id).in_(keys))
        )
    if entering:
        book.uow.connection.execute(insert(link), entering)


def _links(row_id: int, calendars: Calendars) -> list[dict[str, Any]]:
    return [
        {"appointment_id": row_id, "calendar_id": int(c), "role": role}
        for c, role in sorted(calendars.items())
    ]


def _insert_again(book: WantedRows, back: dict[int, dict[str, Any]]) -> None:
    if not back:
        return
    ids = sorted(back)
    known = {"practice_id": book.practice_id, **dict.fromkeys(ORIGIN)}
    values = [{"id": i, **known, **book_journal.columns(back[i]), **book.origins[i]} for i in ids]
    book.uow.connection.execute(insert(appointment), values)
    links = [link for i in ids for link in _links(i, book.wanted_calendars.get(i, {}))]
    if links:
        book.uow.connection.execute(insert(appointment_calendar), links)


def _write_extras(book: WantedRows) -> None:
    """What clients keep, and new revisions for it: no trigger sees it."""
    rows = {i for i, kept in book.wanted.items() if kept is not None}
    changed = {
        key: text
        for key, text in book.wanted_extras.items()
        if key[0] in rows and text != book.extras.get(key, "")
    }
    if not changed:
        return
    beside.write(book.uow, changed)
    shown = {i for row_id, _ in changed for i in (row_id, book.master_of(row_id))}
    appointment_rows.touch_live_objects(book.uow, shown)


def _settle(book: WantedRows, practice: Practice) -> None:
    """What the attention list says of entries that are not there any more, and because of what is undone."""
    for part in parts(sorted(book.undone)):
        attention_rows.settle_filed_by(book.uow, practice.id, part, book.sources, book.since)
    gone = sorted(i for i in book.cancelled_now if book.master_of(i) == i)
    for part in parts(gone):
        attention_rows.settle_moot(book.uow, practice.id, *part, refusals_too=True)
    people = {book.rows[i]["created_by"] for i in gone if book.rows[i]["status"] == Status.UNCONFIRMED}
    for staff_id in sorted(people - {None}):
        attention_entry.update_entry(book.uow, practice, staff_id)


def _comes_back(book: WantedRows, master: int, members: list[int]) -> bool:
    if book.wanted_calendars.get(master) != book.calendars.get(master):
        return True
    for row_id in members:
        was, now = book.is_now.get(row_id), book.wanted[row_id]
        if now is None or now.get("status") == Status.CANCELLED:
            continue
        if was is None or any(now.get(n) != was.get(n) for n in (*TIMED, "status", "transparent")):
            return True
    return False


def _rows_after(book: WantedRows, practice: Practice, master: int, members: list[int]) -> Rows:
    found: dict[int, Row] = {
        i: {"external_id": None, **book.rows.get(i, {}), "id": i, **book_journal.columns(kept)}
        for i in members
        if (kept := book.wanted[i]) is not None
    }
    calendars = {i: {int(c): role for c, role in book.wanted_calendars.get(i, {}).items()} for i in found}
    return Rows(found.pop(master), practice.time_zone, found, calendars)


def _record(book: WantedRows, actor: Actor, touched: set[int]) -> None:
    rows = []
    for master in sorted(book.undone):
        if master not in book.rows:
            continue
        ids = [i for i in book.wanted if i == master or (i in touched and book.master_of(i) == master)]
        calendar_id, private = book.places[master]
        rows.append(
            book_journal.row(
                actor,
                "undo",
                practice_id=book.practice_id,
                appointment_id=master,
                calendar_id=calendar_id,
                private=private,
                patient_id=(book.wanted[master] or {}).get("patient_id"),
                before=_state(book.calendars.get(master, {}), ids, book.is_now),
                after=_state(book.wanted_calendars.get(master, {}), ids, book.wanted)
                | {"undone": book.undone[master]},
            )
        )
    book_journal.write_many(book.uow, rows)


def _state(calendars: Calendars, ids: list[int], rows: Any) -> dict[str, Any]:
    return {"calendars": calendars, "rows": {str(i): rows[i] for i in ids if rows.get(i) is not None}}
