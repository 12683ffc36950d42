"""Foreign programs for the miss-nothing proof: plain SQL by the bare driver, each in a process of its own."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.database.failures import among_practice_rows, own_key_violation, own_serialization_failure, told
from tests.database.foreign import connect, parameters
from tests.database.run import Run

CALENDARS = 5
APPOINTMENTS = 40
STAYING = 10
"""Appointments 1 to 10 are single ones that nobody moves or renames: what somebody moved since its snapshot,
a REPEATABLE READ writer changes unseen (docs/integration.md)."""
SERIES = STAYING + 1

Statement = tuple[str, tuple[Any, ...]]


def word(dice: random.Random) -> str:
    """Something nobody has written before."""
    return f"s{dice.randrange(10**9)}"


def one_row(dice: random.Random, appointment: int) -> Statement:
    """A change of one appointment."""
    choices: list[Statement] = [
        ("UPDATE appointment SET subject = ? WHERE id = ?", (word(dice), appointment)),
        ("UPDATE appointment SET status = 'cancelled' WHERE id = ?", (appointment,)),
        ("UPDATE appointment SET status = 'booked', subject = ? WHERE id = ?", (word(dice), appointment)),
        ("UPDATE appointment SET patient_id = ? WHERE id = ?", (dice.choice([None, 1]), appointment)),
    ]
    if appointment > STAYING:
        move = "UPDATE appointment_calendar SET calendar_id = ? WHERE appointment_id = ? AND role = 'owner'"
        choices.append((move, (dice.randint(1, CALENDARS), appointment)))
    return dice.choice(choices)


def many_rows(dice: random.Random) -> Statement:
    """One statement that changes, makes or deletes what it finds."""
    first = dice.randint(1, APPOINTMENTS)
    choices: list[Statement] = [
        ("UPDATE patient SET last_name = ? WHERE id = 1", (word(dice),)),
        ("UPDATE appointment SET subject = ? WHERE id BETWEEN ? AND ?", (word(dice), first, first + 5)),
        ("DELETE FROM appointment WHERE id = ? AND rrule = ''", (APPOINTMENTS + dice.randint(1, 60),)),
        (
            "INSERT INTO appointment (practice_id, starts_at, ends_at, subject, series_id, recurrence_id)"
            " VALUES (1, '2026-03-02 09:00:00', '2026-03-02 10:00:00', ?, ?, '2026-03-02 09:00:00')",
            (word(dice), SERIES),
        ),
        ("UPDATE appointment SET subject = ? WHERE series_id = ?", (word(dice), SERIES)),
    ]
    return dice.choice(choices)


def one_statement(dice: random.Random) -> list[Statement]:
    """A transaction of one statement."""
    return [one_row(dice, dice.randint(1, APPOINTMENTS)) if dice.random() < 0.5 else many_rows(dice)]


def two_rows(dice: random.Random) -> list[Statement]:
    """A transaction that changes two appointments, by ascending id."""
    rows = sorted(dice.sample(range(1, APPOINTMENTS + 1), 2))
    return [one_row(dice, row) for row in rows]


def after_a_snapshot(dice: random.Random) -> list[Statement]:
    """A REPEATABLE READ transaction: it has looked before it changes something and makes something new."""
    rows = sorted(dice.sample(range(1, STAYING + 1), dice.choice([1, 2])))
    statements: list[Statement] = [("SELECT count(*) FROM appointment", ())]
    statements += [one_row(dice, row) for row in rows]
    if dice.random() < 0.3:
        new = (
            "WITH n AS (INSERT INTO appointment (practice_id, starts_at, ends_at, subject)"
            " VALUES (1, '2026-03-09 09:00:00', '2026-03-09 10:00:00', ?) RETURNING id)"
            " INSERT INTO appointment_calendar (appointment_id, calendar_id) SELECT id, ? FROM n"
        )
        statements.append((new, (word(dice), dice.randint(1, CALENDARS))))
    return statements


def write(run: Run, begin: str, transaction: Callable[[random.Random], list[Statement]]) -> None:
    """Transactions until the time is over; one that failed by the programs' own doing is tried again."""
    connection = connect(run.url)
    run.begin()
    while run.goes_on():
        statements = transaction(run.dice)
        while not carried_out(connection, run, begin, statements):
            run.retried += 1
        run.done += 1
    connection.close()
    run.end()


def carried_out(connection: Any, run: Run, begin: str, statements: list[Statement]) -> bool:
    """One transaction; False if it has to be tried again. A failure that is not the program's is reported."""
    try:
        connection.execute(begin)
        for sql, values in statements:
            connection.execute(parameters(run.url, sql), values)
        connection.execute("COMMIT")
    except Exception as error:
        connection.execute("ROLLBACK")
        if among_practice_rows(error, connection) or own_serialization_failure(error):
            return False
        if own_key_violation(error):
            run.refused += 1
        else:
            run.report(told(error))
    return True


def write_statements(run: Run) -> None:
    """One statement a transaction, many rows in one now and then."""
    write(run, "BEGIN IMMEDIATE" if run.url.startswith("sqlite") else "BEGIN", one_statement)


def write_two_rows(run: Run) -> None:
    """Two rows a transaction, READ COMMITTED."""
    write(run, "BEGIN IMMEDIATE" if run.url.startswith("sqlite") else "BEGIN", two_rows)


def write_after_a_snapshot(run: Run) -> None:
    """PostgreSQL: two rows a transaction, REPEATABLE READ."""
    write(run, "BEGIN ISOLATION LEVEL REPEATABLE READ", after_a_snapshot)
