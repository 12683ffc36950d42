"""Radicale's storage over the practice's database, one module for each operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from radicale import config, storage

from radicale_practice.plugins import logs
from radicale_practice.plugins.databases import database_of
from radicale_practice.plugins.storage import create_collection, discover, lock, move, verify
from radicale_practice.plugins.storage.collection import Calendar
from radicale_practice.plugins.storage.item import EventItem

__all__ = ["Storage"]


class Storage(storage.BaseStorage):
    """Radicale's ``[storage] type = radicale_practice.plugins.storage``."""

    _is_collision_free = True
    _supports_unicode = True
    _supports_trailing_whitespace = True
    _supports_problematic_chars = True

    def __init__(self, configuration: config.Configuration) -> None:
        super().__init__(configuration)
        logs.install()
        self.database = database_of(configuration)

    @contextmanager
    def acquire_lock(self, mode: str, user: str = "", *args: Any, **kwargs: Any) -> Iterator[None]:
        """One unit of work; Radicale gives a writer's ``path`` and ``to_path``."""
        paths = [kwargs[name] for name in ("path", "to_path") if kwargs.get(name)]
        with lock.unit_of_work(self.database, "w" if mode == "w" else "r", paths):
            yield

    def discover(
        self,
        path: str,
        depth: str = "0",
        child_context_manager: Callable[[str, str | None], AbstractContextManager[None]] | None = None,
        user_groups: set[str] | None = None,
    ) -> Iterator[Any]:
        """The thing at ``path`` and, unless ``depth`` is "0", its direct children. Lazy."""
        return discover.discover(self.database, path, depth)

    def move(self, item: Any, to_collection: Any, to_href: str) -> None:
        """Move an event; Radicale has checked that the target is free or may be overwritten."""
        assert isinstance(item, EventItem) and isinstance(to_collection, Calendar)
        move.move(item, to_collection, to_href)

    def create_collection(
        self, href: str, items: Iterable[Any] | None = None, props: Mapping[str, str] | None = None
    ) -> Any:
        """MKCALENDAR: a private calendar of the person. Whole calendars are not uploaded."""
        return create_collection.create_collection(self.database, href, items, props)

    def verify(self) -> bool:
        """``radicale --verify-storage``: every invariant of the database and the triggers."""
        return verify.verify()
