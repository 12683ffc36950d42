"""SQLite: row triggers; one writer at a time orders the revisions.

All triggers insert ``(calendar, appointment)`` into the view ``sync_note``, whose INSTEAD OF trigger is the
one place that raises the revision, settles the identity and appends to the log. Pure SQL: a vendor's
``sqlite3`` has none of our functions, and none of its pragmas is relied upon.
"""

from __future__ import annotations

from radicale_practice.practice.schema.appointment_columns import TIMED
from radicale_practice.practice.triggers.description import (
    NAME_COLUMNS,
    SERVED_VIEW,
    TRACKED,
    TrackedTable,
)
from radicale_practice.practice.triggers.made import (
    PRACTICE_APPOINTMENTS,
    PRACTICE_CALENDARS,
    PRIVATE_ENTRY,
    Made,
    phone_change_view,
)

NOW = "strftime('%Y-%m-%d %H:%M:%S', 'now')"

_REVISION = "(SELECT revision FROM sync_counter)"

_FOREIGN = "(SELECT actor FROM sync_context) = ''"

_SERVED = (
    "EXISTS (SELECT 1 FROM sync_served s"
    " WHERE s.calendar_id = NEW.calendar_id AND s.appointment_id = NEW.appointment_id)"
)

_LIVE = (
    "EXISTS (SELECT 1 FROM calendar_object v WHERE v.appointment_id = NEW.appointment_id"
    " AND v.calendar_id + 0 = NEW.calendar_id AND v.removed_revision IS NULL)"
)

_TAKEN = (
    "EXISTS (SELECT 1 FROM calendar_object t WHERE t.calendar_id + 0 = NEW.calendar_id"
    " AND t.removed_revision IS NULL AND t.href = {href})"
    " OR EXISTS (SELECT 1 FROM calendar_object t WHERE t.calendar_id + 0 = NEW.calendar_id"
    " AND t.removed_revision IS NULL AND t.uid = {uid})"
)

_INSERT_OBJECT = (
    "INSERT INTO calendar_object"
    " (calendar_id, href, uid, appointment_id, opaque, created_revision, live_revision)"
)

_RAISE = "UPDATE sync_counter SET revision = revision + 1;"

_LOG = f"""
  INSERT INTO object_change (calendar_id, staff_id, revision, object_id)
  SELECT o.calendar_id, 0, {_REVISION}, o.id FROM calendar_object o
  WHERE o.appointment_id = NEW.appointment_id AND o.calendar_id + 0 = NEW.calendar_id
    AND ((o.removed_revision IS NULL AND (NEW.touch OR o.live_revision = {_REVISION}))
      OR o.removed_revision = {_REVISION});"""

_JOURNAL = f"""
  INSERT INTO journal (practice_id, program, action, appointment_id, calendar_id, private)
  SELECT coalesce(c.practice_id, 0), 'sql', 'foreign', NEW.appointment_id, NEW.calendar_id,
    {PRIVATE_ENTRY.format(kind="c.kind", no=0, id="NEW.appointment_id")}
  FROM (SELECT 1) LEFT JOIN calendar c ON c.id = NEW.calendar_id
  WHERE NEW.journal AND {_FOREIGN} AND NOT EXISTS (
    SELECT 1 FROM journal j WHERE j.id = (SELECT max(id) FROM journal)
      AND j.appointment_id = NEW.appointment_id AND j.action = 'foreign' AND j.at = {NOW});"""

_SETTLE = f"""
  UPDATE calendar_object SET removed_revision = {_REVISION}, removed_at = {NOW}
  WHERE appointment_id = NEW.appointment_id AND calendar_id + 0 = NEW.calendar_id AND removed_revision IS NULL
    AND NOT {_SERVED};
  UPDATE calendar_object SET removed_revision = NULL, removed_at = NULL, live_revision = {_REVISION}
  WHERE id = (SELECT b.id FROM calendar_object b
              WHERE b.appointment_id = NEW.appointment_id AND b.calendar_id + 0 = NEW.calendar_id
                AND b.removed_revision IS NOT NULL ORDER BY b.removed_revision DESC, b.id DESC LIMIT 1)
    AND {_SERVED} AND NOT {_LIVE}
    AND NOT ({_TAKEN.format(href="calendar_object.href", uid="calendar_object.uid")});
  {_INSERT_OBJECT}
  SELECT NEW.calendar_id, i.href, i.uid, NEW.appointment_id, i.opaque, {_REVISION}, {_REVISION} FROM (
    SELECT * FROM (SELECT 1 AS preference, b.href, b.uid, b.opaque FROM calendar_object b
      WHERE b.appointment_id = NEW.appointment_id AND b.calendar_id <> NEW.calendar_id
      ORDER BY (b.removed_revision IS NULL) DESC, b.removed_revision DESC, b.id DESC LIMIT 1)
    UNION ALL SELECT 2, a.public_id || '.ics', a.public_id, 1 FROM appointment a
      WHERE a.id = NEW.appointment_id) i
  WHERE {_SERVED} AND NOT {_LIVE} AND NOT ({_TAKEN.format(href="i.href", uid="i.uid")})
  ORDER BY i.preference LIMIT 1;
  {_INSERT_OBJECT}
  SELECT NEW.calendar_id, r.id || '.ics', r.id, NEW.appointment_id, 1, {_REVISION}, {_REVISION}
  FROM (SELECT lower(hex(randomblob(16))) AS id LIMIT 1) r
  WHERE {_SERVED} AND NOT {_LIVE};"""


