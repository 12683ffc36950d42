"""What goes wrong with a database becomes ``Unavailable``, and error texts carry no contents."""

from __future__ import annotations

import os
import select
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, IntegrityError

from radicale_practice.practice import database as module
from radicale_practice.practice.book.writing import attempt
from radicale_practice.practice.database import Database, translated_errors
from radicale_practice.practice.errors import Unavailable
from tests.database.foreign import connect
from tests.database.house import furnished, run


def test_database_that_is_not_migrated(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/empty.sqlite")
    with pytest.raises(Unavailable), database.read() as uow, translated_errors():
        run(uow, "SELECT * FROM appointment")
    with pytest.raises(Unavailable), database.write() as uow:
        run(uow, "SELECT 1")


def test_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no database " * 200)
    with pytest.raises(Unavailable), Database(f"sqlite:///{tmp_path}/file").read() as uow:
        run(uow, "SELECT 1")


def test_error_text_names_the_constraint_and_no_content(database: Database) -> None:
    furnished(database)
    with pytest.raises(IntegrityError) as caught, database.write() as uow:
        run(
            uow,
            "INSERT INTO patient (practice_id, number, last_name) VALUES (1, :n, :l)",
            n="4711",
            l="Huber",
        )
    assert "patient" in str(caught.value)
    assert "4711" not in str(caught.value) + str(caught.value.__cause__)


@pytest.mark.filterwarnings("error::sqlalchemy.exc.SAWarning")
def test_a_savepoint_that_cannot_be_released_leaves_nothing_and_no_warning(database: Database) -> None:
    """The first error is the one that is told of, through all savepoints around."""
    furnished(database)

    class Broken(Exception):
        """The RELEASE that fails."""

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("RELEASE"):
            raise Broken

    event.listen(database.engine, "before_cursor_execute", fail)
    with pytest.raises(Broken), database.write() as uow, uow.operation(), attempt(uow):
        run(uow, "UPDATE patient SET last_name = 'half'")
    event.remove(database.engine, "before_cursor_execute", fail)
    assert uow.failed
    with database.read() as uow:
        assert run(uow, "SELECT last_name FROM patient") == "Mustermann"


def test_connection_that_died_is_replaced(postgresql_url: str) -> None:
    database = furnished(Database(postgresql_url))
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'radicale-practice'"
    )
    other = connect(postgresql_url)
    with database.read() as uow:
        assert run(uow, "SELECT count(*) FROM practice") == 1
        other.execute(f"{kill} AND datname = current_database()")
        with pytest.raises(Unavailable), translated_errors():
            run(uow, "SELECT 1")
        uow.failed = True
    with database.read() as uow:
        assert run(uow, "SELECT count(*) FROM practice") == 1
    database.dispose()


def test_idle_connections_that_the_server_ended_are_replaced_unnoticed(postgresql_url: str) -> None:
    database = furnished(Database(postgresql_url))
    other = connect(postgresql_url)

    def ask_on_three_connections() -> None:
        with database.read() as first, database.look_up() as second, database.write() as third:
            assert [run(uow, "SELECT count(*) FROM practice") for uow in (first, second, third)] == [1, 1, 1]

    ask_on_three_connections()
    (ended,) = other.execute(
        "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
        " WHERE application_name = 'radicale-practice' AND datname = current_database()"
    ).fetchone()
    assert ended == 3
    ask_on_three_connections()
    database.dispose()


def test_an_idle_connection_to_which_the_server_said_something_is_kept(postgresql_url: str) -> None:
    database = furnished(Database(postgresql_url))
    with database.look_up() as uow:
        backend = run(uow, "SELECT pg_backend_pid()")
        uow.connection.exec_driver_sql("LISTEN news")
        socket = uow.connection.connection.driver_connection.fileno()
    connect(postgresql_url).execute("NOTIFY news")
    waiting = select.poll()
    waiting.register(socket, select.POLLIN)
    assert waiting.poll(60_000)
    with database.read() as uow:
        assert run(uow, "SELECT pg_backend_pid()") == backend
    database.dispose()


def test_a_new_database_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "practice.db"
    with Database(f"sqlite:///{path}").read() as uow:
        run(uow, "SELECT 1")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_process_forked_while_its_parent_is_about_to_write_can_write(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parent's threads do not come along: nobody would give the writers' lock back in the child."""
    furnished(database)
    monkeypatch.setattr(module, "SQLITE_BUSY_TIMEOUT", 1.0)
    begin, children = database._begin, []

    def forking(*arguments: Any) -> Connection:
        monkeypatch.setattr(database, "_begin", begin)
        child = os.fork()
        if child == 0:
            _write_and_leave(database)
        children.append(os.waitpid(child, 0)[1])
        return begin(*arguments)

    monkeypatch.setattr(database, "_begin", forking)
    with database.write() as uow:
        assert run(uow, "SELECT phone FROM patient") == "child"
        run(uow, "UPDATE patient SET phone = 'parent'")
    assert children == [0]
    with database.write() as uow:
        assert run(uow, "SELECT phone FROM patient") == "parent"


def _write_and_leave(database: Database) -> NoReturn:
    status = 1
    try:
        with database.write() as uow:
            run(uow, "UPDATE patient SET phone = 'child'")
        status = 0
    finally:
        os._exit(status)


def test_a_reading_unit_is_one_snapshot_and_writes_nothing(database: Database) -> None:
    """A token and the list it stands for come from different statements: nothing may come between them."""
    furnished(database)
    with database.read() as uow:
        before = run(uow, "SELECT last_name FROM patient")
        with database.write() as other:
            run(other, "UPDATE patient SET last_name = 'Huber'")
        assert run(uow, "SELECT last_name FROM patient") == before
        with pytest.raises(DBAPIError):
            run(uow, "UPDATE patient SET last_name = 'Moser'")
        uow.failed = True
    with database.read() as uow:
        assert run(uow, "SELECT last_name FROM patient") == "Huber"


def test_how_long_is_waited_and_what_is_safe(sqlite_url: str, postgresql_url: str) -> None:
    """Three seconds for a lock of PostgreSQL; a commit of SQLite is on the disk when it is acknowledged."""
    database = Database(postgresql_url)
    with database.write() as uow:
        assert run(uow, "SHOW lock_timeout") == "3s"
    database.dispose()
    database = Database(sqlite_url)
    with database.write() as uow:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        assert [run(uow, f"PRAGMA {name}") for name in pragmas] == ["wal", 2, 1, 10_000]
    database.dispose()


def test_reading_leaves_prepared_statements_prepared(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    for _ in range(8):
        with database.read() as uow:
            run(uow, "SELECT count(*) FROM appointment")
    with database.read() as uow:
        found = run(
            uow, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM appointment'"
        )
    database.dispose()
    assert found == 1


def test_a_look_up_sees_what_is_committed_and_leaves_no_transaction(database: Database) -> None:
    furnished(database)
    with database.look_up() as uow:
        assert run(uow, "SELECT last_name FROM patient") != "Huber"
        with database.write() as other:
            run(other, "UPDATE patient SET last_name = 'Huber'")
        assert run(uow, "SELECT last_name FROM patient") == "Huber"
    with database.read() as uow:  # on the same connection, and a snapshot again
        assert run(uow, "SELECT last_name FROM patient") == "Huber"
        with database.write() as other:
            run(other, "UPDATE patient SET last_name = 'Moser'")
        assert run(uow, "SELECT last_name FROM patient") == "Huber"
