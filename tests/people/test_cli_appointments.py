"""Appointments, series and the agenda at the command line; on both engines."""

from __future__ import annotations

from sqlalchemy import text

from radicale_practice.practice.database import Database
from radicale_practice.practice.notices import attention_rows
from tests.people.command_line import Run, identifier


def test_an_appointment_from_add_to_undo(run: Run, anna: None) -> None:
    made = identifier(
        run("appointment", "add", "anna müller", "2026-11-24 09:00", "--patient", "17", "--room", "Raum 1")
    )
    assert "Tue 2026-11-24 09:00 to 09:30" in run("appointment", "show", made).stdout
    assert "09:45" in run("appointment", "move", made, "2026-11-24 09:15").stdout
    run("appointment", "status", made, "confirmed")
    run("appointment", "link", made, "--nobody")
    run("appointment", "link", made, "17")
    run("appointment", "cancel", made)
    assert "cancelled" in run("appointment", "show", made).stdout
    run("appointment", "restore", made)
    shown = run("appointment", "show", made).stdout
    assert "Raum 1" in shown
    assert "Huber Maria" in shown
    lines = run("journal", "--appointment", made).stdout.splitlines()
    assert any(
        "Huber Maria moved from Tue 2026-11-24 09:00 to Tue 2026-11-24 09:15" in line for line in lines
    )
    assert all("radicale-practice" in line for line in lines)
    agenda = run("agenda", "2026-11-24").stdout
    assert "09:15" in agenda
    assert "Huber" in agenda


def test_who_books_a_taken_time_is_told(run: Run, anna: None) -> None:
    run("staff", "add", "bernd", "--name", "Bernd Groß", "--password-stdin", typed="ahorn-birke-1\n")
    twice, visit = "\n  somebody or a room is booked twice\n", ("--subject", "Besuch")
    first = identifier(run("appointment", "add", "anna müller", "2026-11-24 09:00", *visit))
    assert twice in run("appointment", "add", "anna müller", "2026-11-24 09:15", *visit).stdout
    assert twice not in run("appointment", "move", first, "2026-11-24 11:00").stdout
    assert twice in run("appointment", "move", first, "2026-11-24 09:30").stdout
    run("appointment", "cancel", first)
    assert twice in run("appointment", "restore", first).stdout
    assert twice not in run("appointment", "move", first, "--calendar", "bernd").stdout
    series = ("series", "add", "anna müller", "2026-11-17 09:15", "--times", "2", *visit)
    assert twice not in run(*series).stdout
    taken = run(*series, "--no-skip-taken")
    assert twice in taken.stdout
    move = ("appointment", "move", identifier(taken), "--on", "2026-11-24")
    assert twice in run(*move, "--calendar", "bernd").stdout
    assert twice not in run(*move, "2026-11-24 14:00").stdout
    assert twice in run(*move, "2026-11-24 09:45").stdout
    run("appointment", "add", "anna müller", "2026-12-07", "--all-day", "--subject", "Urlaub")
    said = run("appointment", "add", "anna müller", "2026-12-07 09:00", "--patient", "17").stdout
    assert "booked while somebody is absent" in said


def test_a_zone_that_nobody_knows_is_the_practices_in_every_list(
    run: Run, anna: None, database: Database
) -> None:
    twice, name = "somebody or a room is booked twice", "W. Europe Standard Time"
    run("appointment", "add", "anna müller", "2027-05-10 12:00", "--end", "13:00", "--subject", "Mittag")
    made = identifier(run("appointment", "add", "anna müller", "2027-05-10 08:00", "--subject", "x"))
    with database.write() as uow:
        uow.connection.execute(text(f"UPDATE appointment SET time_zone = '{name}' WHERE id = {made}"))
    assert twice not in run("appointment", "move", made, "2027-05-10 10:00").stdout
    assert twice in run("appointment", "move", made, "2027-05-10 12:15").stdout
    assert "2027-05-10 12:15 to 12:45" in run("attention", "list").stdout
    shown = run("appointment", "show", made).stdout
    assert "2027-05-10 12:15 to 12:45" in shown and "Europe/Vienna" in shown
    assert "10:00 to Mon 2027-05-10 12:15" in run("journal", "--appointment", made).stdout
    with database.read() as uow:
        kept = uow.connection.execute(text(f"SELECT time_zone FROM appointment WHERE id = {made}"))
        assert kept.scalar_one() == name


