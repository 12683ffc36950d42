"""caldav-server-tester, adapted to a server that refuses tasks and journals altogether.

The program gives up when it cannot make a calendar for tasks (a 403 with supported-calendar-component,
RFC 4791 5.3.1.2), and measures some features on tasks alone although they are just as much features of
events. Here it notes that there are no tasks and goes on, and where there are none it asks the same
questions of events: open time ranges, and calendars restricted to one kind of component. On a server that
has tasks nothing is changed. These are inner parts of the program: its version is pinned to 1.7.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from caldav import Event
from caldav.lib.error import AuthorizationError, DAVError
from caldav_server_tester.caldav_server_tester import check_server_compatibility
from caldav_server_tester.checks import CheckOpenTimeRangeSearch, CheckSupportedComponentSet, PrepareCalendar

_prepare = PrepareCalendar._prepare_task_calendar
_grade_refused = CheckSupportedComponentSet._grade_refused_creation
_open_ranges = CheckOpenTimeRangeSearch._run_check


def _prepare_if_there_can_be_tasks(self: Any, *arguments: Any) -> bool:
    try:
        return bool(_prepare(self, *arguments))
    except AuthorizationError:
        self.set_feature("save-load.todo", False)
        return False


class _EventsAsTasks:
    """A calendar whose events are found where the program looks for tasks."""

    def __init__(self, calendar: Any, base_year: int):
        self._calendar = calendar
        start = datetime(base_year, 1, 9, 12, tzinfo=UTC)
        later = datetime(base_year, 1, 18, 12, tzinfo=UTC)
        self._events = [
            self._save("csc_simple_task3", start, dtend=start + timedelta(hours=1)),
            self._save("csc_task_with_duration", later, duration=timedelta(hours=2)),
        ]

    def _save(self, uid: str, start: datetime, **end: Any) -> Any:
        return self._calendar.save_object(Event, uid=uid, summary="instead of a task", dtstart=start, **end)

    def search(self, *, todo: bool, include_completed: bool, **bounds: Any) -> Any:
        """What the program asks of its task list, asked of events."""
        return self._calendar.search(event=True, **bounds)

    def clear(self) -> None:
        """Delete the events that stood for tasks."""
        for event in self._events:
            event.delete()


def _open_ranges_of_events(self: Any) -> None:
    if self.feature_checked("save-load.todo"):
        _open_ranges(self)
        return
    checked = self.feature_checked
    task_list = self.checker.tasklist
    events = _EventsAsTasks(self.checker.calendar, self.checker.fixture_base_year)
    self.checker.tasklist = events
    self.feature_checked = lambda name, *more: checked(name.replace(".todo", ".event"), *more)
    try:
        _open_ranges(self)
    finally:
        self.checker.tasklist = task_list
        del self.feature_checked
        events.clear()


def _grade_calendar_of_events(self: Any, error: Any) -> Any:
    """A calendar for tasks was refused: whether one for events is made, and keeps tasks out."""
    refused = _grade_refused(self, error)
    if refused["support"] != "ungraceful":
        return refused
    self._delete_probe_calendar()
    calendar, _attempts, error = self.make_calendar_with_retries(
        self.CAL_ID, supported_calendar_component_set=["VEVENT"]
    )
    if calendar is None:
        return refused
    self.RESTRICTION, self.WRONG_TYPE = ["VEVENT"], "VTODO"
    return self._grade(self._advertised(calendar), _takes_no_task(calendar))


def _takes_no_task(calendar: Any) -> bool:
    try:
        calendar.save_todo(uid=f"csc_compset_{uuid.uuid4()}", summary="component set probe")
    except (AuthorizationError, DAVError):
        return True
    return False


PrepareCalendar._prepare_task_calendar = _prepare_if_there_can_be_tasks
CheckOpenTimeRangeSearch._run_check = _open_ranges_of_events
CheckSupportedComponentSet._grade_refused_creation = _grade_calendar_of_events

if __name__ == "__main__":
    check_server_compatibility()
