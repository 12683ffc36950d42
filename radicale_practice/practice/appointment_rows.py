"""The one place that writes rows of ``appointment``, its calendars and its extras.

Both sides go through here: what a device uploads and what the practice's own programs do. Every function
issues a number of statements that does not grow with the number of rows.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, delete, insert, literal, or_, select, update

from radicale_practice.practice import zones
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import DOCUMENTED, Actor, Appointment, Location, Patient, Status
from radicale_practice.practice.parts import parts
from radicale_practice.practice.projections import Practice
from radicale_practice.practice.schema.practice_tables import appointment, appointment_calendar
from radicale_practice.practice.schema.sync_tables import calendar_object, event_extra, personal_extra
from radicale_practice.practice.sync import revisions

Row = dict[str, Any]

_DOCUMENTED = frozenset(str(s) for s in DOCUMENTED)


def times_text(times: Iterable[datetime]) -> str:
    """Wall times as the columns ``rdate`` and ``exdate`` keep them: sorted, comma-separated."""
    return ",".join(t.isoformat(" ", "seconds") for t in sorted(set(times)))


def times_of(text: str) -> tuple[datetime, ...]:
    """The wall times of an ``rdate`` or ``exdate`` column; what is no time is left out."""
    found = []
    for part in text.split(","):
        try:
            found.append(datetime.fromisoformat(part.strip()))
        except ValueError:
            continue
    return tuple(found)


def columns_of(entry: Appointment) -> Row:
    """The modelled columns of an appointment."""
    return {
        "patient_id": entry.patient.id if entry.patient else None,
        "location_id": entry.location.id if entry.location else None,
        "location_text": entry.location_text,
        "subject": entry.subject,
        "starts_at": entry.start,
        "ends_at": entry.end,
        "time_zone": entry.time_zone,
        "all_day": entry.all_day,
        "note": entry.note,
        "phone": entry.phone,
        "transparent": entry.transparent,
        "rrule": entry.rrule,
        "rdate": times_text(entry.rdate),
        "exdate": times_text(entry.exdate),
    }


def entry_of(row: Mapping[str, Any], practice_zone: str) -> Appointment:
    """The appointment a row holds; patient and location carry their id and nothing else.

    Its zone is the one that is meant, whatever the row says: for whoever writes it back to keep or not.
    """
    return Appointment(
        id=row["id"],
        start=row["starts_at"],
        end=row["ends_at"],
        time_zone=zones.meant(row["time_zone"], practice_zone),
        all_day=row["all_day"],
        subject=row["subject"],
        patient=Patient(row["patient_id"], "", "", "") if row["patient_id"] else None,
        location=Location(row["location_id"], "") if row["location_id"] else None,
        location_text=row["location_text"],
        status=Status(row["status"]),
        note=row["note"],
        phone=row["phone"],
        transparent=row["transparent"],
        rrule=row["rrule"],
        rdate=times_of(row["rdate"]),
        exdate=times_of(row["exdate"]),
        recurrence_id=row["recurrence_id"],
    )


def is_documented(row: Mapping[str, Any]) -> bool:
    """Whether the row has happened and been written down."""
    return row["status"] in _DOCUMENTED


@dataclass(slots=True)
class Rows:
    """The rows of one appointment or series, locked: master first, overridden instances by id.

    ``time_zone``: the practice's. ``extras``: for the journal, what clients keep beside the rows, as far as a
    change has just written it.
    """

    master: Row
    time_zone: str
    overrides: dict[int, Row] = field(default_factory=dict)
    calendars: dict[int, dict[int, str]] = field(default_factory=dict)
    extras: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def id(self) -> int:
        """Key of the master's row."""
        return int(self.master["id"])

    @property
    def all(self) -> list[Row]:
        """Master and overrides."""
        return [self.master, *self.overrides.values()]

    @property
    def owner_calendar_id(self) -> int | None:
        """The calendar that decides what may be done; None if a foreign program gave it none."""
        return owner_of(self.calendars.get(self.id, {}))

    def entry(self, row: Row) -> Appointment:
        """The appointment that one of these rows holds, or a row made of one."""
        return entry_of(row, self.time_zone)

    def here(self) -> dict[int, Row]:
        """The overrides that live in the master's own calendar (the others are objects of their own).

        One without a calendar of its own is wherever its master is.
        """
        owner = self.owner_calendar_id
        return {
            i: r
            for i, r in self.overrides.items()
            if not self.calendars.get(i) or owner_of(self.calendars[i]) == owner
        }

    @property
    def is_shown(self) -> bool:
        """Whether a calendar shows it: not cancelled, or an instance of it is not."""
        return any(r["status"] != Status.CANCELLED for r in (self.master, *self.here().values()))

    @property
    def is_series(self) -> bool:
        """Whether this is a recurring appointment."""
        return bool(self.master["rrule"] or self.master["rdate"] or self.overrides)

    def with_changes(self, changes: Mapping[int, Row]) -> Rows:
        """The rows with changes by id; nothing is written."""
        return Rows(
            {**self.master, **changes.get(self.id, {})},
            self.time_zone,
            {i: {**r, **changes.get(i, {})} for i, r in self.overrides.items()},
            self.calendars,
        )