def test_the_list_names_the_instance_that_it_is_about(run: Run, anna: None, database: Database) -> None:
    series = ("series", "add", "anna müller", "2026-11-24 09:00", "--times", "3", "--subject", "Kurs")
    made = int(identifier(run(*series)))
    with database.write() as uow:
        kind, details = attention_rows.UNLINKED, {"instances": ["2026-12-01T09:00:00"]}
        attention_rows.file(uow, 1, kind, kind, actor=uow.actor, appointment_id=made, details=details)
    for command in (("attention", "list"), ("attention", "show", "1")):
        assert "those of Tue 2026-12-01 09:00" in run(*command).stdout
    assert run("attention", "resolve", "1", "link", "--patient", "17").stdout == "settled: link, 1 change\n"
    lines = run("agenda", "2026-11-24", "--days", "20").stdout.splitlines()
    assert [line.split()[1] for line in lines if "Huber" in line] == ["2026-12-01"]


def test_blocks_days_and_wrong_arguments(run: Run, anna: None) -> None:
    made = identifier(
        run(
            "appointment",
            "add",
            "anna müller",
            "2026-11-24",
            "--all-day",
            "--end",
            "25.11.2026",
            "--subject",
            "Urlaub",
        )
    )
    assert "Tue 2026-11-24 to Wed 2026-11-25" in run("appointment", "show", made).stdout
    (line,) = [row for row in run("agenda", "2026-11-24").stdout.splitlines() if "Urlaub" in row]
    assert "Tue 2026-11-24  all day  Wed 2026-11-25" in line
    run("appointment", "add", "anna müller", "2026-11-24 09:00", code=2)
    run("appointment", "add", "anna müller", "someday", "--subject", "x", code=2)
    run("appointment", "add", "nobody", "2026-11-24 09:00", "--subject", "x", code=1)
    run("appointment", "add", "anna müller", "2026-11-24 09:00", "--patient", "99", code=1)
    run("appointment", "add", "anna müller", "2026-11-24 09:00", "--subject", "x", "--end", "08:00", code=2)
    run("appointment", "link", made, code=2)
    for command in ("show", "cancel", "restore"):
        run("appointment", command, "999999", code=1)
        run("appointment", command, "9" * 40, code=1)


def test_ten_tuesdays_without_holidays_and_taken_times(run: Run, anna: None, database: Database) -> None:
    run("appointment", "add", "anna müller", "2026-12-01 09:15", "--subject", "Besuch")
    said = run(
        "series",
        "add",
        "anna müller",
        "2026-11-24 09:00",
        "--times",
        "10",
        "--minutes",
        "45",
        "--patient",
        "17",
    ).stdout
    assert "10 appointments" in said
    assert "2026-12-08 09:00 left out: holiday" in said
    assert "2026-12-01 09:00 left out: taken" in said
    assert "Tue 2027-02-09 09:00" in said
    assert "2027-02-16" not in said
    with database.read() as uow:
        row = uow.connection.execute(text("SELECT rrule, exdate FROM appointment WHERE rrule <> ''")).one()
    assert row.rrule == "FREQ=WEEKLY;COUNT=12"
    assert row.exdate == "2026-12-01 09:00:00,2026-12-08 09:00:00"


def test_a_series_whose_first_dates_are_left_out(run: Run, anna: None, database: Database) -> None:
    said = run("series", "add", "anna müller", "2026-12-08 09:00", "--times", "2", "--subject", "Kurs").stdout
    assert "Tue 2026-12-15 09:00" in said
    with database.read() as uow:
        row = uow.connection.execute(text("SELECT rrule, exdate, starts_at FROM appointment")).one()
    assert (row.rrule, row.exdate, str(row.starts_at)) == ("FREQ=WEEKLY;COUNT=2", "", "2026-12-15 09:00:00")


