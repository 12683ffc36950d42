"""A calendar or its person goes: what is booked must not go with them unseen."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from tests.people.command_line import Run

SOON = f"{datetime.now() + timedelta(days=3):%Y-%m-%d} 09:00"


def public_id(run: Run, name: str, *options: str) -> str:
    (row,) = [line for line in run("calendar", "list", *options).stdout.splitlines() if name in line]
    return re.findall(r"\b[0-9a-f]{32}\b", row)[-1]


def test_a_calendar_with_appointments_to_come_stays(run: Run, anna: None) -> None:
    run("appointment", "add", "anna müller", SOON, "--patient", "17")
    said = run("calendar", "deactivate", "anna müller", code=1).stderr
    assert "1 appointment to come" in said
    assert "Huber" not in said
    assert f"agenda --calendar {public_id(run, 'Anna Müller')}" in said
    assert "Huber" in run("agenda", SOON[:10], "--calendar", public_id(run, "Anna Müller")).stdout

    run("calendar", "deactivate", "anna müller", "--force")
    assert "Huber" not in run("agenda", SOON[:10]).stdout
    run("calendar", "activate", "anna müller")
    assert "Huber" in run("agenda", SOON[:10]).stdout
    assert "calendar Anna Müller is there again" in run("journal").stdout
    assert "no problems" in run("check").stdout


def test_what_another_calendar_shows_too_is_not_lost(run: Run, anna: None) -> None:
    run("appointment", "add", "anna müller", SOON, "--patient", "17", "--room", "Raum 1")
    said = run("calendar", "deactivate", "Raum 1").stdout
    room = public_id(run, "Raum 1")
    assert f"'calendar activate {room}' shows it again" in said
    assert "Huber" in run("agenda", SOON[:10]).stdout
    run("calendar", "activate", room)
    assert "Raum 1: deactivated" in run("calendar", "deactivate", room).stdout
    run("calendar", "activate", "nobody's", code=1)


def test_a_series_and_what_is_over_or_cancelled(run: Run, anna: None) -> None:
    run("appointment", "add", "Raum 1", "2024-11-19 09:00", "--subject", "Kurs")
    made = run("appointment", "add", "Raum 1", SOON, "--subject", "Kurs").stdout.split()[1].rstrip(":")
    run("appointment", "cancel", made)
    run("calendar", "deactivate", "Raum 1")
    run("calendar", "activate", "Raum 1")
    run("series", "add", "Raum 1", SOON, "--subject", "Kurs", "--times", "3")
    assert "3 appointments to come" in run("calendar", "deactivate", "Raum 1", code=1).stderr


def test_a_person_who_goes_leaves_the_calendar(run: Run, anna: None) -> None:
    run("appointment", "add", "anna müller", SOON, "--patient", "17")
    said = run("staff", "deactivate", "anna müller").stdout
    assert said == "anna müller: deactivated; the calendar stays, with 1 appointment to come\n"
    assert "Huber" in run("agenda", SOON[:10]).stdout


def test_a_private_calendar_is_not_counted_and_does_not_come_back(run: Run, anna: None) -> None:
    private = public_id(run, "Privat", "--staff", "anna müller")
    assert run("staff", "deactivate", "anna müller").stdout == "anna müller: deactivated\n"
    assert run("calendar", "deactivate", private).stdout == "Privat: deactivated\n"
    run("calendar", "activate", private, code=1)
