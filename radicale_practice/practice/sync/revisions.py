"""What changed, in which order: the numbers behind sync tokens, ETags and ctags (RFC 6578, RFC 4791).

The triggers note the changes of practice rows; ``touch`` notes what no practice row shows (a refusal, a
person's alarms, a client's extra properties). The order of revisions in a calendar is the order of commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, select, text
from sqlalchemy.exc import IntegrityError

from radicale_practice.practice.database import UnitOfWork, translated_errors
from radicale_practice.practice.errors import Conflict, NotFound
from radicale_practice.practice.parts import parts
from radicale_practice.practice.schema.practice_tables import calendar
from radicale_practice.practice.schema.sync_tables import calendar_sync, object_change


@dataclass(frozen=True, slots=True)
class CalendarState:
    """Where a calendar stands for one person.

    ``revision``: newest change seen by all or by that person. ``floor``: removals up to it are forgotten.
    """

    calendar_id: int
    epoch: str
    floor: int
    revision: int


class ObjectState(NamedTuple):
    """One calendar object without its content (a tuple: thousands are made for one request).

    ``opaque``: href and UID were made by us and carry no name. ``revision``: newest change seen by all;
    ``personal_revision``: newest change seen by that person alone (0: none).
    """

    object_id: int
    href: str
    uid: str
    appointment_id: int
    opaque: bool
    live: bool
    revision: int
    personal_revision: int


def state_columns() -> list[ColumnElement[Any]]:
    """What ``calendar_state`` reads, of ``WITH_SYNC``; the parameter ``staff`` says for whom."""
    s = calendar_sync.c
    return [
        func.coalesce(s.epoch, calendar.c.public_id).label("epoch"),
        func.coalesce(s.floor, 0).label("floor"),
        _newest(literal_column("0")).label("common"),
        _newest(bindparam("staff")).label("mine"),
    ]


WITH_SYNC = calendar.outerjoin(calendar_sync, calendar_sync.c.calendar_id == calendar.c.id)
"""Calendars with how far they are; a new one has no row of its own yet."""


def _newest(staff: ColumnElement[Any]) -> ColumnElement[Any]:
    h = object_change.alias()
    newest = select(func.max(h.c.revision)).where(h.c.calendar_id == calendar.c.id, h.c.staff_id == staff)
    return newest.correlate(calendar).scalar_subquery()


def calendar_state(calendar_id: int, row: Any) -> CalendarState:
    """The state of a calendar from a row with ``state_columns``."""
    revision = max(row.floor, row.common or 0, row.mine or 0)
    return CalendarState(calendar_id, row.epoch, row.floor, revision)


@cache
def _states() -> Select[Any]:
    wanted = calendar.c.id.in_(bindparam("ids", expanding=True))
    return select(calendar.c.id, *state_columns()).select_from(WITH_SYNC).where(wanted)


def calendar_states(uow: UnitOfWork, calendar_ids: Iterable[int], staff_id: int) -> dict[int, CalendarState]:
    """State of each calendar for one person; unknown calendars are left out. One statement."""
    ids = sorted(set(calendar_ids))
    if not ids:
        return {}
    with translated_errors():
        rows = uow.connection.execute(_states(), {"ids": ids, "staff": staff_id}).all()
    return {row.id: calendar_state(row.id, row) for row in rows}


_COLUMNS = "o.id, o.href, o.uid, o.appointment_id, o.opaque, o.removed_revision IS NULL"

_REVISIONS = """
  (SELECT max(h.revision) FROM object_change h WHERE h.object_id = o.id AND h.staff_id = 0),
  (SELECT max(h.revision) FROM object_change h WHERE h.object_id = o.id AND h.staff_id = :staff)"""

_CHANGES = text(f"""
SELECT {_COLUMNS}, {_REVISIONS}
FROM (
  SELECT h.object_id FROM object_change h
  WHERE h.calendar_id = :calendar AND h.staff_id = 0 AND h.revision > :revision
  UNION SELECT h.object_id FROM object_change h
  WHERE h.calendar_id = :calendar AND h.staff_id = :staff AND h.revision > :revision
) c JOIN calendar_object o ON o.id = c.object_id
""")


def changes_since(
    uow: UnitOfWork,
    calendar_id: int,
    staff_id: int,
    revision: int,
    named: Callable[[ObjectState], str] = attrgetter("href"),
) -> list[ObjectState]:
    """Objects of a calendar changed after ``revision`` (for all, or for that person), removed ones too.

    Each name once, a live object before a removed one; ``named``: the name under which the person sees an
    object (two that had one href after each other may have two). Ordered by (newest revision, object id),
    so that a list can be cut and continued. The caller has judged the revision against the floor (RFC 6578
    3.7).
    """
    parameters = {"calendar": calendar_id, "staff": staff_id, "revision": revision}
    with translated_errors():
        rows = uow.connection.execute(_CHANGES, parameters).all()
    by_name: dict[str, ObjectState] = {}
    for state in sorted((state_of(row) for row in rows), key=lambda s: (s.live, s.revision, s.object_id)):
        by_name[named(state)] = state
    return sorted(by_name.values(), key=lambda s: (max(s.revision, s.personal_revision), s.object_id))


_SOME = {
    column: text(
        f"SELECT {_COLUMNS}, {_REVISIONS} FROM calendar_object o WHERE o.removed_revision IS NULL"
        f" AND o.calendar_id = :calendar AND o.{column} IN :wanted"
    ).bindparams(bindparam("wanted", expanding=True))
    for column in ("href", "id")
}

_ALL = text(f"""
SELECT {_COLUMNS}, {_REVISIONS}
FROM calendar_object o WHERE o.calendar_id = :calendar AND o.removed_revision IS NULL
""")


def object_states(
    uow: UnitOfWork,
    calendar_id: int,
    staff_id: int,
    *,
    hrefs: Sequence[str] | None = None,
    object_ids: Sequence[int] | None = None,
) -> list[ObjectState]:
    """Live objects of a calendar: those of the hrefs or ids, or all. Unknown ones are left out."""
    common: dict[str, object] = {"calendar": calendar_id, "staff": staff_id}
    if hrefs is None and object_ids is None:
        with translated_errors():
            return [state_of(row) for row in uow.connection.execute(_ALL, common)]
    column, wanted = ("href", hrefs) if hrefs is not None else ("id", object_ids)
    found: list[ObjectState] = []
    with translated_errors():
        for part in parts(list(dict.fromkeys(wanted or ()))):
            rows = uow.connection.execute(_SOME[column], {**common, "wanted": part})
            found += [state_of(row) for row in rows]
    return found


def state_of(row: Iterable[Any]) -> ObjectState:
    """From a row of the columns in their order; a missing revision is 0."""
    object_id, href, uid, appointment_id, opaque, live, revision, personal = row
    return ObjectState(
        object_id, href, uid, appointment_id, opaque == 1, live == 1, revision or 0, personal or 0
    )


def touch(uow: UnitOfWork, calendar_id: int, object_ids: Iterable[int], staff_id: int = 0) -> None:
    """Note that objects' bytes changed for all (0) or for one person; counts at commit or ``flush``."""
    ids = sorted(set(object_ids))
    if not ids:
        return
    with translated_errors():
        if uow.dialect == "sqlite":
            uow.connection.exec_driver_sql("UPDATE sync_counter SET revision = revision + 1")
            statement = (
                "INSERT INTO object_change (calendar_id, staff_id, revision, object_id)"
                " SELECT :calendar, :staff, revision, :object FROM sync_counter"
            )
        else:
            statement = (
                "INSERT INTO sync_pending (txid, practice_id, source, calendar_id, object_id, staff_id)"
                " SELECT pg_current_xact_id(), practice_id, 'object', id, :object, :staff"
                " FROM calendar WHERE id = :calendar"
            )
        rows = [{"calendar": calendar_id, "object": i, "staff": staff_id} for i in ids]
        uow.connection.execute(text(statement), rows)
        request_flush(uow)


