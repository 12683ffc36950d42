"""PROPPATCH under stock Radicale: full merged properties in, this person's differences kept."""

from __future__ import annotations

from collections.abc import Mapping

from radicale_practice.plugins import reading, writing
from radicale_practice.plugins.properties import changed_values
from radicale_practice.plugins.storage.kinds import CalendarView


def set_meta(calendar: CalendarView, props: Mapping[str, str]) -> None:
    """Keep what differs from what is served. A PROPPATCH of ``resourcetype`` (stock Radicale empties the
    calendar's properties with it) changes nothing here. Raises ``InvalidValue``."""
    head = reading.heads(calendar.unit, calendar.home, [calendar.info])[calendar.info.id]
    served = {**reading.defaults(calendar.home, calendar.info), **head.overrides}
    values = changed_values(props, served, head.overrides)
    if values:
        writing.set_properties(calendar.unit, calendar.home, calendar.info, values)
