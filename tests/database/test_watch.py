"""A practice program hears what phones changed."""

from __future__ import annotations

from radicale_practice.practice.database import Database, UnitOfWork
from radicale_practice.practice.sync import watch
from tests.database.house import book, furnished, run


def entry(uow: UnitOfWork, appointment: int, action: str, **columns: object) -> None:
    values = {"practice_id": 1, "appointment_id": appointment, "action": action, "staff_id": 1, **columns}
    names = ", ".join(values)
    run(uow, f"INSERT INTO journal ({names}) VALUES ({', '.join(':' + n for n in values)})", **values)


def test_changes_come_once_in_order(database: Database) -> None:
    furnished(database)
    with database.write() as uow:
        first, second = book(uow, 1, external_id="K-1"), book(uow, 1)
        entry(uow, first, "moved", device_id=7, program="DAVx5")
        entry(uow, second, "private thing", private=True)
        entry(uow, second, "foreign", staff_id=None)
        entry(uow, second, "refused")
        entry(uow, second, "held")
        entry(uow, second, "cancel")
        entry(uow, second, "undo", staff_id=None, program="cli")
    with database.read() as uow:
        changes, cursor = watch.changes_since(uow, 1, 0, 1)
        assert [(c.action, c.external_id, c.user_name, c.program) for c in changes] == [
            ("moved", "K-1", "person1", "DAVx5")
        ]
        more, cursor = watch.changes_since(uow, 1, cursor, 10)
        assert [(c.action, c.user_name) for c in more] == [("cancel", "person1"), ("undo", None)]
        assert watch.changes_since(uow, 1, cursor, 10) == ([], cursor)
        assert watch.changes_since(uow, 2, 0, 10) == ([], 0)


def test_a_late_commit_is_not_passed_over(postgresql_url: str) -> None:
    database = furnished(Database(postgresql_url))
    late, early = Database(postgresql_url), Database(postgresql_url)
    with late.write() as slow:
        entry(slow, 1, "slow")
        with early.write() as fast:
            entry(fast, 2, "fast")
        with database.read() as uow:
            first, cursor = watch.changes_since(uow, 1, 0)
        assert [change.action for change in first] == ["fast"]
    with database.read() as uow:
        assert [change.action for change in watch.changes_since(uow, 1, cursor)[0]] == ["slow"]
    for each in (database, late, early):
        each.dispose()
