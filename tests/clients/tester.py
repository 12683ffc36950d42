"""caldav-server-tester, and one addition: a server that refuses task lists altogether.

The program gives up when it cannot make a calendar for tasks (a 403 with supported-calendar-component,
RFC 4791 5.3.1.2). Here it notes that there are no tasks, and goes on with everything else.
"""

from __future__ import annotations

from typing import Any

from caldav.lib.error import AuthorizationError
from caldav_server_tester.caldav_server_tester import check_server_compatibility
from caldav_server_tester.checks import PrepareCalendar

_prepare = PrepareCalendar._prepare_task_calendar


def _prepare_if_there_can_be_tasks(self: Any, *arguments: Any) -> bool:
    try:
        return bool(_prepare(self, *arguments))
    except AuthorizationError:
        self.set_feature("save-load.todo", False)
        return False


PrepareCalendar._prepare_task_calendar = _prepare_if_there_can_be_tasks

if __name__ == "__main__":
    check_server_compatibility()
