"""Several clients and a foreign program at random on the same calendars, with a model of what must come out.

Every write to one event is made under that event's lock in the test, so that the model knows the order;
everything else happens at the same time. Now and then all stop and compare: the model, each client's copy
kept by sync tokens, and the server's listing are one.
"""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.clients.events import Fact, Moved, event, stored_facts
from tests.clients.plain_sql import PracticeProgram
from tests.soak import practice
from tests.soak.practice import House
from tests.sync_client import CalendarCopy, Refused

Content = tuple[str, datetime, bool]
"""Title, start, and whether it is a series: four weeks, the second of them two hours later."""

HELD = (403, 412)
"""A cancellation that the brake holds, without and with an ETag; the event stays and comes back."""

FIRST = datetime(2027, 2, 1, 6)
STEPS = 12
CLIENTS_EACH = 2


@dataclass
class Model:
    """What is on the server: calendar -> UID -> content."""

    events: dict[str, dict[str, Content]] = field(default_factory=lambda: defaultdict(dict))
    locks: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))
    guard: threading.Lock = field(default_factory=threading.Lock)

    def lock(self, uid: str) -> threading.Lock:
        """The lock of one event."""
        with self.guard:
            return self.locks[uid]

    def set(self, calendar: str, uid: str, content: Content | None) -> None:
        """The event says this now; None: it is gone. Under its lock."""
        with self.guard:
            if content is None:
                del self.events[calendar][uid]
            else:
                self.events[calendar][uid] = content

    def some(self, calendar: str, chance: random.Random) -> str | None:
        """A UID of the calendar, None if it is empty."""
        with self.guard:
            uids = sorted(self.events[calendar])
        return chance.choice(uids) if uids else None


@dataclass
class Client:
    """One device of one person on one calendar."""

    model: Model
    copy: CalendarCopy
    calendar: str
    others: tuple[str, ...]
    chance: random.Random
    held: int = 0

    def step(self) -> None:
        """One thing a client does. A 503 of a busy machine is no answer at all: nothing has happened."""
        try:
            self._act(self.chance.random())
        except Refused as error:
            if error.status != 503:
                raise

    def _act(self, choice: float) -> None:
        if choice < 0.3:
            self.copy.refresh()
        elif choice < 0.55:
            self._create()
        elif choice < 0.8:
            self._with_one(self._change)
        elif choice < 0.88 and self.others:
            self._with_one(self._move)
        else:
            self._with_one(self._delete)

    def _create(self) -> None:
        uid = f"{self.chance.getrandbits(64):016x}"
        content = _content(self.chance)
        with self.model.lock(uid):
            self.copy.put(f"{uid}.ics", _text(uid, content), new=True)
            self.model.set(self.calendar, uid, content)

    def _with_one(self, act: Callable[[str], None]) -> None:
        uid = self.model.some(self.calendar, self.chance)
        if uid is None:
            return
        with self.model.lock(uid):
            try:
                act(uid)
            except Refused as error:
                if error.status not in (404, *HELD):
                    raise

    def _change(self, uid: str) -> None:
        """With the ETag the client has: stale ones must be refused, then the model stays."""
        known = {member.uid: (href, member.etag) for href, member in self.copy.members.items()}
        if uid not in known:
            return
        href, etag = known[uid]
        known_as = self.model.events[self.calendar].get(uid)
        title, start, series = _content(self.chance, known_as)
        self.copy.put(href, _text(uid, (title, start, series)), etag=etag)
        assert known_as is not None, "a removed event was changed with an old ETag"
        self.model.set(self.calendar, uid, (title, start, series))

    def _delete(self, uid: str) -> None:
        known = {member.uid: (href, member.etag) for href, member in self.copy.members.items()}
        if uid not in known:
            return
        try:
            self.copy.delete(*known[uid])
        except Refused as error:
            self.held += error.status in HELD
            raise
        self.model.set(self.calendar, uid, None)

    def _move(self, uid: str) -> None:
        """To another calendar that this person may write, with all that it says now."""
        known = {member.uid: href for href, member in self.copy.members.items()}
        content = self.model.events[self.calendar].get(uid)
        if uid not in known or content is None:
            return
        target = self.chance.choice(self.others)
        self.copy.move(known[uid], self.copy.url.replace(self.calendar, target))
        self.model.set(self.calendar, uid, None)
        self.model.set(target, uid, content)


