"""What the columns of ``appointment`` are for: the one list for the book, the journal and the triggers.

Every column but ``id`` and ``practice_id`` belongs to exactly one of ``CONTENT``, ``TIMED``, ``STANDING``,
``ORIGIN`` and ``CANCELLATION`` (a test holds that), so that a new one cannot be forgotten anywhere.
"""

from __future__ import annotations

RULE = ("rrule", "rdate", "exdate")

TIMED = ("starts_at", "ends_at", "time_zone", "all_day", *RULE)
"""When something takes place; a change of one makes the stored occurrences of a series stale."""

TIMING = frozenset(TIMED)

TEXTS = ("location_text", "subject", "note", "phone")
"""What people type."""

CONTENT = ("patient_id", "location_id", *TEXTS, "transparent")

MODELLED = (*CONTENT, *TIMED)
"""What an upload may change; the status is changed by cancelling and restoring only."""

STANDING = ("series_id", "recurrence_id", "status", "unconfirmed_reason")

KEPT = (*STANDING, *MODELLED)
"""What the journal keeps of a row before and after a change, and what undoing compares."""

CANCELLATION = ("cancelled_at", "cancelled_by", "cancelled_device")

ORIGIN = ("public_id", "external_id", "created_at", "created_by")
"""What never changes through us; a row that undoing makes again has it from the journal."""

SHOWN = (*KEPT, "public_id", "created_by", "practice_id")
"""What decides an event's bytes, or who sees it."""
