"""What the journal keeps of an appointment beside its columns, so that undoing gives back the same.

- ``extras``: what clients keep with it (``event_extra`` by component, one person's alarms as ``staff:ID``),
  as far as a change touched it; empty text: nothing.
- ``gone``: of a row that a change deleted, where it came from and which calendars it was in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from radicale_practice.practice.appointment_rows import Row, write_extras, write_personal
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.parts import parts
from radicale_practice.practice.schema.appointment_columns import ORIGIN
from radicale_practice.practice.schema.columns import WALL_TIME_FORMAT
from radicale_practice.practice.schema.sync_tables import event_extra, personal_extra

_PERSON = "staff:"

Key = tuple[int, str]
"""A row, and ``VEVENT``, ``VCALENDAR`` or whose alarms."""

Extras = dict[str, dict[str, str]]
"""By row id as text, as JSON has it."""


def person(staff_id: int) -> str:
    """The key of one person's own part."""
    return f"{_PERSON}{staff_id}"


def is_personal(key: Key) -> bool:
    """Whether that is one person's own part."""
    return key[1].startswith(_PERSON)


def kept(uow: UnitOfWork, row_ids: Iterable[int]) -> dict[Key, str]:
    """All that clients keep with these rows now; two statements for each part of them."""
    wanted = sorted(set(row_ids))
    found: dict[Key, str] = {}
    shared, own = event_extra.c, personal_extra.c
    for ids in parts(wanted):
        query = select(shared.appointment_id, shared.component, shared.content)
        for row_id, component, content in uow.connection.execute(query.where(shared.appointment_id.in_(ids))):
            found[int(row_id), str(component)] = content
        query = select(own.appointment_id, own.staff_id, own.content)
        for row_id, staff_id, content in uow.connection.execute(query.where(own.appointment_id.in_(ids))):
            found[int(row_id), person(staff_id)] = content
    return found


def write(uow: UnitOfWork, contents: Mapping[Key, str]) -> None:
    """Keep these with their rows again; empty text takes away what is there."""
    write_extras(uow, {key: text for key, text in contents.items() if not is_personal(key)})
    people = {key[1] for key in contents if is_personal(key)}
    for whose in sorted(people):
        texts = {row_id: text for (row_id, name), text in contents.items() if name == whose}
        write_personal(uow, int(whose.removeprefix(_PERSON)), texts)


def as_json(contents: Mapping[Key, str]) -> Extras:
    """For ``before`` and ``after``."""
    found: Extras = {}
    for (row_id, name), text in sorted(contents.items()):
        found.setdefault(str(row_id), {})[name] = text
    return found


def of_json(state: Mapping[str, Any]) -> dict[Key, str]:
    """The extras that a ``before`` or ``after`` holds."""
    found = state.get("extras", {})
    return {(int(i), name): text for i, texts in found.items() for name, text in texts.items()}


def gone(rows: Collection[Row], calendars: Mapping[int, Mapping[int, str]]) -> dict[str, Any]:
    """What ``before`` holds of rows about to be deleted."""
    return {str(row["id"]): {"origin": _origin(row), "calendars": _calendars(row, calendars)} for row in rows}


def origin(known: Mapping[str, Any]) -> Row:
    """The columns of a row's origin, as kept in ``gone``; nothing of them if the journal kept none."""
    kept = dict(known.get("origin", {}))
    if kept.get("created_at"):
        kept["created_at"] = datetime.strptime(kept["created_at"], WALL_TIME_FORMAT)
    return kept


def _origin(row: Row) -> dict[str, Any]:
    found = {name: row.get(name) for name in ORIGIN}
    if isinstance(found["created_at"], datetime):
        found["created_at"] = found["created_at"].strftime(WALL_TIME_FORMAT)
    return {name: value for name, value in found.items() if value is not None}


def _calendars(row: Row, calendars: Mapping[int, Mapping[int, str]]) -> dict[str, str]:
    return {str(c): role for c, role in sorted(calendars.get(row["id"], {}).items())}
