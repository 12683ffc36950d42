"""Writer and poller processes for the miss-nothing proof; each runs in a process of its own."""

from __future__ import annotations

import random
import time
from multiprocessing.synchronize import Barrier, Event
from typing import Any

from sqlalchemy import text

from radicale_practice.practice.database import Database
from radicale_practice.practice.errors import Conflict, NotFound
from radicale_practice.practice.sync import identities, revisions
from tests.database.failures import among_practice_rows, cause, told
from tests.database.foreign import connect, parameters
from tests.database.poller import Poller

CALENDARS = 4
APPOINTMENTS = 40


def statement(dice: random.Random) -> tuple[str, tuple[Any, ...]]:
    """One thing a practice program does, in plain SQL."""
    appointment = dice.randint(1, APPOINTMENTS)
    word = f"s{dice.randrange(10**9)}"
    choices: list[tuple[str, tuple[Any, ...]]] = [
        ("UPDATE appointment SET subject = ? WHERE id = ?", (word, appointment)),
        ("UPDATE appointment SET status = 'cancelled' WHERE id = ?", (appointment,)),
        ("UPDATE appointment SET status = 'booked', subject = ? WHERE id = ?", (word, appointment)),
        (
            "UPDATE appointment_calendar SET calendar_id = ? WHERE appointment_id = ?",
            (dice.randint(1, CALENDARS), appointment),
        ),
        ("UPDATE patient SET last_name = ? WHERE id = 1", (word,)),
        ("UPDATE appointment SET patient_id = ? WHERE id = ?", (dice.choice([None, 1]), appointment)),
        ("UPDATE appointment SET subject = ? WHERE id BETWEEN ? AND ?", (word, appointment, appointment + 5)),
        ("DELETE FROM appointment WHERE id = ? AND rrule = ''", (APPOINTMENTS + dice.randint(1, 40),)),
        (
            "INSERT INTO appointment (practice_id, starts_at, ends_at, subject, series_id, recurrence_id)"
            " VALUES (1, '2026-03-02 09:00:00', '2026-03-02 10:00:00', ?, 1, '2026-03-02 09:00:00')",
            (word,),
        ),
        ("UPDATE appointment SET subject = ? WHERE series_id = 1", (word,)),
    ]
    return dice.choice(choices)


def write_plain_sql(url: str, seed: int, seconds: float, start: Barrier, errors: Any) -> None:
    """A foreign program: one or two statements a transaction, by the bare driver.

    A deadlock among its own rows is its own affair: it tries the transaction again.
    """
    dice = random.Random(seed)
    connection = connect(url)
    start.wait()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        count = dice.choice([1, 1, 2]) if url.startswith("sqlite") else 1
        statements = [statement(dice) for _ in range(count)]
        while not carried_out(connection, url, statements, errors):
            pass
    connection.close()


def carried_out(connection: Any, url: str, statements: list[Any], errors: Any) -> bool:
    """One transaction; False if it has to be tried again. Any other failure is reported."""
    try:
        connection.execute("BEGIN IMMEDIATE" if url.startswith("sqlite") else "BEGIN")
        for sql, values in statements:
            connection.execute(parameters(url, sql), values)
        connection.execute("COMMIT")
    except Exception as error:
        connection.execute("ROLLBACK")
        if among_practice_rows(error, connection):
            return False
        errors.put(told(error))
    return True


def write_through_us(url: str, seed: int, seconds: float, start: Barrier, errors: Any) -> None:
    """Our own code: changes, touches, identities, refusals."""
    dice = random.Random(seed)
    database = Database(url, lock_timeout=30)
    start.wait()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with database.write() as uow:
                sql, values = statement(dice)
                names = {f"p{i}": value for i, value in enumerate(values)}
                for name in names:
                    sql = sql.replace("?", f":{name}", 1)
                uow.connection.execute(text(sql), names)
                calendar = dice.randint(1, CALENDARS)
                if dice.random() < 0.3:
                    rename(uow, dice, calendar)
                revisions.flush(uow)
        except Exception as error:
            if not ours_to_try_again(database, error):
                errors.put(told(cause(error)))
    database.dispose()


def ours_to_try_again(database: Database, error: BaseException) -> bool:
    """Whether a client would come again: a deadlock with a foreign program's rows, nothing of ours in it."""
    if database.dialect == "sqlite":
        return False
    with database.engine.connect() as connection:
        return among_practice_rows(cause(error), connection.connection.dbapi_connection)


def rename(uow: Any, dice: random.Random, calendar: int) -> None:
    """Give an object a name another one may have had before."""
    with uow.connection.begin_nested() as savepoint:
        try:
            word = f"name{dice.randrange(20)}"
            identities.assign(uow, calendar, dice.randint(1, APPOINTMENTS), f"{word}.ics", word)
            revisions.flush(uow)
        except (Conflict, NotFound):
            savepoint.rollback()


def follow(url: str, calendar: int, start: Barrier, done: Event, results: Any) -> None:
    """A poller: follows its calendar until the writers have ended, then reports what it missed."""
    database = Database(url)
    poller = Poller(database, calendar)
    start.wait()
    polls = 0
    while not done.is_set():
        poller.poll()
        polls += 1
    poller.poll()
    results.put((calendar, polls, len(poller.copy), sorted(poller.missed().items())))
    database.dispose()
