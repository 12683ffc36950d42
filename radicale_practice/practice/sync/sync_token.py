"""Sync tokens (RFC 6578): opaque to clients, versioned, absolute URIs.

A token says what a client has seen: the calendar's epoch, a revision, the fingerprint of the projection
it was shown, the day its window was cut at, and how far a cut list went.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum

from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.sync.revisions import CalendarState, ObjectState

PREFIX = "http://radicale.org/ns/sync/"
"""Radicale's own name space for sync tokens."""

VERSION = "p1"

_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a cut list goes on: after object ``after``.

    ``everything``: the list was of all live objects by id (removals since ``removals_since``, None for
    none, come with its last part); else of changes by (revision, id), the token's revision being the
    revision of the last one listed.
    """

    after: int
    everything: bool = False
    removals_since: int | None = None


@dataclass(frozen=True, slots=True)
class SyncToken:
    """What one client has seen of one calendar; ``day`` is None without a window."""

    epoch: str
    revision: int
    fingerprint: str
    day: date | None = None
    cursor: Cursor | None = None


def encode(token: SyncToken) -> str:
    """The token as clients get it: an absolute URI without characters that need escaping."""
    day = token.day.isoformat().replace("-", "") if token.day else ""
    parts = [VERSION, token.epoch, str(token.revision), token.fingerprint, day, _encode_cursor(token.cursor)]
    return PREFIX + "_".join(parts)


def decode(text: str) -> SyncToken:
    """The token a client sent back. Raises ``InvalidValue`` for anything ``encode`` does not write."""
    try:
        if not text.startswith(PREFIX) or len(text) > _LONGEST:
            raise ValueError
        version, epoch, revision, fingerprint, day, cursor = text[len(PREFIX) :].split("_")
        token = SyncToken(
            epoch,
            int(revision),
            fingerprint,
            date(int(day[:4]), int(day[4:6]), int(day[6:])) if day else None,
            _decode_cursor(cursor),
        )
        # One way to write each token: what does not come out again did not come from us.
        if version != VERSION or not epoch or not fingerprint or encode(token) != text:
            raise ValueError
    except (ValueError, OverflowError):
        raise InvalidValue("not a sync token of this server") from None
    return token


def _encode_cursor(cursor: Cursor | None) -> str:
    if cursor is None:
        return ""
    if not cursor.everything:
        return f"c{cursor.after}"
    since = "" if cursor.removals_since is None else str(cursor.removals_since)
    return f"e{cursor.after}-{since}"


def _decode_cursor(text: str) -> Cursor | None:
    if not text:
        return None
    if text[0] == "c":
        return Cursor(int(text[1:]))
    after, since = text[1:].split("-")
    return Cursor(int(after), everything=True, removals_since=int(since) if since else None)


class Answer(Enum):
    """What to do with a token."""

    UNCHANGED = "unchanged"
    CHANGES = "changes"
    EVERYTHING = "everything"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to list.

    - UNCHANGED: nothing.
    - CHANGES: changes after ``since``; with ``former_day`` the window has moved since that day: also what
      entered and left it. With a cursor, only those after (``since``, ``cursor.after``).
    - EVERYTHING: all live objects, and the removals after ``since`` (None: the client has seen nothing).
    - REFUSE: ``DAV:valid-sync-token`` (RFC 6578 3.2); the client starts again without a token.
    """

    answer: Answer
    since: int | None = None
    former_day: date | None = None
    cursor: Cursor | None = None


def judge(token: SyncToken | None, state: CalendarState, fingerprint: str, day: date | None) -> Verdict:
    """What a client with that token must be told, given the calendar's state for its person.

    ``fingerprint``: of the client's present projection; ``day``: today in the practice's zone if the
    client's window cuts anything, else None.
    """
    if token is None:
        return Verdict(Answer.EVERYTHING)
    if token.epoch != state.epoch or not state.floor <= token.revision <= state.revision:
        return Verdict(Answer.REFUSE)
    if token.fingerprint != fingerprint:
        # A first list that was cut has shown something already, which may be removed by now.
        since = token.cursor.removals_since if token.cursor is not None else None
        return Verdict(Answer.EVERYTHING, token.revision if since is None else since)
    if token.cursor is not None and token.cursor.everything:
        return Verdict(Answer.EVERYTHING, token.cursor.removals_since, cursor=token.cursor)
    moved = token.day if token.day != day else None
    if token.cursor is not None:
        return Verdict(Answer.CHANGES, token.revision, moved, token.cursor)
    if token.revision == state.revision and moved is None:
        return Verdict(Answer.UNCHANGED, token.revision)
    return Verdict(Answer.CHANGES, token.revision, moved)


def continued(changes: list[ObjectState], cursor: Cursor, since: int) -> list[ObjectState]:
    """Of ``revisions.changes_since(since - 1)`` those after the cursor of a cut list of changes."""
    return [
        state
        for state in changes
        if (max(state.revision, state.personal_revision), state.object_id) > (since, cursor.after)
    ]