@dataclass
class Foreigner:
    """The practice program in plain SQL."""

    model: Model
    program: PracticeProgram
    calendars: tuple[str, ...]
    chance: random.Random

    def step(self) -> None:
        """One transaction."""
        calendar = self.chance.choice(self.calendars)
        title, start, _ = _content(self.chance)
        uid = self.model.some(calendar, self.chance)
        if uid is None or self.chance.random() < 0.4:
            made = self.program.insert(calendar, title, start)
            with self.model.lock(made):
                self.model.set(calendar, made, (title, start, False))
            return
        with self.model.lock(uid):
            if uid not in self.model.events[calendar] or self.model.events[calendar][uid][2]:
                return
            if self.chance.random() < 0.6:
                self.program.move(calendar, uid, start)
                self.model.set(calendar, uid, (self.model.events[calendar][uid][0], start, False))
            else:
                self.program.cancel(calendar, uid)
                self.model.set(calendar, uid, None)


def test_random_mixed_load(database_url: str, tmp_path: Path) -> None:
    chance = practice.dice("mixed load")
    house = practice.build(database_url, brake_cancellations=practice.BRAKE)
    model = Model()
    clients = [
        Client(
            model,
            house.copy(name, calendar),
            calendar,
            tuple(set(calendars) - {calendar}) if name == practice.RECEPTION else (),
            random.Random(chance.random()),
        )
        for name, calendars in house.calendars.items()
        for calendar in calendars
        for _ in range(CLIENTS_EACH)
    ]
    everywhere = tuple(sorted({client.calendar for client in clients}))
    foreigner = Foreigner(model, PracticeProgram(database_url), everywhere, random.Random(chance.random()))
    end = time.monotonic() + practice.seconds()
    rounds = 0
    with practice.server(house, tmp_path) as server:
        server.start()
        while time.monotonic() < end or rounds < 2:
            _all_at_once([*clients, foreigner])
            _compare(house, model, clients)
            rounds += 1
        assert server.stop() == 0
    living = sum(len(events) for events in model.events.values())
    held = sum(client.held for client in clients)
    print(
        f"mixed load: {rounds} rounds of {STEPS} steps by {len(clients) + 1},"
        f" {living} events at the end, {held} deletions refused"
    )
    assert house.check() == ""


def _all_at_once(actors: list[Any]) -> None:
    failures: list[Exception] = []

    def run(actor: Any) -> None:
        try:
            for _ in range(STEPS):
                actor.step()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(actor,)) for actor in actors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _compare(house: House, model: Model, clients: list[Client]) -> None:
    for client in clients:
        client.copy.refresh()
        listing = {href: member.etag for href, member in client.copy.members.items()}
        assert listing == client.copy.listing()
        facts = {uid: stored_facts(text) for uid, text in client.copy.texts().items()}
        expected = {uid: _facts(content) for uid, content in model.events[client.calendar].items()}
        assert facts == expected


def _content(chance: random.Random, known: Content | None = None) -> Content:
    """Something new; of a known event some days around, which is no cancellation for the brake."""
    title = f"Besprechung {chance.randrange(10**6)}"
    if known is not None:
        return title, known[1] + timedelta(minutes=15 * chance.randrange(-90, 90)), known[2]
    series = chance.random() < 0.2
    start = FIRST + timedelta(minutes=15 * chance.randrange(5000))
    return title, start.replace(hour=12) if series else start, series


def _text(uid: str, content: Content) -> str:
    title, start, series = content
    if not series:
        return event(uid, title, start)
    second = start + timedelta(days=7)
    later = Moved(second, second + timedelta(hours=2), f"{title} spaeter")
    return event(uid, title, start, rule="FREQ=WEEKLY;COUNT=4", moved=[later])


def _facts(content: Content) -> frozenset[tuple[str, Fact]]:
    """What a text of this content says."""
    return stored_facts(_text("", content))
