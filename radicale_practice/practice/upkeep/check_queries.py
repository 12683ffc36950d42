"""The invariants that SQL can judge: each query selects the ids of the rows that break one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from radicale_practice.practice.schema import metadata
from radicale_practice.practice.schema.practice_tables import PRACTICE_TABLES
from radicale_practice.practice.upkeep.left_over import LEFT_OVER


@dataclass(frozen=True, slots=True)
class Query:
    """``select`` returns ids of rows of ``table`` in its first column; no row is good news."""

    kind: str
    table: str
    text: str
    select: str
    repairable: bool = False
    dialect: str = ""


NEWEST = """
SELECT max(r) FROM (SELECT max(revision) AS r FROM object_change
UNION ALL SELECT max(created_revision) FROM calendar_object
UNION ALL SELECT max(live_revision) FROM calendar_object
UNION ALL SELECT max(removed_revision) FROM calendar_object
UNION ALL SELECT max(floor) FROM calendar_sync) n
"""
"""The newest revision that anything bears; the counter may not be behind it."""

UNTOLD = (
    "SELECT j.id, j.practice_id FROM journal j WHERE j.appointment_id IS NOT NULL AND j.action <> 'foreign'"
    " AND NOT EXISTS (SELECT 1 FROM sync_journal_order q WHERE q.journal_id = j.id) ORDER BY 1"
)
"""PostgreSQL: rows that ``phone_change`` leaves out: written while their trigger was off."""


def _other_practice(column: str, table: str) -> Query:
    return Query(
        "other practice",
        "appointment",
        f"the {table} belongs to another practice",
        f"SELECT a.id FROM appointment a JOIN {table} t ON t.id = a.{column}"
        " WHERE t.practice_id <> a.practice_id ORDER BY 1",
    )


def _dangling() -> Iterator[Query]:
    """Foreign keys that lead nowhere: SQLite checks none unless a program asks for it, and PostgreSQL none
    while triggers are off."""
    for table in PRACTICE_TABLES:
        own = next(iter(table.primary_key.columns)).name
        for key in sorted(table.foreign_keys, key=lambda k: k.parent.name):
            column, target = key.parent.name, key.column.table.name
            yield Query(
                "no such row",
                table.name,
                f"{column} names no row of {target}",
                f"SELECT x.{own} FROM {table.name} x LEFT JOIN {target} t ON t.id = x.{column}"
                f" WHERE x.{column} IS NOT NULL AND t.id IS NULL ORDER BY 1",
            )


TWICE = tuple(
    f"SELECT o.id FROM calendar_object o WHERE o.removed_revision IS NULL AND o.id NOT IN (SELECT min(f.id)"
    f" FROM calendar_object f WHERE f.removed_revision IS NULL GROUP BY f.calendar_id, f.{key})"
    for key in ("href", "uid", "appointment_id")
)
"""Live objects but the first of those that share what they may not; possible only without an index."""


def _left_over() -> Iterator[Query]:
    for table, condition in LEFT_OVER.items():
        key = next(iter(metadata.tables[table].primary_key.columns)).name
        yield Query(
            "left over",
            table,
            "kept with a row that has gone",
            f"SELECT DISTINCT {key} FROM {table} WHERE {condition} ORDER BY 1",
            repairable=True,
        )


NUMBERED = {
    **{table.name: "id" for table in metadata.sorted_tables if "id" in table.columns},
    "sync_journal_order": "cursor",
}
"""PostgreSQL: tables whose rows are numbered from a sequence, and the column of the number."""


def _numbers() -> Iterator[Query]:
    """Ids that a program chose while triggers were off, or that logical replication brought without their
    sequences, would be given out a second time."""
    for table, column in NUMBERED.items():
        yield Query(
            "numbers",
            table,
            "the next number to be given out is taken",
            f"SELECT max({column}) FROM {table} HAVING max({column}) >"
            f" (SELECT last_value - (NOT is_called)::integer FROM {table}_{column}_seq)",
            repairable=True,
            dialect="postgresql",
        )


QUERIES = (
    Query(
        "no object",
        "appointment",
        "served, but without a live object in a calendar",
        "SELECT s.appointment_id FROM sync_served s LEFT JOIN calendar_object o"
        " ON o.calendar_id = s.calendar_id AND o.appointment_id = s.appointment_id"
        " AND o.removed_revision IS NULL WHERE o.id IS NULL ORDER BY 1",
        repairable=True,
    ),
    Query(
        "not served",
        "calendar_object",
        "live, but nothing to show",
        "SELECT o.id FROM calendar_object o LEFT JOIN sync_served s"
        " ON s.calendar_id = o.calendar_id AND s.appointment_id = o.appointment_id"
        " WHERE o.removed_revision IS NULL AND s.appointment_id IS NULL ORDER BY 1",
        repairable=True,
    ),
    Query(
        "no change row",
        "calendar_object",
        "live, but without a row in the log of changes",
        "SELECT o.id FROM calendar_object o WHERE o.removed_revision IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM object_change h WHERE h.object_id = o.id AND h.staff_id = 0) ORDER BY 1",
        repairable=True,
    ),
    Query(
        "old change row",
        "calendar_object",
        "removed or revived later than its newest row in the log of changes",
        "SELECT o.id FROM calendar_object o JOIN calendar_sync s ON s.calendar_id = o.calendar_id"
        " WHERE coalesce(o.removed_revision, o.live_revision) > s.floor"
        " AND coalesce(o.removed_revision, o.live_revision) > coalesce((SELECT max(h.revision)"
        " FROM object_change h WHERE h.object_id = o.id AND h.staff_id = 0), 0) ORDER BY 1",
        repairable=True,
    ),
    Query(
        "stray change row",
        "object_change",
        "a change of an object that does not exist",
        "SELECT DISTINCT h.object_id FROM object_change h"
        " WHERE h.object_id NOT IN (SELECT o.id FROM calendar_object o) ORDER BY 1",
        repairable=True,
    ),
    Query(
        "wrong calendar",
        "object_change",
        "a change of an object of another calendar",
        "SELECT DISTINCT h.object_id FROM object_change h JOIN calendar_object o ON o.id = h.object_id"
        " WHERE o.calendar_id <> h.calendar_id ORDER BY 1",
        repairable=True,
    ),
    Query(
        "counter",
        "sync_counter",
        "the counter of revisions is behind",
        f"SELECT id FROM sync_counter WHERE revision < coalesce(({NEWEST}), 0)",
        repairable=True,
        dialect="sqlite",
    ),
    Query(
        "counter",
        "sync_counter",
        "the row of the counter, or of who is writing, is gone",
        "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM sync_counter) OR NOT EXISTS (SELECT 1 FROM sync_context)",
        repairable=True,
        dialect="sqlite",
    ),
    Query(
        "counter",
        "sync_revision",
        "the counter of revisions is behind",
        f"SELECT 1 FROM sync_revision WHERE last_value < coalesce(({NEWEST}), 0)",
        repairable=True,
        dialect="postgresql",
    ),
    Query(
        "unflushed",
        "sync_pending",
        "changes that were noted and committed, but got no revision",
        "SELECT DISTINCT txid FROM sync_pending WHERE txid <> coalesce(pg_current_xact_id_if_assigned(),"
        " '0'::xid8)",
        repairable=True,
        dialect="postgresql",
    ),
    Query(
        "untold",
        "journal",
        "not in the order in which practice programs hear of changes",
        UNTOLD,
        repairable=True,
        dialect="postgresql",
    ),
    Query(
        "no sync row",
        "calendar",
        "without a row in calendar_sync",
        "SELECT c.id FROM calendar c LEFT JOIN calendar_sync s ON s.calendar_id = c.id"
        " WHERE s.calendar_id IS NULL ORDER BY 1",
        repairable=True,
    ),
    Query(
        "twice",
        "calendar_object",
        "another live object of the calendar has the same href, UID or appointment",
        f"{' UNION '.join(TWICE)} ORDER BY 1",
        repairable=True,
    ),
    *_left_over(),
    *_numbers(),
    *_dangling(),
    Query(
        "erased",
        "patient",
        "emptied at the patient's demand, and filled again by another program: erase the number once more",
        "SELECT id FROM patient WHERE erased AND (first_name <> '' OR last_name <> '' OR phone <> '')"
        " ORDER BY 1",
    ),
    Query(
        "other practice",
        "patient",
        "merged into a patient of another practice",
        "SELECT p.id FROM patient p JOIN patient k ON k.id = p.merged_into_id"
        " WHERE k.practice_id <> p.practice_id ORDER BY 1",
    ),
    Query(
        "no owner",
        "appointment",
        "in calendars, but in none as owner: nobody may change it",
        "SELECT appointment_id FROM appointment_calendar GROUP BY appointment_id"
        " HAVING sum(CASE WHEN role = 'owner' THEN 1 ELSE 0 END) = 0 ORDER BY 1",
    ),
    Query(
        "two owners",
        "appointment",
        "in more than one calendar as owner",
        "SELECT appointment_id FROM appointment_calendar WHERE role = 'owner'"
        " GROUP BY appointment_id HAVING count(*) > 1 ORDER BY 1",
    ),
    Query(
        "no master",
        "appointment",
        "an overridden instance of an overridden instance",
        "SELECT a.id FROM appointment a JOIN appointment m ON m.id = a.series_id"
        " WHERE m.series_id IS NOT NULL ORDER BY 1",
    ),
    Query(
        "twice overridden",
        "appointment",
        "more than one row for one instance of a series",
        "SELECT min(id) FROM appointment WHERE series_id IS NOT NULL GROUP BY series_id, recurrence_id"
        " HAVING count(*) > 1 ORDER BY 1",
    ),
    _other_practice("series_id", "appointment"),
    _other_practice("patient_id", "patient"),
    _other_practice("location_id", "location"),
    Query(
        "other practice",
        "appointment_calendar",
        "the calendar belongs to another practice",
        "SELECT x.appointment_id FROM appointment_calendar x JOIN appointment a ON a.id = x.appointment_id"
        " JOIN calendar c ON c.id = x.calendar_id WHERE c.practice_id <> a.practice_id ORDER BY 1",
    ),
    Query(
        "other practice",
        "calendar_access",
        "the person belongs to another practice",
        "SELECT x.calendar_id FROM calendar_access x JOIN calendar c ON c.id = x.calendar_id"
        " JOIN staff s ON s.id = x.staff_id WHERE c.practice_id <> s.practice_id ORDER BY 1",
    ),
    Query(
        "other practice",
        "calendar",
        "its person belongs to another practice",
        "SELECT c.id FROM calendar c JOIN staff s ON s.id = c.staff_id"
        " WHERE c.practice_id <> s.practice_id ORDER BY 1",
    ),
)
