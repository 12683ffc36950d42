"""The practice's own tables. They know nothing of CalDAV; a practice program could have made them.

Defaults and CHECKs make a plain ``INSERT`` by a foreign program safe (see ``docs/integration.md``).
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
    true,
)

from radicale_practice.practice.schema.columns import (
    BigId,
    WallTime,
    created_column,
    external_id_column,
    id_column,
    metadata,
    public_id_column,
    text_column,
    with_sqlite_types,
)

IS_SERIES = "rrule <> '' OR rdate <> ''"
"""Condition of the partial index on masters of series; a query has to use the same words."""

IS_UNCONFIRMED = "status = 'unconfirmed'"
"""Condition of the partial index on bookings that were not accepted: few, asked for with every list; a query
has to use the same words."""

LONG_DAYS = 2

IS_LONG = {
    "sqlite": f"julianday(ends_at) - julianday(starts_at) > {LONG_DAYS}",
    "postgresql": f"ends_at - starts_at > interval '{LONG_DAYS} days'",
}
"""Condition of the partial index on long appointments, which a range of starts does not find."""


def _practice_key() -> Column[int]:
    return Column("practice_id", BigId, ForeignKey("practice.id"), nullable=False)


practice = Table(
    "practice",
    metadata,
    id_column(),
    public_id_column(),
    external_id_column(),
    Column("name", Text, nullable=False),
    Column("time_zone", String(64), nullable=False, server_default="Europe/Vienna"),
    Column("language", String(8), nullable=False, server_default="de"),
    Column("settings", Text, nullable=False, server_default="{}"),
    created_column(),
    sqlite_autoincrement=True,
)

staff = Table(
    "staff",
    metadata,
    id_column(),
    public_id_column(),
    _practice_key(),
    external_id_column(),
    Column("user_name", String(255), nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    Column("role", String(16), nullable=False, server_default="practitioner"),
    text_column("email"),
    Column("password_hash", Text),
    Column("active", Boolean, nullable=False, server_default=true()),
    created_column(),
    UniqueConstraint("practice_id", "external_id"),
    CheckConstraint("role IN ('practitioner', 'receptionist', 'administrator')", name="role"),
    sqlite_autoincrement=True,
)

Index("uq_staff_path_name", func.replace(staff.c.user_name, " ", "_"), unique=True)
"""A user name in paths: with spaces as underscores two people would share one home."""

calendar = Table(
    "calendar",
    metadata,
    id_column(),
    public_id_column(),
    _practice_key(),
    external_id_column(),
    Column("kind", String(16), nullable=False, server_default="practitioner"),
    Column("staff_id", BigId, ForeignKey("staff.id")),
    Column("name", Text, nullable=False),
    text_column("color"),
    Column("sort_order", Integer, nullable=False, server_default="0"),
    Column("active", Boolean, nullable=False, server_default=true()),
    created_column(),
    UniqueConstraint("practice_id", "external_id"),
    CheckConstraint("kind IN ('practitioner', 'room', 'private')", name="kind"),
    CheckConstraint("kind = 'room' OR staff_id IS NOT NULL", name="person"),
    sqlite_autoincrement=True,
)

calendar_access = Table(
    "calendar_access",
    metadata,
    Column("calendar_id", BigId, ForeignKey("calendar.id"), primary_key=True),
    Column("staff_id", BigId, ForeignKey("staff.id"), primary_key=True),
    Column("access", String(8), nullable=False),
    CheckConstraint("access IN ('busy', 'read', 'write')", name="access"),
    Index("ix_calendar_access_staff_id", "staff_id"),
)

patient = Table(
    "patient",
    metadata,
    id_column(),
    public_id_column(),
    _practice_key(),
    external_id_column(),
    Column("number", String(64), nullable=False),
    text_column("first_name"),
    text_column("last_name"),
    text_column("phone"),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("merged_into_id", BigId, ForeignKey("patient.id")),
    # emptied for good: whoever brings the contents in again undoes what the patient could demand
    Column("erased", Boolean, nullable=False, server_default=false()),
    created_column(),
    UniqueConstraint("practice_id", "number", name="uq_patient_number"),
    UniqueConstraint("practice_id", "external_id"),
    sqlite_autoincrement=True,
)

location = Table(
    "location",
    metadata,
    id_column(),
    public_id_column(),
    _practice_key(),
    external_id_column(),
    Column("name", Text, nullable=False),
    Column("active", Boolean, nullable=False, server_default=true()),
    UniqueConstraint("practice_id", "external_id"),
    sqlite_autoincrement=True,
)

appointment = Table(
    "appointment",
    metadata,
    id_column(),
    public_id_column(),
    _practice_key(),
    external_id_column(),
    Column("patient_id", BigId, ForeignKey("patient.id")),
    Column("location_id", BigId, ForeignKey("location.id")),
    text_column("location_text"),
    text_column("subject"),
    Column("starts_at", WallTime, nullable=False),
    Column("ends_at", WallTime, nullable=False),
    Column("time_zone", String(64), nullable=False, server_default="Europe/Vienna"),
    Column("all_day", Boolean, nullable=False, server_default=false()),
    Column("status", String(16), nullable=False, server_default="booked"),
    text_column("note"),
    text_column("phone"),
    Column("transparent", Boolean, nullable=False, server_default=false()),
    text_column("unconfirmed_reason"),
    Column("series_id", BigId, ForeignKey("appointment.id")),
    Column("recurrence_id", WallTime),
    text_column("rrule"),
    text_column("rdate"),
    text_column("exdate"),
    created_column(),
    Column("created_by", BigId),
    Column("cancelled_at", WallTime),
    Column("cancelled_by", BigId),
    Column("cancelled_device", BigId),
    UniqueConstraint("practice_id", "external_id"),
    CheckConstraint(
        "status IN ('booked', 'confirmed', 'arrived', 'done', 'invoiced', 'cancelled', 'no_show',"
        " 'unconfirmed')",
        name="status",
    ),
    CheckConstraint("ends_at >= starts_at", name="order"),
    CheckConstraint("(series_id IS NULL) = (recurrence_id IS NULL)", name="instance"),
    CheckConstraint("series_id IS NULL OR (rrule = '' AND rdate = '' AND exdate = '')", name="no_nesting"),
    # Python cannot read infinity or years of five digits: one such row would break every listing
    CheckConstraint(
        "starts_at >= '0001-01-02' AND ends_at < '9999-12-30' AND (recurrence_id IS NULL OR"
        " (recurrence_id >= '0001-01-02' AND recurrence_id < '9999-12-30'))",
        name="calendar_range",
    ),
    Index("ix_appointment_practice_start", "practice_id", "starts_at"),
    Index(
        "ix_appointment_series",
        "practice_id",
        "id",
        sqlite_where=text(IS_SERIES),
        postgresql_where=text(IS_SERIES),
    ),
    Index(
        "ix_appointment_long",
        "practice_id",
        "starts_at",
        sqlite_where=text(IS_LONG["sqlite"]),
        postgresql_where=text(IS_LONG["postgresql"]),
    ),
    Index(
        "ix_appointment_unconfirmed",
        "id",
        sqlite_where=text(IS_UNCONFIRMED),
        postgresql_where=text(IS_UNCONFIRMED),
    ),
    Index("ix_appointment_patient_id", "patient_id"),
    Index("ix_appointment_location_id", "location_id"),
    Index("ix_appointment_series_id", "series_id"),
    sqlite_autoincrement=True,
)

appointment_calendar = Table(
    "appointment_calendar",
    metadata,
    Column("appointment_id", BigId, ForeignKey("appointment.id", ondelete="CASCADE"), primary_key=True),
    Column("calendar_id", BigId, ForeignKey("calendar.id"), primary_key=True),
    Column("role", String(8), nullable=False, server_default="owner"),
    CheckConstraint("role IN ('owner', 'resource')", name="role"),
    Index("ix_appointment_calendar_calendar_id", "calendar_id", "appointment_id"),
)

PRACTICE_TABLES = (
    practice,
    staff,
    calendar,
    calendar_access,
    patient,
    location,
    appointment,
    appointment_calendar,
)
"""All of them: what a practice program may write."""

with_sqlite_types(*PRACTICE_TABLES)
