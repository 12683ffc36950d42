"""MOVE of an event to another name or another calendar (iOS and macOS move this way)."""

from __future__ import annotations

from http import client
from typing import Any
from urllib.parse import unquote

from radicale import httputils, pathutils
from radicale.app import base as app_base

from radicale_practice.plugins import conditions, naming, replies, writing, xml
from radicale_practice.plugins.call import Call
from radicale_practice.plugins.home import Home
from radicale_practice.plugins.methods.put import refused, rejected
from radicale_practice.plugins.replies import Reply
from radicale_practice.plugins.storage.collection import Calendar
from radicale_practice.plugins.targets import Target, address, resolve
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import Conflict, InvalidValue, NotPermitted
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.sync import identities


def move(call: Call) -> Reply:
    """201, or 204 when another version of the same event was overwritten (only with ``Overwrite: T``)."""
    to_path = destination(call)
    if not isinstance(to_path, str):
        return to_path
    with call.writing(to_path) as unit:
        home = call.home()
        source, target = resolve(home, call.path), resolve(home, to_path)
        wrong = _wrong_place(call, source, target)
        if wrong is not None:
            return wrong
        assert source.info is not None and target.info is not None
        calendar, to_calendar = Calendar(home, source.info, unit), Calendar(home, target.info, unit)
        stored = calendar.stored(source.href)
        if stored is None:
            return replies.not_found()
        if conditions.failed(call.environ, calendar.etag_of(stored)):
            return replies.precondition_failed()
        if source.info.id == target.info.id and source.href == target.href:
            return replies.need_privileges(call.absolute(call.path))
        there = to_calendar.stored(target.href)
        if writing.may_write(home, target.info):
            taken = _taken(call, home, stored, there, target, source.info.id != target.info.id, unit)
            if taken is not None:
                return taken
        try:
            written = writing.move(unit, home, source.info, stored, target.info, target.href, there)
        except (NotPermitted, InvalidValue, Conflict) as error:
            return rejected(call, error, target)
    if not written.taken:
        return refused(call, written)
    return replies.empty(client.CREATED if there is None else client.NO_CONTENT)


def destination(call: Call) -> str | Reply:
    """The sanitized path of the Destination header (RFC 4918 10.3), or the reply if it cannot be used."""
    url = address(call.environ.get("HTTP_DESTINATION", ""))
    if url is None or not url.path:
        return replies.bad_request("no destination")
    if url.hostname and url.hostname.lower() not in _own_hosts(call.environ):
        status, headers, body, _ = httputils.REMOTE_DESTINATION
        return status, dict(headers), str(body).encode(), None
    path = pathutils.sanitize_path(unquote(url.path))
    if not (path + "/").startswith(call.base_prefix + "/"):
        return replies.need_privileges(call.absolute(call.path))
    path = path[len(call.base_prefix) :] or "/"
    if not app_base._check_path_format(call.application._storage, path, "none"):
        return replies.bad_request("the destination is no path")
    return path


def _own_hosts(environ: dict[str, Any]) -> set[str]:
    """This host's names without ports: proxies translate ports, and nobody moves events between hosts."""
    names = (environ.get(key, "") for key in ("HTTP_HOST", "HTTP_X_FORWARDED_HOST", "SERVER_NAME"))
    hosts = (address(f"//{part.strip()}") for name in names for part in name.split(","))
    return {host.hostname or "" for host in hosts if host is not None}


def _wrong_place(call: Call, source: Target, target: Target) -> Reply | None:
    for place in (source, target):
        if not place.own or place.depth < 3:
            return replies.need_privileges(call.absolute(call.path))
    if source.info is None:
        return replies.not_found()
    if target.info is None:
        return replies.failed(client.CONFLICT, "C:calendar-collection-location-ok")
    return None


def _taken(
    call: Call,
    home: Home,
    stored: StoredObject,
    there: StoredObject | None,
    target: Target,
    crossing: bool,
    unit: UnitOfWork,
) -> Reply | None:
    """Why the target cannot be used: another event, or the same one without ``Overwrite: T``."""
    assert target.info is not None
    if there is not None:
        if call.environ.get("HTTP_OVERWRITE", "F").upper() != "T":
            return replies.precondition_failed()
        if there.uid != stored.uid:
            return _conflict(call, target, naming.href(home, target.info, there))
        return None
    other = identities.by_uid(unit, target.info.id, stored.uid) if crossing else None
    if other is not None:
        return _conflict(call, target, naming.href(home, target.info, other))
    return None


def _conflict(call: Call, target: Target, name: str) -> Reply:
    """``name``: of the other event, as the viewer sees it."""
    path = call.calendar(target.segment) + name
    return replies.failed(client.CONFLICT, "C:no-uid-conflict", xml.href(path))
