"""WebDAV's XML: reading requests safely, writing replies as text.

A reply for 10,000 events is built from one template, not from 10,000 element trees.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from urllib.parse import quote
from xml.sax.saxutils import escape

from defusedxml import ElementTree as SafeET
from defusedxml.common import DefusedXmlException

NAMESPACES = {
    "D": "DAV:",
    "C": "urn:ietf:params:xml:ns:caldav",
    "CS": "http://calendarserver.org/ns/",
    "ICAL": "http://apple.com/ns/ical/",
}
_PREFIXES = {uri: prefix for prefix, uri in NAMESPACES.items()}
_DECLARATIONS = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")

STATUS = {
    200: "HTTP/1.1 200 OK",
    403: "HTTP/1.1 403 Forbidden",
    404: "HTTP/1.1 404 Not Found",
    424: "HTTP/1.1 424 Failed Dependency",
    507: "HTTP/1.1 507 Insufficient Storage",
}


class BadXml(ValueError):
    """The request's body is no XML we read: malformed, with a DTD, or another method's document."""


def clark(name: str) -> str:
    """``"D:getetag"`` as ``"{DAV:}getetag"``."""
    prefix, _, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def parse(data: bytes) -> ET.Element | None:
    """The document of a request, None for an empty body. Raises ``BadXml``."""
    if not data.strip():
        return None
    try:
        root: ET.Element = SafeET.fromstring(data, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise BadXml(type(error).__name__) from error
    return root


def text(value: str) -> str:
    """Character data; what XML 1.0 cannot carry is left out."""
    if _FORBIDDEN.search(value):
        value = _FORBIDDEN.sub("", value)
    return escape(value)


def element(tag: str, inner: str = "") -> str:
    """An element with XML ``inner``; ``tag`` in Clark notation, whatever its namespace."""
    uri, _, local = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
    prefix = _PREFIXES.get(uri)
    if prefix is not None:
        return f"<{prefix}:{local}>{inner}</{prefix}:{local}>" if inner else f"<{prefix}:{local}/>"
    declared = f'{local} xmlns="{escape(uri, {chr(34): "&quot;"})}"' if uri else f'{local} xmlns=""'
    return f"<{declared}>{inner}</{local}>" if inner else f"<{declared}/>"


def href(path: str) -> str:
    """A ``D:href`` of an unquoted absolute path, percent-encoded per segment."""
    return f"<D:href>{quote(path)}</D:href>"


def propstat(status: int, inner: str) -> str:
    """One propstat."""
    return f"<D:propstat><D:prop>{inner}</D:prop><D:status>{STATUS[status]}</D:status></D:propstat>"


def response(path: str, found: Sequence[str], missing: Iterable[str]) -> str:
    """A response with a 200 propstat of ``found`` elements and a 404 one of ``missing`` tags."""
    lacking = "".join(element(tag) for tag in missing)
    parts = propstat(200, "".join(found)) if found or not lacking else ""
    if lacking:
        parts += propstat(404, lacking)
    return f"<D:response>{href(path)}{parts}</D:response>"


def status_response(path: str, status: int, error: str = "") -> str:
    """A response with a status for the resource itself; ``error``: XML of a condition."""
    inside = f"<D:error>{error}</D:error>" if error else ""
    return f"<D:response>{href(path)}<D:status>{STATUS[status]}</D:status>{inside}</D:response>"


def multistatus(responses: Iterable[str], sync_token: str = "") -> bytes:
    """The document of a 207."""
    token = f"<D:sync-token>{text(sync_token)}</D:sync-token>" if sync_token else ""
    return f"{_HEAD}<D:multistatus{_DECLARATIONS}>{''.join(responses)}{token}</D:multistatus>".encode()


def error(inner: str) -> bytes:
    """The document of a failed precondition (RFC 4918 16)."""
    return f"{_HEAD}<D:error{_DECLARATIONS}>{inner}</D:error>".encode()
