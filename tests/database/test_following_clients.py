"""Clients that follow calendars through anything, page by page, and come back with tokens of any age."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from radicale_practice.practice import clock, migrate
from radicale_practice.practice.database import Database
from radicale_practice.practice.errors import Conflict, NotFound
from radicale_practice.practice.model import Access, Role, View, Viewer, Window
from radicale_practice.practice.sync import housekeeping, identities, revisions
from radicale_practice.practice.sync.sync_token import Answer
from tests.database.following import Client, Whole, Windowed
from tests.database.house import book, furnish, place, run
from tests.private_postgresql import Cluster

FIRST_DAY = date(2026, 3, 2)
ROOM = 3
LIMITS = st.sampled_from([None, 1, 2, 3])


def viewer(staff: int, role: Role = Role.PRACTITIONER, **more: Any) -> Viewer:
    return Viewer(1, staff, f"person{staff}", "Person", role, **more)


class FollowingClients(RuleBasedStateMachine):
    """Every kind of naming: one's own calendar, a colleague's as busy, the reception, a room, a window."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database(self.url())
        migrate.upgrade(self.database)
        with self.database.write() as uow:
            furnish(uow, 2)
            # Through the room Anna sees her own events under their names, a colleague's under others.
            run(uow, "INSERT INTO calendar_access (calendar_id, staff_id, access) VALUES (3, 1, 'read')")
            self.appointments = [book(uow, 1), book(uow, 2)]
        self.clients: list[Client] = [
            Whole(1, viewer(1)),
            Whole(1, viewer(2)),
            Whole(2, viewer(2, Role.RECEPTIONIST)),
            Whole(ROOM, viewer(1)),
            Windowed(1, viewer(1, window=Window(1, 3))),
        ]
        self.former: list[Client] = []
        self.today = FIRST_DAY

    def url(self) -> str:
        return f"sqlite:///{self.folder.name}/a.sqlite"

    def write(self, sql: str, **parameters: Any) -> None:
        with self.database.write() as uow:
            run(uow, sql, **parameters)

    # what happens

    @rule(calendar=st.integers(1, 2), day=st.integers(0, 7))
    def book(self, calendar: int, day: int) -> None:
        with self.database.write() as uow:
            start = f"{FIRST_DAY + timedelta(days=day)} 09:00:00"
            self.appointments.append(book(uow, calendar, start))

    @rule(data=st.data(), status=st.sampled_from(["cancelled", "booked", "unconfirmed"]))
    def set_status(self, data: st.DataObject, status: str) -> None:
        self.write("UPDATE appointment SET status = :s WHERE id = :a", s=status, a=self.one(data))

    @rule(data=st.data(), staff=st.sampled_from([None, 1, 2]))
    def change(self, data: st.DataObject, staff: int | None) -> None:
        self.write(
            "UPDATE appointment SET subject = subject || 'x', created_by = :s WHERE id = :a",
            s=staff,
            a=self.one(data),
        )

    @rule(data=st.data(), day=st.integers(0, 7))
    def reschedule(self, data: st.DataObject, day: int) -> None:
        start = f"{FIRST_DAY + timedelta(days=day)} 09:00:00"
        self.write(
            "UPDATE appointment SET starts_at = :s, ends_at = :s WHERE id = :a", s=start, a=self.one(data)
        )

    @rule(data=st.data(), calendar=st.integers(1, 2))
    def move(self, data: st.DataObject, calendar: int) -> None:
        self.write(
            "UPDATE appointment_calendar SET calendar_id = :c WHERE appointment_id = :a AND role = 'owner'",
            c=calendar,
            a=self.one(data),
        )

    @rule(data=st.data())
    def into_the_room_or_out(self, data: st.DataObject) -> None:
        appointment = self.one(data)
        with self.database.write() as uow:
            there = "FROM appointment_calendar WHERE appointment_id = :a AND calendar_id = :c"
            if run(uow, f"SELECT count(*) {there}", a=appointment, c=ROOM):
                run(uow, f"DELETE {there}", a=appointment, c=ROOM)
            else:
                place(uow, appointment, ROOM, "resource")

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        appointment = self.one(data)
        if len(self.appointments) > 1:
            self.appointments.remove(appointment)
            self.write("DELETE FROM appointment WHERE id = :a", a=appointment)

    @rule(
        data=st.data(), calendar=st.integers(1, ROOM), name=st.sampled_from("ab"), uid=st.sampled_from("uv")
    )
    def assign(self, data: st.DataObject, calendar: int, name: str, uid: str) -> None:
        with self.database.write() as uow:
            savepoint = uow.connection.begin_nested()
            try:
                identities.assign(uow, calendar, self.one(data), name, uid)
                revisions.flush(uow)
            except (Conflict, NotFound):
                savepoint.rollback()

    @rule(data=st.data(), calendar=st.integers(1, ROOM), staff=st.integers(0, 2))
    def touch(self, data: st.DataObject, calendar: int, staff: int) -> None:
        with self.database.write() as uow:
            live = revisions.object_states(uow, calendar, 0)
            if live:
                revisions.touch(uow, calendar, [data.draw(st.sampled_from(live)).object_id], staff)

    @rule(index=st.integers(0, 3), values=st.sampled_from([{}, {"view": View.INITIALS}, {"permission": "r"}]))
    def other_projection(self, index: int, values: dict[str, Any]) -> None:
        client = self.clients[index]
        permission = Access.READ if "permission" in values else Access.WRITE
        client.viewer = replace(client.viewer, view=values.get("view", View.FULL), permission=permission)

    @rule()
    def another_day(self) -> None:
        self.today += timedelta(days=1)

    @rule(calendar=st.sampled_from([None, 1, 2]))
    def new_epoch(self, calendar: int | None) -> None:
        with self.database.write() as uow:
            revisions.new_epoch(uow, None if calendar is None else [calendar])

    @rule(years=st.sampled_from([0, 2]))
    def prune(self, years: int) -> None:
        housekeeping.prune(self.database, clock.utc_now() + timedelta(days=365 * years))

    # who follows

    @rule(data=st.data(), limit=LIMITS)
    def one_page(self, data: st.DataObject, limit: int | None) -> None:
        """A client may stop in the middle of a list and go on much later."""
        client = data.draw(st.sampled_from(self.clients))
        self.former.append(client.saved())
        with self.database.read() as uow:
            refused = client.is_refused(uow)
            assert (client.sync(uow, self.today, limit)[0] is Answer.REFUSE) == refused

    @rule(data=st.data(), limit=LIMITS)
    def to_the_end(self, data: st.DataObject, limit: int | None) -> None:
        client = data.draw(st.sampled_from(self.clients))
        self.former.append(client.saved())
        with self.database.read() as uow:
            client.follow(uow, self.today, limit)

    @precondition(lambda self: self.former)
    @rule(data=st.data(), limit=LIMITS)
    def somebody_comes_back(self, data: st.DataObject, limit: int | None) -> None:
        """With a token and the copy of that time: refused by the rules and by nothing else, or complete."""
        client = data.draw(st.sampled_from(self.former)).saved()
        with self.database.read() as uow:
            refused = client.is_refused(uow)
            assert (client.sync(uow, self.today, limit)[0] is Answer.REFUSE) == refused
            client.follow(uow, self.today, limit)

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
            with self.database.read() as uow:
                for client in (*self.clients, *self.former):
                    client.follow(uow, self.today, 2)
            self.database.dispose()
            self.folder.cleanup()


SHORT = settings(max_examples=12, stateful_step_count=30)

TestFollowingClients = FollowingClients.TestCase
TestFollowingClients.settings = SHORT


def test_following_clients_on_postgresql(postgresql_cluster: Cluster, postgresql_template: str) -> None:
    class OnPostgreSQL(FollowingClients):
        def url(self) -> str:
            return postgresql_cluster.url(postgresql_cluster.create(postgresql_template))

    run_state_machine_as_test(OnPostgreSQL, settings=settings(SHORT, max_examples=6))
