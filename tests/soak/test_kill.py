"""``kill -9`` at random moments of writes: nothing half done, nothing acknowledged is lost.

Once our server is killed, on both engines; once PostgreSQL with all its processes, under a server of ours
that goes on and says 503 meanwhile.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import requests

from radicale_practice.practice import migrate
from radicale_practice.practice.database import Database
from tests.clients.events import event, fact, stored_facts
from tests.private_postgresql import Cluster
from tests.processes import wait_until
from tests.soak import practice
from tests.sync_client import CalendarCopy, Refused, uid_of

FIRST = datetime(2027, 2, 1, 6)
LEAST_ROUNDS = 3
MOST_WRITES = 80
LONGEST_DELAY = 0.1
SERVER_SECONDS = 180

State = tuple[str, datetime] | None
"""Title and start of an event, None for no event."""


@dataclass
class Writer:
    """One client; knows for each UID of its own every state that the server may be in."""

    copy: CalendarCopy
    chance: random.Random
    possible: dict[str, set[State]] = field(default_factory=dict)
    acknowledged: int = 0
    surprise: Exception | None = None

    def write_until_it_dies(self) -> None:
        """Random writes on own events, until the connection breaks."""
        try:
            while True:
                self._write()
        except requests.RequestException:
            self.copy.session.close()
        except Refused as error:
            self.surprise = None if error.status == 503 else error
        except Exception as error:
            self.surprise = error

    def _write(self) -> None:
        living = [uid for uid, states in self.possible.items() if None not in states]
        choice = self.chance.random()
        if not living or choice < 0.5:
            self._put(f"{self.chance.getrandbits(64):016x}")
        elif choice < 0.8:
            self._put(self.chance.choice(living))
        else:
            self._delete(self.chance.choice(living))

    def _put(self, uid: str) -> None:
        title = f"Besprechung {self.chance.randrange(10**6)}"
        start = FIRST + timedelta(minutes=15 * self.chance.randrange(5000))
        before = self.possible.get(uid, {None})
        self.possible[uid] = before | {(title, start)}
        self.copy.put(f"{uid}.ics", event(uid, title, start), new=before == {None})
        self.possible[uid] = {(title, start)}
        self.acknowledged += 1

    def _delete(self, uid: str) -> None:
        self.possible[uid] = self.possible[uid] | {None}
        self.copy.delete(f"{uid}.ics")
        self.possible[uid] = {None}
        self.acknowledged += 1

    def compare(self) -> None:
        """Every event of ours is in a state that it may be in, which from now on is the only one."""
        self.copy.refresh()
        texts = self.copy.texts()
        for uid, states in self.possible.items():
            text = texts.get(uid)
            fitting = {state for state in states if _is(text, state)}
            assert fitting, f"an acknowledged write is lost: {uid} is {text!r}, may be {states}"
            self.possible[uid] = fitting


def _is(text: str | None, state: State) -> bool:
    if state is None or text is None:
        return state is None and text is None
    return stored_facts(text) == frozenset({("", fact(*state))})


def test_kill_at_random_moments(database_url: str, tmp_path: Path) -> None:
    chance = practice.dice("kill")
    house = practice.build(database_url)
    writers = [
        Writer(house.copy(name, calendar), random.Random(chance.random()))
        for name, calendars in house.calendars.items()
        for calendar in calendars
    ]
    end = time.monotonic() + practice.seconds()
    rounds = 0
    with practice.server(house, tmp_path) as server:
        while time.monotonic() < end or rounds < LEAST_ROUNDS:
            server.start()
            for writer in writers:
                writer.compare()
            _let_live(server.kill, writers, chance)
            assert house.check() == ""
            rounds += 1
        server.start()
        for writer in writers:
            writer.compare()
            assert writer.copy.listing() == {href: m.etag for href, m in writer.copy.members.items()}
        server.stop()
    acknowledged = sum(writer.acknowledged for writer in writers)
    print(f"kill: {rounds} rounds, {acknowledged} acknowledged writes, none lost")
    assert acknowledged > 0


@pytest.fixture
def durable() -> Iterator[Cluster]:
    """A cluster of its own that is as safe as PostgreSQL is by default (fsync, synchronous_commit)."""
    cluster = Cluster(settings=())
    yield cluster
    cluster.close()


def test_kill_postgresql_at_random_moments(durable: Cluster, tmp_path: Path) -> None:
    chance = practice.dice("kill postgresql")
    url = durable.url(durable.create())
    database = Database(url)
    migrate.upgrade(database)
    database.dispose()
    house = practice.build(url)
    calendars = [(name, calendar) for name, known in house.calendars.items() for calendar in known]
    writers = [Writer(house.copy(*where), random.Random(chance.random())) for where in calendars]
    end = time.monotonic() + practice.seconds()
    rounds = 0
    with practice.server(house, tmp_path) as server:
        server.start()
        while time.monotonic() < end or rounds < LEAST_ROUNDS:
            _let_live(durable.kill, writers, chance)
            durable.start()
            for writer in writers:
                writer.compare()
            assert house.check() == ""
            rounds += 1
        assert server.stop() == 0
    acknowledged = sum(writer.acknowledged for writer in writers)
    print(f"kill postgresql: {rounds} rounds, {acknowledged} acknowledged writes, none lost")
    assert acknowledged > 0


def _let_live(kill: Callable[[], None], writers: list[Writer], chance: random.Random) -> None:
    """All write until a random number of writes is acknowledged, and a moment longer; then the kill."""
    goal = sum(writer.acknowledged for writer in writers) + chance.randrange(1, MOST_WRITES)
    delay = chance.uniform(0, LONGEST_DELAY)
    threads = [threading.Thread(target=writer.write_until_it_dies) for writer in writers]
    for thread in threads:
        thread.start()
    wait_until(
        lambda: (
            sum(writer.acknowledged for writer in writers) >= goal
            or not any(thread.is_alive() for thread in threads)
        ),
        "acknowledged writes",
        SERVER_SECONDS,
    )
    threading.Event().wait(delay)
    kill()
    for thread in threads:
        thread.join()
    for writer in writers:
        if writer.surprise is not None:
            raise writer.surprise


def test_uid_is_read_back() -> None:
    """The oracle itself: a text says what was put into it."""
    text = event("a", "Besprechung", FIRST)
    assert uid_of(text) == "a"
    assert _is(text, ("Besprechung", FIRST)) and not _is(text, None)
    assert not _is(text, ("Besprechung", FIRST + timedelta(hours=1))) and Refused(412).status == 412