def request_flush(uow: UnitOfWork) -> None:
    """Make sure that the pending notes of this transaction are flushed at its end (PostgreSQL)."""
    if uow.dialect == "postgresql":
        uow.connection.exec_driver_sql(
            "INSERT INTO sync_flush (txid) SELECT pg_current_xact_id()"
            " WHERE NOT EXISTS (SELECT 1 FROM sync_flush f WHERE f.txid = pg_current_xact_id())"
        )


def flush(uow: UnitOfWork) -> None:
    """Draw the revisions of this transaction's changes now, under the calendars' locks.

    After it no practice row may be written in this transaction (lock order). Raises ``Conflict`` if an
    identity assigned here was taken meanwhile, ``Unavailable`` if a lock is not free within seconds.
    """
    if uow.dialect != "postgresql":
        return
    try:
        with translated_errors():
            uow.connection.exec_driver_sql("SET CONSTRAINTS sync_flush_at_commit IMMEDIATE")
            uow.connection.exec_driver_sql("SET CONSTRAINTS sync_flush_at_commit DEFERRED")
    except IntegrityError as error:
        raise Conflict("the href or UID is taken") from error


_BY_OTHERS = text(
    "SELECT EXISTS (SELECT 1 FROM object_change h WHERE h.object_id = :object"
    " AND (h.staff_id = 0 AND h.revision > :revision OR h.staff_id = :staff AND h.revision > :personal)"
    " AND NOT h.revision::text = ANY"
    " (string_to_array(coalesce(current_setting('radicale_practice.drawn', true), ''), ',')))"
)


def changed_meanwhile(
    uow: UnitOfWork, object_id: int, staff_id: int, revision: int, personal_revision: int
) -> bool:
    """Whether somebody else has changed an object since this transaction read it at these revisions.

    To be asked after ``flush``: what comes later has a later revision. SQLite has one writer at a time.
    """
    if uow.dialect != "postgresql":
        return False
    parameters = {
        "object": object_id,
        "staff": staff_id,
        "revision": revision,
        "personal": personal_revision,
    }
    with translated_errors():
        return bool(uow.connection.execute(_BY_OTHERS, parameters).scalar_one())


_NEW_EPOCH = text(
    "INSERT INTO calendar_sync (calendar_id) VALUES (:calendar)"
    " ON CONFLICT (calendar_id) DO UPDATE SET epoch = excluded.epoch"
)
"""The column's default is another one each time."""


def new_epoch(uow: UnitOfWork, calendar_ids: Iterable[int] | None = None) -> None:
    """Make all earlier sync tokens of the calendars (None: all) invalid: after a restored backup, or when
    changes may have been missed. Clients then list everything again."""
    wanted = None if calendar_ids is None else sorted(set(calendar_ids))
    with translated_errors():
        known = set(uow.connection.execute(text("SELECT id FROM calendar")).scalars())
        ids = sorted(known) if wanted is None else wanted
        if not known.issuperset(ids):
            raise NotFound("no such calendar")
        if ids:
            uow.connection.execute(_NEW_EPOCH, [{"calendar": calendar_id} for calendar_id in ids])
