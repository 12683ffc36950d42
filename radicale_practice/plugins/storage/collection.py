"""Radicale's view of root, principal and calendar.

PROPFIND reads properties after the lock has exited: a collection that ``discover`` yields to it holds its
head already, and any later access to the database raises.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from radicale import storage

from radicale_practice.event.calendar_text import calendar_of
from radicale_practice.plugins import naming, reading, request
from radicale_practice.plugins.home import Home
from radicale_practice.plugins.properties import RICH
from radicale_practice.plugins.reading import Head, Position
from radicale_practice.plugins.storage import filters, meta, sync, upload
from radicale_practice.plugins.storage.item import EventItem, http_date
from radicale_practice.practice.calendars import CalendarInfo
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Viewer
from radicale_practice.practice.people import staff
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.sync.revisions import ObjectState

_MANY = 500
"""From here on one query for the whole calendar is cheaper than one with a list of names."""


class _Folder(storage.BaseCollection):
    """A collection without events."""

    def __init__(self, path: str, meta: Mapping[str, str]) -> None:
        self._path = path
        self._meta = meta

    @property
    def path(self) -> str:
        return self._path

    @property
    def etag(self) -> str:
        """Nothing here changes."""
        return f'"{len(self._path):x}"'

    def get_all(self) -> Iterator[Any]:
        return iter(())

    def get_multi(self, hrefs: Iterable[str]) -> Iterator[tuple[str, None]]:
        return ((href, None) for href in hrefs)

    def get_meta(self, key: str | None = None) -> Any:
        return self._meta if key is None else self._meta.get(key)

    def set_meta(self, props: Mapping[str, str]) -> None:
        """Nothing is kept: what Apple sets on a home (default alarms) is the client's own affair."""

    def upload(self, href: str, item: Any) -> Any:
        raise ValueError("[Errno 13] events live in calendars")

    def delete(self, href: str | None = None) -> None:
        raise PermissionError("a home is not deleted")

    @property
    def last_modified(self) -> str:
        return http_date(0)


class Root(_Folder):
    """``/``."""

    def __init__(self) -> None:
        super().__init__("", {})


class Principal(_Folder):
    """``/<user>/``: principal and calendar home in one, as Radicale has it."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__(staff.path_name(viewer.user_name), {"D:displayname": viewer.display_name})


class Calendar(storage.BaseCollection):
    """``/<user>/<calendar>/`` as one viewer sees it."""

    def __init__(self, home: Home, info: CalendarInfo, unit: UnitOfWork, head: Head | None = None) -> None:
        self.home = home
        self.info = info
        self.unit = unit
        self._head = head
        self._position: Position | None = head
        self._path = f"{home.user}/{info.path_name}"

    def load_head(self) -> Head:
        """State, token and the person's own properties. Raises if the lock has exited meanwhile."""
        if self._head is None:
            self._head = reading.heads(self.unit, self.home, [self.info])[self.info.id]
            self._position = self._head
        return self._head

    def _load_position(self) -> Position:
        """State and token alone, which is all that an ETag needs."""
        if self._position is None:
            self._position = reading.position(self.unit, self.home, self.info)
        return self._position

    @property
    def path(self) -> str:
        return self._path

    @property
    def tag(self) -> str:
        return "VCALENDAR"

    @property
    def etag(self) -> str:
        """The ctag."""
        return reading.ctag(self.load_head())

    @property
    def last_modified(self) -> str:
        return http_date(self.load_head().state.revision)

    def etag_of(self, known: StoredObject | ObjectState) -> str:
        """The ETag of one event of this calendar."""
        state = self._load_position().state
        return reading.etag(self.home, state, known.revision, known.personal_revision)

    def item(self, known: StoredObject | ObjectState) -> EventItem:
        """An item; without content if only its identity was loaded."""
        home, info = self.home, self.info
        render = partial(reading.text, home, info, known) if isinstance(known, StoredObject) else None
        href, uid = naming.href(home, info, known), naming.uid(home, info, known)
        return EventItem(self, href, uid, self.etag_of(known), known.revision, render)

    def stored(self, href: str) -> StoredObject | None:
        """One event with its content."""
        return next(iter(reading.contents(self.unit, self.home, self.info, [href])), None)

    def find(self, href: str) -> EventItem | None:
        """One event by name, or None."""
        stored = self.stored(href)
        return None if stored is None else self.item(stored)

    def items(self, hrefs: list[str] | None = None) -> Iterator[EventItem]:
        """Events of these names, or all; with content only if the request can need it."""
        self.load_head()
        if hrefs is not None and len(hrefs) > _MANY:
            asked = set(hrefs)
            return (item for item in self.items() if item.href in asked)
        wanted = filters.needs_content(request.current().data, request.current().method)
        read = reading.contents if wanted else reading.identities
        return map(self.item, read(self.unit, self.home, self.info, hrefs))

    def get_all(self) -> Iterator[EventItem]:
        return self.items()

    def get_multi(self, hrefs: Iterable[str]) -> Iterator[tuple[str, EventItem | None]]:
        names = list(dict.fromkeys(hrefs))
        found = {item.href: item for item in self.items(names)} if names else {}
        return ((name, found.get(name)) for name in names)

    def get_filtered(self, filters_: Iterable[ET.Element]) -> Iterator[tuple[EventItem, bool]]:
        return filters.filtered(self, list(filters_))

    def has_uid(self, uid: str) -> bool:
        return upload.has_uid(self, uid)

    def upload(self, href: str, item: Any) -> tuple[EventItem, EventItem | None]:
        return upload.upload(self, href)

    def delete(self, href: str | None = None) -> None:
        upload.delete(self, href)

    def sync(self, old_token: str = "") -> tuple[str, Iterable[str]]:
        return sync.sync(self, old_token)

    def get_meta(self, key: str | None = None) -> Any:
        own = {k: v for k, v in self.load_head().overrides.items() if not k.endswith(RICH)}
        values = {**reading.defaults(self.home, self.info), **own}
        return values if key is None else values.get(key)

    def set_meta(self, props: Mapping[str, str]) -> None:
        """Radicale gives all merged properties: what differs is kept, for this person alone."""
        meta.set_meta(self, props)

    def serialize(self, vcf_to_ics: bool = False, ShareActions: Any = None) -> str:  # noqa: N803
        """The whole calendar as one VCALENDAR (GET on the collection).

        PROPFIND calls it for the collection's ``getcontentlength``, after the lock: nobody needs that size,
        and it would cost a listing of every calendar.
        """
        if request.current().method == "PROPFIND":
            return ""
        stored = reading.contents(self.unit, self.home, self.info)
        return calendar_of((reading.text(self.home, self.info, one) for one in stored), self.info.name)
