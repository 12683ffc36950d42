"""PUT of one calendar object (RFC 4791 5.3.2) from the client's own bytes; vobject is not asked."""

from __future__ import annotations

import logging
from http import client

from radicale_practice.event.errors import InvalidCalendarData, TooLarge
from radicale_practice.plugins import conditions, replies, writing, xml
from radicale_practice.plugins.call import Call
from radicale_practice.plugins.home import Home
from radicale_practice.plugins.logs import masked
from radicale_practice.plugins.replies import Reply
from radicale_practice.plugins.storage.collection import Calendar
from radicale_practice.plugins.targets import Target, resolve
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import Conflict, InvalidValue, NotPermitted
from radicale_practice.practice.records import programs
from radicale_practice.practice.rules.refusals import READ_ONLY

logger = logging.getLogger("radicale")

_TYPES = ("", "text/calendar", "application/octet-stream", "text/plain", "application/x-www-form-urlencoded")


def put(call: Call) -> Reply:
    """Store, refuse or reject an upload; an ETag only if a read returns exactly these bytes."""
    kind = call.environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind not in _TYPES:
        return replies.failed(client.UNSUPPORTED_MEDIA_TYPE, "C:supported-calendar-data")
    data = call.body()
    if len(data) > call.max_resource_size:
        return _unfit(call, client.REQUEST_ENTITY_TOO_LARGE, "C:max-resource-size")
    with call.writing() as unit:
        home = call.home()
        target = resolve(home, call.path)
        wrong = _wrong_place(call, target)
        if wrong is not None:
            return wrong
        assert target.info is not None
        calendar = Calendar(home, target.info, unit)
        current = calendar.stored(target.href)
        if conditions.failed(call.environ, calendar.etag_of(current) if current is not None else None):
            if current is None and home.viewer.program == programs.DAVX5:
                return _gone(unit, home, target)
            return replies.precondition_failed()
        try:
            written = writing.put(unit, home, target.info, target.href, data, current)
        except (NotPermitted, InvalidValue, Conflict) as error:
            return rejected(call, error, target)
    if not written.taken:
        if written.outcome.kind == "held" and current is None and home.viewer.program == programs.DAVX5:
            # A new event that it could not upload it would send for good; this one the next list takes away.
            return replies.empty(client.CREATED)
        return refused(call, written)
    headers = {"ETag": written.etag} if written.exact and written.etag else {}
    if written.partly and home.viewer.program == programs.OUTLOOK:
        # Without a tag it asks for the tag alone, and would show what it sent until the next change.
        headers = {"ETag": written.etag_of_the_past}
    return replies.empty(client.CREATED if current is None else client.NO_CONTENT, headers)


def _wrong_place(call: Call, target: Target) -> Reply | None:
    if not target.own or target.depth < 3:
        return replies.need_privileges(call.absolute(call.path))
    if target.info is None:
        return replies.failed(client.CONFLICT, "C:calendar-collection-location-ok")
    return None


def _gone(unit: UnitOfWork, home: Home, target: Target) -> Reply:
    """DAVx5 never removes by a list what it could not upload: after a 412 the event would stay on the phone
    for good, with the change. Without an ETag it looks into the list, where the event is no more."""
    assert target.info is not None
    if writing.change_nothing(unit, home, target.info, target.href):
        return replies.empty(client.NO_CONTENT)
    return replies.precondition_failed()


def refused(call: Call, written: writing.Written) -> Reply:
    """The practice's version stays, under a new ETag.

    A client that named a version gets 412: it re-reads the event. One that did not (Thunderbird's
    "overwrite", iOS deleting) gets 403 with need-privileges, as does who may not write there at all.
    """
    if written.outcome.reason != READ_ONLY and conditions.conditional(call.environ):
        return replies.precondition_failed()
    return replies.need_privileges(call.absolute(call.path))


def rejected(call: Call, error: Exception, target: Target) -> Reply:
    """The condition for what cannot be stored at all; the log names resource and reason.

    The lens's own reasons quote nothing of what was sent; other texts are not logged.
    """
    kind = type(error).__name__
    reason = f"{kind}, {error}" if isinstance(error, InvalidCalendarData) else kind
    logger.warning("%s on %s rejected: %s", call.method, masked(call.path), reason)
    match error:
        case NotPermitted():
            return replies.need_privileges(call.absolute(call.path))
        case writing.UidTaken():
            path = call.calendar(target.segment) + error.href
            return replies.failed(client.CONFLICT, "C:no-uid-conflict", xml.href(path))
        case Conflict():
            return replies.failed(client.CONFLICT, "C:no-uid-conflict")
        case TooLarge():
            return _unfit(call, client.REQUEST_ENTITY_TOO_LARGE, "C:max-resource-size")
        case InvalidCalendarData():
            return _unfit(call, client.FORBIDDEN, f"C:{error.precondition}")
        case _:
            return _unfit(call, client.FORBIDDEN, "C:valid-calendar-object-resource")


def _unfit(call: Call, status: int, condition: str) -> Reply:
    return replies.unfit(call.request.user_agent, call.absolute(call.path), status, condition)
