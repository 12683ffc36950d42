"""DELETE: an event is cancelled, a person's own private calendar goes away, nothing else does."""

from __future__ import annotations

from http import client

from radicale_practice.plugins import conditions, replies, writing
from radicale_practice.plugins.call import Call
from radicale_practice.plugins.methods.put import refused, rejected
from radicale_practice.plugins.replies import Reply
from radicale_practice.plugins.rights import is_own_private
from radicale_practice.plugins.storage.collection import Calendar
from radicale_practice.plugins.targets import resolve
from radicale_practice.practice.errors import Conflict, InvalidValue, NotPermitted


def delete(call: Call) -> Reply:
    """204 when it is gone; 404 when it was not there, which clients take as done."""
    with call.writing() as unit:
        home = call.home()
        target = resolve(home, call.path)
        if not target.own or target.depth < 2:
            return replies.need_privileges(call.absolute(call.path), "unbind")
        if target.info is None:
            return replies.not_found()
        calendar = Calendar(home, target.info, unit)
        if not target.href:
            if not is_own_private(home, target.info) or not writing.may_write(home, target.info):
                return replies.need_privileges(call.absolute(call.path), "unbind")
            if conditions.failed(call.environ, calendar.etag):
                return replies.precondition_failed()
            writing.remove_calendar(unit, home, target.info)
            return replies.empty(client.NO_CONTENT)
        current = calendar.stored(target.href)
        if current is None:
            writing.delete_nothing(unit, home, target.info, target.href)
            return replies.not_found()
        if conditions.failed(call.environ, calendar.etag_of(current)):
            writing.delete_outdated(unit, home, current)
            return replies.precondition_failed()
        try:
            written = writing.cancel(unit, home, target.info, current)
        except (NotPermitted, InvalidValue, Conflict) as error:
            return rejected(call, error, target)
    return replies.empty(client.NO_CONTENT) if written.taken else refused(call, written)
