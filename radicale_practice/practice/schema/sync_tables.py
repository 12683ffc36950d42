"""What CalDAV needs, beside the practice's tables and without foreign keys into them.

RESTRICT would break a foreign DELETE, CASCADE would lose tombstones (RFC 6578 3.4). Everything here is
written by the triggers (``practice.triggers``) or by our own code, never by a practice program.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
    text,
)

from radicale_practice.practice.schema.columns import (
    BigId,
    WallTime,
    created_column,
    id_column,
    metadata,
    public_id_column,
    random_public_id,
    text_column,
)


def _unique_while_live(name: str, column: str) -> Index:
    """At most one live object of a calendar has this; removed ones may have had it too."""
    live = text("removed_revision IS NULL")
    return Index(
        f"uq_calendar_object_live_{name}",
        column,
        "calendar_id",
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )


calendar_sync = Table(
    "calendar_sync",
    metadata,
    Column("calendar_id", BigId, primary_key=True, autoincrement=False),
    Column("epoch", String(64), nullable=False, server_default=random_public_id()),
    Column("floor", BigInteger, nullable=False, server_default="0"),
)

calendar_object = Table(
    "calendar_object",
    metadata,
    id_column(),
    Column("calendar_id", BigId, nullable=False),
    Column("href", String(255), nullable=False),
    Column("uid", Text, nullable=False),
    Column("appointment_id", BigId, nullable=False),
    Column("opaque", Boolean, nullable=False, server_default=false()),
    Column("created_revision", BigInteger, nullable=False, server_default="0"),
    Column("live_revision", BigInteger, nullable=False, server_default="0"),
    Column("removed_revision", BigInteger),
    Column("removed_at", WallTime),
    _unique_while_live("href", "href"),
    _unique_while_live("uid", "uid"),
    _unique_while_live("appointment", "appointment_id"),
    Index("ix_calendar_object_appointment_id", "appointment_id"),
    Index("ix_calendar_object_calendar_id", "calendar_id", "id"),
    sqlite_autoincrement=True,
)
"""One row for each identity under which an appointment or series is or was seen in a calendar.

