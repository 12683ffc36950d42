"""Clients that follow a calendar by sync tokens, page by page: real lists; a copy made of nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from radicale_practice.plugins import changes, naming, reading
from radicale_practice.plugins.home import Home, load_home
from radicale_practice.practice.calendars import CalendarInfo
from radicale_practice.practice.database import UnitOfWork
from radicale_practice.practice.model import Viewer
from radicale_practice.practice.reading import calendar_objects
from radicale_practice.practice.sync import revisions, sync_token
from radicale_practice.practice.sync.sync_token import Answer, Cursor, SyncToken

Copy = dict[str, Any]


@dataclass
class Client(ABC):
    """One person's client of one calendar; ``copy`` maps names to what is known of them."""

    calendar: int
    viewer: Viewer
    token: str = ""
    copy: Copy = field(default_factory=dict)

    def sync(self, uow: UnitOfWork, today: date, limit: int | None) -> tuple[Answer, bool]:
        """Fetch one page; the answer, and whether there is more. A refused token starts again, empty."""
        answer, listed, removed, token, more = self.page(uow, today, limit)
        if answer is Answer.REFUSE:
            self.token, self.copy = "", {}
            return answer, True
        assert not set(listed) & set(removed)
        assert answer is not Answer.UNCHANGED or not (listed or removed)
        for name in removed:
            self.copy.pop(name, None)
        self.copy.update(listed)
        self.token = token
        return answer, more

    def follow(self, uow: UnitOfWork, today: date, limit: int | None) -> None:
        """Fetch pages to the end, then all is as it is.

        A full list begun long ago ends at the revision it began with; what changed since comes next.
        """
        cursor = sync_token.decode(self.token).cursor if self.token else None
        for _ in range(2 if cursor is not None and cursor.everything else 1):
            while self.sync(uow, today, limit)[1]:
                pass
        assert self.copy == self.truth(uow, today)
        assert self.sync(uow, today, limit) == (Answer.UNCHANGED, False)

    def saved(self) -> Client:
        """This client as it is now, to come back one day."""
        return deepcopy(self)

    @abstractmethod
    def page(
        self, uow: UnitOfWork, today: date, limit: int | None
    ) -> tuple[Answer, Copy, list[str], str, bool]:
        """The answer, what is listed, what is removed, the token, whether there is more."""

    @abstractmethod
    def truth(self, uow: UnitOfWork, today: date) -> Copy:
        """What the calendar shows this person today."""

    @abstractmethod
    def is_refused(self, uow: UnitOfWork) -> bool:
        """Whether its token may not be answered: another epoch, or below the floor."""


class Whole(Client):
    """The whole calendar, by the lists that both our Application and stock Radicale answer with."""

    def page(
        self, uow: UnitOfWork, today: date, limit: int | None
    ) -> tuple[Answer, Copy, list[str], str, bool]:
        home, info, head = self.looked(uow)
        known = changes.judge(head, home, self.token)
        if known is None:
            return Answer.REFUSE, {}, [], "", True
        page = changes.page(uow, home, info, head, known, limit)
        removed = [naming.href(home, info, state) for state in page.removed]
        listed = self.named(home, info, head, page.live)
        assert len(listed) == len(page.live) and len(removed) == len(set(removed))
        return known.verdict.answer, listed, removed, page.token, page.more

    def truth(self, uow: UnitOfWork, today: date) -> Copy:
        home, info, head = self.looked(uow)
        return self.named(home, info, head, reading.identities(uow, home, info))

    def is_refused(self, uow: UnitOfWork) -> bool:
        if not self.token:
            return False
        state = self.looked(uow)[2].state
        token = sync_token.decode(self.token)
        return token.epoch != state.epoch or token.revision < state.floor

    def looked(self, uow: UnitOfWork) -> tuple[Home, CalendarInfo, reading.Position]:
        """What every request looks at first."""
        home = load_home(uow, self.viewer)
        info = next(i for i in home.calendars.values() if i.id == self.calendar)
        return home, info, reading.position(uow, home, info)

    def named(self, home: Home, info: CalendarInfo, head: reading.Position, states: Any) -> Copy:
        """Name to ETag."""
        return {
            naming.href(home, info, s): reading.etag(home, head.state, s.revision, s.personal_revision)
            for s in states
        }


class Windowed(Client):
    """Some days around today, as the token's day foresees it: what enters and leaves is listed by the way.

    A list that began on one day goes on with that day; the next one tells what moved since.
    """

    def page(
        self, uow: UnitOfWork, today: date, limit: int | None
    ) -> tuple[Answer, Copy, list[str], str, bool]:
        state = revisions.calendar_states(uow, [self.calendar], self.viewer.staff_id)[self.calendar]
        token = sync_token.decode(self.token) if self.token else None
        verdict = sync_token.judge(token, state, "f", today)
        now, end = self.seen(uow, today), SyncToken(state.epoch, state.revision, "f", today)
        if verdict.answer in (Answer.REFUSE, Answer.UNCHANGED):
            return verdict.answer, {}, [], self.token, verdict.answer is Answer.REFUSE
        began = token if token is not None and token.cursor is not None else None
        if verdict.answer is Answer.EVERYTHING:
            if began is not None:
                end = replace(began, cursor=None)
            after = verdict.cursor.after if verdict.cursor else 0
            rest = sorted((o.object_id, href) for href, o in now.items() if o.object_id > after)
            if limit is not None and len(rest) > limit:
                cut = Cursor(rest[limit - 1][0], everything=True, removals_since=verdict.since)
                listed = {href: self.known(now[href]) for _, href in rest[:limit]}
                return verdict.answer, listed, [], sync_token.encode(replace(end, cursor=cut)), True
            listed = {href: self.known(now[href]) for _, href in rest}
            return verdict.answer, listed, [], sync_token.encode(end), False
        since = verdict.since or 0
        before = since - 1 if verdict.cursor else since
        changed = revisions.changes_since(uow, self.calendar, self.viewer.staff_id, before)
        if verdict.cursor is not None:
            changed = sync_token.continued(changed, verdict.cursor, since)
        cut_at = None
        if limit is not None and len(changed) > limit:
            changed = changed[:limit]
            reached = max(changed[-1].revision, changed[-1].personal_revision)
            cut_at = replace(end, revision=reached, cursor=Cursor(changed[-1].object_id))
            cut_at = replace(cut_at, day=token.day if token else today)
        names = {state.href for state in changed}
        if cut_at is None and verdict.former_day is not None:
            former = self.seen(uow, verdict.former_day)
            names |= former.keys() ^ now.keys()
        listed = {name: self.known(now[name]) for name in names & now.keys()}
        removed = sorted(names - now.keys())
        return verdict.answer, listed, removed, sync_token.encode(cut_at or end), cut_at is not None

    def truth(self, uow: UnitOfWork, today: date) -> Copy:
        return {href: self.known(stored) for href, stored in self.seen(uow, today).items()}

    def is_refused(self, uow: UnitOfWork) -> bool:
        if not self.token:
            return False
        state = revisions.calendar_states(uow, [self.calendar], self.viewer.staff_id)[self.calendar]
        token = sync_token.decode(self.token)
        return token.epoch != state.epoch or token.revision < state.floor

    def seen(self, uow: UnitOfWork, today: date) -> dict[str, Any]:
        """The events in the window on that day."""
        found = calendar_objects.load(uow, self.viewer, self.calendar, today=today)
        return {stored.href: stored for stored in found}

    def known(self, stored: Any) -> Any:
        """What decides the bytes."""
        return stored.uid, stored.revision, stored.personal_revision
