"""The first schema: the practice's tables and the sync tables beside them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from radicale_practice.practice.schema.columns import BigId, WallTime, random_public_id, sqlite_types, utc_now

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CALENDAR_RANGE_CHECK = sa.CheckConstraint(
    "starts_at >= '0001-01-02' AND ends_at < '9999-12-30' AND (recurrence_id IS NULL OR"
    " (recurrence_id >= '0001-01-02' AND recurrence_id < '9999-12-30'))",
    name="calendar_range",
)

IS_VIEW = "view IN ('full', 'first-name', 'pseudonym', 'initials', 'number', 'subject', 'busy')"


def upgrade() -> None:
    """Create everything; the triggers follow at the end of every migration (``env.py``)."""
    _practice_tables()
    _sync_tables()
    if op.get_context().dialect.name == "sqlite":
        _sqlite_working_tables()
    else:
        _postgresql_working_tables()


def _sqlite_working_tables() -> None:
    """The counter that orders revisions, who is writing, and rows about to be replaced."""
    op.execute("CREATE TABLE sync_counter (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL)")
    op.execute("INSERT INTO sync_counter (id, revision) VALUES (1, 0)")
    op.execute(
        "CREATE TABLE sync_context (id INTEGER PRIMARY KEY CHECK (id = 1), actor TEXT NOT NULL DEFAULT '',"
        " start_revision INTEGER NOT NULL DEFAULT 0)"
    )
    op.execute("INSERT INTO sync_context (id) VALUES (1)")
    op.execute("CREATE TABLE sync_replaced (id INTEGER NOT NULL)")


def _postgresql_working_tables() -> None:
    """Notes of transactions under way: unlogged, because a crash ends those transactions too."""
    op.execute("CREATE SEQUENCE sync_revision AS bigint")
    op.execute(
        "CREATE UNLOGGED TABLE sync_pending (txid xid8 NOT NULL, practice_id bigint NOT NULL DEFAULT 0,"
        " source text NOT NULL, key1 bigint NOT NULL DEFAULT 0, key2 bigint,"
        " calendar_id bigint NOT NULL DEFAULT 0, appointment_id bigint NOT NULL DEFAULT 0,"
        " object_id bigint NOT NULL DEFAULT 0, staff_id bigint NOT NULL DEFAULT 0,"
        " touch boolean NOT NULL DEFAULT false, journal boolean NOT NULL DEFAULT false)"
    )
    op.execute("CREATE INDEX ix_sync_pending_txid ON sync_pending (txid)")
    op.execute("CREATE UNLOGGED TABLE sync_flush (txid xid8 NOT NULL)")
    op.execute(
        "CREATE TABLE sync_journal_order (cursor bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " journal_id bigint NOT NULL UNIQUE)"
    )
    op.execute("CREATE INDEX ix_sync_flush_txid ON sync_flush (txid)")
    op.execute(
        "CREATE UNLOGGED TABLE sync_wish (txid xid8 NOT NULL, calendar_id bigint NOT NULL,"
        " appointment_id bigint NOT NULL, object_id bigint NOT NULL, href varchar(255) NOT NULL,"
        " uid text NOT NULL, PRIMARY KEY (txid, calendar_id, appointment_id))"
    )


def _practice_tables() -> None:
    """Tables a practice program could have made."""
    _create(
        "practice",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=64), server_default=random_public_id(), nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), server_default="Europe/Vienna", nullable=False),
        sa.Column("language", sa.String(length=8), server_default="de", nullable=False),
        sa.Column("settings", sa.Text(), server_default="{}", nullable=False),
        sa.Column("created_at", WallTime(), server_default=utc_now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice")),
        sa.UniqueConstraint("public_id", name=op.f("uq_practice_public_id")),
        sqlite_autoincrement=True,
    )
    _create(
        "staff",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=64), server_default=random_public_id(), nullable=False),
        sa.Column("practice_id", BigId, nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("user_name", sa.String(length=255), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), server_default="practitioner", nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", WallTime(), server_default=utc_now(), nullable=False),
        sa.CheckConstraint(
            "role IN ('practitioner', 'receptionist', 'administrator')", name=op.f("ck_staff_role")
        ),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name=op.f("fk_staff_practice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("practice_id", "external_id", name=op.f("uq_staff_practice_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_staff_public_id")),
        sa.UniqueConstraint("user_name", name=op.f("uq_staff_user_name")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_staff_path_name", "staff", [sa.text("replace(user_name, ' ', '_')")], unique=True)
    _create(
        "calendar",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=64), server_default=random_public_id(), nullable=False),
        sa.Column("practice_id", BigId, nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("kind", sa.String(length=16), server_default="practitioner", nullable=False),
        sa.Column("staff_id", BigId, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("color", sa.Text(), server_default="", nullable=False),
        sa.Column("sort_order", sa.Integer(), server_default="0", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", WallTime(), server_default=utc_now(), nullable=False),
        sa.CheckConstraint("kind = 'room' OR staff_id IS NOT NULL", name=op.f("ck_calendar_person")),
        sa.CheckConstraint("kind IN ('practitioner', 'room', 'private')", name=op.f("ck_calendar_kind")),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name=op.f("fk_calendar_practice_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_calendar_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar")),
        sa.UniqueConstraint("practice_id", "external_id", name=op.f("uq_calendar_practice_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_calendar_public_id")),
        sqlite_autoincrement=True,
    )
    _create(
        "calendar_access",
        sa.Column("calendar_id", BigId, nullable=False),
        sa.Column("staff_id", BigId, nullable=False),
        sa.Column("access", sa.String(length=8), nullable=False),
        sa.CheckConstraint("access IN ('busy', 'read', 'write')", name=op.f("ck_calendar_access_access")),
        sa.ForeignKeyConstraint(
            ["calendar_id"], ["calendar.id"], name=op.f("fk_calendar_access_calendar_id")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_calendar_access_staff_id")),
        sa.PrimaryKeyConstraint("calendar_id", "staff_id", name=op.f("pk_calendar_access")),
    )
    op.create_index("ix_calendar_access_staff_id", "calendar_access", ["staff_id"], unique=False)
    _create(
        "patient",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=64), server_default=random_public_id(), nullable=False),
        sa.Column("practice_id", BigId, nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("first_name", sa.Text(), server_default="", nullable=False),
        sa.Column("last_name", sa.Text(), server_default="", nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("merged_into_id", BigId, nullable=True),
        sa.Column("erased", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", WallTime(), server_default=utc_now(), nullable=False),
        sa.ForeignKeyConstraint(["merged_into_id"], ["patient.id"], name=op.f("fk_patient_merged_into_id")),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name=op.f("fk_patient_practice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient")),
        sa.UniqueConstraint("practice_id", "external_id", name=op.f("uq_patient_practice_id")),
        sa.UniqueConstraint("practice_id", "number", name="uq_patient_number"),
        sa.UniqueConstraint("public_id", name=op.f("uq_patient_public_id")),
        sqlite_autoincrement=True,
    )
    _create(
        "location",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=64), server_default=random_public_id(), nullable=False),
        sa.Column("practice_id", BigId, nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name=op.f("fk_location_practice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_location")),
        sa.UniqueConstraint("practice_id", "external_id", name=op.f("uq_location_practice_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_location_public_id")),
        sqlite_autoincrement=True,
    )
    _create(
        "appointment",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=64), server_default=random_public_id(), nullable=False),
        sa.Column("practice_id", BigId, nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("patient_id", BigId, nullable=True),
        sa.Column("location_id", BigId, nullable=True),
        sa.Column("location_text", sa.Text(), server_default="", nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("starts_at", WallTime(), nullable=False),
        sa.Column("ends_at", WallTime(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), server_default="Europe/Vienna", nullable=False),
        sa.Column("all_day", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="booked", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("transparent", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("unconfirmed_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("series_id", BigId, nullable=True),
        sa.Column("recurrence_id", WallTime(), nullable=True),
        sa.Column("rrule", sa.Text(), server_default="", nullable=False),
        sa.Column("rdate", sa.Text(), server_default="", nullable=False),
        sa.Column("exdate", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", WallTime(), server_default=utc_now(), nullable=False),
        sa.Column("created_by", BigId, nullable=True),
        sa.Column("cancelled_at", WallTime(), nullable=True),
        sa.Column("cancelled_by", BigId, nullable=True),
        sa.Column("cancelled_device", BigId, nullable=True),
        sa.CheckConstraint(
            "series_id IS NULL OR (rrule = '' AND rdate = '' AND exdate = '')",
            name=op.f("ck_appointment_no_nesting"),
        ),
        CALENDAR_RANGE_CHECK,
        sa.CheckConstraint(
            "status IN ('booked', 'confirmed', 'arrived', 'done', 'invoiced', 'cancelled', 'no_show',"
            " 'unconfirmed')",
            name=op.f("ck_appointment_status"),
        ),
        sa.CheckConstraint(
            "(series_id IS NULL) = (recurrence_id IS NULL)", name=op.f("ck_appointment_instance")
        ),
        sa.CheckConstraint("ends_at >= starts_at", name=op.f("ck_appointment_order")),
        sa.ForeignKeyConstraint(["location_id"], ["location.id"], name=op.f("fk_appointment_location_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_appointment_patient_id")),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name=op.f("fk_appointment_practice_id")),
        sa.ForeignKeyConstraint(["series_id"], ["appointment.id"], name=op.f("fk_appointment_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment")),
        sa.UniqueConstraint("practice_id", "external_id", name=op.f("uq_appointment_practice_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_appointment_public_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_appointment_location_id", "appointment", ["location_id"], unique=False)
    op.create_index("ix_appointment_patient_id", "appointment", ["patient_id"], unique=False)
    op.create_index(
        "ix_appointment_practice_start", "appointment", ["practice_id", "starts_at"], unique=False
    )
    op.create_index("ix_appointment_series_id", "appointment", ["series_id"], unique=False)
    is_series = sa.text("rrule <> '' OR rdate <> ''")
    op.create_index(
        "ix_appointment_series",
        "appointment",
        ["practice_id", "id"],
        unique=False,
        sqlite_where=is_series,
        postgresql_where=is_series,
    )
    op.create_index(
        "ix_appointment_long",
        "appointment",
        ["practice_id", "starts_at"],
        unique=False,
        sqlite_where=sa.text("julianday(ends_at) - julianday(starts_at) > 2"),
        postgresql_where=sa.text("ends_at - starts_at > interval '2 days'"),
    )
    is_unconfirmed = sa.text("status = 'unconfirmed'")
    op.create_index(
        "ix_appointment_unconfirmed",
        "appointment",
        ["id"],
        unique=False,
        sqlite_where=is_unconfirmed,
        postgresql_where=is_unconfirmed,
    )
    _create(
        "appointment_calendar",
        sa.Column("appointment_id", BigId, nullable=False),
        sa.Column("calendar_id", BigId, nullable=False),
        sa.Column("role", sa.String(length=8), server_default="owner", nullable=False),
        sa.CheckConstraint("role IN ('owner', 'resource')", name=op.f("ck_appointment_calendar_role")),
        sa.ForeignKeyConstraint(
            ["appointment_id"],
            ["appointment.id"],
            name=op.f("fk_appointment_calendar_appointment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["calendar_id"], ["calendar.id"], name=op.f("fk_appointment_calendar_calendar_id")
        ),
        sa.PrimaryKeyConstraint("appointment_id", "calendar_id", name=op.f("pk_appointment_calendar")),
    )
    op.create_index(
        "ix_appointment_calendar_calendar_id",
        "appointment_calendar",
        ["calendar_id", "appointment_id"],
        unique=False,
    )


def _create(name: str, *items: sa.schema.SchemaItem, **options: bool) -> None:
    columns = [item for item in items if isinstance(item, sa.Column)]
    op.create_table(name, *items, sqlite_types(columns), **options)


def _sync_tables() -> None:
    """Tables beside them, without foreign keys into them."""
    op.create_table(
        "calendar_sync",
        sa.Column("calendar_id", BigId, autoincrement=False, nullable=False),
        sa.Column("epoch", sa.String(length=64), server_default=random_public_id(), nullable=False),
        sa.Column("floor", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("calendar_id", name=op.f("pk_calendar_sync")),
    )
    op.create_table(
        "calendar_object",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("calendar_id", BigId, nullable=False),
        sa.Column("href", sa.String(length=255), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("appointment_id", BigId, nullable=False),
        sa.Column("opaque", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("live_revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("removed_revision", sa.BigInteger(), nullable=True),
        sa.Column("removed_at", WallTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_object")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_calendar_object_appointment_id", "calendar_object", ["appointment_id"], unique=False)
    op.create_index("ix_calendar_object_calendar_id", "calendar_object", ["calendar_id", "id"], unique=False)
    op.create_index(
        "uq_calendar_object_live_appointment",
        "calendar_object",
        ["appointment_id", "calendar_id"],
        unique=True,
        sqlite_where=sa.text("removed_revision IS NULL"),
        postgresql_where=sa.text("removed_revision IS NULL"),
    )
    op.create_index(
        "uq_calendar_object_live_href",
        "calendar_object",
        ["href", "calendar_id"],
        unique=True,
        sqlite_where=sa.text("removed_revision IS NULL"),
        postgresql_where=sa.text("removed_revision IS NULL"),
    )
    op.create_index(
        "uq_calendar_object_live_uid",
        "calendar_object",
        ["uid", "calendar_id"],
        unique=True,
        sqlite_where=sa.text("removed_revision IS NULL"),
        postgresql_where=sa.text("removed_revision IS NULL"),
    )
    op.create_table(
        "object_change",
        sa.Column("calendar_id", BigId, autoincrement=False, nullable=False),
        sa.Column("staff_id", BigId, server_default="0", autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("object_id", BigId, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint(
            "calendar_id", "staff_id", "revision", "object_id", name=op.f("pk_object_change")
        ),
    )
    op.create_index(
        "ix_object_change_object", "object_change", ["object_id", "staff_id", "revision"], unique=False
    )
    op.create_table(
        "event_extra",
        sa.Column("appointment_id", BigId, autoincrement=False, nullable=False),
        sa.Column("component", sa.String(length=16), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("appointment_id", "component", name=op.f("pk_event_extra")),
    )
    op.create_table(
        "personal_extra",
        sa.Column("appointment_id", BigId, autoincrement=False, nullable=False),
        sa.Column("staff_id", BigId, autoincrement=False, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("appointment_id", "staff_id", name=op.f("pk_personal_extra")),
    )
    op.create_table(
        "calendar_property",
        sa.Column("calendar_id", BigId, autoincrement=False, nullable=False),
        sa.Column("staff_id", BigId, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("calendar_id", "staff_id", "name", name=op.f("pk_calendar_property")),
    )
    op.create_table(
        "occurrence",
        sa.Column("series_id", BigId, autoincrement=False, nullable=False),
        sa.Column("recurrence_id", WallTime(), nullable=False),
        sa.Column("practice_id", BigId, nullable=False),
        sa.Column("starts_at", WallTime(), nullable=False),
        sa.Column("ends_at", WallTime(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "recurrence_id", name=op.f("pk_occurrence")),
    )
    op.create_index("ix_occurrence_practice_start", "occurrence", ["practice_id", "starts_at"], unique=False)
    op.create_table(
        "series_expansion",
        sa.Column("series_id", BigId, autoincrement=False, nullable=False),
        sa.Column("expanded_until", WallTime(), nullable=False),
        sa.Column("complete", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("basis", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("series_id", name=op.f("pk_series_expansion")),
    )
    op.create_table(
        "patient_name",
        sa.Column("patient_id", BigId, autoincrement=False, nullable=False),
        sa.Column("practice_id", BigId, nullable=False),
        sa.Column("name_key", sa.String(length=512), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_patient_name")),
    )
    op.create_index("ix_patient_name_key", "patient_name", ["practice_id", "name_key"], unique=False)
    op.create_table(
        "device",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=64), server_default=random_public_id(), nullable=False),
        sa.Column("practice_id", BigId, nullable=False),
        sa.Column("staff_id", BigId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.String(length=128), nullable=False),
        sa.Column("view", sa.String(length=16), server_default="full", nullable=False),
        sa.Column("permission", sa.String(length=8), server_default="write", nullable=False),
        sa.Column("days_back", sa.Integer(), nullable=True),
        sa.Column("days_ahead", sa.Integer(), nullable=True),
        sa.Column("revoked_at", WallTime(), nullable=True),
        sa.Column("last_seen_at", WallTime(), nullable=True),
        sa.Column("created_at", WallTime(), server_default=utc_now(), nullable=False),
        sa.CheckConstraint("permission IN ('busy', 'read', 'write')", name=op.f("ck_device_permission")),
        sa.CheckConstraint(IS_VIEW, name=op.f("ck_device_view")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_device_key_hash")),
        sa.UniqueConstraint("public_id", name=op.f("uq_device_public_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_device_staff_id"), "device", ["staff_id"], unique=False)
    op.create_table(
        "feed",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=64), server_default=random_public_id(), nullable=False),
        sa.Column("practice_id", BigId, nullable=False),
        sa.Column("staff_id", BigId, nullable=False),
        sa.Column("token_hash", sa.String(length=128), nullable=False),
        sa.Column("view", sa.String(length=16), server_default="busy", nullable=False),
        sa.Column("days_back", sa.Integer(), nullable=True),
        sa.Column("days_ahead", sa.Integer(), nullable=True),
        sa.Column("revoked_at", WallTime(), nullable=True),
        sa.Column("last_seen_at", WallTime(), nullable=True),
        sa.Column("created_at", WallTime(), server_default=utc_now(), nullable=False),
        sa.CheckConstraint(IS_VIEW, name=op.f("ck_feed_view")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed")),
        sa.UniqueConstraint("public_id", name=op.f("uq_feed_public_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_feed_token_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_feed_staff_id"), "feed", ["staff_id"], unique=False)
    op.create_table(
        "journal",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("at", WallTime(), server_default=utc_now(), nullable=False),
        sa.Column("practice_id", BigId, nullable=False),
        sa.Column("staff_id", BigId, nullable=True),
        sa.Column("device_id", BigId, nullable=True),
        sa.Column("program", sa.Text(), server_default="", nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("appointment_id", BigId, nullable=True),
        sa.Column("calendar_id", BigId, nullable=True),
        sa.Column("patient_id", BigId, nullable=True),
        sa.Column("private", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_journal_appointment_id", "journal", ["appointment_id"], unique=False)
    op.create_index("ix_journal_patient_id", "journal", ["patient_id"], unique=False)
    op.create_index("ix_journal_practice_at", "journal", ["practice_id", "at"], unique=False)
    op.create_index("ix_journal_staff_at", "journal", ["staff_id", "at"], unique=False)
    op.create_table(
        "attention",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=64), server_default=random_public_id(), nullable=False),
        sa.Column("created_at", WallTime(), server_default=utc_now(), nullable=False),
        sa.Column("practice_id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("staff_id", BigId, nullable=True),
        sa.Column("device_id", BigId, nullable=True),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("calendar_id", BigId, nullable=True),
        sa.Column("appointment_id", BigId, nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("details", sa.Text(), server_default="{}", nullable=False),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("last_at", WallTime(), nullable=True),
        sa.Column("settled_at", WallTime(), nullable=True),
        sa.Column("settled_by", BigId, nullable=True),
        sa.Column("resolution", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attention")),
        sa.UniqueConstraint("public_id", name=op.f("uq_attention_public_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attention_appointment_id", "attention", ["appointment_id"], unique=False)
    op.create_index("ix_attention_kind", "attention", ["practice_id", "kind", "source"], unique=False)
    op.create_index("ix_attention_open", "attention", ["practice_id", "settled_at"], unique=False)
