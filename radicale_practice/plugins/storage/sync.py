"""sync-collection (RFC 6578) under stock Radicale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from radicale_practice.plugins import changes, naming
from radicale_practice.plugins.changes import Known
from radicale_practice.plugins.storage.kinds import CalendarView


def sync(calendar: CalendarView, old_token: str) -> tuple[str, Iterable[str]]:
    """The token now, and lazily the names that changed since ``old_token`` (all live ones without).

    PROPFIND of ``sync-token`` calls this for the token alone, after the lock: names cost nothing until
    somebody iterates. Raises ``ValueError`` for a token that is refused (DAV:valid-sync-token).
    """
    head = calendar.load_head()
    known = changes.judge(head, calendar.home, old_token)
    if known is None or known.verdict.cursor is not None:
        # A list that was cut belongs to our Application: its end is not what the calendar is now.
        raise ValueError("sync token refused")
    return head.token, _Names(calendar, known)


class _Names:
    """Names, queried when iterated."""

    def __init__(self, calendar: CalendarView, known: Known) -> None:
        self._calendar = calendar
        self._known = known

    def __iter__(self) -> Iterator[str]:
        calendar = self._calendar
        page = changes.page(calendar.unit, calendar.home, calendar.info, calendar.load_head(), self._known)
        listed = (*page.removed, *page.live)
        return (naming.href(calendar.home, calendar.info, state) for state in listed)
