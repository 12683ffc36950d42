"""Replies in Radicale's form ``(status, headers, body, None)``, with the conditions clients understand."""

from __future__ import annotations

from http import client
from typing import Any

from radicale_practice.plugins import request, xml
from radicale_practice.practice.records import programs

Reply = tuple[int, dict[str, str], bytes | None, None]
"""Status, headers, body."""

XML_TYPE = "application/xml; charset=utf-8"
DAV = "1, 3, access-control, calendar-access, extended-mkcol"
"""What we are: LOCK (class 2) and address books are not offered."""


def empty(status: int, headers: dict[str, str] | None = None) -> Reply:
    """A reply without a body."""
    return status, headers or {}, b"" if status not in (204, 304) else None, None


def multistatus(responses: Any, sync_token: str = "") -> Reply:
    """207.

    For Thunderbird in ASCII with character references: it decodes each piece of a reply by itself as it
    comes in, so that a letter of several bytes at the border of two pieces becomes "��", and would come back
    so at the next edit.
    """
    body = xml.multistatus(responses, sync_token)
    if "Thunderbird" in request.current().user_agent:
        body = body.decode().encode("ascii", "xmlcharrefreplace")
    return client.MULTI_STATUS, {"Content-Type": XML_TYPE, "DAV": DAV}, body, None


def failed(status: int, condition: str, inner: str = "") -> Reply:
    """A failed precondition, ``condition`` like "C:valid-calendar-data"."""
    body = xml.error(xml.element(xml.clark(condition), inner))
    return status, {"Content-Type": XML_TYPE}, body, None


def need_privileges(path: str, privilege: str = "write", also: str = "") -> Reply:
    """403 with ``DAV:need-privileges`` (RFC 3744 7.1.1): DAVx5 goes on with the rest of its sync.

    ``also``: another failed precondition beside it.
    """
    inner = f"<D:resource>{xml.href(path)}<D:privilege><D:{privilege}/></D:privilege></D:resource>"
    more = xml.element(xml.clark(also)) if also else ""
    body = xml.error(more + xml.element(xml.clark("D:need-privileges"), inner))
    return client.FORBIDDEN, {"Content-Type": XML_TYPE}, body, None


def unfit(user_agent: str, path: str, status: int, condition: str) -> Reply:
    """What cannot be stored. Any refusal but for want of privileges stops DAVx5's calendar in both directions
    until its person finds the event: it is told both reasons."""
    if programs.same_program(user_agent) != programs.DAVX5:
        return failed(status, condition)
    return need_privileges(path, also=condition)


def precondition_failed() -> Reply:
    """412: the client has an older version, or the practice's version stays. It re-reads the event."""
    return client.PRECONDITION_FAILED, {"Content-Type": "text/plain; charset=utf-8"}, b"Changed.\n", None


def bad_request(reason: str) -> Reply:
    """400; ``reason`` is ours, never a quotation."""
    body = f"Bad request: {reason}.\n".encode()
    return client.BAD_REQUEST, {"Content-Type": "text/plain; charset=utf-8"}, body, None


def not_found() -> Reply:
    """404."""
    return client.NOT_FOUND, {"Content-Type": "text/plain; charset=utf-8"}, b"Not found.\n", None
