"""What a path means to the signed-in person."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from radicale import pathutils

from radicale_practice.plugins.home import Home
from radicale_practice.practice.calendars import CalendarInfo


@dataclass(frozen=True, slots=True)
class Target:
    """A place in the viewer's own home. ``segment`` names the calendar, ``href`` the event in it.

    ``info`` is None where no such calendar is visible. ``depth``: path components below the root.
    """

    path: str
    depth: int
    own: bool
    segment: str = ""
    href: str = ""
    info: CalendarInfo | None = None


def parts_of(path: str) -> list[str]:
    """The components of a sanitized path."""
    return [part for part in pathutils.strip_path(path).split("/") if part]


def address(text: str) -> SplitResult | None:
    """The parts of an address or absolute path that a client sent; None if it is neither (``http://[x``)."""
    try:
        return urlsplit(text)
    except ValueError:
        return None


def resolve(home: Home, path: str) -> Target:
    """What the sanitized ``path`` is; never the content of another person's home."""
    parts = parts_of(path)
    own = bool(parts) and parts[0] == home.user
    if not own or len(parts) > 3:
        return Target(path, len(parts), own and len(parts) <= 3)
    return Target(
        path=path,
        depth=len(parts),
        own=True,
        segment=parts[1] if len(parts) > 1 else "",
        href=parts[2] if len(parts) > 2 else "",
        info=home.calendars.get(parts[1]) if len(parts) > 1 else None,
    )
