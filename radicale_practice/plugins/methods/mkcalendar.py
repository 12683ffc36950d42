"""MKCALENDAR (RFC 4791 5.3.1) and extended MKCOL (RFC 5689): a private calendar of the person."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from http import client

from radicale import xmlutils

from radicale_practice.plugins import replies, writing, xml
from radicale_practice.plugins.call import Call
from radicale_practice.plugins.methods.proppatch import values_of
from radicale_practice.plugins.properties import RICH
from radicale_practice.plugins.replies import Reply
from radicale_practice.plugins.targets import resolve
from radicale_practice.practice.errors import Conflict, InvalidValue, NotPermitted

_COMPONENTS = "C:supported-calendar-component-set"


def mkcalendar(call: Call) -> Reply:
    """201; without VEVENT in the component set (Apple's Reminders) 403, and nothing is made."""
    return _make(call, call.document("C:mkcalendar"), is_calendar=True)


def mkcol(call: Call) -> Reply:
    """As ``mkcalendar``, if the body asks for a calendar; no other collections here."""
    document = call.document("D:mkcol")
    types = (
        [] if document is None else [t.tag for t in document.iterfind(f".//{xml.clark('D:resourcetype')}/*")]
    )
    return _make(call, document, is_calendar=xml.clark("C:calendar") in types)


def _make(call: Call, document: ET.Element | None, is_calendar: bool) -> Reply:
    components = _components(document)
    if components is not None and "VEVENT" not in components:
        return replies.failed(client.FORBIDDEN, "C:supported-calendar-component")
    if not is_calendar:
        return replies.failed(client.FORBIDDEN, "D:valid-resourcetype")
    try:
        props = {k: v for k, v in xmlutils.props_from_request(document).items() if v is not None}
        props |= _rich(document)
    except (ValueError, KeyError):
        return replies.bad_request("properties")
    with call.writing() as unit:
        home = call.home()
        target = resolve(home, call.path)
        if not target.own or not home.may_create:
            return replies.need_privileges(call.absolute(f"/{call.user}/"), "bind")
        if target.depth != 2:
            return replies.failed(client.FORBIDDEN, "C:calendar-collection-location-ok")
        if target.info is not None:
            if call.method == "MKCOL":
                return replies.failed(client.METHOD_NOT_ALLOWED, "D:resource-must-be-null")
            return replies.failed(client.CONFLICT, "D:resource-must-be-null")
        try:
            writing.make_calendar(unit, home, target.segment, props)
        except NotPermitted:
            return replies.need_privileges(call.absolute(f"/{call.user}/"), "bind")
        except (InvalidValue, Conflict):
            return replies.failed(client.FORBIDDEN, "C:calendar-collection-location-ok")
    return replies.empty(client.CREATED, {"Cache-Control": "no-cache"})


def _rich(document: ET.Element | None) -> dict[str, str]:
    """The XML of properties whose attributes or child elements say more than their text (as PROPPATCH)."""
    if document is None:
        return {}
    changes = [(True, prop) for prop in document.iterfind(f"./{xml.clark('D:set')}/{xml.clark('D:prop')}/*")]
    return {k: v for k, v in values_of(changes).items() if k.endswith(RICH) and v is not None}


def _components(document: ET.Element | None) -> set[str] | None:
    """The component names asked for; None if the body does not say."""
    if document is None:
        return None
    found = document.find(f".//{xml.clark(_COMPONENTS)}")
    if found is None:
        return None
    return {comp.get("name", "").upper() for comp in found if comp.tag == xml.clark("C:comp")}
