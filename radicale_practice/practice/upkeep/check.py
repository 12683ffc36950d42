"""Whether the database is as it must be, and mending what can be mended without losing anything.

Everything is judged from the rows themselves; problems name tables and ids, never contents.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from radicale_practice.practice import migrate
from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.notices import unreadable
from radicale_practice.practice.series import occurrences
from radicale_practice.practice.sync import revisions
from radicale_practice.practice.sync.housekeeping import lock_practices
from radicale_practice.practice.triggers import expected_texts, install, present
from radicale_practice.practice.triggers.postgresql_flush import JOURNAL_LOCK
from radicale_practice.practice.upkeep import check_schema, left_over
from radicale_practice.practice.upkeep.check_queries import NEWEST, NUMBERED, QUERIES, TWICE, UNTOLD, Query
from radicale_practice.practice.upkeep.check_values import value_problems

MOST_IDS = 20
"""Most ids named in one problem."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken invariant. ``kind`` is a short fixed word; ``ids`` name rows of ``table``, not all if many.

    ``repairable``: ``repair`` can mend it; else a person must look at the rows.
    """

    kind: str
    table: str
    ids: tuple[str, ...]
    count: int
    text: str
    repairable: bool

    def __str__(self) -> str:
        return f"{self.kind}: {self.table} ({self.count}): {self.text}; {', '.join(self.ids)}"


def check(uow: UnitOfWork) -> list[Problem]:
    """Every invariant of the tables, the log of changes and the triggers. An empty list is good news."""
    with translated_errors():
        parts = list(check_schema.missing_parts(uow))
        missing = [
            Problem("missing", table, tuple(lacking[:MOST_IDS]), len(lacking), "lost from the table", False)
            for table, lacking, _ in parts
        ]
        if not all(can_be_asked for *_, can_be_asked in parts):
            return missing
        return [*missing, *_schema(uow), *_rows(uow), *_values(uow)]


def repair(uow: UnitOfWork) -> list[Problem]:
    """Mend what ``check`` finds repairable; returns what was found before. Rows that cannot be read are
    nothing to mend: they go on the attention list.

    Missing triggers mean that changes may have gone unseen: then, as when the log itself was wrong, every
    calendar gets a new epoch, and clients list everything again.
    """
    with translated_errors():
        found = [problem for problem in check(uow) if problem.repairable]
        if all(can_be_asked for *_, can_be_asked in check_schema.missing_parts(uow)):
            unreadable.note(uow)
        if not found:
            return []
        lock_practices(uow)
        kinds = {problem.kind for problem in found}
        if "triggers" in kinds:
            install(uow.connection)
        for table in (problem.table for problem in found if problem.kind == "numbers"):
            _renumber(uow, table)  # first: what is mended may need new ones
        _mend_tables(uow)
        _mend_log(uow)
        _mend_identities(uow)
        revisions.flush(uow)
        if "untold" in kinds:
            _tell(uow)
        if kinds - {"no sync row", "untold", "numbers", "left over", "index"}:
            revisions.new_epoch(uow)
    return found


def _schema(uow: UnitOfWork) -> Iterator[Problem]:
    if not migrate.is_current(uow):
        yield Problem(
            "schema", "alembic_version", (), 1, "the database is not migrated to this version", False
        )
    for index in check_schema.missing_indexes(uow):
        if index.table is not None:
            yield Problem("index", index.table.name, (str(index.name),), 1, "has gone", True)
    found, wanted = present(uow.connection), _wanted(uow)
    same = {key for key, text in wanted.items() if found.get(key) == text}
    wrong = (wanted.keys() | found.keys()) - same
    if wrong:
        names = tuple(sorted(name for _, name in wrong))
        yield Problem(
            "triggers", "catalogue", names[:MOST_IDS], len(wrong), "differ from the description", True
        )


def _wanted(uow: UnitOfWork) -> dict[tuple[str, str], str]:
    """What the catalogue should hold. Asking PostgreSQL for it takes a transaction that may write."""
    if uow.dialect == "sqlite" or uow.mode == "w":
        return expected_texts(uow.connection)
    other = UnitOfWork(uow.database, "w", uow.actor)
    try:
        return expected_texts(other.connection)
    finally:
        other.abandon()


def _rows(uow: UnitOfWork) -> Iterator[Problem]:
    # without it, that is the problem to tell of
    has_view = ("view", "sync_served") in present(uow.connection)
    for query in QUERIES:
        if query.dialect in ("", uow.dialect) and (has_view or "sync_served" not in query.select):
            yield from _found(uow, query)


def _found(uow: UnitOfWork, query: Query) -> Iterator[Problem]:
    ids = [str(row[0]) for row in uow.connection.execute(text(query.select))]
    if ids:
        yield Problem(query.kind, query.table, tuple(ids[:MOST_IDS]), len(ids), query.text, query.repairable)


def _values(uow: UnitOfWork) -> Iterator[Problem]:
    wrong = [str(i) for i in occurrences.differing(uow)]
    if wrong:
        why = "the stored occurrences are not those of the rule"
        yield Problem("occurrences", "series_expansion", tuple(wrong[:MOST_IDS]), len(wrong), why, True)
    for kind, table, ids, why in value_problems(uow):
        yield Problem(kind, table, tuple(ids[:MOST_IDS]), len(ids), why, False)


def _mend_tables(uow: UnitOfWork) -> None:
    """What can be made anew from the rest: identities that were given twice, caches, indexes, lost rows."""
    run = uow.connection.exec_driver_sql
    for twice in TWICE:
        run(f"DELETE FROM calendar_object WHERE id IN ({twice})")
    left_over.forget(uow)
    occurrences.forget(uow, occurrences.differing(uow))
    for index in check_schema.missing_indexes(uow):
        with suppress(IntegrityError), uow.connection.begin_nested():
            check_schema.make_index(uow, index)
    if uow.dialect == "sqlite":
        run("INSERT OR IGNORE INTO sync_counter (id, revision) VALUES (1, 0)")
        run("INSERT OR IGNORE INTO sync_context (id) VALUES (1)")


def _mend_log(uow: UnitOfWork) -> None:
    """Rows of calendars, the counter, and log rows that lead nowhere."""
    run = uow.connection.exec_driver_sql
    run(
        "INSERT INTO calendar_sync (calendar_id) SELECT c.id FROM calendar c"
        " WHERE NOT EXISTS (SELECT 1 FROM calendar_sync s WHERE s.calendar_id = c.id)"
    )
    run(
        "DELETE FROM object_change WHERE NOT EXISTS (SELECT 1 FROM calendar_object o"
        " WHERE o.id = object_change.object_id AND o.calendar_id = object_change.calendar_id)"
    )
    run(
        "INSERT INTO object_change (calendar_id, staff_id, revision, object_id)"
        " SELECT o.calendar_id, 0, coalesce(o.removed_revision, o.live_revision), o.id FROM calendar_object o"
        " WHERE coalesce(o.removed_revision, o.live_revision) > coalesce((SELECT max(h.revision)"
        " FROM object_change h WHERE h.object_id = o.id AND h.staff_id = 0), 0)"
        " AND coalesce(o.removed_revision, o.live_revision) >"
        " (SELECT s.floor FROM calendar_sync s WHERE s.calendar_id = o.calendar_id)"
    )
    if uow.dialect == "sqlite":
        run(f"UPDATE sync_counter SET revision = max(revision, coalesce(({NEWEST}), 0))")
        run("DELETE FROM sync_replaced")
    else:
        run(
            f"SELECT setval('sync_revision', greatest((SELECT last_value FROM sync_revision), ({NEWEST}), 1))"
        )


def _tell(uow: UnitOfWork) -> None:
    """PostgreSQL: number what has no number, under the locks that let who asks for more miss nothing."""
    keys = f"SELECT DISTINCT (practice_id & 2147483647)::integer AS key FROM ({UNTOLD}) untold ORDER BY 1"
    run = uow.connection.exec_driver_sql
    run(f"SELECT pg_advisory_xact_lock({JOURNAL_LOCK}, key) FROM ({keys}) practices")
    run(f"INSERT INTO sync_journal_order (journal_id) SELECT id FROM ({UNTOLD}) untold ORDER BY id")


def _renumber(uow: UnitOfWork, table: str) -> None:
    """Give out numbers above all that are taken."""
    column = NUMBERED[table]
    sequence = f"{table}_{column}_seq"
    highest = f"greatest((SELECT max({column}) FROM {table}), (SELECT last_value FROM {sequence}))"
    uow.connection.exec_driver_sql(f"SELECT setval('{sequence}', {highest})")


def _mend_identities(uow: UnitOfWork) -> None:
    """Have the triggers' own code settle what is not as it should be, and log what has no log row."""
    strays = [(row.calendar_id, row.appointment_id) for row in uow.connection.execute(text(_UNSETTLED)).all()]
    if uow.dialect == "sqlite":
        note = (
            "INSERT INTO sync_note (calendar_id, appointment_id, touch, journal)"
            " VALUES (:calendar, :appointment, 1, 0)"
        )
    else:
        note = (
            "INSERT INTO sync_pending (txid, practice_id, source, key1, calendar_id, appointment_id, touch)"
            " SELECT pg_current_xact_id(), practice_id, 'note', 0, id, :appointment, true"
            " FROM calendar WHERE id = :calendar"
        )
    for calendar_id, appointment_id in strays:
        uow.connection.execute(text(note), {"calendar": calendar_id, "appointment": appointment_id})
    if uow.dialect == "postgresql":
        uow.connection.exec_driver_sql(
            "UPDATE sync_pending SET txid = pg_current_xact_id() WHERE txid <> pg_current_xact_id()"
        )
    revisions.request_flush(uow)


_UNSETTLED = """
SELECT s.calendar_id, s.appointment_id FROM sync_served s LEFT JOIN calendar_object o
  ON o.calendar_id = s.calendar_id AND o.appointment_id = s.appointment_id AND o.removed_revision IS NULL
LEFT JOIN object_change h ON h.object_id = o.id AND h.staff_id = 0
WHERE o.id IS NULL OR h.object_id IS NULL
UNION SELECT o.calendar_id, o.appointment_id FROM calendar_object o LEFT JOIN sync_served s
  ON s.calendar_id = o.calendar_id AND s.appointment_id = o.appointment_id
WHERE o.removed_revision IS NULL AND s.appointment_id IS NULL
"""
