"""A practice with nobody in it, on both engines."""

from __future__ import annotations

import pytest

from radicale_practice.practice import practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.projections import Practice


@pytest.fixture
def practice(database: Database) -> Practice:
    """A practice in Vienna."""
    with database.write() as uow:
        return practices.create(uow, "ST Praxis")


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2 with little work; what the real parameters are is no matter here."""
    monkeypatch.setattr("radicale_practice.practice.people.passwords.TIME_COST", 1)
    monkeypatch.setattr("radicale_practice.practice.people.passwords.MEMORY_COST", 64)