def is_private(in_private_calendar: bool, *versions: Rows) -> bool:
    """Whether what is done to an appointment is its person's own affair.

    It is in a private calendar, and in none of its versions a patient's or an entry of the practice's
    program: that one stays the practice's wherever it is, is told of, and is kept as long as all else.
    """
    return in_private_calendar and not any(
        row["patient_id"] is not None or row["external_id"]
        for rows in versions
        for row in (rows.master, *rows.here().values())
    )


def owner_of(calendars: Mapping[int, str]) -> int | None:
    """The owner among an appointment's calendars."""
    return next((c for c, role in sorted(calendars.items()) if role == "owner"), None)


_IN_SERIES = or_(
    appointment.c.id == bindparam("appointment"), appointment.c.series_id == bindparam("appointment")
)

_READ = (
    select(appointment)
    .where(_IN_SERIES, appointment.c.practice_id == bindparam("practice"))
    .order_by(appointment.c.id)
)
_LOCK = _READ.with_for_update(key_share=True)

_CALENDARS = select(appointment_calendar).where(
    appointment_calendar.c.appointment_id.in_(select(appointment.c.id).where(_IN_SERIES))
)

_INSERT_ONE = insert(appointment).returning(appointment.c.id)


def lock(uow: UnitOfWork, practice: Practice, appointment_id: int, *, locking: bool = True) -> Rows | None:
    """Lock and read an appointment with its overrides, by id; None if it is not there.

    FOR NO KEY UPDATE: rows that foreign keys of others point to are never locked against them.
    ``locking=False`` only reads them, as a unit that does not write has to.
    """
    parameters = {"practice": practice.id, "appointment": appointment_id}
    query = _LOCK if locking else _READ
    found = {int(r["id"]): dict(r) for r in uow.connection.execute(query, parameters).mappings()}
    if appointment_id not in found:
        return None
    rows = Rows(found.pop(appointment_id), practice.time_zone, found)
    rows.calendars = calendars_of(uow, appointment_id)
    return rows


def calendars_of(uow: UnitOfWork, appointment_id: int) -> dict[int, dict[int, str]]:
    """The calendars (id: role) of an appointment and of each of its overrides, by row id."""
    found: dict[int, dict[int, str]] = {}
    for row in uow.connection.execute(_CALENDARS, {"appointment": appointment_id}).mappings():
        found.setdefault(int(row["appointment_id"]), {})[int(row["calendar_id"])] = row["role"]
    return found


def insert_rows(uow: UnitOfWork, values: Sequence[Row]) -> list[int]:
    """INSERT appointment rows; their ids in the same order.

    Several are found again by the public ids given here: RETURNING keeps no order, and SQLite has it row by
    row.
    """
    if not values:
        return []
    keyed = [{**v, "public_id": secrets.token_hex(16)} for v in values]
    if len(keyed) == 1:
        return [int(uow.connection.execute(_INSERT_ONE, keyed[0]).scalar_one())]
    uow.connection.execute(insert(appointment), keyed)
    ids: dict[str, int] = {}
    for wanted in parts([v["public_id"] for v in keyed]):
        query = select(appointment.c.public_id, appointment.c.id).where(appointment.c.public_id.in_(wanted))
        ids.update({row.public_id: int(row.id) for row in uow.connection.execute(query)})
    return [ids[v["public_id"]] for v in keyed]


