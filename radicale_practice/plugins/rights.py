"""Who may do what with which path, in Radicale's letters; no statement a call.

Everything a person may see lies in that person's own home. Other homes give nothing, whether they exist
or not.
"""

from __future__ import annotations

from radicale import config, rights

from radicale_practice.plugins import request
from radicale_practice.plugins.databases import database_of
from radicale_practice.plugins.home import Home
from radicale_practice.plugins.targets import parts_of
from radicale_practice.practice.calendars import CalendarInfo
from radicale_practice.practice.model import Access, CalendarKind


class Rights(rights.BaseRights):
    """Radicale's ``[rights] type = radicale_practice.plugins.rights``."""

    def __init__(self, configuration: config.Configuration) -> None:
        super().__init__(configuration)
        self._database = database_of(configuration)

    def authorization(self, user: str, user_groups: set[str], path: str) -> str:
        """Radicale's permission letters of ``user`` for the sanitized ``path``."""
        if not user:
            return ""
        parts = parts_of(path)
        if not parts:
            return "R"
        if parts[0] != user or len(parts) > 2:
            return ""
        home = request.current().require_home(self._database)
        if home.user != user:
            return ""
        if len(parts) == 1:
            return "RW" if home.may_create else "R"
        info = home.calendars.get(parts[1])
        if info is None:
            return "rw" if home.may_create else "r"
        return letters(home, info)


def letters(home: Home, calendar: CalendarInfo) -> str:
    """Letters for one calendar: only the person's own private one may be deleted as a whole (``D``)."""
    if home.access(calendar) is not Access.WRITE:
        return "r"
    return "rwD" if is_own_private(home, calendar) else "rw"


def is_own_private(home: Home, calendar: CalendarInfo) -> bool:
    """Whether this is a private calendar of the viewer."""
    return calendar.kind == CalendarKind.PRIVATE and calendar.staff_id == home.viewer.staff_id
