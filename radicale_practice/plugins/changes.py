"""What a client must be told since its sync token (RFC 6578), for stock Radicale and our Application."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from radicale.log import logger

from radicale_practice.plugins import naming, reading
from radicale_practice.plugins.home import Home
from radicale_practice.plugins.reading import Position
from radicale_practice.practice.calendars import CalendarInfo
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.reading.calendar_objects import StoredObject
from radicale_practice.practice.sync import revisions, sync_token
from radicale_practice.practice.sync.revisions import ObjectState
from radicale_practice.practice.sync.sync_token import Answer, Cursor, SyncToken, Verdict

Listed = ObjectState | StoredObject


@dataclass(frozen=True, slots=True)
class Known:
    """A token that was judged: what the client has seen and what it must be told."""

    token: SyncToken | None
    verdict: Verdict

    @property
    def removals_since(self) -> int | None:
        """Removals after this revision go with a full list; None if the client has seen nothing."""
        if self.verdict.since is None and self.token is not None and self.token.cursor is None:
            return self.token.revision
        return self.verdict.since


@dataclass(frozen=True, slots=True)
class Page:
    """One reply to sync-collection. ``everything``: ``live`` is all there is (no cursor, no limit)."""

    live: Sequence[Listed]
    removed: list[ObjectState]
    token: str
    more: bool = False
    everything: bool = False


def judge(head: Position, home: Home, text: str) -> Known | None:
    """What ``text`` ("" for a first sync) means now; None if it is refused (DAV:valid-sync-token)."""
    try:
        token = sync_token.decode(text) if text else None
    except InvalidValue:
        return None
    if token is not None and token.epoch == head.state.epoch and token.revision > head.state.revision:
        # Soon the same revisions stand for other changes, and nobody could tell any more.
        logger.warning(
            "a client has seen changes that this database does not have: was a backup restored?"
            " Then run radicale-practice new-epoch now"
        )
    verdict = sync_token.judge(token, head.state, home.fingerprint, None)
    return None if verdict.answer is Answer.REFUSE else Known(token, verdict)


def page(
    unit: UnitOfWork, home: Home, info: CalendarInfo, head: Position, known: Known, limit: int | None = None
) -> Page:
    """The list for a judged token, at most ``limit`` entries: at most three statements."""
    match known.verdict.answer:
        case Answer.UNCHANGED:
            return Page([], [], head.token)
        case Answer.CHANGES:
            return _changes(unit, home, info, head, known.verdict, limit)
        case _:
            return _everything(unit, home, info, head, known, limit)


def _changes(
    unit: UnitOfWork, home: Home, info: CalendarInfo, head: Position, verdict: Verdict, limit: int | None
) -> Page:
    since = verdict.since or 0
    if verdict.cursor is None:
        changed = _changed(unit, home, info, since)
    else:
        changed = _changed(unit, home, info, since - 1)
        changed = sync_token.continued(changed, verdict.cursor, since)
    token, more = head.token, False
    if limit is not None and len(changed) > limit:
        changed, more = changed[:limit], True
        last = changed[-1]
        reached = max(last.revision, last.personal_revision)
        token = _encode(head, home, reached, Cursor(last.object_id))
    return Page(*_parted(unit, home, info, changed), token, more)


def _everything(
    unit: UnitOfWork, home: Home, info: CalendarInfo, head: Position, known: Known, limit: int | None
) -> Page:
    """All live objects by id; a long list keeps the revision it began with, so that nothing is missed.

    If something has changed since then, its end is not the end: the client goes on with the changes at once.
    """
    cursor = known.verdict.cursor
    live = list(reading.identities(unit, home, info))
    revision = head.state.revision
    if cursor is not None and known.token is not None:
        revision = known.token.revision
    since = known.removals_since
    if cursor is not None or limit is not None:
        live.sort(key=lambda s: s.object_id)
        live = [s for s in live if cursor is None or s.object_id > cursor.after]
        if limit is not None and len(live) > limit:
            live = live[:limit]
            rest = Cursor(live[-1].object_id, everything=True, removals_since=since)
            return Page(live, [], _encode(head, home, revision, rest), more=True)
    removed: list[ObjectState] = []
    if since is not None:
        _, removed = _parted(unit, home, info, _changed(unit, home, info, since))
    return Page(
        live,
        removed,
        _encode(head, home, revision, None),
        more=revision != head.state.revision,
        everything=cursor is None and limit is None,
    )


def _parted(
    unit: UnitOfWork, home: Home, info: CalendarInfo, changed: list[ObjectState]
) -> tuple[list[ObjectState], list[ObjectState]]:
    """What changed and is there for the viewer, and what is not (any more)."""
    hidden = reading.hidden(unit, home, info, changed)
    live = [s for s in changed if s.live and s.object_id not in hidden]
    return live, [s for s in changed if not s.live or s.object_id in hidden]


def _changed(unit: UnitOfWork, home: Home, info: CalendarInfo, since: int) -> list[ObjectState]:
    return revisions.changes_since(
        unit, info.id, home.viewer.staff_id, since, partial(naming.href, home, info)
    )


def _encode(head: Position, home: Home, revision: int, cursor: Cursor | None) -> str:
    return sync_token.encode(SyncToken(head.state.epoch, revision, home.fingerprint, cursor=cursor))