def made() -> list[Made]:
    """Everything to create, in order."""
    items = [
        _item("view", "sync_served", "", f"CREATE VIEW sync_served AS {SERVED_VIEW}"),
        _item("view", "phone_change", "", f"CREATE VIEW phone_change AS {phone_change_view('j.id')}"),
        _item("view", "practice_calendar", "", f"CREATE VIEW practice_calendar AS {PRACTICE_CALENDARS}"),
        _item(
            "view", "practice_appointment", "", f"CREATE VIEW practice_appointment AS {PRACTICE_APPOINTMENTS}"
        ),
        _item(
            "view",
            "sync_note",
            "",
            "CREATE VIEW sync_note AS SELECT calendar_id, appointment_id, 1 AS touch, 1 AS journal"
            " FROM appointment_calendar WHERE 0",
        ),
        # Most notes say that a served object changed: two short ways instead of one long one.
        _trigger(
            "sync_note_touch",
            "sync_note",
            "INSTEAD OF INSERT",
            f"NEW.touch AND {_LIVE} AND {_SERVED}",
            _TOUCHED,
        ),
        _trigger(
            "sync_note_settle",
            "sync_note",
            "INSTEAD OF INSERT",
            f"NOT ({_LIVE} AND {_SERVED})",
            f"\n  {_RAISE}{_SETTLE}{_LOG}{_JOURNAL}",
        ),
    ]
    for table in TRACKED:
        items += _table_triggers(table)
    return items


_TOUCHED = f"\n  {_RAISE}{_LOG}{_JOURNAL}"


def _item(kind: str, name: str, table: str, statement: str) -> Made:
    return Made(kind, name, table, statement, statement.strip())


def _trigger(name: str, table: str, event: str, when: str, body: str) -> Made:
    condition = f" WHEN {when}" if when else ""
    statement = f"CREATE TRIGGER {name} {event} ON {table} FOR EACH ROW{condition} BEGIN{body}\nEND"
    return _item("trigger", name, table, statement)


def _table_triggers(table: TrackedTable) -> list[Made]:
    differs = " OR ".join(f"OLD.{c} IS NOT NEW.{c}" for c in (*table.key, *table.visible))
    new = "(SELECT " + ", ".join(f"NEW.{c} AS {c}" for c in table.carried) + ")"
    old = "(SELECT " + ", ".join(f"OLD.{c} AS {c}" for c in table.carried) + ")"
    both = f"({old[1:-1]} UNION {new[1:-1]})"
    name = f"sync_{table.name}"
    replaced = "EXISTS (SELECT 1 FROM sync_replaced)"
    return [
        *_before_replace(table, "insert"),
        *_before_replace(table, "update"),
        _trigger(
            f"{name}_insert",
            table.name,
            "AFTER INSERT",
            _concerns_somebody(table, new),
            _notes(table, new) + _derived(table, "NEW"),
        ),
        _trigger(f"{name}_update", table.name, "AFTER UPDATE", differs, _notes(table, both) + _stale(table)),
        _trigger(f"{name}_delete", table.name, "AFTER DELETE", "", _notes(table, old) + _gone(table)),
        *(
            [_trigger(f"{name}_replaced", table.name, "AFTER UPDATE", replaced, _FINISH_REPLACE)]
            if table.name == "appointment"
            else []
        ),
    ]


def _concerns_somebody(table: TrackedTable, changed: str) -> str:
    """When an inserted appointment needs the trigger's body: mostly it is in no calendar yet, and looking by
    index costs a tenth of running statements that find nothing."""
    if table.name != "appointment":
        return ""
    leads = [lead.format(changed=changed) for lead in (*table.touch, *table.settle)]
    return " OR ".join(f"EXISTS ({found})" for found in (*leads, "SELECT 1 FROM sync_replaced"))


def _notes(table: TrackedTable, changed: str) -> str:
    journal = 1 if table.journals_objects else 0
    body = _note(table.touch, changed, 1, journal)
    if table.settle:
        body += _note(table.settle, changed, 0, 0)
    return body


