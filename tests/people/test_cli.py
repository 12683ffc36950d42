"""The command line, on both engines."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from radicale_practice.cli import attention_commands, record_commands
from radicale_practice.practice import book, calendars, locations, practices
from radicale_practice.practice.database import Database
from radicale_practice.practice.model import Actor, Role, Viewer
from radicale_practice.practice.notices import attention_rows
from radicale_practice.practice.people import staff
from radicale_practice.practice.reading import calendar_objects
from radicale_practice.practice.records import left_alone
from radicale_practice.practice.rules import brake, refusals
from tests.people.command_line import Run, identifier, invoke

AT_NINE = ("appointment", "add", "anna müller", "2026-11-24 09:00", "--subject", "x")


def test_init_twice_is_no_harm(run: Run, database: Database) -> None:
    assert "ST Praxis" in run("init", "--name", "ST Praxis").stdout
    with database.read() as uow:
        assert len(practices.list_all(uow)) == 1


def test_init_of_a_practice_that_is_there_does_not_pass_over_what_it_is_asked(run: Run) -> None:
    said = run("init", "--name", "ST Praxis", "--time-zone", "Europe/Berlin", code=2).stderr
    assert "settings set time_zone Europe/Berlin" in said
    assert "settings set language en" in run("init", "--name", "ST Praxis", "--language", "en", code=2).stderr
    assert (
        "(Europe/Vienna, de)"
        in run("init", "--name", "ST Praxis", "--time-zone", "Europe/Vienna", "--language", "DE").stdout
    )
    run("init", "--time-zone", "Europe/Berlin", code=2)
    assert "(Europe/Berlin, en-gb)" in (
        run("init", "--name", "Zweite", "--time-zone", "Europe/Berlin", "--language", "en-GB").stdout
    )
    run("init", "--name", "Dritte", "--time-zone", "Mars/Olympus", code=2)


@pytest.mark.parametrize("language", ["zz", "fr", "deutsch", "de_AT", ""])
def test_a_language_without_words_is_refused(run: Run, language: str) -> None:
    assert "'de' or 'en'" in run("init", "--name", "Zweite", "--language", language, code=2).stderr
    assert "Zweite" not in run("init").stdout


def test_the_journal_since_a_time_is_whole_or_says_that_it_is_cut(run: Run, database: Database) -> None:
    with database.write() as uow:
        practice = practices.find(uow)
        for number in range(60):
            locations.add(uow, practice.id, f"Ort {number}")
    assert len(run("journal").stdout.splitlines()) == 50
    whole = run("journal", "--since", "1d")
    assert sum("location Ort" in line for line in whole.stdout.splitlines()) == 60
    assert whole.stderr == ""
    cut = run("journal", "--since", "1d", "--limit", "10")
    assert len(cut.stdout.splitlines()) == 10
    assert "Ort 59 added" in cut.stdout.splitlines()[-1]
    assert "only the newest 10" in cut.stderr
    assert "--limit" in cut.stderr


def test_staff(run: Run, anna: None, database: Database) -> None:
    assert "anna müller" in run("staff", "list").stdout
    assert staff.authenticate(database, "anna_müller", "ahorn-birke-1") is not None
    run("staff", "password", "anna_müller", "--password-stdin", typed="enzian-fichte-2\n")
    assert staff.authenticate(database, "anna müller", "ahorn-birke-1") is None
    assert staff.authenticate(database, "anna müller", "enzian-fichte-2") is not None
    run("staff", "role", "anna müller", "administrator")
    run("staff", "deactivate", "anna müller")
    assert "deactivated" in run("staff", "list").stdout
    assert staff.authenticate(database, "anna müller", "enzian-fichte-2") is None
    run("staff", "activate", "anna müller")


def test_calendars(run: Run, anna: None) -> None:
    run("staff", "add", "reception", "--role", "receptionist", "--password-stdin", typed="ahorn-birke-1\n")
    assert "Raum 1" in run("calendar", "list").stdout
    assert "busy" in run("calendar", "list", "--staff", "anna müller").stdout
    run("calendar", "grant", "Raum 1", "anna müller", "write")
    assert "busy" not in run("calendar", "list", "--staff", "anna müller").stdout
    assert "taken back" in run("calendar", "revoke", "Raum 1", "anna müller").stdout
    assert "no grant" in run("calendar", "revoke", "Raum 1", "anna müller").stdout
    run("calendar", "add", "Schule", "--staff", "anna müller", "--private")
    assert "/anna_müller/" in run("calendar", "list", "--staff", "anna müller").stdout
    run("calendar", "add", "Schule", "--private", code=2)


def test_patients(run: Run, anna: None, tmp_path: Path) -> None:
    assert "Huber" in run("patient", "find", "hub").stdout
    assert run("patient", "find", "nobody", code=1).stdout == ""
    file = tmp_path / "patienten.csv"
    file.write_text("Nummer;Nachname;Vorname\n18;Huber;Maria\n19;Öllinger;Jörg\n", encoding="cp1252")
    assert "would be imported: 2 new" in run("patient", "import", str(file), "--dry-run").stdout
    assert "imported: 2 new" in run("patient", "import", str(file)).stdout
    assert "2 unchanged" in run("patient", "import", str(file)).stdout
    assert "Öllinger" in run("patient", "find", "oll").stdout
    assert run("patient", "merge", "18", "17").stdout == "patient 17 has 0 appointments more\n"
    asked = run("patient", "erase", "17", typed="n\n", code=1).stdout
    assert "patient 17, Huber Maria?" in asked
    assert "Huber Maria" in run("patient", "erase", "18", typed="n\n", code=1).stdout
    assert "?" not in run("patient", "erase", "99", typed="y\n", code=1).output
    assert "Huber" in run("patient", "find", "17").stdout
    run("patient", "erase", "17", "--yes")
    run("patient", "find", "17", code=1)
    run("patient", "change", "17", "--last-name", "Huber", code=2)
    said = run("patient", "import", str(file)).stdout
    assert said == "imported: 0 new, 0 changed, 1 unchanged, 1 left alone: erased\n"
    run("patient", "find", "huber", code=1)


def test_a_merge_asks_by_name_whoever_sits_at_a_terminal(run: Run, anna: None) -> None:
    run("patient", "add", "Moser", "Max", "--number", "18")
    terminal, theirs = pty.openpty()
    os.write(terminal, b"n\n")
    command = [sys.executable, "-m", "radicale_practice.cli.main", "patient", "merge", "18", "17"]
    try:
        done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=120, check=False)
    finally:
        os.close(terminal)
        os.close(theirs)
    assert done.returncode == 1
    assert "18, Moser Max" in done.stdout
    assert "17, Huber Maria" in done.stdout
    assert "Moser" in run("patient", "find", "18").stdout
    run("patient", "merge", "18", "17")
    run("patient", "find", "18", code=1)


def test_nothing_is_booked_for_a_patient_who_was_erased(run: Run, anna: None) -> None:
    run("patient", "add", "Moser", "--number", "18")
    made = identifier(run("appointment", "add", "anna müller", "2026-11-24 09:00", "--patient", "18"))
    run("patient", "erase", "17", "--yes")
    for command in (
        ("appointment", "add", "anna müller", "2026-11-24 10:00", "--patient", "17"),
        ("series", "add", "anna müller", "2026-11-24 10:00", "--patient", "17"),
        ("appointment", "link", made, "17"),
        ("patient", "merge", "18", "17"),
        ("patient", "merge", "17", "18"),
    ):
        assert "erased" in run(*command, code=2).stderr
    assert "Moser" in run("agenda", "2026-11-24").stdout
    run("patient", "erase", "17", "--yes")


def test_a_patient_changes(run: Run, anna: None) -> None:
    assert run("patient", "change", "17", "--phone", "0664 1").stdout == "patient 17: Huber Maria, 0664 1\n"
    assert run("patient", "change", "17", "--last-name", "Moser", "--phone", "").stdout == (
        "patient 17: Moser Maria\n"
    )
    run("patient", "change", "17", code=2)
    run("patient", "change", "17", "--last-name", " ", "--first-name", "", code=2)
    run("patient", "change", "99", "--phone", "1", code=1)
    journal = run("journal").stdout
    assert "patient Moser Maria changed: phone from (none) to 0664 1" in journal
    assert "changed: last name from Huber to Moser, phone from 0664 1 to (none)" in journal


def test_an_import_with_errors_says_lines_and_no_names(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "patienten.csv"
    file.write_text("Nummer;Nachname\n1;Geheim\n;Geheim\n", encoding="utf-8")
    result = run("patient", "import", str(file), code=1)
    assert "line 3: " in result.stderr
    assert "Geheim" not in result.output
    run("patient", "find", "geheim", code=1)
    run("patient", "import", str(file), "--skip-errors")
    assert "Geheim" in run("patient", "find", "geheim").stdout


def test_attention_and_undo(run: Run, anna: None) -> None:
    for _ in range(2):
        run("appointment", "add", "anna müller", "2026-11-24 09:00", "--subject", "Besuch")
    listed = run("attention", "list").stdout
    assert "double-booking" in listed
    assert "Besuch, Tue 2026-11-24 09:00 to 09:30, Anna Müller" in listed
    assert "booked twice" in listed
    assert "accept, discard" in listed
    number = next(word for word in listed.split() if word.isdigit())
    run("attention", "resolve", number, "nonsense", code=2)
    run("attention", "resolve", number, "accept")
    assert "is settled already" in run("attention", "resolve", number, "accept", code=1).stderr
    assert "double-booking" not in run("attention", "list").stdout
    assert (
        "0 changes would be undone"
        in run("undo", "--device", "anna müller", "--since", "2h", "--dry-run").stdout
    )
    run("undo", "--device", "nobody", "--since", "2h", code=1)
    run("undo", "--device", "anna müller", "--since", "whenever", code=2)
    run("undo", "--device", "anna müller", "--program", "DAVx5", "--since", "2h", code=1)


def test_settings(run: Run, database: Database) -> None:
    run("settings", "set", "double_booking", "forbid")
    run("settings", "set", "subjects", "Massage; Befund")
    listed = run("settings", "list").stdout
    assert "forbid" in listed
    assert "Massage; Befund" in listed
    run("settings", "set", "double_booking", "maybe", code=2)
    run("settings", "set", "nonsense", "1", code=2)


def test_upkeep(run: Run, anna: None, database: Database) -> None:
    run("series", "add", "anna müller", "2026-11-24 09:00", "--times", "3", "--subject", "Kurs")
    assert "1 series expanded" in run("maintain").stdout
    assert "no problems" in run("check").stdout
    assert "no problems" in run("check", "--repair").stdout
    on = "" if database.dialect == "sqlite" else " ON patient"
    with database.write() as uow:
        uow.connection.execute(text(f"DROP TRIGGER sync_patient_update{on}"))
    said = run("check", code=1)
    assert "sync_patient_update" in said.stdout and "check --repair" in said.stderr
    assert "repaired: " in run("check", "--repair").stdout
    assert "no problems" in run("check").stdout


def test_a_new_epoch(run: Run, anna: None, database: Database) -> None:
    def epochs() -> list[str]:
        with database.read() as uow:
            return list(uow.connection.execute(text("SELECT epoch FROM calendar_sync ORDER BY 1")).scalars())

    before = epochs()
    run("new-epoch", typed="n\n", code=1)
    assert epochs() == before != []
    assert "lists everything again" in run("new-epoch", "--yes").stdout
    assert not set(epochs()) & set(before)
    assert "no problems" in run("check").stdout


def test_what_a_phone_did_is_heard_and_undone(run: Run, anna: None, database: Database) -> None:
    with database.read() as uow:
        practice = practices.find(uow)
        person = staff.get(uow, practice.id, "anna müller")
        calendar = calendars.find(uow, practice.id, "anna müller")
    phone = Actor(staff_id=person.id, program="DAVx5/4.5.1-ose (dav4jvm)")
    start = datetime(2026, 11, 24, 9)
    with database.write(phone) as uow:
        added = book.add(
            uow, phone, book.NewAppointment(calendar.id, start, start + timedelta(hours=1), subject="Besuch")
        )
    (heard,) = [json.loads(line) for line in run("watch", "--json", "--once").stdout.splitlines()]
    assert (heard["action"], heard["appointment_id"], heard["user_name"]) == ("create", added, "anna müller")
    assert run("watch", "--json", "--once", "--cursor", str(heard["cursor"])).stdout == ""
    assert f"appointment_id={added}" in run("watch", "--once").stdout
    device = ("undo", "--device", "anna müller", "--since", "2h")
    run(*device, "--program", "Thunderbird", code=1)
    (line, said) = run(*device, "--program", "DAVx5", "--dry-run").stdout.splitlines()
    assert f"anna müller, DAVx5: Besuch added (Tue 2026-11-24 09:00) [{added}]" in line
    assert said == "1 change would be undone"
    assert "booked" in run("appointment", "show", str(added)).stdout
    run("appointment", "move", str(added), "2026-11-24 11:00")
    (left, said) = run(*device, "--program", "DAVx5").stdout.splitlines()
    assert left.endswith(": somebody has changed it since")
    assert said == "0 changes undone"
    run("appointment", "move", str(added), "2026-11-24 09:00")
    assert "1 change undone" in run(*device, "--program", "DAVx5").stdout
    assert "cancelled" in run("appointment", "show", str(added)).stdout


def test_tables_are_whole_in_a_pipe_and_on_a_narrow_terminal(
    run: Run, anna: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("calendar", "add", "Raum mit einem wirklich langen Namen [bold] :smile:")
    monkeypatch.setenv("COLUMNS", "30")
    commands = (("calendar", "list"), ("staff", "list"), ("agenda",), ("settings", "list"))
    for command in commands:
        assert "…" not in run(*command).stdout
    (line,) = [row for row in run("calendar", "list").stdout.splitlines() if "Raum mit" in row]
    assert "Raum mit einem wirklich langen Namen [bold] :smile:" in line
    (public_id,) = re.findall(r"[0-9a-f]{32}", line)
    monkeypatch.setenv("FORCE_COLOR", "1")
    for command in commands:
        assert "…" not in run(*command).stdout
    folded = run("calendar", "list").stdout
    assert public_id not in folded
    cells = [re.sub(r"\x1b\[[0-9;]*m", "", row).split("│") for row in folded.splitlines()]
    assert public_id in "".join(row[4].strip() for row in cells if len(row) == 7)


def test_every_reason_on_the_attention_list_has_words() -> None:
    words = attention_commands.REASONS
    kinds = {attention_rows.UNLINKED, attention_rows.CHANGED_PATIENT, attention_rows.ABSENCE}
    named = {value for name, value in vars(refusals).items() if name.isupper() and isinstance(value, str)}
    assert kinds | named | {attention_rows.DOUBLE_BOOKING, brake.CANCELLATIONS, brake.CREATIONS} <= set(words)
    assert all(" " in said for said in words.values())
    left = {value for name, value in vars(left_alone).items() if name.isupper()}
    assert left == set(record_commands.LEFT_ALONE)


def test_nothing_to_show_is_said(run: Run, anna: None) -> None:
    assert run("agenda", "2026-11-24").stdout == "nothing on Tue 2026-11-24\n"
    assert (
        run("agenda", "2026-11-24", "--days", "3").stdout == "nothing on Tue 2026-11-24 and 2 days after it\n"
    )
    assert run("attention", "list").stdout == "nothing to look at\n"


def test_places(run: Run, anna: None) -> None:
    run("location", "add", "Praxis Baden")
    run("location", "add", "praxis baden", code=1)
    assert "Praxis Baden" in run("location", "list").stdout
    made = identifier(run(*AT_NINE, "--location", "Praxis Baden"))
    assert "Praxis Baden" in run("appointment", "show", made).stdout


def test_names_can_change(run: Run, anna: None) -> None:
    assert "Anna Huber, anna@practice.example" in (
        run(
            "staff", "change", "anna müller", "--name", "Anna Huber", "--email", "anna@practice.example"
        ).stdout
    )
    run("staff", "change", "anna müller", code=2)
    run("calendar", "rename", "Raum 1", "Raum 2")
    assert "Raum 2" in run("calendar", "list").stdout
    run("calendar", "deactivate", "Raum 2")
    run("calendar", "rename", "Raum 2", "Raum 3", code=1)
    assert "language = en" in run("settings", "set", "language", "EN").stdout
    run("settings", "set", "time_zone", "Mars/Olympus", code=2)
    assert "name = Praxis Süd" in run("settings", "set", "name", "Praxis Süd").stdout
    assert "settings changed: name = Praxis Süd" in run("journal").stdout


def test_an_empty_database_says_what_to_do_next(sqlite_url: str) -> None:
    result = invoke("init", "--database", sqlite_url)
    assert result.exit_code == 0
    assert "radicale-practice init --name" in result.stdout


def test_a_burst_can_be_looked_at_before_it_is_settled(run: Run, anna: None, database: Database) -> None:
    run("settings", "set", "brake_cancellations", "1")
    with database.read() as uow:
        practice = practices.find(uow)
        person = staff.get(uow, practice.id, "anna müller")
        calendar = calendars.find(uow, practice.id, "anna müller")
    start = datetime.now().replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=3)
    phone = Viewer(
        practice.id, person.id, "anna müller", "Anna", Role.PRACTITIONER, program="DAVx5/4.5.1-ose (dav4jvm)"
    )
    for hour in range(3):
        begin = f"{start + timedelta(hours=hour):%Y-%m-%d %H:%M}"
        run("appointment", "add", "anna müller", begin, "--patient", "17")
    for href in hrefs(database, calendar.id):
        with database.write(Actor(staff_id=person.id, program=phone.program)) as uow, uow.operation():
            (stored,) = calendar_objects.load(uow, phone, calendar.id, hrefs=[href])
            book.cancel(uow, phone, practice, stored)
    listed = run("attention", "list").stdout
    assert "DAVx5" in listed
    assert "staff:" not in listed
    (number,) = [row.split()[0] for row in listed.splitlines() if "burst" in row]
    said = run("attention", "show", number).stdout
    carried, _, held = said.partition("held back:")
    assert carried.count("Huber Maria cancelled (") == 1
    assert held.count("Huber Maria: cancellation (") == 2
    assert held.count("held back by the burst brake") == 2
    assert "the attention list has no number 99" in run("attention", "show", "99", code=1).stderr


def hrefs(database: Database, calendar_id: int) -> list[str]:
    """The live objects of a calendar."""
    with database.read() as uow:
        query = text("SELECT href FROM calendar_object WHERE calendar_id = :c AND removed_revision IS NULL")
        return list(uow.connection.execute(query, {"c": calendar_id}).scalars())


def test_several_practices(run: Run, anna: None) -> None:
    run("init", "--name", "Zweite")
    assert "several practices" in run("staff", "list", code=1).stderr
    assert "anna" in run("staff", "list", "--practice", "ST Praxis").stdout
    assert "anna" not in run("staff", "list", "--practice", "Zweite").stdout
    run("staff", "list", "--practice", "Dritte", code=1)
    for _ in range(2):
        run(*AT_NINE, "--practice", "ST Praxis")
    listed = run("attention", "list", "--practice", "ST Praxis").stdout
    (number,) = [row.split()[0] for row in listed.splitlines() if "double-booking" in row]
    for command in (("show", number), ("resolve", number, "accept")):
        said = run("attention", *command, "--practice", "Zweite", code=1).stderr
        assert f"has no number {number}" in said


def test_as_a_program(sqlite_url: str, tmp_path: Path) -> None:
    def program(*arguments: str, typed: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "radicale_practice.cli.main", *arguments],
            input=typed,
            capture_output=True,
            env={**os.environ, "RADICALE_PRACTICE_DATABASE": sqlite_url},
            cwd=tmp_path,
            timeout=180,
            check=False,
        )

    with (database := Database(sqlite_url)).write() as uow:
        practices.create(uow, "ST Praxis")
    added = program("staff", "add", "jürgen", "--password-stdin", typed=b"ahorn-birke-1\n")
    assert (added.returncode, added.stderr) == (0, b"")
    assert staff.authenticate(database, "jürgen", "ahorn-birke-1") is not None
    database.dispose()
    wrong = program("staff", "deactivate", "nobody")
    assert (wrong.returncode, wrong.stdout) == (1, b"")
    assert wrong.stderr == b"radicale-practice: no such user name in this practice\n"
    typed = program("staff", "add", "berta", "--password-stdin", typed=b"ahorn-birke-\xff\n")
    assert (typed.returncode, len(typed.stderr.splitlines())) == (2, 1), typed.stderr
