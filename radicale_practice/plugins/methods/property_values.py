"""The properties of root, principal, calendar and event, as XML by tag; made only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from radicale import xmlutils

from radicale_practice.plugins import reading, xml
from radicale_practice.plugins.home import Home
from radicale_practice.plugins.properties import PROTECTED, RICH
from radicale_practice.plugins.rights import is_own_private
from radicale_practice.practice.calendars import CalendarInfo
from radicale_practice.practice.model import Access

Table = dict[str, Callable[[], str | None]]
"""By tag in Clark notation: a function that gives the inner XML; None where there is no value."""

WHOLE = "\x00"
"""Marks a value that is the whole element, attributes and all."""

ALLPROP = (
    "D:resourcetype",
    "D:displayname",
    "D:getetag",
    "D:getcontenttype",
    "D:getlastmodified",
)
"""What RFC 4918 9.1 makes of ``allprop``: nothing from RFC 3744, 4791 or 6578 belongs to it."""
ALLPROP_TAGS = frozenset(map(xml.clark, ALLPROP))

DECIDED_HERE = frozenset(xml.clark(name) for name in PROTECTED if ":" in name)
"""What no client can set."""

NEEDS_EMAIL = frozenset(map(xml.clark, ("C:calendar-user-address-set", "CS:email-address-set")))

_EVERYWHERE = ("D:expand-property", "D:principal-search-property-set", "D:principal-property-search")
_CALENDAR_REPORTS = (
    "C:calendar-multiget",
    "C:calendar-query",
    "C:free-busy-query",
    "D:sync-collection",
)
_WRITE = ("write", "write-content", "write-properties", "bind", "unbind")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reply is made for."""

    base_prefix: str
    home: Home
    max_resource_size: int

    def href(self, path: str) -> str:
        """A ``D:href`` of a path below our root."""
        return xml.href(self.base_prefix + path)

    @property
    def principal(self) -> str:
        """The viewer's principal."""
        return self.href(f"/{self.home.user}/")


def _table(entries: dict[str, Callable[[], str | None]]) -> Table:
    return {xml.clark(name): make for name, make in entries.items()}


def _always(value: str | None) -> Callable[[], str | None]:
    return lambda: value


def _privileges(*names: str) -> str:
    return "".join(
        f"<D:privilege><{n if ':' in n else 'D:' + n}/></D:privilege>"
        for n in ("read", "read-current-user-privilege-set", *names)
    )


def _reports(*names: str) -> str:
    return "".join(
        f"<D:supported-report><D:report><{name}/></D:report></D:supported-report>" for name in names
    )


def _shared(place: Place) -> dict[str, Callable[[], str | None]]:
    return {
        "D:current-user-principal": lambda: place.principal,
        "D:principal-collection-set": lambda: place.href("/"),
        "D:supported-report-set": lambda: _reports(*_EVERYWHERE),
    }


def root(place: Place) -> Table:
    """``/``."""
    return _table(
        {
            **_shared(place),
            "D:resourcetype": _always("<D:collection/>"),
            "D:current-user-privilege-set": lambda: _privileges(),
        }
    )


def principal(place: Place, email: str) -> Table:
    """``/<user>/``: principal and home. Addresses only if valid: Outlook stores what it finds."""
    home = place.home
    bind = ("bind", "unbind") if home.may_create else ()

    def addresses() -> str:
        mail = f"<D:href>mailto:{xml.text(email)}</D:href>" if "@" in email else ""
        return mail + place.principal

    return _table(
        {
            **_shared(place),
            "D:resourcetype": _always("<D:collection/><D:principal/>"),
            "D:displayname": lambda: xml.text(home.viewer.display_name),
            "D:owner": lambda: place.principal,
            "D:principal-URL": lambda: place.principal,
            "D:current-user-privilege-set": lambda: _privileges("write-properties", *bind),
            "C:calendar-home-set": lambda: place.principal,
            "C:calendar-user-address-set": addresses,
            "CS:email-address-set": lambda: (
                f"<CS:email-address>{xml.text(email)}</CS:email-address>" if "@" in email else None
            ),
        }
    )


def privileges_of(home: Home, info: CalendarInfo) -> str:
    """Spelled out, not ``DAV:all``: Outlook does not understand that.

    Properties are everybody's own and PROPPATCH works on any calendar, but ``write-properties`` is not
    named on one that is only read: Thunderbird would take it for permission to write events.
    """
    if home.access(info) is not Access.WRITE:
        return _privileges("C:read-free-busy")
    return _privileges("C:read-free-busy", *_WRITE)


def calendar(place: Place, info: CalendarInfo, head: reading.Head) -> Table:
    """A calendar with its head; what the person's clients have set goes before what we serve."""
    home = place.home
    table = _table(
        {
            **_shared(place),
            "D:resourcetype": _always("<D:collection/><C:calendar/>"),
            "D:owner": lambda: place.principal,
            "D:current-user-privilege-set": lambda: privileges_of(home, info),
            "D:supported-report-set": lambda: _reports(*_CALENDAR_REPORTS, *_EVERYWHERE),
            "D:getetag": lambda: xml.text(reading.ctag(head)),
            "D:getcontenttype": _always("text/calendar; charset=utf-8"),
            "D:sync-token": lambda: xml.text(head.token),
            "CS:getctag": lambda: xml.text(reading.ctag(head)),
            "C:supported-calendar-component-set": _always('<C:comp name="VEVENT"/>'),
            "C:supported-calendar-data": _always(
                '<C:calendar-data content-type="text/calendar" version="2.0"/>'
            ),
            "C:supported-collation-set": _always(
                "<C:supported-collation>i;ascii-casemap</C:supported-collation>"
                "<C:supported-collation>i;octet</C:supported-collation>"
            ),
            "C:max-resource-size": lambda: str(place.max_resource_size),
            "C:calendar-timezone-id": lambda: xml.text(home.practice.time_zone),
            "C:schedule-calendar-transp": lambda: (
                "<C:transparent/>" if is_own_private(home, info) else "<C:opaque/>"
            ),
        }
    )
    for name, value in {**reading.defaults(home, info), **head.overrides}.items():
        if not name.endswith(RICH) and name not in PROTECTED:
            rich = head.overrides.get(name + RICH)
            table[xmlutils.make_clark(name)] = _always(_whole(rich, value) or xml.text(value))
    return table


def _whole(rich: str | None, value: str) -> str | None:
    """The element as the client wrote it, if it still says the value: the practice's own may have changed."""
    element = xml.parse(rich.encode()) if rich is not None else None
    if element is None or (element.text or "").strip() != value:
        return None
    return f"{WHOLE}{rich}"


def item(place: Place, info: CalendarInfo) -> Table:
    """What all events of a calendar have in common; ETag, size and date are the event's own."""
    return _table(
        {
            **_shared(place),
            "D:resourcetype": _always(""),
            "D:owner": lambda: place.principal,
            "D:getcontenttype": _always("text/calendar; charset=utf-8; component=VEVENT"),
            "D:current-user-privilege-set": partial(privileges_of, place.home, info),
        }
    )
