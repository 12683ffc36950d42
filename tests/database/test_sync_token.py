"""Sync tokens: their text and the judgement; ``test_following_clients`` lives with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radicale_practice.practice.errors import InvalidValue
from radicale_practice.practice.sync import sync_token
from radicale_practice.practice.sync.revisions import CalendarState
from radicale_practice.practice.sync.sync_token import Answer, Cursor, SyncToken, Verdict, judge

TODAY = date(2026, 3, 2)
STATE = CalendarState(1, "e", 10, 20)
TOKEN = SyncToken("e", 15, "f")

words = st.text("0123456789abcdef", min_size=1, max_size=32)
numbers = st.integers(0, 2**63 - 1)
cursors = st.builds(Cursor, numbers) | st.builds(
    Cursor, numbers, everything=st.just(True), removals_since=st.none() | numbers
)
tokens = st.builds(SyncToken, words, numbers, words, st.none() | st.dates(), st.none() | cursors)


@given(tokens)
def test_token_comes_back(token: SyncToken) -> None:
    text = sync_token.encode(token)
    assert sync_token.decode(text) == token
    assert text.startswith("http://")
    assert text.isascii()


@given(
    st.text()
    | st.text().map(lambda t: sync_token.PREFIX + t)
    | tokens.map(lambda t: sync_token.encode(t) + "0_")
)
def test_garbage_is_refused(text: str) -> None:
    try:
        token = sync_token.decode(text)
    except InvalidValue:
        return
    assert sync_token.encode(token) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "urn:x",
        sync_token.PREFIX,
        sync_token.PREFIX + "p1_e_٣_f__",
        sync_token.PREFIX + "p1_e_-1_f_20260230_",
    ],
)
def test_known_garbage(text: str) -> None:
    with pytest.raises(InvalidValue):
        sync_token.decode(text)


@pytest.mark.parametrize(
    ("token", "day", "verdict"),
    [
        (None, None, Verdict(Answer.EVERYTHING)),
        (TOKEN, None, Verdict(Answer.CHANGES, 15)),
        (replace(TOKEN, revision=20), None, Verdict(Answer.UNCHANGED, 20)),
        (replace(TOKEN, revision=21), None, Verdict(Answer.REFUSE)),
        (replace(TOKEN, revision=9), None, Verdict(Answer.REFUSE)),
        (replace(TOKEN, epoch="d"), None, Verdict(Answer.REFUSE)),
        (replace(TOKEN, fingerprint="g"), None, Verdict(Answer.EVERYTHING, 15)),
        (replace(TOKEN, revision=20, day=TODAY), TODAY, Verdict(Answer.UNCHANGED, 20)),
        (
            replace(TOKEN, revision=20, day=TODAY - timedelta(1)),
            TODAY,
            Verdict(Answer.CHANGES, 20, TODAY - timedelta(1)),
        ),
        (replace(TOKEN, cursor=Cursor(3)), None, Verdict(Answer.CHANGES, 15, cursor=Cursor(3))),
        (
            replace(TOKEN, cursor=Cursor(3, True, 12)),
            None,
            Verdict(Answer.EVERYTHING, 12, cursor=Cursor(3, True, 12)),
        ),
        (replace(TOKEN, fingerprint="g", cursor=Cursor(3, True, 12)), None, Verdict(Answer.EVERYTHING, 12)),
    ],
)
def test_judgement(token: SyncToken | None, day: date | None, verdict: Verdict) -> None:
    assert judge(token, STATE, "f", day) == verdict
