"""Sync tokens: their text, the judgement, and clients that follow a calendar through anything."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from radicale_practice.practice import migrate
from radicale_practice.practice.database import Database
from radicale_practice.practice.errors import Conflict, InvalidValue, NotFound
from radicale_practice.practice.sync import housekeeping, identities, revisions, sync_token
from radicale_practice.practice.sync.revisions import CalendarState
from radicale_practice.practice.sync.sync_token import Answer, Cursor, SyncToken, Verdict, judge
from tests.database.house import book, furnish, run
from tests.private_postgresql import Cluster

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


class Client:
    """One client of one calendar with one projection; its copy maps hrefs to (uid, revision)."""

    def __init__(self, calendar: int, staff: int) -> None:
        self.calendar = calendar
        self.staff = staff
        self.fingerprint = "a"
        self.token: str | None = None
        self.shown_with = ""
        self.copy: dict[str, Any] = {}

    def sync(self, database: Database) -> Answer:
        with database.read() as uow:
            state = revisions.calendar_states(uow, [self.calendar], self.staff)[self.calendar]
            token = sync_token.decode(self.token) if self.token else None
            verdict = judge(token, state, self.fingerprint, None)
            if verdict.answer is Answer.REFUSE:
                self.token, self.copy = None, {}
                return verdict.answer
            changes = []
            if verdict.since is not None:
                changes = revisions.changes_since(uow, self.calendar, self.staff, verdict.since)
            if verdict.answer is Answer.UNCHANGED:
                assert changes == []
            if verdict.answer is Answer.EVERYTHING:
                live = revisions.object_states(uow, self.calendar, self.staff)
                changes = [c for c in changes if not c.live and c.href not in {s.href for s in live}] + live
            assert len({c.href for c in changes}) == len(changes)
            for change in changes:
                if change.live:
                    self.copy[change.href] = (change.uid, change.revision, change.personal_revision)
                else:
                    self.copy.pop(change.href, None)
            new = SyncToken(state.epoch, state.revision, self.fingerprint)
            self.token = sync_token.encode(new)
            self.shown_with = self.fingerprint
            truth = {
                s.href: (s.uid, s.revision, s.personal_revision)
                for s in revisions.object_states(uow, self.calendar, self.staff)
            }
        assert self.copy == truth
        return verdict.answer


class FollowingClients(RuleBasedStateMachine):
    """Clients of two calendars stay right whatever happens between their syncs."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database(self.url())
        migrate.upgrade(self.database)
        with self.database.write() as uow:
            furnish(uow, 2)
            self.appointments = [book(uow, 1), book(uow, 2)]
        self.clients = [Client(1, 1), Client(1, 2), Client(2, 1)]
        self.old_tokens: list[tuple[Client, str]] = []
        self.now = datetime(2026, 1, 1)

    def url(self) -> str:
        return f"sqlite:///{self.folder.name}/a.sqlite"

    def write(self, sql: str, **parameters: Any) -> None:
        with self.database.write() as uow:
            run(uow, sql, **parameters)

    @rule(calendar=st.integers(1, 2))
    def book(self, calendar: int) -> None:
        with self.database.write() as uow:
            self.appointments.append(book(uow, calendar))

    @rule(data=st.data(), status=st.sampled_from(["cancelled", "booked"]))
    def set_status(self, data: st.DataObject, status: str) -> None:
        self.write("UPDATE appointment SET status = :s WHERE id = :a", s=status, a=self.one(data))

    @rule(data=st.data())
    def change(self, data: st.DataObject) -> None:
        self.write("UPDATE appointment SET subject = subject || 'x' WHERE id = :a", a=self.one(data))

    @rule(data=st.data(), calendar=st.integers(1, 2))
    def move(self, data: st.DataObject, calendar: int) -> None:
        self.write(
            "UPDATE appointment_calendar SET calendar_id = :c WHERE appointment_id = :a",
            c=calendar,
            a=self.one(data),
        )

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        appointment = self.one(data)
        if len(self.appointments) > 1:
            self.appointments.remove(appointment)
            self.write("DELETE FROM appointment WHERE id = :a", a=appointment)

    @rule(data=st.data(), calendar=st.integers(1, 2), name=st.sampled_from("ab"), uid=st.sampled_from("uv"))
    def assign(self, data: st.DataObject, calendar: int, name: str, uid: str) -> None:
        with self.database.write() as uow:
            savepoint = uow.connection.begin_nested()
            try:
                identities.assign(uow, calendar, self.one(data), name, uid)
                revisions.flush(uow)
            except (Conflict, NotFound):
                savepoint.rollback()

    @rule(data=st.data(), staff=st.integers(0, 2))
    def touch(self, data: st.DataObject, staff: int) -> None:
        with self.database.write() as uow:
            live = revisions.object_states(uow, 1, 0)
            if live:
                revisions.touch(uow, 1, [data.draw(st.sampled_from(live)).object_id], staff)

    @rule(data=st.data())
    def sync(self, data: st.DataObject) -> None:
        client = data.draw(st.sampled_from(self.clients))
        if client.token is not None:
            self.old_tokens.append((client, client.token))
        if client.sync(self.database) is not Answer.REFUSE:
            assert client.sync(self.database) is Answer.UNCHANGED

    @rule(data=st.data(), fingerprint=st.sampled_from("abc"))
    def other_projection(self, data: st.DataObject, fingerprint: str) -> None:
        client = data.draw(st.sampled_from(self.clients))
        client.fingerprint = fingerprint
        shown = client.shown_with
        if client.token is not None and shown != fingerprint:
            assert client.sync(self.database) in (Answer.EVERYTHING, Answer.REFUSE)

    @rule()
    def new_epoch(self) -> None:
        with self.database.write() as uow:
            revisions.new_epoch(uow)
        for client in self.clients:
            if client.token is not None:
                assert client.sync(self.database) is Answer.REFUSE

    @rule(years=st.sampled_from([0, 2]))
    def prune(self, years: int) -> None:
        housekeeping.prune(self.database, datetime.now() + timedelta(days=365 * years))

    @precondition(lambda self: self.old_tokens)
    @rule(data=st.data())
    def an_old_token_is_refused_or_complete(self, data: st.DataObject) -> None:
        client, token = data.draw(st.sampled_from(self.old_tokens))
        with self.database.read() as uow:
            state = revisions.calendar_states(uow, [client.calendar], client.staff)[client.calendar]
        decoded = sync_token.decode(token)
        verdict = judge(decoded, state, decoded.fingerprint, None)
        gone = decoded.epoch != state.epoch or decoded.revision < state.floor
        assert (verdict.answer is Answer.REFUSE) == gone
        future = replace(decoded, epoch=state.epoch, revision=state.revision + 1)
        assert judge(future, state, decoded.fingerprint, None).answer is Answer.REFUSE

    @invariant()
    def one_live_object_each(self) -> None:
        with self.database.read() as uow:
            missing = run(
                uow,
                "SELECT count(*) FROM sync_served s WHERE NOT EXISTS (SELECT 1 FROM calendar_object o"
                " WHERE o.calendar_id = s.calendar_id AND o.appointment_id = s.appointment_id"
                " AND o.removed_revision IS NULL)",
            )
        assert missing == 0

    def one(self, data: st.DataObject) -> int:
        return int(data.draw(st.sampled_from(self.appointments)))

    def teardown(self) -> None:
        if hasattr(self, "database"):
            for client in self.clients:
                if client.sync(self.database) is Answer.REFUSE:
                    client.sync(self.database)
            self.database.dispose()
            self.folder.cleanup()


SHORT = settings(max_examples=10, stateful_step_count=25, deadline=None)

TestFollowingClients = FollowingClients.TestCase
TestFollowingClients.settings = SHORT


def test_following_clients_on_postgresql(postgresql_cluster: Cluster, postgresql_template: str) -> None:
    class OnPostgreSQL(FollowingClients):
        def url(self) -> str:
            return postgresql_cluster.url(postgresql_cluster.create(postgresql_template))

    run_state_machine_as_test(OnPostgreSQL, settings=settings(SHORT, max_examples=6))
