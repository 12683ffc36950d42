"""Under which href and UID an appointment or series is seen in a calendar.

By default both are made from the row's opaque public id. A client's own choice is kept word for word
(RFC 4791 5.3.2, RFC 5545 3.8.4.7), and may carry a name: then it is not ``opaque``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Row, TextClause, select, text
from sqlalchemy.exc import IntegrityError

from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.errors import Conflict, NotFound
from radicale_practice.practice.schema.sync_tables import calendar_object
from radicale_practice.practice.sync.revisions import ObjectState, object_states, request_flush


def by_href(uow: UnitOfWork, calendar_id: int, href: str, staff_id: int = 0) -> ObjectState | None:
    """The live object at that href, or None."""
    found = object_states(uow, calendar_id, staff_id, hrefs=[href])
    return found[0] if found else None


def by_uid(uow: UnitOfWork, calendar_id: int, uid: str, staff_id: int = 0) -> ObjectState | None:
    """The live object with that UID, or None."""
    with translated_errors():
        object_id = uow.connection.execute(
            text(
                "SELECT id FROM calendar_object"
                " WHERE calendar_id = :calendar AND uid = :uid AND removed_revision IS NULL"
            ),
            {"calendar": calendar_id, "uid": uid},
        ).scalar()
    if object_id is None:
        return None
    found = object_states(uow, calendar_id, staff_id, object_ids=[object_id])
    return found[0] if found else None


def last_appointment_at(uow: UnitOfWork, calendar_id: int, href: str) -> int | None:
    """The appointment that is, or was last, at that href; 0 if its row is gone, None if nothing ever was."""
    objects = calendar_object.c
    query = select(objects.appointment_id).where(objects.calendar_id == calendar_id, objects.href == href)
    with translated_errors():
        found = uow.connection.execute(query.order_by(objects.id.desc()).limit(1)).scalar()
    return int(found) if found is not None else None


def assign(uow: UnitOfWork, calendar_id: int, appointment_id: int, href: str, uid: str) -> int:
    """Give an appointment or series the identity a client chose, in one calendar; returns the object's id.

    Right after the INSERT of its rows in the same transaction, or later (a rename): then the former href
    is listed as removed. Raises ``Conflict`` if another live object has the href or UID, ``NotFound`` if
    there is no such appointment in that calendar.
    """
    try:
        with translated_errors():
            parameters = {"calendar": calendar_id, "appointment": appointment_id, "href": href, "uid": uid}
            concerned = uow.connection.execute(_concerned(uow.dialect), parameters).all()
            current = next((row for row in concerned if row.appointment_id == appointment_id), None)
            leaving = _check_free(uow, calendar_id, appointment_id, concerned)
            same = current is not None and (current.href, current.uid) == (href, uid)
            if current is not None and (same or (current.fresh and not leaving)):
                _change_in_place(uow, current.id, href, uid)
                return int(current.id)
            if uow.dialect == "sqlite":
                return _replace_now(uow, parameters)
            return _wish(uow, parameters)
    except IntegrityError as error:
        raise Conflict("the href or UID is taken") from error


@cache
def _concerned(dialect: str) -> TextClause:
    """The live objects that have the href or the UID, and the appointment's own; ``fresh`` if one was made in
    this very transaction, so nobody has seen it. Three lookups, each by its own unique index."""
    if dialect == "sqlite":
        fresh = "created_revision > (SELECT start_revision FROM sync_context)"
    else:
        fresh = (
            "created_revision::text = ANY"
            " (string_to_array(coalesce(current_setting('radicale_practice.drawn', true), ''), ','))"
        )
    return text(
        " UNION ALL ".join(
            f"SELECT id, appointment_id, href, uid, {fresh} AS fresh FROM calendar_object"
            f" WHERE calendar_id = :calendar AND {condition} AND removed_revision IS NULL"
            for condition in ("href = :href", "uid = :uid", "appointment_id = :appointment")
        )
    )


_SERVED = text("SELECT 1 FROM sync_served WHERE calendar_id = :calendar AND appointment_id = :appointment")


def _check_free(
    uow: UnitOfWork, calendar_id: int, appointment_id: int, concerned: Sequence[Row[Any]]
) -> bool:
    """Raise unless the identity is free; True if an object that leaves with this transaction has it yet."""

    def served(wanted: int) -> bool:
        parameters = {"calendar": calendar_id, "appointment": wanted}
        return uow.connection.execute(_SERVED, parameters).first() is not None

    holders = {row.appointment_id for row in concerned}
    others = holders - {appointment_id}
    # One that this transaction has just removed is still live until the flush.
    if any(served(other) for other in others):
        raise Conflict("the href or UID is taken")
    # SQLite's triggers settle at once: what is live there is served.
    known = uow.dialect == "sqlite" and appointment_id in holders
    if not known and not served(appointment_id):
        raise NotFound(f"appointment {appointment_id} is not shown in calendar {calendar_id}")
    return bool(others)


def _change_in_place(uow: UnitOfWork, object_id: int, href: str, uid: str) -> None:
    uow.connection.execute(
        text("UPDATE calendar_object SET href = :href, uid = :uid, opaque = :opaque WHERE id = :id"),
        {"id": object_id, "href": href, "uid": uid, "opaque": False},
    )
    if uow.dialect == "postgresql":
        # A rename of this transaction that is taken back.
        uow.connection.execute(
            text(
                "DELETE FROM sync_wish w USING calendar_object o"
                " WHERE o.id = :id AND w.calendar_id = o.calendar_id"
                " AND w.appointment_id = o.appointment_id AND w.txid = pg_current_xact_id()"
            ),
            {"id": object_id},
        )


def _replace_now(uow: UnitOfWork, parameters: Mapping[str, object]) -> int:
    """SQLite: nobody else writes, so the change is made at once."""
    run = uow.connection.execute
    run(text("UPDATE sync_counter SET revision = revision + 1"))
    run(
        text(
            "UPDATE calendar_object SET removed_revision = (SELECT revision FROM sync_counter),"
            " removed_at = strftime('%Y-%m-%d %H:%M:%S', 'now') WHERE appointment_id = :appointment"
            " AND calendar_id = :calendar AND removed_revision IS NULL"
        ),
        parameters,
    )
    object_id = run(
        text(
            "INSERT INTO calendar_object"
            " (calendar_id, href, uid, appointment_id, opaque, created_revision, live_revision)"
            " SELECT :calendar, :href, :uid, :appointment, 0, revision, revision FROM sync_counter"
            " RETURNING id"
        ),
        parameters,
    ).scalar_one()
    run(
        text(
            "INSERT INTO object_change (calendar_id, staff_id, revision, object_id)"
            " SELECT o.calendar_id, 0, s.revision, o.id FROM sync_counter s JOIN calendar_object o"
            " ON o.removed_revision = s.revision OR o.created_revision = s.revision"
            " WHERE o.appointment_id = :appointment AND o.calendar_id = :calendar"
        ),
        parameters,
    )
    return int(object_id)


def _wish(uow: UnitOfWork, parameters: Mapping[str, object]) -> int:
    """PostgreSQL: leave the identity for the flush, which holds the calendar's lock."""
    object_id = uow.connection.execute(
        text(
            "INSERT INTO sync_wish (txid, calendar_id, appointment_id, object_id, href, uid)"
            " VALUES (pg_current_xact_id(), :calendar, :appointment,"
            " nextval(pg_get_serial_sequence('calendar_object', 'id')), :href, :uid)"
            " ON CONFLICT (txid, calendar_id, appointment_id)"
            " DO UPDATE SET href = excluded.href, uid = excluded.uid RETURNING object_id"
        ),
        parameters,
    ).scalar_one()
    uow.connection.execute(
        text(
            "INSERT INTO sync_pending (txid, practice_id, source, key1)"
            " SELECT pg_current_xact_id(), practice_id, 'appointment', id"
            " FROM appointment WHERE id = :appointment"
        ),
        parameters,
    )
    request_flush(uow)
    return int(object_id)
