"""The world of ``book_world`` on the engine of the test, and a clock that stands still."""

from __future__ import annotations

from datetime import datetime

import pytest

from radicale_practice.practice import clock
from radicale_practice.practice.database import Database
from tests.database.book_world import World, build


@pytest.fixture
def world(database: Database) -> World:
    """A practice with two practitioners; nothing booked."""
    return build(database)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The present instant, settable."""
    present = [datetime(2026, 11, 10, 8)]
    monkeypatch.setattr(clock, "utc_now", lambda: present[0])
    return present