def _note(leads: tuple[str, ...], changed: str, touch: int, journal: int) -> str:
    union = " UNION ".join(lead.format(changed=changed) for lead in leads)
    return (
        "\n  INSERT INTO sync_note (calendar_id, appointment_id, touch, journal)"
        f" SELECT calendar_id, appointment_id, {touch}, {journal} FROM ({union});"
    )


def _derived(table: TrackedTable, row: str) -> str:
    """What else an inserted row needs."""
    if table.name == "calendar":
        return (
            "\n  INSERT INTO calendar_sync (calendar_id) SELECT NEW.id"
            " WHERE NOT EXISTS (SELECT 1 FROM calendar_sync WHERE calendar_id = NEW.id);"
        )
    if table.name == "appointment":
        return _FINISH_REPLACE
    return _journal_row(table, row)


def _stale(table: TrackedTable) -> str:
    if table.name == "appointment":
        return _delete_stale("series_expansion", "series_id", TIMED)
    if table.name == "patient":
        return _delete_stale("patient_name", "patient_id", NAME_COLUMNS) + _journal_row(table, "NEW")
    return ""


def _delete_stale(target: str, key: str, columns: tuple[str, ...]) -> str:
    differs = " OR ".join(f"OLD.{c} IS NOT NEW.{c}" for c in columns)
    return f"\n  DELETE FROM {target} WHERE {key} = OLD.id AND ({differs});"


def _gone(table: TrackedTable) -> str:
    if table.name == "appointment":
        # Nothing cascades unless the program asks for foreign keys. What is replaced stays in its places.
        return _forget("OLD.id") + (
            "\n  DELETE FROM appointment_calendar WHERE appointment_id = OLD.id"
            " AND NOT EXISTS (SELECT 1 FROM sync_replaced r WHERE r.id = OLD.id);"
        )
    if table.name == "patient":
        return "\n  DELETE FROM patient_name WHERE patient_id = OLD.id;" + _journal_row(table, "OLD")
    return ""


def _journal_row(table: TrackedTable, row: str) -> str:
    if not table.journal_key:
        return ""
    return (
        f"\n  INSERT INTO journal (practice_id, program, action, {table.journal_key})"
        f" SELECT {row}.practice_id, 'sql', 'foreign', {row}.id WHERE {_FOREIGN};"
    )


def _forget(ids: str) -> str:
    """A deleted row's number may come again: nothing of the old one may be found under it."""
    tables = (
        ("event_extra", "appointment_id"),
        ("personal_extra", "appointment_id"),
        ("occurrence", "series_id"),
        ("series_expansion", "series_id"),
    )
    deletes = "".join(f"\n  DELETE FROM {name} WHERE {key} IN ({ids});" for name, key in tables)
    return (
        "\n  UPDATE calendar_object SET appointment_id = 0"
        f" WHERE appointment_id IN ({ids}) AND removed_revision IS NOT NULL;{deletes}"
    )


_REPLACED = (
    "SELECT r.id FROM sync_replaced r WHERE NOT EXISTS (SELECT 1 FROM appointment a WHERE a.id = r.id)"
)

_FINISH_REPLACE = (
    "\n  INSERT INTO sync_note (calendar_id, appointment_id, touch, journal)"
    " SELECT o.calendar_id, o.appointment_id, 0, 0 FROM sync_replaced r"
    " JOIN calendar_object o ON o.appointment_id = r.id AND o.removed_revision IS NULL;"
    f"{_forget(_REPLACED)}\n  DELETE FROM appointment_calendar WHERE appointment_id IN ({_REPLACED});"
    "\n  DELETE FROM sync_replaced;"
)


def _before_replace(table: TrackedTable, operation: str) -> list[Made]:
    """INSERT and UPDATE OR REPLACE delete rows without a delete trigger: note them before they go."""
    if not table.unique:
        return []
    other = " AND x.id <> OLD.id" if operation == "update" else ""
    lookups = [
        f"SELECT x.id FROM {table.name} x WHERE " + " AND ".join(f"NEW.{c} = x.{c}" for c in columns) + other
        for columns in (table.key, *table.unique)
    ]
    found = " UNION ".join(lookups)
    replaces = " OR ".join(f"EXISTS ({lookup})" for lookup in lookups)
    if table.name == "appointment":
        body = f"\n  INSERT INTO sync_replaced (id) {found};"
    else:
        body = _note(table.touch, f"({found})", 1, 0)
    event = f"BEFORE {operation.upper()}"
    if operation == "update":
        keys = dict.fromkeys(c for columns in (table.key, *table.unique) for c in columns)
        event += f" OF {', '.join(keys)}"
    return [_trigger(f"sync_{table.name}_before_{operation}", table.name, event, replaces, body)]