def update_rows(uow: UnitOfWork, rows: Iterable[Row], changes: Mapping[int, Row]) -> None:
    """UPDATE the given columns of locked rows; one statement whatever their number.

    ``rows`` are the rows as locked: a column that another row of the batch changes is written back as it is.
    """
    changes = {i: c for i, c in changes.items() if c}
    if not changes:
        return
    known = {int(r["id"]): r for r in rows}
    columns = sorted({name for change in changes.values() for name in change})
    parameters = [
        {"row_id": i, **{f"new_{n}": changes[i].get(n, known[i][n]) for n in columns}}
        for i in sorted(changes)
    ]
    statement = (
        update(appointment)
        .where(appointment.c.id == bindparam("row_id"))
        .values({n: bindparam(f"new_{n}") for n in columns})
    )
    uow.connection.execute(statement, parameters if len(parameters) > 1 else parameters[0])


def delete_rows(uow: UnitOfWork, ids: Iterable[int]) -> None:
    """DELETE rows with what hangs on them. Only for copies and for instances that follow their rule again,
    and never for a row with an ``external_id``: it is a practice program's own."""
    wanted = sorted(set(ids))
    if not wanted:
        return
    for table in (event_extra, personal_extra, appointment_calendar):
        uow.connection.execute(delete(table).where(table.c.appointment_id.in_(wanted)))
    uow.connection.execute(delete(appointment).where(appointment.c.series_id.in_(wanted)))
    uow.connection.execute(delete(appointment).where(appointment.c.id.in_(wanted)))


def put_into_calendars(uow: UnitOfWork, ids: Iterable[int], calendars: Mapping[int, str]) -> None:
    """Enter rows into calendars (id: role)."""
    values = [
        {"appointment_id": i, "calendar_id": c, "role": role} for i in ids for c, role in calendars.items()
    ]
    if values:
        uow.connection.execute(insert(appointment_calendar), values)


def move_between_calendars(uow: UnitOfWork, ids: Iterable[int], source: int, target: int, role: str) -> None:
    """Let rows that are in calendar ``source`` be in ``target`` instead, with ``role`` there."""
    wanted = sorted(set(ids))
    link = appointment_calendar
    uow.connection.execute(
        delete(link).where(link.c.appointment_id.in_(wanted), link.c.calendar_id == target)
    )
    uow.connection.execute(
        update(link)
        .where(link.c.appointment_id.in_(wanted), link.c.calendar_id == source)
        .values(calendar_id=target, role=role)
    )


def leave_calendars(uow: UnitOfWork, ids: Iterable[int], calendar_ids: Iterable[int]) -> None:
    """Take rows out of calendars."""
    link = appointment_calendar
    uow.connection.execute(
        delete(link).where(
            link.c.appointment_id.in_(sorted(set(ids))), link.c.calendar_id.in_(sorted(set(calendar_ids)))
        )
    )


def write_extras(uow: UnitOfWork, contents: Mapping[tuple[int, str], str], *, fresh: bool = False) -> None:
    """Keep what the practice's tables do not model, by row id and component; empty text removes it.

    ``fresh``: the rows are new in this transaction, nothing is kept with them yet.
    """
    table = event_extra
    emptied = [] if fresh else [key for key, text in contents.items() if not text]
    for component in sorted({c for _, c in emptied}):
        ids = sorted(i for i, c in emptied if c == component)
        uow.connection.execute(
            delete(table).where(table.c.appointment_id.in_(ids), table.c.component == component)
        )
    _put(
        uow,
        table,
        [
            {"appointment_id": row_id, "component": component, "content": text}
            for (row_id, component), text in contents.items()
            if text
        ],
    )


