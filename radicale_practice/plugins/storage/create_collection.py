"""MKCALENDAR and extended MKCOL: a private calendar of the person.

Calendars hold events only: one asked for tasks (Apple's Reminders does) is refused, nothing is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from radicale_practice.plugins import request, writing
from radicale_practice.plugins.storage.collection import Calendar
from radicale_practice.plugins.storage.upload import FORBIDDEN
from radicale_practice.plugins.targets import parts_of
from radicale_practice.practice.database import Database
from radicale_practice.practice.errors import NotPermitted


def create_collection(
    database: Database, path: str, items: Iterable[Any] | None, props: Mapping[str, str] | None
) -> tuple[Calendar, dict[str, Any], list[str]]:
    """Radicale's contract: the new collection, replaced items, new names.

    Raises ``ValueError``: a whole calendar is not uploaded, tasks and address books have no place here.
    """
    parts = parts_of(path)
    props = props or {}
    components = props.get("C:supported-calendar-component-set", "VEVENT")
    if (
        items is not None
        or len(parts) != 2
        or props.get("tag") != "VCALENDAR"
        or "VEVENT" not in components.split(",")
    ):
        raise ValueError(f"{FORBIDDEN}only an empty calendar for events can be made here")
    current = request.current()
    home = current.require_home(database)
    unit = current.require_unit()
    if parts[1] in home.calendars:
        raise ValueError(f"{FORBIDDEN}a calendar is not overwritten as a whole")
    try:
        info = writing.make_calendar(unit, home, parts[1], props)
    except NotPermitted as error:
        raise ValueError(f"{FORBIDDEN}{type(error).__name__}") from error
    return Calendar(home, info, unit), {}, []
