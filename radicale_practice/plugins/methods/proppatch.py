"""PROPPATCH: what a client sets on a calendar is kept for that person alone.

Always a 207 with a propstat per property: macOS stops its first sync at a plain 403.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from radicale import xmlutils

from radicale_practice.plugins import replies, writing, xml
from radicale_practice.plugins.call import Call
from radicale_practice.plugins.properties import PROTECTED, RICH
from radicale_practice.plugins.replies import Reply
from radicale_practice.plugins.targets import resolve
from radicale_practice.practice.errors import InvalidValue, NotPermitted

_PROTECTED_ERROR = "<D:cannot-modify-protected-property/>"


def proppatch(call: Call) -> Reply:
    """Set and remove properties, all or none (RFC 4918 9.2)."""
    document = call.document("D:propertyupdate")
    if document is None:
        return replies.bad_request("no propertyupdate")
    changes = list(_changes(document))
    tags = list(dict.fromkeys(prop.tag for _, prop in changes))
    with call.writing() as unit:
        home = call.home()
        target = resolve(home, call.path)
        if not target.own or (target.depth > 1 and target.info is None):
            return replies.not_found()
        if target.depth > 2:
            return _reply(call, tags, set(tags))
        protected = {tag for tag in tags if human(tag) in PROTECTED}
        if protected or target.info is None:
            # On a home nothing is kept (Apple's default alarms are the client's own affair): say yes.
            return _reply(call, tags, protected)
        try:
            writing.set_properties(unit, home, target.info, values_of(changes))
        except (InvalidValue, NotPermitted):
            return _reply(call, tags, set(tags))
    return _reply(call, tags, set())


def human(tag: str) -> str:
    """Radicale's name of a property: a known prefix, else Clark notation. "" for no tag at all."""
    try:
        name: str = xmlutils.make_human_tag(tag)
    except ValueError:
        return ""
    return name


def values_of(changes: list[tuple[bool, ET.Element]]) -> dict[str, str | None]:
    """Values by name: the text; beside it the XML where attributes or child elements say more."""
    values: dict[str, str | None] = {}
    for is_set, prop in changes:
        name = human(prop.tag)
        if not name:
            continue
        rich = is_set and (len(prop) > 0 or bool(prop.attrib))
        values[name] = (prop.text or "").strip() if is_set else None
        values[name + RICH] = ET.tostring(prop, "unicode") if rich else None
    return values


def _changes(document: ET.Element) -> Iterator[tuple[bool, ET.Element]]:
    for part in document:
        if part.tag in (xml.clark("D:set"), xml.clark("D:remove")):
            for prop in part.findall(f"./{xml.clark('D:prop')}/*"):
                yield part.tag == xml.clark("D:set"), prop


def _reply(call: Call, tags: list[str], refused: set[str]) -> Reply:
    kept = [tag for tag in tags if tag not in refused]
    parts = ""
    if kept:
        parts += xml.propstat(424 if refused else 200, "".join(map(xml.element, kept)))
    if refused:
        inner = "".join(xml.element(tag) for tag in tags if tag in refused)
        parts += (
            f"<D:propstat><D:prop>{inner}</D:prop><D:status>{xml.STATUS[403]}</D:status>"
            f"<D:error>{_PROTECTED_ERROR}</D:error></D:propstat>"
        )
    if not tags:
        parts = xml.propstat(200, "")
    return replies.multistatus([f"<D:response>{xml.href(call.absolute(call.path))}{parts}</D:response>"])
