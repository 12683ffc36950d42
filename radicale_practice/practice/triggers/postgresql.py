"""PostgreSQL: statement triggers note changes, one deferred constraint trigger turns them into revisions.

A writer's statement only inserts the changed rows' keys into ``sync_pending`` (nobody waits there). At
COMMIT the flush takes the advisory locks of the practices concerned in ascending order, follows the keys to
calendar objects, draws one revision, settles identities and appends to the log. The locks are released
after the commit is visible: the order of revisions is the order of commits.

One lock a practice, not a calendar: an appointment moved, or a patient linked, in one calendar while another
transaction changes that appointment or patient would otherwise show there with its old content for good.

All functions are SECURITY DEFINER with a fixed search path and raise for no reason of data.
"""

from __future__ import annotations

from radicale_practice.practice.schema.appointment_columns import TIMED
from radicale_practice.practice.triggers.description import (
    NAME_COLUMNS,
    NUMBERED,
    SERVED_VIEW,
    TRACKED,
    TrackedTable,
)
from radicale_practice.practice.triggers.made import (
    PRACTICE_APPOINTMENTS,
    PRACTICE_CALENDARS,
    Made,
    phone_change_view,
)
from radicale_practice.practice.triggers.postgresql_flush import EXPAND, FLUSH, JOURNAL_ORDER, REVIVE, SETTLE

FLUSH_TRIGGER = "sync_flush_at_commit"

_OPERATIONS = {
    "insert": "REFERENCING NEW TABLE AS new_rows",
    "update": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "REFERENCING OLD TABLE AS old_rows",
}

_NOTE_FLUSH = """
  INSERT INTO sync_flush (txid) SELECT pg_current_xact_id()
  WHERE NOT EXISTS (SELECT 1 FROM sync_flush f WHERE f.txid = pg_current_xact_id());"""


_TOLD = "new.appointment_id IS NOT NULL AND new.action::text <> 'foreign'::text"
"""In the words of the catalogue; the view leaves out more."""


def made(schema: str) -> list[Made]:
    """Everything to create in ``schema``, in order."""
    items = [
        _view(schema, "sync_served", SERVED_VIEW),
        _view(
            schema,
            "phone_change",
            phone_change_view("q.cursor", " JOIN sync_journal_order q ON q.journal_id = j.id"),
            _BARRIER,
        ),
        _view(schema, "practice_calendar", PRACTICE_CALENDARS, _BARRIER),
        _view(schema, "practice_appointment", PRACTICE_APPOINTMENTS, _BARRIER),
        _function(schema, "sync_expand", EXPAND, "(tx xid8)", "void"),
        _function(schema, "sync_revive", REVIVE, "(cal bigint, appt bigint, pub text, rev bigint)", "void"),
        _function(schema, "sync_settle", SETTLE, "(tx xid8, rev bigint)", "void"),
        _function(schema, "sync_flush_pending", FLUSH),
        _trigger(
            schema,
            FLUSH_TRIGGER,
            "sync_flush",
            "sync_flush_pending",
            constraint=True,
            event="AFTER INSERT",
            clause="DEFERRABLE INITIALLY DEFERRED FOR EACH ROW",
        ),
        _function(schema, "sync_journal_order", JOURNAL_ORDER),
        _trigger(
            schema,
            "sync_journal_order",
            "journal",
            "sync_journal_order",
            constraint=True,
            event="AFTER INSERT",
            clause=f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ({_TOLD})",
        ),
        _function(schema, "sync_truncate", _TRUNCATE),
    ]
    for name in NUMBERED:
        body = f"\nBEGIN\n  {_numbered(name)}\n  RETURN NULL;\nEND"
        items += _statement_trigger(schema, name, "insert", body)
    for table in TRACKED:
        for operation in _OPERATIONS:
            items += _statement_trigger(schema, table.name, operation, _body(table, operation))
        items.append(
            _trigger(
                schema,
                f"sync_{table.name}_truncate",
                table.name,
                "sync_truncate",
                event="BEFORE TRUNCATE",
                clause="FOR EACH STATEMENT",
            )
        )
    return items


_BARRIER = " WITH (security_barrier = true)"
"""A function in somebody's WHERE is not given the rows that the view leaves out."""


def _view(schema: str, name: str, select: str, options: str = "") -> Made:
    return Made("view", name, "", f'CREATE VIEW "{schema}".{name}{options} AS {select}', "")


_SETTINGS = "SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off"
"""Planned once a session (planning takes ten times as long as doing it), and by index: a plan made while the
tables were small is kept for the import that follows, and would walk through all rows for each."""


def _function(schema: str, name: str, body: str, arguments: str = "()", returns: str = "trigger") -> Made:
    statement = (
        f'CREATE FUNCTION "{schema}".{name}{arguments} RETURNS {returns} LANGUAGE plpgsql SECURITY DEFINER'
        f' SET search_path = pg_catalog, "{schema}", pg_temp {_SETTINGS} AS $body${body}$body$;'
        f' REVOKE ALL ON FUNCTION "{schema}".{name}{arguments} FROM PUBLIC'
    )
    return Made("function", name, "", statement, body)


def _trigger(
    schema: str, name: str, table: str, function: str, *, event: str, clause: str, constraint: bool = False
) -> Made:
    start = f"CREATE {'CONSTRAINT ' if constraint else ''}TRIGGER {name} {event} ON "
    statement = f'{start}"{schema}".{table} {clause} EXECUTE FUNCTION "{schema}".{function}()'
    # the words of pg_get_triggerdef
    return Made("trigger", name, table, statement, f"{start}{table} {clause} EXECUTE FUNCTION {function}()")


