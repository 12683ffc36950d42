"""Engine and unit of work: one request, one transaction, opened by the first statement.

A unit ends in one of three ways: committed; rolled back (also when somebody above swallowed our error:
an operation that raised has marked the unit); refused, where the change went back to its savepoint while
what was written about it (revision, journal, attention) is committed.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from sqlalchemy import Connection, Dialect, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    TimeoutError,
)
from sqlalchemy.pool import NullPool

from radicale_practice.practice.errors import PracticeError, Unavailable
from radicale_practice.practice.model import Actor

Mode = Literal["r", "w", "statements"]
"""Read, write, or read statements of which each is a snapshot of its own."""

LOCK_TIMEOUT = 3.0
"""Seconds a writer of ours waits for a lock on PostgreSQL before the answer is "try again later"."""

SQLITE_BUSY_TIMEOUT = 10.0
"""SQLite's busy handler is no queue: a writer may wait much longer than its turn."""

POOL_TIMEOUT = 5.0
"""Seconds to wait for a free connection."""

CONNECT_TIMEOUT = 5
"""Seconds to wait for PostgreSQL to answer a new connection."""

OWN_PROGRAM = "practice"
"""The actor the triggers see when one of our programs writes for nobody in particular."""

_REMEMBER_ACTOR = (
    "UPDATE sync_context SET actor = :actor,"
    " start_revision = coalesce((SELECT revision FROM sync_counter), 0)"
)

WRITER_MUTEX = 0x50524143
"""Class of the advisory locks that only our own writers take (lock order: first)."""


class UnitOfWork:
    """One transaction of ours. ``connection`` opens it; nothing happens before the first use."""

    def __init__(self, database: Database, mode: Mode, actor: Actor) -> None:
        self.database = database
        self.mode: Mode = mode
        self.actor = actor
        self.failed = False
        self.closed = False
        self.forgets = False
        """Whether what it deletes and empties must be gone from the files too; ``Database.truncate_log``."""
        self._connection: Connection | None = None

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.database.dialect

    @property
    def opened(self) -> bool:
        """Whether a statement has run in this unit."""
        return self._connection is not None

    @property
    def connection(self) -> Connection:
        """The connection inside this unit's transaction.

        Raises ``Unavailable`` if the database cannot be reached, ``PracticeError`` after the unit ended
        (an access after the lock's exit is a defect, never an empty answer).
        """
        if self.closed:
            raise PracticeError("the unit of work has ended")
        if self._connection is None:
            with translated_errors():
                self._connection = self.database.begin(self.mode, self.actor)
        return self._connection

    def insert(self, table: Table) -> Any:
        """An INSERT in this database's own words, which can say what happens ``on_conflict``."""
        return (sqlite if self.dialect == "sqlite" else postgresql).insert(table)

    @contextmanager
    def operation(self) -> Iterator[None]:
        """A savepoint around one storage operation; an exception rolls it back and marks the unit."""
        with translated_errors():
            try:
                with savepoint(self.connection):
                    yield
            except BaseException:
                self.failed = True
                raise

    def lock_paths(self, paths: Iterable[str]) -> None:
        """Take our writers' mutex for these resource paths, in sorted order (PostgreSQL only)."""
        if self.dialect != "postgresql":
            return
        with translated_errors():
            for path in sorted(set(paths)):
                self.connection.execute(
                    text("SELECT pg_advisory_xact_lock(:cls, hashtext(:path))"),
                    {"cls": WRITER_MUTEX, "path": path},
                )

    def end(self) -> None:
        """Commit, or roll back if an operation failed. Raises ``Unavailable`` if COMMIT does."""
        self.closed = True
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            with translated_errors():
                if self.failed:
                    self.database.rollback(connection)
                elif self.mode != "w":
                    self.database.end_reading(connection)
                else:
                    self.database.before_commit(connection)
                    self.database.commit(connection)
                    if self.forgets:
                        self.database.truncate_log(connection)
        finally:
            try:
                connection.close()
            finally:
                self.database.leave(self.mode)

    def abandon(self) -> None:
        """Roll back whatever was done."""
        self.failed = True
        self.end()


_DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql+psycopg")


@dataclass(frozen=True, slots=True)
class _Process:
    """What belongs to one process and does not come along into a fork of it.

    ``writer``: the threads queue here; waiting in SQLite's busy handler is mostly sleeping.
    """

    engine: Engine
    writer: threading.Lock = field(default_factory=threading.Lock)


