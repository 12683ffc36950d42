"""PROPFIND (RFC 4918 9.1): every property asked for is answered, those we lack in a 404 propstat."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from radicale_practice.plugins import item_responses, reading, replies, xml
from radicale_practice.plugins.call import Call
from radicale_practice.plugins.home import Home
from radicale_practice.plugins.methods import property_values as values
from radicale_practice.plugins.replies import Reply
from radicale_practice.plugins.targets import Target, resolve
from radicale_practice.practice.calendars import CalendarInfo
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.people import staff

ALL = None
"""No list of tags: ``allprop``, an empty body included."""


def propfind(call: Call) -> Reply:
    """207 for what the viewer may see; 404 for anything else in the own home, 403 elsewhere."""
    document = call.document("D:propfind")
    tags, names_only = wanted(document)
    with call.reading() as unit:
        home = call.home()
        target = resolve(home, call.path)
        if target.depth and not target.own:
            return replies.need_privileges(call.absolute(call.path), "read")
        responses = list(_responses(call, unit, home, target, tags, names_only))
    return replies.multistatus(responses) if responses else replies.not_found()


def wanted(document: ET.Element | None) -> tuple[list[str] | None, bool]:
    """The tags asked for (``ALL``: None) and whether only names are wanted."""
    if document is None or len(document) == 0:
        return ALL, False
    for child in document:
        if child.tag == xml.clark("D:propname"):
            return ALL, True
        if child.tag == xml.clark("D:prop"):
            return list(dict.fromkeys(p.tag for p in child if isinstance(p.tag, str))), False
    include = document.find(xml.clark("D:include"))
    if include is not None:
        return [*map(xml.clark, values.ALLPROP), *(p.tag for p in include)], False
    return ALL, False


def _responses(
    call: Call, unit: UnitOfWork, home: Home, target: Target, tags: list[str] | None, names_only: bool
) -> Iterator[str]:
    deep = call.environ.get("HTTP_DEPTH", "0").strip().lower() not in ("0", "")
    place = values.Place(call.base_prefix, home, call.max_resource_size)
    if target.depth == 0:
        yield _response(call.absolute("/"), values.root(place), tags, names_only)
        if deep:
            yield _principal(call, unit, home, place, tags, names_only)
    elif target.depth == 1:
        yield _principal(call, unit, home, place, tags, names_only)
        if deep:
            heads = reading.heads(unit, home, list(home.calendars.values()), _settable(tags))
            for info in home.calendars.values():
                yield _calendar(call, place, info, heads[info.id], tags, names_only)
    elif target.info is None:
        return
    elif not target.href:
        head = reading.heads(unit, home, [target.info], _settable(tags))[target.info.id]
        yield _calendar(call, place, target.info, head, tags, names_only)
        if deep:
            yield from _items(call, unit, place, target.info, head, tags, names_only, None)
    else:
        position = reading.position(unit, home, target.info)
        yield from _items(call, unit, place, target.info, position, tags, names_only, [target.href])


def _settable(tags: list[str] | None) -> bool:
    """Whether a property is asked for that the person's clients may have set."""
    return tags is ALL or not values.DECIDED_HERE.issuperset(tags)


def _principal(
    call: Call, unit: UnitOfWork, home: Home, place: values.Place, tags: list[str] | None, names_only: bool
) -> str:
    asks = tags is ALL or any(tag in values.NEEDS_EMAIL for tag in tags)
    email = staff.by_id(unit, home.viewer.staff_id).email if asks else ""
    table = values.principal(place, email)
    return _response(call.absolute(f"/{home.user}/"), table, tags, names_only)


def _calendar(
    call: Call,
    place: values.Place,
    info: CalendarInfo,
    head: reading.Head,
    tags: list[str] | None,
    names_only: bool,
) -> str:
    return _response(call.calendar(info.path_name), values.calendar(place, info, head), tags, names_only)


def _items(
    call: Call,
    unit: UnitOfWork,
    place: values.Place,
    info: CalendarInfo,
    head: reading.Position,
    tags: list[str] | None,
    names_only: bool,
    hrefs: list[str] | None,
) -> Iterator[str]:
    table = values.item(place, info)
    asked = [*map(xml.clark, item_responses.ALLPROP)] if tags is ALL else tags
    assert asked is not None
    template = item_responses.Template(call.calendar(info.path_name), asked, table, names_only)
    if template.needs_text:
        for stored in reading.contents(unit, place.home, info, hrefs):
            yield template.of(place.home, info, head.state, stored)
    else:
        for state in reading.identities(unit, place.home, info, hrefs):
            yield template.of(place.home, info, head.state, state)


def _response(path: str, table: values.Table, tags: list[str] | None, names_only: bool) -> str:
    if tags is ALL:
        if names_only:
            return xml.response(path, [xml.element(t) for t, make in table.items() if make() is not None], [])
        tags = [tag for tag in table if tag in values.ALLPROP_TAGS and table[tag]() is not None]
    found, missing = [], []
    for tag in tags:
        make = table.get(tag)
        value = make() if make is not None else None
        if value is None:
            missing.append(tag)
        elif value.startswith(values.WHOLE):
            found.append(value.removeprefix(values.WHOLE))
        else:
            found.append(xml.element(tag, value))
    return xml.response(path, found, missing)