def write_personal(
    uow: UnitOfWork, staff_id: int, contents: Mapping[int, str], *, fresh: bool = False
) -> None:
    """Keep one person's own part (alarms, travel time), by row id; ``fresh`` as in ``write_extras``."""
    table = personal_extra
    emptied = [] if fresh else sorted(i for i, text in contents.items() if not text)
    if emptied:
        uow.connection.execute(
            delete(table).where(table.c.appointment_id.in_(emptied), table.c.staff_id == staff_id)
        )
    _put(
        uow,
        table,
        [
            {"appointment_id": row_id, "staff_id": staff_id, "content": text}
            for row_id, text in contents.items()
            if text
        ],
    )


def _put(uow: UnitOfWork, table: Table, rows: list[Row]) -> None:
    """Insert rows of a table with a ``content``, or give those that are there the new content."""
    if not rows:
        return
    made = uow.insert(table)
    statement = made.on_conflict_do_update(
        index_elements=list(table.primary_key), set_={"content": made.excluded.content}
    )
    uow.connection.execute(statement, rows)


def copy_extras(uow: UnitOfWork, source: int, target: int) -> None:
    """Let an instance that gets a row of its own have what devices keep with its series, alarms included."""
    shared, own = event_extra, personal_extra
    uow.connection.execute(
        insert(shared).from_select(
            ["appointment_id", "component", "content"],
            select(literal(target), shared.c.component, shared.c.content).where(
                shared.c.appointment_id == source, shared.c.component == "VEVENT"
            ),
        )
    )
    uow.connection.execute(
        insert(own).from_select(
            ["appointment_id", "staff_id", "content"],
            select(literal(target), own.c.staff_id, own.c.content).where(own.c.appointment_id == source),
        )
    )


def copy_personal(uow: UnitOfWork, targets: Mapping[int, int], but_of: int | None) -> None:
    """Let rows have what people keep for themselves with others (source id: target id); ``but_of``: one
    person's own parts are written already. One statement."""
    own = personal_extra
    others = select(bindparam("to_id"), own.c.staff_id, own.c.content).where(
        own.c.appointment_id == bindparam("from_id"), own.c.staff_id != (but_of or 0)
    )
    statement = insert(own).from_select(["appointment_id", "staff_id", "content"], others)
    if targets:
        uow.connection.execute(statement, [{"from_id": a, "to_id": b} for a, b in sorted(targets.items())])


def live_objects(uow: UnitOfWork, appointment_id: int) -> dict[int, list[int]]:
    """The live calendar objects that show an appointment: calendar id to object ids."""
    table = calendar_object
    query = select(table.c.calendar_id, table.c.id).where(
        table.c.appointment_id == appointment_id, table.c.removed_revision.is_(None)
    )
    found: dict[int, list[int]] = {}
    for calendar_id, object_id in uow.connection.execute(query):
        found.setdefault(int(calendar_id), []).append(int(object_id))
    return found


def touch_live_objects(uow: UnitOfWork, appointment_ids: Iterable[int]) -> None:
    """New revisions for all live objects that show these appointments: what changed is seen by no trigger."""
    table = calendar_object
    objects: dict[int, list[int]] = {}
    for wanted in parts(sorted(set(appointment_ids))):
        query = select(table.c.calendar_id, table.c.id).where(
            table.c.appointment_id.in_(wanted), table.c.removed_revision.is_(None)
        )
        for calendar_id, object_id in uow.connection.execute(query):
            objects.setdefault(int(calendar_id), []).append(int(object_id))
    for calendar_id, object_ids in sorted(objects.items()):
        revisions.touch(uow, calendar_id, object_ids)


def cancelled(actor: Actor, now: datetime) -> Row:
    """The columns that say who cancelled, when (UTC) and from which device."""
    return {
        "status": str(Status.CANCELLED),
        "cancelled_at": now,
        "cancelled_by": actor.staff_id,
        "cancelled_device": actor.device_id,
    }


def booked(status: str = str(Status.BOOKED)) -> Row:
    """The columns of an appointment that is no longer cancelled."""
    return {"status": status, "cancelled_at": None, "cancelled_by": None, "cancelled_device": None}
