"""From a path to collections and items.

Radicale asks for the signed-in person's principal before every request and takes only the first result:
this is a lazy generator, and principals and the root cost no statement.
"""

from __future__ import annotations

from collections.abc import Iterator

from radicale.types import CollectionOrItem

from radicale_practice.plugins import reading, request
from radicale_practice.plugins.home import Home
from radicale_practice.plugins.storage.collection import Calendar, Principal, Root
from radicale_practice.plugins.targets import parts_of
from radicale_practice.practice.database import Database
from radicale_practice.practice.people import staff


def discover(database: Database, path: str, depth: str) -> Iterator[CollectionOrItem]:
    """Yield what is at the sanitized ``path``, then (``depth`` not "0") its children. Nothing if not there.

    Only the viewer's own home exists for a viewer.
    """
    current = request.current()
    parts = parts_of(path)
    if not parts:
        yield Root()
        if depth != "0" and current.viewer is not None:
            yield Principal(current.viewer)
        return
    viewer = current.require_viewer()
    if parts[0] != staff.path_name(viewer.user_name) or len(parts) > 3:
        return
    if len(parts) == 1:
        yield Principal(viewer)
        if depth != "0":
            yield from _calendars(current.require_home(database))
        return
    home = current.require_home(database)
    info = home.calendars.get(parts[1])
    if info is None:
        return
    calendar = Calendar(home, info, current.require_unit())
    if len(parts) == 3:
        item = calendar.find(parts[2])
        if item is not None:
            yield item
        return
    if current.method == "PROPFIND":
        calendar.load_head()
    yield calendar
    if depth != "0":
        yield from calendar.get_all()


def _calendars(home: Home) -> Iterator[Calendar]:
    """All calendars of the home with their heads, in a constant number of statements."""
    unit = request.current().require_unit()
    heads = reading.heads(unit, home, list(home.calendars.values()))
    for info in home.calendars.values():
        yield Calendar(home, info, unit, heads[info.id])