class Database:
    """One database. The engine is made after fork, once per process, at first use."""

    def __init__(self, url: str, lock_timeout: float = LOCK_TIMEOUT) -> None:
        self.url = make_url(url)
        if self.url.drivername == "postgresql":
            self.url = self.url.set(drivername="postgresql+psycopg")
        if self.url.drivername not in _DRIVERS:
            raise ArgumentError("no address of SQLite or of PostgreSQL by psycopg")
        self.dialect: str = self.url.get_backend_name()
        self.lock_timeout = lock_timeout
        # A parent's stays in its place: closing its connections here would end them there.
        self._processes: dict[int, _Process] = {}

    @property
    def engine(self) -> Engine:
        """This process's engine."""
        return self._process.engine

    @property
    def _process(self) -> _Process:
        pid = os.getpid()
        known = self._processes.get(pid)
        return known or self._processes.setdefault(pid, _Process(self._create_engine()))

    def _create_engine(self) -> Engine:
        if self.dialect == "sqlite":
            in_file = bool(self.url.database) and self.url.database != ":memory:"
            if in_file and not str(self.url.database).startswith("file:"):
                _make_private(str(self.url.database))
            engine = create_engine(
                self.url,
                hide_parameters=True,
                poolclass=None if in_file else NullPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT, "check_same_thread": False},
            )
            event.listen(engine, "connect", _prepare_sqlite)
            return engine
        engine = create_engine(
            self.url,
            hide_parameters=True,
            pool_size=8,
            max_overflow=24,
            pool_timeout=POOL_TIMEOUT,
            connect_args={"connect_timeout": CONNECT_TIMEOUT, "application_name": "radicale-practice"},
        )
        event.listen(engine, "checkout", partial(_refuse_ended, engine.dialect))
        event.listen(engine, "handle_error", _without_contents)
        return engine

    def begin(self, mode: Mode, actor: Actor) -> Connection:
        """A connection inside a fresh transaction ("r" is one snapshot, "w" sees what is committed), or, for
        "statements", in none."""
        self._enter(mode)
        try:
            return self._begin(mode, actor)
        except BaseException:
            self.leave(mode)
            raise

    def _enter(self, mode: Mode) -> None:
        if self.dialect != "sqlite" or mode != "w":
            return
        if not self._process.writer.acquire(timeout=SQLITE_BUSY_TIMEOUT):
            raise Unavailable("the database is locked by another writer of this process")

    def leave(self, mode: Mode) -> None:
        """Let this process's next writer in; belongs to every ``begin`` whose connection has ended."""
        if self.dialect == "sqlite" and mode == "w":
            self._process.writer.release()

    def _begin(self, mode: Mode, actor: Actor) -> Connection:
        connection = self.engine.connect()
        try:
            if mode == "statements":
                if self.dialect != "sqlite":
                    connection.execution_options(isolation_level="AUTOCOMMIT")
            elif self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE" if mode == "w" else "BEGIN")
                if mode == "w":
                    connection.execute(text(_REMEMBER_ACTOR), {"actor": actor.source or OWN_PROGRAM})
            elif mode == "r":
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                connection.begin()
            else:
                connection.execution_options(isolation_level="READ COMMITTED")
                connection.begin()
                connection.execute(
                    text(
                        "SELECT set_config('lock_timeout', :ms, true),"
                        " set_config('radicale_practice.actor', :actor, true)"
                    ),
                    {"ms": f"{int(self.lock_timeout * 1000)}ms", "actor": actor.source or OWN_PROGRAM},
                )
        except BaseException:
            connection.close()
            raise
        return connection

    def before_commit(self, connection: Connection) -> None:
        """Do what COMMIT would, so that COMMIT itself cannot fail for a reason of ours.

        SQLite: the next writer may be a foreign program. PostgreSQL: the practice's lock comes before the
        journal's.
        """
        if self.dialect == "sqlite":
            connection.exec_driver_sql("UPDATE sync_context SET actor = ''")
        else:
            connection.exec_driver_sql("SET CONSTRAINTS sync_flush_at_commit IMMEDIATE")

    def commit(self, connection: Connection) -> None:
        """COMMIT."""
        if self.dialect == "sqlite":
            connection.exec_driver_sql("COMMIT")
        else:
            connection.commit()

    def truncate_log(self, connection: Connection) -> None:
        """SQLite: empty the write-ahead log, which has pages as they were. PostgreSQL sees to its own.

        Somebody who reads for more than seconds keeps the log; the next time, or the last program that closes
        the database, empties it.
        """
        if self.dialect == "sqlite":
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()

    def end_reading(self, connection: Connection) -> None:
        """Nothing was written. PostgreSQL: a COMMIT, psycopg forgets what it prepared at a ROLLBACK."""
        if self.dialect == "sqlite":
            self.rollback(connection)
        else:
            self.commit(connection)

    def rollback(self, connection: Connection) -> None:
        """ROLLBACK."""
        if self.dialect == "sqlite":
            # By the driver: after a failed RELEASE SQLAlchemy lets no statement through.
            connection.connection.rollback()
        else:
            connection.rollback()

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """A unit that only reads: one consistent snapshot."""
        yield from self._unit("r", Actor())

    @contextmanager
    def look_up(self) -> Iterator[UnitOfWork]:
        """A unit for one look into the database, without a transaction around it: each request begins so."""
        yield from self._unit("statements", Actor())

    @contextmanager
    def write(self, actor: Actor | None = None) -> Iterator[UnitOfWork]:
        """A unit that may write. An exception out of the block rolls everything back."""
        yield from self._unit("w", actor or Actor())

    def _unit(self, mode: Mode, actor: Actor) -> Iterator[UnitOfWork]:
        unit = UnitOfWork(self, mode, actor)
        try:
            yield unit
        except BaseException:
            unit.abandon()
            raise
        unit.end()

    def dispose(self) -> None:
        """Close this process's idle connections."""
        if os.getpid() in self._processes:
            self._process.engine.dispose()


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """What is written inside is undone by an exception, which goes on upwards.

    On PostgreSQL that gives back the locks taken inside as well, the calendars' among them.
    """
    nested = connection.begin_nested()
    try:
        yield
        nested.commit()
    except BaseException:
        # Also after a RELEASE that failed, or the connection would take it for open. On a dead connection
        # this fails too; the first error is the one to tell of.
        with suppress(SQLAlchemyError):
            nested.rollback()
        raise


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn "the database is away, locked or not migrated" into ``Unavailable``."""
    try:
        yield
    except (OperationalError, InterfaceError, TimeoutError) as error:
        raise Unavailable("the database is away or locked") from error
    except DBAPIError as error:
        if error.connection_invalidated or _is_away(error):
            raise Unavailable("the database is away or not migrated") from error
        raise


def _refuse_ended(dialect: Dialect, dbapi_connection: Any, _record: object, _proxy: object) -> None:
    """A server that ends an idle connection (restarted, or idle for too long) has said so by now.

    Raises ``DisconnectionError``, at which the pool connects anew. To ask the server each time would find the
    same a round trip later, twice in every request.
    """
    try:
        waiting = select.poll()
        waiting.register(dbapi_connection.fileno(), select.POLLIN)
        if waiting.poll(0):
            dialect.do_ping(dbapi_connection)  # it may be a notice
    except dialect.loaded_dbapi.Error as error:
        raise DisconnectionError("the server has ended an idle connection") from error


_AWAY = frozenset({"42P01", "42703", "42704", "42883", "25006"})
"""SQLSTATEs of a schema that is not (yet) ours, and of a server that only reads now (a standby)."""


def _is_away(error: DBAPIError) -> bool:
    if getattr(error.orig, "sqlstate", None) in _AWAY:
        return True
    # SQLite: the file is damaged, encrypted or no database.
    return type(error) is DatabaseError


def _without_contents(context: ExceptionContext) -> None:
    """PostgreSQL quotes whole rows in its error texts; keep class, SQLSTATE and the names only."""
    original = context.original_exception
    state = getattr(original, "sqlstate", None)
    if state is None:
        return
    diagnosis = getattr(original, "diag", None)
    names = (getattr(diagnosis, "table_name", None), getattr(diagnosis, "constraint_name", None))
    message = " ".join([type(original).__name__, str(state), *(n for n in names if n)])
    original.args = (message,)
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (message,)


def _make_private(path: str) -> None:
    """A new database file is its owner's alone (-wal and -shm follow); one that is there stays as it is."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        return  # it is there, or SQLite will say better what is wrong


def _text(content: bytes) -> str:
    """A foreign program may have written a text in its own code page: one such row must not break a listing
    (nor be quoted in an error)."""
    return content.decode("utf-8", "replace")


def _prepare_sqlite(dbapi_connection: object, _record: object) -> None:
    """Explicit BEGIN by us, write-ahead log, every commit on disk, foreign keys checked, no deleted rests."""
    dbapi_connection.isolation_level = None  # type: ignore[attr-defined]
    dbapi_connection.text_factory = _text  # type: ignore[attr-defined]
    cursor = dbapi_connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # what is deleted is overwritten: contents that were erased must not be left in free pages of the file
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()