def test_a_forbidden_double_booking(run: Run, anna: None) -> None:
    run("settings", "set", "double_booking", "forbid")
    run("appointment", "add", "anna müller", "2026-11-24 09:00", "--subject", "Besuch")
    said = run("appointment", "add", "anna müller", "2026-11-24 09:15", "--subject", "Besuch", code=1)
    assert "taken" in said.stderr


def test_the_agenda_has_what_only_a_room_has(run: Run, anna: None) -> None:
    run("appointment", "add", "anna müller", "2026-11-24 09:00", "--patient", "17", "--room", "Raum 1")
    run("appointment", "add", "Raum 1", "2026-11-24 10:00", "--subject", "Rückenschule")
    told = run("agenda", "2026-11-24").stdout.splitlines()[1:]
    assert [("Anna Müller" in line, "Raum 1" in line) for line in told] == [(True, True), (False, True)]
    assert "Huber" in told[0]
    assert "Rückenschule" in told[1]
    assert len(run("agenda", "2026-11-24", "--calendar", "Raum 1").stdout.splitlines()) == 3


def test_a_series_as_a_whole_and_one_of_it(run: Run, anna: None) -> None:
    made = identifier(
        run("series", "add", "anna müller", "2026-11-24 09:00", "--times", "4", "--patient", "17")
    )
    assert "as a whole" in run("appointment", "move", made, "2026-12-01 10:00").stdout
    assert "Tue 2026-11-24 10:00" in run("appointment", "show", made).stdout
    moved = run("appointment", "move", made, "2026-12-02 11:00", "--on", "2026-12-01").stdout
    assert "Wed 2026-12-02 11:00" in moved
    shown = run("appointment", "show", made, "--on", "2026-12-02").stdout
    assert "Tue 2026-12-01 10:00" in shown
    assert "as a whole" not in run("appointment", "cancel", made, "--on", "2026-12-15 10:00").stdout
    assert "it is cancelled" in run("appointment", "cancel", made, "--on", "2026-12-15", code=2).stderr
    assert "it is cancelled" in run("appointment", "move", made, "--on", "2026-12-15", code=2).stderr
    run("appointment", "restore", made, "--on", "2026-12-15")
    run("appointment", "restore", made, "--on", "2026-12-15", code=2)
    run("appointment", "restore", made, code=2)
    run("appointment", "status", made, "no_show", "--on", "2026-11-24")
    run("appointment", "link", made, "--nobody", "--on", "2026-12-15")
    assert "17 Huber" not in run("appointment", "show", made, "--on", "2026-12-15").stdout
    assert "17 Huber" in run("appointment", "show", made, "--on", "2026-12-22").stdout
    # a public holiday
    assert "left out" in run("appointment", "show", made, "--on", "2026-12-08", code=2).stderr
    run("appointment", "show", made, "--on", "2026-12-09", code=1)
    run("appointment", "show", made, "--on", "someday", code=2)
    assert "documented" in run("appointment", "cancel", made).stdout
    assert "UNTIL=" in run("appointment", "show", made).stdout
    run("appointment", "status", made, "booked")
    assert "COUNT=" in run("appointment", "show", made).stdout


def test_a_cancelled_appointment_is_not_moved_or_cancelled_again(run: Run, anna: None) -> None:
    made = identifier(run("appointment", "add", "anna müller", "2026-11-24 09:00", "--subject", "Massage"))
    run("appointment", "link", made, "17")
    assert "Massage" in run("appointment", "show", made).stdout
    run("appointment", "show", made, "--on", "2026-11-24", code=2)
    run("appointment", "cancel", made)
    assert "restore it first" in run("appointment", "move", made, "2026-11-24 10:00", code=2).stderr
    run("appointment", "cancel", made, code=2)
    run("appointment", "restore", made)
    run("appointment", "restore", made, code=2)