def _statement_trigger(schema: str, table: str, operation: str, body: str) -> list[Made]:
    name = f"sync_{table}_{operation}"
    clause = f"{_OPERATIONS[operation]} FOR EACH STATEMENT"
    return [
        _function(schema, name, body),
        _trigger(schema, name, table, name, event=f"AFTER {operation.upper()}", clause=clause),
    ]


def _body(table: TrackedTable, operation: str) -> str:
    return (
        "\nBEGIN\n  INSERT INTO sync_pending (txid, practice_id, source, key1, key2)"
        f"\n  SELECT pg_current_xact_id(), {_changed(table, operation)};"
        f"\n  IF FOUND THEN{_NOTE_FLUSH}\n  END IF;{_derived(table, operation)}\n  RETURN NULL;\nEND"
    )


def _changed(table: TrackedTable, operation: str) -> str:
    """``practice, source, key1, key2 FROM ...`` of the changed rows, old and new."""
    if operation == "insert":
        return _noted(table, "n", "new_rows n")
    if operation == "delete":
        return _noted(table, "o", "old_rows o")
    before = ", ".join(f"o.{c}" for c in table.visible)
    after = ", ".join(f"n.{c}" for c in table.visible)
    join = " AND ".join(f"o.{k} = n.{k}" for k in table.key)
    # FULL JOIN: a changed primary key is a row that went and a row that came.
    pairs = f"old_rows o FULL JOIN new_rows n ON {join}"
    differs = f"ROW({before}) IS DISTINCT FROM ROW({after})"
    return (
        f"{_noted(table, 'o', pairs)} WHERE {differs} AND o.{table.key[0]} IS NOT NULL"
        f" UNION SELECT pg_current_xact_id(), {_noted(table, 'n', pairs)}"
        f" WHERE {differs} AND n.{table.key[0]} IS NOT NULL"
    )


def _noted(table: TrackedTable, row: str, rows: str) -> str:
    keys = [f"{row}.{c}" for c in table.carried]
    practice = f"{row}.practice_id"
    if table.name == "appointment_calendar":
        practice = f"(SELECT k.practice_id FROM calendar k WHERE k.id = {row}.calendar_id)"
    second = keys[1] if keys[1:] else "NULL::bigint"
    return f"coalesce({practice}, 0), '{table.name}', {keys[0]}, {second} FROM {rows}"


def _derived(table: TrackedTable, operation: str) -> str:
    """What is deleted or noted beside the objects."""
    parts: list[str] = []
    if operation == "insert" and table.key == ("id",):
        parts.append(_numbered(table.name))
    if table.name == "appointment" and operation == "update":
        parts.append(_stale("series_expansion", "series_id", TIMED))
    if table.name == "patient" and operation == "update":
        parts.append(_stale("patient_name", "patient_id", NAME_COLUMNS))
    if table.name == "patient" and operation == "delete":
        parts.append(_guarded("DELETE FROM patient_name WHERE patient_id IN (SELECT o.id FROM old_rows o);"))
    if table.name == "calendar" and operation == "insert":
        parts.append(
            "INSERT INTO calendar_sync (calendar_id) SELECT n.id FROM new_rows n"
            " ON CONFLICT (calendar_id) DO UPDATE SET epoch = excluded.epoch;"
        )
    if table.journal_key:
        rows = {"insert": "new_rows", "update": "new_rows", "delete": "old_rows"}[operation]
        parts.append(
            f"INSERT INTO journal (practice_id, program, action, {table.journal_key})"
            f" SELECT r.practice_id, {PROGRAM}, 'foreign', r.id FROM {rows} r WHERE {FOREIGN};"
        )
    return "".join(f"\n  {part}" for part in parts)


def _numbered(table: str) -> str:
    """Numbers that a program chose itself (an import) would be given out a second time."""
    return (
        f"PERFORM setval('{table}_id_seq', x.highest) FROM {table}_id_seq s,"
        " (SELECT max(n.id) AS highest FROM new_rows n) x"
        " WHERE x.highest > s.last_value - (NOT s.is_called)::integer;"
    )


FOREIGN = "coalesce(current_setting('radicale_practice.actor', true), '') = ''"
"""Whether the writer is a program that is not ours."""

PROGRAM = "concat_ws('/', session_user::text, nullif(current_setting('application_name', true), ''))"
"""Who a foreign writer is, as far as the server knows."""


def _stale(target: str, key: str, columns: tuple[str, ...]) -> str:
    before = ", ".join(f"o.{c}" for c in columns)
    after = ", ".join(f"n.{c}" for c in columns)
    return _guarded(
        f"DELETE FROM {target} WHERE {key} IN (SELECT o.id FROM old_rows o JOIN new_rows n ON n.id = o.id"
        f" WHERE ROW({before}) IS DISTINCT FROM ROW({after}));"
    )


def _guarded(statement: str) -> str:
    # A REPEATABLE READ writer may meet a row we stored meanwhile; ``basis`` shows it to be stale.
    return f"BEGIN {statement} EXCEPTION WHEN serialization_failure THEN NULL; END;"


_TRUNCATE = f"""
BEGIN
  INSERT INTO sync_pending (txid, practice_id, source, key1)
  SELECT pg_current_xact_id(), coalesce(c.practice_id, 0), 'appointment', o.appointment_id
  FROM calendar_object o LEFT JOIN calendar c ON c.id = o.calendar_id WHERE o.removed_revision IS NULL;
  IF TG_TABLE_NAME = 'appointment' THEN
    INSERT INTO sync_pending (txid, practice_id, source, key1)
    SELECT pg_current_xact_id(), a.practice_id, 'appointment', a.id FROM appointment a;
  END IF;{_NOTE_FLUSH}
  RETURN NULL;
END"""