``created_revision``: first listed at; ``live_revision``: last became live at (created or restored);
``removed_revision`` is NULL while live. ``appointment_id`` 0: its appointment's row is gone for good.
"""

object_change = Table(
    "object_change",
    metadata,
    Column("calendar_id", BigId, primary_key=True, autoincrement=False),
    Column("staff_id", BigId, primary_key=True, autoincrement=False, server_default="0"),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("object_id", BigId, primary_key=True, autoincrement=False),
    Index("ix_object_change_object", "object_id", "staff_id", "revision"),
)
"""Insert-only. ``staff_id`` 0 means the change is seen by all, else by that person only."""

event_extra = Table(
    "event_extra",
    metadata,
    Column("appointment_id", BigId, primary_key=True, autoincrement=False),
    Column("component", String(16), primary_key=True),
    Column("content", Text, nullable=False),
)
"""``component``: VEVENT (one for each appointment row) or VCALENDAR (on the master's row)."""

personal_extra = Table(
    "personal_extra",
    metadata,
    Column("appointment_id", BigId, primary_key=True, autoincrement=False),
    Column("staff_id", BigId, primary_key=True, autoincrement=False),
    Column("content", Text, nullable=False),
)

calendar_property = Table(
    "calendar_property",
    metadata,
    Column("calendar_id", BigId, primary_key=True, autoincrement=False),
    Column("staff_id", BigId, primary_key=True, autoincrement=False),
    Column("name", String(255), primary_key=True),
    Column("value", Text, nullable=False),
)
"""What a person's client set by PROPPATCH (name, colour, order), kept for that person alone."""

occurrence = Table(
    "occurrence",
    metadata,
    Column("series_id", BigId, primary_key=True, autoincrement=False),
    Column("recurrence_id", WallTime, primary_key=True),
    Column("practice_id", BigId, nullable=False),
    Column("starts_at", WallTime, nullable=False),
    Column("ends_at", WallTime, nullable=False),
    Index("ix_occurrence_practice_start", "practice_id", "starts_at"),
)

series_expansion = Table(
    "series_expansion",
    metadata,
    Column("series_id", BigId, primary_key=True, autoincrement=False),
    Column("expanded_until", WallTime, nullable=False),
    Column("complete", Boolean, nullable=False, server_default=false()),
    text_column("basis"),
)
"""How far ``occurrence`` holds a series. Triggers delete the row when the rule or times change; a row whose
``basis`` differs from ``schema.series_basis()`` of the master was stored beside such a change: stale."""

patient_name = Table(
    "patient_name",
    metadata,
    Column("patient_id", BigId, primary_key=True, autoincrement=False),
    Column("practice_id", BigId, nullable=False),
    Column("name_key", String(512), nullable=False),
    text_column("source"),
    Index("ix_patient_name_key", "practice_id", "name_key"),
)
"""Folded full names for recognition, with the name (``source``) that each was made from: a key of a former
name is seen to be one. Triggers delete a row when the name changes, writers refill it."""

_IS_VIEW = "view IN ('full', 'first-name', 'pseudonym', 'initials', 'number', 'subject', 'busy')"

device = Table(
    "device",
    metadata,
    id_column(),
    public_id_column(),
    Column("practice_id", BigId, nullable=False),
    Column("staff_id", BigId, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("key_hash", String(128), nullable=False, unique=True),
    Column("view", String(16), nullable=False, server_default="full"),
    Column("permission", String(8), nullable=False, server_default="write"),
    Column("days_back", Integer),
    Column("days_ahead", Integer),
    Column("revoked_at", WallTime),
    Column("last_seen_at", WallTime),
    created_column(),
    CheckConstraint(_IS_VIEW, name="view"),
    CheckConstraint("permission IN ('busy', 'read', 'write')", name="permission"),
    sqlite_autoincrement=True,
)

feed = Table(
    "feed",
    metadata,
    id_column(),
    public_id_column(),
    Column("practice_id", BigId, nullable=False),
    Column("staff_id", BigId, nullable=False, index=True),
    Column("token_hash", String(128), nullable=False, unique=True),
    Column("view", String(16), nullable=False, server_default="busy"),
    Column("days_back", Integer),
    Column("days_ahead", Integer),
    Column("revoked_at", WallTime),
    Column("last_seen_at", WallTime),
    created_column(),
    CheckConstraint(_IS_VIEW, name="view"),
    sqlite_autoincrement=True,
)

journal = Table(
    "journal",
    metadata,
    id_column(),
    created_column("at"),
    Column("practice_id", BigId, nullable=False),
    Column("staff_id", BigId),
    Column("device_id", BigId),
    text_column("program"),
    Column("action", String(32), nullable=False),
    Column("appointment_id", BigId),
    Column("calendar_id", BigId),
    Column("patient_id", BigId),
    Column("private", Boolean, nullable=False, server_default=false()),
    Column("before", Text),
    Column("after", Text),
    Index("ix_journal_practice_at", "practice_id", "at"),
    Index("ix_journal_appointment_id", "appointment_id"),
    Index("ix_journal_patient_id", "patient_id"),
    Index("ix_journal_staff_at", "staff_id", "at"),
    sqlite_autoincrement=True,
)
"""Append-only; ``before`` and ``after`` are JSON and are emptied by retention or ``patient erase``."""

attention = Table(
    "attention",
    metadata,
    id_column(),
    public_id_column(),
    created_column(),
    Column("practice_id", BigId, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("staff_id", BigId),
    Column("device_id", BigId),
    text_column("source"),
    Column("calendar_id", BigId),
    Column("appointment_id", BigId),
    text_column("reason"),
    text_column("details", "{}"),
    Column("count", Integer, nullable=False, server_default="1"),
    Column("last_at", WallTime),
    Column("settled_at", WallTime),
    Column("settled_by", BigId),
    text_column("resolution"),
    Index("ix_attention_open", "practice_id", "settled_at"),
    Index("ix_attention_kind", "practice_id", "kind", "source"),
    Index("ix_attention_appointment_id", "appointment_id"),
    sqlite_autoincrement=True,
)
