"""REPORT: sync-collection, calendar-multiget, calendar-query and free-busy-query from the database.

What a filter says of an event's text is judged by Radicale; reports on principals are left to it.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from http import client
from urllib.parse import unquote

from radicale import pathutils

from radicale_practice.plugins import changes, item_responses, naming, reading, replies, xml
from radicale_practice.plugins.call import Call
from radicale_practice.plugins.home import Home
from radicale_practice.plugins.methods import expansion
from radicale_practice.plugins.methods import property_values as values
from radicale_practice.plugins.replies import Reply
from radicale_practice.plugins.storage import filters
from radicale_practice.plugins.storage.collection import Calendar
from radicale_practice.plugins.targets import Target, address, resolve
from radicale_practice.practice.database import UnitOfWork

_LEFT_TO_RADICALE = frozenset(
    map(
        xml.clark,
        ("D:principal-search-property-set", "D:principal-property-search", "D:expand-property"),
    )
)
"""Nothing is found or expanded there, but some clients stop at an error."""


def report(call: Call) -> Reply | None:
    """The answer, or None where Radicale shall answer."""
    document = call.document()
    if document is None:
        return replies.bad_request("no report")
    if document.tag in _LEFT_TO_RADICALE:
        return None
    answer = {
        xml.clark("D:sync-collection"): _sync,
        xml.clark("C:calendar-multiget"): _multiget,
        xml.clark("C:calendar-query"): _query,
        xml.clark("C:free-busy-query"): expansion.free_busy,
    }.get(document.tag)
    with call.reading() as unit:
        target = resolve(call.home(), call.path)
        if target.depth and not target.own:
            return replies.need_privileges(call.absolute(call.path), "read")
        if answer is None or target.depth < 2 or target.href:
            return _unsupported()
        if target.info is None:
            return replies.not_found()
        try:
            return answer(call, document, target, unit)
        except expansion.TooMany:
            return expansion.too_many()
        except filters.BadFilter:
            return replies.failed(client.FORBIDDEN, "C:valid-filter")


def _unsupported() -> Reply:
    return replies.failed(client.FORBIDDEN, "D:supported-report")


def _template(call: Call, home: Home, target: Target, document: ET.Element) -> item_responses.Template:
    assert target.info is not None
    props = document.find(xml.clark("D:prop"))
    tags = [] if props is None else [prop.tag for prop in props if isinstance(prop.tag, str)]
    place = values.Place(call.base_prefix, home, call.max_resource_size)
    prefix = call.calendar(target.segment)
    render = expansion.expansion_of(call, document) or reading.text
    return item_responses.Template(
        prefix, list(dict.fromkeys(tags)), values.item(place, target.info), render=render
    )


def _sync(call: Call, document: ET.Element, target: Target, unit: UnitOfWork) -> Reply:
    """RFC 6578 3.2; a long list is cut at ``nresults`` and goes on with the token given."""
    assert target.info is not None
    level = (document.findtext(xml.clark("D:sync-level")) or "1").strip()
    if level not in ("1", "infinite", ""):
        return replies.bad_request("sync-level")
    limit = _limit(document)
    token = (document.findtext(xml.clark("D:sync-token")) or "").strip()
    home = call.home()
    head = reading.position(unit, home, target.info)
    known = changes.judge(head, home, token)
    if known is None:
        return replies.failed(client.FORBIDDEN, "D:valid-sync-token")
    page = changes.page(unit, home, target.info, head, known, limit)
    template = _template(call, home, target, document)
    prefix = call.calendar(target.segment)
    responses = [
        xml.status_response(prefix + naming.href(home, target.info, state), 404) for state in page.removed
    ]
    if template.needs_text and page.live:
        hrefs = None if page.everything else [naming.href(home, target.info, state) for state in page.live]
        for stored in reading.contents(unit, home, target.info, hrefs):
            responses.append(template.of(home, target.info, head.state, stored))
    else:
        responses.extend(template.of(home, target.info, head.state, state) for state in page.live)
    if page.more:
        within = "<D:number-of-matches-within-limits/>"
        responses.append(xml.status_response(prefix, 507, within))
    return replies.multistatus(responses, page.token)


def _limit(document: ET.Element) -> int | None:
    found = document.findtext(f"{xml.clark('D:limit')}/{xml.clark('D:nresults')}")
    try:
        return max(1, int(found)) if found is not None else None
    except ValueError:
        return None


def _multiget(call: Call, document: ET.Element, target: Target, unit: UnitOfWork) -> Reply:
    """RFC 4791 7.9: what is not there is a 404 response under the name it was asked by."""
    assert target.info is not None
    asked: dict[str, str] = {}
    elsewhere: list[str] = []
    for element in document.iterfind(xml.clark("D:href")):
        raw = (element.text or "").strip()
        url = address(raw)
        path = pathutils.sanitize_path(unquote(raw if url is None else url.path))
        name = _name_in(path.removeprefix(call.base_prefix), call.user, target.info.path_name)
        if name:
            asked.setdefault(name, path)
        else:
            elsewhere.append(path)
    home = call.home()
    head = reading.position(unit, home, target.info)
    template = _template(call, home, target, document)
    read = reading.contents if template.needs_text else reading.identities
    responses = []
    for known in read(unit, home, target.info, list(asked)) if asked else ():
        asked.pop(naming.href(home, target.info, known), None)
        responses.append(template.of(home, target.info, head.state, known))
    responses.extend(xml.status_response(path, 404) for path in (*asked.values(), *elsewhere))
    return replies.multistatus(responses)


def _name_in(path: str, user: str, segment: str) -> str:
    parts = [part for part in path.split("/") if part]
    return parts[2] if len(parts) == 3 and parts[0] == user and parts[1] == segment else ""


def _query(call: Call, document: ET.Element, target: Target, unit: UnitOfWork) -> Reply:
    """RFC 4791 7.8. A filter that names VEVENT and a time range is the database's matter alone."""
    assert target.info is not None
    wanted = document.findall(xml.clark("C:filter"))
    plain = filters.plain(wanted)
    home = call.home()
    template = _template(call, home, target, document)
    if plain is None:
        calendar = Calendar(home, target.info, unit)
        state = calendar.load_head().state
        return replies.multistatus(
            [template.of(home, target.info, state, stored) for stored in filters.matching(calendar, wanted)]
        )
    head = reading.position(unit, home, target.info)
    responses = list(_matches(unit, home, target, head, template, plain)) if plain.events else []
    return replies.multistatus(responses)


def _matches(
    unit: UnitOfWork,
    home: Home,
    target: Target,
    head: reading.Position,
    template: item_responses.Template,
    plain: filters.Plain,
) -> Iterator[str]:
    assert target.info is not None
    span = plain.span
    found: Sequence[changes.Listed]
    if span is None:
        read = reading.contents if template.needs_text else reading.identities
        found = read(unit, home, target.info, None)
    elif template.needs_text:
        found = [stored for stored, _ in reading.in_range(unit, home, target.info, span.start, span.end)]
    else:
        found = reading.identities_in_range(unit, home, target.info, span.start, span.end)
    for known in found:
        yield template.of(home, target.info, head.state, known)
