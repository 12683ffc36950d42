"""Nobody is served without being known, and nothing is read after the storage lock."""

from __future__ import annotations

import pytest

from radicale_practice.plugins.request import Request
from radicale_practice.practice.database import Database
from radicale_practice.practice.errors import PracticeError, ViewerMissing


def test_without_a_viewer_nothing_is_served() -> None:
    database = Database("sqlite:///:memory:")
    for ask in (Request().require_viewer, Request().require_unit, lambda: Request().require_home(database)):
        with pytest.raises(ViewerMissing):
            ask()


def test_a_unit_that_has_ended_answers_nothing() -> None:
    """Radicale reads properties after the lock has exited: an empty answer would be an order to delete."""
    with Database("sqlite:///:memory:").read() as unit:
        pass
    with pytest.raises(PracticeError, match="ended"):
        _ = unit.connection
