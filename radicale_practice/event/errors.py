"""Why an upload is refused: the reason, the line's number and the CalDAV precondition, never the content.

Preconditions: RFC 4791 5.3.2.1 and 5.3.4.
"""

from __future__ import annotations

from radicale_practice.practice.errors import InvalidValue


class InvalidCalendarData(InvalidValue):
    """The body is no iCalendar text at all (``CALDAV:valid-calendar-data``)."""

    precondition = "valid-calendar-data"

    def __init__(self, reason: str, line: int | None = None) -> None:
        self.reason = reason
        self.line = line
        super().__init__(reason if line is None else f"line {line}: {reason}")


class InvalidCalendarObject(InvalidCalendarData):
    """iCalendar, but not one calendar object we can keep (``CALDAV:valid-calendar-object-resource``)."""

    precondition = "valid-calendar-object-resource"


class UnsupportedComponent(InvalidCalendarData):
    """No VEVENT, or another component beside it (``CALDAV:supported-calendar-component``)."""

    precondition = "supported-calendar-component"


class TooManyInstances(InvalidCalendarData):
    """More events or exceptions in one object than we take (``CALDAV:max-instances``)."""

    precondition = "max-instances"


class TooLarge(InvalidCalendarData):
    """The body is larger than we take (``CALDAV:max-resource-size``)."""

    precondition = "max-resource-size"
