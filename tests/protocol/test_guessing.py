"""Guessing passwords over HTTP: the guessing address is told to come back later, and learns nothing more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radicale_practice.practice.people import guesses, staff
from tests.protocol.conftest import MakeClient


def test_an_address_that_guesses_gets_a_503_and_others_go_on(
    own: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = guesses.Guesses()
    monkeypatch.setattr(staff, "_guesses", lambda: made)
    right = own()
    home = {"X-Forwarded-For": "198.51.100.9, 203.0.113.7"}
    for number in range(guesses.MOST_FOR_ACCOUNT):
        wrong = replace(right, password=f"wrong-guess-{number}", extra=home)
        assert wrong.propfind("/", "D:current-user-principal").status == 401
    for password in ("wrong-guess-x", "wrong-guess-y"):
        answer = replace(right, password=password, extra=home).propfind("/", "D:current-user-principal")
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
    away = {"X-Forwarded-For": "203.0.113.7, 198.51.100.9"}
    for extra in ({}, away):
        assert replace(right, extra=extra).propfind("/", "D:current-user-principal").status == 207
